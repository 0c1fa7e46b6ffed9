//! The search for the unknowns of a pair.

use crate::Failure;

/// Limits of the unknowns: sun zenith (degrees), optical depth, water vapour (cm), sun azimuth (degrees).
const LIMITS: [(f64, f64); 4] = [(5.0, 82.0), (0.005, 1.8), (0.05, 6.5), (0.0, 360.0)];

/// Values of the unknowns, in the order of [`LIMITS`].
#[derive(Clone, Copy)]
pub(crate) struct Fit(pub(crate) [f64; 4]);

/// Nelder and Mead's simplex over the first `steps.len()` unknowns.
pub(crate) fn simplex(
    misfit: &dyn Fn(&Fit) -> Result<f64, Failure>,
    start: Fit,
    steps: &[f64],
    most: usize,
) -> Result<(f64, Fit), Failure> {
    let n = steps.len();
    let limited = |mut fit: Fit| {
        for (value, (low, high)) in fit.0.iter_mut().zip(LIMITS) {
            *value = value.clamp(low, high);
        }
        fit
    };
    let mut corners = vec![(misfit(&start)?, start)];
    for (i, step) in steps.iter().enumerate() {
        let mut fit = start;
        fit.0[i] += if fit.0[i] + step > LIMITS[i].1 { -step } else { *step };
        let fit = limited(fit);
        corners.push((misfit(&fit)?, fit));
    }
    for _ in 0..most {
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let worst = corners[n];
        let along = |factor: f64| {
            let mut fit = worst.1;
            for i in 0..n {
                let middle = corners[..n].iter().map(|c| c.1.0[i]).sum::<f64>() / n as f64;
                fit.0[i] = middle + factor * (middle - worst.1.0[i]);
            }
            limited(fit)
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
