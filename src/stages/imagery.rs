//! Images for the eye; adapters of `sen2cor_core::imagery`.

use super::defect;
use ndarray::ArrayViewMut2;
use sen2cor_core::imagery::{ColourBands, PREVIEW_EDGE, preview, true_colour};
use sen2cor_exec::{Kernel, KernelError, UnitIo};

/// True colour of a block. Inputs: red, green, blue surface reflectance.
pub(crate) struct TrueColour;

impl Kernel for TrueColour {
    const NAME: &'static str = "imagery.true-colour/1";
    type Params = ();
    type Partial = ();

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let bands =
            ColourBands { red: io.input::<u16>(0)?, green: io.input::<u16>(1)?, blue: io.input::<u16>(2)? };
        true_colour(bands, io.output::<u8>(0)?).map_err(|e| defect(&e))
    }
}

/// The preview image in one slot, of one unit. Inputs: red, green, blue surface reflectance.
pub(crate) struct Preview;

impl Kernel for Preview {
    const NAME: &'static str = "imagery.preview/2";
    type Params = ();
    type Partial = ();

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let bands =
            ColourBands { red: io.input::<u16>(0)?, green: io.input::<u16>(1)?, blue: io.input::<u16>(2)? };
        let mut slot = io.output::<u8>(0)?;
        let bytes = slot.as_slice_mut().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
        io.filled(bytes.len() as u64);
        let image =
            ArrayViewMut2::from_shape((PREVIEW_EDGE, 3 * PREVIEW_EDGE), bytes).map_err(|e| defect(&e))?;
        preview(bands, image).map_err(|e| defect(&e))
    }
}
