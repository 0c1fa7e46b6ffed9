//! Simulated scenes, whose surface reflectance is known, processed with the atmosphere that they were made with: what comes
//! out differs from the truth by what rounding explains.
//!
//! A Level-1C number is rounded to 1e-4 of reflectance, so it is wrong by up to 0.5e-4, which the correction multiplies by
//! the slope of surface over top-of-atmosphere reflectance; the result is rounded to 1e-4 again. The slope is taken from the
//! look-up tables here, not from the run: 1 / two-way transmittance over a black surface, in model `sen2cor` times
//! (1 + 0.15 S), and smaller over anything brighter.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "the table is what one looks at")]

use ndarray::Array2;
use ndarray_npy::read_npy;
use sen2cor::core::angles::relative_azimuth_deg;
use sen2cor::core::dn;
use sen2cor::core::grid::Resolution;
use sen2cor::core::reflectance::BandCorrection;
use sen2cor::core::season::{Season, water_vapour_for};
use sen2cor::core::sensor::Band;
use sen2cor::core::table::{AtmosphereTable, Condition};
use sen2cor::io::auxiliary::lut_file;
use sen2cor::io::bytes::FileSource;
use sen2cor::io::jp2::{ImageIndex, OpenJpeg, decode_image};
use sen2cor::io::safe::L1cProduct;
use sen2cor::{
    Aerosol, Model, Options, OutputResolution, Processor, RawAtmosphereOptions, RawOptions, Simulation,
    Simulator, Spacecraft,
};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Rounding of an image to 1e-4, at most.
const HALF_STEP: f64 = 0.5e-4;

/// Error of the arithmetic in f32.
const ARITHMETIC: f64 = 2e-6;

/// A simulated scene and the folder in which it lies.
struct Case {
    folder: tempfile::TempDir,
    simulation: Simulation,
    level_1c: PathBuf,
}

impl Case {
    fn new(simulation: Simulation) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let simulator =
            Simulator::new(simulation.clone(), folder.path()).with_truth(folder.path().join("truth"));
        let level_1c = simulator.run().unwrap().products.remove(0);
        Self { folder, simulation, level_1c }
    }

    /// Processes with the atmosphere of the simulation.
    fn processed(&self, resolution: OutputResolution) -> PathBuf {
        let simulation = &self.simulation;
        let mut raw = RawOptions::default();
        raw.product.resolution = Some(resolution);
        raw.atmosphere = RawAtmosphereOptions {
            model: Some(simulation.model),
            aerosol: Some(simulation.aerosol.into()),
            aot_550: Some(simulation.aot_550),
            water_vapour_cm: Some(simulation.water_vapour_cm),
            ozone_du: Some(simulation.ozone_du),
            elevation_km: Some(simulation.elevation_km),
            ..RawAtmosphereOptions::default()
        };
        Processor::new(&self.level_1c)
            .with_options(Options::try_from(raw).unwrap())
            .with_output_dir(self.folder.path().join(format!("{resolution:?}")))
            .run()
            .unwrap()
            .products
            .remove(0)
    }

    fn truth<T: ndarray_npy::ReadableElement>(&self, name: &str) -> Array2<T> {
        read_npy(self.folder.path().join("truth").join(format!("{name}.npy"))).unwrap()
    }

    /// How far an error of the Level-1C image of a band is multiplied, at most.
    fn slope(&self, band: Band, table: &AtmosphereTable, product: &L1cProduct) -> f64 {
        let (simulation, tile) = (&self.simulation, &product.tiles[0].metadata);
        let (sun, view) = (tile.mean_sun, tile.mean_view[band.index()].unwrap());
        let (model, elevation_km) = (simulation.model, simulation.elevation_km);
        let given = simulation.water_vapour_cm;
        let (functions, _) = table
            .evaluate(&Condition {
                spacecraft: simulation.spacecraft,
                band,
                aerosol: simulation.aerosol,
                sun_zenith_deg: sun.zenith_deg,
                view_zenith_deg: view.zenith_deg,
                relative_azimuth_deg: relative_azimuth_deg(sun.azimuth_deg, view.azimuth_deg),
                aot_550: simulation.aot_550,
                elevation_km,
                water_vapour_cm: water_vapour_for(model, band, given, Season::Summer, elevation_km),
                ozone_du: simulation.ozone_du,
            })
            .unwrap();
        let correction = BandCorrection::new(&functions, model.reference_albedo());
        let reference = f64::from(model.reference_albedo().unwrap_or(0.0));
        f64::from(correction.gain) * (1.0 + reference * f64::from(correction.spherical_albedo))
    }
}

fn table(model: Model) -> AtmosphereTable {
    let name = if model == Model::Physical { "s2_physical.s2lut" } else { "s2_parity.s2lut" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/lut").join(name);
    lut_file::parse(&path, &std::fs::read(&path).unwrap()).unwrap()
}

/// The only image of a product whose name ends like this.
fn image(product: &Path, resolution: Resolution, what: &str) -> Array2<u16> {
    let granule = std::fs::read_dir(product.join("GRANULE")).unwrap().map(|entry| entry.unwrap().path());
    let folder = granule.map(|g| g.join(format!("IMG_DATA/R{}", resolution.suffix()))).find(|f| f.is_dir());
    let mut files = std::fs::read_dir(folder.unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let ending = format!("_{what}_{}.jp2", resolution.suffix());
    let path = files.find(|file| file.to_str().unwrap().ends_with(&ending)).unwrap();
    let source = FileSource::open(&path).unwrap();
    let index = ImageIndex::read(&source).unwrap();
    decode_image(&OpenJpeg, &index, &source).unwrap().remove(0)
}

/// Differences over the clear pixels.
#[derive(Default)]
struct Differences {
    count: usize,
    largest: f64,
    squares: f64,
}

impl Differences {
    fn of(found: &Array2<u16>, truth: &Array2<f32>, clear: &Array2<u8>) -> Self {
        assert_eq!((found.dim(), clear.dim()), (truth.dim(), truth.dim()));
        let mut all = Self::default();
        for ((&stored, &truth), _) in found.iter().zip(truth).zip(clear).filter(|(_, clear)| **clear == 1) {
            assert_ne!(stored, dn::NO_DATA);
            let difference = f64::from(dn::to_signed(stored)) / 1e4 - f64::from(truth);
            all.count += 1;
            all.largest = all.largest.max(difference.abs());
            all.squares += difference * difference;
        }
        all
    }

    fn rmse(&self) -> f64 {
        (self.squares / self.count as f64).sqrt()
    }
}

/// Retrieved against true, band by band, each on its own grid; prints a table.
fn check(simulation: Simulation) {
    let mut report =
        format!("{simulation:?}\nband   clear   slope   largest      RMSE     limit (reflectance)\n");
    let case = Case::new(simulation);
    let (all, native_60m) = (case.processed(OutputResolution::All), case.processed(OutputResolution::R60));
    let (table, opened) = (table(case.simulation.model), L1cProduct::open(&case.level_1c).unwrap());
    let mut wrong = Vec::new();
    for band in Band::ALL.into_iter().filter(|&band| band != Band::B10) {
        let grid = band.native_resolution();
        // The 60 m images of a full run are averages of 20 m results.
        let product = if grid == Resolution::R60 { &native_60m } else { &all };
        let found = image(product, grid, band.name());
        let truth = case.truth(&format!("surface_reflectance_{band}"));
        let clear = case.truth(&format!("clear_{}", grid.suffix()));
        let differences = Differences::of(&found, &truth, &clear);
        let slope = case.slope(band, &table, &opened);
        let limit = HALF_STEP * (1.0 + slope) + ARITHMETIC;
        // Two roundings, each evenly spread over a step of 1e-4, one of them multiplied.
        let expected_rmse = 1e-4 * ((1.0 + slope * slope) / 12.0).sqrt();
        let Differences { count, largest, .. } = differences;
        let rmse = differences.rmse();
        writeln!(report, "{band:<4}{count:>8}{slope:>8.3}{largest:>10.6}{rmse:>10.6}{limit:>10.6}").unwrap();
        if largest > limit || rmse > 1.15 * expected_rmse || count < clear.len() / 10 {
            wrong.push(band);
        }
    }
    println!("{report}");
    assert!(wrong.is_empty(), "{wrong:?} are not explained by rounding\n{report}");
}

fn simulation(model: Model, spacecraft: Spacecraft, aerosol: Aerosol, numbers: [f64; 5]) -> Simulation {
    let [sun_zenith_deg, aot_550, water_vapour_cm, elevation_km, ozone_du] = numbers;
    Simulation {
        size_px: 240,
        model,
        spacecraft,
        aerosol,
        sun_zenith_deg,
        aot_550,
        water_vapour_cm,
        elevation_km,
        ozone_du,
        ..Simulation::default()
    }
}

#[test]
fn physical_clear_air_and_high_sun() {
    check(simulation(Model::Physical, Spacecraft::S2A, Aerosol::Rural, [20.0, 0.05, 0.5, 0.0, 331.0]));
}

#[test]
fn physical_usual_air_over_the_sea() {
    check(simulation(Model::Physical, Spacecraft::S2B, Aerosol::Maritime, [40.0, 0.2, 2.0, 0.5, 280.0]));
}

#[test]
fn physical_hazy_and_moist_on_a_plateau() {
    check(simulation(Model::Physical, Spacecraft::S2C, Aerosol::Rural, [60.0, 0.6, 3.5, 1.5, 400.0]));
}

#[test]
fn physical_dense_haze_and_low_sun() {
    check(simulation(Model::Physical, Spacecraft::S2A, Aerosol::Maritime, [70.0, 1.2, 5.0, 0.0, 331.0]));
}

#[test]
fn physical_no_aerosol_and_no_water_on_a_mountain() {
    check(simulation(Model::Physical, Spacecraft::S2B, Aerosol::Rural, [5.0, 0.0, 0.0, 4.5, 250.0]));
}

#[test]
fn sen2cor_usual_air() {
    check(simulation(Model::Sen2cor, Spacecraft::S2A, Aerosol::Rural, [40.0, 0.2, 2.0, 0.1, 331.0]));
}

#[test]
fn sen2cor_hazy_and_low_sun() {
    check(simulation(Model::Sen2cor, Spacecraft::S2B, Aerosol::Maritime, [62.0, 0.5, 3.0, 1.0, 331.0]));
}

#[test]
fn sen2cor_on_a_mountain() {
    check(simulation(Model::Sen2cor, Spacecraft::S2C, Aerosol::Rural, [30.0, 0.1, 0.8, 3.4, 300.0]));
}

/// Without the right atmosphere the limits are broken by far: they can tell.
#[test]
fn another_atmosphere_is_noticed() {
    let mut case =
        Case::new(simulation(Model::Physical, Spacecraft::S2A, Aerosol::Rural, [40.0, 0.2, 2.0, 0.1, 331.0]));
    case.simulation.aot_550 = 0.21;
    let product = case.processed(OutputResolution::All);
    let found = image(&product, Resolution::R10, "B02");
    let truth = case.truth("surface_reflectance_B02");
    let differences = Differences::of(&found, &truth, &case.truth("clear_10m"));
    assert!(differences.largest > 5e-4, "{}", differences.largest);
}
