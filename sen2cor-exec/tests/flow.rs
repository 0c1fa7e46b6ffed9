//! Flows on both executors: the same bits, errors that name their place, memory that is given back.

#![allow(clippy::unwrap_used, reason = "a test")]

use ndarray::Array2;
use proptest::prelude::*;
use sen2cor_core::grid::{Extent, Resolution, Tiling};
use sen2cor_exec::{
    CancelToken, ErrorKind, Event, ExecError, Executor, Flow, FrozenPlane, HeapStore, Kernel, KernelEntry,
    KernelError, Observer, PlaneSpec, Registry, RunContext, Sequential, Threads, UnitIo,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};

/// Sum over a square neighbourhood, modulo 2^16; the partial is the sum of the block and its number.
struct Neighbours;

#[derive(Serialize, Deserialize)]
struct Radius {
    pixels: usize,
}

impl Kernel for Neighbours {
    const NAME: &'static str = "test.neighbours/1";
    type Params = Radius;
    type Partial = (usize, u64);

    fn halo_m(radius: &Radius) -> u32 {
        radius.pixels as u32 * 20
    }

    fn run(radius: &Radius, io: &mut UnitIo<'_>) -> Result<(usize, u64), KernelError> {
        let input = io.input::<u16>(0)?;
        let mut output = io.output::<u16>(0)?;
        let (top, left) = io.inner(Resolution::R20);
        let mut total = 0;
        for ((row, col), out) in output.indexed_iter_mut() {
            let (row, col) = (row + top, col + left);
            let rows = row.saturating_sub(radius.pixels)..(row + radius.pixels + 1).min(input.nrows());
            let mut sum = 0u16;
            for r in rows {
                for c in col.saturating_sub(radius.pixels)..(col + radius.pixels + 1).min(input.ncols()) {
                    sum = sum.wrapping_add(input[[r, c]]);
                }
            }
            *out = sum;
            total += u64::from(sum);
        }
        Ok((io.unit(), total))
    }
}

/// Fails, panics or cancels, as asked, at one block.
struct Trouble;

#[derive(Serialize, Deserialize)]
struct Wanted {
    panic: bool,
    block: usize,
}

impl Kernel for Trouble {
    const NAME: &'static str = "test.trouble/1";
    type Params = Wanted;
    type Partial = ();

    fn run(wanted: &Wanted, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        if io.unit() == wanted.block {
            assert!(!wanted.panic, "as asked");
            return Err(KernelError::new(ErrorKind::Input, "as asked"));
        }
        Ok(())
    }
}

/// Writes the number of the unit into its slot.
struct Number;

impl Kernel for Number {
    const NAME: &'static str = "test.number/1";
    type Params = ();
    type Partial = usize;

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<usize, KernelError> {
        let unit = io.unit();
        io.output::<u8>(0)?.fill(unit as u8);
        if io.output::<u8>(0).is_ok() {
            return Err(KernelError::internal("an output could be taken twice"));
        }
        Ok(unit)
    }
}

const KERNELS: Registry =
    Registry(&[KernelEntry::of::<Neighbours>(), KernelEntry::of::<Trouble>(), KernelEntry::of::<Number>()]);

fn executors() -> Vec<Box<dyn Executor>> {
    vec![
        Box::new(Sequential::new(KERNELS)),
        Box::new(Threads::new(KERNELS, 1).unwrap()),
        Box::new(Threads::new(KERNELS, 3).unwrap()),
    ]
}

/// Two stages and a step that chooses the second radius from the partial results of the first.
fn chain(
    executor: &dyn Executor,
    image: &Array2<u16>,
    edge: u32,
    ctx: &RunContext,
) -> (Array2<u16>, Vec<(usize, u64)>) {
    let extent = Extent::of_shape(image.nrows(), image.ncols(), Resolution::R20);
    let tiling = Tiling::square(extent, edge);
    let mut flow = Flow::<ExecError>::new();
    let source = flow.import(FrozenPlane::from_array(&HeapStore, image, Resolution::R20).unwrap());
    let mut first = flow.stage::<Neighbours>("first", tiling).input(source);
    let summed = first.output(PlaneSpec::grid::<u16>(extent, Resolution::R20));
    let partials = first.run(Radius { pixels: 2 });
    let radius = flow.step("choose", &[partials.into()], move |ready| {
        let total: u64 = ready.get(partials)?.iter().map(|p| p.1).sum();
        Ok((total % 3) as usize)
    });
    let mut second = flow.stage::<Neighbours>("second", tiling).input(summed);
    let result = second.output(PlaneSpec::grid::<u16>(extent, Resolution::R20));
    let last =
        second.run_with(&[radius.into()], move |ready| Ok(Some(Radius { pixels: *ready.get(radius)? })));
    flow.keep(result);
    let finished = flow.run(executor, ctx).unwrap();
    assert!(finished.plane(summed).is_err(), "an intermediate plane was kept");
    (finished.plane(result).unwrap().to_array().unwrap(), finished.get(last).unwrap().clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn executors_and_block_sizes_agree(rows in 1usize..40, cols in 1usize..40, seed in any::<u16>(), cells in 1u32..12) {
        let image = Array2::from_shape_fn((rows, cols), |(r, c)| {
            (r as u16).wrapping_mul(7919).wrapping_add((c as u16).wrapping_mul(104)).wrapping_mul(seed | 1)
        });
        let ctx = RunContext::default();
        let (reference, _) = chain(&Sequential::new(KERNELS), &image, 10_000, &ctx);
        // Inner edges are multiples of 6 cells, since halos are rounded to whole 60 m pixels.
        let edge = cells * 6;
        let mut partials = None;
        for executor in executors() {
            let (plane, parts) = chain(executor.as_ref(), &image, edge, &ctx);
            prop_assert_eq!(&plane, &reference);
            prop_assert!(parts.iter().enumerate().all(|(i, p)| p.0 == i), "partials are not in block order");
            prop_assert_eq!(&parts, partials.get_or_insert_with(|| parts.clone()));
        }
    }
}

#[test]
fn a_budget_smaller_than_any_plane_delays_but_does_not_stop() {
    let image = Array2::from_elem((30, 30), 7);
    let tight = RunContext { plane_budget_bytes: Some(1), ..RunContext::default() };
    for executor in executors() {
        let free = chain(executor.as_ref(), &image, 12, &RunContext::default());
        assert_eq!(chain(executor.as_ref(), &image, 12, &tight), free);
    }
}

fn trouble(executor: &dyn Executor, wanted: Wanted) -> ExecError {
    let mut flow = Flow::<ExecError>::new();
    flow.stage::<Trouble>("bad stage", Tiling::square(Extent { rows: 10, cols: 1 }, 1)).run(wanted);
    flow.run(executor, &RunContext::default()).err().unwrap()
}

#[test]
fn errors_and_panics_name_stage_and_block() {
    for executor in executors() {
        let error = trouble(executor.as_ref(), Wanted { panic: false, block: 3 });
        assert!(
            matches!(&error, ExecError::Kernel { stage, block: 3, .. } if stage == "bad stage"),
            "{error:?}"
        );
        let error = trouble(executor.as_ref(), Wanted { panic: true, block: 4 });
        assert!(
            matches!(&error, ExecError::Panic { block: 4, message, .. } if message == "as asked"),
            "{error:?}"
        );
        // The executor is still usable.
        chain(executor.as_ref(), &Array2::from_elem((5, 5), 1), 6, &RunContext::default());
    }
}

#[test]
fn a_skipped_stage_skips_its_readers() {
    for executor in executors() {
        let extent = Extent { rows: 12, cols: 12 };
        let tiling = Tiling::square(extent, 6);
        let mut flow = Flow::<ExecError>::new();
        let mut first = flow.stage::<Neighbours>("never", tiling);
        let plane = first.output(PlaneSpec::grid::<u16>(extent, Resolution::R20));
        let partials = first.run_with(&[], |_| Ok(None));
        let mut second = flow.stage::<Neighbours>("neither", tiling).input(plane);
        let result = second.output(PlaneSpec::grid::<u16>(extent, Resolution::R20));
        second.run(Radius { pixels: 1 });
        let there = flow.step("look", &[result.into(), partials.into()], move |ready| {
            Ok((ready.has(result), ready.get(partials).is_ok()))
        });
        let finished = flow.run(executor.as_ref(), &RunContext::default()).unwrap();
        assert_eq!(finished.get(there).unwrap(), &(false, false));
    }
}

#[test]
fn slots_belong_to_their_units() {
    for executor in executors() {
        let mut flow = Flow::<ExecError>::new();
        let mut stage = flow.stage::<Number>("slots", Tiling::square(Extent { rows: 5, cols: 1 }, 1));
        let plane = stage.output(PlaneSpec::slots::<u8>(5, 3));
        stage.run(());
        flow.keep(plane);
        let finished = flow.run(executor.as_ref(), &RunContext::default()).unwrap();
        let expected = Array2::from_shape_fn((5, 3), |(row, _)| row as u8);
        assert_eq!(finished.plane(plane).unwrap().to_array::<u8>().unwrap(), expected);
    }
}

#[test]
fn blocks_that_overlap_on_the_grid_are_refused() {
    let extent = Extent { rows: 12, cols: 12 };
    let mut flow = Flow::<ExecError>::new();
    let mut stage = flow.stage::<Number>("overlap", Tiling::square(extent, 4));
    stage.output(PlaneSpec::grid::<u8>(extent, Resolution::R60));
    stage.run(());
    let error = flow.run(&Sequential::new(KERNELS), &RunContext::default()).err().unwrap();
    assert!(error.to_string().contains("overlap"), "{error}");
}

/// Cancels when the first unit is done and writes down what it hears.
struct Canceller {
    token: CancelToken,
    seen: Mutex<usize>,
}

impl Observer for Canceller {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::UnitDone { .. }) {
            *self.seen.lock().unwrap() += 1;
            self.token.cancel();
        }
    }
}

#[test]
fn a_cancelled_run_stops_early() {
    for executor in executors() {
        let token = CancelToken::default();
        let observer = Arc::new(Canceller { token: token.clone(), seen: Mutex::new(0) });
        let ctx = RunContext { cancel: token, observer: Some(observer.clone()), plane_budget_bytes: None };
        let mut flow = Flow::<ExecError>::new();
        let mut stage = flow.stage::<Number>("long", Tiling::square(Extent { rows: 200, cols: 1 }, 1));
        stage.output(PlaneSpec::slots::<u8>(200, 1));
        stage.run(());
        let error = flow.run(executor.as_ref(), &ctx).err().unwrap();
        assert!(matches!(error, ExecError::Cancelled));
        assert!(*observer.seen.lock().unwrap() < 200);
    }
}

#[test]
fn planes_are_freed_after_their_last_reader() {
    let extent = Extent { rows: 60, cols: 60 };
    let tiling = Tiling::square(extent, 12);
    let bytes = PlaneSpec::grid::<u16>(extent, Resolution::R20).bytes();
    for executor in executors() {
        let mut flow = Flow::<ExecError>::new();
        let image = Array2::from_elem((30, 30), 3u16);
        let mut plane = flow.import(FrozenPlane::from_array(&HeapStore, &image, Resolution::R20).unwrap());
        for _ in 0..10 {
            let mut stage = flow.stage::<Neighbours>("link", tiling).input(plane);
            plane = stage.output(PlaneSpec::grid::<u16>(extent, Resolution::R20));
            stage.run(Radius { pixels: 0 });
        }
        let finished = flow.run(executor.as_ref(), &RunContext::default()).unwrap();
        assert_eq!(finished.peak_plane_bytes, 2 * bytes);
    }
}

#[test]
fn two_flows_can_share_the_workers() {
    let threads = Threads::new(KERNELS, 2).unwrap();
    let image = Array2::from_shape_fn((50, 50), |(r, c)| (r * c) as u16);
    let reference = chain(&Sequential::new(KERNELS), &image, 6, &RunContext::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(chain(&threads, &image, 6, &RunContext::default()), reference));
        }
    });
}
