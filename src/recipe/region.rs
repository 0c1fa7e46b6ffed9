//! Runs for a part of the results: what they have to compute, and figures of a region in place of those of the tile.
//!
//! Everything is declared as for the whole tile, so that a pixel is computed as in a whole run. What the images of the region
//! need is found by going back from them: of a stage only the blocks are run that a later one reads with its halo. Only the
//! stages that write, and those that count for the metadata, know the region.

use super::{Bands, Job, NegativeCounts, Outcome};
use crate::error::Error;
use crate::images::ImageSink;
use crate::options::{Options, Part};
use crate::stages::correct::Negatives;
use crate::stages::region::{CountClasses, CountNegatives, SumMap};
use crate::stages::water::MapSum;
use sen2cor_core::classify::ClassCounts;
use sen2cor_core::grid::{Block, Tiling};
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, Need, PlaneHandle, Value};
use sen2cor_io::safe::ImageKind;

/// The least edge of blocks that a small part is given, cells of 10 m.
const FINE_CELLS: u32 = 180;
/// A part has at least so many blocks along its shorter edge, so that those at its border reach little beyond it.
const ALONG_EDGE: u32 = 4;

impl Job<'_> {
    /// Makes blocks smaller for a small part of the tile, if the run needs little more than that part. Where it needs means of the
    /// tile, small blocks would cost more than they spare.
    pub(crate) fn fit_blocks(&mut self, part: Block, options: &Options) {
        let wants_air = [Part::Bands, Part::Aot, Part::Wvp].into_iter().any(|p| options.selection.has(p));
        let retrieves = self.atmosphere.retrieves_aerosol() || self.atmosphere.retrieves_water();
        let maps = &options.auxiliary;
        if !(wants_air && retrieves) && maps.land_cover.is_none() && maps.snow_condition.is_none() {
            let fine = (part.rows.min(part.cols) / ALONG_EDGE).next_multiple_of(6).max(FINE_CELLS);
            self.block_cells = self.block_cells.min(fine);
        }
    }

    /// The part of the tile that the images of the product show: the region, else all of it.
    pub(crate) fn shown(&self) -> Block {
        let Self { extent, .. } = *self;
        self.region.unwrap_or(Block { row: 0, col: 0, rows: extent.rows, cols: extent.cols })
    }

    /// Tiling and origin of the stages that count the pixels of the region, if there is one.
    fn counted(&self) -> Option<(Tiling, (u32, u32))> {
        let region = self.region?;
        Some((Tiling::square(region.extent(), self.block_cells), (region.row, region.col)))
    }

    /// The counts of a class map in the region; `of_tile` if there is none.
    pub(super) fn class_counts(
        &self,
        flow: &mut Flow<'_, Error>,
        class: PlaneHandle,
        of_tile: Value<Vec<ClassCounts>>,
    ) -> Value<Vec<ClassCounts>> {
        let Some((tiling, origin)) = self.counted() else { return of_tile };
        flow.stage::<CountClasses>("region: classes", tiling).origin(origin).input(class).run(())
    }

    /// The sum of a map over clear pixels of the region; `of_tile` if there is none.
    pub(super) fn map_sum(
        &self,
        flow: &mut Flow<'_, Error>,
        [map, class]: [PlaneHandle; 2],
        of_tile: Value<Vec<MapSum>>,
    ) -> Value<Vec<MapSum>> {
        let Some((tiling, origin)) = self.counted() else { return of_tile };
        flow.stage::<SumMap>("region: map", tiling).origin(origin).inputs([map, class]).run(())
    }

    /// The negative pixels of bands in the region, in place of those of the tile.
    pub(crate) fn negatives(
        &self,
        flow: &mut Flow<'_, Error>,
        surface: &Bands,
        of_tile: &mut NegativeCounts,
    ) {
        let Some((tiling, origin)) = self.counted() else { return };
        for (&band, &plane) in surface {
            let stage = flow.stage::<CountNegatives>(format!("region: negative pixels of {band}"), tiling);
            let counts: Value<Vec<Negatives>> = stage.origin(origin).input(plane).run(());
            of_tile.insert(band, counts);
        }
    }
}

impl Outcome {
    /// Leaves out of the flow what is not asked for.
    pub(super) fn prune(
        &self,
        flow: &mut Flow<'_, Error>,
        job: &Job<'_>,
        sink: &ImageSink<'_>,
        checks: &[Need],
    ) {
        if !job.is_partial && sink.kept.is_none() {
            return;
        }
        let kept = sink.kept.iter().flat_map(|kept| kept.planes.iter().map(|(_, plane)| (*plane, kept.part)));
        let parts: Vec<(PlaneHandle, Block)> =
            kept.map(|(plane, part)| (plane, part.unwrap_or(job.shown()))).collect();
        flow.prune(&self.roots(job, sink, checks), &parts);
    }

    /// What a run for a part of the results has to compute: the images, what the metadata say of them, and the checks of the
    /// files that were read for them.
    fn roots(&self, job: &Job<'_>, sink: &ImageSink<'_>, checks: &[Need]) -> Vec<Need> {
        let selection = &sink.selection;
        let mut roots: Vec<Need> = self.images.iter().map(|image| image.file.into()).collect();
        roots.extend(checks);
        if sink.kept.is_some() {
            return roots;
        }
        let needs_air = [Part::Aot, Part::Wvp, Part::Bands].into_iter().any(|part| selection.has(part));
        if needs_air || selection.has(Part::Scl) {
            roots.push(self.class_counts.into());
        }
        if needs_air {
            roots.extend::<[Need; 3]>([self.aot_sum.into(), self.water_sum.into(), self.aerosol.into()]);
        }
        if job.region.is_some() {
            let written = |band: Band| self.images.iter().any(|image| image.kind == ImageKind::Band(band));
            let negatives = self.negatives.iter().filter(|(band, _)| written(**band));
            roots.extend(negatives.map(|(_, counts)| Need::from(*counts)));
        }
        roots
    }
}
