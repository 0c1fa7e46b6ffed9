//! Auxiliary files of simulated products: coded as those of real products.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod l1c_common;

use sen2cor_core::grid::Extent;
use sen2cor_core::sensor::Spacecraft;
use sen2cor_io::safe::{Existing, L1cFacts, L1cWriter};
use std::fs;
use std::path::Path;

/// A message decoded by the letter of WMO FM 92 GRIB edition 1, without the writer's code.
struct Message {
    /// Table, parameter, type of level.
    parameter: (u8, u8, u8),
    /// Section 1 without the time.
    definition: Vec<u8>,
    /// Latitude and longitude of the first and the last node, millidegrees.
    corners: [i32; 4],
    mean: f64,
}

fn decode(bytes: &[u8]) -> Vec<Message> {
    let u16_at = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let u24_at = |at: usize| u32::from_be_bytes([0, bytes[at], bytes[at + 1], bytes[at + 2]]);
    let angle = |at: usize| {
        let magnitude = (u24_at(at) & 0x7f_ffff) as i32;
        if bytes[at] & 0x80 == 0 { magnitude } else { -magnitude }
    };
    let mut messages = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        assert_eq!(&bytes[start..start + 4], b"GRIB");
        assert_eq!(bytes[start + 7], 1, "edition");
        let total = u24_at(start + 4) as usize;
        let one = start + 8;
        let two = one + u24_at(one) as usize;
        let four = two + u24_at(two) as usize;
        let end = four + u24_at(four) as usize;
        assert_eq!(bytes[one + 7] & 0xc0, 0x80, "a grid description and no bit map");
        assert_eq!((end + 4 - start, &bytes[end..end + 4]), (total, b"7777".as_slice()));
        assert_eq!((bytes[two + 5], u16_at(two + 6), u16_at(two + 8)), (0, 9, 9), "a regular grid");
        let scale =
            f64::from(u16_at(four + 4) & 0x7fff) * if bytes[four + 4] & 0x80 == 0 { 1.0 } else { -1.0 };
        let sign = if bytes[four + 6] & 0x80 == 0 { 1.0 } else { -1.0 };
        let exponent = f64::from(bytes[four + 6] & 0x7f) - 64.0;
        let reference = sign * f64::from(u24_at(four + 7)) / 16f64.powi(6) * 16f64.powf(exponent);
        assert_eq!(bytes[four + 10], 16, "bits per value");
        let packed = (0..81).map(|i| f64::from(u16_at(four + 11 + 2 * i)));
        let sum: f64 = packed.map(|x| reference + x * scale.exp2()).sum();
        let mut definition = bytes[one..two].to_vec();
        definition.drain(12..21);
        messages.push(Message {
            parameter: (bytes[one + 3], bytes[one + 8], bytes[one + 9]),
            definition,
            corners: [angle(two + 10), angle(two + 13), angle(two + 17), angle(two + 20)],
            mean: sum / 81.0,
        });
        start += total;
    }
    messages
}

fn ours(baseline: &str) -> (L1cFacts, Vec<Message>, Option<Vec<Message>>) {
    let extent = Extent { rows: 10_980, cols: 10_980 };
    let mut facts = L1cFacts::southern_sweden(Spacecraft::S2B, baseline.parse().unwrap(), extent);
    facts.aot_550 = 0.237;
    facts.water_vapour_cm = 2.31;
    facts.elevation_km = 0.35;
    let folder = tempfile::tempdir().unwrap();
    let writer = L1cWriter::begin(folder.path(), &facts, Existing::Keep).unwrap();
    let file = |name: &str| {
        let found = l1c_common::files_named(writer.folder(), &|p: &Path| p.ends_with(name));
        found.first().map(|path| decode(&fs::read(path).unwrap()))
    };
    (facts.clone(), file("AUX_ECMWFT").unwrap(), file("AUX_CAMSFO"))
}

#[test]
fn fields_hold_the_facts() {
    let near =
        |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    let mean = |messages: &[Message], number: u8| {
        messages.iter().find(|m| m.parameter.1 == number).unwrap_or_else(|| panic!("no {number}")).mean
    };
    for baseline in ["02.06", "05.10"] {
        let (facts, weather, aerosol) = ours(baseline);
        near(mean(&weather, 137), facts.water_vapour_cm * 10.0);
        near(mean(&weather, 206) * 46_670.82, facts.ozone_du);
        assert_eq!(aerosol.is_some(), baseline == "05.10");
        if let Some(aerosol) = aerosol {
            near(mean(&aerosol, 207), facts.aot_550);
            near(mean(&aerosol, 129), facts.elevation_km * 9806.65);
            near([208, 209, 210, 211, 212].map(|n| mean(&aerosol, n)).iter().sum(), facts.aot_550);
            assert!(mean(&aerosol, 213) > mean(&aerosol, 207) && mean(&aerosol, 207) > mean(&aerosol, 216));
        }
        // The grid spans the tile: the corners of 33UUB, see the test of the map projection.
        assert_eq!(weather[0].corners, [55_937, 11_801, 54_919, 13_592]);
    }
}

/// Same messages in the same order, and the same definitions but for the time.
#[test]
fn messages_are_those_of_real_files() {
    let Some(data) = l1c_common::data() else { return };
    for (baseline, file, product) in [
        ("02.06", "AUX_ECMWFT", "S2A_MSIL1C_20180629T000241_N0206_R030_T56JMM_20180629T012042"),
        ("05.10", "AUX_ECMWFT", "S2B_MSIL1C_20240305T104819_N0510_R051_T31TCJ_20240305T125347"),
        ("05.10", "AUX_CAMSFO", "S2B_MSIL1C_20240305T104819_N0510_R051_T31TCJ_20240305T125347"),
    ] {
        let real = decode(&fs::read(data.join("aux").join(product).join(file)).unwrap());
        let (_, weather, aerosol) = ours(baseline);
        let ours = if file == "AUX_ECMWFT" { weather } else { aerosol.unwrap() };
        let numbers = |messages: &[Message]| -> Vec<_> {
            messages.iter().map(|m| (m.parameter, m.definition.clone())).collect()
        };
        assert_eq!(numbers(&ours), numbers(&real), "{baseline} {file}");
    }
}
