//! The values of a list inside of a JSON text, one by one: what is around the list is never held, nor is the list.

use std::io::BufRead;

use serde_json::Value;

use crate::import::io::json::{LONGEST, Scanner, Sink, Stop, parse, too_long, unreadable};

/// How deep what is around a list may be.
const DEEPEST: usize = 200;
/// What is kept of a key: those of paths are shorter.
const LONGEST_KEY: usize = 64;

/// Where in a text we are that is around lists.
enum Frame {
    /// In an object, behind this key.
    Object(Vec<u8>),
    Array,
    /// In the list whose values are wanted.
    List,
}

/// Something found in the text.
enum Found {
    Nothing,
    /// An element of a list, and whether it is too long to be held.
    Element {
        text: Vec<u8>,
        line: usize,
        is_too_long: bool,
    },
    /// A value at the top that has no list in it.
    Whole {
        text: Vec<u8>,
        line: usize,
        is_too_long: bool,
    },
    /// Something at the top that is no JSON, up to the end of its line.
    Garbage(usize),
    TooDeep,
}

/// Follows a text byte by byte.
pub(super) struct Elements<'p> {
    paths: &'p [&'p [&'p str]],
    frames: Vec<Frame>,
    /// What is around lists, to be given where there was nothing in them.
    around: Vec<u8>,
    /// Whether the value at the top had an element.
    has_elements: bool,
    is_too_long: bool,
    in_string: bool,
    is_escaped: bool,
    string: Vec<u8>,
    expects_key: bool,
    element: Option<(Vec<u8>, Scanner, usize, bool)>,
    in_garbage: bool,
    start: usize,
    line: usize,
}

impl<'p> Elements<'p> {
    fn new(paths: &'p [&'p [&'p str]]) -> Self {
        Self {
            paths,
            frames: Vec::new(),
            around: Vec::new(),
            has_elements: false,
            is_too_long: false,
            in_string: false,
            is_escaped: false,
            string: Vec::new(),
            expects_key: false,
            element: None,
            in_garbage: false,
            start: 1,
            line: 1,
        }
    }

    /// Whether a text that begins so has a list at one of the paths, or is a list that goes on on its first line.
    pub(super) fn begin_in(head: &[u8], paths: &[&[&str]]) -> bool {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let first_line = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
        match first_line {
            [b'[', _, ..] => true,
            [b'{', ..] => {
                let mut elements = Elements::new(paths);
                for byte in head {
                    elements.step(*byte);
                    if elements.frames.iter().any(|frame| matches!(frame, Frame::List)) {
                        return true;
                    }
                    // Only the first value tells.
                    if elements.frames.is_empty() && !byte.is_ascii_whitespace() {
                        return false;
                    }
                }
                false
            }
            _ => false,
        }
    }

    fn step(&mut self, byte: u8) -> Found {
        let line = self.line;
        if byte == b'\n' {
            self.line += 1;
        }
        if self.in_garbage {
            if byte != b'\n' {
                return Found::Nothing;
            }
            self.in_garbage = false;
            return Found::Garbage(line);
        }
        if self.element.is_some() {
            return self.step_in_element(byte);
        }
        if matches!(self.frames.last(), Some(Frame::List)) && byte != b']' {
            if byte == b',' || byte.is_ascii_whitespace() {
                return Found::Nothing;
            }
            self.has_elements = true;
            self.element = Some((Vec::new(), Scanner::default(), line, false));
            return self.step_in_element(byte);
        }
        self.step_around(byte, line)
    }

    fn step_in_element(&mut self, byte: u8) -> Found {
        let Some((text, scanner, line, is_too_long)) = &mut self.element else { return Found::Nothing };
        let ends_before = scanner.is_done() && matches!(byte, b',' | b']');
        if !ends_before {
            scanner.step(byte);
            if text.len() >= LONGEST {
                *is_too_long = true;
                *text = Vec::new();
            } else if !*is_too_long {
                text.push(byte);
            }
            return Found::Nothing;
        }
        let found = Found::Element { text: std::mem::take(text), line: *line, is_too_long: *is_too_long };
        self.element = None;
        if byte == b']' {
            self.close(byte);
        }
        found
    }

    fn step_around(&mut self, byte: u8, line: usize) -> Found {
        if self.frames.is_empty() {
            match byte {
                b'{' | b'[' => {
                    self.around.clear();
                    (self.has_elements, self.is_too_long, self.start) = (false, false, line);
                }
                b',' => return Found::Nothing,
                _ if byte.is_ascii_whitespace() => return Found::Nothing,
                _ => {
                    self.in_garbage = true;
                    return Found::Nothing;
                }
            }
        }
        if self.around.len() < LONGEST {
            self.around.push(byte);
        } else {
            self.is_too_long = true;
        }
        if self.in_string {
            return self.step_in_string(byte);
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.string.clear();
            }
            b'{' => {
                self.frames.push(Frame::Object(Vec::new()));
                self.expects_key = true;
            }
            b'[' => {
                let frame = if self.is_wanted() { Frame::List } else { Frame::Array };
                self.frames.push(frame);
                self.expects_key = false;
            }
            b'}' | b']' => return self.close(byte),
            b',' => self.expects_key = matches!(self.frames.last(), Some(Frame::Object(_))),
            _ => {}
        }
        if self.frames.len() > DEEPEST { Found::TooDeep } else { Found::Nothing }
    }

    fn step_in_string(&mut self, byte: u8) -> Found {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = true,
            b'"' => {
                self.in_string = false;
                if std::mem::take(&mut self.expects_key)
                    && let Some(Frame::Object(key)) = self.frames.last_mut()
                {
                    *key = std::mem::take(&mut self.string);
                }
                return Found::Nothing;
            }
            _ => {}
        }
        if self.string.len() < LONGEST_KEY {
            self.string.push(byte);
        }
        Found::Nothing
    }

    /// Whether the array that begins here is a list that is wanted.
    fn is_wanted(&self) -> bool {
        let is_path = |path: &[&str]| {
            path.len() == self.frames.len()
                && self
                    .frames
                    .iter()
                    .zip(path)
                    .all(|(frame, wanted)| matches!(frame, Frame::Object(key) if key == wanted.as_bytes()))
        };
        self.frames.is_empty() || self.paths.iter().any(|path| is_path(path))
    }

    fn close(&mut self, byte: u8) -> Found {
        if self.around.last() != Some(&byte) {
            self.around.push(byte);
        }
        let was_list = matches!(self.frames.pop(), Some(Frame::List));
        self.expects_key = false;
        if !self.frames.is_empty() || self.has_elements || (was_list && self.around.len() <= 2) {
            return Found::Nothing;
        }
        Found::Whole { text: std::mem::take(&mut self.around), line: self.start, is_too_long: self.is_too_long }
    }
}

/// Gives each element of each list that is wanted, and each value at the top that has none.
pub(super) fn each(
    reader: &mut dyn BufRead,
    paths: &[&[&str]],
    sink: &mut Sink<'_>,
    each: &mut impl FnMut(usize, Value, &mut Sink<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut elements = Elements::new(paths);
    let mut is_start = true;
    loop {
        let available = reader.fill_buf().map_err(|error| unreadable(elements.line, &error))?;
        if available.is_empty() {
            break;
        }
        let marked = if std::mem::take(&mut is_start) { available.strip_prefix(b"\xef\xbb\xbf") } else { None };
        for byte in marked.unwrap_or(available) {
            let (text, line, is_too_long) = match elements.step(*byte) {
                Found::Nothing => continue,
                Found::Element { text, line, is_too_long } | Found::Whole { text, line, is_too_long } => {
                    (text, line, is_too_long)
                }
                Found::Garbage(line) => {
                    sink.rejected(line, "it is not JSON".to_owned())?;
                    continue;
                }
                Found::TooDeep => {
                    let reason = format!("what is around the records is nested more than {DEEPEST} deep");
                    return Err(Stop::Unreadable(elements.line, reason));
                }
            };
            if is_too_long {
                sink.rejected(line, too_long())?;
                continue;
            }
            match parse(&text) {
                Ok(value) => each(line, value, sink)?,
                Err(fault) => sink.rejected(line, fault.into_reason())?,
            }
        }
        let used = available.len();
        reader.consume(used);
    }
    if elements.in_garbage {
        sink.rejected(elements.line, "it is not JSON".to_owned())?;
    }
    if elements.frames.is_empty() {
        return Ok(());
    }
    let line = elements.element.as_ref().map_or(elements.start, |(_, _, line, _)| *line);
    Err(Stop::Unreadable(line, "the JSON that begins here does not end; the file is cut off".to_owned()))
}
