//! Surface reflectance of B04 and B08 of a window as arrays, and the vegetation index of both; nothing is written.
//!
//! `cargo run --release --example red_reflectance_of_a_window -- LEVEL_1C`

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that reports to the terminal")]

use ndarray::Zip;
use sen2cor::core::grid::{Resolution, Window};
use sen2cor::core::sensor::Band;
use sen2cor::{Layer, Processor};

fn main() -> Result<(), sen2cor::Error> {
    let Some(input) = std::env::args().nth(1) else {
        eprintln!("usage: red_reflectance_of_a_window LEVEL_1C");
        return Ok(());
    };
    let processor = Processor::builder().input(input).build()?;
    let window = Window { row: 0, col: 0, rows: 120, cols: 120 };
    let bands = [Layer::SurfaceReflectance(Band::B04), Layer::SurfaceReflectance(Band::B08)];
    let layers = processor.layers(&bands, Resolution::R10, Some(window))?;
    if let [red, near_infrared] = layers.as_slice() {
        let (red, near_infrared) = (red.values(), near_infrared.values());
        let index = Zip::from(&red).and(&near_infrared).map_collect(|&r, &n| (n - r) / (n + r));
        let valid: Vec<f32> = index.iter().copied().filter(|value| value.is_finite()).collect();
        let mean = valid.iter().sum::<f32>() / valid.len().max(1) as f32;
        println!("mean vegetation index of {} pixels: {mean:.3}", valid.len());
    }
    Ok(())
}
