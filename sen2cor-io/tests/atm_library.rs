//! Reading of the original's look-up tables, on a library that the test writes itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use sen2cor_core::aerosol::{Aerosol, VISIBILITY_NODES_KM, index_of_visibility};
use sen2cor_core::angles::Direction;
use sen2cor_core::cells::{Atmosphere, BandView, Directions, Load, LoadScale};
use sen2cor_core::season::Season;
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::table::Note;
use sen2cor_io::auxiliary::atm_library::AtmLibrary;
use std::path::Path;

const E0: f32 = 150.0;

/// A made-up atmosphere: smooth in everything, so that reading at the wrong place shows.
fn direct(visibility_km: f32, elevation: usize, band: usize) -> f32 {
    0.6 + 0.001 * visibility_km + 0.01 * elevation as f32 + 0.005 * band as f32
}

fn record(band: usize, visibility_km: f32, sun: usize, water_mm: u32) -> Vec<f32> {
    let mut record = vec![sun as f32 * 10.0, visibility_km];
    for elevation in 0..6 {
        let (t, d) = (direct(visibility_km, elevation, band), 0.1f32);
        let down = t.powf(1.0 / (sun as f32 * 10.0).to_radians().cos());
        let path = 2.0 + 0.1 * sun as f32 + 0.01 * water_mm as f32;
        record.extend([path, (t + d) * 5.0, (t + d) * down * E0, t, d, 0.15]);
        record.extend([(t + d) * 5.0, (t + d) * down * E0, t, d]);
        record.extend((0..7).map(|azimuth| path + 0.2 * azimuth as f32));
    }
    record
}

fn write_file(path: &Path, bands: usize, water_mm: u32) {
    let mut bytes = Vec::new();
    for band in 0..bands {
        for visibility in VISIBILITY_NODES_KM {
            for sun in 0..8 {
                let record = record(band, visibility as f32, sun, water_mm);
                bytes.extend(record.iter().flat_map(|value| value.to_be_bytes()));
            }
        }
    }
    std::fs::write(path, bytes).unwrap();
}

fn library(letter: char) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (sub, bands) in [("10", 4), ("20_60", 12)] {
        std::fs::create_dir(folder.path().join(sub)).unwrap();
        for mm in [4, 10, 20, 29, 40, 50] {
            for aerosol in ["rura", "mari"] {
                let name = format!("{letter}99000_wv{mm:02}_{aerosol}.atm");
                write_file(&folder.path().join(sub).join(name), bands, mm);
            }
        }
    }
    folder
}

fn directions(sun_deg: f64, view_deg: f64, azimuth_deg: f64) -> Directions {
    Directions {
        sun: Direction { zenith_deg: sun_deg, azimuth_deg },
        view: Direction { zenith_deg: view_deg, azimuth_deg: 0.0 },
    }
}

fn view(band: Band) -> BandView {
    BandView { spacecraft: Spacecraft::S2A, band, aerosol: Aerosol::Rural, ozone_du: 331.0 }
}

#[test]
fn values_are_read_at_the_nodes_and_between() {
    let folder = library('h');
    let library = AtmLibrary::read(folder.path(), Season::Summer, 331.0).unwrap();
    assert_eq!(library.name(), "h99000_wv20_rura.atm");
    let clear = Load { scale: LoadScale::VisibilityIndex, value: index_of_visibility(23.0) };
    let (found, notes) =
        library.functions(&view(Band::B04), &directions(40.0, 0.0, 0.0), &[(clear, 0.0, 2.0)]).unwrap();
    assert!(notes.is_empty());
    let f = found[0];
    // B04 is the fourth band of 20_60.
    let t = f64::from(direct(23.0, 0, 3));
    assert!((f.transmittance_direct - t).abs() < 2e-4, "{f:?}");
    assert!((f.spherical_albedo - 0.15).abs() < 1e-6);
    let path = std::f64::consts::PI * 2.6 / (150.0 * 40f64.to_radians().cos());
    assert!((f.path_reflectance - path).abs() < 1e-4, "{f:?} {path}");
    let down = t.powf(1.0 / 40f64.to_radians().cos());
    assert!((f.transmittance_sun - down).abs() < 5e-4 && (f.direct_flux - (t + 0.1) * down).abs() < 5e-4);
    assert!((f.diffuse_flux - (t + 0.1) * 5.0 / 150.0).abs() < 1e-4);
    // Half-way up to 0.5 km, and half-way to the slanted view at 180 degrees.
    let (found, _) = library
        .functions(&view(Band::B04), &directions(40.0, 5.0, 180.0), &[(clear, 0.25, 2.0 * 0.8915)])
        .unwrap();
    assert!((found[0].transmittance_direct - t - 0.005).abs() < 3e-4);
    let path = std::f64::consts::PI * (2.6 + 0.6) / (150.0 * 40f64.to_radians().cos());
    assert!((found[0].path_reflectance - path).abs() < 1e-3, "{} {path}", found[0].path_reflectance);
}

#[test]
fn the_end_of_the_tables_is_noted() {
    let folder = library('h');
    let library = AtmLibrary::read(folder.path(), Season::Summer, 340.0).unwrap();
    let load = Load { scale: LoadScale::Aot550, value: 0.2 };
    let (_, notes) =
        library.functions(&view(Band::B08), &directions(75.0, 11.0, 0.0), &[(load, 0.0, 6.0)]).unwrap();
    for note in [Note::SunZenith, Note::ViewZenith, Note::WaterVapour] {
        assert!(notes.contains(note), "{note}");
    }
}

#[test]
fn damaged_libraries_are_refused() {
    let folder = library('h');
    // The files of this ozone column are not there.
    let missing = AtmLibrary::read(folder.path(), Season::Summer, 450.0).err().unwrap().to_string();
    assert!(missing.contains("k99000_wv04_rura.atm"), "{missing}");
    let path = folder.path().join("20_60/h99000_wv20_rura.atm");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[4..]).unwrap();
    let short = AtmLibrary::read(folder.path(), Season::Summer, 331.0).err().unwrap().to_string();
    assert!(short.contains("319488 bytes"), "{short}");
    let mut swapped = bytes.clone();
    swapped[4..8].copy_from_slice(&f32::NAN.to_be_bytes());
    std::fs::write(&path, &swapped).unwrap();
    assert!(AtmLibrary::read(folder.path(), Season::Summer, 331.0).is_err());
}
