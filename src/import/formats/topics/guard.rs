//! Readers that reject malicious input before a parser buffers it. RDF parsers buffer whole tokens and the path of
//! open elements, and RDF/XML documents can define entities.

use std::io::{self, Read};

/// Maximum size of a tag, text, comment or literal.
const MAX_TOKEN_BYTES: usize = 1 << 20;
/// Maximum size of an entity's value; vocabularies use entities to abbreviate IRIs.
const MAX_ENTITY_BYTES: usize = 256;
const MAX_DOCTYPE_BYTES: usize = 64 << 10;
const MAX_DEPTH: usize = 100;

fn guard_error(reason: String) -> io::Error {
    io::Error::other(reason)
}

fn token_too_long() -> io::Error {
    guard_error(format!("a token is larger than {} MiB", MAX_TOKEN_BYTES >> 20))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum XmlState {
    Text,
    /// After a `<` that is not yet classified.
    Opening,
    Tag {
        quote: Option<u8>,
        is_end: bool,
        last: u8,
    },
    Comment,
    CData,
    Instruction,
    Doctype {
        brackets: usize,
    },
}

/// A reader of XML with limits on tokens, depth and entities.
pub(super) struct XmlGuard<R> {
    source: R,
    state: XmlState,
    token_bytes: usize,
    /// The text after a `<`, or the document type declaration.
    buffer: Vec<u8>,
    last: [u8; 3],
    depth: usize,
}

impl<R> XmlGuard<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, state: XmlState::Text, token_bytes: 0, buffer: Vec::new(), last: [0; 3], depth: 0 }
    }

    fn enter(&mut self, state: XmlState) {
        self.state = state;
        self.token_bytes = 0;
    }

    fn step(&mut self, byte: u8) -> io::Result<()> {
        self.token_bytes += 1;
        self.last = [self.last[1], self.last[2], byte];
        if self.token_bytes > MAX_TOKEN_BYTES {
            return Err(token_too_long());
        }
        match self.state {
            XmlState::Text if byte == b'<' => {
                self.enter(XmlState::Opening);
                self.buffer.clear();
            }
            XmlState::Text => {}
            XmlState::Opening => self.step_opening(byte)?,
            XmlState::Tag { .. } => self.step_tag(byte)?,
            XmlState::Comment if &self.last == b"-->" => self.enter(XmlState::Text),
            XmlState::CData if &self.last == b"]]>" => self.enter(XmlState::Text),
            XmlState::Instruction if self.last[1..] == *b"?>" => self.enter(XmlState::Text),
            XmlState::Comment | XmlState::CData | XmlState::Instruction => {}
            XmlState::Doctype { brackets } => {
                self.buffer.push(byte);
                if self.buffer.len() > MAX_DOCTYPE_BYTES {
                    return Err(guard_error("its document type declaration is larger than 64 KiB".to_owned()));
                }
                let brackets = match byte {
                    b'<' => brackets + 1,
                    b'>' => brackets.saturating_sub(1),
                    _ => brackets,
                };
                self.state = XmlState::Doctype { brackets };
                if brackets == 0 {
                    check_entities(&self.buffer)?;
                    self.enter(XmlState::Text);
                }
            }
        }
        Ok(())
    }

    fn step_opening(&mut self, byte: u8) -> io::Result<()> {
        const COMMENT: &[u8] = b"!--";
        const CDATA: &[u8] = b"![CDATA[";
        const DOCTYPE: &[u8] = b"!DOCTYPE";
        self.buffer.push(byte);
        let text = self.buffer.to_ascii_uppercase();
        if text == COMMENT {
            self.enter(XmlState::Comment);
            self.last = [0; 3];
        } else if text == CDATA {
            self.enter(XmlState::CData);
        } else if text == DOCTYPE {
            self.enter(XmlState::Doctype { brackets: 1 });
        } else if text == b"?" {
            self.enter(XmlState::Instruction);
            self.last = [0; 3];
        } else if ![COMMENT, CDATA, DOCTYPE].iter().any(|prefix| prefix.starts_with(&text)) {
            // The assumed end of the document type declaration may not have been its end.
            if text.starts_with(b"!") {
                return Err(guard_error("it has a declaration outside of its document type".to_owned()));
            }
            let is_end = text.starts_with(b"/");
            self.enter(XmlState::Tag { quote: None, is_end, last: b'<' });
            for byte in std::mem::take(&mut self.buffer) {
                self.step_tag(byte)?;
            }
        }
        Ok(())
    }

    fn step_tag(&mut self, byte: u8) -> io::Result<()> {
        let XmlState::Tag { quote, is_end, last } = self.state else { return Ok(()) };
        match (quote, byte) {
            (Some(open), byte) if open == byte => self.state = XmlState::Tag { quote: None, is_end, last: byte },
            (Some(_), _) => {}
            (None, b'"' | b'\'') => self.state = XmlState::Tag { quote: Some(byte), is_end, last: byte },
            (None, b'>') => {
                match (is_end, last) {
                    (true, _) => self.depth = self.depth.saturating_sub(1),
                    (false, b'/') => {}
                    (false, _) => self.depth += 1,
                }
                if self.depth > MAX_DEPTH {
                    return Err(guard_error(format!("its elements are nested more than {MAX_DEPTH} deep")));
                }
                self.enter(XmlState::Text);
            }
            (None, byte) => self.state = XmlState::Tag { quote: None, is_end, last: byte },
        }
        Ok(())
    }
}

/// Fails if an entity of a document type declaration is long or refers to other entities.
fn check_entities(doctype: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(doctype);
    for definition in text.split("<!ENTITY").skip(1) {
        let value = definition.split(['"', '\'']).nth(1).unwrap_or_default();
        let is_built = value.split('&').skip(1).any(|reference| !reference.starts_with('#'));
        if is_built || value.len() > MAX_ENTITY_BYTES || definition.trim_start().starts_with('%') {
            let reason = "its entities are nested or too long";
            return Err(guard_error(reason.to_owned()));
        }
    }
    Ok(())
}

impl<R: Read> Read for XmlGuard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.source.read(buffer)?;
        for byte in &buffer[..amount] {
            self.step(*byte)?;
        }
        Ok(amount)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TurtleState {
    Plain,
    Comment,
    Iri,
    Literal { quote: u8, is_long: bool },
}

/// A reader of Turtle with limits on literals and depth.
pub(super) struct TurtleGuard<R> {
    source: R,
    state: TurtleState,
    token_bytes: usize,
    depth: usize,
    /// The number of consecutive quotation marks just read.
    quote_count: usize,
    is_escaped: bool,
}

impl<R> TurtleGuard<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, state: TurtleState::Plain, token_bytes: 0, depth: 0, quote_count: 0, is_escaped: false }
    }

    fn step(&mut self, byte: u8) -> io::Result<()> {
        self.token_bytes += 1;
        match self.state {
            TurtleState::Plain => match byte {
                b'"' | b'\'' => {
                    self.state = TurtleState::Literal { quote: byte, is_long: false };
                    (self.token_bytes, self.quote_count, self.is_escaped) = (0, 1, false);
                }
                b'#' => self.state = TurtleState::Comment,
                b'<' => self.state = TurtleState::Iri,
                b'[' | b'(' => self.depth += 1,
                b']' | b')' => self.depth = self.depth.saturating_sub(1),
                _ if byte.is_ascii_whitespace() => self.token_bytes = 0,
                _ => {}
            },
            TurtleState::Comment if byte == b'\n' => self.state = TurtleState::Plain,
            TurtleState::Iri if byte == b'>' || byte == b'\n' => self.state = TurtleState::Plain,
            TurtleState::Comment | TurtleState::Iri => {}
            TurtleState::Literal { quote, is_long } => {
                if self.close_empty_literal(byte, quote, is_long) {
                    return self.step(byte);
                }
                self.step_literal(byte, quote, is_long);
            }
        }
        if self.token_bytes > MAX_TOKEN_BYTES {
            return Err(token_too_long());
        }
        if self.depth > MAX_DEPTH {
            return Err(guard_error(format!("its brackets are nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    /// Ends the literal if the two marks before this byte were an empty one.
    fn close_empty_literal(&mut self, byte: u8, quote: u8, is_long: bool) -> bool {
        let ends = !is_long && self.quote_count == 2 && self.token_bytes == 2 && byte != quote;
        if ends {
            self.close_literal();
        }
        ends
    }

    fn step_literal(&mut self, byte: u8, quote: u8, is_long: bool) {
        if std::mem::take(&mut self.is_escaped) {
            return;
        }
        if byte == quote {
            self.quote_count += 1;
            match (is_long, self.quote_count) {
                // Three marks open a long literal.
                (false, 3) if self.token_bytes == 2 => {
                    self.state = TurtleState::Literal { quote, is_long: true };
                    self.quote_count = 0;
                }
                // Two marks are an empty literal or the start of a long one.
                (false, 2) if self.token_bytes == 1 => {}
                (false, _) => self.close_literal(),
                (true, 3) => self.close_literal(),
                (true, _) => {}
            }
            return;
        }
        self.quote_count = 0;
        self.is_escaped = byte == b'\\';
        // A short literal cannot span lines.
        if !is_long && byte == b'\n' {
            self.close_literal();
        }
    }

    fn close_literal(&mut self) {
        self.state = TurtleState::Plain;
        (self.token_bytes, self.quote_count) = (0, 0);
    }
}

impl<R: Read> Read for TurtleGuard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.source.read(buffer)?;
        for byte in &buffer[..amount] {
            self.step(*byte)?;
        }
        Ok(amount)
    }
}
