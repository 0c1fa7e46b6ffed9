//! Interpolation weights on the axes of a table.

/// Weights of up to four neighbouring nodes; they add up to 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stencil {
    first: usize,
    count: usize,
    weights: [f64; 4],
}

impl Stencil {
    /// Lagrange polynomial through the `points` (2 to 4) nodes around `x`. Nodes grow or fall; `x` lies between the first and the last.
    /// At a node its weight is exactly 1.
    pub(super) fn lagrange(nodes: &[f64], x: f64, points: usize) -> Self {
        let count = points.min(nodes.len()).min(4);
        let falling = nodes.first() > nodes.last();
        let inner = nodes.len().saturating_sub(2);
        let passed = |node: &&f64| if falling { **node >= x } else { **node <= x };
        let interval = nodes.iter().skip(1).take(inner).filter(passed).count();
        let first = (interval + 1).saturating_sub(count / 2).min(nodes.len() - count);
        let used = &nodes[first..first + count];
        let mut weights = [0.0; 4];
        for (i, weight) in weights.iter_mut().enumerate().take(count) {
            let others = used.iter().enumerate().filter(|(j, _)| *j != i);
            *weight = others.map(|(_, &other)| (x - other) / (used[i] - other)).product();
        }
        Self { first, count, weights }
    }

    /// Straight line between the two nodes around `x`.
    pub(super) fn linear(nodes: &[f64], x: f64) -> Self {
        Self::lagrange(nodes, x, 2)
    }

    /// Index of a node and its weight.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (usize, f64)> {
        self.weights.into_iter().take(self.count).enumerate().map(|(i, weight)| (self.first + i, weight))
    }

    /// Weighted sum of the values at the nodes.
    pub(super) fn sum(&self, value: impl Fn(usize) -> f64) -> f64 {
        self.nodes().map(|(index, weight)| weight * value(index)).sum()
    }
}

/// Weights of the `count` values at 0 to 180 degrees in equal steps, for the cosine series that passes through all of them.
pub(super) fn cosine_series(count: usize, azimuth_deg: f64) -> Vec<f64> {
    let last = count - 1;
    let half_at_ends = |index: usize| if index == 0 || index == last { 0.5 } else { 1.0 };
    let angle = azimuth_deg.to_radians();
    let step = std::f64::consts::PI / last as f64;
    let weight = |k: usize| {
        let term =
            |m: usize| half_at_ends(m) * libm::cos(m as f64 * k as f64 * step) * libm::cos(m as f64 * angle);
        half_at_ends(k) * 2.0 / last as f64 * (0..count).map(term).sum::<f64>()
    };
    (0..count).map(weight).collect()
}

/// Weights of the view directions of a table: the vertical, then every other zenith angle with all azimuths.
pub(super) fn view_weights(
    zenith_nodes: &[f64],
    azimuths: usize,
    zenith_deg: f64,
    azimuth_deg: f64,
) -> Vec<f64> {
    let zenith = Stencil::lagrange(zenith_nodes, zenith_deg, 3);
    let azimuth = cosine_series(azimuths, azimuth_deg);
    let mut weights = vec![0.0; 1 + (zenith_nodes.len() - 1) * azimuths];
    for (index, weight) in zenith.nodes() {
        if index == 0 {
            weights[0] += weight;
        } else {
            let start = 1 + (index - 1) * azimuths;
            for (slot, share) in weights.iter_mut().skip(start).zip(&azimuth) {
                *slot += weight * share;
            }
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SUN: [f64; 10] = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 76.0, 82.0];

    fn cubic(x: f64) -> f64 {
        1.0 + x * (0.3 + x * (-0.02 + x * 0.0003))
    }

    #[test]
    fn nodes_are_met_exactly() {
        let falling: Vec<f64> = SUN.iter().map(|x| -x).collect();
        for (i, &node) in SUN.iter().enumerate() {
            for points in 2..=4 {
                assert_eq!(Stencil::lagrange(&SUN, node, points).sum(|k| SUN[k].powi(3)), node.powi(3));
                assert_eq!(Stencil::lagrange(&falling, -node, points).sum(|k| k as f64), i as f64);
            }
        }
    }

    #[test]
    fn the_stencil_surrounds_the_point() {
        let used = |x: f64| Stencil::lagrange(&SUN, x, 4).nodes().map(|(i, _)| i).collect::<Vec<_>>();
        assert_eq!(used(35.0), [2, 3, 4, 5]);
        assert_eq!(used(3.0), [0, 1, 2, 3]);
        assert_eq!(used(81.0), [6, 7, 8, 9]);
    }

    proptest! {
        #[test]
        fn four_points_reproduce_a_cubic(x in 0.0..82.0f64) {
            let found = Stencil::lagrange(&SUN, x, 4).sum(|i| cubic(SUN[i]));
            prop_assert!((found - cubic(x)).abs() < 1e-9 * cubic(82.0));
        }

        #[test]
        fn two_points_reproduce_a_line(x in 0.0..82.0f64) {
            prop_assert!((Stencil::linear(&SUN, x).sum(|i| 3.0 - SUN[i]) - (3.0 - x)).abs() < 1e-12);
        }

        #[test]
        fn seven_azimuths_reproduce_a_series_of_cosines(azimuth in 0.0..180.0f64, a in -1.0..1.0f64, b in -1.0..1.0f64) {
            let f = |deg: f64| {
                let angle = deg.to_radians();
                2.0 + a * libm::cos(angle) + b * libm::cos(4.0 * angle) - a * libm::cos(6.0 * angle)
            };
            let found: f64 = cosine_series(7, azimuth).iter().enumerate().map(|(k, w)| w * f(k as f64 * 30.0)).sum();
            prop_assert!((found - f(azimuth)).abs() < 1e-12);
        }

        #[test]
        fn a_vertical_view_has_no_azimuth(azimuth in 0.0..180.0f64) {
            let weights = view_weights(&[0.0, 6.0, 12.0], 7, 0.0, azimuth);
            prop_assert_eq!(weights.len(), 15);
            prop_assert_eq!(weights[0], 1.0);
            prop_assert!(weights[1..].iter().all(|&w| w == 0.0));
        }
    }
}
