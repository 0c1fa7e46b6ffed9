//! CPU time and memory as the operating system accounts for them.

use std::path::{Path, PathBuf};
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

/// CPU time of another process so far; `None` if it has ended or the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_of_process(id: u32) -> Option<Duration> {
    let clock = nix::time::clock_getcpuclockid(nix::unistd::Pid::from_raw(i32::try_from(id).ok()?)).ok()?;
    nix::time::clock_gettime(clock).ok().map(Duration::from)
}

/// CPU time of another process; not known on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_of_process(_: u32) -> Option<Duration> {
    None
}

/// Largest resident memory of another process so far, with what it shares with others; `None` if it has ended or the
/// system does not tell.
pub(crate) fn peak_of_process(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Number of workers that is meant by a wish: 0 stands for all processors that this process may use; affinity and cgroup
/// quotas are respected.
pub(crate) fn workers_or_all(wish: usize) -> usize {
    if wish > 0 { wish } else { std::thread::available_parallelism().map_or(1, std::num::NonZero::get) }
}

/// What a process and its finished children have used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    /// CPU time of all threads and of finished children, user and system.
    pub cpu: Duration,
    /// Largest resident memory of the process itself, bytes; 0 where the system does not tell.
    pub peak_bytes: u64,
}

/// CPU time of the children of this process that have ended, user and system.
#[cfg(unix)]
pub fn children_cpu() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(Duration::ZERO, |usage| {
        Duration::from_micros(
            [usage.user_time(), usage.system_time()]
                .iter()
                .map(|time| time.tv_sec().max(0) as u64 * 1_000_000 + time.tv_usec().max(0) as u64)
                .sum(),
        )
    })
}

/// CPU time of the children of this process; not known on this system.
#[cfg(not(unix))]
pub fn children_cpu() -> Duration {
    Duration::ZERO
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

/// Memory that this process may use: the least of what the machine has and what its control groups allow. `None` if the
/// system does not tell.
pub fn usable_memory_bytes() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = machine.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let total = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024;
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().filter_map(group_folder).flat_map(|folder| {
        let up: Vec<PathBuf> = folder.ancestors().map(ToOwned::to_owned).collect();
        up.into_iter().filter(|folder| folder.starts_with(GROUPS)).filter_map(|folder| limit_of(&folder))
    });
    Some(limits.fold(total, u64::min))
}

const GROUPS: &str = "/sys/fs/cgroup";

/// The folder of a control group that can limit memory, from a line of `/proc/self/cgroup`.
fn group_folder(line: &str) -> Option<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let hierarchy = match controllers {
        "" => "",
        list if list.split(',').any(|name| name == "memory") => "memory",
        _ => return None,
    };
    Some(Path::new(GROUPS).join(hierarchy).join(path.trim_start_matches('/')))
}

/// The limit of one control group, if it has one. Both versions of the interface are known.
fn limit_of(folder: &Path) -> Option<u64> {
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok();
    read("memory.max").or_else(|| read("memory.limit_in_bytes"))
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_process_knows_its_memory_and_its_groups() {
        let usable = usable_memory_bytes().unwrap();
        assert!((100 << 20..100 << 40).contains(&usable), "{usable}");
        assert_eq!(group_folder("0::/a/b").unwrap(), Path::new("/sys/fs/cgroup/a/b"));
        assert_eq!(group_folder("4:memory:/job").unwrap(), Path::new("/sys/fs/cgroup/memory/job"));
        assert_eq!(group_folder("3:cpu,cpuacct:/job"), None);
    }

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
        let peak = peak_of_process(std::process::id());
        assert!(cfg!(not(target_os = "linux")) || peak.unwrap() > 100_000, "{peak:?}");
    }
}
