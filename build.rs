//! Names the build by what it is made of, so that a program and its workers can tell that they are the same.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for folder in source_folders(&root) {
        println!("cargo::rerun-if-changed={}", folder.display());
        collect(&folder, &mut files);
    }
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file);
        hash = fnv1a(hash, name.to_string_lossy().as_bytes());
        hash = fnv1a(hash, &fs::read(file).unwrap_or_default());
    }
    for variable in ["TARGET", "PROFILE", "OPT_LEVEL"] {
        hash = fnv1a(hash, env::var(variable).unwrap_or_default().as_bytes());
    }
    println!("cargo::rustc-env=SEN2COR_BUILD={}-{hash:016x}", env!("CARGO_PKG_VERSION"));
}

/// The sources of this crate and, in the workspace, of the crates beside it.
fn source_folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let crates = entries.filter(|path| path.join("Cargo.toml").exists()).map(|path| path.join("src"));
    let own = ["src", "data"].map(|folder| root.join(folder));
    own.into_iter().chain(crates).filter(|folder| folder.is_dir()).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The hash of Fowler, Noll and Vo: it tells builds apart and guards against nobody.
fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
