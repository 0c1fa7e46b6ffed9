//! Elevation of real tiles on grids of Sentinel-2 against `gdalwarp -r cubicspline -et 0`, slope, aspect and hillshade against
//! `gdaldem -compute_edges`: the table of differences is printed. GDAL 3.6 or later is used if it is installed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table is what one looks at")]

mod l1c_common;

use ndarray::Array2;
use sen2cor_core::angles::Direction;
use sen2cor_core::grid::{Extent, GeoTransform, Resolution, Window};
use sen2cor_core::terrain::{Light, aspect_deg, for_each_gradient, hillshade, slope_deg, warp_cubic_spline};
use sen2cor_io::raster::{Raster, mosaics};
use std::path::{Path, PathBuf};
use std::process::Command;

const EXTENT: Extent = Extent { rows: 1200, cols: 1200 };
const SUN: Direction = Direction { zenith_deg: 52.0, azimuth_deg: 151.0 };

fn has_gdal() -> bool {
    let found = Command::new("gdalwarp").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: gdalwarp is not installed");
    }
    found
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A whole GeoTIFF as numbers.
fn read(path: &Path) -> Array2<f32> {
    let raster = Raster::open(path).unwrap();
    let mut out = Array2::zeros((raster.rows, raster.cols));
    let window = Window { row: 0, col: 0, rows: raster.rows, cols: raster.cols };
    raster.read_f32(window, out.view_mut()).unwrap();
    out
}

/// Elevation as this program makes it.
fn warped(path: &Path, ground: &GeoTransform, resolution: Resolution) -> Array2<f32> {
    let (rows, cols) = EXTENT.shape(resolution);
    let mut out = Array2::from_elem((rows, cols), f32::NAN);
    let block = Window { row: 0, col: 0, rows, cols };
    for mosaic in mosaics(path, ground, EXTENT, resolution).unwrap() {
        let mut samples = Array2::zeros((mosaic.rows, mosaic.cols));
        mosaic.read(samples.view_mut()).unwrap();
        warp_cubic_spline(&samples.view(), &mosaic.positions, block, out.view_mut());
    }
    out
}

/// Elevation as GDAL makes it of the same files.
fn gdalwarp(inputs: &[PathBuf], ground: &GeoTransform, resolution: Resolution, out: &Path) {
    let metres = resolution.metres().to_string();
    let (right, lower) = (ground.ulx_m + 12_000.0, ground.uly_m - 12_000.0);
    let vrt = out.with_extension("vrt");
    let mut build: Vec<&str> = vec!["-q", vrt.to_str().unwrap()];
    build.extend(inputs.iter().map(|p| p.to_str().unwrap()));
    run("gdalbuildvrt", &build);
    let epsg = format!("EPSG:{}", ground.epsg);
    let extent = [ground.ulx_m, lower, right, ground.uly_m].map(|v| v.to_string());
    let mut arguments =
        vec!["-q", "-overwrite", "-t_srs", &epsg, "-r", "cubicspline", "-et", "0", "-ot", "Float32"];
    arguments.extend(["-tr", &metres, &metres, "-te"]);
    arguments.extend(extent.iter().map(String::as_str));
    arguments.extend([vrt.to_str().unwrap(), out.to_str().unwrap()]);
    run("gdalwarp", &arguments);
}

/// Largest and root mean square difference where both have values, and how many pixels only one has.
fn compare(ours: &Array2<f32>, theirs: &Array2<f32>) -> (f32, f64, usize) {
    assert_eq!(ours.dim(), theirs.dim());
    let (mut largest, mut squares, mut count, mut gaps) = (0f32, 0.0, 0u32, 0);
    for (a, b) in ours.iter().zip(theirs) {
        if a.is_nan() || b.is_nan() || *b == -32_768.0 {
            gaps += usize::from(a.is_nan() != (b.is_nan() || *b == -32_768.0));
            continue;
        }
        largest = largest.max((a - b).abs());
        squares += f64::from(a - b).powi(2);
        count += 1;
    }
    (largest, (squares / f64::from(count.max(1))).sqrt(), gaps)
}

struct Case {
    name: &'static str,
    files: &'static [&'static str],
    ground: GeoTransform,
}

/// Alps across four tiles of SRTM with voids, Sao Tome of GLO-30, the border of two tiles of SRTM 1 (zipped).
fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "SRTM 3, Alps, 4 tiles",
            files: &["N44E006.hgt", "N44E007.hgt", "N45E006.hgt", "N45E007.hgt"],
            ground: GeoTransform { epsg: 32632, ulx_m: 337_000.0, uly_m: 4_990_000.0 },
        },
        Case {
            name: "GLO-30, Sao Tome",
            files: &["Copernicus_DSM_COG_10_N00_00_E006_00_DEM.tif"],
            ground: GeoTransform { epsg: 32632, ulx_m: 225_000.0, uly_m: 36_000.0 },
        },
    ]
}

#[test]
fn elevation_and_slopes_agree_with_gdal() {
    let Some(data) = l1c_common::data().filter(|_| has_gdal()) else { return };
    let folder = tempfile::tempdir().unwrap();
    println!(
        "| case | grid | elevation: max, rms, m | gaps | slope: max, deg | aspect: max, deg | shade: max |"
    );
    for case in cases() {
        let input = folder.path().join(case.name.replace([' ', ','], "_"));
        std::fs::create_dir(&input).unwrap();
        let files: Vec<PathBuf> = case
            .files
            .iter()
            .map(|name| {
                std::fs::copy(data.join("dem").join(name), input.join(name)).unwrap();
                input.join(name)
            })
            .collect();
        for resolution in Resolution::ALL {
            let reference = folder.path().join("reference.tif");
            gdalwarp(&files, &case.ground, resolution, &reference);
            let (ours, theirs) = (warped(&input, &case.ground, resolution), read(&reference));
            let (largest, rms, gaps) = compare(&ours, &theirs);
            let [slope, aspect, shade] = slopes(&theirs, resolution, &reference);
            println!(
                "| {} | {resolution} | {largest:.4}, {rms:.5} | {gaps} | {slope:.5} | {aspect:.4} | {shade} |",
                case.name
            );
            // Pixels of 60 m average over samples, whose number GDAL finds per piece of its work.
            let allowed = if resolution == Resolution::R60 { 3.0 } else { 0.3 };
            assert!(largest < allowed && gaps < 200, "{} at {resolution}: {largest} m, {gaps}", case.name);
            assert!(slope < 0.01 && aspect < 0.5 && shade <= 1.0, "{} at {resolution}", case.name);
        }
    }
}

/// Largest differences of slope, aspect and hillshade of the same elevation.
fn slopes(elevation: &Array2<f32>, resolution: Resolution, file: &Path) -> [f32; 3] {
    let path = |name: &str| file.with_file_name(name);
    let (altitude, azimuth) = ((90.0 - SUN.zenith_deg).to_string(), SUN.azimuth_deg.to_string());
    let text = |p: &PathBuf| p.to_str().unwrap().to_owned();
    let input = file.to_str().unwrap();
    let outputs = ["slope", "aspect", "hillshade"].map(|mode| {
        let output = path(&format!("{mode}.tif"));
        let mut arguments =
            vec![mode.to_owned(), input.to_owned(), text(&output), "-compute_edges".into(), "-q".into()];
        if mode == "hillshade" {
            arguments.extend(["-az".into(), azimuth.clone(), "-alt".into(), altitude.clone()]);
        }
        run("gdaldem", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        read(&output)
    });
    let (rows, cols) = elevation.dim();
    let all = Window { row: 0, col: 0, rows, cols };
    let light = Light::from_sun(SUN);
    let mut largest = [0f32; 3];
    let pixel_m = resolution.metres() as f32;
    for_each_gradient(&elevation.view(), (all, all), (rows, cols), pixel_m, |row, col, gradient| {
        let Some(gradient) = gradient else { return };
        let theirs = outputs.each_ref().map(|o| o[[row, col]]);
        if theirs.iter().any(|v| v.is_nan()) {
            return;
        }
        largest[0] = largest[0].max((slope_deg(gradient) - theirs[0]).abs());
        let turn = (aspect_deg(gradient) - theirs[1]).abs();
        // On nearly level ground the aspect is arbitrary.
        if theirs[0] > 0.5 {
            largest[1] = largest[1].max(turn.min((360.0 - turn).abs()));
        }
        largest[2] = largest[2].max((f32::from(hillshade(Some(gradient), light)) - theirs[2]).abs());
    });
    largest
}

#[test]
fn zipped_tiles_and_tiles_of_the_pole_are_read() {
    let Some(data) = l1c_common::data() else { return };
    let zipped = Raster::open(&data.join("dem/N51E004.SRTMGL1.hgt.zip")).unwrap();
    assert_eq!((zipped.rows, zipped.affine.x0), (3601, 4.0 - 1.0 / 7200.0));
    let mut corner = Array2::zeros((10, 10));
    zipped.read_f32(Window { row: 3591, col: 0, rows: 10, cols: 10 }, corner.view_mut()).unwrap();
    assert!(corner.iter().all(|v| v.is_nan() || (-50.0..500.0).contains(v)), "{corner}");
    let pole = Raster::open(&data.join("dem/Copernicus_DSM_COG_30_S90_00_W164_00_DEM.tif")).unwrap();
    assert_eq!((pole.rows, pole.cols), (1200, 120));
    let mut ice = Array2::zeros((1200, 120));
    pole.read_f32(Window { row: 0, col: 0, rows: 1200, cols: 120 }, ice.view_mut()).unwrap();
    assert!(ice.iter().all(|v| (2000.0..4000.0).contains(v)));
}
