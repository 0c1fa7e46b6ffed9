//! What the detection finds out about a pixel besides its class and what later steps look for: one bit each, in one byte.

/// Cloud confident enough to throw a shadow.
pub const CLOUDY: u8 = 1;
/// Darker than a shadow in all six bands of its spectrum.
pub const DARK: u8 = 2;
/// Near to the spectrum of a shadow.
pub const SHADOW_LIKE: u8 = 4;
/// Far brighter in B02 than in B11: water, no shadow.
pub const BLUE: u8 = 8;
