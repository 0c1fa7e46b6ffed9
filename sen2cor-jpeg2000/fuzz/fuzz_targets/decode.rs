//! Any bytes: errors or samples, no panic. `cargo +nightly fuzz run decode`, in the folder of the crate.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sen2cor_jpeg2000::{Codestream, Decoder, Limits, Plane, Request};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { tile_samples: 1 << 18, tiles: 64, ..Limits::default() };
    let Ok(stream) = Codestream::read(bytes, &limits) else { return };
    let mut decoder = Decoder::new();
    for (tile, reduce) in (0..stream.tile_count()).flat_map(|tile| [(tile, 0), (tile, 1)]) {
        let request = Request { reduce, region: None };
        let area = stream.output_area(tile, &request);
        let (width, height) = (area.width() as usize, area.height() as usize);
        let mut planes = vec![vec![0; width * height]; stream.header().size.components.into()];
        let mut views: Vec<_> = planes.iter_mut().map(|samples| Plane { samples, stride: width, width }).collect();
        let _ = decoder.decode_tile(&stream, tile, &request, &mut views);
    }
});
