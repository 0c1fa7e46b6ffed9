//! The error of a band on flat ground without looking at its pixels again.
//!
//! With x the reflectance of a pixel at the top of the atmosphere and m the mean of its surroundings, surface reflectance is a sum of 1, x, m,
//! x m and m m whose weights follow from the atmosphere (for model `physical` up to a term of second order in m minus its mean). So the mean square
//! error is a quadratic form of means over products of these five and the archive's reflectance, which are computed once.

use crate::chip::Pair;
use ndarray::Array2;
use sen2cor::core::cells::Coefficients;
use sen2cor::core::dn;
use sen2cor::core::filter::{BoxMeans, Patch};
use sen2cor::core::grid::Window;

/// Five terms and the archive's reflectance.
const TERMS: usize = 6;

/// Means over products of the terms of a band.
pub(crate) struct Moments {
    products: [[f64; TERMS]; TERMS],
    mean: f64,
}

impl Moments {
    /// Of a band whose surroundings reach this far, pixels.
    pub(crate) fn new(pair: &Pair, radius: usize) -> Self {
        let around = surroundings(&pair.toa, radius);
        let mut products = [[0.0; TERMS]; TERMS];
        let (mut count, mut sum) = (0.0f64, 0.0);
        for ((&sample, &archive), &m) in pair.toa.iter().zip(&pair.archive).zip(&around) {
            if sample == dn::NO_DATA || archive == 0 {
                continue;
            }
            let x = f64::from(dn::to_reflectance(sample));
            let terms = [1.0, x, m, x * m, m * m, f64::from(archive) / 1e4];
            for (row, a) in products.iter_mut().zip(terms) {
                for (product, b) in row.iter_mut().zip(terms) {
                    *product += a * b;
                }
            }
            (count, sum) = (count + 1.0, sum + m);
        }
        let count = count.max(1.0);
        products.iter_mut().flatten().for_each(|product| *product /= count);
        Self { products, mean: sum / count }
    }

    /// Root mean square error under an atmosphere.
    pub(crate) fn rmse(&self, c: &Coefficients, reference_albedo: Option<f32>) -> f64 {
        let [p, g, q, s] = [c.path, c.gain, c.ratio, c.albedo].map(f64::from);
        // The last step as k0 + k1 m.
        let (k0, k1) = if let Some(reference) = reference_albedo {
            (1.0 + f64::from(reference) * s + s * g * p, -s * g)
        } else {
            let whole = 1.0 + s * g * (self.mean - p);
            let slope = -s * g / (whole * whole);
            (1.0 / whole - slope * self.mean, slope)
        };
        let (own, others, none) = (g * (1.0 + q), -g * q, -g * p);
        let weights = [none * k0, own * k0, others * k0 + none * k1, own * k1, others * k1, -1.0];
        let mut sum = 0.0;
        for (row, a) in self.products.iter().zip(weights) {
            for (product, b) in row.iter().zip(weights) {
                sum += a * b * product;
            }
        }
        sum.max(0.0).sqrt()
    }
}

/// Mean reflectance around each pixel.
fn surroundings(toa: &Array2<u16>, radius: usize) -> Vec<f64> {
    let (rows, cols) = toa.dim();
    let values: Vec<i32> = toa.iter().map(|&sample| dn::to_signed(sample)).collect();
    let valid: Vec<u8> = toa.iter().map(|&sample| u8::from(sample != dn::NO_DATA)).collect();
    let window = Window { row: 0, col: 0, rows, cols };
    let patch = Patch { values: &values, valid: Some(&valid), window, image: (rows, cols) };
    let mut means = Vec::with_capacity(rows * cols);
    BoxMeans::new(patch, radius).rows(window, |_, sums, counts| {
        for (&sum, &count) in sums.iter().zip(counts.unwrap_or_default()) {
            means.push(sum as f64 / f64::from(count.max(1)) / 1e4);
        }
    });
    means
}
