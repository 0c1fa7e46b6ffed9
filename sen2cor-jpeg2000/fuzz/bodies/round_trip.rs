//! Encode, then decode: the identity, whatever size, style and samples. Used by the fuzz target and by the test of its corpus.
#![allow(clippy::unwrap_used, reason = "a failure is what the target looks for")]

use sen2cor_jpeg2000::{
    Codestream, CodingStyle, Decoder, END_OF_CODESTREAM, EncodeOptions, Encoder, Error, GuardBits, Header,
    ImageSize, Limits, Plane, Request, Source,
};

struct Input<'a> {
    bytes: &'a [u8],
    width: usize,
    max: u16,
}

impl Input<'_> {
    fn sample(&self, component: usize, row: usize, column: usize) -> u16 {
        let at = 2 * ((component * 61 + row) * self.width + column) % self.bytes.len();
        u16::from_be_bytes([self.bytes[at], self.bytes[(at + 1) % self.bytes.len()]]) & self.max
    }
}

impl Source for Input<'_> {
    fn read_row(&self, component: usize, row: usize, out: &mut [i32]) {
        out.iter_mut()
            .enumerate()
            .for_each(|(column, sample)| *sample = self.sample(component, row, column).into());
    }
}

/// Runs the target on an input.
pub(crate) fn run(input: &[u8]) {
    let [a, b, c, d, e, f, g, h, bytes @ ..] = input else { return };
    if bytes.is_empty() {
        return;
    }
    let bits = a % 16 + 1;
    let components = u16::from(b % 4) + 1;
    let start = [u32::from(*c), u32::from(*d)];
    let end = [start[0] + u32::from(e % 90) + 1, start[1] + u32::from(f % 90) + 1];
    let style = CodingStyle {
        colour_transform: components >= 3 && b & 64 != 0,
        bypass: b & 128 != 0,
        ..CodingStyle::square(g % 6, 2 + g / 6 % 5, 5 + h % 8)
    };
    let size = ImageSize { end, start, tile: end, tile_start: [0, 0], components, bits };
    let Ok(header) = Header::new(size, style) else { return };
    let width = size.tile_shape(0)[0];
    let source = Input { bytes, width, max: ((1u32 << bits) - 1) as u16 };
    let mut stream = header.write(GuardBits::One);
    match Encoder::new().encode_tile(&header, 0, &EncodeOptions::default(), &source, &mut stream) {
        // Colour differences of noise.
        Err(Error::Planes { .. }) => return,
        other => other.unwrap(),
    }
    stream.extend(END_OF_CODESTREAM);
    let stream = Codestream::read(&stream, &Limits::default()).unwrap();
    let height = size.tile_shape(0)[1];
    let mut planes = vec![vec![0; width * height]; components.into()];
    let mut views: Vec<_> =
        planes.iter_mut().map(|samples| Plane { samples, stride: width, width }).collect();
    Decoder::new().decode_tile(&stream, 0, &Request::default(), &mut views).unwrap();
    for (component, plane) in planes.iter().enumerate() {
        for (n, &sample) in plane.iter().enumerate() {
            assert_eq!(sample, source.sample(component, n / width, n % width));
        }
    }
}
