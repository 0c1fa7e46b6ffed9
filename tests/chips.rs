//! Class maps of real pixels against an independent reading of the decision tree.
//!
//! The expected numbers come from a program in Python (NumPy, and SciPy's filters for medians, dilation and blur) that was
//! written from the description of the steps by another hand, with its own resampling. They are the pixels of each class,
//! and FNV-1a of class map, cloud confidence and snow confidence, row by row, one after the other. Chips without B10 get 0.0013.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on has failed")]

use ndarray::Array2;
use ndarray_npy::NpzReader;
use sen2cor::core::angles::Direction;
use sen2cor::core::classify::{BANDS, Ground, SceneInput, Thresholds, classify_scene};
use sen2cor::core::dn;
use sen2cor::core::grid::Resolution::{self, R20, R60};
use sen2cor::core::grid::Window;
use sen2cor::core::resample::{Factor, Placement, bicubic, bilinear, block_mean, value_range};
use sen2cor::core::sensor::Band;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A chip, the grid, the sun (zenith and azimuth, degrees), what the classes count, and the hash.
struct Case(&'static str, Resolution, (f64, f64), [u64; 12], u64);

#[rustfmt::skip]
const CASES: [Case; 10] = [
    Case("38D_378R", R20, (40.0, 150.0), [0, 0, 0, 0, 277, 12044, 0, 0, 0, 0, 0, 0], 0x3213_bb3e_b465_260f),
    Case("38D_378R", R60, (40.0, 150.0), [0, 0, 0, 0, 10, 1359, 0, 0, 0, 0, 0, 0], 0xc91a_3590_835c_a3ce),
    Case("637U_59R", R20, (57.3, 163.0), [0, 0, 1954, 0, 7785, 1314, 0, 1265, 1, 2, 0, 0], 0x9633_3e1c_58f9_badf),
    Case("637U_59R", R60, (57.3, 163.0), [0, 0, 197, 0, 887, 136, 0, 148, 1, 0, 0, 0], 0xacef_3ec1_8e4c_a440),
    Case("T33UUB_20170527", R20, (35.0, 30.0), [0, 0, 421, 50, 76532, 12282, 141, 463, 95, 16, 0, 0], 0xa1fd_f55d_0ec7_7f4b),
    Case("T33UUB_20170527", R60, (35.0, 30.0), [0, 0, 34, 0, 8706, 1224, 8, 26, 2, 0, 0, 0], 0x895a_04fb_ed0d_16ec),
    Case("T49JGM_20171022", R20, (61.7, 240.0), [0, 0, 130, 5, 282, 56568, 18985, 5722, 5990, 1926, 0, 392], 0x3309_9645_7cc1_10d4),
    Case("T49JGM_20171022", R60, (61.7, 240.0), [0, 0, 6, 0, 20, 6301, 2105, 647, 676, 192, 0, 53], 0xdec0_993f_4ec5_4ff9),
    Case("T55LCD_20160721", R20, (45.0, 330.0), [0, 0, 923, 98, 20626, 2209, 247_583, 536, 237, 174, 0, 62], 0x08da_ab4f_3aa0_b7c7),
    Case("T55LCD_20160721", R60, (45.0, 330.0), [0, 0, 159, 0, 2320, 209, 27448, 88, 37, 7, 0, 4], 0x1b35_d055_c419_94cd),
];

fn chips() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let data = std::env::var_os("SEN2COR_TEST_DATA").map_or_else(beside, PathBuf::from);
    Some(data.join("chips")).filter(|folder| folder.is_dir())
}

/// The bands of a chip on one grid.
fn bands(path: &Path, grid: Resolution) -> Vec<Array2<u16>> {
    let mut chip = NpzReader::new(File::open(path).unwrap()).unwrap();
    let shape: Array2<u16> = chip.by_name("B09").unwrap();
    BANDS
        .iter()
        .map(|band| {
            let stored: Array2<u16> =
                chip.by_name(band.name()).unwrap_or_else(|_| Array2::from_elem(shape.dim(), 13));
            on_grid(*band, &stored.mapv(|stored| dn::from_stored(stored, 0, u16::MAX)), grid)
        })
        .collect()
}

fn on_grid(band: Band, samples: &Array2<u16>, grid: Resolution) -> Array2<u16> {
    let native = band.native_resolution();
    let factor = match (native.metres(), grid.metres()) {
        (10, 20) => Factor::Two,
        (20, 60) => Factor::Three,
        (10, 60) => Factor::Six,
        (60, 20) => return finer(band, samples),
        _ => return samples.clone(),
    };
    let k = factor.get();
    let mut out = Array2::zeros((samples.nrows().div_ceil(k), samples.ncols().div_ceil(k)));
    block_mean(samples.view(), factor, out.view_mut()).unwrap();
    out
}

fn finer(band: Band, samples: &Array2<u16>) -> Array2<u16> {
    let (rows, cols) = (3 * samples.nrows(), 3 * samples.ncols());
    let placement = Placement {
        source_origin: (0, 0),
        source_shape: samples.dim(),
        target: Window { row: 0, col: 0, rows, cols },
        target_shape: (rows, cols),
    };
    let interpolate = if band == Band::B01 { bicubic } else { bilinear };
    let mut out = Array2::zeros((rows, cols));
    interpolate(samples.view(), &placement, value_range(samples.view()), out.view_mut()).unwrap();
    out
}

/// FNV-1a with 64 bits.
fn hash<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[test]
fn class_maps_of_real_pixels_equal_those_of_an_independent_reading() {
    let Some(folder) = chips() else {
        eprintln!("skipped: no real data in SEN2COR_TEST_DATA");
        return;
    };
    for Case(name, grid, (zenith_deg, azimuth_deg), counts, expected) in CASES {
        let bands = bands(&folder.join(name).with_extension("npz"), grid);
        let input = SceneInput {
            bands: std::array::from_fn(|band| bands[band].view()),
            grid,
            sun: Direction { zenith_deg, azimuth_deg },
            snow_possible: true,
            ground: Ground::default(),
            defective: None,
        };
        let maps = classify_scene(&input, &Thresholds::default()).unwrap();
        assert_eq!(maps.counts.0, counts, "{name} at {grid:?}");
        let found = hash(maps.class.iter().chain(&maps.cloud).chain(&maps.snow));
        assert_eq!(found, expected, "{name} at {grid:?}: the counts agree, the maps do not");
    }
}
