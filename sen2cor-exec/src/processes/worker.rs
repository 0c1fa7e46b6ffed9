//! The worker: reads messages, runs units, answers, until it is told to stop or its coordinator is gone.

use super::frame;
use super::os;
use super::wire::{Answer, Cost, FromWorker, Greeting, PROBE, PROTOCOL, ToWorker, WireFailure};
use crate::error::{ErrorKind, KernelError};
use crate::executor::{Completion, UnitFailure, run_here};
use crate::kernel::Registry;
use crate::plane::{FrozenPlane, Location, Mapping, OpenPlane, Plane, PlaneRef, fill_row};
use crate::stage::{Batch, Job, StagePlan, StageRun};
use serde_bytes::ByteBuf;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// The arguments by which a program is asked to be a worker.
pub(crate) const ARGUMENTS: [&str; 2] = ["worker", "--stdio"];

/// Turns this process into a worker if its arguments ask for that, and never returns then. To be called first in `main`,
/// before anything is written to stdout: stdout carries the messages.
///
/// `build` names the program; a coordinator of another build is refused.
pub fn run_if_asked(registry: Registry, build: &str) {
    let asked = std::env::args_os().skip(1).eq(ARGUMENTS.map(std::ffi::OsString::from));
    if asked {
        let done = serve_stdio(registry, build);
        std::process::exit(i32::from(done != ExitCode::SUCCESS));
    }
}

/// Serves a coordinator on stdin and stdout until it says goodbye or is gone. What kernels print goes to stderr.
pub fn serve_stdio(registry: Registry, build: &str) -> ExitCode {
    let folder = Arc::new(Mutex::new(None));
    let served = os::claim_stdio().and_then(|(input, output)| {
        let folder_to_remove = Arc::clone(&folder);
        // The end of the coordinator must end a kernel that runs for long, too.
        os::when_hung_up(&input, move || {
            remove(&folder_to_remove);
            std::process::exit(0);
        })?;
        let mut worker = Worker { folder, own_process: true, ..Worker::new(registry, build) };
        worker.serve(&mut BufReader::new(input), &mut &output)
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        // The coordinator is gone; it cannot be told.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn remove(folder: &Mutex<Option<PathBuf>>) {
    if let Some(folder) = folder.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // Other workers may be doing the same.
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// What a worker knows.
pub(super) struct Worker<'a> {
    registry: Registry,
    build: &'a str,
    /// The process is a worker and nothing else.
    own_process: bool,
    /// The folder of the planes, if they are files.
    folder: Arc<Mutex<Option<PathBuf>>>,
    /// Memory of planes, mapped once however many planes have it.
    memories: HashMap<u64, Mapping>,
    stages: HashMap<u64, Result<Arc<StageRun>, KernelError>>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(registry: Registry, build: &'a str) -> Self {
        Self {
            registry,
            build,
            own_process: false,
            folder: Arc::default(),
            memories: HashMap::new(),
            stages: HashMap::new(),
        }
    }

    /// Answers messages until the goodbye or the end of the stream.
    ///
    /// # Errors
    /// If the stream breaks or holds something else than messages.
    pub(super) fn serve(&mut self, input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
        let (mut incoming, mut outgoing) = (Vec::new(), Vec::new());
        while let Some(message) = frame::read(input, &mut incoming)? {
            let answer = match message {
                ToWorker::Hello(greeting) => FromWorker::Hello(self.greet(greeting)),
                ToWorker::Stage(plan) => {
                    let id = plan.id;
                    let run = self.open_stage(plan);
                    self.stages.insert(id, run.map(Arc::new));
                    continue;
                }
                ToWorker::Run { stage, first, count } => self.run(Batch { stage, first, count }),
                ToWorker::Forget { stages, memories } => {
                    self.stages.retain(|id, _| !stages.contains(id));
                    self.memories.retain(|id, _| !memories.contains(id));
                    continue;
                }
                ToWorker::Bye => return Ok(()),
            };
            frame::encode(&answer, &mut outgoing)?;
            output.write_all(&outgoing)?;
            output.flush()?;
        }
        Ok(())
    }

    fn greet(&mut self, greeting: Greeting) -> Answer {
        let probe_error = probe(&greeting.probe).err().map(|e| e.to_string());
        if self.own_process && greeting.folder.is_none() {
            // With files there is something to tidy up, which a process that is killed cannot do.
            os::end_with_parent();
        }
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = greeting.folder;
        Answer {
            protocol: PROTOCOL,
            build: self.build.to_owned(),
            kernels: self.registry.names().map(str::to_owned).collect(),
            probe_error,
        }
    }

    /// Maps the planes of a stage. The coordinator has made the plan from a stage of its own, so the outputs are open to
    /// this stage alone.
    fn open_stage(&mut self, plan: StagePlan) -> Result<StageRun, KernelError> {
        let mut planes = |references: &[PlaneRef]| -> Result<Vec<Arc<Plane>>, KernelError> {
            references.iter().map(|reference| self.plane(reference)).collect()
        };
        let inputs = planes(&plan.inputs)?.into_iter().map(FrozenPlane).collect();
        let tables = planes(&plan.tables)?.into_iter().map(FrozenPlane).collect();
        let outputs = planes(&plan.outputs)?.into_iter().map(OpenPlane).collect();
        Ok(StageRun::new(plan, inputs, tables, outputs))
    }

    fn plane(&mut self, reference: &PlaneRef) -> Result<Arc<Plane>, KernelError> {
        let mapping = match &reference.location {
            Location::Path { memory, .. } => match self.memories.entry(*memory) {
                Entry::Occupied(known) => Ok(known.into_mut()),
                Entry::Vacant(new) => Mapping::open(reference).map(|mapping| new.insert(mapping)),
            },
            Location::Heap { .. } => Err(io::Error::other("it is on a heap")),
        };
        mapping.and_then(|mapping| mapping.plane(reference)).map_err(|e| {
            let message = format!("a worker cannot open plane {}: {e}", describe(&reference.location));
            KernelError::new(ErrorKind::Transient, message)
        })
    }

    fn run(&self, batch: Batch) -> FromWorker {
        let Batch { stage, first, count } = batch;
        let run = match self.stages.get(&stage) {
            Some(Ok(run)) if batch.units().end <= run.plan().tiling.len() => run,
            other => {
                let unknown = || KernelError::internal(format!("a worker was not told of stage {stage}"));
                let error = other.and_then(|run| run.as_ref().err().cloned()).unwrap_or_else(unknown);
                let failure = WireFailure::Kernel(error);
                return FromWorker::Failed {
                    stage,
                    first,
                    count,
                    unit: first,
                    failure,
                    cost: Cost::default(),
                };
            }
        };
        answer(run_here(self.registry, &Job::new(Arc::clone(run), batch.units()), 0))
    }
}

fn answer(completion: Completion) -> FromWorker {
    let Batch { stage, first, count } = completion.batch;
    let wall = completion.ended.saturating_duration_since(completion.started);
    let cost = Cost { cpu_ns: completion.cpu.as_nanos() as u64, wall_ns: wall.as_nanos() as u64 };
    let (unit, failure) = match completion.result {
        Ok(outcome) => {
            let partials = outcome.partials.into_iter().map(ByteBuf::from).collect();
            return FromWorker::Done { stage, first, partials, slot_bytes: outcome.slot_bytes, cost };
        }
        Err((unit, UnitFailure::Kernel(error))) => (unit, WireFailure::Kernel(error)),
        Err((unit, UnitFailure::Panic(message))) => (unit, WireFailure::Panic(message)),
        Err((unit, UnitFailure::Lost { how, .. })) => (unit, WireFailure::Panic(how)),
    };
    FromWorker::Failed { stage, first, count, unit, failure, cost }
}

fn describe(location: &Location) -> String {
    match location {
        Location::Heap { id } => format!("{id} on a heap"),
        Location::Path { path, .. } => path.display().to_string(),
    }
}

/// Reads what the coordinator has written into its probe plane and answers there.
fn probe(reference: &PlaneRef) -> io::Result<()> {
    let plane = Mapping::open(reference)?.plane(reference)?;
    let seen = FrozenPlane(Arc::clone(&plane)).to_array::<u8>().map_err(io::Error::other)?;
    let [question, answer] = PROBE;
    if seen.iter().ne(question.iter()) {
        return Err(io::Error::other("the memory of the worker and of the coordinator differ"));
    }
    fill_row(&plane, &answer);
    Ok(())
}
