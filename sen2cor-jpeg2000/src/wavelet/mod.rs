//! The reversible 5-3 wavelet (ITU-T T.800 annex F), row by row.
//!
//! Lifting needs three rows at a time, so no level of the transform is ever stored: [`Synthesis`] asks the level below for
//! a row when it needs one and gives its own rows from top to bottom; [`Analysis`] takes rows and hands low-pass rows down
//! as soon as they are there. What is stored are the subbands and a few rows per level, which stay in the cache.

mod analysis;
mod lines;
mod synthesis;

pub(crate) use analysis::{Analysis, AnalysisLevel};
pub(crate) use synthesis::{Synthesis, SynthesisLevel};

#[cfg(test)]
mod tests;
