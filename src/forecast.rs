//! What the weather files of a product say, and what a run uses of it.
//!
//! In: `AUX_ECMWFT` and `AUX_CAMSFO` of a tile. Out: means over the tile. A file that is missing or damaged does not stop a
//! run: the default takes its place, and the product, the summary and the log say so.

use crate::options::AtmosphereOptions;
use crate::quality::QualityNote;
use sen2cor_io::auxiliary::{AerosolForecast, Weather};
use sen2cor_io::safe::{L1cProduct, L1cTile, OzoneSource};
use std::path::Path;

/// Largest weather file that is read, bytes. Those of products have up to 3 kB.
const MAX_BYTES: u64 = 16 << 20;

/// Ozone where neither an option nor the product gives it, Dobson units: the original's default.
pub(crate) const DEFAULT_OZONE_DU: f64 = 331.0;

/// What a product forecasts of its own atmosphere.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Forecast {
    /// From `AUX_ECMWFT`.
    pub(crate) weather: Option<Weather>,
    /// From `AUX_CAMSFO`, which exists from baseline 04.00 on.
    pub(crate) aerosol: Option<AerosolForecast>,
    /// What is wrong with the files that are there.
    pub(crate) notes: Vec<QualityNote>,
}

impl Forecast {
    /// Reads the files of a tile as far as there are any.
    pub(crate) fn of(product: &L1cProduct, tile: &L1cTile) -> Self {
        let mut notes = Vec::new();
        let weather = read(product, tile.aux_ecmwf.as_deref(), Weather::read, &mut notes);
        let aerosol = read(product, tile.aux_cams.as_deref(), AerosolForecast::read, &mut notes);
        Self { weather, aerosol, notes }
    }

    /// The ozone column of a run: as given, else the product's, else the default.
    pub(crate) fn ozone(&self, options: &AtmosphereOptions) -> Ozone {
        if let Some(du) = options.ozone_du {
            return Ozone { du, source: OzoneSource::Config, words: "given" };
        }
        match self.weather.map(|weather| weather.ozone_du) {
            Some(du) if AtmosphereOptions::OZONE_DU.contains(&du) => {
                Ozone { du, source: OzoneSource::Ecmwf, words: "AUX_ECMWFT of the product" }
            }
            Some(_) => Ozone {
                du: DEFAULT_OZONE_DU,
                source: OzoneSource::Other,
                words: "default: the product's is no possible value",
            },
            None => Ozone {
                du: DEFAULT_OZONE_DU,
                source: OzoneSource::Other,
                words: "default: the product has none",
            },
        }
    }
}

/// The ozone column that is used, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ozone {
    pub(crate) du: f64,
    pub(crate) source: OzoneSource,
    pub(crate) words: &'static str,
}

fn read<T>(
    product: &L1cProduct,
    relative: Option<&str>,
    parse: impl Fn(&Path, &[u8]) -> sen2cor_io::Result<T>,
    notes: &mut Vec<QualityNote>,
) -> Option<T> {
    let relative = relative?;
    let file = product.container.display_path(relative);
    let read = product.container.read(relative, MAX_BYTES).and_then(|bytes| parse(&file, &bytes));
    read.map_err(|error| notes.push(QualityNote::WeatherUnreadable { reason: error.to_string() })).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(ozone_du: f64) -> Forecast {
        let weather = Weather { ozone_du, water_vapour_cm: 1.0, sea_level_pressure_hpa: 1013.0 };
        Forecast { weather: Some(weather), ..Forecast::default() }
    }

    #[test]
    fn an_option_goes_over_the_product_and_that_over_the_default() {
        let none = AtmosphereOptions::default();
        let given = AtmosphereOptions { ozone_du: Some(280.0), ..none.clone() };
        assert_eq!((forecast(300.0).ozone(&given).du, forecast(300.0).ozone(&none).du), (280.0, 300.0));
        assert_eq!(Forecast::default().ozone(&none).du, 331.0);
        assert_eq!(forecast(9.0).ozone(&none).source, OzoneSource::Other);
    }
}
