//! Damaged and hostile streams: errors or wrong samples, never a panic, never memory that the headers do not justify.
//!
//! `cargo test` tries some thousand mutations. The environment variable `JPEG2000_MUTATIONS` sets another number.
#![allow(clippy::unwrap_used, reason = "tests")]

use sen2cor_jpeg2000::{
    Codestream, CodingStyle, Decoder, END_OF_CODESTREAM, EncodeOptions, Encoder, Error, GuardBits, Header,
    ImageSize, Limits, Plane, Request, Source,
};

struct Pattern;

impl Source for Pattern {
    fn read_row(&self, component: usize, row: usize, out: &mut [i32]) {
        for (column, sample) in out.iter_mut().enumerate() {
            *sample = ((column * 7 + row * 13 + component * 40) ^ (column * row / 3)) as i32 & 255;
        }
    }
}

/// Small streams of one and of several tiles, in all styles.
fn seeds() -> Vec<Vec<u8>> {
    let style = |levels, block, precinct| CodingStyle::square(levels, block, precinct);
    let cases = [
        ([40, 31], [40, 31], 1, style(3, 2, 6)),
        ([33, 40], [16, 16], 1, style(2, 3, 15)),
        ([24, 20], [32, 32], 3, CodingStyle { colour_transform: true, ..style(4, 6, 5) }),
        ([50, 9], [64, 64], 2, CodingStyle { bypass: true, ..style(1, 4, 7) }),
    ];
    let stream = |(end, tile, components, style): ([u32; 2], [u32; 2], u16, CodingStyle)| {
        let size = ImageSize { end, start: [0, 0], tile, tile_start: [0, 0], components, bits: 9 };
        let header = Header::new(size, style).unwrap();
        let mut stream = header.write(GuardBits::One);
        let [across, down] = size.tile_counts();
        for tile in 0..across * down {
            let options = EncodeOptions::default();
            Encoder::new().encode_tile(&header, tile as usize, &options, &Pattern, &mut stream).unwrap();
        }
        stream.extend(END_OF_CODESTREAM);
        stream
    };
    cases.into_iter().map(stream).collect()
}

/// Decodes all tiles within limits that keep a hostile header from asking for much.
fn decode(decoder: &mut Decoder, bytes: &[u8], request: &Request) -> Result<(), Error> {
    let limits = Limits { tile_samples: 1 << 16, tiles: 64, ..Limits::default() };
    let stream = Codestream::read(bytes, &limits)?;
    for tile in 0..stream.tile_count() {
        let area = stream.output_area(tile, request);
        let (width, height) = (area.width() as usize, area.height() as usize);
        let mut planes = vec![vec![0; width * height]; stream.header().size.components.into()];
        let mut views: Vec<_> =
            planes.iter_mut().map(|samples| Plane { samples, stride: width, width }).collect();
        decoder.decode_tile(&stream, tile, request, &mut views)?;
    }
    Ok(())
}

#[test]
fn every_truncation_is_an_error() {
    let mut decoder = Decoder::new();
    for seed in seeds() {
        decode(&mut decoder, &seed, &Request::default()).unwrap();
        for len in 0..seed.len() - 2 {
            assert!(decode(&mut decoder, &seed[..len], &Request::default()).is_err(), "cut at {len}");
        }
    }
}

#[test]
fn mutations_never_panic() {
    let count: u64 = std::env::var("JPEG2000_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    let (seeds, mut state, mut accepted) = (seeds(), 1u64, 0u64);
    let mut decoders = [Decoder::new(), Decoder::portable()];
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..count {
        let mut bytes = seeds[next(seeds.len())].clone();
        for _ in 0..=next(3) {
            let at = if next(3) == 0 { next(bytes.len().min(90)) } else { next(bytes.len()) };
            match next(5) {
                0 => bytes[at] ^= 1 << next(8),
                1 => bytes[at] = [0, 0xFF, 0x7F, 0x80][next(4)],
                2 => bytes[at] = next(256) as u8,
                3 => {
                    let end = (at + next(20)).min(bytes.len());
                    bytes[at..end].fill(next(2) as u8 * 0xFF);
                }
                _ => {
                    let end = (at + next(8)).min(bytes.len() - 1);
                    bytes.drain(at.min(end)..end);
                }
            }
        }
        let request = Request { reduce: next(3) as u8, ..Request::default() };
        accepted += u64::from(decode(&mut decoders[next(2)], &bytes, &request).is_ok());
    }
    println!("{count} mutations, {accepted} decoded to something");
}

#[test]
fn what_is_not_known_is_told_before_work() {
    let seed = &seeds()[0];
    let at = seed.windows(2).position(|w| w == [0xFF, 0x52]).unwrap();
    for (offset, value, what) in
        [(5, 1, "progression"), (7, 2, "layer"), (12, 2, "style"), (12, 0x20, "style"), (13, 0, "wavelet")]
    {
        let mut bytes = seed.clone();
        bytes[at + offset] = value;
        let error = Codestream::read(&bytes, &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(what), "{error}");
    }
    let comment: &[u8] = &[0xFF, 0x64, 0, 5, 0, 1, b'a'];
    let mut bytes = [&seed[..at], comment, &seed[at..]].concat();
    assert!(decode(&mut Decoder::new(), &bytes, &Request::default()).is_ok(), "comments are skipped");
    bytes[at + 1] = 0x60;
    assert!(matches!(Codestream::read(&bytes, &Limits::default()), Err(Error::Unsupported { .. })), "PPM");
}

#[test]
fn large_claims_of_small_streams_are_refused() {
    let seed = &seeds()[0];
    let claim = |edge: u32, tile: u32| {
        let mut bytes = seed.clone();
        for (at, value) in [(8, edge), (12, edge), (24, tile), (28, tile)] {
            bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        bytes
    };
    for (edge, tile) in [(60_000, 60_000), (65_537, 1), (60_000, 1), (u32::MAX, u32::MAX)] {
        let bytes = claim(edge, tile);
        let refused = Codestream::read(&bytes, &Limits::default());
        assert!(matches!(refused, Err(Error::Limit { .. })), "{edge} {tile}");
    }
    // A tile within the limits with far more packets than bytes.
    let bytes = claim(16_000, 16_000);
    let stream = Codestream::read(&bytes, &Limits::default()).unwrap();
    let mut plane = [Plane { samples: &mut [], stride: 0, width: 0 }];
    let refused = Decoder::new().decode_tile(&stream, 0, &Request::default(), &mut plane);
    assert!(matches!(refused, Err(Error::Packet { .. })));
}

#[test]
fn requests_and_targets_are_checked() {
    let seed = &seeds()[0];
    let stream = Codestream::read(seed, &Limits::default()).unwrap();
    let mut samples = vec![0; 40 * 31];
    let mut run = |tile, reduce, width| {
        let mut planes = [Plane { samples: &mut samples, stride: 40, width }];
        Decoder::new().decode_tile(&stream, tile, &Request { reduce, ..Request::default() }, &mut planes)
    };
    assert!(run(0, 0, 40).is_ok());
    assert!(matches!(run(0, 4, 3), Err(Error::Argument { .. })));
    assert!(matches!(run(1, 0, 40), Err(Error::Tile { .. })));
    assert!(matches!(run(0, 0, 39), Err(Error::Argument { .. })));
}

/// Writes the seeds of the corpus: `JPEG2000_WRITE_CORPUS=1 cargo test -p sen2cor-jpeg2000 --test damage corpus_is_written`.
#[test]
fn corpus_is_written_when_asked() {
    if std::env::var_os("JPEG2000_WRITE_CORPUS").is_none() {
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/decode");
    std::fs::create_dir_all(&folder).unwrap();
    for (n, seed) in seeds().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{n}")), seed).unwrap();
        let mut cut = seed[..seed.len() * 2 / 3].to_vec();
        cut.extend(END_OF_CODESTREAM);
        std::fs::write(folder.join(format!("cut-{n}")), cut).unwrap();
    }
}
