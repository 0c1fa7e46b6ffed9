//! The worker's side of the protocol over a pair of sockets in one process.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::frame;
use super::wire::{FromWorker, Greeting, PROBE, PROTOCOL, ToWorker, WireFailure};
use super::worker::Worker;
use crate::error::KernelError;
use crate::kernel::{Kernel, KernelEntry, Registry};
use crate::plane::{OnFree, PlaneSpec, PlaneStore, SharedStore, fill_row};
use crate::stage::{StagePlan, StageRun};
use crate::unit_io::UnitIo;
use sen2cor_core::grid::{Extent, Tiling};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

struct Fill;

impl Kernel for Fill {
    const NAME: &'static str = "test.fill/1";
    type Params = u8;
    type Partial = usize;

    fn run(value: &u8, io: &mut UnitIo<'_>) -> Result<usize, KernelError> {
        assert_ne!(*value, 13, "an unlucky number");
        io.output::<u8>(0)?.fill(*value);
        Ok(io.unit())
    }
}

const KERNELS: Registry = Registry(&[KernelEntry::of::<Fill>()]);

/// The coordinator's end of a conversation.
struct Talk {
    stream: UnixStream,
    buffer: Vec<u8>,
}

impl Talk {
    fn say(&mut self, message: &ToWorker) {
        frame::encode(message, &mut self.buffer).unwrap();
        self.stream.write_all(&self.buffer).unwrap();
    }

    fn hear(&mut self) -> FromWorker {
        frame::read(&mut self.stream, &mut self.buffer).unwrap().unwrap()
    }
}

/// Talks to a worker in a thread; what it says at its end.
fn with_worker(talk: impl FnOnce(&mut Talk)) -> std::io::Result<()> {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let worker = std::thread::spawn(move || {
        let mut input = theirs.try_clone().unwrap();
        Worker::new(KERNELS, "tests").serve(&mut input, &mut theirs)
    });
    talk(&mut Talk { stream: ours, buffer: Vec::new() });
    worker.join().unwrap()
}

fn store() -> SharedStore {
    let on_free: OnFree = Arc::new(|_| ());
    SharedStore::in_files(&on_free).unwrap()
}

fn plan(store: &SharedStore, value: u8) -> StageRun {
    let output = store.create(PlaneSpec::slots::<u8>(4, 10)).unwrap();
    let plan = StagePlan {
        id: u64::from(value),
        kernel: Fill::NAME.to_owned(),
        params: rmp_serde::to_vec_named(&value).unwrap(),
        tiling: Tiling::square(Extent { rows: 4, cols: 1 }, 1),
        halo_cells: 0,
        origin_cells: (0, 0),
        inputs: Vec::new(),
        tables: Vec::new(),
        outputs: Vec::new(),
    };
    StageRun::new(plan, Vec::new(), Vec::new(), vec![output])
}

/// Partial results of [`Fill`].
fn numbers(partials: &[serde_bytes::ByteBuf]) -> Vec<usize> {
    partials.iter().map(|partial| rmp_serde::from_slice(partial).unwrap()).collect()
}

#[test]
fn a_worker_greets_runs_and_says_goodbye() {
    let store = store();
    with_worker(|talk| {
        let probe = store.create(PlaneSpec::slots::<u8>(1, 8)).unwrap();
        fill_row(&probe.0, &PROBE[0]);
        let reference = probe.reference().clone();
        talk.say(&ToWorker::Hello(Greeting {
            protocol: PROTOCOL,
            build: "another".to_owned(),
            probe: reference,
            folder: None,
        }));
        let FromWorker::Hello(answer) = talk.hear() else { panic!("no hello") };
        assert_eq!((answer.protocol, answer.build.as_str()), (PROTOCOL, "tests"));
        assert_eq!((answer.kernels.as_slice(), answer.probe_error), (&[Fill::NAME.to_owned()][..], None));
        let probe = probe.freeze();
        assert_eq!(probe.view::<u8>().unwrap().as_slice().unwrap(), PROBE[1]);

        let run = plan(&store, 7);
        talk.say(&ToWorker::Stage(run.plan().clone()));
        for unit in [2, 0] {
            talk.say(&ToWorker::Run { stage: 7, first: unit, count: 1 });
            let FromWorker::Done { stage: 7, first, partials, .. } = talk.hear() else { panic!("failed") };
            assert_eq!((first, numbers(&partials)), (unit, vec![unit]));
        }
        talk.say(&ToWorker::Run { stage: 7, first: 2, count: 2 });
        let FromWorker::Done { stage: 7, first: 2, partials, .. } = talk.hear() else { panic!("failed") };
        assert_eq!(numbers(&partials), [2, 3]);
        let plane = run.freeze().remove(0).to_array::<u8>().unwrap();
        assert_eq!(plane.column(0).to_vec(), [7, 0, 7, 7]);
        talk.say(&ToWorker::Bye);
    })
    .unwrap();
}

#[test]
fn what_cannot_be_run_is_reported_and_the_worker_goes_on() {
    let store = store();
    let message = |answer: FromWorker| match answer {
        FromWorker::Failed { failure: WireFailure::Kernel(error), .. } => error.message,
        FromWorker::Failed { failure: WireFailure::Panic(message), .. } => format!("panic: {message}"),
        other => panic!("{other:?}"),
    };
    with_worker(|talk| {
        talk.say(&ToWorker::Run { stage: 99, first: 0, count: 1 });
        assert!(message(talk.hear()).contains("not told of stage 99"));
        let (good, unlucky) = (plan(&store, 7), plan(&store, 13));
        talk.say(&ToWorker::Stage(unlucky.plan().clone()));
        talk.say(&ToWorker::Run { stage: 13, first: 0, count: 1 });
        assert!(message(talk.hear()).starts_with("panic: "));
        let mut missing = good.plan().clone();
        let elsewhere = self::store();
        let freed = plan(&elsewhere, 8);
        missing.outputs.clone_from(&freed.plan().outputs);
        drop((freed, elsewhere));
        talk.say(&ToWorker::Stage(missing));
        talk.say(&ToWorker::Run { stage: 7, first: 0, count: 1 });
        assert!(message(talk.hear()).contains("cannot open plane"));
        talk.say(&ToWorker::Forget { stages: vec![7, 13, 55], memories: vec![1, 2, 3] });
        talk.say(&ToWorker::Stage(good.plan().clone()));
        talk.say(&ToWorker::Run { stage: 7, first: 3, count: 2 });
        assert!(message(talk.hear()).contains("not told of stage 7"), "there is no unit 4");
        talk.say(&ToWorker::Run { stage: 7, first: 3, count: 1 });
        assert!(matches!(talk.hear(), FromWorker::Done { first: 3, .. }));
    })
    .unwrap();
}

#[test]
fn the_end_of_the_stream_is_a_goodbye_and_other_bytes_are_none() {
    with_worker(|_| ()).unwrap();
    let error = with_worker(|talk| talk.stream.write_all(b"\xff\xff\xff\xffnonsense").unwrap()).unwrap_err();
    assert!(error.to_string().contains("4294967295 bytes"), "{error}");
}
