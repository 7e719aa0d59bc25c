//! Parses XML into small trees, with limits on depth and size. Entities that a document defines are never expanded.

pub(crate) mod element_stream;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

/// Maximum nesting depth of elements.
const MAX_ELEMENT_DEPTH: usize = 100;
/// Maximum number of elements.
const MAX_ELEMENTS: usize = 2_000_000;

/// An element; names have no namespace prefix.
#[derive(Debug, Default)]
pub(crate) struct XmlElement {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    content: Vec<XmlNode>,
}

#[derive(Debug)]
enum XmlNode {
    Element(XmlElement),
    Text(String),
}

/// Parses the root element of a document.
pub(crate) fn parse_xml(text: &str) -> Result<XmlElement, String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<XmlElement> = Vec::new();
    let mut count = 0;
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                let offset = usize::try_from(reader.error_position()).unwrap_or_default();
                let before = text.as_bytes().get(..offset).unwrap_or_default();
                let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                return Err(format!("it is not valid XML at line {line}: {error}"));
            }
        };
        let closed = match event {
            Event::Start(start) => {
                count += 1;
                open.push(XmlElement::from_start_tag(&start));
                if open.len() > MAX_ELEMENT_DEPTH {
                    return Err(format!("its elements are nested more than {MAX_ELEMENT_DEPTH} deep"));
                }
                None
            }
            Event::Empty(start) => {
                count += 1;
                Some(XmlElement::from_start_tag(&start))
            }
            Event::End(_) => open.pop(),
            Event::Text(text) => {
                push_text(&mut open, &text.xml10_content());
                None
            }
            Event::CData(text) => {
                push_text(&mut open, &text.xml10_content());
                None
            }
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    // Only HTML entities are decoded; others remain as written.
                    _ => html_escape::decode_html_entities(&format!("&{};", &*reference)).into_owned(),
                };
                push_text(&mut open, &text);
                None
            }
            Event::Eof => return Err("its elements are not closed; the file is truncated".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => None,
        };
        if count > MAX_ELEMENTS {
            return Err(format!("it has more than {MAX_ELEMENTS} elements"));
        }
        if let Some(element) = closed {
            match open.last_mut() {
                Some(parent) => parent.content.push(XmlNode::Element(element)),
                None => return Ok(element),
            }
        }
    }
}

fn push_text(open: &mut [XmlElement], text: &str) {
    let Some(element) = open.last_mut() else { return };
    match element.content.last_mut() {
        Some(XmlNode::Text(before)) => before.push_str(text),
        _ => element.content.push(XmlNode::Text(text.to_owned())),
    }
}

impl XmlElement {
    fn from_start_tag(start: &BytesStart<'_>) -> Self {
        let is_attribute = |name: &str| name != "xmlns" && !name.starts_with("xmlns:");
        let attributes =
            start.attributes().flatten().filter(|attribute| is_attribute(attribute.key.as_ref())).map(|attribute| {
                let value = attribute
                    .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                    .map_or_else(|_| attribute.value.to_string(), |value| value.into_owned());
                (attribute.key.local_name().as_ref().to_owned(), value)
            });
        Self { name: start.local_name().as_ref().to_owned(), attributes: attributes.collect(), content: Vec::new() }
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own_name, _)| own_name == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn children(&self) -> impl Iterator<Item = &Self> {
        self.content.iter().filter_map(|node| match node {
            XmlNode::Element(element) => Some(element),
            XmlNode::Text(_) => None,
        })
    }

    pub(crate) fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children().filter(move |element| element.name == name)
    }

    /// Returns the first element at a path.
    pub(crate) fn descendant_at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.children().find(|child| child.name == *name))
    }

    /// Returns the text of the element and its descendants, without the annotations of MathML, which repeat a formula.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.append_text(&mut text);
        text
    }

    fn append_text(&self, text: &mut String) {
        for node in &self.content {
            match node {
                XmlNode::Text(own_text) => text.push_str(own_text),
                XmlNode::Element(element) if element.name.starts_with("annotation") => {}
                XmlNode::Element(element) => element.append_text(text),
            }
        }
    }

    /// Returns the content of the element as markup, without attributes and namespaces.
    pub(crate) fn inner_markup(&self) -> String {
        let mut markup = String::new();
        self.append_markup(&mut markup);
        markup
    }

    fn append_markup(&self, markup: &mut String) {
        for node in &self.content {
            match node {
                XmlNode::Text(text) => markup.push_str(&html_escape::encode_text(text)),
                XmlNode::Element(element) => {
                    let name = element.name.as_str();
                    markup.extend(["<", name, ">"]);
                    element.append_markup(markup);
                    markup.extend(["</", name, ">"]);
                }
            }
        }
    }

    /// Returns the trimmed text of the element at a path, unless it is empty.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<String> {
        Some(self.descendant_at(path)?.text().trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Converts the element to JSON: attributes and children become fields, repeated children an array, text a string.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        for (name, value) in &self.attributes {
            object.insert(name.clone(), Value::String(value.clone()));
        }
        for child in self.children() {
            let value = child.to_json();
            match object.get_mut(&child.name) {
                Some(Value::Array(values)) => values.push(value),
                Some(before) => *before = Value::Array(vec![before.take(), value]),
                None => {
                    object.insert(child.name.clone(), value);
                }
            }
        }
        let has_children = self.children().next().is_some();
        let text = self.text();
        if object.is_empty() {
            return Value::String(text.trim().to_owned());
        }
        if !has_children && !text.trim().is_empty() {
            object.insert("value".to_owned(), Value::String(text.trim().to_owned()));
        }
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees() {
        let text = "<?xml version='1.0'?><!-- c --><x:a xmlns:b='b' k='1 &amp; 2'><b>one &lt; <i>two</i>&#233;</b><b><![CDATA[<c>]]></b><d/></x:a>";
        let element = parse_xml(text).expect("an element");
        assert_eq!((element.name.as_str(), element.attribute("k")), ("a", Some("1 & 2")));
        assert_eq!(element.text_at(&["b"]).as_deref(), Some("one < twoé"));
        let json = serde_json::json!({ "k": "1 & 2", "b": [{ "i": "two" }, "<c>"], "d": "" });
        assert_eq!(element.to_json(), json);
    }

    #[test]
    fn entities_are_not_expanded() {
        let mut text = "<!DOCTYPE a [<!ENTITY e0 \"0123456789\">".to_owned();
        for n in 1..30 {
            text.push_str(&format!("<!ENTITY e{n} \"&e{m};&e{m};\">", m = n - 1));
        }
        text.push_str("]><a>&e29; &eacute;</a>");
        assert_eq!(parse_xml(&text).expect("an element").text(), "&e29; é");
    }

    #[test]
    fn malformed_documents() {
        assert!(parse_xml("<a><b></a>").is_err_and(|reason| reason.contains("it is not valid XML at line 1")));
        assert!(
            parse_xml("<a>\n<b>").is_err_and(|reason| reason.contains("not closed")),
            "{:?}",
            parse_xml("<a>\n<b>")
        );
        assert!(parse_xml(&"<a>".repeat(100_000)).is_err_and(|reason| reason.contains("more than 100 deep")));
    }
}
