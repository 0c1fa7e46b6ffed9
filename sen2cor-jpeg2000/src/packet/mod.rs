//! Packets (ITU-T T.800 B.9 and B.10): what a precinct holds of its code-blocks, and the headers that say so.

mod bits;
mod header;
mod tag_tree;

pub(crate) use header::{CodedEntry, HeaderCoder, Precinct};
