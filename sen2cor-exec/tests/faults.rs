//! Worker processes that are killed, abort, hang, print, or lose their coordinator: the result stays the same, errors name
//! their place, and nothing is left behind.
//!
//! `SEN2COR_FAULT_RUNS=1000 cargo test -p sen2cor-exec --test faults -- killed` kills for longer.

#![cfg_attr(not(unix), allow(unused, reason = "the faults are made with signals"))]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and a kernel that prints")]

use libtest_mimic::{Arguments, Trial};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sen2cor_core::grid::{Extent, Resolution, Tiling};
use sen2cor_exec::{
    CancelToken, Event, ExecError, Executor, Flow, FrozenPlane, Kernel, KernelEntry, KernelError, Location,
    Observer, PlaneSpec, Processes, Registry, RunContext, Sequential, UnitIo, run_if_asked,
};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const BUILD: &str = "tests of faults";
const KERNELS: Registry =
    Registry(&[KernelEntry::of::<Grind>(), KernelEntry::of::<Faulty>(), KernelEntry::of::<Scribble>()]);

/// Fills its block with a number that takes a while to compute.
struct Grind;

impl Kernel for Grind {
    const NAME: &'static str = "test.grind/1";
    type Params = u32;
    type Partial = u64;

    fn run(rounds: &u32, io: &mut UnitIo<'_>) -> Result<u64, KernelError> {
        let mut x = io.unit() as u64 + 1;
        for value in io.output::<u16>(0)? {
            for _ in 0..*rounds {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            }
            *value = (x >> 32) as u16;
        }
        Ok(x)
    }
}

/// Misbehaves in one block: always, or only until a file exists.
struct Faulty;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Fault {
    block: usize,
    kind: FaultKind,
    once: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum FaultKind {
    Abort,
    Hang,
    Print,
}

impl Kernel for Faulty {
    const NAME: &'static str = "test.faulty/1";
    type Params = Fault;
    type Partial = usize;

    fn run(fault: &Fault, io: &mut UnitIo<'_>) -> Result<usize, KernelError> {
        let due = |file: &PathBuf| std::fs::File::create_new(file).is_ok();
        if io.unit() == fault.block && fault.once.as_ref().is_none_or(due) {
            // What stands in the block is half of the truth.
            io.output::<u16>(0)?.fill(7);
            match fault.kind {
                FaultKind::Abort => std::process::abort(),
                FaultKind::Hang => std::thread::sleep(Duration::from_secs(3600)),
                FaultKind::Print => println!("this would be no message"),
            }
            return Ok(io.unit());
        }
        io.output::<u16>(0)?.fill(io.unit() as u16);
        Ok(io.unit())
    }
}

/// Writes into its blocks over and over, for longer than anybody waits. Block 0 soon succeeds or fails.
struct Scribble;

impl Kernel for Scribble {
    const NAME: &'static str = "test.scribble/1";
    /// Whether block 0 fails.
    type Params = bool;
    type Partial = ();

    fn run(fails: &bool, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let mut output = io.output::<u16>(0)?;
        let began = Instant::now();
        let long = Duration::from_millis(if io.unit() == 0 { 30 } else { 3000 });
        while began.elapsed() < long {
            output.fill(0xdead);
        }
        if *fails { Err(KernelError::internal("as asked")) } else { Ok(()) }
    }
}

const EXTENT: Extent = Extent { rows: 240, cols: 240 };

fn pool(workers: usize) -> Processes {
    Processes::builder(KERNELS, BUILD).workers(workers).start().unwrap()
}

type Outcome = (ndarray::Array2<u16>, Vec<u64>);

/// Sixty-four units that take about half a millisecond each, and a second stage of as many.
fn grind(executor: &dyn Executor, rounds: u32) -> Result<Outcome, ExecError> {
    grind_with(executor, rounds, &RunContext::default())
}

fn grind_with(executor: &dyn Executor, rounds: u32, ctx: &RunContext) -> Result<Outcome, ExecError> {
    let tiling = Tiling::square(EXTENT, 30);
    let mut flow = Flow::<ExecError>::new();
    let mut stage = flow.stage::<Grind>("first", tiling);
    let first = stage.output(PlaneSpec::grid::<u16>(EXTENT, Resolution::R10));
    let partials = stage.run(rounds);
    let mut stage = flow.stage::<Grind>("second", tiling).input(first);
    let plane = stage.output(PlaneSpec::grid::<u16>(EXTENT, Resolution::R10));
    stage.run_with(&[partials.into()], move |ready| Ok(Some((ready.get(partials)?[0] % 3) as u32 + rounds)));
    flow.keep(plane);
    let finished = flow.run(executor, ctx)?;
    Ok((finished.plane(plane)?.to_array()?, finished.get(partials)?.clone()))
}

/// Sixteen units.
fn faulty(
    executor: &dyn Executor,
    fault: Fault,
    ctx: &RunContext,
) -> Result<ndarray::Array2<u16>, ExecError> {
    faulty_with(executor, fault, ctx, 60)
}

fn faulty_with(
    executor: &dyn Executor,
    fault: Fault,
    ctx: &RunContext,
    edge: u32,
) -> Result<ndarray::Array2<u16>, ExecError> {
    let mut flow = Flow::<ExecError>::new();
    let mut stage = flow.stage::<Faulty>("bad stage", Tiling::square(EXTENT, edge));
    let plane = stage.output(PlaneSpec::grid::<u16>(EXTENT, Resolution::R10));
    stage.run(fault);
    flow.keep(plane);
    flow.run(executor, ctx)?.plane(plane)?.to_array()
}

fn alive(id: u32) -> bool {
    // A process that has ended but was not waited for is gone as well.
    let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let zombie = state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
    kill(Pid::from_raw(id as i32), None) != Err(Errno::ESRCH) && !zombie
}

fn all_gone_within(ids: &[u32], limit: Duration) -> Duration {
    let began = Instant::now();
    while ids.iter().any(|&id| alive(id)) {
        assert!(began.elapsed() < limit, "workers are left: {ids:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    began.elapsed()
}

/// Numbers that are different in each run of the tests, and printed.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let seed = std::env::var("SEN2COR_FAULT_SEED").ok().and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
        println!("SEN2COR_FAULT_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Counts units.
#[derive(Default)]
struct UnitsDone(AtomicUsize);

impl Observer for UnitsDone {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::UnitDone { .. }) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Also a test that fails comes to its end.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn workers_killed_at_random_moments_change_nothing() {
    let runs = std::env::var("SEN2COR_FAULT_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(80);
    let reference = grind(&Sequential::new(KERNELS), 400).unwrap();
    let stop = AtomicBool::new(false);
    for (workers, files) in [(2, false), (3, true)] {
        let pool =
            Processes::builder(KERNELS, BUILD).workers(workers).planes_in_files(files).start().unwrap();
        let done = Arc::new(UnitsDone::default());
        stop.store(false, Ordering::SeqCst);
        let killed = std::thread::scope(|scope| {
            let killer = scope.spawn(|| {
                let (mut chance, mut killed, mut next) = (Chance::new(), 0, 20);
                while !stop.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_micros(50));
                    if done.0.load(Ordering::SeqCst) < next {
                        continue;
                    }
                    // So many units lie between that none is hit three times, however slow the machine is.
                    next = done.0.load(Ordering::SeqCst) + 20 + chance.below(200) as usize;
                    let ids = pool.worker_ids();
                    if !ids.is_empty() {
                        let victim = ids[chance.below(ids.len() as u64) as usize];
                        killed += u32::from(kill(Pid::from_raw(victim as i32), Signal::SIGKILL).is_ok());
                    }
                }
                killed
            });
            let _stop = StopAtEnd(&stop);
            let ctx = RunContext { observer: Some(done.clone()), ..RunContext::default() };
            for run in 0..runs {
                assert!(grind_with(&pool, 400, &ctx).unwrap() == reference, "run {run} differs");
            }
            stop.store(true, Ordering::SeqCst);
            killer.join().unwrap()
        });
        println!("{runs} runs of 128 units with {workers} workers, {killed} of them killed");
        assert!(killed > 0, "nothing was tested");
    }
}

fn a_worker_that_is_killed_is_noticed_and_replaced() {
    let pool = pool(2);
    let before = pool.worker_ids();
    let began = Instant::now();
    kill(Pid::from_raw(before[0] as i32), Signal::SIGKILL).unwrap();
    while pool.worker_ids().len() < 2 || pool.worker_ids().contains(&before[0]) {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_micros(100));
    }
    println!("killed and replaced within {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    assert!(!alive(before[0]), "it was not waited for");
    assert_eq!(grind(&pool, 1).unwrap(), grind(&Sequential::new(KERNELS), 1).unwrap());
}

fn a_unit_that_ends_its_worker_once_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(2);
    let fault = |once| Fault { block: 5, kind: FaultKind::Abort, once };
    let expected =
        faulty(&Sequential::new(KERNELS), Fault { block: 99, ..fault(None) }, &RunContext::default());
    let once = fault(Some(folder.path().join("once")));
    let result = faulty(&pool, once, &RunContext::default());
    assert_eq!(result.unwrap(), expected.unwrap());
}

fn a_unit_that_ends_every_worker_is_given_up_by_name() {
    let pool = pool(2);
    let fault = Fault { block: 5, kind: FaultKind::Abort, once: None };
    let error = faulty(&pool, fault, &RunContext::default()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ExecError::WorkersLost { block: 5, attempts: 3, .. }), "{error:?}");
    for word in ["test.faulty/1", "bad stage", "block 5", "SIGABRT"] {
        assert!(text.contains(word), "nothing of {word}: {text}");
    }
    // The pool is still usable.
    assert_eq!(grind(&pool, 1).unwrap(), grind(&Sequential::new(KERNELS), 1).unwrap());
}

/// Sixteen hundred units of microseconds, many of which are handed over together.
fn a_unit_among_short_ones_that_ends_its_workers_is_found() {
    let pool = pool(2);
    let folder = tempfile::tempdir().unwrap();
    let ctx = RunContext::default();
    for block in [700, 1201] {
        let fault = |once| Fault { block, kind: FaultKind::Abort, once };
        let error = faulty_with(&pool, fault(None), &ctx, 6).unwrap_err();
        let ExecError::WorkersLost { block: found, attempts, .. } = error else { panic!("{error:?}") };
        assert_eq!((found, attempts), (block, 3));
        let harmless = Fault { block: usize::MAX, ..fault(None) };
        let expected = faulty_with(&Sequential::new(KERNELS), harmless, &ctx, 6);
        let once = fault(Some(folder.path().join(block.to_string())));
        assert_eq!(faulty_with(&pool, once, &ctx, 6).unwrap(), expected.unwrap());
    }
}

fn a_unit_that_hangs_is_ended_and_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let limit = Some(Duration::from_millis(300));
    let pool = Processes::builder(KERNELS, BUILD).workers(2).unit_limit(limit).start().unwrap();
    let fault = |once| Fault { block: 0, kind: FaultKind::Hang, once };
    let expected =
        faulty(&Sequential::new(KERNELS), Fault { block: 99, ..fault(None) }, &RunContext::default());
    let once = fault(Some(folder.path().join("once")));
    assert_eq!(faulty(&pool, once, &RunContext::default()).unwrap(), expected.unwrap());
    let error = faulty(&pool, fault(None), &RunContext::default()).unwrap_err();
    assert!(error.to_string().contains("no answer within 0.3 s"), "{error}");
}

/// Asks to stop when the first unit is done.
struct Canceller(CancelToken, Mutex<Option<Instant>>);

impl Observer for Canceller {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::UnitDone { .. }) {
            self.1.lock().unwrap().get_or_insert_with(Instant::now);
            self.0.cancel();
        }
    }
}

fn a_run_that_hangs_can_be_cancelled() {
    let pool = pool(2);
    let token = CancelToken::default();
    let observer = Arc::new(Canceller(token.clone(), Mutex::new(None)));
    let ctx = RunContext { cancel: token, observer: Some(observer.clone()), ..RunContext::default() };
    let hang = Fault { block: 0, kind: FaultKind::Hang, once: None };
    let error = faulty(&pool, hang, &ctx).unwrap_err();
    let took = observer.1.lock().unwrap().unwrap().elapsed();
    assert!(matches!(error, ExecError::Cancelled), "{error:?}");
    println!("cancelled within {:.1} ms", took.as_secs_f64() * 1e3);
    assert!(took < Duration::from_secs(5));
    assert_eq!(grind(&pool, 1).unwrap(), grind(&Sequential::new(KERNELS), 1).unwrap());
}

/// Panics when the first unit is done.
struct Panicker;

impl Observer for Panicker {
    fn event(&self, event: &Event<'_>) {
        assert!(!matches!(event, Event::UnitDone { .. }), "as asked");
    }
}

/// Four units, of which all but the first are still writing when the flow ends.
fn scribble(executor: &dyn Executor, fails: bool, ctx: &RunContext) -> Result<(), ExecError> {
    let mut flow = Flow::<ExecError>::new();
    let mut stage = flow.stage::<Scribble>("scribbles", Tiling::square(EXTENT, 120));
    stage.output(PlaneSpec::grid::<u16>(EXTENT, Resolution::R10));
    stage.run(fails);
    flow.run(executor, ctx).map(drop)
}

fn memory_is_used_again_only_when_nobody_writes_to_it() {
    let sequential = Sequential::new(KERNELS);
    let (expected, one) =
        (grind(&sequential, 200).unwrap(), kept_plane(&sequential).to_array::<u16>().unwrap());
    for files in [false, true] {
        // One more than write for long, so that the next flow runs beside them if they are not ended.
        let pool = Processes::builder(KERNELS, BUILD).workers(4).planes_in_files(files).start().unwrap();
        // As long as some memory is in use, as much as there was at a time is kept.
        let kept: Vec<_> = (0..3).map(|_| kept_plane(&pool)).collect();
        let mut seen = HashSet::new();
        let (mut flows, mut again) = (0, 0);
        for round in 0..if files { 1 } else { 3 } {
            for end in ["error", "cancelled", "panic", "killed"] {
                let token = CancelToken::default();
                let observer: Option<Arc<dyn Observer>> = match end {
                    "cancelled" => Some(Arc::new(Canceller(token.clone(), Mutex::new(None)))),
                    "panic" => Some(Arc::new(Panicker)),
                    _ => None,
                };
                let ctx = RunContext { cancel: token, observer, ..RunContext::default() };
                if end == "killed" {
                    kill(Pid::from_raw(pool.worker_ids()[0] as i32), Signal::SIGKILL).unwrap();
                } else {
                    let run = || scribble(&pool, end == "error", &ctx);
                    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                    assert!(ended.is_err() == (end == "panic") && !matches!(ended, Ok(Ok(()))), "{ended:?}");
                }
                for _ in 0..4 {
                    assert!(grind(&pool, 200).unwrap() == expected, "round {round} differs after {end}");
                    flows += 1;
                    let plane = kept_plane(&pool);
                    assert!(plane.view::<u16>().unwrap() == one, "round {round} differs after {end}");
                    let Location::Path { memory, offset, .. } = plane.reference().location else { panic!() };
                    again += usize::from(!seen.insert((memory, offset)));
                }
            }
        }
        assert!(again > flows / 2, "memory was used again by {again} of {flows} flows: nothing was tested");
        drop(kept);
    }
}

/// A plane that stays in use.
fn kept_plane(executor: &dyn Executor) -> FrozenPlane {
    let mut flow = Flow::<ExecError>::new();
    let mut stage = flow.stage::<Grind>("kept", Tiling::square(EXTENT, 120));
    let plane = stage.output(PlaneSpec::grid::<u16>(EXTENT, Resolution::R10));
    stage.run(1);
    flow.keep(plane);
    flow.run(executor, &RunContext::default()).unwrap().plane(plane).unwrap().clone()
}

fn what_a_kernel_prints_is_no_message() {
    let fault = Fault { block: 3, kind: FaultKind::Print, once: None };
    let printed = faulty(&pool(1), fault.clone(), &RunContext::default());
    assert_eq!(printed.unwrap(), faulty(&Sequential::new(KERNELS), fault, &RunContext::default()).unwrap());
}

fn workers_end_with_the_pool() {
    for files in [false, true] {
        let pool = Processes::builder(KERNELS, BUILD).workers(3).planes_in_files(files).start().unwrap();
        grind(&pool, 1).unwrap();
        let (ids, folder) = (pool.worker_ids(), pool.planes_folder());
        assert_eq!((ids.len(), folder.is_some()), (3, files));
        let began = Instant::now();
        drop(pool);
        assert!(ids.iter().all(|&id| !alive(id)));
        assert!(folder.is_none_or(|folder| !folder.exists()));
        println!("ended within {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    }
}

/// This program as a host of workers that hang: it says who they are and where the planes lie.
fn host(files: bool) {
    let pool = Processes::builder(KERNELS, BUILD).workers(2).planes_in_files(files).start().unwrap();
    let ids: Vec<String> = pool.worker_ids().iter().map(ToString::to_string).collect();
    println!("{} {}", ids.join(","), pool.planes_folder().unwrap_or_default().display());
    let hang = Fault { block: 0, kind: FaultKind::Hang, once: None };
    faulty(&pool, hang, &RunContext::default()).unwrap();
}

fn workers_end_with_their_coordinator() {
    for files in ["memory", "files"] {
        let mut host = Command::new(std::env::current_exe().unwrap())
            .args(["host", files])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (ids, folder) = line.trim_end_matches('\n').split_once(' ').unwrap();
        let ids: Vec<u32> = ids.split(',').map(|id| id.parse().unwrap()).collect();
        assert_eq!((ids.len(), folder.is_empty()), (2, files == "memory"), "{line}");
        assert!(ids.iter().all(|&id| alive(id)));
        // Let a unit hang.
        std::thread::sleep(Duration::from_millis(100));
        host.kill().unwrap();
        host.wait().unwrap();
        let took = all_gone_within(&ids, Duration::from_secs(5));
        println!("{files}: workers were gone {:.1} ms after their coordinator", took.as_secs_f64() * 1e3);
        let began = Instant::now();
        while !folder.is_empty() && Path::new(folder).exists() {
            assert!(began.elapsed() < Duration::from_secs(5), "{folder} is left");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn a_program_that_is_no_worker_is_named() {
    for (program, words) in
        [("/nowhere/sen2cor", "No such file"), ("/bin/true", "is no worker"), ("/bin/cat", "is no worker")]
    {
        let started = Processes::builder(KERNELS, BUILD).workers(2).program(program).start();
        let error = started.err().unwrap().to_string();
        assert!(error.contains(words) && error.contains(program), "{error}");
    }
    let error = Processes::builder(KERNELS, "another build").workers(1).start().err().unwrap().to_string();
    assert!(error.contains("another build") && error.contains(BUILD), "{error}");
}

/// Without /proc no plane in memory can be opened by others.
fn planes_are_files_where_memory_cannot_be_shared() {
    let script = "mount -t tmpfs none /proc && exec \"$0\" without-proc \"$0\"";
    let run = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut run) = run else {
        println!("skipped: there is no unshare");
        return;
    };
    let mut said = String::new();
    run.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    if !run.wait().unwrap().success() && said.is_empty() {
        println!("skipped: /proc cannot be covered here");
        return;
    }
    assert_eq!(said.trim(), "planes in files, the same result", "{run:?}");
}

fn without_proc(program: &str) {
    let pool = Processes::builder(KERNELS, BUILD).workers(2).program(program).start().unwrap();
    assert!(pool.planes_folder().is_some());
    assert_eq!(grind(&pool, 1).unwrap(), grind(&Sequential::new(KERNELS), 1).unwrap());
    println!("planes in files, the same result");
}

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        vec![$(Trial::test(stringify!($name), || {
            $name();
            Ok(())
        })),*]
    };
}

#[cfg(unix)]
fn main() {
    run_if_asked(KERNELS, BUILD);
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("host") => return host(arguments.get(2).is_some_and(|text| text == "files")),
        Some("without-proc") => return without_proc(&arguments[2]),
        _ => {}
    }
    let trials = trials![
        workers_killed_at_random_moments_change_nothing,
        a_worker_that_is_killed_is_noticed_and_replaced,
        a_unit_that_ends_its_worker_once_is_run_again,
        a_unit_that_ends_every_worker_is_given_up_by_name,
        a_unit_among_short_ones_that_ends_its_workers_is_found,
        a_unit_that_hangs_is_ended_and_run_again,
        a_run_that_hangs_can_be_cancelled,
        memory_is_used_again_only_when_nobody_writes_to_it,
        what_a_kernel_prints_is_no_message,
        workers_end_with_the_pool,
        workers_end_with_their_coordinator,
        a_program_that_is_no_worker_is_named,
        planes_are_files_where_memory_cannot_be_shared,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

#[cfg(not(unix))]
fn main() {}
