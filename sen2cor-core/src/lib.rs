//! Pure algorithms of Sentinel-2 Level-2A processing.
//!
//! Everything here is a function of numbers and array views: no files, no threads, no clock, no logging, no
//! `unsafe`. A caller brings pixels and parameters and gets pixels and numbers back, the same bits on every
//! machine and under every way of splitting the image.
//!
//! | module | what it holds |
//! |---|---|
//! | [`sensor`] | the bands and the spacecraft |
//! | [`grid`] | resolutions, blocks of 10 m cells, tilings, the position on the ground |
//! | [`dn`] | the one encoding of reflectance as 16-bit numbers |
//! | [`angles`] | sun and view directions |
//! | [`resample`] | from one grid to another |
//! | [`classify`] | the scene class map |
//! | [`season`] | season, default water vapour and its share above the ground |
//! | [`table`] | the compact atmospheric tables and their interpolation |
//! | [`cells`] | the tables on coarse cells, ready for pixels |
//! | [`filter`] | means over boxes, smoothing |
//! | [`aerosol`] | visibility and aerosol optical depth |
//! | [`water_vapour`] | water vapour from B8A and B09 |
//! | [`reflectance`] | from top-of-atmosphere to surface reflectance |
//! | [`imagery`] | true-colour and preview images |
//! | [`simulate`] | a scene by formula and the forward model |
//!
//! ```
//! use sen2cor_core::grid::{Extent, Resolution, Tiling};
//!
//! let tiling = Tiling::square(Extent { rows: 600, cols: 600 }, 240);
//! assert_eq!(tiling.len(), 9);
//! let last = tiling.block(8);
//! assert_eq!(last.on(Resolution::R20).rows, 60);
//! ```
#![forbid(unsafe_code)]

pub mod aerosol;
pub mod angles;
pub mod cells;
pub mod cirrus;
pub mod classify;
pub mod dn;
pub mod filter;
pub mod grid;
pub mod imagery;
pub mod masks;
pub mod reflectance;
pub mod resample;
pub mod season;
pub mod sensor;
pub mod simulate;
pub mod table;
pub mod terrain;
pub mod water_vapour;
