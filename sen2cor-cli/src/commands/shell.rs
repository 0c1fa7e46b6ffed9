//! `sen2cor completions` and `sen2cor man`

use crate::arguments::{Arguments, CompletionsArguments, ManArguments};
use anyhow::Context as _;
use clap::{Command, CommandFactory};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prints what a shell needs to complete command lines.
pub(crate) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "sen2cor", &mut text);
    print(&text)
}

/// Prints the manual page of the program or of one command, or writes all pages into a folder.
pub(crate) fn man(arguments: &ManArguments) -> anyhow::Result<ExitCode> {
    let mut root = Arguments::command();
    root.build();
    if let Some(folder) = &arguments.output_dir {
        let failed = |path: &Path, e| sen2cor::Error::output_io(path, "writing", e);
        std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
        for command in std::iter::once(&root).chain(root.get_subcommands()) {
            let path: PathBuf = folder.join(format!("{}.1", page_name(command)));
            std::fs::write(&path, page(command)?).map_err(|e| failed(&path, e))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let command = match &arguments.command {
        None => &root,
        Some(name) => root.find_subcommand(name).with_context(|| format!("there is no command {name:?}"))?,
    };
    print(&page(command)?)
}

fn page_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).replace(' ', "-")
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let name = page_name(command);
    clap_mangen::Man::new(command.clone().name(name)).render(&mut text)?;
    Ok(text)
}

fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(sen2cor::Error::output_io(Path::new("stdout"), "writing", error).into())
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
