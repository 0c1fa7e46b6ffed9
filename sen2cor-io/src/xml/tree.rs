//! A small XML tree on top of quick-xml.
//!
//! Metadata files are read whole, asked for fields by path, changed and written again. Names keep their prefix
//! (`n1:General_Info`); lookups compare the local name, since prefixes differ between producers. Comments and
//! processing instructions are dropped.

use crate::bytes::ByteSource;
use crate::error::{Error, Result};
use crate::limits;
use quick_xml::Reader;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::path::Path;
use std::str::FromStr;

/// Deepest nesting that is read; real metadata have fewer than 20 levels.
const MAX_DEPTH: usize = 64;

/// What an element contains.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Text, unescaped.
    Text(String),
}

/// An element with its attributes and children.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Name with prefix, as written.
    pub name: String,
    /// Attributes in their order, unescaped; namespace declarations are among them.
    pub attributes: Vec<(String, String)>,
    /// Children in their order. Text that is only white space between elements is dropped.
    pub nodes: Vec<Node>,
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

impl Element {
    /// An empty element.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), attributes: Vec::new(), nodes: Vec::new() }
    }

    /// An element with text.
    pub fn text_element(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { nodes: vec![Node::Text(text.into())], ..Self::new(name) }
    }

    /// The same element with one more attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set_attribute(name, value);
        self
    }

    /// The same element with one more child.
    #[must_use]
    pub fn with(mut self, child: Self) -> Self {
        self.push(child);
        self
    }

    /// Appends a child.
    pub fn push(&mut self, child: Self) {
        self.nodes.push(Node::Element(child));
    }

    /// Sets or replaces an attribute.
    pub fn set_attribute(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.attributes.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name.to_owned(), value)),
        }
    }

    /// Name without prefix.
    pub fn local_name(&self) -> &str {
        local(&self.name)
    }

    /// An attribute, found by its local name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| local(n) == name).map(|(_, v)| v.as_str())
    }

    /// All child elements.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(e) => Some(e),
            Node::Text(_) => None,
        })
    }

    /// All child elements, to be changed.
    pub fn children_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        self.nodes.iter_mut().filter_map(|node| match node {
            Node::Element(e) => Some(e),
            Node::Text(_) => None,
        })
    }

    /// Child elements of this local name.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children().filter(move |e| e.local_name() == name)
    }

    /// The element at a path of local names below this one, e.g. `General_Info/Product_Info/PRODUCT_URI`; the first
    /// of equal names at each step.
    pub fn find(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |e, name| e.children().find(|c| c.local_name() == name))
    }

    /// As [`Element::find`], to be changed.
    pub fn find_mut(&mut self, path: &str) -> Option<&mut Self> {
        path.split('/').try_fold(self, |e, name| e.children_mut().find(|c| c.local_name() == name))
    }

    /// The first element of this local name anywhere below (depth first, document order).
    pub fn find_anywhere(&self, name: &str) -> Option<&Self> {
        self.children().find_map(|c| if c.local_name() == name { Some(c) } else { c.find_anywhere(name) })
    }

    /// As [`Element::find_anywhere`], to be changed.
    pub fn find_anywhere_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.children_mut()
            .find_map(|c| if c.local_name() == name { Some(c) } else { c.find_anywhere_mut(name) })
    }

    /// All elements of this local name below, in document order.
    pub fn find_all<'a>(&'a self, name: &str) -> Vec<&'a Self> {
        let mut found = Vec::new();
        for child in self.children() {
            if child.local_name() == name {
                found.push(child);
            }
            found.extend(child.find_all(name));
        }
        found
    }

    /// The text of the element itself, trimmed.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            if let Node::Text(t) = node {
                text.push_str(t);
            }
        }
        text.trim().to_owned()
    }

    /// Replaces all content by text.
    pub fn set_text(&mut self, text: impl Into<String>) {
        self.nodes = vec![Node::Text(text.into())];
    }

    /// The element at `path`, which must be there.
    ///
    /// # Errors
    /// [`Error::Field`] with the path if it is absent.
    pub fn require(&self, file: &Path, path: &str) -> Result<&Self> {
        self.find(path).ok_or_else(|| {
            Error::field(file, format!("{}/{path}", self.local_name()), "an element", "nothing")
        })
    }

    /// The text at `path`, which must be there and not be empty.
    ///
    /// # Errors
    /// [`Error::Field`] with the path.
    pub fn require_text(&self, file: &Path, path: &str) -> Result<String> {
        let text = self.require(file, path)?.text();
        if text.is_empty() {
            return Err(Error::field(file, format!("{}/{path}", self.local_name()), "text", "nothing"));
        }
        Ok(text)
    }

    /// The value at `path` as `T`; `expected` says in words what belongs there, e.g. "a number".
    ///
    /// # Errors
    /// [`Error::Field`] with the path, what was expected and what was found.
    pub fn require_value<T: FromStr>(&self, file: &Path, path: &str, expected: &str) -> Result<T> {
        self.require(file, path)?.value(file, expected).map_err(|error| match error {
            Error::Field { file, expected, found, .. } => {
                Error::Field { file, field: format!("{}/{path}", self.local_name()), expected, found }
            }
            other => other,
        })
    }

    /// The element's own text as `T`.
    ///
    /// # Errors
    /// [`Error::Field`] with the element's name, what was expected and what was found.
    pub fn value<T: FromStr>(&self, file: &Path, expected: &str) -> Result<T> {
        let text = self.text();
        text.parse().map_err(|_| Error::field(file, self.local_name(), expected, quoted(&text)))
    }

    /// Reads a document. `file` is what messages call it.
    ///
    /// # Errors
    /// [`Error::Xml`] if the document is damaged or cut.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self> {
        parse(file, bytes)
    }

    /// Reads a document from a source.
    ///
    /// # Errors
    /// If it is too large, cannot be read or is damaged.
    pub fn read(source: &dyn ByteSource) -> Result<Self> {
        if source.len() > limits::MAX_XML_BYTES {
            return Err(Error::Format {
                file: source.path().to_owned(),
                reason: format!("{} bytes are more than an XML file may have", source.len()),
            });
        }
        parse(source.path(), &source.read_range(0, source.len())?)
    }

    /// The whole document as text, indented by four spaces, with the XML declaration.
    pub fn to_document(&self) -> String {
        let mut writer = quick_xml::Writer::new_with_indent(Vec::new(), b' ', 4);
        // Writing into memory cannot fail.
        let _ = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        write_element(&mut writer, self);
        let mut text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
        text.push('\n');
        text
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        format!("{:?}", text.chars().take(60).collect::<String>())
    }
}

fn write_element(writer: &mut quick_xml::Writer<Vec<u8>>, element: &Element) {
    let mut start = BytesStart::new(element.name.as_str());
    for (name, value) in &element.attributes {
        start.push_attribute((name.as_str(), value.as_str()));
    }
    if element.nodes.is_empty() {
        let _ = writer.write_event(Event::Empty(start));
        return;
    }
    let _ = writer.write_event(Event::Start(start));
    for node in &element.nodes {
        match node {
            Node::Element(child) => write_element(writer, child),
            Node::Text(text) => {
                let _ = writer.write_event(Event::Text(BytesText::new(text)));
            }
        }
    }
    let _ = writer.write_event(Event::End(BytesEnd::new(element.name.as_str())));
}

struct Builder<'a> {
    file: &'a Path,
    open: Vec<Element>,
    root: Option<Element>,
}

impl Builder<'_> {
    fn damaged(&self, offset: u64, reason: &dyn ToString) -> Error {
        Error::Xml { file: self.file.to_owned(), offset, reason: reason.to_string() }
    }

    fn start(&mut self, tag: &BytesStart<'_>, offset: u64) -> Result<Element> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.damaged(offset, &format!("elements nested deeper than {MAX_DEPTH}")));
        }
        let mut element = Element::new(tag.name().as_ref());
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|e| self.damaged(offset, &e))?;
            let value =
                quick_xml::escape::unescape(&attribute.value).map_err(|e| self.damaged(offset, &e))?;
            let name: &str = attribute.key.as_ref();
            element.attributes.push((name.to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    fn close(&mut self, mut element: Element) {
        if element.nodes.iter().any(|n| matches!(n, Node::Element(_))) {
            element.nodes.retain(|n| !matches!(n, Node::Text(t) if t.trim().is_empty()));
        }
        // Most elements hold one text, for which a growing list takes the room of four.
        element.nodes.shrink_to_fit();
        element.attributes.shrink_to_fit();
        match self.open.last_mut() {
            Some(parent) => parent.nodes.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(parent) = self.open.last_mut() {
            match parent.nodes.last_mut() {
                Some(Node::Text(before)) => before.push_str(text),
                _ => parent.nodes.push(Node::Text(text.to_owned())),
            }
        }
    }
}

fn parse(file: &Path, bytes: &[u8]) -> Result<Element> {
    let mut reader = Reader::from_reader(bytes);
    let mut builder = Builder { file, open: Vec::new(), root: None };
    loop {
        let event = reader.read_event();
        let offset = reader.buffer_position();
        match event.map_err(|e| builder.damaged(offset, &e))? {
            Event::Start(tag) => {
                let element = builder.start(&tag, offset)?;
                builder.open.push(element);
            }
            Event::Empty(tag) => {
                let element = builder.start(&tag, offset)?;
                builder.close(element);
            }
            Event::End(_) => {
                if let Some(element) = builder.open.pop() {
                    builder.close(element);
                }
            }
            Event::Text(text) => builder.text(&text.xml10_content()),
            Event::CData(data) => builder.text(&data.xml10_content()),
            Event::GeneralRef(name) => {
                let entity = format!("&{};", &*name);
                let text = quick_xml::escape::unescape(&entity).map_err(|e| builder.damaged(offset, &e))?;
                builder.text(&text);
            }
            Event::Eof => break,
            Event::Decl(_) | Event::DocType(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    if let Some(open) = builder.open.last() {
        return Err(builder.damaged(bytes.len() as u64, &format!("ends inside <{}>", open.name)));
    }
    builder.root.take().ok_or_else(|| builder.damaged(bytes.len() as u64, &"no element at all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"<?xml version="1.0"?><n1:A xmlns:n1="u"><!-- c --><B id="1 &amp; 2">5 &lt; 6</B><C><D>7</D></C><C/></n1:A>"#;

    fn sample() -> Element {
        Element::parse(Path::new("sample.xml"), SAMPLE.as_bytes()).unwrap()
    }

    #[test]
    fn reads_names_attributes_and_text() {
        let a = sample();
        assert_eq!(a.local_name(), "A");
        assert_eq!(a.find("B").unwrap().attribute("id"), Some("1 & 2"));
        assert_eq!(a.find("B").unwrap().text(), "5 < 6");
        assert_eq!(a.require_value::<u32>(Path::new("f"), "C/D", "a number").unwrap(), 7);
        assert_eq!(a.children_named("C").count(), 2);
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let a = sample();
        assert_eq!(Element::parse(Path::new("again"), a.to_document().as_bytes()).unwrap(), a);
    }

    #[test]
    fn a_cut_at_any_byte_is_an_error_and_never_a_panic() {
        for cut in 0..SAMPLE.len() {
            assert!(Element::parse(Path::new("cut.xml"), &SAMPLE.as_bytes()[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_word_for_a_number_names_file_and_field() {
        let error =
            sample().require_value::<u32>(Path::new("f.xml"), "B", "a number").unwrap_err().to_string();
        assert_eq!(error, r#"f.xml: A/B: expected a number, found "5 < 6""#);
    }
}
