//! Options as text: configuration files in TOML, and the JSON schema of such files.

use super::define::{OptionKind, OptionRow};
use super::{InvalidOption, RawOptions};
use sen2cor_core::reflectance::Model;
use serde_json::{Map, Value as Json, json};
use std::fmt::Write as _;
use std::path::Path;
use toml::{Table, Value};

/// Options of which one replaces the other where it stands above it.
const EXCLUSIVE: [[&str; 2]; 1] = [["aot_550", "visibility_km"]];

impl RawOptions {
    /// Reads options from a table, such as a configuration file holds. Names may be written with `-` or `_`.
    ///
    /// # Errors
    /// Options that do not exist, and values of another kind.
    pub fn from_table(table: Table) -> Result<Self, Vec<InvalidOption>> {
        let rows = all_rows();
        let mut problems = Vec::new();
        let mut complete = Table::new();
        for (name, value) in table {
            let name = name.replace('-', "_");
            let Some(row) = rows.iter().find(|row| row.name == name) else {
                problems.push(unreadable(format!("there is no option {name:?}")));
                continue;
            };
            let value = with_defaults(row, value);
            // One by one, so that a message can name the option.
            let mut alone = Table::new();
            alone.insert(name.clone(), value.clone());
            match alone.try_into::<Self>() {
                Ok(_) => {
                    complete.insert(name, value);
                }
                Err(error) => problems.push(unreadable(format!("{}: {}", row.flag(), error.message()))),
            }
        }
        if problems.is_empty() {
            complete.try_into().map_err(|e: toml::de::Error| vec![unreadable(e.message().to_owned())])
        } else {
            Err(problems)
        }
    }

    /// Reads a configuration file in TOML.
    ///
    /// # Errors
    /// If it cannot be read, is no TOML, or holds what [`RawOptions::from_table`] refuses.
    pub fn read_toml_file(path: &Path) -> Result<Table, Vec<InvalidOption>> {
        let problem = |reason: String| vec![InvalidOption::File { path: path.to_owned(), reason }];
        let text = std::fs::read_to_string(path).map_err(|e| problem(e.to_string()))?;
        let table: Table = text.parse().map_err(|e: toml::de::Error| problem(e.to_string()))?;
        Self::from_table(table.clone()).map_err(|problems| {
            let in_file =
                |p: InvalidOption| InvalidOption::File { path: path.to_owned(), reason: p.to_string() };
            problems.into_iter().map(in_file).collect::<Vec<_>>()
        })?;
        Ok(table.into_iter().map(|(name, value)| (name.replace('-', "_"), value)).collect())
    }

    /// Puts the options of one table over those of another; tables within them are joined.
    pub fn join_tables(upper: Table, mut lower: Table) -> Table {
        for group in EXCLUSIVE {
            if group.iter().any(|name| upper.contains_key(*name)) {
                lower.retain(|name, _| !group.contains(&name));
            }
        }
        join(upper, lower)
    }

    /// What is given, as a table.
    pub fn to_table(&self) -> Table {
        Table::try_from(self).unwrap_or_default()
    }

    /// What holds when the defaults are filled in, as a configuration file that explains itself. Options that depend on
    /// the input stand there as comments.
    pub fn to_toml(&self) -> String {
        let mut text = "# Options of sen2cor. Flags of the command line go before this file.\n".to_owned();
        let mut tables = String::new();
        let values = self.clone().over(Self::defaults()).to_table();
        for topic in Self::topics() {
            let _ = write!(text, "\n# {}\n", topic.title);
            for row in &topic.rows {
                let place = if row.kind == OptionKind::Table { &mut tables } else { &mut text };
                let _ = write!(place, "\n{}", comment(&row.description()));
                let _ = match values.get(row.name) {
                    Some(Value::Table(table)) => write!(place, "[{}]\n{}", row.name, Rounded(table)),
                    Some(value) if !is_replaced(row.name, self) => writeln!(place, "{} = {value}", row.name),
                    _ => writeln!(place, "# {} =", row.name),
                };
            }
        }
        text + &tables
    }

    /// The JSON schema of configuration files.
    pub fn json_schema() -> Json {
        let mut properties = Map::new();
        for topic in Self::topics() {
            for row in &topic.rows {
                properties.insert(row.name.to_owned(), row_schema(row, topic.title));
            }
        }
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Options of sen2cor",
            "type": "object",
            "additionalProperties": false,
            "properties": properties,
        })
    }
}

fn all_rows() -> Vec<OptionRow> {
    RawOptions::topics().into_iter().flat_map(|topic| topic.rows).collect()
}

fn unreadable(reason: String) -> InvalidOption {
    InvalidOption::Unreadable { reason }
}

/// Whether the default of an option would contradict what is given.
fn is_replaced(name: &str, given: &RawOptions) -> bool {
    let atmosphere = &given.atmosphere;
    match name {
        "visibility_km" => atmosphere.aot_550.is_some(),
        "spherical_albedo_reference" => atmosphere.model == Some(Model::Physical),
        _ => false,
    }
}

/// A table that is given in part is completed from its defaults; integers become floats where those are meant.
fn with_defaults(row: &OptionRow, value: Value) -> Value {
    match (row.kind, &row.default, value) {
        (OptionKind::Table, Some(Value::Table(defaults)), Value::Table(given)) => {
            Value::Table(join(given, defaults.clone()))
        }
        (OptionKind::Number { .. }, _, Value::Integer(number)) => Value::Float(number as f64),
        (_, _, value) => value,
    }
}

fn join(upper: Table, mut lower: Table) -> Table {
    for (name, value) in upper {
        let value = match (value, lower.remove(&name)) {
            (Value::Table(above), Some(Value::Table(below))) => Value::Table(join(above, below)),
            (Value::Integer(number), Some(Value::Float(_))) => Value::Float(number as f64),
            (value, _) => value,
        };
        lower.insert(name, value);
    }
    lower
}

fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        if width == 0 || width + word.len() > 100 {
            lines.push_str(if width == 0 { "#" } else { "\n#" });
            width = 1;
        }
        let _ = write!(lines, " {word}");
        width += word.len() + 1;
    }
    lines + "\n"
}

/// A table whose numbers came from f32 and are written as short as they were meant.
struct Rounded<'a>(&'a Table);

impl std::fmt::Display for Rounded<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, value) in self.0 {
            writeln!(f, "{name} = {}", RoundedValue(value))?;
        }
        Ok(())
    }
}

struct RoundedValue<'a>(&'a Value);

impl std::fmt::Display for RoundedValue<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Value::Float(number) => write!(f, "{:?}", *number as f32),
            Value::Table(table) => {
                let items = table.iter().map(|(name, value)| format!("{name} = {}", Self(value)));
                write!(f, "{{ {} }}", items.collect::<Vec<_>>().join(", "))
            }
            other => write!(f, "{other}"),
        }
    }
}

fn row_schema(row: &OptionRow, topic: &str) -> Json {
    let mut schema = match row.kind {
        OptionKind::Flag => json!({"type": "boolean"}),
        OptionKind::Number { low, high, unit } => bounded("number", &json!(low), &json!(high), unit),
        OptionKind::Integer { low, high, unit } => bounded("integer", &json!(low), &json!(high), unit),
        OptionKind::Choice(words) => json!({"type": "string", "enum": words}),
        OptionKind::Text(hint) => json!({"type": "string", "x-form": hint}),
        OptionKind::List(hint) => json!({"type": "array", "items": {"type": "string", "x-form": hint}}),
        OptionKind::Table => match &row.default {
            Some(default) => shape(default),
            None => json!({"type": "object"}),
        },
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(row.description()));
        schema.insert("x-topic".to_owned(), json!(topic));
        if let Some(default) = row.default.as_ref().filter(|_| row.kind != OptionKind::Table) {
            schema.insert("default".to_owned(), json!(default));
        }
    }
    schema
}

fn bounded(kind: &str, low: &Json, high: &Json, unit: &str) -> Json {
    let mut schema = json!({"type": kind, "minimum": low, "maximum": high});
    if let Some(schema) = schema.as_object_mut().filter(|_| !unit.is_empty()) {
        schema.insert("x-unit".to_owned(), json!(unit));
    }
    schema
}

/// The schema of a table, told by its default.
fn shape(value: &Value) -> Json {
    match value {
        Value::Table(table) => {
            let properties: Map<String, Json> =
                table.iter().map(|(name, v)| (name.clone(), shape(v))).collect();
            json!({"type": "object", "additionalProperties": false, "properties": properties})
        }
        Value::Boolean(default) => json!({"type": "boolean", "default": default}),
        Value::Integer(default) => json!({"type": "integer", "default": default}),
        Value::Float(default) => json!({"type": "number", "default": short(*default)}),
        other => json!({"default": other}),
    }
}

/// An f32 in f64 with the digits that were meant.
fn short(number: f64) -> f64 {
    format!("{:?}", number as f32).parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_printed_reads_as_the_defaults() {
        let text = RawOptions::default().to_toml();
        let read = RawOptions::from_table(table(&text)).unwrap();
        assert_eq!(Options::try_from(read), Ok(Options::default()), "{text}");
    }

    #[test]
    fn what_is_given_is_printed() {
        let given =
            RawOptions::from_table(table("aot-550 = 1\nmodel = \"physical\"\nthresholds.dark_b04_max = 0.2"))
                .unwrap();
        let text = given.to_toml();
        let read = RawOptions::from_table(table(&text)).unwrap();
        assert_eq!(Options::try_from(read).unwrap(), Options::try_from(given).unwrap(), "{text}");
        assert!(text.contains("\naot_550 = 1.0\n") && text.contains("\ndark_b04_max = 0.2\n"), "{text}");
    }

    #[test]
    fn a_table_is_completed_from_its_defaults() {
        let raw = RawOptions::from_table(table("thresholds.snow_ndsi.low = 0.3")).unwrap();
        let thresholds = raw.classification.thresholds.unwrap();
        assert_eq!((thresholds.snow_ndsi.low, thresholds.snow_ndsi.high), (0.3, 0.5));
    }

    #[test]
    fn unknown_options_and_other_kinds_are_named_all_at_once() {
        let text = "ozone = 3\nmodel = \"best\"\nozone_du = \"many\"\nthresholds.none = 1.0";
        let problems = RawOptions::from_table(table(text)).unwrap_err();
        let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(problems.len(), 4, "{text}");
        assert!(
            text.contains("there is no option \"ozone\"") && text.contains("model: unknown variant"),
            "{text}"
        );
    }

    #[test]
    fn flags_go_over_a_file_and_exclude_their_like() {
        let file = table("aot_550 = 0.2\nozone_du = 300.0\n[thresholds]\ndark_b04_max = 0.2");
        let flags = table("visibility_km = 23.0\nthresholds.cloud_high = 0.7");
        let both = RawOptions::join_tables(flags, file);
        assert_eq!(both.len(), 3);
        assert!(!both.contains_key("aot_550"));
        assert_eq!(both["thresholds"].as_table().unwrap().len(), 2);
    }

    #[test]
    fn every_choice_is_understood_and_every_default_is_in_its_range() {
        for row in all_rows() {
            if let OptionKind::Choice(words) = row.kind {
                for word in words {
                    let mut alone = Table::new();
                    alone.insert(row.name.to_owned(), Value::String((*word).to_owned()));
                    assert!(RawOptions::from_table(alone).is_ok(), "{} {word}", row.name);
                }
            }
        }
        assert_eq!(Options::try_from(RawOptions::defaults()), Ok(Options::default()));
    }

    #[test]
    fn the_schema_knows_every_option() {
        let schema = RawOptions::json_schema();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), all_rows().len());
        assert_eq!(properties["ozone_du"]["maximum"], 600.0);
        assert_eq!(properties["thresholds"]["properties"]["cloud_b04"]["properties"]["low"]["default"], 0.06);
    }
}
