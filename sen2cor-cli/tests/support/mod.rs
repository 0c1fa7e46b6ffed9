//! What the tests of the command share: running it, simulated products, and comparing folders.

#![allow(dead_code, reason = "not every test needs everything")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests, which may fail and tell why")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, Weak};
use tempfile::TempDir;

/// Time of all products, so that they can be compared byte by byte.
pub(crate) const TIME: &str = "2026-01-02T03:04:05Z";

/// What a run of the command has left.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code; -1 if a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The last line of stdout, as a path.
    pub(crate) fn product(&self) -> PathBuf {
        assert_eq!(self.code, 0, "{self:#?}");
        PathBuf::from(self.stdout.lines().last().unwrap())
    }

    /// The run failed with this code and said all of this.
    pub(crate) fn failed(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, code, "{self:#?}");
        assert_eq!(self.stdout, "", "a failed run has no results");
        for words in said {
            assert!(self.stderr.contains(words), "nothing of {words:?}: {self:#?}");
        }
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The command, without what the environment may say about time.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sen2cor"));
    command.env_remove("SOURCE_DATE_EPOCH").stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub(crate) fn sen2cor<S: AsRef<OsStr>>(arguments: &[S]) -> Ended {
    command().args(arguments).output().unwrap().into()
}

/// Simulates a product into a folder.
pub(crate) fn simulate(folder: &Path, arguments: &[&str]) -> PathBuf {
    let ended = command()
        .args(["simulate", "--generation-time", TIME, "--output-dir"])
        .arg(folder)
        .args(arguments)
        .output();
    Ended::from(ended.unwrap()).product()
}

/// A run of `process` on an input into a folder.
pub(crate) fn process(input: &Path, folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = command();
    command.arg("process").arg(input).arg("--output-dir").arg(folder);
    if !arguments.contains(&"--generation-time") {
        command.args(["--generation-time", TIME]);
    }
    command.args(arguments).output().unwrap().into()
}

/// A product of `process` in a folder of its own below `folder`.
pub(crate) fn processed(input: &Path, folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    process(input, &folder.join(name), arguments).product()
}

/// A product that several tests read and none changes.
pub(crate) struct Shared {
    _folder: TempDir,
    pub(crate) level_1c: PathBuf,
}

impl Shared {
    /// A copy that a test may spoil, in a new folder.
    pub(crate) fn copy(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join(self.level_1c.file_name().unwrap());
        copy_folder(&self.level_1c, &copy);
        (folder, copy)
    }
}

/// Lends a simulated product to the tests of a file. The last one to give it back removes it: a static would leave its
/// folder behind.
pub(crate) struct Lender {
    size: &'static str,
    lent: Mutex<Weak<Shared>>,
}

impl Lender {
    pub(crate) const fn of_size(size: &'static str) -> Self {
        Self { size, lent: Mutex::new(Weak::new()) }
    }

    pub(crate) fn lend(&self) -> Arc<Shared> {
        let mut lent = self.lent.lock().unwrap();
        lent.upgrade().unwrap_or_else(|| {
            let folder = tempfile::tempdir().unwrap();
            let level_1c = simulate(folder.path(), &["--size", self.size]);
            let shared = Arc::new(Shared { _folder: folder, level_1c });
            *lent = Arc::downgrade(&shared);
            shared
        })
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let target = to.join(name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
}

/// All files below a folder: path relative to it and content.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap_or_else(|e| panic!("{}: {e}", next.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The images of a product by their file names; of Level-2A what was computed, not what was copied.
pub(crate) fn images(product: &Path) -> BTreeMap<String, Vec<u8>> {
    let copied = ["MSK_DETFOO", "MSK_QUALIT", "MSK_CLASSI"];
    let is_image = |name: &str| {
        let is_copied = name.contains("/L2A_") && copied.iter().any(|mask| name.contains(mask));
        !is_copied && Path::new(name).extension().is_some_and(|extension| extension == "jp2")
    };
    let short = |name: String| name.rsplit('/').next().unwrap().to_owned();
    files(product).into_iter().filter(|(n, _)| is_image(n)).map(|(n, b)| (short(n), b)).collect()
}

/// Two folders have the same files with the same bytes.
pub(crate) fn assert_same_files(a: &Path, b: &Path) {
    assert_same(&files(a), &files(b));
}

/// The same names with the same bytes; else the names that differ.
pub(crate) fn assert_same(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) {
    let names: Vec<_> = a.keys().chain(b.keys()).filter(|name| a.get(*name) != b.get(*name)).collect();
    assert!(names.is_empty(), "these differ: {names:#?}");
    assert!(!a.is_empty(), "nothing was compared");
}

/// The file of a product whose path ends like this.
pub(crate) fn file_ending(product: &Path, ending: &str) -> PathBuf {
    let all = files(product);
    let found: Vec<_> = all.keys().filter(|name| name.ends_with(ending)).collect();
    assert_eq!(found.len(), 1, "{ending} in {}: {found:?}", product.display());
    product.join(found[0])
}

/// What is in a folder, hidden or not; nothing if the folder is not there.
pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
