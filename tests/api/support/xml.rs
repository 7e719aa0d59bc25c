//! XML responses as trees.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The name, with its prefix.
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// The text between its tags, without that of its children.
    pub text: String,
}

impl Element {
    /// Parses a document, and panics if it is not well-formed.
    pub fn parse(document: &str) -> Self {
        let mut reader = Reader::from_str(document);
        reader.config_mut().check_end_names = true;
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().unwrap_or_else(|error| panic!("{error}: {document}")) {
                Event::Start(start) => open.push(Self::of_start(&start)),
                Event::Empty(start) => open.last_mut().expect("a parent").children.push(Self::of_start(&start)),
                Event::End(_) => {
                    let element = open.pop().expect("an element");
                    open.last_mut().expect("a parent").children.push(element);
                }
                Event::Text(text) => open.last_mut().expect("a parent").text.push_str(&text.into_inner()),
                Event::GeneralRef(name) => {
                    let character = quick_xml::escape::resolve_predefined_entity(&name).expect("a predefined entity");
                    open.last_mut().expect("a parent").text.push_str(character);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(open.len(), 1, "an element is not closed: {document}");
        open.remove(0).children.remove(0)
    }

    fn of_start(start: &BytesStart<'_>) -> Self {
        let attribute = |attribute: quick_xml::events::attributes::Attribute<'_>| {
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).expect("a value");
            (attribute.key.as_ref().to_owned(), value.into_owned())
        };
        Self {
            name: start.name().as_ref().to_owned(),
            attributes: start.attributes().map(|read| attribute(read.expect("an attribute"))).collect(),
            ..Self::default()
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The descendants with a name, in document order.
    pub fn all<'a>(&'a self, name: &str) -> Vec<&'a Self> {
        let mut found = Vec::new();
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            found.extend(child.all(name));
        }
        found
    }

    /// The only descendant with a name.
    #[track_caller]
    pub fn one(&self, name: &str) -> &Self {
        let found = self.all(name);
        assert_eq!(found.len(), 1, "{} elements {name} in {self:?}", found.len());
        found[0]
    }

    /// The texts of the descendants with a name.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.all(name).into_iter().map(|element| element.text.clone()).collect()
    }
}
