//! CPU time and memory as the operating system accounts for them.

use std::time::Duration;

/// CPU time of the calling thread so far.
#[cfg(unix)]
pub(crate) fn thread_cpu() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_or(Duration::ZERO, Duration::from)
}

/// CPU time of the calling thread so far; not known on this system.
#[cfg(not(unix))]
pub(crate) fn thread_cpu() -> Duration {
    Duration::ZERO
}

/// What a process and its finished children have used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    /// CPU time of all threads and of finished children, user and system.
    pub cpu: Duration,
    /// Largest resident memory of the process itself, bytes; 0 where the system does not tell.
    pub peak_bytes: u64,
}

/// Usage of this process so far.
#[cfg(unix)]
pub fn process_usage() -> ProcessUsage {
    use nix::sys::resource::{UsageWho, getrusage};
    let mut usage = ProcessUsage::default();
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let Ok(part) = getrusage(who) else { continue };
        for time in [part.user_time(), part.system_time()] {
            usage.cpu += Duration::from_secs(time.tv_sec().max(0) as u64)
                + Duration::from_micros(time.tv_usec().max(0) as u64);
        }
        if who == UsageWho::RUSAGE_SELF {
            // Linux counts in KiB, macOS in bytes.
            let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
            usage.peak_bytes = part.max_rss().max(0) as u64 * unit;
        }
    }
    usage
}

/// Usage of this process so far; not known on this system.
#[cfg(not(unix))]
pub fn process_usage() -> ProcessUsage {
    ProcessUsage::default()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_both_clocks() {
        let (thread, process) = (thread_cpu(), process_usage());
        let mut x = 1u64;
        while thread_cpu().saturating_sub(thread) < Duration::from_millis(20) {
            for _ in 0..10_000 {
                x = std::hint::black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            }
        }
        assert!(process_usage().cpu > process.cpu);
        assert!(process_usage().peak_bytes > 100_000);
    }
}
