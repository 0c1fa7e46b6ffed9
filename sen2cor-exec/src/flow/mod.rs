//! A flow: the graph of stages and steps that makes up a recipe.
//!
//! A recipe declares everything first, top to bottom, and hands the flow over once. Handles ([`PlaneHandle`], [`Value`])
//! stand for results that do not exist yet; using one makes the user wait for its maker. Stages of different images then
//! overlap by themselves, and no worker waits while any stage has a unit left.
//!
//! There are no loops inside a flow: what depends on data is decided by a step, whose value the parameters of a later
//! stage are made from. A stage may decide not to run; what reads its planes is skipped as well.

mod batch;
mod build;
mod explain;
mod finish;
mod memory;
mod prune;
mod ready;
mod run;

pub use build::{Flow, Need, PlaneHandle, StageBuilder, Value};
pub use ready::{Finished, Ready, Span, StageRecord};
