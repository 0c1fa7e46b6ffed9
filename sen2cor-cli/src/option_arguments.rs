//! The options of a run as arguments, made from the rows that define them.

use clap::builder::PossibleValuesParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};
use sen2cor::{OptionKind, OptionRow, RawOptions};
use std::path::PathBuf;
use toml::{Table, Value};

/// What was typed: options, and the file that they go over.
#[derive(Clone, Debug, Default)]
pub(crate) struct OptionArguments {
    config: Option<PathBuf>,
    given: Table,
}

impl OptionArguments {
    /// The options: flags over the configuration file.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub(crate) fn into_raw(self) -> Result<RawOptions, sen2cor::Error> {
        let file = self.config.as_deref().map(RawOptions::read_toml_file).transpose();
        let file = file.map_err(sen2cor::Error::Options)?.unwrap_or_default();
        RawOptions::from_table(RawOptions::join_tables(self.given, file)).map_err(sen2cor::Error::Options)
    }
}

impl Args for OptionArguments {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE.toml")
            .value_parser(value_parser!(PathBuf))
            .help("Options from a file; flags go before it. `sen2cor options --print` shows the form")
            .help_heading("Configuration");
        let mut command = command.arg(config);
        for topic in RawOptions::topics() {
            for row in &topic.rows {
                for arg in arguments(row) {
                    command = command.arg(arg.help_heading(topic.title));
                }
            }
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for OptionArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut given = Table::new();
        for row in RawOptions::topics().iter().flat_map(|topic| &topic.rows) {
            if let Some(value) = value(row, matches)? {
                given.insert(row.name.to_owned(), value);
            }
        }
        RawOptions::from_table(given.clone()).map_err(|problems| {
            let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            Error::raw(ErrorKind::ValueValidation, format!("{text}\n"))
        })?;
        Ok(Self { config: matches.get_one("config").cloned(), given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn is_on(row: &OptionRow) -> bool {
    row.default == Some(Value::Boolean(true))
}

/// The name of the flag that contradicts.
fn negation(row: &OptionRow) -> String {
    format!("no-{}", row.flag())
}

/// The arguments of an option. A flag has one that says yes and one that says no, of which help shows the one that
/// changes something.
fn arguments(row: &OptionRow) -> Vec<Arg> {
    let arg = Arg::new(row.name).long(row.flag()).help(help(row));
    let arg = match row.kind {
        OptionKind::Flag => {
            let no = Arg::new(negation(row)).long(negation(row)).action(ArgAction::SetTrue);
            let no = no.overrides_with(row.name).help(format!("Do not: {}", lower_first(&help(row))));
            let yes = arg.action(ArgAction::SetTrue).overrides_with(negation(row));
            return vec![yes.hide(is_on(row)), no.hide(!is_on(row))];
        }
        OptionKind::Number { .. } => arg.value_name("X").value_parser(value_parser!(f64)),
        OptionKind::Integer { .. } => arg.value_name("N").value_parser(value_parser!(i64)),
        OptionKind::Choice(words) => arg
            .value_name(words.join("|"))
            .value_parser(PossibleValuesParser::new(words))
            .hide_possible_values(true),
        OptionKind::Text(hint) => arg.value_name(hint),
        OptionKind::List(hint) => arg.value_name(hint).value_delimiter(',').action(ArgAction::Append),
        OptionKind::Table => arg.value_name("KEY=VALUE").action(ArgAction::Append),
    };
    // A number, or a box in the west, may begin with a minus.
    let is_number = matches!(row.kind, OptionKind::Number { .. } | OptionKind::Integer { .. });
    vec![arg.allow_hyphen_values(is_number || row.name == "roi")]
}

fn help(row: &OptionRow) -> String {
    row.description().trim_end_matches('.').to_owned()
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn value(row: &OptionRow, matches: &ArgMatches) -> Result<Option<Value>, Error> {
    Ok(match row.kind {
        OptionKind::Flag => {
            let yes = matches.get_flag(row.name).then_some(Value::Boolean(true));
            yes.or_else(|| matches.get_flag(&negation(row)).then_some(Value::Boolean(false)))
        }
        OptionKind::Number { .. } => matches.get_one::<f64>(row.name).copied().map(Value::Float),
        OptionKind::Integer { .. } => matches.get_one::<i64>(row.name).copied().map(Value::Integer),
        OptionKind::Choice(_) | OptionKind::Text(_) => {
            matches.get_one::<String>(row.name).cloned().map(Value::String)
        }
        OptionKind::List(_) => {
            let items = matches.get_many::<String>(row.name);
            items.map(|items| Value::Array(items.cloned().map(Value::String).collect()))
        }
        OptionKind::Table => table(row, matches)?,
    })
}

/// Each `KEY=VALUE` is a line of TOML; a key may have parts with dots between them.
fn table(row: &OptionRow, matches: &ArgMatches) -> Result<Option<Value>, Error> {
    let Some(items) = matches.get_many::<String>(row.name) else { return Ok(None) };
    let text = items.map(String::as_str).collect::<Vec<_>>().join("\n");
    let table = text.parse::<Table>().map_err(|_| {
        let mut error = Error::new(ErrorKind::ValueValidation);
        error.insert(ContextKind::InvalidArg, ContextValue::String(format!("--{} <KEY=VALUE>", row.flag())));
        error.insert(ContextKind::InvalidValue, ContextValue::String(text.clone()));
        error
    })?;
    Ok(Some(Value::Table(table)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<RawOptions, Error> {
        let command = OptionArguments::augment_args(Command::new("x").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments)?;
        Ok(OptionArguments::from_arg_matches(&matches)?.into_raw().unwrap())
    }

    #[test]
    fn every_kind_of_option_is_understood() {
        let arguments = "--boa-offset -1000 --no-verify --overwrite --ozone-du 300 --model physical \
                         --processing-baseline 05.11 --thresholds snow_ndsi.low=0.3 --thresholds cloud_high=0.7";
        let raw = parsed(&arguments.split_whitespace().collect::<Vec<_>>()).unwrap();
        assert_eq!((raw.product.boa_offset, raw.product.verify), (Some(-1000), Some(false)));
        assert_eq!((raw.product.overwrite, raw.atmosphere.ozone_du), (Some(true), Some(300.0)));
        let thresholds = raw.classification.thresholds.unwrap();
        assert_eq!(
            (thresholds.snow_ndsi.low, thresholds.snow_ndsi.high, thresholds.cloud_high),
            (0.3, 0.5, 0.7)
        );
        assert_eq!(raw.product.processing_baseline.unwrap().to_string(), "05.11");
    }

    #[test]
    fn the_last_of_two_contrary_flags_holds() {
        assert_eq!(parsed(&["--no-verify", "--verify"]).unwrap().product.verify, Some(true));
        assert_eq!(parsed(&["--overwrite", "--no-overwrite"]).unwrap().product.overwrite, Some(false));
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for arguments in [
            ["--ozone-du", "many"],
            ["--model", "best"],
            ["--processing-baseline", "new"],
            ["--thresholds", "none=1"],
            ["--thresholds", "a b"],
        ] {
            assert!(parsed(&arguments).is_err(), "{arguments:?}");
        }
    }
}
