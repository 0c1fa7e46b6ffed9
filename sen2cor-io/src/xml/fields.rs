//! Checked fields: numbers within a range, times, bands. What is wrong is reported with file, field, what was expected
//! and what was found.

use super::Element;
use crate::error::{Error, Result};
use jiff::Timestamp;
use sen2cor_core::sensor::Band;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

/// An element together with the file and the path that messages name.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    file: &'a Path,
    path: String,
    element: &'a Element,
}

impl<'a> Field<'a> {
    /// `path` is what messages call the element.
    pub(crate) fn new(file: &'a Path, path: impl Into<String>, element: &'a Element) -> Self {
        Self { file, path: path.into(), element }
    }

    /// The text, which must not be empty.
    pub(crate) fn text(&self) -> Result<String> {
        let text = self.element.text();
        if text.is_empty() { Err(self.wrong("text")) } else { Ok(text) }
    }

    /// The text as `T`.
    pub(crate) fn value<T: FromStr>(&self, expected: &str) -> Result<T> {
        self.element.text().parse().map_err(|_| self.wrong(expected))
    }

    /// A number within a range.
    pub(crate) fn number<T>(&self, range: RangeInclusive<T>) -> Result<T>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let expected = || format!("a number from {} to {}", range.start(), range.end());
        let value: T = self.element.text().parse().map_err(|_| self.wrong(&expected()))?;
        if range.contains(&value) { Ok(value) } else { Err(self.wrong(&expected())) }
    }

    /// A time in UTC; the text is kept as written, since it goes into the output unchanged.
    pub(crate) fn time(&self) -> Result<String> {
        let text = self.element.text();
        match text.parse::<Timestamp>() {
            Ok(_) => Ok(text),
            Err(_) => Err(self.wrong("a time such as 2020-01-31T10:20:30.456Z")),
        }
    }

    /// An attribute, which must be there.
    pub(crate) fn attribute(&self, name: &str) -> Result<&'a str> {
        self.element.attribute(name).ok_or_else(|| {
            Error::field(self.file, format!("{}@{name}", self.path), "an attribute", "nothing")
        })
    }

    /// The band that an attribute with a `bandId` names.
    pub(crate) fn band(&self, attribute: &str) -> Result<Band> {
        let text = self.attribute(attribute)?;
        text.parse().ok().and_then(Band::from_index).ok_or_else(|| {
            Error::field(
                self.file,
                format!("{}@{attribute}", self.path),
                "a band number from 0 to 12",
                quoted(text),
            )
        })
    }

    /// The error that this field holds something else than expected.
    pub(crate) fn wrong(&self, expected: &str) -> Error {
        Error::field(self.file, self.path.as_str(), expected, quoted(&self.element.text()))
    }
}

/// The element at `path` below the root of a document, which must be there; messages name the whole path.
pub(crate) fn required<'a>(file: &'a Path, root: &'a Element, path: impl Into<String>) -> Result<Field<'a>> {
    let path = path.into();
    let element = root.require(file, &path)?;
    Ok(Field::new(file, path, element))
}

/// The element at `path` if it is there.
pub(crate) fn optional<'a>(file: &'a Path, root: &'a Element, path: &str) -> Option<Field<'a>> {
    root.find(path).map(|element| Field::new(file, path, element))
}

/// One value for each of the thirteen bands from elements that carry the band's number in an attribute.
pub(crate) fn per_band<T: Copy>(
    list: (&Path, &Element, &str),
    (name, attribute): (&str, &str),
    read: impl Fn(Field<'_>) -> Result<T>,
) -> Result<[T; 13]> {
    let (file, parent, path) = list;
    let path = format!("{path}/{name}");
    let mut values = [None; 13];
    for element in parent.children_named(name) {
        let field = Field::new(file, path.as_str(), element);
        let band = field.band(attribute)?;
        if values[band.index()].replace(read(field)?).is_some() {
            return Err(Error::field(
                file,
                &path,
                "every band once",
                format!("band number {} twice", band.index()),
            ));
        }
    }
    let missing = values.iter().position(Option::is_none);
    let values: Vec<T> = values.into_iter().flatten().collect();
    values.try_into().map_err(|_| {
        Error::field(
            file,
            path,
            "all 13 bands",
            format!("none for band number {}", missing.unwrap_or_default()),
        )
    })
}

/// The version of the Product Specification Document that the namespace of the root names, e.g. 14 in
/// `https://psd-14.sentinel2.eo.esa.int/PSD/...`.
pub(crate) fn psd_version(file: &Path, root: &Element) -> Result<u32> {
    let prefix = root.name.split_once(':').map(|(prefix, _)| format!("xmlns:{prefix}"));
    let namespace = root
        .attributes
        .iter()
        .find(|(name, _)| prefix.as_deref().map_or(name == "xmlns", |prefix| name == prefix))
        .map_or("", |(_, value)| value.as_str());
    let digits = namespace.split_once("://psd-").map_or("", |(_, rest)| rest);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).unwrap_or_default().parse().map_err(|_| {
        Error::field(
            file,
            format!("namespace of {}", root.name),
            "https://psd-NN.sentinel2.eo.esa.int/...",
            quoted(namespace),
        )
    })
}

/// Refuses a document with another root element.
pub(crate) fn expect_root(file: &Path, document: &Element, name: &str) -> Result<()> {
    if document.local_name() == name {
        Ok(())
    } else {
        Err(Error::field(file, "root element", name, quoted(document.local_name())))
    }
}

/// A text for messages, cut to a length that fits there.
pub(crate) fn quoted(text: &str) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        format!("{:?}", text.chars().take(60).collect::<String>())
    }
}
