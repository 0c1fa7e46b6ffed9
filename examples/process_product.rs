//! Makes a Level-2A product and shows how far it is.
//!
//! `cargo run --release --example process_product -- LEVEL_1C OUTPUT_FOLDER`

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that reports to the terminal")]

use sen2cor::{Event, Observer, Processor};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
struct Progress {
    units: AtomicUsize,
    done: AtomicUsize,
}

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::FlowStarted { units } => self.units.store(*units, Ordering::Relaxed),
            Event::UnitDone { label } => {
                let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
                let units = self.units.load(Ordering::Relaxed).max(1);
                if done.is_multiple_of(units.div_ceil(20)) {
                    eprintln!("{:3} % {label}", done * 100 / units);
                }
            }
            _ => {}
        }
    }
}

fn main() -> Result<(), sen2cor::Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: process_product LEVEL_1C OUTPUT_FOLDER");
        return Ok(());
    };
    let report = Processor::builder()
        .input(input)
        .output_dir(output)
        .configure(|options| options.product.overwrite = Some(true))
        .observer(Arc::new(Progress::default()))
        .build()?
        .run()?;
    for entry in report.quality.entries() {
        eprintln!("{:?}: {}", entry.note.severity(), entry.note);
    }
    for product in &report.products {
        println!("{}", product.display());
    }
    Ok(())
}
