//! The rules of the house, as tests: who may depend on whom, what the core must not touch, where unsafe code may stand,
//! how files look, and that the documents name what there is.
//!
//! `ARCHITECTURE.md` and `CONTRIBUTING.md` give the reasons. Each test reads the sources as text, lists every place that
//! breaks its rule, and fails once at the end. Needs nothing but the standard library.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Crate, its folder, and which of our crates it may use.
const CRATES: [(&str, &str, &[&str]); 6] = [
    ("sen2cor-jpeg2000", "sen2cor-jpeg2000", &[]),
    ("sen2cor-core", "sen2cor-core", &[]),
    ("sen2cor-io", "sen2cor-io", &["sen2cor-core", "sen2cor-jpeg2000"]),
    ("sen2cor-exec", "sen2cor-exec", &["sen2cor-core"]),
    ("sen2cor", ".", &["sen2cor-core", "sen2cor-io", "sen2cor-exec", "sen2cor-jpeg2000"]),
    ("sen2cor-cli", "sen2cor-cli", &["sen2cor"]),
];

/// The only files with unsafe code; `ARCHITECTURE.md` lists the same.
const UNSAFE_FILES: [&str; 7] = [
    "sen2cor-exec/src/plane/heap.rs",
    "sen2cor-exec/src/plane/mod.rs",
    "sen2cor-exec/src/plane/shared.rs",
    "sen2cor-exec/src/unit_io.rs",
    "sen2cor-io/src/jp2/openjpeg.rs",
    "sen2cor-jpeg2000/src/isa.rs",
    "sen2cor-jpeg2000/tests/openjpeg/mod.rs",
];

/// Modules of the standard library that core does without: files, threads, processes, environment, network, clock.
const NOT_IN_CORE: [&str; 7] = ["fs", "thread", "process", "env", "net", "io", "time"];

/// Crates, types and macros that core does without.
const NAMES_NOT_IN_CORE: [&str; 9] =
    ["Instant", "SystemTime", "rayon", "crossbeam", "tracing", "print", "println", "eprint", "eprintln"];

/// Files of the facade that describe work and must not know who does it.
const NO_EXECUTOR_IN: [&str; 4] = ["src/stages/", "src/recipe.rs", "src/decode.rs", "src/images.rs"];

/// Most lines of a file without its tests.
const MAX_LINES: usize = 500;

/// Number of points in `COMPARE.md`, cited in comments by their numbers.
const DECISIONS: u32 = 32;

struct Text {
    /// Relative to the workspace, `/` between the parts.
    path: String,
    text: String,
}

impl Text {
    fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    fn is_test(&self) -> bool {
        let folder = self.path.starts_with("tests/") || self.path.contains("/tests/");
        folder || self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs")
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn root() -> PathBuf {
    let at_run_time = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    at_run_time
        .or_else(|| option_env!("CARGO_MANIFEST_DIR").map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("."))
}

/// All text files of the workspace, sorted; build folders, hidden folders and products are left out.
fn texts() -> Vec<Text> {
    let root = root();
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.iter().any(|t| t.path == "Cargo.toml"), "no workspace in {}", root.display());
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Text>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            let hidden = name.starts_with('.') && ![".ci", ".github", ".cargo"].contains(&name.as_str());
            let built =
                path.join("CACHEDIR.TAG").exists() || has_extension(&name, "SAFE") || name == "sen2cor-demo";
            if !hidden && !built {
                collect(root, &path, found);
            }
            continue;
        }
        // In a linked worktree `.git` is a file that says where the repository is.
        if name == ".git" {
            continue;
        }
        // What is no UTF-8 is no text, such as the tables in data/.
        if let Ok(text) = fs::read_to_string(&path) {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let path =
                relative.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            found.push(Text { path, text });
        }
    }
}

fn rust_files() -> Vec<Text> {
    texts().into_iter().filter(Text::is_rust).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}\n", broken.join("\n  "));
}

/// Rust code without comments, strings and characters, which become blanks; lines stay lines.
fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped_until(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.push(' ');
            out.extend(chars[at..end].iter().filter(|c| **c == '\n'));
            at = end;
        }
    }
    out
}

/// End of the comment or literal that begins at `at`; `at` itself if none does.
fn skipped_until(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let after_word = at > 0 && is_word(chars[at - 1]);
    match rest {
        ['/', '/', ..] => at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => at + block_comment(rest),
        ['"', ..] => at + quoted(rest, '"'),
        ['r', '"' | '#', ..] if !after_word => at + raw_string(rest),
        ['b' | 'c', 'r', '"' | '#', ..] if !after_word => at + raw_string(&rest[1..]).max(1) + 1,
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => at + quoted(rest, '\''),
        _ => at,
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i < rest.len() {
        match rest[i..] {
            ['/', '*', ..] => (depth, i) = (depth + 1, i + 2),
            ['*', '/', ..] => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn quoted(rest: &[char], mark: char) -> usize {
    let mut i = 1;
    while i < rest.len() && rest[i] != mark {
        i += if rest[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(rest.len())
}

/// Length of `r"..."` or `r#"..."#`; 0 for a raw identifier.
fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let mut i = 2 + hashes;
    while i < rest.len() {
        if rest[i] == '"' && rest[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    rest.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words of a line with the number of the line.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.flat_map(|(n, line)| line.split(|c| !is_word(c)).filter(|w| !w.is_empty()).map(move |w| (n + 1, w)))
}

#[test]
fn literals_and_comments_are_no_code() {
    let code = "let a = \"unsafe \\\" unsafe\"; // unsafe\n/* unsafe /* */ unsafe */ let b = '\"'; r#\"unsafe\"#; fn f<'a>() {}";
    let left = code_only(code);
    assert!(!left.contains("unsafe"), "{left}");
    assert_eq!(left.lines().count(), 2);
    assert!(left.contains("let b") && left.contains("fn f<'a>() {}"), "{left}");
    let modules = modules_of_std("use std::{fmt,\n    fs}; std::array::from_fn(|io| io);");
    assert!(modules.contains("fs") && modules.contains("array") && !modules.contains("io"), "{modules:?}");
}

#[test]
fn crates_depend_in_one_direction() {
    let mut broken = Vec::new();
    for (name, folder, allowed) in CRATES {
        let path = if folder == "." { "Cargo.toml".to_owned() } else { format!("{folder}/Cargo.toml") };
        let mut section = String::new();
        for line in read(&path).lines().map(str::trim) {
            if line.starts_with('[') {
                section = line.trim_matches(['[', ']']).to_owned();
            }
            let dependencies = !section.starts_with("workspace") && section.contains("dependencies");
            let ours = line
                .split(|c: char| !is_word(c) && c != '-')
                .filter(|w| *w == "sen2cor" || w.starts_with("sen2cor-"));
            for used in ours.filter(|used| dependencies && !allowed.contains(used)) {
                broken.push(format!("{path}: {name} must not depend on {used} (section [{section}])"));
            }
        }
    }
    let members: BTreeSet<_> = read("Cargo.toml")
        .lines()
        .filter(|line| line.trim_start().starts_with("members"))
        .flat_map(|line| line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let known: BTreeSet<_> = CRATES.iter().filter(|c| c.1 != ".").map(|c| c.1.to_owned()).collect();
    if members != known {
        broken.push(format!("Cargo.toml: members are {members:?}, tests/tidy.rs knows {known:?}"));
    }
    report(
        "core uses none of our crates; io and exec use core; the facade uses these three; the CLI only the facade:",
        &broken,
    );
}

#[test]
fn core_does_no_io_and_starts_no_threads() {
    let mut broken = Vec::new();
    for file in rust_files().iter().filter(|f| f.path.starts_with("sen2cor-core/src/")) {
        let code = code_only(&file.text);
        let names = words(&code).filter(|(_, word)| NAMES_NOT_IN_CORE.contains(word));
        broken.extend(names.map(|(line, word)| format!("{}:{line}: `{word}`", file.path)));
        let modules = modules_of_std(&code);
        let modules = NOT_IN_CORE.iter().filter(|module| modules.contains(**module));
        broken.extend(modules.map(|module| format!("{}: `std::{module}`", file.path)));
    }
    if !read("sen2cor-core/src/lib.rs").contains("#![forbid(unsafe_code)]") {
        broken.push("sen2cor-core/src/lib.rs: `#![forbid(unsafe_code)]` is missing".to_owned());
    }
    report("sen2cor-core has no I/O, threads, clock, environment, logs or unsafe code:", &broken);
}

/// Modules behind `std::`, alone or in braces.
fn modules_of_std(code: &str) -> BTreeSet<String> {
    let compact: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let mut found = BTreeSet::new();
    for rest in compact.split("std::").skip(1) {
        let of_braces = rest.starts_with('{').then(|| rest.split(';').next().unwrap_or_default());
        let text = of_braces.unwrap_or_else(|| rest.split(|c| !is_word(c)).next().unwrap_or_default());
        found.extend(text.split(|c| !is_word(c)).map(str::to_owned));
    }
    found
}

#[test]
fn unsafe_code_stands_in_the_listed_files_only() {
    let mut broken = Vec::new();
    for file in rust_files() {
        let code = code_only(&file.text);
        for (line, _) in words(&code).filter(|(_, word)| *word == "unsafe") {
            if !UNSAFE_FILES.contains(&file.path.as_str()) {
                broken.push(format!("{}:{line}: `unsafe` outside the listed files", file.path));
            }
        }
        let compact: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let allows = ["allow(unsafe_code", "expect(unsafe_code"].iter().any(|a| compact.contains(a));
        if allows && !UNSAFE_FILES.contains(&file.path.as_str()) {
            broken.push(format!("{}: allows `unsafe_code`", file.path));
        }
    }
    let architecture = read("ARCHITECTURE.md");
    for path in UNSAFE_FILES {
        if !architecture.contains(&format!("`{path}`")) {
            broken.push(format!("ARCHITECTURE.md: does not list `{path}`"));
        }
        if !root().join(path).exists() {
            broken.push(format!("tests/tidy.rs: lists {path}, which is gone"));
        }
    }
    report("unsafe code stands only in the files that ARCHITECTURE.md lists:", &broken);
}

#[test]
fn no_algorithm_names_an_executor() {
    let mut broken = Vec::new();
    for file in rust_files().iter().filter(|f| NO_EXECUTOR_IN.iter().any(|place| f.path.starts_with(place))) {
        let code = code_only(&file.text);
        let found = words(&code)
            .filter(|(_, word)| ["Executor", "Sequential", "Threads", "Processes", "rayon"].contains(word));
        broken.extend(found.map(|(line, word)| format!("{}:{line}: `{word}`", file.path)));
    }
    report("recipes and adapters do not know who runs them:", &broken);
}

#[test]
fn files_begin_with_what_they_are() {
    let files = rust_files();
    let broken = files.iter().filter(|f| !f.text.starts_with("//!"));
    let broken: Vec<_> = broken.map(|f| format!("{}: the first line is no `//!`", f.path)).collect();
    report("every Rust file begins with its documentation (what it is, from which source):", &broken);
}

#[test]
fn files_are_short() {
    let mut broken = Vec::new();
    for file in rust_files().iter().filter(|f| !f.is_test()) {
        let lines: Vec<&str> = file.text.lines().collect();
        let is_inline_tests = |pair: &[&str]| {
            pair[0].starts_with("#[cfg(")
                && pair[0].contains("test")
                && pair[1].starts_with("mod ")
                && pair[1].ends_with('{')
        };
        let own = lines.windows(2).position(is_inline_tests).unwrap_or(lines.len());
        if own > MAX_LINES {
            broken.push(format!("{}: {own} lines before its tests", file.path));
        }
    }
    report(&format!("a file has one concept and at most {MAX_LINES} lines without its tests:"), &broken);
}

#[test]
fn nothing_is_left_for_later() {
    let notes = [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X")];
    let code_marks = ["todo!", "unimplemented!", "#[ignore"];
    let mut broken = Vec::new();
    for file in rust_files() {
        for (line, word) in words(&file.text).filter(|(_, word)| notes.contains(word)) {
            broken.push(format!("{}:{line}: `{word}`", file.path));
        }
        let code = code_only(&file.text);
        for (number, line) in code.lines().enumerate() {
            let marks = code_marks.iter().filter(|mark| line.contains(*mark));
            broken.extend(marks.map(|mark| format!("{}:{}: `{mark}`", file.path, number + 1)));
        }
    }
    report("what cannot work yet fails with a typed error, and no test is switched off:", &broken);
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let everywhere =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut broken = Vec::new();
    for file in texts() {
        let mut places = everywhere.to_vec();
        if !file.is_test() {
            places.push(concat!("/t", "mp/"));
        }
        for (number, line) in file.text.lines().enumerate() {
            let found = places.iter().filter(|place| starts_a_path(line, place));
            broken.extend(found.map(|place| format!("{}:{}: `{place}`", file.path, number + 1)));
        }
    }
    report("no absolute path of a machine stands in a file:", &broken);
}

/// Whether a path in the line begins with these folders; `a/b/` in the middle of a path is something else.
fn starts_a_path(line: &str, folders: &str) -> bool {
    let within = |c: char| is_word(c) || matches!(c, '.' | '-' | '/' | '}' | ')' | '*');
    line.match_indices(folders).any(|(at, _)| !line[..at].ends_with(within))
}

#[test]
fn decisions_are_those_of_the_comparison() {
    let compare = read("COMPARE.md");
    let mut broken: Vec<_> = (1..=DECISIONS)
        .filter(|n| !compare.lines().any(|line| line.starts_with(&format!("| {n} |"))))
        .map(|n| format!("COMPARE.md: no row for decision {n}"))
        .collect();
    for file in rust_files().iter().filter(|f| f.text.contains("COMPARE.md") && f.path != "tests/tidy.rs") {
        let list: Vec<(usize, &str)> = words(&file.text).collect();
        for pair in list.windows(2).filter(|pair| matches!(pair[0].1, "decision" | "decisions")) {
            let (line, word) = pair[1];
            if word.parse::<u32>().is_ok_and(|n| n == 0 || n > DECISIONS) {
                broken.push(format!("{}:{line}: there is no decision {word}", file.path));
            }
        }
    }
    report(&format!("comments cite decisions 1 to {DECISIONS} of COMPARE.md:"), &broken);
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for file in texts().iter().filter(|f| has_extension(&f.path, "md")) {
        let folder = root().join(&file.path).parent().map(Path::to_owned).unwrap_or_default();
        for (number, line) in file.text.lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split('#').next().unwrap_or_default();
                let local = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
                if local && !folder.join(target).exists() {
                    broken.push(format!("{}:{}: {target} does not exist", file.path, number + 1));
                }
            }
        }
    }
    report("links between documents lead to files that exist:", &broken);
}

#[test]
fn every_algorithm_has_a_page_and_every_page_is_listed() {
    const INDEX: &str = "docs/science/README.md";
    let index = read(INDEX);
    let mut broken = Vec::new();
    for page in texts().iter().filter(|t| t.path.starts_with("docs/science/") && t.path != INDEX) {
        let name = page.path.trim_start_matches("docs/science/");
        if !index.contains(&format!("]({name})")) {
            broken.push(format!("{INDEX}: does not link {name}"));
        }
    }
    for line in read("sen2cor-core/src/lib.rs").lines() {
        let Some(module) = line.strip_prefix("pub mod ").and_then(|m| m.strip_suffix(';')) else { continue };
        let with_page = |line: &str| line.contains(&format!("`{module}`")) && line.contains(".md)");
        if !index.lines().any(with_page) {
            broken.push(format!("{INDEX}: no line names `{module}` of sen2cor-core with a page"));
        }
    }
    report("every algorithm has a page in docs/science, and its index lists all:", &broken);
}

#[test]
fn pages_end_in_tests_that_exist() {
    let functions: BTreeSet<String> =
        rust_files().iter().flat_map(|file| names_of_functions(&file.text)).collect();
    let mut broken = Vec::new();
    let pages = texts();
    for page in pages.iter().filter(|t| t.path.starts_with("docs/science/") && !t.path.ends_with("README.md"))
    {
        let mut sections = page.text.split("\n## ");
        let Some(section) =
            sections.find(|s| ["Validation", "Tests", "What was checked"].iter().any(|h| s.starts_with(h)))
        else {
            broken.push(format!("{}: no section `## Validation`", page.path));
            continue;
        };
        // Names of tests are sentences; shorter ones in back ticks are something else.
        let quoted = section.split('`').skip(1).step_by(2);
        let names = quoted.filter(|q| q.matches('_').count() >= 2 && q.chars().all(is_word));
        let unknown = names.filter(|name| !functions.contains(*name));
        broken.extend(unknown.map(|name| format!("{}: names `{name}`, which is no test", page.path)));
    }
    report("every page of docs/science ends in how it was checked, with names of tests that exist:", &broken);
}

/// Functions and modules that a file has.
fn names_of_functions(text: &str) -> Vec<String> {
    let all: Vec<&str> = words(text).map(|(_, word)| word).collect();
    all.windows(2).filter(|pair| matches!(pair[0], "fn" | "mod")).map(|pair| pair[1].to_owned()).collect()
}

/// The book has every page of the documents, once.
#[test]
fn the_book_has_every_page() {
    let summary = read("docs/SUMMARY.md");
    let mut wrong = Vec::new();
    for text in texts() {
        let Some(page) = text.path.strip_prefix("docs/") else { continue };
        let count = summary.matches(&format!("({page})")).count();
        if has_extension(page, "md") && page != "SUMMARY.md" && count != 1 {
            wrong.push(format!("{page}: {count} times in docs/SUMMARY.md"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
