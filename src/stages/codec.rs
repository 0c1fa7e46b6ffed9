//! JPEG 2000 images: archive members inflated, tiles decoded, tiles encoded.
//!
//! A unit is one tile of the image file. Decoding brings samples to the common encoding of `dn.rs` at once, so nothing
//! behind it knows of baselines. Encoding puts each tile-part into a slot of its own and returns the length; the
//! recipe splices the file from the slots.

use super::{bad_image, bad_input, defect};
use ndarray::{Array2, ArrayView2, s};
use sen2cor_core::dn;
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use sen2cor_io::bytes::MemorySource;
use sen2cor_io::jp2::{Codec, ImageIndex, ImageLayout, Samples, decode_tile_into, encode_tile, write_image};
use sen2cor_io::safe::FileRef;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Inflates a deflated archive member into a row of bytes.
pub(crate) struct Inflate;

/// Parameters of [`Inflate`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InflateParams {
    pub(crate) file: FileRef,
    /// What messages call the file.
    pub(crate) display: PathBuf,
}

impl Kernel for Inflate {
    const NAME: &'static str = "jp2.inflate/1";
    type Params = InflateParams;
    type Partial = ();

    fn run(params: &InflateParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let mut output = io.output::<u8>(0)?;
        let bytes = output.as_slice_mut().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
        params.file.inflate_into(bytes).map_err(|e| bad_input(&params.display, &e))?;
        io.filled(params.file.len());
        Ok(())
    }
}

/// Decodes the tile of a unit and brings it to the common encoding.
pub(crate) struct DecodeBand;

/// Parameters of [`DecodeBand`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DecodeParams {
    /// Where the bytes are; a deflated member comes inflated as table 0.
    pub(crate) file: FileRef,
    /// What messages call the file.
    pub(crate) display: PathBuf,
    /// Where the tiles are in it.
    pub(crate) index: ImageIndex,
    /// `RADIO_ADD_OFFSET` of the band.
    pub(crate) radio_add_offset: i32,
    /// Stored value of saturated samples.
    pub(crate) saturated: u16,
    /// Which coder.
    pub(crate) codec: Codec,
}

impl Kernel for DecodeBand {
    const NAME: &'static str = "jp2.decode-band/2";
    type Params = DecodeParams;
    type Partial = ();

    fn run(params: &DecodeParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let mut output = io.output::<u16>(0)?;
        let decoded = match &params.file {
            FileRef::Plain { .. } => {
                let source = params.file.open().map_err(|e| bad_input(&params.display, &e))?;
                decode_tile_into(&params.codec, &params.index, source.as_ref(), io.unit(), output.view_mut())
            }
            FileRef::Deflated { .. } => {
                let table = io.table::<u8>(0)?;
                let bytes = table.as_slice().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
                let source = MemorySource::new(&params.display, bytes);
                decode_tile_into(&params.codec, &params.index, &source, io.unit(), output.view_mut())
            }
        };
        decoded.map_err(|e| bad_image(&params.display, e))?;
        output.mapv_inplace(|stored| dn::from_stored(stored, params.radio_add_offset, params.saturated));
        Ok(())
    }
}

/// Encodes the tile of a unit into its slot.
pub(crate) struct EncodeImage;

/// Parameters of [`EncodeImage`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct EncodeParams {
    pub(crate) layout: ImageLayout,
    /// Subtracted from valid 16-bit samples, which stay at least 1: for products without offset.
    pub(crate) subtract: u16,
    /// Which coder.
    pub(crate) codec: Codec,
}

impl Kernel for EncodeImage {
    const NAME: &'static str = "jp2.encode-image/2";
    type Params = EncodeParams;
    /// Length of the tile-part.
    type Partial = u64;

    fn run(params: &EncodeParams, io: &mut UnitIo<'_>) -> Result<u64, KernelError> {
        let coding = params.layout.coding;
        let shifted: Array2<u16>;
        let samples = if coding.bits > 8 {
            let view = io.input::<u16>(0)?;
            if params.subtract == 0 {
                Samples::grey16(view)
            } else {
                shifted = view
                    .mapv(|v| if v == dn::NO_DATA { v } else { v.saturating_sub(params.subtract).max(1) });
                Samples::grey16(shifted.view())
            }
        } else if coding.components > 1 {
            Samples::U8(components(&io.input::<u8>(0)?, usize::from(coding.components)))
        } else {
            Samples::grey8(io.input::<u8>(0)?)
        };
        let mut part = Vec::new();
        encode_tile(&params.codec, &params.layout, io.unit(), samples, &mut part).map_err(|e| defect(&e))?;
        fill_slot(&part, io)
    }
}

/// The components of an image whose pixels are interleaved.
fn components<'a>(image: &ArrayView2<'a, u8>, count: usize) -> Vec<ArrayView2<'a, u8>> {
    let cols = image.ncols() / count * count;
    (0..count).map(|c| (*image).slice_move(s![.., c..cols; count])).collect()
}

/// Encodes a small interleaved colour image as a whole file into one slot.
pub(crate) struct EncodePreview;

/// Parameters of [`EncodePreview`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PreviewParams {
    pub(crate) layout: ImageLayout,
    /// The position, as a document of the file.
    pub(crate) gml: String,
    /// Which coder.
    pub(crate) codec: Codec,
}

impl Kernel for EncodePreview {
    const NAME: &'static str = "jp2.encode-preview/2";
    type Params = PreviewParams;
    /// Length of the file.
    type Partial = u64;

    fn run(params: &PreviewParams, io: &mut UnitIo<'_>) -> Result<u64, KernelError> {
        let layout = params.layout;
        let row = io.table::<u8>(0)?;
        let shape = (layout.height as usize, 3 * layout.width as usize);
        let pixels = row.as_slice().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
        let image = ArrayView2::from_shape(shape, pixels).map_err(|e| defect(&e))?;
        let mut file = Vec::new();
        write_image(&params.codec, &layout, &Samples::interleaved_rgb(image), Some(&params.gml), &mut file)
            .map_err(|e| defect(&e))?;
        fill_slot(&file, io)
    }
}

/// Room for a whole file of a small image.
pub(crate) fn file_capacity(layout: &ImageLayout) -> usize {
    layout.tile_count() * layout.coding.tile_capacity() + (64 << 10)
}

fn fill_slot(bytes: &[u8], io: &mut UnitIo<'_>) -> Result<u64, KernelError> {
    let mut slot = io.output::<u8>(0)?;
    let room = slot.as_slice_mut().and_then(|slot| slot.get_mut(..bytes.len()));
    room.ok_or_else(|| {
        KernelError::internal(format!("{} encoded bytes do not fit their slot", bytes.len()))
    })?
    .copy_from_slice(bytes);
    io.filled(bytes.len() as u64);
    Ok(bytes.len() as u64)
}
