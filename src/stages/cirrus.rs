//! Thin cirrus; adapters of `sen2cor_core::cirrus`.

use ndarray::ArrayView2;
use sen2cor_core::cirrus::{CirrusInput, CirrusRemoval, CirrusStatistics, cirrus_reflectance, count_cirrus};
use sen2cor_core::filter::upsample_row;
use sen2cor_core::grid::Resolution;
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Cirrus as B10 sees it. Input: B10 on the 60 m grid.
pub(crate) struct SeeCirrus;

impl Kernel for SeeCirrus {
    const NAME: &'static str = "cirrus.see/1";
    type Params = ();
    type Partial = ();

    fn halo_m((): &()) -> u32 {
        60
    }

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let grid = Resolution::R60;
        let windows = (io.window_with_halo(grid), io.window(grid));
        cirrus_reflectance(io.input::<u16>(0)?, windows, io.extent().shape(grid), io.output::<f32>(0)?);
        Ok(())
    }
}

/// Statistics of cirrus. Inputs: B01, B02, B03, class map, all on one grid. Table: cirrus.
pub(crate) struct CountCirrus;

impl Kernel for CountCirrus {
    const NAME: &'static str = "cirrus.count/1";
    type Params = Resolution;
    type Partial = CirrusStatistics;

    fn run(grid: &Resolution, io: &mut UnitIo<'_>) -> Result<CirrusStatistics, KernelError> {
        Ok(count_cirrus(&CirrusInput {
            bands: [io.input::<u16>(0)?, io.input::<u16>(1)?, io.input::<u16>(2)?],
            class: io.input::<u8>(3)?,
            cirrus: io.table::<f32>(0)?,
            target: io.window(*grid),
            resolution: *grid,
        }))
    }
}

/// A band without cirrus. Inputs: the band, the class map of any grid. Table: cirrus.
pub(crate) struct RemoveCirrus;

/// Parameters of [`RemoveCirrus`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct RemoveParams {
    pub(crate) resolution: Resolution,
    /// `None`: the band stays as it is.
    pub(crate) removal: Option<CirrusRemoval>,
}

impl Kernel for RemoveCirrus {
    const NAME: &'static str = "cirrus.remove/1";
    type Params = RemoveParams;
    type Partial = ();

    fn run(params: &RemoveParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let band = io.input::<u16>(0)?;
        let mut output = io.output::<u16>(0)?;
        let Some(removal) = params.removal else {
            output.assign(&band);
            return Ok(());
        };
        let (class, cirrus) = (io.input::<u8>(1)?, io.table::<f32>(0)?);
        let target = io.window(params.resolution);
        let mut line = vec![0.0f32; target.cols];
        for (row, mut out) in output.outer_iter_mut().enumerate() {
            upsample_row(&cirrus, params.resolution, (target.row + row, target.col), &mut line);
            for (col, (out, &cirrus)) in out.iter_mut().zip(&line).enumerate() {
                let class = class_at(&class, (row, col), (target.rows, target.cols));
                *out = removal.sample(band[[row, col]], cirrus, class);
            }
        }
        Ok(())
    }
}

/// The class of a pixel, whose grid may be finer or coarser than that of the map; of several classes that of the middle.
fn class_at(class: &ArrayView2<'_, u8>, (row, col): (usize, usize), (rows, cols): (usize, usize)) -> u8 {
    let place = |pixel: usize, pixels: usize, classes: usize| {
        if classes >= pixels {
            let edge = classes / pixels.max(1);
            pixel * edge + edge / 2
        } else {
            pixel / pixels.div_ceil(classes.max(1))
        }
    };
    class[[place(row, rows, class.nrows()), place(col, cols, class.ncols())]]
}
