//! Surface reflectance; adapters of `sen2cor_core::reflectance`.

use super::defect;
use ndarray::{ArrayView2, ArrayViewMut2};
use sen2cor_core::classify::SceneClass;
use sen2cor_core::dn;
use sen2cor_core::reflectance::{BandCorrection, correct_masked};
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Corrects a block of a band; pixels of class 0 become no data. Inputs: the band, the class map of the same or a coarser
/// grid.
pub(crate) struct CorrectBand;

/// Parameters of [`CorrectBand`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct CorrectParams {
    pub(crate) correction: BandCorrection,
}

/// Pixels whose surface reflectance is negative, and pixels that have data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Negatives {
    pub(crate) negative: u64,
    pub(crate) valid: u64,
}

impl Kernel for CorrectBand {
    const NAME: &'static str = "reflectance.correct-band/1";
    type Params = CorrectParams;
    type Partial = Negatives;

    fn run(params: &CorrectParams, io: &mut UnitIo<'_>) -> Result<Negatives, KernelError> {
        let (band, class, mut output) = (io.input::<u16>(0)?, io.input::<u8>(1)?, io.output::<u16>(0)?);
        let class_pixels = pixels_per_class(&output, &class);
        correct_masked(band, class, class_pixels, &params.correction, output.view_mut())
            .map_err(|e| defect(&e))?;
        Ok(output.iter().fold(Negatives::default(), |count, &sample| Negatives {
            negative: count.negative + u64::from(sample != dn::NO_DATA && dn::to_signed(sample) < 0),
            valid: count.valid + u64::from(sample != dn::NO_DATA),
        }))
    }
}

/// A map with one value wherever there are data. Input: the class map of the same or a coarser grid.
pub(crate) struct FillMap;

/// Parameters of [`FillMap`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct FillParams {
    /// The stored value.
    pub(crate) value: u16,
}

impl Kernel for FillMap {
    const NAME: &'static str = "map.fill/1";
    type Params = FillParams;
    type Partial = ();

    fn run(params: &FillParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let (class, mut output) = (io.input::<u8>(0)?, io.output::<u16>(0)?);
        let size = pixels_per_class(&output, &class);
        for ((row, col), out) in output.indexed_iter_mut() {
            let class = class.get((row / size, col / size)).copied();
            *out = if class == Some(SceneClass::NoData as u8) { 0 } else { params.value };
        }
        Ok(())
    }
}

/// Edge of a class pixel in pixels of the image: 1, or 2 for a 20 m map on the 10 m grid.
fn pixels_per_class(image: &ArrayViewMut2<'_, u16>, class: &ArrayView2<'_, u8>) -> usize {
    image.nrows().div_ceil(class.nrows().max(1)).max(1)
}
