//! The original's parameter files (`L2A_GIPP.xml` and its companions) as options of this program.
//!
//! Every parameter is known by name. What it asks for is set where there is an option for it, needs nothing where it is what
//! happens anyway, and is reported as not honoured otherwise.

mod rows;

use crate::error::{Error, Result};
use crate::options::RawOptions;
use crate::options::define::{OptionKind, OptionRow};
use rows::{BASELINE, CLASSIFICATION, CORRECTION, Convert, Row, USER};
use sen2cor_io::bytes::FileSource;
use sen2cor_io::xml::Element;
use std::path::Path;
use toml::{Table, Value};

/// A parameter that has no effect here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotHonoured {
    /// Its name.
    pub parameter: String,
    /// What it asked for.
    pub value: String,
    /// Why it has no effect.
    pub reason: &'static str,
}

/// Why a parameter without a described effect is refused.
const NOT_USED: &str = "not used by this processor";

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gipp {
    /// The options that follow from them, for [`RawOptions::from_table`].
    pub options: Table,
    /// `Log_Level`.
    pub log_level: Option<String>,
    /// `Nr_Threads`, if it is a number.
    pub threads: Option<usize>,
    /// What has no effect.
    pub not_honoured: Vec<NotHonoured>,
}

impl Gipp {
    /// Adds what a file says; which of the four files it is tells its root element.
    ///
    /// # Errors
    /// If it cannot be read, or is another file.
    pub fn read(&mut self, path: &Path) -> Result<()> {
        let source = FileSource::open(path).map_err(Error::input)?;
        let root = Element::read(&source).map_err(Error::input)?;
        let rows = match root.local_name() {
            "Level-2A_Ground_Image_Processing_Parameter" => USER,
            "Level-2A_CAL_SC_Ground_Image_Processing_Parameter" => CLASSIFICATION,
            "Level-2A_CAL_AC_Ground_Image_Processing_Parameter" => CORRECTION,
            name if name.contains("PB_") || root.find_anywhere("Baseline_Version").is_some() => BASELINE,
            name => {
                let reason = format!("<{name}> is no parameter file of Sen2Cor");
                return Err(Error::InputContent { path: path.to_owned(), reason });
            }
        };
        let known: Vec<OptionRow> = RawOptions::topics().into_iter().flat_map(|topic| topic.rows).collect();
        self.walk(&root, rows, &known);
        self.settle_visibility();
        Ok(())
    }

    /// Reports a parameter that has no effect.
    pub fn reject(&mut self, parameter: &str, value: &str, reason: &'static str) {
        let (parameter, value) = (parameter.to_owned(), value.to_owned());
        self.not_honoured.push(NotHonoured { parameter, value, reason });
    }

    fn walk(&mut self, element: &Element, rows: &[Row], known: &[OptionRow]) {
        for child in element.children() {
            if child.children().next().is_some() {
                self.walk(child, rows, known);
            } else {
                self.take(child.local_name(), child.text().trim(), rows, known);
            }
        }
    }

    fn take(&mut self, name: &str, value: &str, rows: &[Row], known: &[OptionRow]) {
        match name {
            "Log_Level" => self.log_level = Some(value.to_owned()),
            "Nr_Threads" => self.threads = value.parse().ok(),
            _ => {}
        }
        let Some(row) = rows.iter().find(|row| row.name == name) else {
            return self.reject(name, value, "not known");
        };
        let option = row.option.and_then(|(option, convert)| Some((option, convert, find(option, known)?)));
        let Some((option, convert, known)) = option else {
            if !is_same(value, row.same) {
                self.reject(name, value, NOT_USED);
            }
            return;
        };
        match converted(value, convert, known) {
            Ok(Some(value)) => set(&mut self.options, option, value),
            Ok(None) => {}
            Err(Unsupported) if is_same(value, row.same) => {}
            Err(Unsupported) => self.reject(name, value, "this value is not supported"),
        }
    }

    /// The visibility holds everywhere if the aerosol is not retrieved; else it is where the retrieval begins, which is
    /// 40 km here.
    fn settle_visibility(&mut self) {
        let retrieval = self.options.get("aerosol_retrieval") != Some(&Value::Boolean(false));
        let can_retrieve = self.options.contains_key("aerosol_retrieval");
        if !(retrieval && can_retrieve) {
            return;
        }
        if let Some(value) = self.options.remove("visibility_km").filter(|v| v.as_float() != Some(40.0)) {
            self.reject("Visibility", &value.to_string(), "the retrieval of aerosol begins at 40 km");
        }
    }
}

/// The option of this name; a name with dots is that of a part of a table, which must exist.
fn find<'a>(option: &str, known: &'a [OptionRow]) -> Option<&'a OptionRow> {
    let mut parts = option.split('.');
    let first = parts.next()?;
    let row = known.iter().find(|row| row.name == first)?;
    let mut part = row.default.as_ref();
    for name in parts {
        part = Some(part?.get(name)?);
    }
    Some(row)
}

/// A text that cannot be honoured.
struct Unsupported;

/// The value of the option; `None` if the option shall not be given.
fn converted(
    text: &str,
    convert: Convert,
    row: &OptionRow,
) -> std::result::Result<Option<Value>, Unsupported> {
    let flag = || match text.to_ascii_uppercase().as_str() {
        "TRUE" => Ok(true),
        "FALSE" => Ok(false),
        _ => Err(Unsupported),
    };
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or(Unsupported);
    let is_integer = matches!(row.kind, OptionKind::Integer { .. });
    let value = |number: f64| if is_integer { Value::Integer(number as i64) } else { Value::Float(number) };
    Ok(match convert {
        Convert::Number => Some(value(number()?)),
        Convert::NumberUnless(none) => Some(number()?).filter(|number| *number != none).map(value),
        Convert::Flag => Some(Value::Boolean(flag()?)),
        Convert::NotFlag => Some(Value::Boolean(!flag()?)),
        Convert::Switch { no, yes } if [no, yes].contains(&text) => Some(Value::Boolean(text == yes)),
        Convert::Switch { .. } => return Err(Unsupported),
        Convert::Text => Some(Value::String(text.to_owned())),
        Convert::Path => (!text.eq_ignore_ascii_case("NONE")).then(|| Value::String(text.to_owned())),
        Convert::Words(words) => {
            let found = words.iter().find(|(from, _)| from.eq_ignore_ascii_case(text));
            let (_, word) = found.ok_or(Unsupported)?;
            match row.kind {
                OptionKind::Choice(choices) if !word.is_empty() && !choices.contains(word) => {
                    return Err(Unsupported);
                }
                _ => (!word.is_empty()).then(|| Value::String((*word).to_owned())),
            }
        }
    })
}

/// Whether a value is one of those for which nothing needs to be done; numbers are compared as such.
fn is_same(value: &str, same: &[&str]) -> bool {
    same.iter().any(|same| {
        let numbers = (same.parse::<f64>(), value.parse::<f64>());
        *same == "*" || same.eq_ignore_ascii_case(value) || matches!(numbers, (Ok(a), Ok(b)) if a == b)
    })
}

/// Sets an option, or a part of a table.
fn set(table: &mut Table, option: &str, value: Value) {
    match option.split_once('.') {
        None => {
            table.insert(option.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(texts: &[&str]) -> Gipp {
        let folder = tempfile::tempdir().unwrap();
        let mut gipp = Gipp::default();
        for text in texts {
            let path = folder.path().join("GIPP.xml");
            fs::write(&path, text).unwrap();
            gipp.read(&path).unwrap();
        }
        gipp
    }

    fn user(content: &str) -> String {
        let root = "Level-2A_Ground_Image_Processing_Parameter";
        format!("<{root}><Common_Section>{content}</Common_Section></{root}>")
    }

    #[test]
    fn parameters_become_options_or_are_reported() {
        let gipp = read(&[
            &user(
                "<Aerosol_Type>MARITIME</Aerosol_Type><Ozone_Content>370</Ozone_Content><Altitude>0.5</Altitude>\
                 <Log_Level>DEBUG</Log_Level><Nr_Threads>3</Nr_Threads><WV_Correction>4</WV_Correction>\
                 <DEM_Reference>http://somewhere</DEM_Reference><New_One>7</New_One>",
            ),
            "<Level-2A_CAL_SC_Ground_Image_Processing_Parameter><Thresholds><T1_NDSI_SNW>0.3</T1_NDSI_SNW>\
             <T_SDW>0.75</T_SDW></Thresholds></Level-2A_CAL_SC_Ground_Image_Processing_Parameter>",
        ]);
        assert_eq!(gipp.options["aerosol"].as_str(), Some("maritime"));
        assert_eq!(gipp.options["ozone_du"].as_float(), Some(370.0));
        assert_eq!(gipp.options["thresholds"]["snow_ndsi"]["low"].as_float(), Some(0.3));
        assert_eq!((gipp.log_level.as_deref(), gipp.threads), (Some("DEBUG"), Some(3)));
        let names: Vec<_> = gipp.not_honoured.iter().map(|n| n.parameter.as_str()).collect();
        assert_eq!(names, ["WV_Correction", "DEM_Reference", "New_One"]);
        assert!(RawOptions::from_table(gipp.options).is_ok());
    }

    #[test]
    fn defaults_need_nothing() {
        let gipp = read(&[&user(
            "<Ozone_Content>0</Ozone_Content><Mid_Latitude>AUTO</Mid_Latitude><DEM_Directory>NONE</DEM_Directory>\
             <Smooth_WV_Map>100.0</Smooth_WV_Map><Cirrus_Correction>FALSE</Cirrus_Correction>",
        )]);
        assert_eq!(gipp.not_honoured, []);
        assert!(!gipp.options.contains_key("ozone_du"));
    }

    /// All parameters of all files: what is the default needs nothing, an option takes its values and refuses those out of its
    /// range, and what has no effect is refused unless it stands at its default.
    #[test]
    fn no_parameter_is_read_and_ignored() {
        let known: Vec<OptionRow> = RawOptions::topics().into_iter().flat_map(|topic| topic.rows).collect();
        let take = |row: &Row, value: &str| {
            let mut gipp = Gipp::default();
            gipp.take(row.name, value, std::slice::from_ref(row), &known);
            gipp
        };
        for row in [USER, CLASSIFICATION, CORRECTION, BASELINE].into_iter().flatten() {
            let name = row.name;
            for value in row.same.iter().filter(|value| **value != "*") {
                assert_eq!(take(row, value).not_honoured, [], "{name} {value}");
            }
            let found =
                row.option.and_then(|(option, convert)| Some((option, convert, find(option, &known)?)));
            let Some((option, convert, known)) = found else {
                let refused = take(row, "12345.6").not_honoured;
                assert_eq!(refused.is_empty(), row.same == ["*"], "{name} has no option");
                assert!(refused.iter().all(|n| n.reason == NOT_USED), "{name}: {refused:?}");
                continue;
            };
            if let (Convert::Number, OptionKind::Number { low, high, .. }, false) =
                (convert, known.kind, option.contains('.'))
            {
                let checked = |value: f64| {
                    let gipp = take(row, &value.to_string());
                    assert!(gipp.options.contains_key(option), "{name} {value}");
                    let mut table = gipp.options;
                    // The highest ground is that of model physical.
                    table.insert("model".to_owned(), Value::String("physical".to_owned()));
                    // Thresholds in a row must not fall, so all of them are given.
                    for other in ["dark_swir_upper_1", "dark_swir_upper_2", "dark_swir_upper_3"] {
                        if option.starts_with("dark_swir_upper") {
                            table.insert(other.to_owned(), Value::Float(value));
                        }
                    }
                    crate::Options::try_from(RawOptions::from_table(table).unwrap())
                };
                for (value, fits) in [(low, true), (high, true), (high + 1.0, false), (low - 1.0, false)] {
                    assert_eq!(checked(value).is_ok(), fits, "{name} {value}: {:?}", checked(value).err());
                }
            }
        }
    }

    /// Defaults of the parameter files of release 2.8 are the defaults of the options.
    #[test]
    fn defaults_are_those_of_the_original() {
        let known: Vec<OptionRow> = RawOptions::topics().into_iter().flat_map(|topic| topic.rows).collect();
        for row in [USER, CORRECTION].into_iter().flatten() {
            let [default] = row.same else { continue };
            let Some((option, convert)) = row.option else { continue };
            let Some(known) = find(option, &known) else { continue };
            let Ok(Some(value)) = converted(default, convert, known) else { continue };
            let same = match (&value, &known.default) {
                (Value::Float(a), Some(Value::Float(b))) => (a - b).abs() < 1e-12,
                (value, default) => default.as_ref() == Some(value),
            };
            assert!(same, "{}: {value} is not {:?}", row.name, known.default);
        }
    }

    #[test]
    fn images_on_request_are_options() {
        let gipp = read(&[&user(
            "<Generate_DEM_Output>TRUE</Generate_DEM_Output><Generate_TCI_Output>FALSE</Generate_TCI_Output>\
             <Downsample_20_to_60>FALSE</Downsample_20_to_60>",
        )]);
        assert_eq!(gipp.not_honoured, []);
        let product = RawOptions::from_table(gipp.options).unwrap().product;
        assert_eq!(
            (product.dem_output, product.tci_output, product.downsample_20_to_60),
            (Some(true), Some(false), Some(false))
        );
    }

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.xml");
        fs::write(&path, "<Other/>").unwrap();
        assert!(Gipp::default().read(&path).is_err());
    }

    /// The parameter files of a real product.
    #[test]
    fn real_files_are_read() {
        let data = std::env::var_os("SEN2COR_TEST_DATA").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
            std::path::PathBuf::from,
        );
        let product = "S2B_MSIL2A_20230122T231849_N0400_R087_T01UBT_20230124T042703.SAFE";
        let folder = data.join("metadata/L2A").join(product).join("rep_info");
        if !folder.is_dir() {
            eprintln!("skipped: {} is not there", folder.display());
            return;
        }
        let mut gipp = Gipp::default();
        for file in ["L2A_GIPP.xml", "L2A_CAL_SC_GIPP.xml", "L2A_CAL_AC_GIPP.xml"] {
            gipp.read(&folder.join(file)).unwrap();
        }
        assert!(gipp.not_honoured.iter().all(|n| n.reason != "not known"), "{:?}", gipp.not_honoured);
        let thresholds = RawOptions::from_table(gipp.options).unwrap().classification.thresholds.unwrap();
        assert_eq!(thresholds, sen2cor_core::classify::Thresholds::default());
    }
}
