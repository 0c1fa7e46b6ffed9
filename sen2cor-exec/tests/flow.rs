//! Flows on all executors: the same bits, errors that name their place, memory that is given back.

#![allow(clippy::unwrap_used, reason = "a test")]

use libtest_mimic::{Arguments, Trial};
use ndarray::{Array2, s};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sen2cor_core::grid::{Block, Extent, Resolution, Tiling};
use sen2cor_exec::{
    CancelToken, ErrorKind, Event, ExecError, Executor, Flow, FrozenPlane, HeapStore, Kernel, KernelEntry,
    KernelError, Observer, PlaneHandle, PlaneSpec, Processes, Registry, RunContext, Sequential, Threads,
    UnitIo, Value, run_if_asked,
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

/// Leaves most of its block as it is, which no kernel may.
struct Gaps;

impl Kernel for Gaps {
    const NAME: &'static str = "test.gaps/1";
    type Params = ();
    type Partial = ();

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        io.output::<u16>(0)?.column_mut(0).fill(7);
        Ok(())
    }
}

const KERNELS: Registry = Registry(&[
    KernelEntry::of::<Neighbours>(),
    KernelEntry::of::<Trouble>(),
    KernelEntry::of::<Number>(),
    KernelEntry::of::<Gaps>(),
]);

fn executors() -> Vec<Box<dyn Executor>> {
    vec![
        Box::new(Sequential::new(KERNELS)),
        Box::new(Threads::new(KERNELS, 1).unwrap()),
        Box::new(Threads::new(KERNELS, 3).unwrap()),
        Box::new(Processes::builder(KERNELS, BUILD).workers(1).start().unwrap()),
        Box::new(Processes::builder(KERNELS, BUILD).workers(3).start().unwrap()),
        Box::new(Processes::builder(KERNELS, BUILD).workers(2).planes_in_files(true).start().unwrap()),
    ]
}

const BUILD: &str = "tests of flows";

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

fn executors_and_block_sizes_agree() {
    let executors = executors();
    let cases = (1usize..40, 1usize..40, any::<u16>(), 1u32..12);
    TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })
        .run(&cases, |(rows, cols, seed, cells)| {
            let image = image(rows, cols, seed);
            let ctx = RunContext::default();
            let (reference, _) = chain(&Sequential::new(KERNELS), &image, 10_000, &ctx);
            // Inner edges are multiples of 6 cells, since halos are rounded to whole 60 m pixels.
            let edge = cells * 6;
            let mut partials = None;
            for executor in &executors {
                let (plane, parts) = chain(executor.as_ref(), &image, edge, &ctx);
                prop_assert_eq!(&plane, &reference);
                prop_assert!(
                    parts.iter().enumerate().all(|(i, p)| p.0 == i),
                    "partials are not in block order"
                );
                prop_assert_eq!(&parts, partials.get_or_insert_with(|| parts.clone()));
            }
            Ok(())
        })
        .unwrap();
}

fn image(rows: usize, cols: usize, seed: u16) -> Array2<u16> {
    Array2::from_shape_fn((rows, cols), |(r, c)| {
        (r as u16).wrapping_mul(7919).wrapping_add((c as u16).wrapping_mul(104)).wrapping_mul(seed | 1)
    })
}

/// A stage of a random flow: which earlier plane it reads, how far it looks, whether its radius waits for the partial
/// results of the stage before.
type Link = (usize, usize, bool);

/// Partial results of a stage.
type Partials = Vec<(usize, u64)>;

/// Runs a random flow; all planes that are kept (every third and the last) and all partial results.
fn random_flow(
    executor: &dyn Executor,
    links: &[Link],
    budget: Option<u64>,
) -> (Vec<Array2<u16>>, Vec<Partials>) {
    let (flow, planes, partials) = declare(links);
    let ctx = RunContext { plane_budget_bytes: budget, ..RunContext::default() };
    let finished = flow.run(executor, &ctx).unwrap();
    if let Some(budget) = budget {
        assert!(finished.peak_plane_bytes <= budget, "{} of {budget}", finished.peak_plane_bytes);
    }
    let planes = planes.into_iter().map(|plane| finished.plane(plane).unwrap().to_array().unwrap());
    (planes.collect(), partials.into_iter().map(|value| finished.get(value).unwrap().clone()).collect())
}

type Declared<'r> = (Flow<'r, ExecError>, Vec<PlaneHandle>, Vec<Value<Partials>>);

fn declare<'r>(links: &[Link]) -> Declared<'r> {
    let extent = Extent::of_shape(24, 24, Resolution::R20);
    let mut flow = Flow::<ExecError>::new();
    let source = FrozenPlane::from_array(&HeapStore, &image(24, 24, 77), Resolution::R20).unwrap();
    let mut planes = vec![flow.import(source)];
    let mut kept = Vec::new();
    let mut partials: Vec<Value<Partials>> = Vec::new();
    for (number, &(from, pixels, waits)) in links.iter().enumerate() {
        let tiling = Tiling::square(extent, 6 * (1 + number as u32 % 4));
        let mut stage =
            flow.stage::<Neighbours>(format!("link {number}"), tiling).input(planes[from % planes.len()]);
        let plane = stage.output(PlaneSpec::grid::<u16>(extent, Resolution::R20));
        let before = partials.last().copied().filter(|_| waits);
        let value = match before {
            None => stage.run(Radius { pixels }),
            Some(before) => stage.run_with(&[before.into()], move |ready| {
                let total: u64 = ready.get(before)?.iter().map(|p| p.1).sum();
                Ok(Some(Radius { pixels: pixels + (total % 2) as usize }))
            }),
        };
        planes.push(plane);
        partials.push(value);
        if number % 3 == 0 || number + 1 == links.len() {
            flow.keep(plane);
            kept.push(plane);
        }
    }
    (flow, kept, partials)
}

fn random_flows_agree_with_any_budget() {
    let executors = executors();
    let links = proptest::collection::vec((0usize..8, 0usize..3, any::<bool>()), 1..12);
    TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })
        .run(&(links, 0u64..4), |(links, spare)| {
            let reference = random_flow(&Sequential::new(KERNELS), &links, None);
            let flow = declare(&links).0;
            let budget = flow.minimum_plane_bytes() + spare * 1152;
            for executor in &executors {
                for budget in [None, Some(budget)] {
                    prop_assert_eq!(&random_flow(executor.as_ref(), &links, budget), &reference);
                }
            }
            Ok(())
        })
        .unwrap();
}

/// Of a pruned flow the blocks that are asked for, read in place and through a stage of the part alone.
fn a_part_is_that_of_the_whole() {
    let executors = executors();
    let links = proptest::collection::vec((0usize..8, 0usize..3, any::<bool>()), 1..12);
    let (corner, size) = ((0u32..8, 0u32..8), (1u32..9, 1u32..9));
    TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })
        .run(&(links, corner, size), |(links, (row, col), (rows, cols))| {
            let (row, col) = (row * 6, col * 6);
            let block = Block { row, col, rows: (rows * 6).min(48 - row), cols: (cols * 6).min(48 - col) };
            let whole = random_flow(&Sequential::new(KERNELS), &links, None).0.pop().unwrap();
            let window = block.on(Resolution::R20);
            let part = s![window.row..window.row + window.rows, window.col..window.col + window.cols];
            for executor in &executors {
                let (mut flow, kept, _) = declare(&links);
                let last = *kept.last().unwrap();
                let mut stage = flow
                    .stage::<Neighbours>("cut out", Tiling::square(block.extent(), 12))
                    .origin((block.row, block.col))
                    .input(last);
                let cut = stage.output(PlaneSpec::grid::<u16>(block.extent(), Resolution::R20));
                let value = stage.run(Radius { pixels: 0 });
                flow.keep(cut);
                flow.prune(&[value.into()], &[(last, block)]);
                let finished = flow.run(executor.as_ref(), &RunContext::default()).unwrap();
                let array = |plane| finished.plane(plane).unwrap().to_array::<u16>().unwrap();
                let cut = array(cut);
                prop_assert_eq!(cut.view(), whole.slice(part));
                let in_place = array(last);
                prop_assert_eq!(in_place.slice(part), whole.slice(part));
            }
            Ok(())
        })
        .unwrap();
}

fn units_that_nobody_reads_do_not_run() {
    let extent = Extent::of_shape(24, 24, Resolution::R20);
    let block = Block { row: 24, col: 24, rows: 12, cols: 12 };
    let mut flow = Flow::<ExecError>::new();
    let source = FrozenPlane::from_array(&HeapStore, &image(24, 24, 77), Resolution::R20).unwrap();
    let mut plane = flow.import(source);
    for label in ["far", "near"] {
        let mut stage = flow.stage::<Neighbours>(label, Tiling::square(extent, 12)).input(plane);
        plane = stage.output(PlaneSpec::grid::<u16>(extent, Resolution::R20));
        stage.run(Radius { pixels: 2 });
    }
    flow.keep(plane);
    flow.prune(&[], &[(plane, block)]);
    let graph = flow.explain();
    assert!(graph.contains("near [test.neighbours/1 x 1 of 16") && graph.contains("x 9 of 16"), "{graph}");
    let finished = flow.run(&Sequential::new(KERNELS), &RunContext::default()).unwrap();
    assert_eq!(finished.records.iter().map(|record| record.units).collect::<Vec<_>>(), [9, 1]);
}

fn a_stage_that_looks_farther_than_announced_is_refused() {
    let extent = Extent::of_shape(6, 6, Resolution::R20);
    let mut flow = Flow::<ExecError>::new();
    let source = FrozenPlane::from_array(&HeapStore, &image(6, 6, 7), Resolution::R20).unwrap();
    let source = flow.import(source);
    let mut stage = flow.stage::<Neighbours>("far", Tiling::whole(extent)).reach_m(60).input(source);
    stage.output(PlaneSpec::grid::<u16>(extent, Resolution::R20));
    stage.run_with(&[], |_| Ok(Some(Radius { pixels: 4 })));
    let error = flow.run(&Sequential::new(KERNELS), &RunContext::default()).err().unwrap();
    assert!(error.to_string().contains("announced"), "{error}");
}

fn a_budget_that_cannot_do_is_refused_with_what_would() {
    for executor in executors() {
        let links = [(0, 1, false), (1, 1, false), (0, 0, true)];
        let (flow, _, _) = declare(&links);
        let minimum = flow.minimum_plane_bytes();
        let ctx = RunContext { plane_budget_bytes: Some(minimum - 1), ..RunContext::default() };
        let error = flow.run(executor.as_ref(), &ctx).err().unwrap();
        assert!(matches!(error, ExecError::BudgetTooSmall { minimum: m, .. } if m == minimum), "{error:?}");
        assert!(
            declare(&links)
                .0
                .explain()
                .ends_with(&format!("at least {} KiB at a time\n", minimum.div_ceil(1024)))
        );
    }
}

fn trouble(executor: &dyn Executor, wanted: Wanted) -> ExecError {
    let mut flow = Flow::<ExecError>::new();
    flow.stage::<Trouble>("bad stage", Tiling::square(Extent { rows: 10, cols: 1 }, 1)).run(wanted);
    flow.run(executor, &RunContext::default()).err().unwrap()
}

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

/// A plane of one stage, whose tiling may be smaller than the plane.
fn one_stage<K: Kernel<Params = ()>>(
    executor: &dyn Executor,
    tiled: Extent,
    part: Option<Block>,
) -> FrozenPlane {
    let extent = Extent { rows: 240, cols: 240 };
    let mut flow = Flow::<ExecError>::new();
    let mut stage = flow.stage::<K>("one", Tiling::square(tiled, 60));
    let plane = stage.output(PlaneSpec::grid::<u16>(extent, Resolution::R20));
    let value = stage.run(());
    flow.keep(plane);
    match part {
        Some(block) => flow.prune(&[], &[(plane, block)]),
        None => flow.prune(&[value.into()], &[]),
    }
    flow.run(executor, &RunContext::default()).unwrap().plane(plane).unwrap().clone()
}

/// Builds with debug assertions only: there the pixels that a kernel leaves out differ from plane to plane, so that every test
/// which compares executors finds them.
fn a_kernel_that_leaves_pixels_out_is_found() {
    let whole = Extent { rows: 240, cols: 240 };
    for executor in executors() {
        let planes = [0; 2].map(|_| one_stage::<Gaps>(executor.as_ref(), whole, None));
        let [one, other] = planes.map(|plane| plane.to_array::<u16>().unwrap());
        assert_eq!(one.column(0), other.column(0));
        assert_eq!(cfg!(debug_assertions), one != other, "{}", executor.name());
    }
}

fn what_no_unit_writes_is_zero() {
    let (whole, upper) = (Extent { rows: 240, cols: 240 }, Extent { rows: 120, cols: 240 });
    let block = Block { row: 0, col: 0, rows: 60, cols: 60 };
    for executor in executors() {
        // Memory that has been written and is spare, as long as some is in use.
        let planes = [0; 4].map(|_| one_stage::<Gaps>(executor.as_ref(), whole, None));
        let [kept, ..] = planes;
        for (tiled, part, rows) in [(whole, Some(block), 30), (upper, None, 60)] {
            let plane = one_stage::<Gaps>(executor.as_ref(), tiled, part);
            let below = plane.view::<u16>().unwrap().slice(s![rows.., ..]).iter().all(|value| *value == 0);
            assert!(below, "{}", executor.name());
        }
        drop(kept);
    }
}

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

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        vec![$(Trial::test(stringify!($name), || {
            $name();
            Ok(())
        })),*]
    };
}

fn main() {
    run_if_asked(KERNELS, BUILD);
    let trials = trials![
        executors_and_block_sizes_agree,
        random_flows_agree_with_any_budget,
        a_part_is_that_of_the_whole,
        units_that_nobody_reads_do_not_run,
        a_stage_that_looks_farther_than_announced_is_refused,
        a_budget_that_cannot_do_is_refused_with_what_would,
        errors_and_panics_name_stage_and_block,
        a_skipped_stage_skips_its_readers,
        slots_belong_to_their_units,
        a_kernel_that_leaves_pixels_out_is_found,
        what_no_unit_writes_is_zero,
        blocks_that_overlap_on_the_grid_are_refused,
        a_cancelled_run_stops_early,
        planes_are_freed_after_their_last_reader,
        two_flows_can_share_the_workers,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
