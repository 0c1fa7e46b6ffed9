//! Terrain: elevation brought to a grid of the tile, and what light and classification need of it.
//!
//! | file | what it makes |
//! |---|---|
//! | `warp.rs` | elevation (or the codes of a map) on a grid of the tile from a raster in any system |
//! | `window.rs` | the 3 x 3 neighbourhood with the rules at borders and gaps of `gdaldem -compute_edges` |
//! | `slope.rs` | slope and aspect, degrees (Horn) |
//! | `illumination.rs` | cosine of the incidence angle, hillshade byte, sky view |
//! | `shadow.rs` | shadow that mountains cast |
//!
//! Elevation is in metres, f32, NaN where there is none. Rows run from north to south.

mod illumination;
mod shadow;
mod slope;
mod warp;
mod window;

pub use illumination::{Light, hillshade, illumination, sky_view};
pub use shadow::{ShadowSearch, cast_shadow};
pub use slope::{FLAT_ASPECT, aspect_deg, slope_deg};
pub use warp::{PositionGrid, nearest, warp_cubic_spline};
pub use window::{Gradient, for_each_gradient};
