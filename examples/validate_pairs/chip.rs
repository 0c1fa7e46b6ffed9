//! A pair on the disk.

use crate::Failure;
use ndarray::Array2;
use ndarray_npy::{NpzReader, ReadNpzError};
use sen2cor::core::angles::Direction;
use sen2cor::core::dn;
use sen2cor::core::grid::Resolution;
use sen2cor::core::reflectance::{Slope, gradient};
use sen2cor::core::sensor::{Band, Spacecraft};
use sen2cor::io::xml::Element;
use serde_json::Value;
use std::fs::File;
use std::path::Path;

/// Bands that count: all that are compared in the archive but B01, and B09 and B10, which see little ground.
const BANDS: [Band; 10] = [
    Band::B02,
    Band::B03,
    Band::B04,
    Band::B05,
    Band::B06,
    Band::B07,
    Band::B08,
    Band::B8A,
    Band::B11,
    Band::B12,
];

/// Up to this difference of heights (m) and share of slopes above 6 degrees the ground counts as flat.
const FLAT: (f32, f64) = (10.0, 0.002);

/// Heights outside of this range (m) are gaps.
const HEIGHTS_M: (f32, f32) = (-450.0, 9000.0);

/// A band of a pair.
pub(crate) struct Pair {
    pub(crate) band: Band,
    pub(crate) resolution: Resolution,
    /// In the encoding of planes.
    pub(crate) toa: Array2<u16>,
    /// Level-2A of the archive, reflectance x 10000.
    pub(crate) archive: Array2<i32>,
    /// Elevation on the grid of the band, metres.
    pub(crate) elevation_m: Array2<f32>,
}

/// The bands of a pair and what is known of them.
pub(crate) struct Chip {
    pub(crate) name: String,
    pub(crate) spacecraft: Spacecraft,
    pub(crate) pairs: Vec<Pair>,
    /// Lowest, mean and highest ground, km.
    pub(crate) elevation_km: [f64; 3],
    pub(crate) rugged: bool,
    /// Sun azimuth of the tile that the chip names.
    pub(crate) sun_azimuth_deg: Option<f64>,
    pub(crate) view: [Direction; 13],
}

impl Chip {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let about = about(path)?;
        let mut npz = NpzReader::new(File::open(path)?)?;
        let dem = filled(&numbers(&mut npz, "DEM")?.mapv(|z| z as f32))?;
        let pairs =
            BANDS.into_iter().map(|band| pair(&mut npz, band, &dem)).collect::<Result<Vec<_>, _>>()?;
        let (sun_azimuth_deg, view) = angles(path, &about)?;
        let (low, high) = dem.iter().fold((f32::MAX, f32::MIN), |(low, high), &z| (low.min(z), high.max(z)));
        let km = |metres: f32| f64::from(metres).max(0.0) / 1000.0;
        Ok(Self {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            spacecraft: spacecraft(path, &about)?,
            pairs,
            elevation_km: [km(low), km(dem.mean().unwrap_or(0.0)), km(high)],
            rugged: high - low > FLAT.0 || share_of_slopes(&dem) > FLAT.1,
            sun_azimuth_deg,
            view,
        })
    }
}

/// What the file beside the chip says.
fn about(path: &Path) -> Result<Value, Failure> {
    let beside = path.with_extension("json");
    match File::open(&beside) {
        Ok(file) => serde_json::from_reader(file).map_err(|e| format!("{}: {e}", beside.display()).into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("{}: not there, so spacecraft and angles are unknown", beside.display());
            Ok(Value::Null)
        }
        Err(error) => Err(format!("{}: {error}", beside.display()).into()),
    }
}

fn spacecraft(path: &Path, about: &Value) -> Result<Spacecraft, Failure> {
    let Some(name) = about["spacecraft"].as_str() else {
        eprintln!("{}: no spacecraft is named, S2A is taken", path.display());
        return Ok(Spacecraft::S2A);
    };
    Ok(name.parse()?)
}

/// An array of any usual type of numbers.
fn numbers(npz: &mut NpzReader<File>, name: &str) -> Result<Array2<f64>, Failure> {
    macro_rules! first_that_fits {
        ($($kind:ty),*) => {
            $(match npz.by_name::<ndarray::OwnedRepr<$kind>, ndarray::Ix2>(name) {
                Ok(array) => return Ok(array.mapv(f64::from)),
                Err(ReadNpzError::Zip(error)) => return Err(format!("array {name}: {error}").into()),
                Err(ReadNpzError::Npy(_)) => {}
            })*
        };
    }
    first_that_fits!(u16, i16, f32, f64, i32, u32, u8, i8);
    Err(format!("array {name}: two-dimensional numbers of up to 32 bits are expected").into())
}

fn pair(npz: &mut NpzReader<File>, band: Band, dem: &Array2<f32>) -> Result<Pair, Failure> {
    let raw = numbers(npz, band.name())?;
    let name = format!("L2A_{band}");
    let archive = numbers(npz, &name)?.mapv(|v| v.clamp(-32_768.0, 65_535.0) as i32);
    let resolution = band.native_resolution();
    if raw.dim() != archive.dim() || raw.is_empty() {
        return Err(format!("{band} has {:?} pixels, {name} {:?}", raw.dim(), archive.dim()).into());
    }
    let elevation_m = coarser(dem, resolution.cells() as usize);
    if raw.dim() != elevation_m.dim() {
        let (here, there) = (raw.dim(), elevation_m.dim());
        return Err(format!("{band} has {here:?} pixels, the elevation on its grid {there:?}").into());
    }
    let toa = raw.mapv(|stored| dn::from_stored(stored.clamp(0.0, 65_534.0) as u16, 0, dn::SATURATED));
    Ok(Pair { band, resolution, toa, archive, elevation_m })
}

/// Gaps get the mean of the rest.
fn filled(dem: &Array2<f32>) -> Result<Array2<f32>, Failure> {
    let known = |z: &f32| (HEIGHTS_M.0..HEIGHTS_M.1).contains(z);
    let (count, sum) =
        dem.iter().filter(|z| known(z)).fold((0u32, 0.0), |(n, sum), &z| (n + 1, sum + f64::from(z)));
    if count == 0 {
        return Err("array DEM: no height is known".into());
    }
    let mean = (sum / f64::from(count)) as f32;
    Ok(dem.mapv(|z| if known(&z) { z } else { mean }))
}

/// Block means.
fn coarser(image: &Array2<f32>, factor: usize) -> Array2<f32> {
    Array2::from_shape_fn((image.nrows() / factor, image.ncols() / factor), |(row, col)| {
        let mut sum = 0.0;
        for r in 0..factor {
            for c in 0..factor {
                sum += image[[row * factor + r, col * factor + c]];
            }
        }
        sum / (factor * factor) as f32
    })
}

/// Share of pixels that slope by more than 6 degrees.
fn share_of_slopes(dem: &Array2<f32>) -> f64 {
    let steep = 6.0f32.to_radians().cos();
    let count = (0..dem.nrows())
        .flat_map(|row| (0..dem.ncols()).map(move |col| (row, col)))
        .filter(|&(row, col)| Slope::new(gradient(&dem.view(), 10.0, row, col)).cosine < steep)
        .count();
    count as f64 / dem.len().max(1) as f64
}

/// Sun azimuth and view directions of the tile that the chip names; without one the sun azimuth is unknown and the view is vertical.
fn angles(path: &Path, about: &Value) -> Result<(Option<f64>, [Direction; 13]), Failure> {
    let mut view = [Direction { zenith_deg: 0.0, azimuth_deg: 0.0 }; 13];
    let Some(relative) = about["angles"].as_str() else { return Ok((None, view)) };
    let file = path.parent().unwrap_or(Path::new("")).join(relative);
    let Ok(bytes) = std::fs::read(&file) else {
        eprintln!("{}: not there, so the angles are unknown", file.display());
        return Ok((None, view));
    };
    let root = Element::parse(&file, &bytes)?;
    let missing = |what: &str| -> Failure { format!("{}: no {what}", file.display()).into() };
    let angles = root.find("Geometric_Info/Tile_Angles").ok_or_else(|| missing("Tile_Angles"))?;
    let number = |element: &Element, name: &str| -> Result<f64, Failure> {
        Ok(element.find(name).ok_or_else(|| missing(name))?.text().trim().parse()?)
    };
    if let Some(list) = angles.find("Mean_Viewing_Incidence_Angle_List") {
        for element in list.children_named("Mean_Viewing_Incidence_Angle") {
            let band: usize = element.attribute("bandId").unwrap_or_default().parse()?;
            if let Some(view) = view.get_mut(band) {
                *view = Direction {
                    zenith_deg: number(element, "ZENITH_ANGLE")?,
                    azimuth_deg: number(element, "AZIMUTH_ANGLE")?,
                };
            }
        }
    }
    let sun = angles.find("Mean_Sun_Angle").ok_or_else(|| missing("Mean_Sun_Angle"))?;
    Ok((Some(number(sun, "AZIMUTH_ANGLE")?), view))
}
