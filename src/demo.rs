//! A whole run on built-in input: simulate, process, and pictures to look at.

use crate::error::{Error, Result};
use crate::processor::Processor;
use crate::quicklook;
use crate::simulator::{Simulation, Simulator};
use sen2cor_core::classify::SceneClass;
use sen2cor_exec::RunContext;
use std::path::{Path, PathBuf};

/// What a demonstration has made.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The simulated Level-1C product.
    pub level_1c: PathBuf,
    /// The Level-2A product made from it.
    pub level_2a: PathBuf,
    /// Pictures, each with what it shows.
    pub pictures: Vec<(PathBuf, &'static str)>,
    /// Share of each class in the class map, per cent of all pixels.
    pub classes: Vec<(SceneClass, f64)>,
}

/// Simulates a small product, processes it with the aerosol and water vapour that it was made with, and writes pictures of
/// both. Products of an earlier demonstration with the same names are replaced.
///
/// # Errors
/// If the folder cannot be written.
pub fn run_demo(folder: &Path, context: &RunContext) -> Result<Demo> {
    std::fs::create_dir_all(folder).map_err(|e| Error::output_io(folder, "creating", e))?;
    let simulation = Simulation::default();
    let simulated = Simulator::new(simulation.clone(), folder)
        .with_context(context.clone())
        .with_overwrite(true)
        .run()?;
    let level_1c = only(&simulated.products)?;
    let mut options = simulation.options()?;
    options.product.overwrite = true;
    let processed = Processor::new(&level_1c)
        .with_options(options)
        .with_output_dir(folder)
        .with_context(context.clone())
        .run()?;
    let level_2a = only(&processed.products)?;
    let picture = |name: &str| folder.join(name);
    let before = picture("true_colour_before.png");
    quicklook::true_colour(&image(&level_1c, "IMG_DATA", "_TCI.jp2")?, &before)?;
    let after = picture("true_colour_after.png");
    quicklook::true_colour(&image(&level_2a, "IMG_DATA/R10m", "_TCI_10m.jp2")?, &after)?;
    let map = picture("class_map.png");
    let classes = quicklook::class_map(&image(&level_2a, "IMG_DATA/R20m", "_SCL_20m.jp2")?, &map)?;
    let pictures = vec![
        (before, "true colour before the correction"),
        (after, "true colour after the correction"),
        (map, "scene class map"),
    ];
    Ok(Demo { level_1c, level_2a, pictures, classes })
}

fn only(products: &[PathBuf]) -> Result<PathBuf> {
    products.first().cloned().ok_or_else(|| Error::InputContent {
        path: PathBuf::new(),
        reason: "no tile in the product".to_owned(),
    })
}

/// The image of a product's tile whose name ends like this.
fn image(product: &Path, folder: &str, ending: &str) -> Result<PathBuf> {
    let granules = product.join("GRANULE");
    let list = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let entries = entries.map_err(|e| Error::output_io(folder, "listing", e))?;
        Ok(entries.into_iter().map(|entry| entry.path()).collect())
    };
    for granule in list(&granules)? {
        for file in list(&granule.join(folder))? {
            if file.to_string_lossy().ends_with(ending) {
                return Ok(file);
            }
        }
    }
    Err(Error::InputContent { path: granules, reason: format!("no image *{ending}") })
}
