//! The search for the unknowns of a pair.

use crate::Failure;

/// Limits of the first unknowns: sun zenith (degrees), optical depth, water vapour (cm).
const LIMITS: [(f64, f64); 3] = [(5.0, 82.0), (0.005, 1.8), (0.05, 6.5)];

/// Values of the unknowns: those of [`LIMITS`], and the sun azimuth (degrees).
#[derive(Clone, Copy)]
pub(crate) struct Fit(pub(crate) [f64; 4]);

impl Fit {
    /// The same with another sun azimuth.
    pub(crate) fn with_azimuth(mut self, azimuth_deg: f64) -> Self {
        self.0[3] = azimuth_deg;
        self
    }

    /// Limited to what the tables know; the azimuth goes round.
    fn limited(mut self) -> Self {
        for (value, (low, high)) in self.0.iter_mut().zip(LIMITS).take(3) {
            *value = value.clamp(low, high);
        }
        self.with_azimuth(self.0[3].rem_euclid(360.0))
    }
}

/// Where the corners of a simplex differ by no more than this, it has arrived.
const ARRIVED: f64 = 1e-6;

/// Nelder and Mead's simplex over the first `steps.len()` unknowns.
pub(crate) fn simplex(
    misfit: &dyn Fn(&Fit) -> Result<f64, Failure>,
    start: Fit,
    steps: &[f64],
    most: usize,
) -> Result<(f64, Fit), Failure> {
    let n = steps.len();
    let start = start.limited();
    let mut corners = vec![(misfit(&start)?, start)];
    for (i, step) in steps.iter().enumerate() {
        let mut fit = start;
        let most = LIMITS.get(i).map_or(f64::INFINITY, |limits| limits.1);
        fit.0[i] += if fit.0[i] + step > most { -step } else { *step };
        let fit = fit.limited();
        corners.push((misfit(&fit)?, fit));
    }
    for _ in 0..most {
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let worst = corners[n];
        if worst.0 - corners[0].0 < ARRIVED {
            break;
        }
        let along = |factor: f64| {
            let mut fit = worst.1;
            for i in 0..n {
                let middle = corners[..n].iter().map(|c| c.1.0[i]).sum::<f64>() / n as f64;
                fit.0[i] = middle + factor * (middle - worst.1.0[i]);
            }
            fit.limited()
        };
        let mut try_at = along(1.0);
        let mut value = misfit(&try_at)?;
        if value < corners[0].0 {
            let further = along(2.0);
            let better = misfit(&further)?;
            if better < value {
                (try_at, value) = (further, better);
            }
        } else if value >= corners[n - 1].0 {
            try_at = along(-0.5);
            value = misfit(&try_at)?;
            if value >= worst.0 {
                let best = corners[0].1;
                for corner in &mut corners[1..] {
                    for i in 0..n {
                        corner.1.0[i] = f64::midpoint(corner.1.0[i], best.0[i]);
                    }
                    corner.0 = misfit(&corner.1)?;
                }
                continue;
            }
        }
        corners[n] = (value, try_at);
    }
    corners.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(corners[0])
}
