//! How options are defined: one entry says everything about an option.
//!
//! [`options!`] makes of the entries of a topic the struct of what is typed (every field may be left out), the struct of what
//! is checked (complete), the defaults, and the rows that the command line, the configuration file, the JSON schema and the
//! documents are made of.

use serde::Serialize;

/// What an option holds, and what it may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptionKind {
    /// Yes or no. On the command line `--name` or, where yes is the default, `--no-name`.
    Flag,
    /// A number in a range.
    Number {
        /// Smallest allowed value.
        low: f64,
        /// Largest allowed value.
        high: f64,
        /// Unit, empty if it has none.
        unit: &'static str,
    },
    /// A whole number in a range.
    Integer {
        /// Smallest allowed value.
        low: i64,
        /// Largest allowed value.
        high: i64,
        /// Unit, empty if it has none.
        unit: &'static str,
    },
    /// One of some words.
    Choice(&'static [&'static str]),
    /// Text; the word stands for the value in help.
    Text(&'static str),
    /// Several texts, separated by commas on the command line.
    List(&'static str),
    /// A table of values, given one by one as `KEY=VALUE` on the command line.
    Table,
}

/// All that is known of an option.
#[derive(Clone, Debug)]
pub struct OptionRow {
    /// Name in files and in Rust, e.g. `ozone_du`; on the command line `--ozone-du`.
    pub name: &'static str,
    /// What it means, in lines.
    pub doc: &'static [&'static str],
    /// What it holds.
    pub kind: OptionKind,
    /// What holds if it is not given; `None` where that depends on the input.
    pub default: Option<toml::Value>,
}

impl OptionRow {
    /// What it means, as running text.
    pub fn description(&self) -> String {
        self.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }

    /// Name on the command line, without the leading dashes.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// A group of options, which have a heading of their own in help and documents.
#[derive(Clone, Debug)]
pub struct OptionTopic {
    /// The heading.
    pub title: &'static str,
    /// The options.
    pub rows: Vec<OptionRow>,
}

/// A default as a value of a file.
pub(super) fn as_value(default: impl Serialize) -> Option<toml::Value> {
    toml::Value::try_from(default).ok()
}

/// Defines the options of a topic. An entry is documentation, name, type, default (left out where there is none, and the
/// checked field is then an `Option`) and [`OptionKind`]:
///
/// ```text
/// /// Ozone column. Default 331.
/// ozone_du: f64 = 331.0, Number { low: 100.0, high: 600.0, unit: "DU" };
/// ```
macro_rules! options {
    (
        $(#[$meta:meta])*
        $raw:ident => $checked:ident, $title:literal;
        $( $(#[doc = $doc:literal])+ $name:ident : $type:ty $(= $default:expr)? , $kind:expr; )*
    ) => {
        $(#[$meta])*
        ///
        /// As given: everything may be left out.
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $raw {
            $( $(#[doc = $doc])+ #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>, )*
        }

        $(#[$meta])*
        ///
        /// Checked and complete.
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        pub struct $checked {
            $( $(#[doc = $doc])+ pub $name: $crate::options::define::options!(@type $type $(, $default)?), )*
        }

        impl $raw {
            /// These options where they are given, `lower` elsewhere.
            #[must_use]
            pub fn over(self, lower: Self) -> Self {
                Self { $( $name: self.$name.or(lower.$name), )* }
            }

            /// The defaults; nothing where there is none.
            pub fn defaults() -> Self {
                Self { $( $name: $crate::options::define::options!(@default $($default)?), )* }
            }

            /// The options of this topic.
            pub fn topic() -> $crate::options::define::OptionTopic {
                use $crate::options::define::{OptionKind::*, OptionRow, OptionTopic, as_value};
                let defaults = Self::defaults();
                let rows = vec![
                    $( OptionRow {
                        name: stringify!($name),
                        doc: &[$($doc),+],
                        kind: $kind,
                        default: defaults.$name.and_then(as_value),
                    }, )*
                ];
                OptionTopic { title: $title, rows }
            }

            /// Fills in the defaults.
            pub(super) fn complete(self) -> $checked {
                $checked {
                    $( $name: $crate::options::define::options!(@complete self.$name $(, $default)?), )*
                }
            }
        }

        impl Default for $checked {
            fn default() -> Self {
                $raw::default().complete()
            }
        }
    };
    (@type $type:ty, $default:expr) => { $type };
    (@type $type:ty) => { Option<$type> };
    (@default $default:expr) => { Some($default) };
    (@default) => { None };
    (@complete $value:expr, $default:expr) => { $value.unwrap_or_else(|| $default) };
    (@complete $value:expr) => { $value };
}

pub(crate) use options;
