//! stdout: results only.

use std::io::{self, Write};
use std::path::Path;

/// Writes a line of the result. A reader that has gone away is no failure.
pub(crate) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    let written = writeln!(io::stdout().lock(), "{}", text.as_ref());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(sen2cor::Error::output_io(Path::new("stdout"), "writing", error).into())
        }
        _ => Ok(()),
    }
}
