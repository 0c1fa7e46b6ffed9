//! Grids: the three resolutions, blocks of 10 m cells and the position on the ground.
//!
//! All images of a tile share their upper left corner, so one rectangle, counted in cells of 10 m, names the
//! same ground on each of them. A [`Block`] is such a rectangle, a [`Window`] is what it becomes on one grid. Blocks
//! come only from a [`Tiling`], which makes "two units never write the same pixel" a property of a type.

mod ground;
mod tiling;
mod utm;

pub use ground::GeoTransform;
pub use tiling::{Block, Extent, Tiling, Window};
pub use utm::Geographic;

use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the three pixel sizes of Sentinel-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Resolution {
    /// 10 m
    R10,
    /// 20 m
    R20,
    /// 60 m
    R60,
}

impl Resolution {
    /// From fine to coarse.
    pub const ALL: [Self; 3] = [Self::R10, Self::R20, Self::R60];

    /// Pixel size in metres.
    pub const fn metres(self) -> u32 {
        [10, 20, 60][self as usize]
    }

    /// Pixel size in cells of 10 m: 1, 2 or 6.
    pub const fn cells(self) -> u32 {
        [1, 2, 6][self as usize]
    }

    /// The resolution with this pixel size in metres.
    pub const fn from_metres(metres: u32) -> Option<Self> {
        match metres {
            10 => Some(Self::R10),
            20 => Some(Self::R20),
            60 => Some(Self::R60),
            _ => None,
        }
    }

    /// Suffix in file names, e.g. `20m`.
    pub const fn suffix(self) -> &'static str {
        ["10m", "20m", "60m"][self as usize]
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} m", self.metres())
    }
}
