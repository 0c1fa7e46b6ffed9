//! Results as arrays, without a product on the disk.

use crate::error::{Error, Result};
use crate::execution::executor_or_threads;
use crate::options::{OutputResolution, Part};
use crate::processor::{Processor, TileRun, open};
use crate::recipe::level_2a;
use ndarray::{Array2, s};
use sen2cor_core::dn;
use sen2cor_core::grid::{Block, Resolution, Window};
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, FrozenPlane, PlaneHandle};
use sen2cor_io::safe::ImageKind;
use std::path::PathBuf;

/// A result that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The scene class, 0 to 11; at 20 and 60 m.
    SceneClass,
    /// Cloud confidence in per cent; at 20 and 60 m.
    CloudProbability,
    /// Snow confidence in per cent; at 20 and 60 m.
    SnowProbability,
    /// Surface reflectance of a band.
    SurfaceReflectance(Band),
    /// Reflectance of a band at the top of the atmosphere.
    ToaReflectance(Band),
    /// Aerosol optical depth at 550 nm.
    Aot550,
    /// Water vapour column in cm.
    WaterVapourCm,
}

impl Layer {
    fn kind(self) -> ImageKind {
        match self {
            Self::SceneClass => ImageKind::Scl,
            Self::CloudProbability => ImageKind::CloudProbability,
            Self::SnowProbability => ImageKind::SnowProbability,
            Self::SurfaceReflectance(band) => ImageKind::Band(band),
            Self::ToaReflectance(band) => ImageKind::Toa(band),
            Self::Aot550 => ImageKind::Aot,
            Self::WaterVapourCm => ImageKind::Wvp,
        }
    }

    fn part(self) -> Part {
        match self {
            Self::SceneClass | Self::CloudProbability | Self::SnowProbability => Part::Scl,
            Self::SurfaceReflectance(_) => Part::Bands,
            Self::ToaReflectance(_) => Part::Toa,
            Self::Aot550 => Part::Aot,
            Self::WaterVapourCm => Part::Wvp,
        }
    }

    fn band(self) -> Option<Band> {
        match self {
            Self::SurfaceReflectance(band) | Self::ToaReflectance(band) => Some(band),
            _ => None,
        }
    }

    /// The value of a stored number; not a number where there are no data.
    fn value(self, stored: u16) -> f32 {
        match self.part() {
            Part::Bands | Part::Toa if stored == dn::NO_DATA => f32::NAN,
            Part::Bands | Part::Toa => dn::to_signed(stored) as f32 / 10_000.0,
            Part::Aot | Part::Wvp if stored == 0 => f32::NAN,
            Part::Aot | Part::Wvp => f32::from(stored) / 1000.0,
            Part::Scl => f32::from(stored),
        }
    }
}

/// A result as an array; rows run from north to south, columns from west to east.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerArray {
    /// What it is.
    pub layer: Layer,
    /// Size of its pixels.
    pub resolution: Resolution,
    /// The part of the tile that it covers, in pixels.
    pub window: Window,
    /// The numbers as the images of a product store them; 0 where there are no data.
    pub stored: Array2<u16>,
}

impl LayerArray {
    /// The values in their unit: reflectance, optical depth, cm, per cent, or class numbers. Not a number where there are no
    /// data, except in class maps and confidences.
    pub fn values(&self) -> Array2<f32> {
        self.stored.mapv(|stored| self.layer.value(stored))
    }
}

impl Processor {
    /// Computes layers of the first tile of the input on one grid, for a window in pixels of that grid or for all of it, and
    /// writes nothing. Only what the layers need is read and computed. Options apply as for [`Processor::run`]; those that
    /// choose results do not.
    ///
    /// # Errors
    /// As [`Processor::run`]; also if a layer does not exist on the grid, or the window lies outside of the tile.
    pub fn layers(
        &self,
        layers: &[Layer],
        resolution: Resolution,
        window: Option<Window>,
    ) -> Result<Vec<LayerArray>> {
        let mut request = self.clone();
        let selection = &mut request.options.selection;
        selection.only = Some(layers.iter().map(|layer| layer.part()).collect());
        let bands: Vec<Band> = layers.iter().filter_map(|layer| layer.band()).collect();
        selection.bands = (!bands.is_empty()).then_some(bands);
        selection.roi = None;
        if request.options.product.resolution != OutputResolution::R60 {
            request.options.product.resolution =
                if resolution == Resolution::R10 { OutputResolution::All } else { OutputResolution::R20 };
        }
        let executor = executor_or_threads(request.executor.as_ref())?;
        let product = open(&request.input)?;
        let tile = product
            .tiles
            .first()
            .ok_or_else(|| missing("the input has no tile".to_owned(), &product.container))?;
        let mut run = TileRun::new(&request, &product, tile, None)?;
        let (rows, cols) = run.job.extent.shape(resolution);
        let whole = Window { row: 0, col: 0, rows, cols };
        let window = window.unwrap_or(whole);
        if window.row + window.rows > rows || window.col + window.cols > cols {
            let reason =
                format!("the window {window:?} lies outside of the tile, which has {rows} x {cols} pixels");
            return Err(missing(reason, &product.container));
        }
        run.job.fit_blocks(cells(window, resolution), &request.options);
        let mut flow = Flow::new();
        let mut sink = run.sink(Box::new(|_, _| Ok(PathBuf::new())));
        sink.kept = Some(Kept {
            wanted: layers.iter().map(|layer| (layer.kind(), resolution)).collect(),
            planes: Vec::new(),
            part: (window != whole).then(|| cells(window, resolution)),
        });
        level_2a(&mut flow, &run.job, &mut sink)?;
        let planes = sink.kept.map(|kept| kept.planes).unwrap_or_default();
        let finished = flow.run(executor.as_ref(), &request.context)?;
        layers
            .iter()
            .map(|&layer| {
                let found = planes.iter().find(|(kind, _)| *kind == layer.kind());
                let (_, plane) = found.ok_or_else(|| {
                    missing(format!("there is no {layer:?} at {resolution}"), &product.container)
                })?;
                let stored = cut(finished.plane(*plane)?, layer, window)?;
                Ok(LayerArray { layer, resolution, window, stored })
            })
            .collect()
    }
}

/// Planes that stay in memory instead of becoming files.
pub(crate) struct Kept {
    /// What is asked for.
    pub(crate) wanted: Vec<(ImageKind, Resolution)>,
    /// Where it will be.
    pub(crate) planes: Vec<(ImageKind, PlaneHandle)>,
    /// The part of the tile that is asked for; `None`: all.
    pub(crate) part: Option<Block>,
}

/// The cells of a window.
const fn cells(window: Window, resolution: Resolution) -> Block {
    let edge = resolution.cells();
    Block {
        row: window.row as u32 * edge,
        col: window.col as u32 * edge,
        rows: window.rows as u32 * edge,
        cols: window.cols as u32 * edge,
    }
}

fn missing(reason: String, container: &sen2cor_io::safe::Container) -> Error {
    Error::InputContent { path: container.path().to_owned(), reason }
}

fn cut(plane: &FrozenPlane, layer: Layer, window: Window) -> Result<Array2<u16>> {
    let part = s![window.row..window.row + window.rows, window.col..window.col + window.cols];
    Ok(if layer.part() == Part::Scl {
        plane.view::<u8>()?.slice(part).mapv(u16::from)
    } else {
        plane.view::<u16>()?.slice(part).to_owned()
    })
}
