//! Writing of XML.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

/// Attributes of an element: names and values.
pub type Attributes<'a> = [(&'a str, &'a str)];

/// Writes elements with escaped texts. Characters that XML 1.0 forbids, even escaped, are removed.
pub struct XmlWriter {
    writer: Writer<Vec<u8>>,
    /// The first error; writing to memory has none.
    error: Option<io::Error>,
}

impl Default for XmlWriter {
    fn default() -> Self {
        Self { writer: Writer::new(Vec::new()), error: None }
    }
}

impl XmlWriter {
    /// Begins an element.
    pub fn open(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.write(Event::Start(start(name, attributes)));
    }

    /// Ends an element.
    pub fn close(&mut self, name: &str) {
        self.write(Event::End(BytesEnd::new(name)));
    }

    /// Writes an element without content.
    pub fn empty(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.write(Event::Empty(start(name, attributes)));
    }

    /// Writes an element that contains a text.
    pub fn text(&mut self, name: &str, attributes: &Attributes<'_>, text: &str) {
        self.open(name, attributes);
        self.write(Event::Text(BytesText::new(&permitted(text))));
        self.close(name);
    }

    /// Writes an element that contains a text, if there is one.
    pub fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, &[], text);
        }
    }

    /// Writes what another writer has written.
    pub fn fragment(&mut self, xml: &[u8]) {
        self.writer.get_mut().extend_from_slice(xml);
    }

    /// Returns what was written.
    ///
    /// # Errors
    /// If writing failed.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.writer.into_inner()),
        }
    }

    fn write(&mut self, event: Event<'_>) {
        if let Err(error) = self.writer.write_event(event) {
            self.error.get_or_insert(error);
        }
    }
}

fn start<'a>(name: &'a str, attributes: &Attributes<'_>) -> BytesStart<'a> {
    let mut element = BytesStart::new(name);
    for (name, value) in attributes {
        element.push_attribute((*name, &*permitted(value)));
    }
    element
}

/// Removes the characters that XML 1.0 has no place for.
fn permitted(text: &str) -> Cow<'_, str> {
    let is_forbidden = |character: char| match character {
        '\t' | '\n' | '\r' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        character => character < ' ',
    };
    if text.contains(is_forbidden) { text.replace(is_forbidden, "").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quick_xml::Reader;

    fn written(text: &str) -> String {
        let mut xml = XmlWriter::default();
        xml.text("a", &[("b", text)], text);
        String::from_utf8(xml.finish().expect("XML")).expect("UTF-8")
    }

    #[test]
    fn texts_are_escaped_and_forbidden_characters_removed() {
        assert_eq!(written("x"), r#"<a b="x">x</a>"#);
        assert_eq!(
            written("\u{3}\u{fffe}<\u{1f600} & ]]>\""),
            "<a b=\"&lt;\u{1f600} &amp; ]]&gt;&quot;\">&lt;\u{1f600} &amp; ]]&gt;&quot;</a>"
        );
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in any::<String>()) {
            let xml = written(&text);
            let mut reader = Reader::from_str(&xml);
            let mut read = String::new();
            loop {
                match reader.read_event().expect("well-formed XML") {
                    Event::Eof => break,
                    Event::Text(part) => read.push_str(&part.into_inner()),
                    Event::GeneralRef(name) => read.push_str(match &*name.into_inner() {
                        "lt" => "<",
                        "gt" => ">",
                        "amp" => "&",
                        "quot" => "\"",
                        "apos" => "'",
                        other => panic!("{other}"),
                    }),
                    _ => {}
                }
            }
            prop_assert_eq!(read, permitted(&text));
        }
    }
}
