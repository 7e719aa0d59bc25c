//! Readers that stop at texts made to fill a machine, before a parser holds them: RDF parsers keep a whole token and the
//! whole way down to it, and RDF/XML lets a document define what its entities stand for.

use std::io::{self, Read};

/// The longest tag, text, comment or literal.
const LONGEST: usize = 1 << 20;
/// The longest text that an entity may stand for: vocabularies shorten addresses by them.
const LONGEST_ENTITY: usize = 256;
const LONGEST_DOCTYPE: usize = 64 << 10;
const DEEPEST: usize = 100;

fn refused(reason: String) -> io::Error {
    io::Error::other(reason)
}

fn too_long() -> io::Error {
    refused(format!("a part of it has more than {} MiB", LONGEST >> 20))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum XmlState {
    Text,
    /// Behind a `<`, before it is clear of what.
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

/// XML whose parts, depth and entities are bounded.
pub(super) struct XmlGuard<R> {
    source: R,
    state: XmlState,
    length: usize,
    /// What is behind a `<`, or the document type.
    held: Vec<u8>,
    last: [u8; 3],
    depth: usize,
}

impl<R> XmlGuard<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, state: XmlState::Text, length: 0, held: Vec::new(), last: [0; 3], depth: 0 }
    }

    fn begin(&mut self, state: XmlState) {
        self.state = state;
        self.length = 0;
    }

    fn step(&mut self, byte: u8) -> io::Result<()> {
        self.length += 1;
        self.last = [self.last[1], self.last[2], byte];
        if self.length > LONGEST {
            return Err(too_long());
        }
        match self.state {
            XmlState::Text if byte == b'<' => {
                self.begin(XmlState::Opening);
                self.held.clear();
            }
            XmlState::Text => {}
            XmlState::Opening => self.step_opening(byte)?,
            XmlState::Tag { .. } => self.step_tag(byte)?,
            XmlState::Comment if &self.last == b"-->" => self.begin(XmlState::Text),
            XmlState::CData if &self.last == b"]]>" => self.begin(XmlState::Text),
            XmlState::Instruction if self.last[1..] == *b"?>" => self.begin(XmlState::Text),
            XmlState::Comment | XmlState::CData | XmlState::Instruction => {}
            XmlState::Doctype { brackets } => {
                self.held.push(byte);
                if self.held.len() > LONGEST_DOCTYPE {
                    return Err(refused("its document type has more than 64 KiB".to_owned()));
                }
                let brackets = match byte {
                    b'<' => brackets + 1,
                    b'>' => brackets.saturating_sub(1),
                    _ => brackets,
                };
                self.state = XmlState::Doctype { brackets };
                if brackets == 0 {
                    are_plain(&self.held)?;
                    self.begin(XmlState::Text);
                }
            }
        }
        Ok(())
    }

    fn step_opening(&mut self, byte: u8) -> io::Result<()> {
        const COMMENT: &[u8] = b"!--";
        const CDATA: &[u8] = b"![CDATA[";
        const DOCTYPE: &[u8] = b"!DOCTYPE";
        self.held.push(byte);
        let held = self.held.to_ascii_uppercase();
        if held == COMMENT {
            self.begin(XmlState::Comment);
            self.last = [0; 3];
        } else if held == CDATA {
            self.begin(XmlState::CData);
        } else if held == DOCTYPE {
            self.begin(XmlState::Doctype { brackets: 1 });
        } else if held == b"?" {
            self.begin(XmlState::Instruction);
            self.last = [0; 3];
        } else if ![COMMENT, CDATA, DOCTYPE].iter().any(|known| known.starts_with(&held)) {
            // Behind what was taken for the end of the document type there may be more of it.
            if held.starts_with(b"!") {
                return Err(refused("it has a declaration outside of its document type".to_owned()));
            }
            let is_end = held.starts_with(b"/");
            self.begin(XmlState::Tag { quote: None, is_end, last: b'<' });
            for byte in std::mem::take(&mut self.held) {
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
                if self.depth > DEEPEST {
                    return Err(refused(format!("its elements are more than {DEEPEST} deep")));
                }
                self.begin(XmlState::Text);
            }
            (None, byte) => self.state = XmlState::Tag { quote: None, is_end, last: byte },
        }
        Ok(())
    }
}

/// Whether the entities of a document type are short, and not made of one another.
fn are_plain(doctype: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(doctype);
    for definition in text.split("<!ENTITY").skip(1) {
        let value = definition.split(['"', '\'']).nth(1).unwrap_or_default();
        let is_built = value.split('&').skip(1).any(|reference| !reference.starts_with('#'));
        if is_built || value.len() > LONGEST_ENTITY || definition.trim_start().starts_with('%') {
            let reason = "its entities are made of one another or are long, as no vocabulary needs them";
            return Err(refused(reason.to_owned()));
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
    Address,
    Text { quote: u8, is_long: bool },
}

/// Turtle whose literals and depth are bounded.
pub(super) struct TurtleGuard<R> {
    source: R,
    state: TurtleState,
    length: usize,
    depth: usize,
    /// The quotation marks of one kind that came last, one after the other.
    quotes: usize,
    is_escaped: bool,
}

impl<R> TurtleGuard<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, state: TurtleState::Plain, length: 0, depth: 0, quotes: 0, is_escaped: false }
    }

    fn step(&mut self, byte: u8) -> io::Result<()> {
        self.length += 1;
        match self.state {
            TurtleState::Plain => match byte {
                b'"' | b'\'' => {
                    self.state = TurtleState::Text { quote: byte, is_long: false };
                    (self.length, self.quotes, self.is_escaped) = (0, 1, false);
                }
                b'#' => self.state = TurtleState::Comment,
                b'<' => self.state = TurtleState::Address,
                b'[' | b'(' => self.depth += 1,
                b']' | b')' => self.depth = self.depth.saturating_sub(1),
                _ if byte.is_ascii_whitespace() => self.length = 0,
                _ => {}
            },
            TurtleState::Comment if byte == b'\n' => self.state = TurtleState::Plain,
            TurtleState::Address if byte == b'>' || byte == b'\n' => self.state = TurtleState::Plain,
            TurtleState::Comment | TurtleState::Address => {}
            TurtleState::Text { quote, is_long } => {
                if self.ends_before(byte, quote, is_long) {
                    return self.step(byte);
                }
                self.step_text(byte, quote, is_long);
            }
        }
        if self.length > LONGEST {
            return Err(too_long());
        }
        if self.depth > DEEPEST {
            return Err(refused(format!("its brackets are more than {DEEPEST} deep")));
        }
        Ok(())
    }

    /// Whether two marks were an empty text, which ended before this byte.
    fn ends_before(&mut self, byte: u8, quote: u8, is_long: bool) -> bool {
        let ends = !is_long && self.quotes == 2 && self.length == 2 && byte != quote;
        if ends {
            self.close();
        }
        ends
    }

    fn step_text(&mut self, byte: u8, quote: u8, is_long: bool) {
        if std::mem::take(&mut self.is_escaped) {
            return;
        }
        if byte == quote {
            self.quotes += 1;
            match (is_long, self.quotes) {
                // Three at the beginning open a long text.
                (false, 3) if self.length == 2 => {
                    self.state = TurtleState::Text { quote, is_long: true };
                    self.quotes = 0;
                }
                // Two at the beginning are an empty text, or the beginning of a long one.
                (false, 2) if self.length == 1 => {}
                (false, _) => self.close(),
                (true, 3) => self.close(),
                (true, _) => {}
            }
            return;
        }
        self.quotes = 0;
        self.is_escaped = byte == b'\\';
        // A short text ends with its line at the latest.
        if !is_long && byte == b'\n' {
            self.close();
        }
    }

    fn close(&mut self) {
        self.state = TurtleState::Plain;
        (self.length, self.quotes) = (0, 0);
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
