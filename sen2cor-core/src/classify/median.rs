//! The optional median of the finished class map.
//!
//! Source: Sen2Cor 2.8, parameter `Median_Filter`: a median of class numbers in a square window, the image mirrored at its
//! edges (edge pixels repeated). Of an even number of values it is the higher of the two in the middle, and a window of even
//! width reaches one pixel further up and left.

use super::SceneClass;
use super::error::{ClassifyError, same_shape};
use crate::grid::Window;
use ndarray::{ArrayView2, ArrayViewMut2};

/// Pixels around a block that a window of this width reads.
pub const fn median_halo_px(width: usize) -> usize {
    width / 2
}

/// Filters a block. `class` shows the window `view` of an image of `image` pixels: the block with
/// [`median_halo_px`] more pixels on each side, as far as the image reaches. Classes above 11 count as 11.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn filter_class_map(
    class: ArrayView2<'_, u8>,
    width: usize,
    place: MapPlace,
    mut output: ArrayViewMut2<'_, u8>,
) -> Result<(), ClassifyError> {
    let MapPlace { view, block, image } = place;
    same_shape((view.rows, view.cols), &[class.dim()])?;
    same_shape((block.rows, block.cols), &[output.dim()])?;
    let halo = median_halo_px(width);
    let covered = |from: usize, count: usize, view: (usize, usize), image: usize| {
        view.0 <= from.saturating_sub(halo) && (from + count + halo).min(image) <= view.0 + view.1
    };
    if !covered(block.row, block.rows, (view.row, view.rows), image.0)
        || !covered(block.col, block.cols, (view.col, view.cols), image.1)
    {
        let (block, inner) = ((block.rows, block.cols), (block.row, block.col));
        return Err(ClassifyError::Outside { block, inner, view: class.dim() });
    }
    let places = |first: usize, view: usize, count: usize| -> Vec<usize> {
        let reach = (0..width).map(|k| first as isize + k as isize - halo as isize);
        reach.map(|place| mirrored(place, count) - view).collect()
    };
    for row in 0..block.rows {
        let rows = places(block.row + row, view.row, image.0);
        for col in 0..block.cols {
            let mut counts = [0usize; SceneClass::ALL.len()];
            for c in places(block.col + col, view.col, image.1) {
                for &r in &rows {
                    counts[usize::from(class[(r, c)]).min(SceneClass::ALL.len() - 1)] += 1;
                }
            }
            output[(row, col)] = middle(&counts, width * width / 2);
        }
    }
    Ok(())
}

/// Where views and blocks of a map lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapPlace {
    /// What is seen of the image.
    pub view: Window,
    /// What is to be written of it.
    pub block: Window,
    /// Rows and columns of the image.
    pub image: (usize, usize),
}

/// The class at a place in the order of all.
fn middle(counts: &[usize], place: usize) -> u8 {
    let mut sum = 0;
    let found = counts.iter().position(|count| {
        sum += count;
        sum > place
    });
    found.unwrap_or(0) as u8
}

/// Index in an image that is mirrored at its edges, edge pixels repeated, as often as needed.
pub(super) fn mirrored(index: isize, count: usize) -> usize {
    let index = index.rem_euclid(2 * count as isize) as usize;
    index.min(2 * count - 1 - index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::part;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn filter(map: &Array2<u8>, width: usize, block: Window) -> Array2<u8> {
        let (rows, cols) = map.dim();
        let halo = median_halo_px(width);
        let (row, col) = (block.row.saturating_sub(halo), block.col.saturating_sub(halo));
        let end = ((block.row + block.rows + halo).min(rows), (block.col + block.cols + halo).min(cols));
        let view = Window { row, col, rows: end.0 - row, cols: end.1 - col };
        let mut out = Array2::zeros((block.rows, block.cols));
        let place = MapPlace { view, block, image: (rows, cols) };
        filter_class_map(part(map, row..end.0, col..end.1), width, place, out.view_mut()).unwrap();
        out
    }

    #[test]
    fn medians_are_those_of_scipy() {
        // scipy.ndimage.median_filter(map, size), whose default is the mirrored border.
        let map = array![[4u8, 4, 6, 6], [4, 9, 6, 2], [0, 4, 5, 11]];
        let whole = Window { row: 0, col: 0, rows: 3, cols: 4 };
        assert_eq!(filter(&map, 1, whole), map);
        assert_eq!(filter(&map, 3, whole), array![[4, 4, 6, 6], [4, 4, 6, 6], [4, 4, 5, 6]]);
        assert_eq!(filter(&map, 2, whole), array![[4, 4, 6, 6], [4, 4, 6, 6], [4, 4, 6, 6]]);
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(values in prop::collection::vec(0u8..12, 120), width in 1usize..11, at in 0usize..8) {
            let map = Array2::from_shape_vec((10, 12), values).unwrap();
            let whole = filter(&map, width, Window { row: 0, col: 0, rows: 10, cols: 12 });
            let block = filter(&map, width, Window { row: at, col: at, rows: 2, cols: 3 });
            prop_assert_eq!(block.view(), part(&whole, at..at + 2, at..at + 3));
        }
    }
}
