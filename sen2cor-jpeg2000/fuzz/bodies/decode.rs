//! Any bytes: errors or samples, no panic. Used by the fuzz target and by the test of its corpus.
#![allow(clippy::unwrap_used, reason = "a failure is what the target looks for")]

use sen2cor_jpeg2000::{Codestream, Decoder, Limits, Plane, Request};

/// Runs the target on an input.
pub(crate) fn run(bytes: &[u8]) {
    let limits = Limits { tile_samples: 1 << 18, tiles: 64, ..Limits::default() };
    let Ok(stream) = Codestream::read(bytes, &limits) else { return };
    let mut decoder = Decoder::new();
    for (tile, reduce) in (0..stream.tile_count()).flat_map(|tile| [(tile, 0), (tile, 1)]) {
        let request = Request { reduce, ..Request::default() };
        let area = stream.output_area(tile, &request);
        let (width, height) = (area.width() as usize, area.height() as usize);
        let mut planes = vec![vec![0; width * height]; stream.header().size.components.into()];
        let mut views: Vec<_> =
            planes.iter_mut().map(|samples| Plane { samples, stride: width, width }).collect();
        let _ = decoder.decode_tile(&stream, tile, &request, &mut views);
    }
}
