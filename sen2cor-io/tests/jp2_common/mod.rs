//! Helpers of the JPEG 2000 tests: test data, foreign readers, test images.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use ndarray::{Array2, Array3};
use sen2cor_io::jp2::{Coding, ImageLayout, Jp2Error, Native, OpenJpeg, Samples, decode_image, write_image};
use sen2cor_io::{bytes::MemorySource, jp2::ImageIndex};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of real data, or `None` (with a printed reason) if there is none.
pub(crate) fn test_data(below: &str) -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("SEN2COR_TEST_DATA").map_or(default, PathBuf::from);
    let path = root.join(below);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: no test data at {}", path.display());
    None
}

/// Whether a program can be started; prints a reason if not.
pub(crate) fn has(program: &str) -> bool {
    let there = Command::new(program).arg("--help").output().is_ok();
    if !there {
        eprintln!("skipped: no {program} on the PATH");
    }
    there
}

/// Opens an index on bytes in memory.
pub(crate) fn index(bytes: &[u8]) -> Result<ImageIndex, Jp2Error> {
    ImageIndex::read(&MemorySource::new(Path::new("test.jp2"), bytes))
}

/// Decodes all components with the crate's own reader.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Array2<u16>>, Jp2Error> {
    let source = MemorySource::new(Path::new("test.jp2"), bytes);
    let index = ImageIndex::read(&source)?;
    let planes = decode_image(&OpenJpeg, &index, &source)?;
    assert!(decode_image(&Native, &index, &source)? == planes, "coders differ");
    Ok(planes)
}

/// Decodes all components with the program `opj_decompress`.
pub(crate) fn decode_with_opj(file: &Path, shape: (usize, usize), bits: u8) -> Vec<Array2<u16>> {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("out.rawl");
    let output = Command::new("opj_decompress").arg("-i").arg(file).arg("-o").arg(&raw).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    planes(&std::fs::read(raw).unwrap(), shape, bits)
}

/// Decodes all components with GDAL.
pub(crate) fn decode_with_gdal(file: &Path, shape: (usize, usize), bits: u8) -> Vec<Array2<u16>> {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("out.img");
    let output = Command::new("gdal_translate")
        .args(["-q", "-of", "ENVI", "-co", "INTERLEAVE=BSQ"])
        .arg(file)
        .arg(&raw)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    planes(&std::fs::read(raw).unwrap(), shape, bits)
}

/// Planes one after another, little endian.
fn planes(raw: &[u8], shape: (usize, usize), bits: u8) -> Vec<Array2<u16>> {
    let samples: Vec<u16> = if bits > 8 {
        raw.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect()
    } else {
        raw.iter().map(|&b| b.into()).collect()
    };
    let planes = samples.chunks_exact(shape.0 * shape.1);
    planes.map(|plane| Array2::from_shape_vec(shape, plane.to_vec()).unwrap()).collect()
}

/// A picture with slopes, edges, a black area, noise in the low bits and the extreme values.
pub(crate) fn picture(layout: &ImageLayout) -> Array3<u16> {
    let coding = layout.coding;
    let max = ((1u32 << coding.bits) - 1) as u64;
    let (rows, cols) = (layout.height as usize, layout.width as usize);
    let mut state = 0x1234_5678_9ABC_DEF0u64;
    Array3::from_shape_fn((usize::from(coding.components), rows, cols), |(c, r, x)| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = (state >> 33) & (max >> 6);
        let slope = ((r * 37 + x * 11 + c * 500) as u64 * max) >> 14;
        match (r / 23 + x / 31 + c) % 7 {
            0 => 0,
            1 if noise.is_multiple_of(3) => max as u16,
            2 => (max - (slope + noise) % (max + 1)) as u16,
            _ => ((slope + noise) % (max + 1)) as u16,
        }
    })
}

/// The planes of a picture as samples to encode, as bytes where they fit.
pub(crate) fn write(
    layout: &ImageLayout,
    picture: &Array3<u16>,
    gml: Option<&str>,
) -> Result<Vec<u8>, Jp2Error> {
    let bytes = picture.mapv(|v| v as u8);
    let samples = if layout.coding.bits > 8 {
        Samples::U16(picture.outer_iter().collect())
    } else {
        Samples::U8(bytes.outer_iter().collect())
    };
    let (mut out, mut native) = (Vec::new(), Vec::new());
    write_image(&OpenJpeg, layout, &samples, gml, &mut out)?;
    write_image(&Native, layout, &samples, gml, &mut native)?;
    assert!(out == native, "coders differ: {layout:?}");
    Ok(out)
}

/// An image layout.
pub(crate) fn layout(width: u32, height: u32, coding: Coding) -> ImageLayout {
    ImageLayout { width, height, coding }
}
