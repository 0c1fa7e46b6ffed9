//! What the scene classification costs: processor time of each pass, of the whole, on one and two threads, and memory.
//!
//! ```text
//! cargo run --release --example classify_speed [-- SIZE_PX]
//! ```
//!
//! The scenes are fractal land, water and clouds with noise; by default 5490 x 5490 pixels at 20 m and 1830 x 1830 at 60 m. They are
//! classified in blocks of 549 x 549 pixels, as in a run, without maps of the ground. Times are the best of five.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that reports to the terminal")]

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sen2cor::core::angles::Direction;
use sen2cor::core::classify::{
    BANDS, ClassCounts, DetectInput, Detected, HALO_PX, RECOVERY_BANDS, RecoverInput, SHADOW_BANDS,
    SHADOW_MARGIN_PX, SceneClass, ShadowInput, ShadowLine, Thresholds, cast_shadows, detect_block,
    finish_block, recover_block,
};
use sen2cor::core::grid::{Resolution, Window};
use sen2cor::core::sensor::Band;
use std::error::Error;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

type Failure = Box<dyn Error + Send + Sync>;

const BLOCK_PX: usize = 549;
const RUNS: usize = 5;
/// Sizes for which times mean something and the memory of usual machines suffices.
const SIZES_PX: RangeInclusive<usize> = 300..=10_980;

/// Digital numbers of B01 B02 B03 B04 B05 B06 B07 B8A B09 B10 B11 B12.
const SURFACES: [[f32; 12]; 6] = [
    [1400.0, 1000.0, 700.0, 400.0, 350.0, 300.0, 280.0, 260.0, 90.0, 11.0, 60.0, 40.0],
    [1300.0, 1100.0, 780.0, 560.0, 700.0, 900.0, 950.0, 980.0, 300.0, 10.0, 540.0, 250.0],
    [1400.0, 1100.0, 1000.0, 600.0, 1100.0, 2500.0, 3000.0, 3300.0, 900.0, 12.0, 1700.0, 800.0],
    [1500.0, 1200.0, 1100.0, 900.0, 1300.0, 2100.0, 2500.0, 2700.0, 800.0, 12.0, 2100.0, 1200.0],
    [1700.0, 1500.0, 1600.0, 2000.0, 2300.0, 2500.0, 2700.0, 2900.0, 800.0, 15.0, 3600.0, 3000.0],
    [2000.0, 1900.0, 2100.0, 2600.0, 2800.0, 2900.0, 3000.0, 3100.0, 900.0, 20.0, 3300.0, 3000.0],
];
const CLOUD: [f32; 12] =
    [5000.0, 5000.0, 5100.0, 5200.0, 5300.0, 5400.0, 5500.0, 5600.0, 2500.0, 120.0, 4300.0, 3200.0];

/// A number that looks random, 0 to 1.
fn chance(seed: u64, row: usize, col: usize) -> f32 {
    let mut z = seed ^ (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (col as u64) << 32;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z >> 40) as f32 / (1u64 << 24) as f32
}

/// Smooth noise with features of `edge` pixels.
fn smooth(seed: u64, row: usize, col: usize, edge: usize) -> f32 {
    let ease = |at: usize| {
        let t = (at % edge) as f32 / edge as f32;
        t * t * (3.0 - 2.0 * t)
    };
    let (top, left) = (row / edge, col / edge);
    let along = |row: usize| {
        let (a, b) = (chance(seed, row, left), chance(seed, row, left + 1));
        a + (b - a) * ease(col)
    };
    along(top) + (along(top + 1) - along(top)) * ease(row)
}

/// Noise of all sizes below 400 pixels.
fn fractal(seed: u64, row: usize, col: usize) -> f32 {
    (0..6).map(|octave| 0.55f32.powi(octave) * smooth(seed + octave as u64, row, col, 400 >> octave)).sum()
}

/// Bands with a share of clouds; a sea if asked for.
fn scene(size_px: usize, cloud_share: f32, sea: bool) -> Vec<Array2<u16>> {
    let mut samples: Vec<f32> = (0..10_000)
        .map(|i| {
            let at = |seed| (chance(seed, i, 0) * size_px as f32) as usize;
            fractal(7, at(1), at(2))
        })
        .collect();
    samples.sort_by(f32::total_cmp);
    let edge = samples[((1.0 - cloud_share) * 9_999.0) as usize];
    let mut bands = vec![Array2::<u16>::zeros((size_px, size_px)); BANDS.len()];
    for (row, col) in ndarray::indices((size_px, size_px)) {
        let cover = ((fractal(7, row, col) - edge) / 0.02).clamp(0.0, 1.0);
        let kind = if sea { 0 } else { (fractal(90, row, col) * 3.4) as usize % SURFACES.len() };
        for (index, band) in bands.iter_mut().enumerate() {
            let value = SURFACES[kind][index] * (1.0 - cover) + CLOUD[index] * cover;
            let noise = 0.98 + 0.04 * chance(index as u64, row, col);
            band[(row, col)] = 1000 + (value * noise) as u16;
        }
    }
    bands
}

/// A scene to classify.
struct Case {
    grid: Resolution,
    bands: Vec<Array2<u16>>,
    line: ShadowLine,
    thresholds: Thresholds,
}

/// The planes between the passes.
struct Planes([Array2<u8>; 5]);

impl Case {
    fn shape(&self) -> (usize, usize) {
        self.bands[0].dim()
    }

    fn named<const N: usize>(&self, names: [Band; N], view: Window) -> [ArrayView2<'_, u16>; N] {
        names.map(|name| {
            let index = BANDS.iter().position(|band| *band == name).unwrap_or(0);
            cut(&self.bands[index], view)
        })
    }

    /// A block and what lies around it.
    fn around(&self, block: Window, halo: usize) -> Window {
        let (rows, cols) = self.shape();
        let (row, col) = (block.row.saturating_sub(halo), block.col.saturating_sub(halo));
        let end = |first: usize, count: usize, all: usize| (first + count + halo).min(all);
        Window {
            row,
            col,
            rows: end(block.row, block.rows, rows) - row,
            cols: end(block.col, block.cols, cols) - col,
        }
    }

    fn detect(
        &self,
        block: Window,
        [map, clues, cloud, snow]: [ArrayViewMut2<'_, u8>; 4],
    ) -> Result<(), Failure> {
        let view = self.around(block, HALO_PX);
        let input = DetectInput {
            bands: self.named(BANDS, view),
            inner: (block.row - view.row, block.col - view.col),
            snow_possible: true,
            elevation_m: None,
            snow_condition: None,
        };
        Ok(detect_block(&input, &self.thresholds, Detected { map, clues, cloud, snow })?)
    }

    fn shadows(
        &self,
        block: Window,
        map: &Array2<u8>,
        clues: &Array2<u8>,
        out: ArrayViewMut2<'_, u8>,
    ) -> Result<(), Failure> {
        let view = self.around(block, self.line.reach_px() + SHADOW_MARGIN_PX);
        let input = ShadowInput {
            map: cut(map, view),
            clues: cut(clues, view),
            bands: self.named(SHADOW_BANDS, view),
            view,
            block,
            image: self.shape(),
        };
        Ok(cast_shadows(&input, &self.line, &self.thresholds, out)?)
    }

    fn recover(&self, block: Window, map: &Array2<u8>, out: ArrayViewMut2<'_, u8>) -> Result<(), Failure> {
        let view = self.around(block, HALO_PX);
        let input = RecoverInput {
            map: cut(map, view),
            bands: self.named(RECOVERY_BANDS, view),
            inner: (block.row - view.row, block.col - view.col),
            slope_deg: None,
            hillshade: None,
            water_bodies: None,
        };
        Ok(recover_block(&input, &self.thresholds, out)?)
    }

    /// All passes; processor seconds of each, and wall seconds together.
    fn run(&self, threads: usize, planes: &mut Planes) -> Result<([f64; 4], f64, ClassCounts), Failure> {
        let Planes([map, clues, cloud, snow, shaded]) = planes;
        let start = Instant::now();
        let mut passes = [cpu_s()?; 5];
        strips(threads, [&mut *map, &mut *clues, cloud, snow], |block, out| self.detect(block, out))?;
        passes[1] = cpu_s()?;
        strips(threads, [&mut *shaded], |block, [out]| self.shadows(block, map, clues, out))?;
        passes[2] = cpu_s()?;
        // Nothing reads the map before shadows and the clues any more: their planes serve again.
        strips(threads, [&mut *map], |block, [out]| self.recover(block, shaded, out))?;
        passes[3] = cpu_s()?;
        let counts = Mutex::new(ClassCounts::default());
        strips(threads, [clues], |block, [out]| {
            let part = finish_block(cut(map, block), &[], out)?;
            *counts.lock().map_err(|_| "a thread failed")? += part;
            Ok(())
        })?;
        passes[4] = cpu_s()?;
        let counts = counts.into_inner().map_err(|_| "a thread failed")?;
        Ok((std::array::from_fn(|i| passes[i + 1] - passes[i]), start.elapsed().as_secs_f64(), counts))
    }
}

fn cut<T>(image: &Array2<T>, w: Window) -> ArrayView2<'_, T> {
    image.slice(s![w.row..w.row + w.rows, w.col..w.col + w.cols])
}

/// Runs `work` for all blocks, strips of which go to threads in turn.
fn strips<const N: usize>(
    threads: usize,
    planes: [&mut Array2<u8>; N],
    work: impl Fn(Window, [ArrayViewMut2<'_, u8>; N]) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let mut cut = planes.map(|plane| plane.axis_chunks_iter_mut(Axis(0), BLOCK_PX));
    let mut queue = Vec::new();
    while let Some(first) = cut[0].next() {
        let mut rest = cut[1..].iter_mut().filter_map(Iterator::next).collect::<Vec<_>>().into_iter();
        let mut first = Some(first);
        let strip: [_; N] = std::array::from_fn(|_| first.take().or_else(|| rest.next()));
        queue.push((queue.len() * BLOCK_PX, strip));
    }
    let queue = Mutex::new(queue);
    let worker = || -> Result<(), Failure> {
        loop {
            let next = queue.lock().map_err(|_| "a thread failed")?.pop();
            let Some((row, strip)) = next else { return Ok(()) };
            let mut strip = strip.map(|view| view.unwrap_or_else(|| unreachable!("planes of one shape")));
            let (rows, cols) = strip[0].dim();
            for col in (0..cols).step_by(BLOCK_PX) {
                let block = Window { row, col, rows, cols: BLOCK_PX.min(cols - col) };
                work(block, strip.each_mut().map(|view| view.slice_mut(s![.., col..col + block.cols])))?;
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a thread failed")?)
    })
}

/// Processor seconds of this process.
fn cpu_s() -> Result<f64, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok((usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6)
}

/// A line of what Linux knows of the memory of this process, bytes; nothing elsewhere.
fn memory_bytes(field: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0)
}

/// Forgets the peak so far, and tells what is resident now.
fn start_of_memory() -> Option<f64> {
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    memory_bytes("VmRSS")
}

fn report(name: &str, case: &Case) -> Result<(), Failure> {
    let pixels = case.bands[0].len() as f64;
    for threads in [1, 2] {
        let before = start_of_memory();
        let mut planes = Planes([(); 5].map(|()| Array2::zeros(case.shape())));
        let (mut passes, mut cpu, mut wall) = ([f64::MAX; 4], f64::MAX, f64::MAX);
        let mut cloudy = 0.0;
        for _ in 0..RUNS {
            let (times, elapsed, counts) = case.run(threads, &mut planes)?;
            (cpu, wall) = (times.iter().sum::<f64>().min(cpu), wall.min(elapsed));
            for (best, time) in passes.iter_mut().zip(times) {
                *best = best.min(time);
            }
            cloudy = 100.0 * (counts.of(SceneClass::CloudMedium) + counts.of(SceneClass::CloudHigh)) as f64
                / pixels;
        }
        let [detect, shadows, recover, finish] = passes.map(|seconds| seconds * 1e9 / pixels);
        let memory = before.zip(memory_bytes("VmHWM")).map(|(before, peak)| (peak - before) / pixels);
        // Less than the planes take: memory of the case before served again.
        let memory =
            memory.filter(|bytes| *bytes >= 5.0).map_or("-".to_owned(), |bytes| format!("{bytes:.1}"));
        println!(
            "{name:<28} {cloudy:5.1} {threads:7} {detect:8.2} {shadows:8.2} {recover:8.2} {finish:8.2} {cpu:8.3} {wall:8.3} {:8.1} {memory:>8}",
            pixels / cpu / 1e6,
        );
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Failure> {
    let size_px = match std::env::args().nth(1) {
        None => 5490,
        Some(text) => text.parse().ok().filter(|size| SIZES_PX.contains(size)).ok_or_else(|| {
            format!(
                "the size is {text}, but must be a number of pixels from {} to {}",
                SIZES_PX.start(),
                SIZES_PX.end()
            )
        })?,
    };
    println!(
        "{:<28} cloud% threads  ns/pixel: detect, shadows, recover, finish    CPU s   wall s  Mpx/CPUs  bytes/pixel",
        ""
    );
    for (name, zenith_deg, share, sea) in [
        ("zenith 40", 40.0, 0.3, false),
        ("zenith 70", 70.0, 0.6, false),
        ("zenith 70, sea", 70.0, 0.3, true),
    ] {
        for (grid, size_px) in [(Resolution::R20, size_px), (Resolution::R60, size_px.div_ceil(3))] {
            let sun = Direction { zenith_deg, azimuth_deg: 155.0 };
            let case = Case {
                grid,
                bands: scene(size_px, share, sea),
                line: ShadowLine::new(sun, grid),
                thresholds: Thresholds::default(),
            };
            report(&format!("{name}, {} m, {size_px} px", case.grid.metres()), &case)?;
        }
    }
    Ok(())
}
