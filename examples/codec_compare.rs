//! Compares the native JPEG 2000 coder with OpenJPEG on files: pixels, bytes and CPU seconds.
//!
//! `cargo run --release --example codec_compare -- FILE.jp2... [--json FILE]`
//!
//! Every tile is decoded by both, and its samples are encoded again by both with the settings of the file, at its place in
//! the image. Pixels and tile-parts have to be equal: if they are not anywhere, the exit code is 1. CPU seconds are those of
//! the process, user and system, summed over all tiles of a file; the two coders take turns tile by tile, so that both see the
//! same machine. Reading the file is not counted. A file whose coding the native coder does not know is an error.

use anyhow::{Context, ensure};
use ndarray::ArrayView2;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sen2cor::io::bytes::FileSource;
use sen2cor::io::jp2::{ImageIndex, Native, OpenJpeg, Samples, TileCodec};
use sen2cor_jpeg2000::Header;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Serialize)]
struct Report {
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: PathBuf,
    equal: bool,
    decode: Cost,
    encode: Cost,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Cost {
    openjpeg_cpu_s: f64,
    native_cpu_s: f64,
}

impl Cost {
    fn ratio(self) -> f64 {
        self.openjpeg_cpu_s / self.native_cpu_s
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let (files, json) = arguments()?;
    let mut report = Report { files: Vec::new() };
    print_row([
        "file",
        "equal",
        "decode: OpenJPEG",
        "native",
        "ratio",
        "encode: OpenJPEG",
        "native",
        "ratio",
    ]);
    for file in files {
        let found = compare(&file).with_context(|| file.display().to_string())?;
        let (d, e) = (found.decode, found.encode);
        let seconds = |s: f64| format!("{s:.3} s");
        let ratio = |cost: Cost| format!("{:.2}", cost.ratio());
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let equal = if found.equal { "yes" } else { "NO" };
        let cells = [seconds(d.openjpeg_cpu_s), seconds(d.native_cpu_s), ratio(d)];
        let more = [seconds(e.openjpeg_cpu_s), seconds(e.native_cpu_s), ratio(e)];
        print_row([&name, equal, &cells[0], &cells[1], &cells[2], &more[0], &more[1], &more[2]]);
        report.files.push(found);
    }
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
    }
    let all = report.files.iter().all(|file| file.equal);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[allow(clippy::print_stdout, reason = "the result of the program")]
fn print_row(cells: [&str; 8]) {
    let [file, equal, a, b, c, d, e, f] = cells;
    println!("{file:44} {equal:>5} {a:>17} {b:>10} {c:>6} {d:>17} {e:>10} {f:>6}");
}

fn arguments() -> anyhow::Result<(Vec<PathBuf>, Option<PathBuf>)> {
    let (mut files, mut json) = (Vec::new(), None);
    let mut given = std::env::args_os().skip(1);
    while let Some(argument) = given.next() {
        if argument == "--json" {
            json = Some(PathBuf::from(given.next().context("--json needs a file")?));
        } else {
            files.push(PathBuf::from(argument));
        }
    }
    ensure!(!files.is_empty(), "usage: codec_compare FILE.jp2... [--json FILE]");
    Ok((files, json))
}

fn compare(path: &Path) -> anyhow::Result<FileReport> {
    let source = FileSource::open(path)?;
    let index = ImageIndex::read(&source)?;
    let header = index.coding_header()?;
    // Guard bits and exponents as OpenJPEG chooses them: planes of the file may be fewer.
    let header = Header::new(header.size, header.style)?;
    let mut report =
        FileReport { file: path.to_owned(), equal: true, decode: Cost::default(), encode: Cost::default() };
    for tile in 0..index.tile_count() {
        let stream = index.mini_stream(&source, tile)?;
        let shape = index.tile_shape(tile);
        let native_first = tile % 2 == 0;
        let (theirs, ours) = both(&mut report.decode, native_first, |codec| codec.decode(&stream, shape));
        let (theirs, ours) = (theirs?, ours?);
        report.equal &= theirs == ours;
        let views = theirs.iter().map(|plane| ArrayView2::from_shape((shape.rows, shape.cols), plane));
        let samples = Samples::U16(views.collect::<Result<_, _>>()?);
        let (one, number) = (header.of_tile(tile), u16::try_from(tile)?);
        let (theirs, ours) = both(&mut report.encode, native_first, |codec| {
            let mut part = Vec::new();
            codec.encode_as(&one, &samples, number, &mut part).map(|()| part)
        });
        report.equal &= theirs? == ours?;
    }
    Ok(report)
}

/// Runs both coders and adds up their CPU seconds: first result is OpenJPEG's, second the native coder's.
fn both<R>(cost: &mut Cost, native_first: bool, mut run: impl FnMut(&dyn TileCodec) -> R) -> (R, R) {
    let mut timed = |codec: &dyn TileCodec, seconds: &mut f64| {
        let start = cpu_s();
        let result = run(codec);
        *seconds += cpu_s() - start;
        result
    };
    if native_first {
        let ours = timed(&Native, &mut cost.native_cpu_s);
        (timed(&OpenJpeg, &mut cost.openjpeg_cpu_s), ours)
    } else {
        let theirs = timed(&OpenJpeg, &mut cost.openjpeg_cpu_s);
        (theirs, timed(&Native, &mut cost.native_cpu_s))
    }
}

/// CPU seconds of this process so far.
fn cpu_s() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF)
        .map_or(0.0, |usage| (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6)
}
