//! `hayro-decode IN.jp2 OUT.raw BYTES`: components one after another, samples of one or two bytes, the low one first.

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, bytes] = arguments.as_slice() else {
        eprintln!("usage: hayro-decode IN.jp2 OUT.raw BYTES");
        return ExitCode::FAILURE;
    };
    match decode(input, bytes == "1").and_then(|raw| std::fs::write(output, raw).map_err(|e| e.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{input}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn decode(path: &str, narrow: bool) -> Result<Vec<u8>, String> {
    let file = std::fs::read(path).map_err(|e| e.to_string())?;
    let image = Image::new(&file, &DecodeSettings::default()).map_err(|e| format!("{e:?}"))?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(|e| format!("{e:?}"))?;
    let mut raw = Vec::new();
    for component in decoded.components() {
        for sample in component.samples() {
            let bytes = (*sample as u16).to_le_bytes();
            raw.extend_from_slice(if narrow { &bytes[..1] } else { &bytes });
        }
    }
    Ok(raw)
}
