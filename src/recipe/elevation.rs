//! The elevation as an image of the product, and which bands are averaged.

use super::{Known, Recipe};
use crate::error::Error;
use crate::images::ImageSink;
use crate::stages::terrain::StoreElevation;
use sen2cor_core::grid::Resolution;
use sen2cor_exec::{Flow, PlaneHandle, PlaneSpec};
use sen2cor_io::safe::ImageKind;

impl Recipe<'_> {
    /// Writes the elevation of a grid if there is one and it is asked for; its whole metres.
    pub(super) fn write_elevation(
        &self,
        flow: &mut Flow<'_, Error>,
        known: &Known,
        grid: Resolution,
        sink: &mut ImageSink<'_>,
    ) -> Result<Option<PlaneHandle>, Error> {
        let Some(elevation) = known.elevation.filter(|_| sink.extras.dem) else { return Ok(None) };
        let mut stage = flow
            .stage::<StoreElevation>(format!("terrain: whole metres at {grid}"), self.tiling)
            .input(elevation.plane);
        let stored = stage.output(PlaneSpec::grid::<u16>(self.job.extent, grid));
        stage.run(());
        sink.image(flow, ImageKind::Dem, grid, stored)?;
        Ok(Some(stored))
    }
}

/// The grid whose bands are corrected at 20 m: B09 is no 20 m image, but its 60 m average needs it.
pub(super) fn averaged(sink: &ImageSink<'_>) -> Resolution {
    if sink.extras.averages { Resolution::R60 } else { Resolution::R20 }
}
