//! How well two images agree.

use ndarray::Array2;
use sen2cor::core::dn;

/// Agreement of a band.
#[derive(Clone, Copy)]
pub(crate) struct Statistics {
    pub(crate) bias: f64,
    pub(crate) rmse: f64,
    pub(crate) r: f64,
}

impl Statistics {
    /// Of surface reflectance in the encoding of planes and the archive's (x 10000, 0 = no data). The archive cuts what is below 0.0001 off
    /// unless it has negative numbers; the same is done here.
    pub(crate) fn of(found: &Array2<u16>, archive: &Array2<i32>) -> Self {
        let least = if archive.iter().any(|&v| v < 0) { i32::MIN } else { 1 };
        let [mut n, mut x, mut y, mut xx, mut yy, mut xy] = [0.0; 6];
        for (&found, &archive) in found.iter().zip(archive) {
            if found == dn::NO_DATA || archive == 0 {
                continue;
            }
            let (a, b) = (f64::from(dn::to_signed(found).max(least)) / 1e4, f64::from(archive) / 1e4);
            n += 1.0;
            x += a;
            y += b;
            xx += a * a;
            yy += b * b;
            xy += a * b;
        }
        let n = f64::max(n, 1.0);
        let squares = (xx + yy - 2.0 * xy) / n;
        let covariance = xy / n - x * y / (n * n);
        let variances = (xx / n - x * x / (n * n)) * (yy / n - y * y / (n * n));
        Self { bias: (x - y) / n, rmse: squares.max(0.0).sqrt(), r: covariance / variances.max(1e-20).sqrt() }
    }
}

/// Root of the mean square error of the bands, each counting the same.
pub(crate) fn pooled(statistics: &[Statistics]) -> f64 {
    mean(statistics.iter().map(|s| s.rmse), 2)
}

/// What the search makes small: as [`pooled`], but of fourth powers, so that no band is sacrificed to the others.
pub(crate) fn misfit(errors: impl ExactSizeIterator<Item = f64>) -> f64 {
    mean(errors, 4)
}

fn mean(errors: impl ExactSizeIterator<Item = f64>, power: i32) -> f64 {
    let count = errors.len().max(1) as f64;
    (errors.map(|e| e.powi(power)).sum::<f64>() / count).powf(1.0 / f64::from(power))
}
