//! Clouds that are so large that the ground below them does not shape their light.

use crate::classify::Blobs;
use crate::grid::Resolution;
use ndarray::{ArrayView2, ArrayViewMut2};

/// Area from which on a cloud counts as large, square metres: that of 2 km by 2 km.
const LARGE_M2: usize = 4_000_000;

/// Classes over which the ground is not seen.
pub(super) fn is_cloud(class: u8) -> bool {
    matches!(class, 0 | 1 | 8..=10)
}

/// Writes 1 where pixels of class 0, 1, 8, 9 or 10 that touch along edges cover more than 2 km by 2 km, else 0. `classes` is
/// the map of the whole tile.
///
/// # Panics
/// If the shapes differ.
pub fn mark_large_clouds(
    classes: ArrayView2<'_, u8>,
    resolution: Resolution,
    mut out: ArrayViewMut2<'_, u8>,
) {
    let blobs = Blobs::find(classes.dim(), |row, member| {
        member.iter_mut().zip(classes.row(row)).for_each(|(member, class)| *member = is_cloud(*class));
    });
    let pixel_m2 = (resolution.metres() as usize).pow(2);
    let large: Vec<bool> = blobs.sizes().into_iter().map(|pixels| pixels * pixel_m2 > LARGE_M2).collect();
    out.fill(0);
    for (row, start, end) in blobs.runs_of(|blob| large[blob]) {
        out.row_mut(row).iter_mut().take(end).skip(start).for_each(|mark| *mark = 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn only_large_clouds_are_marked() {
        // At 60 m: 35 x 35 pixels are 4.41 km2, 30 x 30 are 3.24 km2.
        let classes = Array2::from_shape_fn((100, 60), |(row, col)| match (row, col) {
            (2..37, 3..38) => 9,
            (50..80, 3..33) => 8,
            _ => 4,
        });
        let mut marks = Array2::from_elem(classes.dim(), 7);
        mark_large_clouds(classes.view(), Resolution::R60, marks.view_mut());
        assert_eq!(marks, classes.mapv(|class| u8::from(class == 9)));
    }
}
