//! OpenJPEG as the reference of the tests: one-tile codestreams with all the settings that this crate knows.
#![allow(unsafe_code, reason = "OpenJPEG is a C library")]
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use openjpeg_sys as opj;
use sen2cor_jpeg2000::{Header, Rect};
use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

/// What OpenJPEG decodes: per component its samples, width and height.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) planes: Vec<Vec<u16>>,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

unsafe extern "C" fn on_read(buffer: *mut c_void, len: usize, reader: *mut c_void) -> usize {
    // SAFETY: the stream has a `Reader` as its user data, which nobody else uses while OpenJPEG runs.
    let reader = unsafe { &mut *reader.cast::<Reader<'_>>() };
    let rest = reader.bytes.get(reader.at..).unwrap_or_default();
    let len = len.min(rest.len());
    if len == 0 {
        return usize::MAX;
    }
    // SAFETY: OpenJPEG gives room for the bytes it asks for, and `rest` has at least `len`.
    unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast::<u8>(), len) };
    reader.at += len;
    len
}

unsafe extern "C" fn on_skip(count: i64, reader: *mut c_void) -> i64 {
    // SAFETY: as in `on_read`.
    let reader = unsafe { &mut *reader.cast::<Reader<'_>>() };
    let count = count.max(0).min((reader.bytes.len() - reader.at) as i64);
    reader.at += count as usize;
    count
}

unsafe extern "C" fn on_write(buffer: *mut c_void, len: usize, out: *mut c_void) -> usize {
    // SAFETY: the stream has a `Vec<u8>` as its user data, and OpenJPEG passes `len` bytes.
    unsafe {
        (*out.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(buffer.cast::<u8>(), len));
    };
    len
}

/// The C objects of a call, freed at its end.
struct Objects {
    codec: *mut opj::opj_codec_t,
    stream: *mut opj::opj_stream_t,
    image: *mut opj::opj_image_t,
}

impl Drop for Objects {
    fn drop(&mut self) {
        // SAFETY: each is null or was made by OpenJPEG and is freed once.
        unsafe {
            if !self.stream.is_null() {
                opj::opj_stream_destroy(self.stream);
            }
            if !self.codec.is_null() {
                opj::opj_destroy_codec(self.codec);
            }
            if !self.image.is_null() {
                opj::opj_image_destroy(self.image);
            }
        }
    }
}

/// Decodes a codestream strictly; `None` if OpenJPEG refuses it.
pub(crate) fn decode(bytes: &[u8], reduce: u32, region: Option<Rect>) -> Option<Decoded> {
    let mut reader = Reader { bytes, at: 0 };
    let mut objects = Objects { codec: ptr::null_mut(), stream: ptr::null_mut(), image: ptr::null_mut() };
    // SAFETY: the objects are live where they are used, the reader outlives the stream, and zeros are a valid value of the
    // parameters, which hold numbers only.
    unsafe {
        objects.codec = opj::opj_create_decompress(opj::OPJ_CODEC_FORMAT::OPJ_CODEC_J2K);
        let mut parameters = MaybeUninit::<opj::opj_dparameters_t>::zeroed().assume_init();
        opj::opj_set_default_decoder_parameters(&raw mut parameters);
        parameters.cp_reduce = reduce;
        objects.stream = opj::opj_stream_create(1 << 16, 1);
        opj::opj_stream_set_read_function(objects.stream, Some(on_read));
        opj::opj_stream_set_skip_function(objects.stream, Some(on_skip));
        opj::opj_stream_set_user_data(objects.stream, (&raw mut reader).cast(), None);
        opj::opj_stream_set_user_data_length(objects.stream, bytes.len() as u64);
        let ready = opj::opj_setup_decoder(objects.codec, &raw mut parameters) != 0
            && opj::opj_decoder_set_strict_mode(objects.codec, 1) != 0
            && opj::opj_read_header(objects.stream, objects.codec, &raw mut objects.image) != 0;
        if !ready {
            return None;
        }
        if let Some(r) = region {
            let [x0, y0, x1, y1] = [r.x0, r.y0, r.x1, r.y1].map(|v| v as i32);
            if opj::opj_set_decode_area(objects.codec, objects.image, x0, y0, x1, y1) == 0 {
                return None;
            }
        }
        if opj::opj_decode(objects.codec, objects.stream, objects.image) == 0
            || opj::opj_end_decompress(objects.codec, objects.stream) == 0
        {
            return None;
        }
        let image = &*objects.image;
        let components = std::slice::from_raw_parts(image.comps, image.numcomps as usize);
        let (width, height) = (components[0].w as usize, components[0].h as usize);
        let plane = |c: &opj::opj_image_comp_t| {
            assert!(!c.data.is_null() && (c.w as usize, c.h as usize) == (width, height));
            let samples = std::slice::from_raw_parts(c.data, width * height);
            samples.iter().map(|&v| u16::try_from(v).unwrap()).collect()
        };
        Some(Decoded { planes: components.iter().map(plane).collect(), width, height })
    }
}

/// Settings that a header does not have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extras {
    /// Lists packet lengths.
    pub(crate) packet_lengths: bool,
    /// Ratio of uncompressed to compressed size; 0 is lossless.
    pub(crate) rate: f32,
}

/// Encodes the only tile of an image whose samples are `planes`; the whole codestream. `None` if OpenJPEG refuses.
pub(crate) fn encode(header: &Header, planes: &[Vec<u16>], extras: Extras) -> Option<Vec<u8>> {
    let (size, style) = (&header.size, &header.style);
    let mut out = Vec::<u8>::new();
    let mut objects = Objects { codec: ptr::null_mut(), stream: ptr::null_mut(), image: ptr::null_mut() };
    let component = opj::opj_image_cmptparm_t {
        dx: 1,
        dy: 1,
        w: size.end[0] - size.start[0],
        h: size.end[1] - size.start[1],
        x0: size.start[0],
        y0: size.start[1],
        prec: size.bits.into(),
        bpp: size.bits.into(),
        sgnd: 0,
    };
    let mut components = vec![component; planes.len()];
    // SAFETY: the objects are live where they are used, `out` outlives the stream, each component has w * h samples, and
    // zeros are a valid value of the parameters (numbers, pointers, enums with a variant 0).
    unsafe {
        let space = opj::OPJ_COLOR_SPACE::OPJ_CLRSPC_UNSPECIFIED;
        objects.image = opj::opj_image_create(planes.len() as u32, components.as_mut_ptr(), space);
        let image = &mut *objects.image;
        (image.x0, image.y0, image.x1, image.y1) = (size.start[0], size.start[1], size.end[0], size.end[1]);
        for (n, plane) in planes.iter().enumerate() {
            let data = (*image.comps.add(n)).data;
            plane.iter().enumerate().for_each(|(i, &sample)| *data.add(i) = sample.into());
        }
        let mut p = MaybeUninit::<opj::opj_cparameters_t>::zeroed().assume_init();
        opj::opj_set_default_encoder_parameters(&raw mut p);
        (p.image_offset_x0, p.image_offset_y0) = (size.start[0] as c_int, size.start[1] as c_int);
        (p.tile_size_on, p.cp_tx0, p.cp_ty0) = (1, size.tile_start[0] as c_int, size.tile_start[1] as c_int);
        let least = 1 << style.decompositions;
        (p.cp_tdx, p.cp_tdy) = (size.tile[0].max(least) as c_int, size.tile[1].max(least) as c_int);
        (p.irreversible, p.numresolution) = (0, c_int::from(style.decompositions) + 1);
        (p.tcp_numlayers, p.cp_disto_alloc, p.prog_order) = (1, 1, opj::OPJ_PROG_ORDER::OPJ_LRCP);
        p.tcp_rates[0] = extras.rate;
        (p.csty, p.res_spec) = (1, p.numresolution);
        for n in 0..=usize::from(style.decompositions) {
            // OpenJPEG counts from the highest resolution.
            let [x, y] = style.precinct_exponents[usize::from(style.decompositions) - n];
            (p.prcw_init[n], p.prch_init[n]) = (1 << x, 1 << y);
        }
        let [width, height] = style.block_exponents;
        (p.cblockw_init, p.cblockh_init) = (1 << width, 1 << height);
        p.mode = style.bypass.into();
        p.tcp_mct = style.colour_transform as c_char;
        objects.codec = opj::opj_create_compress(opj::OPJ_CODEC_FORMAT::OPJ_CODEC_J2K);
        let options = [c"PLT=YES".as_ptr(), ptr::null()];
        if opj::opj_setup_encoder(objects.codec, &raw mut p, objects.image) == 0
            || extras.packet_lengths
                && opj::opj_encoder_set_extra_options(objects.codec, options.as_ptr()) == 0
        {
            return None;
        }
        objects.stream = opj::opj_stream_create(1 << 16, 0);
        opj::opj_stream_set_write_function(objects.stream, Some(on_write));
        opj::opj_stream_set_user_data(objects.stream, (&raw mut out).cast(), None);
        let done = opj::opj_start_compress(objects.codec, objects.image, objects.stream) != 0
            && opj::opj_encode(objects.codec, objects.stream) != 0
            && opj::opj_end_compress(objects.codec, objects.stream) != 0;
        done.then_some(())?;
    }
    Some(out)
}

/// The tile-part of a stream of one.
pub(crate) fn tile_part(stream: &[u8]) -> &[u8] {
    let mut at = 2;
    while stream[at..at + 2] != [0xFF, 0x90] {
        at += 2 + usize::from(u16::from_be_bytes([stream[at + 2], stream[at + 3]]));
    }
    &stream[at..stream.len() - 2]
}
