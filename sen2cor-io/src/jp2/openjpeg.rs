//! OpenJPEG as a [`TileCodec`]. The only file of this crate with unsafe code.
//!
//! Each call makes its own codec, stream and image, which share nothing with others, so any number of threads may
//! call at a time; OpenJPEG's own threads stay off. C objects live in guards that free them. What the callbacks
//! reach through raw pointers (`Log`, `Reader`, `Sink`) is borrowed by the guards for as long as they live and is
//! used through shared references only. The callbacks neither index nor unwrap: a panic there would abort.
#![allow(unsafe_code, reason = "OpenJPEG is a C library")]

use super::codec::{Samples, TileCodec, TileShape, check_views};
use super::error::Jp2Error;
use super::mini;
use ndarray::ArrayViewMut2;
use openjpeg_sys as opj;
use sen2cor_jpeg2000::{Header, Source};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

const NAME: &str = "OpenJPEG";
/// Largest buffer between OpenJPEG and the callbacks, bytes.
const STREAM_BUFFER_BYTES: usize = 64 << 10;
/// Longest message that is kept, bytes.
const MAX_MESSAGE_BYTES: usize = 300;

/// The coder OpenJPEG 2.5, reversible and strict: a truncated tile is an error, and so is a warning.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenJpeg;

impl TileCodec for OpenJpeg {
    fn name(&self) -> &'static str {
        NAME
    }

    fn decode_into(
        &self,
        mini: &[u8],
        expected: TileShape,
        out: &mut [ArrayViewMut2<'_, u16>],
    ) -> Result<(), Jp2Error> {
        check_views(expected, out)?;
        let (log, reader) = (Log::default(), Reader { bytes: mini, position: Cell::new(0) });
        let codec = Codec::decoder(&log)?;
        let stream = Stream::reading(&reader)?;
        let image = read_header(&codec, &stream)?;
        image.check(expected)?;
        // SAFETY: all three are live and belong together: the header was read from this stream by this codec.
        let decoded = unsafe { opj::opj_decode(codec.raw(), stream.raw(), image.raw()) };
        codec.done(decoded, "decoding")?;
        // SAFETY: as above.
        let ended = unsafe { opj::opj_end_decompress(codec.raw(), stream.raw()) };
        codec.done(ended, "finishing the decoding")?;
        if log.count.get() > 0 {
            return Err(codec.failure("decoding"));
        }
        image.check(expected)?;
        image.copy_samples(expected, out)
    }

    fn encode_as(
        &self,
        header: &Header,
        samples: &Samples<'_>,
        number: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), Jp2Error> {
        let [cols, rows] = header.size.tile_shape(0);
        samples.check(header.size.components, rows, cols)?;
        mini::append_tile_part(&encode_stream(header, samples)?, header, number, out)
    }
}

/// The codestream of an image of one tile.
fn encode_stream(header: &Header, samples: &Samples<'_>) -> Result<Vec<u8>, Jp2Error> {
    let (log, sink) = (Log::default(), Sink::default());
    let codec = Codec::encoder(&log)?;
    let image = Image::to_encode(header, samples)?;
    let mut parameters = encoder_parameters(header)?;
    // SAFETY: codec and image are live; the parameters are initialised and are copied by the call.
    let set = unsafe { opj::opj_setup_encoder(codec.raw(), &raw mut parameters, image.raw()) };
    codec.done(set, "setting the coding parameters")?;
    let options = [c"PLT=YES".as_ptr(), ptr::null()];
    // SAFETY: a list of C strings that ends with a null pointer; the call only reads it.
    let set = unsafe { opj::opj_encoder_set_extra_options(codec.raw(), options.as_ptr()) };
    codec.done(set, "setting options")?;
    let stream = Stream::writing(&sink)?;
    // SAFETY: all three are live. The codec takes the sample buffers over and leaves null pointers in the image.
    let started = unsafe { opj::opj_start_compress(codec.raw(), image.raw(), stream.raw()) };
    codec.done(started, "starting to encode")?;
    // SAFETY: codec and stream are live and were started together.
    let encoded = unsafe {
        opj::opj_encode(codec.raw(), stream.raw()) != 0
            && opj::opj_end_compress(codec.raw(), stream.raw()) != 0
    };
    codec.done(c_int::from(encoded), "encoding")?;
    drop(stream);
    Ok(sink.bytes.into_inner())
}

fn encoder_parameters(header: &Header) -> Result<opj::opj_cparameters_t, Jp2Error> {
    let (size, style) = (&header.size, &header.style);
    let mut parameters = MaybeUninit::<opj::opj_cparameters_t>::zeroed();
    // SAFETY: the call fills the struct it is given. Zero is a valid value of every field (numbers, arrays of
    // numbers, pointers, enums with a variant 0), so it is initialised whatever the call leaves out.
    let mut p = unsafe {
        opj::opj_set_default_encoder_parameters(parameters.as_mut_ptr());
        parameters.assume_init()
    };
    let number = |value: u32| c_int::try_from(value).map_err(|_| Jp2Error::tile(0, "is too far out"));
    (p.image_offset_x0, p.image_offset_y0) = (number(size.start[0])?, number(size.start[1])?);
    (p.cp_tx0, p.cp_ty0) = (number(size.tile_start[0])?, number(size.tile_start[1])?);
    // OpenJPEG refuses tiles smaller than 2^decompositions. Since the image ends where the tile does, a larger
    // nominal size changes nothing in the tile-part.
    let least = 1u32.checked_shl(style.decompositions.into()).unwrap_or(u32::MAX);
    (p.cp_tdx, p.cp_tdy) = (number(size.tile[0].max(least))?, number(size.tile[1].max(least))?);
    p.tile_size_on = 1;
    p.irreversible = 0;
    p.numresolution = c_int::from(style.decompositions) + 1;
    p.tcp_numlayers = 1;
    p.tcp_rates[0] = 0.0;
    p.cp_disto_alloc = 1;
    p.prog_order = opj::OPJ_PROG_ORDER::OPJ_LRCP;
    p.csty = 1;
    p.res_spec = p.numresolution;
    // OpenJPEG counts from the highest resolution, the header from the lowest.
    let exponents = style.precinct_exponents.iter().take(usize::from(style.decompositions) + 1).rev();
    for ((width, height), &[x, y]) in p.prcw_init.iter_mut().zip(&mut p.prch_init).zip(exponents) {
        (*width, *height) = (1 << x, 1 << y);
    }
    let [width, height] = style.block_exponents;
    (p.cblockw_init, p.cblockh_init) = (1 << width, 1 << height);
    p.mode = style.bypass.into();
    p.tcp_mct = c_char::from(style.colour_transform);
    Ok(p)
}

fn read_header(codec: &Codec<'_>, stream: &Stream<'_>) -> Result<Image, Jp2Error> {
    let mut image = ptr::null_mut();
    // SAFETY: codec and stream are live; the call stores a new image or leaves the null pointer.
    let read = unsafe { opj::opj_read_header(stream.raw(), codec.raw(), &raw mut image) };
    let image = NonNull::new(image).map(Image);
    codec.done(read, "reading the header")?;
    image.ok_or_else(|| codec.failure("reading the header"))
}

/// First message of a codec and the number of messages.
#[derive(Default)]
struct Log {
    first: RefCell<String>,
    count: Cell<usize>,
}

/// Called by OpenJPEG with a warning or an error.
unsafe extern "C" fn on_message(message: *const c_char, log: *mut c_void) {
    // SAFETY: `log` was set to a `Log` that the codec guard borrows.
    let log = unsafe { &*log.cast::<Log>() };
    log.count.set(log.count.get().saturating_add(1));
    if message.is_null() || log.count.get() > 1 {
        return;
    }
    // SAFETY: OpenJPEG passes a string in its own buffer that ends with a zero byte.
    let bytes = unsafe { CStr::from_ptr(message) }.to_bytes();
    let bytes = bytes.get(..MAX_MESSAGE_BYTES).unwrap_or(bytes);
    if let Ok(mut first) = log.first.try_borrow_mut() {
        String::from_utf8_lossy(bytes).trim().clone_into(&mut first);
    }
}

/// A compressor or decompressor.
struct Codec<'a> {
    raw: NonNull<opj::opj_codec_t>,
    log: &'a Log,
}

impl<'a> Codec<'a> {
    fn encoder(log: &'a Log) -> Result<Self, Jp2Error> {
        // SAFETY: takes no pointers; null is handled by `new`.
        Self::new(unsafe { opj::opj_create_compress(opj::OPJ_CODEC_FORMAT::OPJ_CODEC_J2K) }, log)
    }

    fn decoder(log: &'a Log) -> Result<Self, Jp2Error> {
        // SAFETY: takes no pointers; null is handled by `new`.
        let raw = unsafe { opj::opj_create_decompress(opj::OPJ_CODEC_FORMAT::OPJ_CODEC_J2K) };
        let codec = Self::new(raw, log)?;
        let mut parameters = MaybeUninit::<opj::opj_dparameters_t>::zeroed();
        // SAFETY: the struct holds numbers only, so zeros initialise it; the calls read and write it and the codec.
        let set = unsafe {
            opj::opj_set_default_decoder_parameters(parameters.as_mut_ptr());
            opj::opj_setup_decoder(codec.raw(), parameters.as_mut_ptr()) != 0
                && opj::opj_decoder_set_strict_mode(codec.raw(), 1) != 0
        };
        codec.done(c_int::from(set), "setting up the decoder")?;
        Ok(codec)
    }

    fn new(raw: *mut opj::opj_codec_t, log: &'a Log) -> Result<Self, Jp2Error> {
        let raw = NonNull::new(raw).ok_or_else(out_of_memory)?;
        let codec = Self { raw, log };
        let user = ptr::from_ref(log).cast_mut().cast::<c_void>();
        // SAFETY: the codec is live; `log` outlives it, and `on_message` only takes a shared reference to it.
        // The number of threads is set because OpenJPEG would take it from the environment.
        unsafe {
            opj::opj_set_warning_handler(codec.raw(), Some(on_message), user);
            opj::opj_set_error_handler(codec.raw(), Some(on_message), user);
            if opj::opj_has_thread_support() != 0 {
                opj::opj_codec_set_threads(codec.raw(), 0);
            }
        }
        Ok(codec)
    }

    fn raw(&self) -> *mut opj::opj_codec_t {
        self.raw.as_ptr()
    }

    fn done(&self, status: opj::OPJ_BOOL, doing: &'static str) -> Result<(), Jp2Error> {
        if status == 0 { Err(self.failure(doing)) } else { Ok(()) }
    }

    fn failure(&self, doing: &'static str) -> Jp2Error {
        let message = self.log.first.borrow().clone();
        let message = if message.is_empty() { "no reason given".to_owned() } else { message };
        Jp2Error::Codec { codec: NAME, doing, message }
    }
}

impl Drop for Codec<'_> {
    fn drop(&mut self) {
        // SAFETY: created by OpenJPEG, destroyed once.
        unsafe { opj::opj_destroy_codec(self.raw()) }
    }
}

/// Bytes to decode.
struct Reader<'a> {
    bytes: &'a [u8],
    position: Cell<usize>,
}

unsafe extern "C" fn on_read(buffer: *mut c_void, len: usize, reader: *mut c_void) -> usize {
    // SAFETY: `reader` was set to a `Reader` that the stream guard borrows.
    let reader = unsafe { &*reader.cast::<Reader<'_>>() };
    let rest = reader.bytes.get(reader.position.get()..).unwrap_or_default();
    let count = rest.len().min(len);
    if count == 0 || buffer.is_null() {
        return usize::MAX;
    }
    // SAFETY: OpenJPEG passes a buffer of `len` bytes of its own; `count` is not larger than either side.
    unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast::<u8>(), count) };
    reader.position.set(reader.position.get() + count);
    count
}

unsafe extern "C" fn on_skip(count: i64, reader: *mut c_void) -> i64 {
    // SAFETY: `reader` was set to a `Reader` that the stream guard borrows.
    let reader = unsafe { &*reader.cast::<Reader<'_>>() };
    let target = usize::try_from(count).ok().and_then(|n| reader.position.get().checked_add(n));
    match target {
        Some(position) if position <= reader.bytes.len() => {
            reader.position.set(position);
            count
        }
        _ => -1,
    }
}

/// Encoded bytes.
#[derive(Default)]
struct Sink {
    bytes: RefCell<Vec<u8>>,
}

unsafe extern "C" fn on_write(buffer: *mut c_void, len: usize, sink: *mut c_void) -> usize {
    // SAFETY: `sink` was set to a `Sink` that the stream guard borrows.
    let sink = unsafe { &*sink.cast::<Sink>() };
    let Ok(mut bytes) = sink.bytes.try_borrow_mut() else { return usize::MAX };
    if len > 0 && !buffer.is_null() {
        // SAFETY: OpenJPEG passes `len` initialised bytes of its own.
        bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), len) });
    }
    len
}

/// A stream over a [`Reader`] or a [`Sink`].
struct Stream<'a> {
    raw: NonNull<opj::opj_stream_t>,
    user: PhantomData<&'a ()>,
}

impl<'a> Stream<'a> {
    fn reading(reader: &'a Reader<'_>) -> Result<Self, Jp2Error> {
        let stream = Self::new(reader.bytes.len().clamp(256, STREAM_BUFFER_BYTES), true)?;
        let user = ptr::from_ref(reader).cast_mut().cast::<c_void>();
        // SAFETY: the stream is live; the reader outlives it and the callbacks take shared references to it.
        unsafe {
            opj::opj_stream_set_read_function(stream.raw(), Some(on_read));
            opj::opj_stream_set_skip_function(stream.raw(), Some(on_skip));
            opj::opj_stream_set_user_data(stream.raw(), user, None);
            opj::opj_stream_set_user_data_length(stream.raw(), reader.bytes.len() as u64);
        }
        Ok(stream)
    }

    fn writing(sink: &'a Sink) -> Result<Self, Jp2Error> {
        let stream = Self::new(STREAM_BUFFER_BYTES, false)?;
        let user = ptr::from_ref(sink).cast_mut().cast::<c_void>();
        // SAFETY: the stream is live; the sink outlives it and the callback takes shared references to it.
        unsafe {
            opj::opj_stream_set_write_function(stream.raw(), Some(on_write));
            opj::opj_stream_set_user_data(stream.raw(), user, None);
        }
        Ok(stream)
    }

    fn new(buffer_bytes: usize, reading: bool) -> Result<Self, Jp2Error> {
        // SAFETY: takes no pointers; null is handled.
        let raw = unsafe { opj::opj_stream_create(buffer_bytes, c_int::from(reading)) };
        Ok(Self { raw: NonNull::new(raw).ok_or_else(out_of_memory)?, user: PhantomData })
    }

    fn raw(&self) -> *mut opj::opj_stream_t {
        self.raw.as_ptr()
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        // SAFETY: created by OpenJPEG, destroyed once; the user data has no destructor set.
        unsafe { opj::opj_stream_destroy(self.raw()) }
    }
}

/// An image with the sample buffers it owns.
struct Image(NonNull<opj::opj_image_t>);

impl Image {
    /// An image that is one tile, at the tile's place, filled with its samples.
    fn to_encode(header: &Header, samples: &Samples<'_>) -> Result<Self, Jp2Error> {
        let ([x0, y0], [x1, y1]) = (header.size.start, header.size.end);
        let prec = u32::from(header.size.bits);
        let component = opj::opj_image_cmptparm_t {
            dx: 1,
            dy: 1,
            w: x1 - x0,
            h: y1 - y0,
            x0,
            y0,
            prec,
            bpp: prec,
            sgnd: 0,
        };
        let mut components = vec![component; usize::from(header.size.components)];
        let space = opj::OPJ_COLOR_SPACE::OPJ_CLRSPC_UNSPECIFIED;
        // SAFETY: the pointer is valid for as many components as are announced; null is handled.
        let raw =
            unsafe { opj::opj_image_create(header.size.components.into(), components.as_mut_ptr(), space) };
        let mut image = Self(NonNull::new(raw).ok_or_else(out_of_memory)?);
        // SAFETY: the image is live and borrowed mutably by no one else.
        let fields = unsafe { image.0.as_mut() };
        (fields.x0, fields.y0, fields.x1, fields.y1) = (x0, y0, x1, y1);
        image.fill(header.size.bits, samples)?;
        Ok(image)
    }

    fn raw(&self) -> *mut opj::opj_image_t {
        self.0.as_ptr()
    }

    fn components(&self) -> &[opj::opj_image_comp_t] {
        // SAFETY: the image is live; `comps` is null or points to `numcomps` components.
        unsafe {
            let fields = self.0.as_ref();
            let len = if fields.comps.is_null() { 0 } else { fields.numcomps as usize };
            if len == 0 { &[] } else { std::slice::from_raw_parts(fields.comps, len) }
        }
    }

    /// Copies the samples in; their shape was checked before.
    fn fill(&mut self, bits: u8, samples: &Samples<'_>) -> Result<(), Jp2Error> {
        for (number, component) in self.components().iter().enumerate() {
            let data = NonNull::new(component.data).ok_or_else(out_of_memory)?;
            let len = component.w as usize * component.h as usize;
            // SAFETY: `opj_image_create` allocated and cleared w * h samples, which only this image refers to.
            let data = unsafe { std::slice::from_raw_parts_mut(data.as_ptr(), len) };
            for (row, line) in data.chunks_exact_mut((component.w as usize).max(1)).enumerate() {
                samples.read_row(number, row, line);
            }
            if let Some(&value) = data.iter().find(|sample| **sample >> bits != 0) {
                return Err(Jp2Error::Sample { value: value as u16, bits });
            }
        }
        Ok(())
    }

    /// Compares the image with what must be in the stream.
    fn check(&self, expected: TileShape) -> Result<(), Jp2Error> {
        // SAFETY: the image is live.
        let fields = unsafe { self.0.as_ref() };
        let components = self.components();
        Jp2Error::same("number of components", usize::from(expected.components), components.len())?;
        Jp2Error::same("rows of the tile", expected.rows, fields.y1.saturating_sub(fields.y0) as usize)?;
        Jp2Error::same("columns of the tile", expected.cols, fields.x1.saturating_sub(fields.x0) as usize)?;
        for component in components {
            Jp2Error::same("bits per sample", u32::from(expected.bits), component.prec)?;
            Jp2Error::same("sign of the samples", 0, component.sgnd)?;
            Jp2Error::same("horizontal subsampling", 1, component.dx)?;
            Jp2Error::same("vertical subsampling", 1, component.dy)?;
        }
        Ok(())
    }

    /// Copies the decoded samples out.
    fn copy_samples(&self, expected: TileShape, out: &mut [ArrayViewMut2<'_, u16>]) -> Result<(), Jp2Error> {
        for (component, plane) in self.components().iter().zip(out) {
            Jp2Error::same("rows of the tile", expected.rows, component.h as usize)?;
            Jp2Error::same("columns of the tile", expected.cols, component.w as usize)?;
            let data = NonNull::new(component.data).ok_or_else(|| Jp2Error::Codec {
                codec: NAME,
                doing: "decoding",
                message: "a component has no samples".to_owned(),
            })?;
            // SAFETY: after a successful decoding a component has w * h samples; both were just checked.
            let data = unsafe { std::slice::from_raw_parts(data.as_ptr(), expected.rows * expected.cols) };
            // The sign was checked, so a sample is negative only if it has more than 16 bits.
            let mut all = 0;
            for (mut row, line) in plane.rows_mut().into_iter().zip(data.chunks_exact(expected.cols.max(1))) {
                row.iter_mut().zip(line).for_each(|(out, &sample)| {
                    all |= sample;
                    *out = sample as u16;
                });
            }
            if all >> 16 != 0 {
                return Err(Jp2Error::Codec {
                    codec: NAME,
                    doing: "decoding",
                    message: "a sample has more than 16 bits".to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: created by OpenJPEG, destroyed once; frees the sample buffers it still has.
        unsafe { opj::opj_image_destroy(self.raw()) }
    }
}

fn out_of_memory() -> Jp2Error {
    Jp2Error::Codec { codec: NAME, doing: "making a coder", message: "out of memory".to_owned() }
}
