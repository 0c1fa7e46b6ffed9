//! Facts of the instruments: wavelengths, spectral responses, solar irradiance, gains.

use super::{group, measured, text};
use crate::xml::Element;
use sen2cor_core::sensor::{Band, Spacecraft};

/// One line per spacecraft and band; see the head of the file for its source and columns.
const TABLE: &str = include_str!("instrument.csv");

/// A line of the table; numbers stay texts, as they go into the metadata unchanged.
#[derive(Clone, Copy, Debug)]
pub(super) struct BandFacts {
    pub(super) band: Band,
    min_nm: &'static str,
    max_nm: &'static str,
    central_nm: &'static str,
    pub(super) irradiance: &'static str,
    pub(super) gain: &'static str,
    response: &'static str,
}

/// The bands of a spacecraft in the order of `bandId`. S2D is taken for a twin of S2C.
pub(super) fn bands(spacecraft: Spacecraft) -> Vec<BandFacts> {
    let name = match spacecraft {
        Spacecraft::S2D => Spacecraft::S2C,
        other => other,
    }
    .short_name();
    TABLE
        .lines()
        .filter_map(|line| {
            let mut columns = line.split(',');
            let mut next = || columns.next();
            (next()? == name).then_some(())?;
            Some(BandFacts {
                band: next()?.parse().ok()?,
                min_nm: next()?,
                max_nm: next()?,
                central_nm: next()?,
                irradiance: next()?,
                gain: next()?,
                response: next()?,
            })
        })
        .collect()
}

impl BandFacts {
    pub(super) fn id(&self) -> String {
        self.band.index().to_string()
    }

    /// `Spectral_Information`
    fn spectral(&self) -> Element {
        let wavelength = group(
            "Wavelength",
            [
                measured("MIN", "nm", self.min_nm),
                measured("MAX", "nm", self.max_nm),
                measured("CENTRAL", "nm", self.central_nm),
            ],
        );
        let response = group("Spectral_Response", [measured("STEP", "nm", 1), text("VALUES", self.response)]);
        let resolution = text("RESOLUTION", self.band.native_resolution().metres());
        group("Spectral_Information", [resolution, wavelength, response])
            .with_attribute("bandId", self.id())
            .with_attribute("physicalBand", self.band.physical_name())
    }
}

/// `Spectral_Information_List`
pub(super) fn spectral_list(bands: &[BandFacts]) -> Element {
    group("Spectral_Information_List", bands.iter().map(BandFacts::spectral))
}

/// `Reflectance_Conversion`; `u` is 1 over the square of the distance to the sun in astronomical units.
pub(super) fn reflectance_conversion(bands: &[BandFacts], u: f64) -> Element {
    let irradiances = bands.iter().map(|b| {
        text("SOLAR_IRRADIANCE", b.irradiance)
            .with_attribute("bandId", b.id())
            .with_attribute("unit", "W/m\u{b2}/\u{b5}m")
    });
    group("Reflectance_Conversion", [text("U", u), group("Solar_Irradiance_List", irradiances)])
}

/// `Radiometric_Offset_List`
pub(super) fn offset_list(bands: &[BandFacts], radio_add_offset: i32) -> Element {
    let offset = |b: &BandFacts| text("RADIO_ADD_OFFSET", radio_add_offset).with_attribute("band_id", b.id());
    group("Radiometric_Offset_List", bands.iter().map(offset))
}

/// `Image_Display_Order`: true colours.
pub(super) fn display_order() -> Element {
    let channel = |name: &str, band: Band| text(name, band.index());
    group(
        "Image_Display_Order",
        [
            channel("RED_CHANNEL", Band::B04),
            channel("GREEN_CHANNEL", Band::B03),
            channel("BLUE_CHANNEL", Band::B02),
        ],
    )
}

/// 1 / d^2 of the distance d to the sun in astronomical units on a day of the year (1 to 366), from the eccentricity 0.01673 and
/// perihelion on day 4.
pub(super) fn sun_distance_factor(day_of_year: i16) -> f64 {
    let angle_deg = 0.9856 * (f64::from(day_of_year) - 4.0);
    let distance_au = 1.0 - 0.016_73 * angle_deg.to_radians().cos();
    // Real products give 15 digits; four are true.
    (1e6 / (distance_au * distance_au)).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete() {
        for spacecraft in Spacecraft::ALL {
            let found = bands(spacecraft);
            let order: Vec<Band> = found.iter().map(|b| b.band).collect();
            assert_eq!(order, Band::ALL);
            for band in found {
                let number = |text: &str| text.parse::<f64>().unwrap();
                let samples = band.response.split(' ').map(number).collect::<Vec<_>>();
                assert_eq!(samples.len() as f64, number(band.max_nm) - number(band.min_nm) + 1.0);
                assert!(samples.iter().copied().fold(0.0, f64::max) == 1.0, "{}", band.band);
                assert!((number(band.min_nm)..number(band.max_nm)).contains(&number(band.central_nm)));
            }
        }
    }

    /// `U` of T31TCJ of 20 January 2024 and of T56JMM of 29 June 2018.
    #[test]
    fn the_distance_of_the_sun_agrees_with_real_products() {
        assert!((sun_distance_factor(20) - 1.033_490_098_009_43).abs() < 1e-3);
        assert!((sun_distance_factor(180) - 0.967_798_898_595_979).abs() < 1e-3);
    }
}
