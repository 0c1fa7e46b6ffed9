//! The scene class map of a window as an array; nothing is written.
//!
//! `cargo run --release --example class_map_of_a_window -- LEVEL_1C`

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that reports to the terminal")]

use sen2cor::core::classify::SceneClass;
use sen2cor::core::grid::{Resolution, Window};
use sen2cor::{Layer, Processor};

fn main() -> Result<(), sen2cor::Error> {
    let Some(input) = std::env::args().nth(1) else {
        eprintln!("usage: class_map_of_a_window LEVEL_1C");
        return Ok(());
    };
    let processor = Processor::builder().input(input).build()?;
    let window = Window { row: 0, col: 0, rows: 60, cols: 60 };
    let layers = processor.layers(&[Layer::SceneClass], Resolution::R20, Some(window))?;
    for layer in &layers {
        for class in SceneClass::ALL {
            let count = layer.stored.iter().filter(|&&stored| stored == class as u16).count();
            if count > 0 {
                println!("{count:6} pixels {class}");
            }
        }
    }
    Ok(())
}
