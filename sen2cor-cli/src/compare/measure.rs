//! One run of `sen2cor process` as a process: time, CPU, memory and what it made.

use crate::exit_code::RunFailed;
use crate::signals::Stop;
use anyhow::{Context as _, bail};
use sen2cor::Strategy;
use sen2cor::exec::children_cpu;
use sen2cor::io::checksum::Algorithm;
use serde::Serialize;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// All products get the same time, so that their bytes can be compared.
const TIME: &str = "2026-01-01T00:00:00Z";

/// Memory is looked at so seldom that this takes no more than a hundredth of a processor.
const SHARE_OF_SAMPLING: u32 = 100;

/// A strategy and a number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Config {
    pub(crate) strategy: Strategy,
    pub(crate) workers: usize,
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.strategy, self.workers)
    }
}

/// What one run has cost and made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Measured {
    pub(crate) executor: Strategy,
    pub(crate) workers: usize,
    /// From the start of the process to its end.
    pub(crate) wall_s: f64,
    /// User and system, of the process and its workers.
    pub(crate) cpu_s: f64,
    /// Most memory at a time, as Pss summed over the process and its workers; none where the system does not tell.
    pub(crate) peak_bytes: Option<u64>,
    /// Share of their time in which the workers ran units.
    pub(crate) busy_share: f64,
    pub(crate) stages: Vec<Stage>,
    /// SHA3-256 over the names and contents of all files of the product.
    pub(crate) product_sha3_256: String,
}

/// Cost of a group of stages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Stage {
    #[serde(rename = "stage")]
    pub(crate) name: String,
    pub(crate) cpu_s: f64,
    pub(crate) wall_s: f64,
}

/// A run that is to be made.
pub(crate) struct Run<'a> {
    pub(crate) input: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) config: Config,
    /// Options of `process`.
    pub(crate) options: &'a [String],
    pub(crate) keep: bool,
}

impl Run<'_> {
    /// Runs, looks at the product and, if that is not wanted, removes it.
    pub(crate) fn measure(&self, round: usize, stop: &Stop) -> anyhow::Result<Measured> {
        let name = format!("{}-{}-{}", self.config.strategy, self.config.workers, round + 1);
        let output = self.folder.join(name);
        let summary_path = output.with_extension("json");
        let (cpu, started) = (children_cpu(), Instant::now());
        let child = self.start(&output, &summary_path)?;
        let peak_bytes = wait(child, stop, &self.config)?;
        let (wall_s, cpu_s) =
            (started.elapsed().as_secs_f64(), children_cpu().saturating_sub(cpu).as_secs_f64());
        let product_sha3_256 = digest(&output)?;
        if !self.keep {
            fs::remove_dir_all(&output).map_err(|e| sen2cor::Error::output_io(&output, "removing", e))?;
        }
        let summary = read_summary(&summary_path)?;
        let Config { strategy: executor, workers } = self.config;
        let busy_share = summary["totals"]["busy_share"].as_f64().unwrap_or_default();
        let stages = stages(&summary);
        Ok(Measured { executor, workers, wall_s, cpu_s, peak_bytes, busy_share, stages, product_sha3_256 })
    }

    fn start(&self, output: &Path, summary: &Path) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("finding this program")?;
        let mut command = Command::new(&program);
        command.args(["process", "--log-level", "error", "--generation-time", TIME]);
        command.args(["--executor", self.config.strategy.name()]);
        command.arg("--workers").arg(self.config.workers.to_string());
        command.arg("--output-dir").arg(output).arg("--summary").arg(summary);
        command.args(self.options).arg(self.input);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().with_context(|| format!("starting {}", program.display()))
    }
}

/// Time of two runs with one worker side by side, s.
pub(crate) fn side_by_side(run: &Run<'_>, stop: &Stop) -> anyhow::Result<f64> {
    let started = Instant::now();
    let outputs = ["pair-a", "pair-b"].map(|name| run.folder.join(name));
    let mut children = Vec::new();
    for output in &outputs {
        children.push(run.start(output, &output.with_extension("json"))?);
    }
    for child in children {
        wait(child, stop, &run.config)?;
    }
    let wall_s = started.elapsed().as_secs_f64();
    for output in &outputs {
        fs::remove_dir_all(output).map_err(|e| sen2cor::Error::output_io(output, "removing", e))?;
    }
    Ok(wall_s)
}

/// Waits for a process and looks at its memory meanwhile.
fn wait(mut child: Child, stop: &Stop, config: &Config) -> anyhow::Result<Option<u64>> {
    let mut stdout = child.stdout.take().context("the process has no stdout")?;
    let ended = AtomicBool::new(false);
    let id = child.id();
    let peak = std::thread::scope(|scope| {
        let watch = scope.spawn(|| watch(id, &ended, stop));
        // The end of stdout is the end of the process; nothing is polled.
        let mut said = Vec::new();
        let read = stdout.read_to_end(&mut said);
        ended.store(true, Ordering::SeqCst);
        watch.thread().unpark();
        read.map(|_| watch.join().unwrap_or_default())
    });
    let status = child.wait().context("waiting for a run")?;
    if stop.token().is_cancelled() {
        return Err(sen2cor::Error::Cancelled.into());
    }
    match status.code() {
        Some(0) => {}
        Some(code) => {
            return Err(RunFailed { what: config.to_string(), code: u8::try_from(code).unwrap_or(5) }.into());
        }
        None => bail!("the run with {config} ended with {status}"),
    }
    peak.context("reading from a run")
}

/// The most memory that a process and its children have had at a time. Ends the process if that is asked for.
fn watch(id: u32, ended: &AtomicBool, stop: &Stop) -> Option<u64> {
    let mut peak = None;
    while !ended.load(Ordering::SeqCst) {
        let started = Instant::now();
        peak = peak.max(memory_of_tree(id));
        let pause =
            (started.elapsed() * SHARE_OF_SAMPLING).clamp(Duration::from_millis(20), Duration::from_secs(1));
        if stop.token().is_cancelled() {
            // It has got Ctrl-C itself, but not what was sent to this process alone.
            let _ = Command::new("kill").arg(id.to_string()).status();
        }
        std::thread::park_timeout(pause);
    }
    peak
}

/// Proportional set size of a process and its children: memory that several of them share counts once.
fn memory_of_tree(id: u32) -> Option<u64> {
    let own = pss(id)?;
    Some(own + children(id).into_iter().filter_map(pss).sum::<u64>())
}

fn pss(id: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}

fn children(id: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn read_summary(path: &Path) -> anyhow::Result<serde_json::Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

fn stages(summary: &serde_json::Value) -> Vec<Stage> {
    let stage = |value: &serde_json::Value| {
        let number = |name: &str| value[name].as_f64();
        let name = value["stage"].as_str()?.to_owned();
        Some(Stage { name, cpu_s: number("cpu_s")?, wall_s: number("wall_s")? })
    };
    summary["stages"].as_array().into_iter().flatten().filter_map(stage).collect()
}

/// A checksum over the names and contents of all files below a folder.
fn digest(folder: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    collect(folder, &mut files).with_context(|| format!("listing {}", folder.display()))?;
    files.sort();
    let mut all = Algorithm::Sha3_256.hasher();
    let mut buffer = vec![0; 1 << 20];
    for path in files {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
        let mut one = Algorithm::Sha3_256.hasher();
        let mut file = File::open(&path).with_context(|| format!("reading {}", path.display()))?;
        loop {
            let count = file.read(&mut buffer).with_context(|| format!("reading {}", path.display()))?;
            if count == 0 {
                break;
            }
            one.update(buffer.get(..count).unwrap_or_default());
        }
        all.update(format!("{name}\n{}\n", one.finish()).as_bytes());
    }
    Ok(all.finish())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_digest_sees_names_and_contents() {
        let digest_of = |files: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            digest(folder.path()).unwrap()
        };
        let reference = digest_of(&[("a/b", "text"), ("c", "more")]);
        assert_eq!(digest_of(&[("c", "more"), ("a/b", "text")]), reference);
        for other in [[("a/b", "Text"), ("c", "more")], [("a/b", "text"), ("d", "more")]] {
            assert_ne!(digest_of(&other), reference);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_of_this_process_is_known() {
        let bytes = memory_of_tree(std::process::id()).unwrap();
        assert!((100_000..100 << 30).contains(&bytes), "{bytes}");
    }
}
