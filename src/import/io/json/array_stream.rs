//! Reads the elements of an array inside a JSON text one by one, buffering neither the array nor the text around it.

use std::io::BufRead;

use serde_json::Value;

use crate::import::io::json::{
    BracketScanner, MAX_VALUE_BYTES, ReadAbort, RecordSink, parse_value, too_long_reason, unreadable_error,
};

/// Maximum nesting depth of the JSON around the array.
const MAX_ENVELOPE_DEPTH: usize = 200;
/// Stored prefix of a key; the keys of paths are shorter.
const MAX_KEY_BYTES: usize = 64;

/// An open bracket around the array.
enum EnvelopeFrame {
    /// An object, and its current key.
    Object(Vec<u8>),
    Array,
    /// The array whose elements are emitted.
    WantedArray,
}

/// What a byte completes.
enum ScanEvent {
    Pending,
    /// An element of an array, and whether it exceeds the maximum size.
    Element {
        text: Vec<u8>,
        line: usize,
        is_too_long: bool,
    },
    /// A top-level value without a wanted array.
    TopLevel {
        text: Vec<u8>,
        line: usize,
        is_too_long: bool,
    },
    /// A top-level line that is not JSON.
    InvalidLine(usize),
    TooDeep,
}

/// Scans a text byte by byte.
pub(super) struct ArrayElementScanner<'p> {
    paths: &'p [&'p [&'p str]],
    frames: Vec<EnvelopeFrame>,
    /// The text around arrays; it is emitted if the arrays are empty.
    envelope: Vec<u8>,
    /// Whether the current top-level value had an element.
    has_elements: bool,
    is_too_long: bool,
    is_in_string: bool,
    is_escaped: bool,
    string: Vec<u8>,
    expects_key: bool,
    element: Option<(Vec<u8>, BracketScanner, usize, bool)>,
    is_in_invalid_line: bool,
    value_start_line: usize,
    line: usize,
}

impl<'p> ArrayElementScanner<'p> {
    fn new(paths: &'p [&'p [&'p str]]) -> Self {
        Self {
            paths,
            frames: Vec::new(),
            envelope: Vec::new(),
            has_elements: false,
            is_too_long: false,
            is_in_string: false,
            is_escaped: false,
            string: Vec::new(),
            expects_key: false,
            element: None,
            is_in_invalid_line: false,
            value_start_line: 1,
            line: 1,
        }
    }

    /// Whether a text starts with a value that has an array at one of the paths, or with an array that continues on
    /// its first line.
    pub(super) fn starts_array(head: &[u8], paths: &[&[&str]]) -> bool {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let first_line = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
        match first_line {
            [b'[', _, ..] => true,
            [b'{', ..] => {
                let mut elements = ArrayElementScanner::new(paths);
                for byte in head {
                    elements.step(*byte);
                    if elements.frames.iter().any(|frame| matches!(frame, EnvelopeFrame::WantedArray)) {
                        return true;
                    }
                    // Only the first value counts.
                    if elements.frames.is_empty() && !byte.is_ascii_whitespace() {
                        return false;
                    }
                }
                false
            }
            _ => false,
        }
    }

    fn step(&mut self, byte: u8) -> ScanEvent {
        let line = self.line;
        if byte == b'\n' {
            self.line += 1;
        }
        if self.is_in_invalid_line {
            if byte != b'\n' {
                return ScanEvent::Pending;
            }
            self.is_in_invalid_line = false;
            return ScanEvent::InvalidLine(line);
        }
        if self.element.is_some() {
            return self.step_in_element(byte);
        }
        if matches!(self.frames.last(), Some(EnvelopeFrame::WantedArray)) && byte != b']' {
            if byte == b',' || byte.is_ascii_whitespace() {
                return ScanEvent::Pending;
            }
            self.has_elements = true;
            self.element = Some((Vec::new(), BracketScanner::default(), line, false));
            return self.step_in_element(byte);
        }
        self.step_in_envelope(byte, line)
    }

    fn step_in_element(&mut self, byte: u8) -> ScanEvent {
        let Some((text, scanner, line, is_too_long)) = &mut self.element else { return ScanEvent::Pending };
        let ends_before = scanner.is_balanced() && matches!(byte, b',' | b']');
        if !ends_before {
            scanner.step(byte);
            if text.len() >= MAX_VALUE_BYTES {
                *is_too_long = true;
                *text = Vec::new();
            } else if !*is_too_long {
                text.push(byte);
            }
            return ScanEvent::Pending;
        }
        let event = ScanEvent::Element { text: std::mem::take(text), line: *line, is_too_long: *is_too_long };
        self.element = None;
        if byte == b']' {
            self.close_bracket(byte);
        }
        event
    }

    fn step_in_envelope(&mut self, byte: u8, line: usize) -> ScanEvent {
        if self.frames.is_empty() {
            match byte {
                b'{' | b'[' => {
                    self.envelope.clear();
                    (self.has_elements, self.is_too_long, self.value_start_line) = (false, false, line);
                }
                b',' => return ScanEvent::Pending,
                _ if byte.is_ascii_whitespace() => return ScanEvent::Pending,
                _ => {
                    self.is_in_invalid_line = true;
                    return ScanEvent::Pending;
                }
            }
        }
        if self.envelope.len() < MAX_VALUE_BYTES {
            self.envelope.push(byte);
        } else {
            self.is_too_long = true;
        }
        if self.is_in_string {
            return self.step_in_string(byte);
        }
        match byte {
            b'"' => {
                self.is_in_string = true;
                self.string.clear();
            }
            b'{' => {
                self.frames.push(EnvelopeFrame::Object(Vec::new()));
                self.expects_key = true;
            }
            b'[' => {
                let frame = if self.is_wanted_array() { EnvelopeFrame::WantedArray } else { EnvelopeFrame::Array };
                self.frames.push(frame);
                self.expects_key = false;
            }
            b'}' | b']' => return self.close_bracket(byte),
            b',' => self.expects_key = matches!(self.frames.last(), Some(EnvelopeFrame::Object(_))),
            _ => {}
        }
        if self.frames.len() > MAX_ENVELOPE_DEPTH { ScanEvent::TooDeep } else { ScanEvent::Pending }
    }

    fn step_in_string(&mut self, byte: u8) -> ScanEvent {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = true,
            b'"' => {
                self.is_in_string = false;
                if std::mem::take(&mut self.expects_key)
                    && let Some(EnvelopeFrame::Object(key)) = self.frames.last_mut()
                {
                    *key = std::mem::take(&mut self.string);
                }
                return ScanEvent::Pending;
            }
            _ => {}
        }
        if self.string.len() < MAX_KEY_BYTES {
            self.string.push(byte);
        }
        ScanEvent::Pending
    }

    /// Whether the array that starts here is at one of the paths.
    fn is_wanted_array(&self) -> bool {
        let is_path =
            |path: &[&str]| {
                path.len() == self.frames.len()
                    && self.frames.iter().zip(path).all(
                        |(frame, segment)| matches!(frame, EnvelopeFrame::Object(key) if key == segment.as_bytes()),
                    )
            };
        self.frames.is_empty() || self.paths.iter().any(|path| is_path(path))
    }

    fn close_bracket(&mut self, byte: u8) -> ScanEvent {
        if self.envelope.last() != Some(&byte) {
            self.envelope.push(byte);
        }
        let was_list = matches!(self.frames.pop(), Some(EnvelopeFrame::WantedArray));
        self.expects_key = false;
        if !self.frames.is_empty() || self.has_elements || (was_list && self.envelope.len() <= 2) {
            return ScanEvent::Pending;
        }
        ScanEvent::TopLevel {
            text: std::mem::take(&mut self.envelope),
            line: self.value_start_line,
            is_too_long: self.is_too_long,
        }
    }
}

/// Calls `each` for every element of the wanted arrays, and for every top-level value without one.
pub(super) fn read_elements(
    reader: &mut dyn BufRead,
    paths: &[&[&str]],
    skipped_lines: usize,
    sink: &mut RecordSink<'_>,
    each: &mut impl FnMut(usize, Value, &mut RecordSink<'_>) -> Result<(), ReadAbort>,
) -> Result<(), ReadAbort> {
    let mut elements = ArrayElementScanner::new(paths);
    elements.line += skipped_lines;
    let mut is_start = true;
    loop {
        let available = reader.fill_buf().map_err(|error| unreadable_error(elements.line, &error))?;
        if available.is_empty() {
            break;
        }
        let marked = if std::mem::take(&mut is_start) { available.strip_prefix(b"\xef\xbb\xbf") } else { None };
        for byte in marked.unwrap_or(available) {
            let (text, line, is_too_long) = match elements.step(*byte) {
                ScanEvent::Pending => continue,
                ScanEvent::Element { text, line, is_too_long } | ScanEvent::TopLevel { text, line, is_too_long } => {
                    (text, line, is_too_long)
                }
                ScanEvent::InvalidLine(line) => {
                    sink.push_invalid(line, "it is not JSON".to_owned())?;
                    continue;
                }
                ScanEvent::TooDeep => {
                    let reason = format!("the JSON around the records is nested more than {MAX_ENVELOPE_DEPTH} deep");
                    return Err(ReadAbort::Unreadable(elements.line, reason));
                }
            };
            if is_too_long {
                sink.push_invalid(line, too_long_reason())?;
                continue;
            }
            match parse_value(&text) {
                Ok(value) => each(line, value, sink)?,
                Err(fault) => sink.push_invalid(line, fault.into_reason())?,
            }
        }
        let used = available.len();
        reader.consume(used);
    }
    if elements.is_in_invalid_line {
        sink.push_invalid(elements.line, "it is not JSON".to_owned())?;
    }
    if elements.frames.is_empty() {
        return Ok(());
    }
    let line = elements.element.as_ref().map_or(elements.value_start_line, |(_, _, line, _)| *line);
    Err(ReadAbort::Unreadable(line, "the JSON value that starts here is not closed; the file is truncated".to_owned()))
}
