//! What can be wrong with options.

use super::define::{OptionKind, OptionRow};
use std::fmt;
use std::path::PathBuf;

/// A problem with an option.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidOption {
    /// A number outside its range.
    Range {
        /// Name of the option on the command line.
        name: String,
        /// What was given.
        value: f64,
        /// Smallest allowed value.
        low: f64,
        /// Largest allowed value.
        high: f64,
        /// Unit of the numbers.
        unit: &'static str,
    },
    /// Options that exclude each other or need each other.
    Conflict {
        /// Which ones and why.
        reason: String,
    },
    /// A value that cannot be understood, or an option that does not exist.
    Unreadable {
        /// What is wrong.
        reason: String,
    },
    /// A file of options that cannot be used.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { name, value, low, high, unit } => {
                write!(f, "{name} is {value}, allowed are {low} to {high}")?;
                if unit.is_empty() { Ok(()) } else { write!(f, " {unit}") }
            }
            Self::Conflict { reason } | Self::Unreadable { reason } => f.write_str(reason),
            Self::File { path, reason } => write!(f, "{}: {reason}", path.display()),
        }
    }
}

/// Collects problems while options are checked.
#[derive(Default)]
pub(super) struct Checker {
    pub(super) problems: Vec<InvalidOption>,
}

impl Checker {
    /// Compares a given number with the range of its option.
    pub(super) fn range(&mut self, row: &OptionRow, given: &toml::Value) {
        let (value, low, high, unit) = match (row.kind, given) {
            (OptionKind::Number { low, high, unit }, toml::Value::Float(value)) => (*value, low, high, unit),
            (OptionKind::Integer { low, high, unit }, toml::Value::Integer(value)) => {
                (*value as f64, low as f64, high as f64, unit)
            }
            _ => return,
        };
        if !(low..=high).contains(&value) {
            self.problems.push(InvalidOption::Range { name: row.flag(), value, low, high, unit });
        }
    }

    pub(super) fn conflict(&mut self, when: bool, reason: &str) {
        if when {
            self.problems.push(InvalidOption::Conflict { reason: reason.to_owned() });
        }
    }
}
