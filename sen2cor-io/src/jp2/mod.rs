//! To be written.

/// To be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Jp2Error {}
