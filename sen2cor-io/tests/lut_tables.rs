//! The two tables of the project: their bytes, what they hold, and that damaged ones are refused.

#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::table::{AtmosphereTable, Condition, Note, TableError};
use sen2cor_io::Error;
use sen2cor_io::auxiliary::lut_file::{parse, read};
use sen2cor_io::bytes::FileSource;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

const PARITY: &str = "s2_parity.s2lut";
const PHYSICAL: &str = "s2_physical.s2lut";

static TABLES: LazyLock<[AtmosphereTable; 2]> =
    LazyLock::new(|| [PARITY, PHYSICAL].map(|name| read(&FileSource::open(&path(name)).unwrap()).unwrap()));

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/lut").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

fn condition() -> Condition {
    Condition {
        spacecraft: Spacecraft::S2A,
        band: Band::B02,
        aerosol: Aerosol::Rural,
        sun_zenith_deg: 40.0,
        view_zenith_deg: 6.0,
        relative_azimuth_deg: 90.0,
        aot_550: 0.2,
        elevation_km: 1.25,
        water_vapour_cm: 1.0,
        ozone_du: 0.0,
    }
}

#[test]
fn the_committed_files_are_the_ones_that_were_validated() {
    let digests = [
        (PARITY, "ed24b83009e6287f9da52aaffededcc7f6db3a057e492c3c7872d783c63d356b"),
        (PHYSICAL, "05e92d7feb686ad2d09bc67ee229d2a8726603ac0e42216974c6a9669a378c1c"),
    ];
    for (name, expected) in digests {
        let digest = Sha256::digest(bytes(name));
        let known: Vec<u8> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(&expected[at..at + 2], 16).unwrap()).collect();
        assert_eq!(digest.as_slice(), known, "{name}");
    }
}

/// Golden: single numbers taken from the files with another reader (numpy).
#[test]
fn arrays_stand_where_the_header_says() {
    let golden: [(f32, f32); 2] = [(0.036_371_466, 0.951_156_7), (0.028_932_327, 0.969_815_25)];
    for (table, (rho, gas)) in TABLES.iter().zip(golden) {
        let (craft, arrays) = &table.instruments()[1];
        assert_eq!(*craft, Spacecraft::S2B);
        assert_eq!(arrays.path_reflectance[[3, 1, 4, 2, 5, 11]], rho);
        assert_eq!(arrays.gas_transmittance[[11, 1, 3, 4]], gas);
    }
}

#[test]
fn nodes_are_met() {
    for table in TABLES.iter() {
        let c = condition();
        let (functions, notes) = table.evaluate(&c).unwrap();
        assert!(notes.is_empty());
        // Node indices of `condition`: aerosol 0, optical depth 3, pressure 1, sun 4, view 6 deg at 90 deg = 4.
        let arrays = &table.instruments()[0].1;
        let b = c.band.index();
        let albedo = f64::from(arrays.spherical_albedo[[b, 0, 3, 1]]);
        assert!((functions.spherical_albedo - albedo).abs() < 1e-9);
        // B02 has no water vapour to speak of, so the gases may be divided out.
        let path = |aot: usize| f64::from(arrays.path_reflectance[[b, 0, aot, 1, 4, 4]]);
        assert!((functions.path_reflectance / path(3) - 1.0).abs() < 2e-3, "{}", functions.path_reflectance);
        let down = f64::from(arrays.transmittance[[b, 0, 3, 1, 4]]);
        let clear = table.evaluate(&Condition { view_zenith_deg: 0.0, ..c }).unwrap().0;
        let up = f64::from(arrays.transmittance[[b, 0, 3, 1, 0]]);
        assert!((clear.two_way_transmittance() / (down * up) - 1.0).abs() < 2e-3);
    }
}

#[test]
fn the_sides_of_the_sun_are_not_exchanged() {
    // Towards 180 degrees (forward) aerosol is brighter than at 90; at 0 molecules and the aerosol's backscatter are.
    let at = |azimuth: f64| {
        let c = Condition {
            band: Band::B8A,
            sun_zenith_deg: 70.0,
            view_zenith_deg: 11.0,
            relative_azimuth_deg: azimuth,
            aot_550: 0.5,
            ..condition()
        };
        TABLES[0].evaluate(&c).unwrap().0.path_reflectance
    };
    assert!(at(180.0) > at(90.0) && at(90.0) > at(0.0));
    for (folded, plain) in [(-90.0, 90.0), (350.0, 10.0), (540.0, 180.0)] {
        assert!((at(folded) - at(plain)).abs() < 1e-15);
    }
}

#[test]
fn what_lies_outside_is_limited_and_noted() {
    type Setter = fn(&mut Condition, f64);
    let at = |c: &Condition| TABLES[1].evaluate(c).unwrap();
    let cases: [(Setter, f64, f64, Note); 5] = [
        (|c, v| c.sun_zenith_deg = v, 82.0, 86.0, Note::SunZenith),
        (|c, v| c.view_zenith_deg = v, 12.0, 15.0, Note::ViewZenith),
        (|c, v| c.aot_550 = v, 1.8, 3.0, Note::Aot),
        (|c, v| c.elevation_km = v, 5.0, 6.5, Note::Elevation),
        (|c, v| c.water_vapour_cm = v, 7.0, 8.0, Note::WaterVapour),
    ];
    for (set, end, beyond, note) in cases {
        let mut c = condition();
        set(&mut c, end);
        let (inside, notes) = at(&c);
        assert!(!notes.contains(note), "{note}");
        set(&mut c, beyond);
        let (outside, notes) = at(&c);
        assert!(notes.contains(note), "{note}");
        assert_eq!(inside, outside, "{note}");
    }
    let low = at(&Condition { sun_zenith_deg: 76.0, ..condition() }).1;
    assert_eq!(low.iter().collect::<Vec<_>>(), [Note::SunLow]);
    let borrowed = at(&Condition { spacecraft: Spacecraft::S2C, ..condition() });
    assert!(borrowed.1.contains(Note::Borrowed));
    assert_eq!(borrowed.0, at(&condition()).0);
    assert_eq!(TABLES[1].source_of(Spacecraft::S2D), Spacecraft::S2A);
    let nan = TABLES[1].evaluate(&Condition { aot_550: f64::NAN, ..condition() });
    assert!(matches!(nan, Err(TableError::NotFinite { quantity: "aot_550", .. })));
}

/// Replaces text in the header by text of the same length, so that the offsets stay right.
fn with_header(name: &str, from: &str, to: &str) -> Vec<u8> {
    let mut file = bytes(name);
    let at = file.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
    assert_eq!(from.len(), to.len());
    file[at..at + from.len()].copy_from_slice(to.as_bytes());
    file
}

#[test]
fn damaged_headers_are_refused_by_field() {
    let cases = [
        ("S2ATMLUT", "S2ATMLUX", "magic"),
        ("\"B01\", \"B02\"", "\"B02\", \"B01\"", "bands"),
        ("'rural'", "'urban'", "aerosol"),
        ("[0.0, 0.05, 0.1, 0.2", "[0.0, 0.15, 0.1, 0.2", "aot550"),
        ("\"aot550\": [0.0, ", "\"aot550\": [0.01,", "aot550"),
        ("[1012.99", "[ 412.99", "pressure_hpa (negated)"),
        ("[6.0, 60.0]", "[6.0, 61.0]", "axes.view"),
        ("[13, 2, 9, 5, 10, 15]", "[13, 2, 9, 5, 15, 10]", "S2A/rho"),
        ("[13, 2, 9, 5, 10, 15]", "[13, 2, 9, 5, 10, 99]", "arrays.S2A/rho"),
        ("[13, 2, 9, 5, 10, 15]", "[13, 2, 9, 5, 10 *15]", "header"),
        ("\"offset\": 702016", "\"offset\": 702017", "arrays.S2A/T.offset"),
        ("\"offset\": 1486080", "\"offset\": 9986048", "arrays.S2B/T"),
        ("<f4", "<f8", "arrays.S2A/rho.dtype"),
        ("S2A/tauR", "S2A/tauX", "arrays.S2A/tauX"),
        ("S2B/tauR", "S2C/tauR", "arrays.S2B/tauR"),
    ];
    for (from, to, expected) in cases {
        match parse(Path::new("x.s2lut"), &with_header(PHYSICAL, from, to)) {
            Err(Error::Field { field, .. }) => assert_eq!(field, expected, "{to}"),
            other => panic!("{to}: {other:?}"),
        }
    }
}

#[test]
fn short_files_and_bad_values_are_refused() {
    let file = bytes(PARITY);
    for length in [0, 7, 15, 16, 1000, 2751, 2752, file.len() / 2, file.len() - 64] {
        assert!(parse(Path::new("x"), &file[..length]).is_err(), "{length}");
    }
    for value in [f32::NAN, -1e-3, 2.5] {
        let mut file = file.clone();
        file[2752..2756].copy_from_slice(&value.to_le_bytes());
        let error = parse(Path::new("x.s2lut"), &file).unwrap_err().to_string();
        assert!(error.contains("S2A/rho"), "{error}");
    }
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let angles = (0.0..82.0f64, 0.0..12.0f64, 0.0..180.0f64);
    let air = (0.0..1.8f64, 0.0..5.0f64, 0.0..7.0f64, 100.0..500.0f64);
    (0..13usize, any::<bool>(), any::<bool>(), angles, air).prop_map(|(band, b, maritime, angles, air)| {
        Condition {
            spacecraft: if b { Spacecraft::S2B } else { Spacecraft::S2A },
            band: Band::ALL[band],
            aerosol: if maritime { Aerosol::Maritime } else { Aerosol::Rural },
            sun_zenith_deg: angles.0,
            view_zenith_deg: angles.1,
            relative_azimuth_deg: angles.2,
            aot_550: air.0,
            elevation_km: air.1,
            water_vapour_cm: air.2,
            ozone_du: air.3,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn functions_stay_within_physical_bounds(c in any_condition(), physical: bool) {
        let (f, notes) = TABLES[usize::from(physical)].evaluate(&c).unwrap();
        prop_assert_eq!(notes.iter().filter(|&note| note != Note::SunLow).count(), 0);
        for share in [f.two_way_transmittance(), f.transmittance_direct, f.transmittance_diffuse, f.transmittance_sun] {
            prop_assert!((0.0..=1.0).contains(&share), "{:?}", f);
        }
        prop_assert!(f.direct_flux >= 0.0 && f.diffuse_flux >= 0.0, "{:?}", f);
        prop_assert!((0.0..0.5).contains(&f.spherical_albedo));
        prop_assert!((0.0..0.6).contains(&f.path_reflectance));
        let total = f.transmittance_direct + f.transmittance_diffuse;
        prop_assert!((f.transmittance_sun * total - f.direct_flux).abs() < 1e-12);
    }

    #[test]
    fn more_aerosol_lets_less_light_through(c in any_condition(), more in 0.01..0.5f64, physical: bool) {
        let table = &TABLES[usize::from(physical)];
        let clear = table.evaluate(&c).unwrap().0;
        let turbid = table.evaluate(&Condition { aot_550: (c.aot_550 + more).min(1.8), ..c }).unwrap().0;
        prop_assert!(turbid.two_way_transmittance() <= clear.two_way_transmittance());
        prop_assert!(turbid.transmittance_direct <= clear.transmittance_direct);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(at in 0usize..2752, byte: u8) {
        let mut file = bytes(PARITY);
        file[at] = byte;
        let _ = parse(Path::new("x"), &file);
    }
}
