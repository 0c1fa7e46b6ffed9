//! What a caller asks of a tile, and where its samples go.

use super::Rect;

/// Which part of a tile to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// How often width and height are halved, at most the number of decompositions. The packets that are left out may be
    /// missing in the stream.
    pub reduce: u8,
    /// The part on the reference grid of the image at full resolution; `None` is the whole tile.
    pub region: Option<Rect>,
    /// Which components, bit by bit from the lowest; the target is not asked for the others.
    pub components: u16,
}

impl Default for Request {
    /// All of the tile at full resolution.
    fn default() -> Self {
        Self { reduce: 0, region: None, components: !0 }
    }
}

impl Request {
    /// Whether a component is asked for.
    pub(super) fn wants(&self, component: usize) -> bool {
        self.components.checked_shr(component as u32).unwrap_or(0) & 1 != 0
    }

    /// Whether a component has to be decoded: the first three depend on each other if their colours are transformed.
    pub(super) fn needs(&self, component: usize, colour_transform: bool) -> bool {
        self.wants(component) || colour_transform && component < 3 && self.components & 7 != 0
    }
}

/// Where decoded samples go, row by row.
pub trait Target {
    /// The memory of a row of a component, which has the width of [`Codestream::output_area`](crate::Codestream::output_area). Rows count from the upper border
    /// of that area and come from top to bottom; another width is an error.
    fn row(&mut self, component: usize, row: usize) -> &mut [u16];

    /// Called instead for a component of which all samples have one value, as in most tiles of masks. `false` if the rows are
    /// to be filled all the same.
    fn uniform(&mut self, component: usize, value: u16) -> bool {
        let _ = (component, value);
        false
    }
}

/// The samples of a component in memory of the caller.
#[derive(Debug)]
pub struct Plane<'a> {
    /// The rows.
    pub samples: &'a mut [u16],
    /// Distance of two rows.
    pub stride: usize,
    /// Samples of a row.
    pub width: usize,
}

impl Target for [Plane<'_>] {
    fn row(&mut self, component: usize, row: usize) -> &mut [u16] {
        let plane = self.get_mut(component);
        let row = plane.and_then(|p| {
            let start = row.checked_mul(p.stride)?;
            p.samples.get_mut(start..start.checked_add(p.width)?)
        });
        row.unwrap_or_default()
    }
}

impl<const N: usize> Target for [Plane<'_>; N] {
    fn row(&mut self, component: usize, row: usize) -> &mut [u16] {
        self.as_mut_slice().row(component, row)
    }
}

impl Target for Vec<Plane<'_>> {
    fn row(&mut self, component: usize, row: usize) -> &mut [u16] {
        self.as_mut_slice().row(component, row)
    }
}
