//! How the ground is inclined: gradients by Horn's method, and the angle between the sun and a slope.
//!
//! Source: B. K. P. Horn, Hill shading and the reflectance map, Proc. IEEE 69 (1981), doi:10.1109/PROC.1981.11918.

use ndarray::ArrayView2;

/// Gradient by Horn's formula, metres per metre to the east and to the north. At the border of the window the ground goes on as it is.
pub fn gradient(elevation_m: &ArrayView2<'_, f32>, pixel_m: f32, row: usize, col: usize) -> (f32, f32) {
    let (rows, cols) = elevation_m.dim();
    let at = |down: i64, right: i64| {
        let (r, c) = (row as i64 + down, col as i64 + right);
        let (r_in, c_in) = (r.clamp(0, rows as i64 - 1), c.clamp(0, cols as i64 - 1));
        let inside = elevation_m[[r_in as usize, c_in as usize]];
        if (r, c) == (r_in, c_in) {
            return inside;
        }
        // One more step in the same direction.
        let beyond = [2 * r_in - r, 2 * c_in - c];
        let mirrored =
            [beyond[0].clamp(0, rows as i64 - 1) as usize, beyond[1].clamp(0, cols as i64 - 1) as usize];
        2.0 * inside - elevation_m[mirrored]
    };
    let east = (at(-1, 1) + 2.0 * at(0, 1) + at(1, 1)) - (at(-1, -1) + 2.0 * at(0, -1) + at(1, -1));
    let south = (at(1, -1) + 2.0 * at(1, 0) + at(1, 1)) - (at(-1, -1) + 2.0 * at(-1, 0) + at(-1, 1));
    (east / (8.0 * pixel_m), -south / (8.0 * pixel_m))
}

/// Gradients of a row, the same as [`gradient`] of each of its pixels.
pub(super) fn gradients(elevation_m: &ArrayView2<'_, f32>, pixel_m: f32, row: usize, out: &mut [(f32, f32)]) {
    let (rows, cols) = elevation_m.dim();
    let line = |row: usize| elevation_m.row(row).to_slice();
    let inside = row > 0 && row + 1 < rows && cols > 2;
    let lines = if inside { line(row - 1).zip(line(row)).zip(line(row + 1)) } else { None };
    let Some(((above, here), below)) = lines else {
        out.iter_mut().enumerate().for_each(|(col, out)| *out = gradient(elevation_m, pixel_m, row, col));
        return;
    };
    let three = above.windows(3).zip(here.windows(3)).zip(below.windows(3));
    for (out, ((n, c), s)) in out[1..].iter_mut().zip(three) {
        let east = (n[2] + 2.0 * c[2] + s[2]) - (n[0] + 2.0 * c[0] + s[0]);
        let south = (s[0] + 2.0 * s[1] + s[2]) - (n[0] + 2.0 * n[1] + n[2]);
        *out = (east / (8.0 * pixel_m), -south / (8.0 * pixel_m));
    }
    for col in [0, cols - 1] {
        out[col] = gradient(elevation_m, pixel_m, row, col);
    }
}

/// Slope of the ground at a pixel.
#[derive(Clone, Copy)]
pub struct Slope {
    /// Gradient to the east and to the north.
    gradient: (f32, f32),
    /// Cosine of the slope angle.
    pub cosine: f32,
}

impl Slope {
    /// From the gradient to the east and to the north.
    pub fn new(gradient: (f32, f32)) -> Self {
        let cosine = 1.0 / (1.0 + gradient.0 * gradient.0 + gradient.1 * gradient.1).sqrt();
        Self { gradient, cosine }
    }

    /// Cosine of the angle between the sun and the normal of the ground; negative where the ground turns its back.
    pub fn incidence(&self, cos_sun: f32, (east, north): (f32, f32)) -> f32 {
        let sin_sun = (1.0 - cos_sun * cos_sun).max(0.0).sqrt();
        self.cosine * (cos_sun - sin_sun * (self.gradient.0 * east + self.gradient.1 * north))
    }

    /// Share of the sky that is seen, if the horizon is that of the slope alone: (1 + cos(slope)) / 2.
    pub fn sky_view(&self) -> f32 {
        f32::midpoint(1.0, self.cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_of_gradients_is_that_of_its_pixels(
            rows in 1usize..6, cols in 1usize..9, heights in prop::collection::vec(-100f32..3000.0, 54)
        ) {
            let ground = Array2::from_shape_fn((rows, cols), |(r, c)| heights[r * cols + c]);
            let mut line = vec![(0.0, 0.0); cols];
            for row in 0..rows {
                gradients(&ground.view(), 10.0, row, &mut line);
                for (col, found) in line.iter().enumerate() {
                    prop_assert_eq!(*found, gradient(&ground.view(), 10.0, row, col));
                }
            }
        }
    }
}
