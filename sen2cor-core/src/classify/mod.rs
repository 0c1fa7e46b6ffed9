//! Scene classification: a class, a cloud confidence and a snow confidence for every pixel of 20 or 60 m.
//!
//! Source: the decision tree of Sen2Cor 2.8 (its "1.1" to "7"), its search for cloud shadows and its recoveries, with the
//! parameter file `L2A_CAL_SC_GIPP.xml`. All arithmetic is f32, every operation rounded by itself, in the original's
//! order: the aim is the same class in every pixel.
//!
//! | step | function | looks at |
//! |---|---|---|
//! | detection: clouds, snow, land, water, cirrus | [`detect_block`] | a pixel; snow within [`HALO_PX`] |
//! | cloud shadows | [`cast_shadows`] | the line towards the sun, [`ShadowLine::reach_px`] + [`SHADOW_MARGIN_PX`] |
//! | recoveries | [`recover_block`] | a pixel; snow within [`HALO_PX`] |
//! | with land cover: bright land, missed cirrus | [`LandSums`], [`recover_land`], [`CirrusSums`], [`recover_cirrus`] | statistics of the whole image |
//! | with land cover: clear towns | [`recover_towns`] | the whole image |
//! | output | [`finish_block`] | a pixel |
//! | on request: median of the map | [`filter_class_map`] | its window |
//!
//! The map knows "still open" ([`OPEN`]) besides the classes. All functions on blocks give the same bits for every way of
//! cutting the image; [`classify_scene`] runs all of them on whole arrays.

#![allow(
    clippy::needless_bitwise_bool,
    clippy::inline_always,
    reason = "branches and calls would keep the compiler from deciding several pixels at once"
)]
#![allow(clippy::needless_pass_by_value, reason = "array views are handed over like slices")]

mod blobs;
mod class;
pub mod clues;
mod counts;
mod detect;
mod error;
mod finish;
mod land;
mod median;
mod pixel;
mod recover;
mod row;
mod saturated;
mod scene;
mod shadow;
mod snow;
mod statistics;
mod steps;
mod threshold_table;
mod thresholds;

#[cfg(test)]
mod tests;

pub(crate) use blobs::Blobs;
pub use blobs::recover_towns;
pub use class::SceneClass;
pub use counts::{ClassCounts, ClassPercentages};
pub use detect::{BANDS, DetectInput, Detected, detect_block};
pub use error::ClassifyError;
pub use finish::finish_block;
pub use land::{
    CirrusSums, CirrusTest, LAND_BANDS, LandInput, LandSums, LandTest, recover_cirrus, recover_land,
};
pub use median::{MapPlace, filter_class_map, median_halo_px};
pub use pixel::OPEN;
pub use recover::{RECOVERY_BANDS, RecoverInput, recover_block};
pub use saturated::mark_saturated;
pub use scene::{Ground, SceneInput, SceneMaps, classify_scene};
pub use shadow::{SHADOW_BANDS, SHADOW_MARGIN_PX, ShadowInput, ShadowLine, cast_shadows};
pub use snow::HALO_PX;
pub use statistics::{ConditionSums, Moments};
pub use threshold_table::{InvalidThreshold, NamedThreshold};
pub use thresholds::{Line, ShadowReference, Span, Thresholds};
