//! Sizes beyond which a file is refused before memory is asked for.

/// Largest XML file, bytes. Datastrip metadata of real products have up to 24 MB.
pub const MAX_XML_BYTES: u64 = 256 << 20;

/// Largest image file, bytes. Real ones have up to 136 MB.
pub const MAX_IMAGE_FILE_BYTES: u64 = 2 << 30;

/// Largest image edge, pixels.
pub const MAX_IMAGE_EDGE: u32 = 65_536;

/// Largest area of one JPEG 2000 tile times its components, samples.
pub const MAX_TILE_SAMPLES: u64 = 1 << 28;

/// Most members of an archive.
pub const MAX_ARCHIVE_MEMBERS: usize = 20_000;
