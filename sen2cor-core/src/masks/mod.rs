//! Quality masks of Level-1C: polygons drawn on a grid, flags of source pixels brought to a coarser grid.
//!
//! Products before baseline 04.00 give masks as polygons, later ones as images. Both become one thing here: a byte of
//! [flags](flag) for each pixel of the grid of the classification, where a flag is set if any source pixel that the pixel
//! covers has it (decision 7 in `COMPARE.md`). So the same pixels mean the same under every baseline.

mod polygon;
mod reduce;

pub use polygon::{Coverage, PixelGrid, Polygon};
pub use reduce::{FlagCounts, merge_flags, set_flag};

/// What is wrong with a pixel; the flags of a pixel are added.
pub mod flag {
    /// The instrument gave no data (`QT_NODATA_PIXELS`, component 6 of `MSK_QUALIT`).
    pub const NO_DATA: u8 = 1;
    /// The detector is defective (`QT_DEFECTIVE_PIXELS`, component 5 of `MSK_QUALIT`).
    pub const DEFECTIVE: u8 = 2;
    /// The signal was too strong (`QT_SATURATED_PIXELS_L1A` and `_L1B`, component 8 of `MSK_QUALIT`, or the special value
    /// for saturated samples).
    pub const SATURATED: u8 = 4;
    /// What makes class 1 (decision 7).
    pub const CLASS_ONE: u8 = DEFECTIVE | SATURATED;
    /// All flags with their names.
    pub const ALL: [(u8, &str); 3] =
        [(NO_DATA, "no data"), (DEFECTIVE, "defective"), (SATURATED, "saturated")];
}
