//! Random tiles: the pixels of OpenJPEG and its bytes, for all geometries, offsets, depths, components and truncations.
//!
//! `cargo test` tries some hundred. The environment variable `JPEG2000_RANDOM_TILES` sets another number.
#![allow(clippy::unwrap_used, reason = "tests")]

mod openjpeg;

use openjpeg::{Extras, decode, encode, tile_part};
use sen2cor_jpeg2000::{
    Codestream, CodingStyle, Decoder, END_OF_CODESTREAM, EncodeOptions, Encoder, Error, GuardBits, Header,
    ImageSize, Limits, Plane, Rect, Request, Source,
};

/// A generator of numbers.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn range(&mut self, low: u32, high: u32) -> u32 {
        low + (self.next() % u64::from(high - low + 1)) as u32
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }
}

struct Planes<'a> {
    planes: &'a [Vec<u16>],
    width: usize,
}

impl Source for Planes<'_> {
    fn read_row(&self, component: usize, row: usize, out: &mut [i32]) {
        let line = &self.planes[component][row * self.width..][..self.width];
        out.iter_mut().zip(line).for_each(|(out, &sample)| *out = sample.into());
    }
}

/// A random image of one tile.
fn random_header(dice: &mut Dice) -> Header {
    let deepest = if dice.one_in(10) { 9 } else { 5 };
    let decompositions = dice.range(0, deepest) as u8;
    let mut style = CodingStyle::square(decompositions, 2, 15);
    let width = dice.range(2, 10);
    style.block_exponents = [width as u8, dice.range(2, 10.min(12 - width)) as u8];
    let highest = if dice.one_in(3) { 15 } else { 8 };
    for (n, exponents) in style.precinct_exponents.iter_mut().enumerate() {
        *exponents = [0, 1].map(|_| dice.range(u32::from(n > 0), highest) as u8);
        if n > 0 && !dice.one_in(20) {
            *exponents = exponents.map(|e| e.max(4));
        }
    }
    let mut components = if dice.one_in(2) { 1 } else { dice.range(1, 8) as u16 };
    style.colour_transform = dice.one_in(3);
    if style.colour_transform {
        components = components.max(3);
    }
    style.bypass = dice.one_in(3);
    let largest = if components > 2 { 70 } else { 150 };
    let edge = |dice: &mut Dice| match dice.range(0, 5) {
        0 => dice.range(1, 4),
        _ => dice.range(1, largest),
    };
    let start = [0, 1].map(|_| if dice.one_in(3) { 0 } else { dice.range(0, 3000) });
    let size = [edge(dice), edge(dice)];
    let end = [start[0] + size[0], start[1] + size[1]];
    let tile_start = start.map(|s| if dice.one_in(2) { s } else { dice.range(s.saturating_sub(40), s) });
    let tile = [0, 1].map(|i| end[i] - tile_start[i] + if dice.one_in(2) { 0 } else { dice.range(0, 50) });
    let size = ImageSize { end, start, tile, tile_start, components, bits: dice.range(1, 16) as u8 };
    Header::new(size, style).unwrap()
}

/// Random samples: flat, smooth, noisy or extreme.
fn random_planes(dice: &mut Dice, header: &Header) -> Vec<Vec<u16>> {
    let (size, max) = (&header.size, (1u64 << header.size.bits) - 1);
    let [width, height] = size.tile_shape(0);
    let kinds = dice.range(0, 5);
    let noise_bits = dice.range(0, 16);
    let plane = |dice: &mut Dice, c: usize| {
        let kind = if dice.one_in(5) { 0 } else { kinds };
        let (a, b, level) = (dice.range(0, 90) as usize, dice.range(0, 90) as usize, dice.next() % (max + 1));
        let sample = |dice: &mut Dice, n: usize| {
            let (x, y) = (n % width, n / width);
            let noise = dice.next() & ((1 << noise_bits) - 1);
            match kind {
                0 => level,
                1 => ((x * a + y * b + 300 * c) as u64 + noise) % (max + 1),
                2 => dice.next() % (max + 1),
                3 => (dice.next() % 2) * max,
                4 => {
                    if (x / 7 + y / 5) % 3 == 0 {
                        0
                    } else {
                        (level + noise).min(max)
                    }
                }
                _ => {
                    if dice.one_in(60) {
                        max
                    } else {
                        0
                    }
                }
            }
        };
        (0..width * height).map(|n| sample(dice, n) as u16).collect()
    };
    (0..usize::from(size.components)).map(|c| plane(dice, c)).collect()
}

/// Decodes with this crate.
fn decode_own(decoder: &mut Decoder, bytes: &[u8], request: &Request) -> Result<Vec<Vec<u16>>, Error> {
    let stream = Codestream::read(bytes, &Limits::default())?;
    let area = stream.output_area(0, request);
    let (width, height) = (area.width() as usize, area.height() as usize);
    let mut planes = vec![vec![7; width * height]; stream.header().size.components.into()];
    let mut views: Vec<_> =
        planes.iter_mut().map(|samples| Plane { samples, stride: width, width }).collect();
    decoder.decode_tile(&stream, 0, request, &mut views)?;
    Ok(planes)
}

struct Coders {
    decoders: [Decoder; 2],
    encoders: [Encoder; 2],
}

impl Coders {
    fn new() -> Self {
        Self {
            decoders: [Decoder::new(), Decoder::portable()],
            encoders: [Encoder::new(), Encoder::portable()],
        }
    }
}

/// Whether the lowest resolution has no samples. OpenJPEG's encoder reads and writes outside of its memory then.
fn lowest_is_empty(header: &Header) -> bool {
    let (size, down) = (&header.size, 1 << header.style.decompositions);
    (0..2).any(|i| size.start[i].div_ceil(down) == size.end[i].div_ceil(down))
}

/// A whole stream of our encoder, without packet lengths.
fn encode_own(encoder: &mut Encoder, header: &Header, planes: &[Vec<u16>]) -> Vec<u8> {
    let source = Planes { planes, width: header.size.tile_shape(0)[0] };
    let options = EncodeOptions { packet_lengths: false, ..EncodeOptions::default() };
    let mut stream = header.write(GuardBits::Two);
    encoder.encode_tile(header, 0, &options, &source, &mut stream).unwrap();
    stream.extend(END_OF_CODESTREAM);
    stream
}

/// Encodes with both, compares the bytes, and decodes with both. `None` if OpenJPEG cannot encode this.
fn check_whole(
    coders: &mut Coders,
    dice: &mut Dice,
    header: &Header,
    planes: &[Vec<u16>],
) -> Option<Vec<u8>> {
    if lowest_is_empty(header) {
        let stream = encode_own(&mut coders.encoders[0], header, planes);
        assert!(stream == encode_own(&mut coders.encoders[1], header, planes));
        check_pixels(coders, header, planes, &stream);
        return None;
    }
    let extras = Extras { packet_lengths: dice.one_in(2), rate: 0.0 };
    let theirs = encode(header, planes, extras)?;
    let source = Planes { planes, width: header.size.tile_shape(0)[0] };
    let options = EncodeOptions { packet_lengths: extras.packet_lengths, ..EncodeOptions::default() };
    for encoder in &mut coders.encoders {
        let mut ours = Vec::new();
        let encoded = encoder.encode_tile(header, 0, &options, &source, &mut ours);
        if let Err(Error::Planes { .. }) = encoded {
            // Colour differences of noise can need a bit plane more than OpenJPEG announces. We refuse, it writes a stream that it
            // does not read right.
            let wrong = decode(&theirs, 0, None).is_none_or(|found| found.planes != planes);
            assert!(wrong && header.style.colour_transform, "refused: {header:?}");
            return None;
        }
        encoded.unwrap();
        let part = tile_part(&theirs);
        let first = ours.iter().zip(part).position(|(a, b)| a != b);
        let lengths = (ours.len(), part.len());
        assert!(ours == part, "bytes {lengths:?} differ from {first:?} on: {header:?}");
    }
    check_pixels(coders, header, planes, &theirs);
    Some(theirs)
}

fn check_pixels(coders: &mut Coders, header: &Header, planes: &[Vec<u16>], stream: &[u8]) {
    assert!(decode(stream, 0, None).unwrap().planes == planes, "OpenJPEG's pixels differ: {header:?}");
    for decoder in &mut coders.decoders {
        let found = decode_own(decoder, stream, &Request::default()).unwrap();
        assert!(found == planes, "pixels differ: {header:?}");
    }
}

fn check_parts(coders: &mut Coders, dice: &mut Dice, header: &Header, stream: &[u8]) {
    let size = &header.size;
    let reduce = dice.range(0, header.style.decompositions.into()) as u8;
    let x0 = dice.range(size.start[0], size.end[0] - 1);
    let y0 = dice.range(size.start[1], size.end[1] - 1);
    let region = Rect { x0, y0, x1: dice.range(x0 + 1, size.end[0]), y1: dice.range(y0 + 1, size.end[1]) };
    let all = Rect { x0: size.start[0], y0: size.start[1], x1: size.end[0], y1: size.end[1] };
    for (reduce, region) in [(reduce, None), (0, Some(region)), (reduce, Some(region))] {
        // Without an area OpenJPEG rounds the size of reduced images with an offset another way. It has no answer where
        // nothing is left.
        let Some(theirs) = decode(stream, reduce.into(), Some(region.unwrap_or(all))) else { continue };
        let ours =
            decode_own(&mut coders.decoders[0], stream, &Request { reduce, region, ..Request::default() })
                .unwrap();
        assert!(ours == theirs.planes, "reduced {reduce}, region {region:?}: {header:?}");
    }
}

/// Some of the components: no others are touched.
fn check_components(coders: &mut Coders, dice: &mut Dice, header: &Header, stream: &[u8]) {
    let request = Request { components: dice.next() as u16, ..Request::default() };
    let all = decode_own(&mut coders.decoders[0], stream, &Request::default()).unwrap();
    for (n, found) in decode_own(&mut coders.decoders[1], stream, &request).unwrap().iter().enumerate() {
        if request.components >> n & 1 == 0 {
            assert!(found.iter().all(|&sample| sample == 7), "component {n}: {header:?}");
        } else {
            assert!(*found == all[n], "component {n}: {header:?}");
        }
    }
}

fn check_capped(coders: &mut Coders, dice: &mut Dice, header: &Header, planes: &[Vec<u16>], whole: usize) {
    let extras = Extras { packet_lengths: false, rate: dice.range(12, 200) as f32 / 10.0 };
    if let Some(theirs) = encode(header, planes, extras) {
        let expected = decode(&theirs, 0, None).unwrap();
        for decoder in &mut coders.decoders {
            assert!(
                decode_own(decoder, &theirs, &Request::default()).unwrap() == expected.planes,
                "capped: {header:?}"
            );
        }
    }
    // Our own cap: never more bytes than allowed, and the same pixels in both decoders.
    let limit = whole * dice.range(20, 100) as usize / 100;
    let options = EncodeOptions { max_bytes: Some(limit), ..EncodeOptions::default() };
    let (source, mut part) = (Planes { planes, width: header.size.tile_shape(0)[0] }, Vec::new());
    if coders.encoders[0].encode_tile(header, 0, &options, &source, &mut part).is_err() {
        assert!(part.is_empty());
        return;
    }
    assert!(part.len() <= limit);
    let stream = [&header.write(GuardBits::One)[..], &part, &END_OF_CODESTREAM].concat();
    let ours = decode_own(&mut coders.decoders[0], &stream, &Request::default()).unwrap();
    assert!(decode(&stream, 0, None).unwrap().planes == ours, "own cap: {header:?}");
}

#[test]
fn random_tiles_are_those_of_openjpeg() {
    let count = std::env::var("JPEG2000_RANDOM_TILES").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let seed = std::env::var("JPEG2000_RANDOM_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let (mut coders, mut skipped) = (Coders::new(), 0);
    for tile in 0..count {
        let mut dice = Dice(seed * 1_000_000 + tile);
        for _ in 0..5 {
            dice.next();
        }
        let header = random_header(&mut dice);
        let planes = random_planes(&mut dice, &header);
        let Some(stream) = check_whole(&mut coders, &mut dice, &header, &planes) else {
            skipped += 1;
            continue;
        };
        check_parts(&mut coders, &mut dice, &header, &stream);
        check_components(&mut coders, &mut dice, &header, &stream);
        check_capped(&mut coders, &mut dice, &header, &planes, stream.len());
    }
    println!("{count} tiles; OpenJPEG cannot encode {skipped} of them");
    assert!(skipped * 3 <= count + 3);
}
