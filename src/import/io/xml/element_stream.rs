//! Reads the elements of an XML file that are records one by one, so that neither the size of the file nor a malformed
//! record matters to the others.

use std::io::BufRead;

use crate::import::io::content_kind::ContentKind;
use crate::import::io::lines::{self, NOT_UTF8_WARNING, format_size, unreadable_error};
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::io::xml::{XmlElement, parse_xml};

/// Maximum size of a record; a paper with five thousand authors is a tenth of it.
const MAX_RECORD_BYTES: usize = 16 << 20;
/// Maximum size of a tag.
const MAX_TAG_BYTES: usize = 64 << 10;

/// Which elements of a file are records.
pub(crate) struct RecordElements {
    /// The local names of the elements.
    pub(crate) names: &'static [&'static str],
    /// Texts of which every record has one. An element without them that contains a record is its wrapper; one with
    /// them is not closed.
    pub(crate) content_marks: &'static [&'static str],
    /// What a record is called in messages.
    pub(crate) noun: &'static str,
}

/// Fails if a file is empty or does not start like XML.
pub(crate) fn expect_xml(head: &[u8]) -> Result<(), ReadAbort> {
    if head.is_empty() {
        return Err(ReadAbort::Unreadable(0, "it is empty".to_owned()));
    }
    let kind = ContentKind::of(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head));
    if kind != ContentKind::Markup {
        return Err(ReadAbort::Unreadable(1, format!("it is not XML; it starts like {kind}")));
    }
    Ok(())
}

/// Calls `each` for every record, with the line number on which it starts and the warnings about its encoding.
pub(crate) fn read_elements(
    reader: &mut dyn BufRead,
    records: &RecordElements,
    sink: &mut RecordSink<'_>,
    mut each: impl FnMut(usize, &XmlElement, Vec<String>, &mut RecordSink<'_>) -> Result<(), ReadAbort>,
) -> Result<(), ReadAbort> {
    let mut splitter = ElementSplitter::new(records);
    let mut found = Vec::new();
    loop {
        let available = reader.fill_buf().map_err(|error| unreadable_error(splitter.line, &error))?;
        if available.is_empty() {
            break;
        }
        splitter.push(available, &mut found);
        let used = available.len();
        reader.consume(used);
        for (line, text) in found.drain(..) {
            let parsed = text.and_then(|text| {
                let (text, has_invalid_utf8) = lines::decode_text(&text);
                Ok((parse_xml(&text)?, has_invalid_utf8))
            });
            match parsed {
                Ok((element, has_invalid_utf8)) => {
                    let warnings = if has_invalid_utf8 { vec![NOT_UTF8_WARNING.to_owned()] } else { Vec::new() };
                    each(line, &element, warnings, sink)?;
                }
                Err(reason) => sink.push_invalid(line, reason)?,
            }
        }
    }
    match splitter.open {
        Some(open) => Err(ReadAbort::Unreadable(
            open.line,
            format!("the {} that starts here is not closed; the file is truncated", records.noun),
        )),
        None => Ok(()),
    }
}

/// Where in the text of the file a byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Text,
    /// In a tag, and in which quotation marks.
    Tag(Option<u8>),
    Comment,
    CData,
    Instruction,
    /// In the document type declaration, at this depth of brackets.
    Doctype(usize),
}

/// A record that has started.
struct OpenRecord {
    line: usize,
    /// The name in its tags, with its prefix.
    name: Vec<u8>,
    text: Vec<u8>,
    is_too_long: bool,
}

/// Finds the records in a text that arrives in pieces.
struct ElementSplitter<'r> {
    records: &'r RecordElements,
    position: Position,
    /// The current tag or the start of a comment, from its `<`.
    tag: Vec<u8>,
    tag_line: usize,
    line: usize,
    /// The last three bytes, in which comments and the like end.
    last: [u8; 3],
    open: Option<OpenRecord>,
}

type FoundElements = Vec<(usize, Result<Vec<u8>, String>)>;

impl<'r> ElementSplitter<'r> {
    fn new(records: &'r RecordElements) -> Self {
        Self { records, position: Position::Text, tag: Vec::new(), tag_line: 1, line: 1, last: [0; 3], open: None }
    }

    /// Reads on, and adds the records that end in this piece.
    fn push(&mut self, piece: &[u8], found: &mut FoundElements) {
        for byte in piece {
            if let Some(open) = &mut self.open {
                if open.text.len() >= MAX_RECORD_BYTES {
                    open.is_too_long = true;
                    open.text = Vec::new();
                }
                if !open.is_too_long {
                    open.text.push(*byte);
                }
            }
            self.step(*byte, found);
            if *byte == b'\n' {
                self.line += 1;
            }
        }
    }

    fn step(&mut self, byte: u8, found: &mut FoundElements) {
        self.last = [self.last[1], self.last[2], byte];
        match self.position {
            Position::Text if byte == b'<' => self.start_tag(),
            Position::Text => {}
            Position::Comment if &self.last == b"-->" => self.position = Position::Text,
            Position::CData if &self.last == b"]]>" => self.position = Position::Text,
            Position::Instruction if self.last[1..] == *b"?>" => self.position = Position::Text,
            Position::Comment | Position::CData | Position::Instruction => {}
            Position::Doctype(depth) => {
                self.position = match byte {
                    b'[' => Position::Doctype(depth + 1),
                    b']' => Position::Doctype(depth.saturating_sub(1)),
                    b'>' if depth == 0 => Position::Text,
                    _ => self.position,
                };
            }
            Position::Tag(quote) => self.step_in_tag(byte, quote, found),
        }
    }

    fn start_tag(&mut self) {
        self.position = Position::Tag(None);
        self.tag_line = self.line;
        self.tag.clear();
        self.tag.push(b'<');
    }

    fn step_in_tag(&mut self, byte: u8, quote: Option<u8>, found: &mut FoundElements) {
        if quote.is_none() && byte == b'<' {
            // The `<` before was text.
            return self.start_tag();
        }
        self.tag.push(byte);
        match (self.tag.as_slice(), quote) {
            (b"<!--", _) => self.position = Position::Comment,
            (b"<![CDATA[", _) => self.position = Position::CData,
            (b"<!DOCTYPE", _) => self.position = Position::Doctype(0),
            (b"<?", _) => self.position = Position::Instruction,
            // A `<` before a space or a digit is text, as in `p < 0.05`.
            ([b'<', first], _) if !(first.is_ascii_alphabetic() || matches!(first, b'/' | b'!' | b'_' | 0x80..)) => {
                self.position = Position::Text;
            }
            (tag, _) if tag.len() > MAX_TAG_BYTES => self.position = Position::Text,
            (_, Some(open)) if open == byte => self.position = Position::Tag(None),
            (_, Some(_)) => {}
            (_, None) if matches!(byte, b'"' | b'\'') => self.position = Position::Tag(Some(byte)),
            (_, None) if byte == b'>' => {
                self.position = Position::Text;
                self.end_tag(found);
            }
            (_, None) => {}
        }
        if self.position == Position::Comment {
            // The dashes of `<!-->` do not end the comment.
            self.last = [0; 3];
        }
    }

    /// Handles a complete tag.
    fn end_tag(&mut self, found: &mut FoundElements) {
        let is_end = self.tag.starts_with(b"</");
        let is_empty = self.tag.ends_with(b"/>");
        let name = tag_name(&self.tag).to_vec();
        if is_end {
            if let Some(open) = self.open.take_if(|open| open.name == name) {
                found.push((open.line, self.text_of(open.text, open.is_too_long)));
            }
            return;
        }
        let local_name = name.rsplit(|byte| *byte == b':').next().unwrap_or_default();
        if !self.records.names.iter().any(|wanted| wanted.as_bytes() == local_name) {
            return;
        }
        if let Some(open) = self.open.take()
            && (open.is_too_long || self.has_content(&open.text))
        {
            let reason = format!("the {} that starts here is not closed before the next one", self.records.noun);
            found.push((open.line, Err(reason)));
        }
        if is_empty {
            found.push((self.tag_line, Ok(self.tag.clone())));
            return;
        }
        self.open = Some(OpenRecord { line: self.tag_line, name, text: self.tag.clone(), is_too_long: false });
    }

    fn text_of(&self, text: Vec<u8>, is_too_long: bool) -> Result<Vec<u8>, String> {
        if is_too_long {
            let size = format_size(MAX_RECORD_BYTES);
            return Err(format!("the {} that starts here is larger than {size}", self.records.noun));
        }
        Ok(text)
    }

    /// Whether the text of an element has what a record has.
    fn has_content(&self, text: &[u8]) -> bool {
        let has = |mark: &str| text.windows(mark.len()).any(|window| window == mark.as_bytes());
        self.records.content_marks.iter().any(|mark| has(mark))
    }
}

/// Returns the name in a tag.
fn tag_name(tag: &[u8]) -> &[u8] {
    let tag = tag.strip_prefix(b"</").or_else(|| tag.strip_prefix(b"<")).unwrap_or(tag);
    let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
    &tag[..end.unwrap_or(tag.len())]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECORDS: RecordElements = RecordElements { names: &["record"], content_marks: &["<field"], noun: "record" };

    /// Returns the records with their lines, read in pieces of this size.
    fn split(text: &str, size: usize) -> Vec<(usize, Result<String, String>)> {
        let mut splitter = ElementSplitter::new(&RECORDS);
        let mut found = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            splitter.push(piece, &mut found);
        }
        let text_of = |text: Result<Vec<u8>, String>| text.map(|text| String::from_utf8_lossy(&text).into_owned());
        found.into_iter().map(|(line, text)| (line, text_of(text))).collect()
    }

    #[test]
    fn records_in_pieces_of_any_size() {
        let text = "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b \"<record>\">]>\n<list><!-- <record> --->\n\
            <m:record a='1 > 0'>\n<field>p < 0.05 & <5 <![CDATA[</m:record>]]></field></m:record><record/>\n\
            <record><recorded/></record></list>";
        let first = "<m:record a='1 > 0'>\n<field>p < 0.05 & <5 <![CDATA[</m:record>]]></field></m:record>";
        for size in 1..40 {
            let expected = [(3, first), (4, "<record/>"), (5, "<record><recorded/></record>")];
            let expected = expected.map(|(line, text)| (line, Ok(text.to_owned())));
            assert_eq!(split(text, size), expected, "{size}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            parts in proptest::collection::vec(proptest::sample::select(vec![
                "<record>", "</record>", "<record/>", "<field/>", "<!--", "-->", "<![CDATA[", "]]>", "<?a", "?>", "<!DOCTYPE", "[",
                "]", "\"", "'", "<", ">", "/", "\n", "a", "é",
            ]), 0..30),
            size in 1..9_usize
        ) {
            let text = parts.concat();
            prop_assert_eq!(split(&text, size), split(&text, usize::MAX));
        }
    }

    #[test]
    fn wrappers_and_unclosed_records() {
        let text = "<record><header/><record><field/></record></record>\n<record><field>\n<record><field/></record>";
        let unclosed = "the record that starts here is not closed before the next one".to_owned();
        let record = || Ok("<record><field/></record>".to_owned());
        assert_eq!(split(text, 7), [(1, record()), (2, Err(unclosed)), (3, record())]);
    }

    #[test]
    fn records_that_are_too_large() {
        let text = format!("<record>{}</record><record/>", "a".repeat(MAX_RECORD_BYTES));
        let found = split(&text, 1 << 16);
        assert_eq!(found[0], (1, Err("the record that starts here is larger than 16 MiB".to_owned())));
        assert_eq!(found[1], (1, Ok("<record/>".to_owned())));
    }
}
