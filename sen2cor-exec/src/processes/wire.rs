//! What a coordinator and its workers say to each other. `docs/wire-protocol.md` describes it for others.

use crate::error::KernelError;
use crate::executor::UnitFailure;
use crate::plane::PlaneRef;
use crate::stage::StagePlan;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::path::PathBuf;

/// Version of the protocol. 0 is no version.
pub(crate) const PROTOCOL: u32 = 3;

/// To a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    /// Always the first message. It must stay readable for every version.
    Hello(Greeting),
    /// A stage of which units will follow.
    Stage(StagePlan),
    /// Run consecutive units. They are run in the order in which they come.
    Run { stage: u64, first: usize, count: usize },
    /// These stages are finished and this memory, which planes had, is gone.
    Forget { stages: Vec<u64>, memories: Vec<u64> },
    /// The end.
    Bye,
}

/// Who the coordinator is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Greeting {
    pub(crate) protocol: u32,
    /// Which program, so that two builds do not mix.
    pub(crate) build: String,
    /// A plane that the worker opens, reads and answers in, to see whether planes can be shared.
    pub(crate) probe: PlaneRef,
    /// The folder of the planes, to be removed if the coordinator is gone; none if they are in memory.
    pub(crate) folder: Option<PathBuf>,
}

/// From a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// The answer to the greeting.
    Hello(Answer),
    /// Units that are finished, as many as there are partial results.
    Done { stage: u64, first: usize, partials: Vec<ByteBuf>, slot_bytes: u64, cost: Cost },
    /// Units of which one failed.
    Failed { stage: u64, first: usize, count: usize, unit: usize, failure: WireFailure, cost: Cost },
}

/// Who the worker is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) protocol: u32,
    pub(crate) build: String,
    /// Names of its kernels.
    pub(crate) kernels: Vec<String>,
    /// What kept the worker from the probe plane, if anything did.
    pub(crate) probe_error: Option<String>,
}

/// What units have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) cpu_ns: u64,
    pub(crate) wall_ns: u64,
}

/// Why a unit failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum WireFailure {
    Kernel(KernelError),
    Panic(String),
}

impl From<WireFailure> for UnitFailure {
    fn from(failure: WireFailure) -> Self {
        match failure {
            WireFailure::Kernel(error) => Self::Kernel(error),
            WireFailure::Panic(message) => Self::Panic(message),
        }
    }
}

/// The bytes of the probe plane: what the coordinator writes, and what the worker makes of it.
pub(crate) const PROBE: [[u8; 8]; 2] = [*b"sen2cor?", *b"sen2cor!"];

/// Why a worker cannot be used, in words.
pub(crate) fn objection(answer: &Answer, build: &str, kernels: &[&str]) -> Option<String> {
    if answer.protocol != PROTOCOL {
        return Some(format!("the worker speaks protocol {}, this program {PROTOCOL}", answer.protocol));
    }
    if answer.build != build {
        return Some(format!("the worker is build {}, this program {build}", answer.build));
    }
    let missing: Vec<&str> =
        kernels.iter().copied().filter(|name| !answer.kernels.iter().any(|k| k == name)).collect();
    (!missing.is_empty()).then(|| format!("the worker has no kernel {}", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;
    use crate::plane::{Dtype, Layout, Location, PlaneSpec};
    use crate::processes::frame;
    use sen2cor_core::grid::{Extent, Resolution, Tiling};

    fn size<M: Serialize>(message: &M) -> usize {
        let mut buffer = Vec::new();
        frame::encode(message, &mut buffer).unwrap();
        buffer.len()
    }

    fn plane(id: u64) -> PlaneRef {
        let layout = Layout::Grid { resolution: Resolution::R20, channels: 1 };
        let spec = PlaneSpec { dtype: Dtype::U16, shape: (5490, 5490), layout };
        let path = format!("/proc/123456/fd/{id}").into();
        PlaneRef { location: Location::Path { id, memory: 1, offset: id << 28, path }, spec }
    }

    #[test]
    fn messages_are_small() {
        let extent = Extent { rows: 10_980, cols: 10_980 };
        let plan = StagePlan {
            id: 123,
            kernel: "classify.scene/1".to_owned(),
            params: vec![200; 300],
            tiling: Tiling::square(extent, 1098),
            halo_cells: 6,
            origin_cells: (0, 0),
            inputs: (1..13).map(plane).collect(),
            tables: Vec::new(),
            outputs: (20..23).map(plane).collect(),
        };
        assert!(size(&ToWorker::Stage(plan.clone())) < 3000, "{}", size(&ToWorker::Stage(plan)));
        assert!(size(&ToWorker::Run { stage: 123, first: 99, count: 1 }) < 40);
        let cost = Cost { cpu_ns: 12_000_000, wall_ns: 12_000_000 };
        let partials = vec![ByteBuf::from(vec![255; 100])];
        let done = FromWorker::Done { stage: 123, first: 99, partials, slot_bytes: 0, cost };
        assert!(size(&done) < 200, "{}", size(&done));
    }

    #[test]
    fn a_unit_looks_as_the_document_says() {
        let mut buffer = Vec::new();
        frame::encode(&ToWorker::Run { stage: 12, first: 7, count: 1 }, &mut buffer).unwrap();
        assert_eq!(buffer, b"\x1b\0\0\0\x81\xa3Run\x83\xa5stage\x0c\xa5first\x07\xa5count\x01");
        frame::encode(&ToWorker::Bye, &mut buffer).unwrap();
        assert_eq!(buffer, b"\x04\0\0\0\xa3Bye");
    }

    #[test]
    fn a_field_that_is_new_does_not_disturb() {
        #[derive(Serialize)]
        struct Newer {
            protocol: u32,
            build: String,
            kernels: Vec<String>,
            probe_error: Option<String>,
            colour: String,
        }
        #[derive(Serialize)]
        enum Message {
            Hello(Newer),
        }
        let newer = Message::Hello(Newer {
            protocol: 7,
            build: "next".to_owned(),
            kernels: Vec::new(),
            probe_error: None,
            colour: "blue".to_owned(),
        });
        let mut buffer = Vec::new();
        frame::encode(&newer, &mut buffer).unwrap();
        let read = frame::read::<FromWorker>(&mut buffer.clone().as_slice(), &mut buffer).unwrap().unwrap();
        let FromWorker::Hello(answer) = read else { panic!("another message") };
        let objection = objection(&answer, "this", &[]).unwrap();
        assert_eq!(objection, "the worker speaks protocol 7, this program 3");
    }

    #[test]
    fn another_build_and_missing_kernels_are_named() {
        let answer = Answer {
            protocol: PROTOCOL,
            build: "1.0-a".to_owned(),
            kernels: vec!["a/1".to_owned()],
            probe_error: None,
        };
        assert_eq!(objection(&answer, "1.0-a", &["a/1"]), None);
        assert!(objection(&answer, "1.0-b", &["a/1"]).unwrap().contains("1.0-a"));
        assert!(objection(&answer, "1.0-a", &["a/1", "b/2"]).unwrap().ends_with("b/2"));
    }
}
