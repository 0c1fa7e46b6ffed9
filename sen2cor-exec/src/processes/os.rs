//! What a worker process asks of its operating system.

use std::fs::File;
use std::io;
use std::process::Command;

/// Takes stdin and stdout for the messages. Afterwards stdin is empty, and what is printed goes to stderr.
#[cfg(unix)]
pub(super) fn claim_stdio() -> io::Result<(File, File)> {
    use nix::unistd::{dup, dup2_stdin, dup2_stdout};
    let input = File::from(dup(io::stdin())?);
    let output = File::from(dup(io::stdout())?);
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(io::stderr())?;
    Ok((input, output))
}

/// Calls a function in a thread of its own when the other end of a pipe is closed, even if nobody reads from it.
#[cfg(unix)]
pub(super) fn when_hung_up(pipe: &File, then: impl FnOnce() + Send + 'static) -> io::Result<()> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let pipe = pipe.try_clone()?;
    let watch = move || {
        // Without any event that is asked for, poll returns only for the end of the pipe, and does no work before.
        let ended = |fds: &mut [PollFd<'_>]| !matches!(poll(fds, PollTimeout::NONE), Err(nix::Error::EINTR));
        while !ended(&mut [PollFd::new(pipe.as_fd(), PollFlags::empty())]) {}
        then();
    };
    std::thread::Builder::new().name("watch".to_owned()).spawn(watch).map(drop)
}

/// Lets the system end this process with the thread that has started it. The end of the pipe says the same; this also
/// holds while something else has the pipe open.
#[cfg(target_os = "linux")]
pub(super) fn end_with_parent() {
    // Not permitted anywhere: then the pipe has to do.
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
}

/// Nothing of the kind is known on this system: the end of the pipe has to do.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_with_parent() {}

/// Keeps the keys of the terminal away from a child: Ctrl-C is for the coordinator, which ends its workers.
#[cfg(unix)]
pub(super) fn out_of_the_way_of_signals(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

/// The child shares the signals of its parent on this system.
#[cfg(not(unix))]
pub(super) fn out_of_the_way_of_signals(_: &mut Command) {}

/// Takes stdin and stdout for the messages.
#[cfg(not(unix))]
pub(super) fn claim_stdio() -> io::Result<(File, File)> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "worker processes need a Unix system"))
}

/// The end of the stream has to do on this system.
#[cfg(not(unix))]
pub(super) fn when_hung_up(_: &File, _: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Ok(())
}

/// Waits until a child has said something; false if it does not within the time.
#[cfg(unix)]
pub(super) fn speaks_within(pipe: &impl std::os::fd::AsFd, seconds: u16) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let timeout = PollTimeout::from(seconds.saturating_mul(1000));
    poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], timeout).is_ok_and(|ready| ready > 0)
}

/// The time is not limited on this system.
#[cfg(not(unix))]
pub(super) fn speaks_within<T>(_: &T, _: u16) -> bool {
    true
}

/// Makes room in a pipe, so that a message to a worker that is busy does not hold up the sender.
#[cfg(target_os = "linux")]
pub(super) fn widen(pipe: &impl std::os::fd::AsFd) {
    // Not permitted beyond the limits of the user: then it stays as it is.
    let _ = nix::fcntl::fcntl(pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(1 << 20));
}

/// Pipes stay as they are on this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn widen<T>(_: &T) {}
