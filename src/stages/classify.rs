//! Scene classification; adapters of `sen2cor_core::classify`.
//!
//! Optional planes come after the ones that are always there, in the order of the fields that say whether they do.

use super::defect;
use ndarray::ArrayView2;
use sen2cor_core::angles::Direction;
use sen2cor_core::classify::{
    CirrusSums, CirrusTest, ClassCounts, ConditionSums, DetectInput, Detected, HALO_PX, LandInput, LandSums,
    LandTest, MapPlace, RecoverInput, SHADOW_MARGIN_PX, ShadowInput, ShadowLine, Thresholds, cast_shadows,
    detect_block, filter_class_map, finish_block, mark_saturated, median_halo_px, recover_block,
    recover_cirrus, recover_land, recover_towns,
};
use sen2cor_core::grid::Resolution;
use sen2cor_exec::{Kernel, KernelError, Sample, UnitIo};
use serde::{Deserialize, Serialize};

/// `N` inputs of one type from a slot on.
fn inputs<'a, T: Sample, const N: usize>(
    io: &UnitIo<'a>,
    first: usize,
) -> Result<[ArrayView2<'a, T>; N], KernelError> {
    let views = (first..first + N).map(|slot| io.input::<T>(slot)).collect::<Result<Vec<_>, _>>()?;
    views.try_into().map_err(|_| KernelError::internal("too few inputs"))
}

/// The slots of optional inputs, one after the other.
struct Optional {
    next: usize,
}

impl Optional {
    fn take<'a, T: Sample>(
        &mut self,
        io: &UnitIo<'a>,
        there: bool,
    ) -> Result<Option<ArrayView2<'a, T>>, KernelError> {
        if !there {
            return Ok(None);
        }
        self.next += 1;
        io.input::<T>(self.next - 1).map(Some)
    }
}

/// The steps up to cirrus from the twelve bands of a grid; the map, clues for later steps, cloud and snow confidence.
pub(crate) struct DetectClasses;

/// Parameters of [`DetectClasses`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DetectParams {
    pub(crate) thresholds: Thresholds,
    /// Grid of the bands.
    pub(crate) grid: Resolution,
    /// Whether there may be snow at this place and time.
    pub(crate) snow_possible: bool,
    /// Whether there is an elevation, metres.
    pub(crate) elevation: bool,
    /// If there is a snow condition, whether it is used.
    pub(crate) snow_condition: Option<bool>,
}

impl Kernel for DetectClasses {
    const NAME: &'static str = "classify.detect/1";
    type Params = DetectParams;
    type Partial = ();

    fn halo_m(params: &DetectParams) -> u32 {
        HALO_PX as u32 * params.grid.metres()
    }

    fn run(params: &DetectParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let mut optional = Optional { next: 12 };
        let elevation_m = optional.take(io, params.elevation)?;
        let snow_condition = optional.take(io, params.snow_condition.is_some())?;
        let input = DetectInput {
            bands: inputs(io, 0)?,
            inner: io.inner(params.grid),
            snow_possible: params.snow_possible,
            elevation_m,
            snow_condition: snow_condition.filter(|_| params.snow_condition == Some(true)),
        };
        let detected =
            Detected { map: io.output(0)?, clues: io.output(1)?, cloud: io.output(2)?, snow: io.output(3)? };
        detect_block(&input, &params.thresholds, detected).map_err(|e| defect(&e))
    }
}

/// Sums of the snow condition, which tell whether it is used.
pub(crate) struct SumSnowCondition;

impl Kernel for SumSnowCondition {
    const NAME: &'static str = "classify.sum-snow-condition/1";
    type Params = ();
    type Partial = ConditionSums;

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<ConditionSums, KernelError> {
        Ok(ConditionSums::of(io.input::<u8>(0)?.iter().copied()))
    }
}

/// The map with cloud shadows, from the map, the clues and six bands.
pub(crate) struct CastShadows;

/// Parameters of [`CastShadows`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShadowParams {
    pub(crate) thresholds: Thresholds,
    pub(crate) grid: Resolution,
    /// Mean direction of the sun.
    pub(crate) sun: Direction,
}

impl Kernel for CastShadows {
    const NAME: &'static str = "classify.cast-shadows/1";
    type Params = ShadowParams;
    type Partial = ();

    fn halo_m(params: &ShadowParams) -> u32 {
        let reach_px = ShadowLine::new(params.sun, params.grid).reach_px() + SHADOW_MARGIN_PX;
        reach_px as u32 * params.grid.metres()
    }

    fn run(params: &ShadowParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let input = ShadowInput {
            map: io.input(0)?,
            clues: io.input(1)?,
            bands: inputs(io, 2)?,
            view: io.window_with_halo(params.grid),
            block: io.window(params.grid),
            image: io.extent().shape(params.grid),
        };
        let line = ShadowLine::new(params.sun, params.grid);
        cast_shadows(&input, &line, &params.thresholds, io.output(0)?).map_err(|e| defect(&e))
    }
}

/// The map after second looks at single pixels, from the map and five bands.
pub(crate) struct RecoverClasses;

/// Parameters of [`RecoverClasses`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecoverParams {
    pub(crate) thresholds: Thresholds,
    pub(crate) grid: Resolution,
    /// Whether there is a slope, degrees.
    pub(crate) slope: bool,
    /// Whether there is a hillshade.
    pub(crate) hillshade: bool,
    /// Whether there is a water body map.
    pub(crate) water_bodies: bool,
}

impl Kernel for RecoverClasses {
    const NAME: &'static str = "classify.recover/1";
    type Params = RecoverParams;
    type Partial = ();

    fn halo_m(params: &RecoverParams) -> u32 {
        HALO_PX as u32 * params.grid.metres()
    }

    fn run(params: &RecoverParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let mut optional = Optional { next: 6 };
        let slope_deg = optional.take(io, params.slope)?;
        let hillshade = optional.take(io, params.hillshade)?;
        let water_bodies = optional.take(io, params.water_bodies)?;
        let (map, bands, inner) = (io.input(0)?, inputs(io, 1)?, io.inner(params.grid));
        let input = RecoverInput { map, bands, inner, slope_deg, hillshade, water_bodies };
        recover_block(&input, &params.thresholds, io.output(0)?).map_err(|e| defect(&e))
    }
}

/// The planes of the recoveries by land cover: map, three bands, land cover, perhaps elevation.
fn land_input<'a>(io: &UnitIo<'a>, elevation: bool) -> Result<LandInput<'a>, KernelError> {
    let elevation_m = Optional { next: 5 }.take(io, elevation)?;
    Ok(LandInput { map: io.input(0)?, bands: inputs(io, 1)?, land_cover: io.input(4)?, elevation_m })
}

/// Statistics of land and clouds.
pub(crate) struct SumLand;

impl Kernel for SumLand {
    const NAME: &'static str = "classify.sum-land/1";
    type Params = ();
    type Partial = LandSums;

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<LandSums, KernelError> {
        LandSums::of(&land_input(io, false)?).map_err(|e| defect(&e))
    }
}

/// Statistics of land and water after bright land was found among the clouds.
pub(crate) struct SumCirrus;

impl Kernel for SumCirrus {
    const NAME: &'static str = "classify.sum-cirrus/1";
    type Params = Option<LandTest>;
    type Partial = CirrusSums;

    fn run(test: &Option<LandTest>, io: &mut UnitIo<'_>) -> Result<CirrusSums, KernelError> {
        let input = land_input(io, false)?;
        let map = recover_land(&input, test.as_ref()).map_err(|e| defect(&e))?;
        CirrusSums::of(&LandInput { map: map.view(), ..input }).map_err(|e| defect(&e))
    }
}

/// The map after all recoveries by land cover. The last of them needs the whole image at once.
pub(crate) struct RecoverByLandCover;

/// Parameters of [`RecoverByLandCover`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LandParams {
    pub(crate) thresholds: Thresholds,
    /// Whether there is an elevation, metres.
    pub(crate) elevation: bool,
    /// Finds bright land; `None` where there is too little land.
    pub(crate) land: Option<LandTest>,
    pub(crate) cirrus: CirrusTest,
}

impl Kernel for RecoverByLandCover {
    const NAME: &'static str = "classify.recover-by-land-cover/1";
    type Params = LandParams;
    type Partial = ();

    fn run(params: &LandParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let input = land_input(io, params.elevation)?;
        let mut output = io.output::<u8>(0)?;
        let mut map = recover_land(&input, params.land.as_ref()).map_err(|e| defect(&e))?;
        recover_cirrus(&mut map, &input, &params.cirrus, &params.thresholds).map_err(|e| defect(&e))?;
        recover_towns(map.view_mut(), input.land_cover, &params.thresholds).map_err(|e| defect(&e))?;
        output.assign(&map);
        Ok(())
    }
}

/// Where samples of bands are saturated, from bands on their own grids.
pub(crate) struct MarkSaturated;

/// Parameters of [`MarkSaturated`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SaturatedParams {
    /// Grids of the inputs.
    pub(crate) from: Vec<Resolution>,
    /// Grid of the output.
    pub(crate) to: Resolution,
}

impl Kernel for MarkSaturated {
    const NAME: &'static str = "classify.mark-saturated/1";
    type Params = SaturatedParams;
    type Partial = ();

    fn run(params: &SaturatedParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let mut output = io.output::<u8>(0)?;
        output.fill(0);
        for (slot, &from) in params.from.iter().enumerate() {
            let band = io.input::<u16>(slot)?;
            mark_saturated(band, (from, params.to), output.view_mut()).map_err(|e| defect(&e))?;
        }
        Ok(())
    }
}

/// The class map and its counts, from the map and any number of planes that mark defective pixels.
pub(crate) struct FinishClasses;

impl Kernel for FinishClasses {
    const NAME: &'static str = "classify.finish/1";
    type Params = ();
    type Partial = ClassCounts;

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<ClassCounts, KernelError> {
        let defective = (1..io.input_count()).map(|slot| io.input(slot)).collect::<Result<Vec<_>, _>>()?;
        finish_block(io.input(0)?, &defective, io.output(0)?).map_err(|e| defect(&e))
    }
}

/// The class map through a median filter.
pub(crate) struct FilterClasses;

/// Parameters of [`FilterClasses`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct FilterParams {
    pub(crate) grid: Resolution,
    /// Width of the window, pixels.
    pub(crate) width_px: usize,
}

impl Kernel for FilterClasses {
    const NAME: &'static str = "classify.filter/1";
    type Params = FilterParams;
    type Partial = ();

    fn halo_m(params: &FilterParams) -> u32 {
        median_halo_px(params.width_px) as u32 * params.grid.metres()
    }

    fn run(params: &FilterParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let place = MapPlace {
            view: io.window_with_halo(params.grid),
            block: io.window(params.grid),
            image: io.extent().shape(params.grid),
        };
        filter_class_map(io.input(0)?, params.width_px, place, io.output(0)?).map_err(|e| defect(&e))
    }
}
