//! One worker process: started, greeted, ended.

use super::frame;
use super::os;
use super::wire::{FromWorker, Greeting, PROBE, PROTOCOL, ToWorker, objection};
use super::worker::ARGUMENTS;
use crate::error::ExecError;
use crate::kernel::Registry;
use crate::plane::{PlaneSpec, SharedStore, fill_row};
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

/// How long a worker may take to say hello, seconds.
const HELLO_S: u16 = 10;

/// How workers are made.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) registry: Registry,
    pub(super) build: String,
    pub(super) program: PathBuf,
}

/// A worker that has said hello.
pub(super) struct Link {
    pub(super) child: Child,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: BufReader<ChildStdout>,
}

/// Why a worker could not be started.
pub(super) enum Refusal {
    /// It runs, but planes cannot be shared with it.
    NoPlanes(String),
    /// Anything else.
    Other(String),
}

impl Recipe {
    /// Starts a worker and exchanges greetings.
    pub(super) fn start(&self, store: &SharedStore) -> Result<Link, Refusal> {
        let mut command = Command::new(&self.program);
        command.args(ARGUMENTS).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        os::out_of_the_way_of_signals(&mut command);
        let other = |what: &str| Refusal::Other(format!("{}: {what}", self.program.display()));
        let mut child = command.spawn().map_err(|e| other(&e.to_string()))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            end(&mut child);
            return Err(other("no pipes"));
        };
        os::widen(&stdin);
        let mut link = Link { child, stdin, stdout: BufReader::new(stdout) };
        match self.greet(&mut link, store) {
            Ok(None) => Ok(link),
            Ok(Some(refusal)) => {
                end(&mut link.child);
                Err(match refusal {
                    Refusal::Other(why) => other(&why),
                    no_planes @ Refusal::NoPlanes(_) => no_planes,
                })
            }
            Err(error) => {
                let status = end(&mut link.child);
                Err(other(&format!("is no worker: {error} ({})", how_it_ended(status))))
            }
        }
    }

    fn greet(&self, link: &mut Link, store: &SharedStore) -> io::Result<Option<Refusal>> {
        let probe =
            store.create_apart(PlaneSpec::slots::<u8>(1, PROBE[0].len())).map_err(io::Error::other)?;
        fill_row(&probe.0, &PROBE[0]);
        let greeting = Greeting {
            protocol: PROTOCOL,
            build: self.build.clone(),
            probe: probe.reference().clone(),
            folder: store.folder().map(ToOwned::to_owned),
        };
        let mut buffer = Vec::new();
        frame::encode(&ToWorker::Hello(greeting), &mut buffer)?;
        link.stdin.write_all(&buffer)?;
        if !os::speaks_within(link.stdout.get_ref(), HELLO_S) {
            return Err(io::Error::other(format!("no hello within {HELLO_S} s")));
        }
        let answer = match frame::read::<FromWorker>(&mut link.stdout, &mut buffer)? {
            Some(FromWorker::Hello(answer)) => answer,
            Some(_) => return Err(io::Error::other("another message than hello")),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let names: Vec<&str> = self.registry.names().collect();
        if let Some(why) = objection(&answer, &self.build, &names) {
            return Ok(Some(Refusal::Other(why)));
        }
        let plane = probe.freeze();
        let seen = plane.view::<u8>().map_err(|e: ExecError| io::Error::other(e))?;
        let differs = seen.iter().ne(PROBE[1].iter()).then(|| "what a worker writes is not seen".to_owned());
        Ok(answer.probe_error.or(differs).map(Refusal::NoPlanes))
    }
}

/// Ends a worker and waits for its end, so that it certainly writes nothing any more.
pub(super) fn end(child: &mut Child) -> Option<ExitStatus> {
    // It may have ended already.
    let _ = child.kill();
    child.wait().ok()
}

/// How a process has ended, in words.
pub(super) fn how_it_ended(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "it cannot be waited for".to_owned() };
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            let name = nix::sys::signal::Signal::try_from(signal).map_or("unknown", |s| s.as_str());
            return format!("ended by signal {signal}, {name}");
        }
    }
    status.code().map_or_else(|| "ended".to_owned(), |code| format!("ended with code {code}"))
}
