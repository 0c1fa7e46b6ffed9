//! Scene classification: a class, a cloud confidence and a snow confidence for every pixel of 20 or 60 m.
//!
//! Source: the decision tree of Sen2Cor 2.8 (its "1.1" to "7") with the parameter file `L2A_CAL_SC_GIPP.xml`. What is
//! here ends before its search for cloud shadows and before its recoveries, so classes 1 (saturated or defective)
//! and 3 (cloud shadow) never occur yet. All arithmetic is f32, every operation rounded by itself, in the original's
//! order: the aim is the same class in every pixel.
//!
//! The steps work on a state: a map that knows "still open" besides the classes, and two confidences of 0 to 1.
//! [`detect_block`] fills the state, [`finish_block`] makes the output of it, and what is still to come belongs between the
//! two. [`classify_block`] does both at once.
//!
//! Only the snow step looks at neighbours: blocks come with a halo of [`HALO_PX`].

#![allow(
    clippy::needless_bitwise_bool,
    clippy::inline_always,
    reason = "branches and calls would keep the compiler from deciding several pixels at once"
)]
#![allow(clippy::needless_pass_by_value, reason = "array views are handed over like slices")]

mod block;
mod class;
mod counts;
mod pixel;
mod row;
mod snow;
mod steps;
mod thresholds;

#[cfg(test)]
mod branch_tests;
#[cfg(test)]
mod reference_tests;

pub use block::{
    BANDS, BlockInput, ClassifyError, Outputs, State, StateMut, classify_block, detect_block, finish_block,
};
pub use class::SceneClass;
pub use counts::{ClassCounts, ClassPercentages};
pub use pixel::OPEN;
pub use snow::HALO_PX;
pub use thresholds::{InvalidThreshold, Line, Span, Thresholds};
