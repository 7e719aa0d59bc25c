//! Streaming reader of JSON: one value per line, an array, an array inside an API response, or a value over several
//! lines.

mod array_stream;

use std::io::BufRead;

use serde_json::Value;

use crate::import::io::content_kind::ContentKind;
use crate::import::io::json::array_stream::ArrayElementScanner;
use crate::import::io::lines::{BoundedLines, format_size, unreadable_error};
use crate::import::io::record_sink::{ReadAbort, RecordSink};

/// Maximum size of a value.
const MAX_VALUE_BYTES: usize = 64 << 20;

/// Maximum number of nested values of a value; each takes far more memory than its bytes.
const MAX_NESTED_VALUES: usize = 4_000_000;

/// Calls `each` for every value, with the line number on which it starts.
///
/// A line that is a complete value is one value. Otherwise lines are joined until they form one, as in pretty-printed
/// JSON. An array stands for its elements. Text that is not JSON is rejected line by line, so that a malformed line
/// does not affect the others.
pub(crate) fn read_values(
    reader: &mut dyn BufRead,
    sink: &mut RecordSink<'_>,
    each: impl FnMut(usize, Value, &mut RecordSink<'_>) -> Result<(), ReadAbort>,
) -> Result<(), ReadAbort> {
    read_records(reader, &[], sink, each)
}

/// Calls `each` for every value, or for the elements of an array at one of the paths, such as the results of an API
/// response.
///
/// Such arrays are read element by element, however long they are. A response with an empty array is passed as a
/// whole.
pub(crate) fn read_records(
    reader: &mut dyn BufRead,
    paths: &[&[&str]],
    sink: &mut RecordSink<'_>,
    mut each: impl FnMut(usize, Value, &mut RecordSink<'_>) -> Result<(), ReadAbort>,
) -> Result<(), ReadAbort> {
    let skipped_lines = skip_comments(reader)?;
    let head = reader.fill_buf().map_err(|error| unreadable_error(skipped_lines + 1, &error))?;
    if ArrayElementScanner::starts_array(head, paths) {
        array_stream::read_elements(reader, paths, skipped_lines, sink, &mut each)
    } else {
        read_line_by_line(reader, skipped_lines, sink, &mut each)
    }
}

/// Returns the length of the comments at the beginning of a text, with the white space around them: lines that start
/// with `#` or `//`, and what is between `/*` and `*/`. Returns 0 if there are none, or the last one is not closed.
pub(crate) fn comments_length(text: &[u8]) -> usize {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        let start = rest.len() - rest.trim_ascii_start().len();
        let comment = &rest[start..];
        let end = if comment.starts_with(b"#") || comment.starts_with(b"//") {
            comment.iter().position(|byte| *byte == b'\n')
        } else if comment.starts_with(b"/*") {
            comment.windows(2).position(|end| end == b"*/").map(|end| end + 1)
        } else {
            return if length == 0 { 0 } else { length + start };
        };
        match end {
            Some(end) => length += start + end + 1,
            None => return 0,
        }
    }
}

/// Skips comments before the first value, in the first part of the file that the reader buffers. Returns the number of
/// lines that were skipped.
fn skip_comments(reader: &mut dyn BufRead) -> Result<usize, ReadAbort> {
    let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let length = comments_length(text);
    if length == 0 {
        return Ok(0);
    }
    let lines = text[..length].iter().filter(|byte| **byte == b'\n').count();
    let length = head.len() - text.len() + length;
    reader.consume(length);
    Ok(lines)
}

fn read_line_by_line(
    reader: &mut dyn BufRead,
    skipped_lines: usize,
    sink: &mut RecordSink<'_>,
    each: &mut impl FnMut(usize, Value, &mut RecordSink<'_>) -> Result<(), ReadAbort>,
) -> Result<(), ReadAbort> {
    let mut lines = BoundedLines::new(reader, MAX_VALUE_BYTES);
    lines.number = skipped_lines;
    let mut is_first = true;
    let mut in_array = false;
    while let Some(line) = lines.next_line()? {
        if line.is_empty() {
            continue;
        }
        if std::mem::take(&mut is_first) {
            if !matches!(line[0], b'{' | b'[') {
                return Err(ReadAbort::Unreadable(
                    skipped_lines + 1,
                    format!("it is not JSON; it starts like {}", ContentKind::of(line)),
                ));
            }
            if line == b"[" {
                in_array = true;
                continue;
            }
        }
        if in_array && line == b"]" {
            in_array = false;
            continue;
        }
        let text = line.to_vec();
        let start = lines.number;
        if lines.is_truncated {
            sink.push_invalid(
                start,
                format!("{}; write one record per line, or an array over several lines", lines.too_long_reason()),
            )?;
            continue;
        }
        read_multiline_value(&text, start, in_array, &mut lines, sink, each)?;
    }
    if is_first {
        return Err(ReadAbort::Unreadable(0, "it is empty".to_owned()));
    }
    Ok(())
}

/// Reads a value that starts with `text` and may continue on the next lines.
fn read_multiline_value(
    text: &[u8],
    start: usize,
    in_array: bool,
    lines: &mut BoundedLines<'_>,
    sink: &mut RecordSink<'_>,
    each: &mut impl FnMut(usize, Value, &mut RecordSink<'_>) -> Result<(), ReadAbort>,
) -> Result<(), ReadAbort> {
    let trimmed = |text: &[u8]| -> Vec<u8> {
        let comma = if in_array { text.strip_suffix(b",").unwrap_or(text) } else { text };
        comma.to_vec()
    };
    let reason = match parse_value(&trimmed(text)) {
        Ok(value) => return emit_value(start, value, sink, each),
        // Pretty printers break lines only after these characters; other line ends are truncated or malformed values.
        Err(JsonError::Truncated(_)) if matches!(text.last(), Some(b'{' | b'[' | b',')) => None,
        Err(fault) => Some(fault.into_reason()),
    };
    if let Some(reason) = reason {
        return sink.push_invalid(start, reason);
    }
    let mut whole = text.to_vec();
    let mut is_too_long = false;
    let mut scanner = BracketScanner::default();
    scanner.scan(text);
    loop {
        let Some(line) = lines.next_line()? else {
            return Err(ReadAbort::Unreadable(
                start,
                "the JSON value that starts here is not closed; the file is truncated".to_owned(),
            ));
        };
        scanner.scan(line);
        if !is_too_long {
            whole.push(b'\n');
            whole.extend_from_slice(line);
        }
        if whole.len() > MAX_VALUE_BYTES || lines.is_truncated {
            is_too_long = true;
            whole = Vec::new();
        }
        if lines.is_truncated {
            // The truncated part may contain brackets.
            return Err(ReadAbort::Unreadable(lines.number, lines.too_long_reason()));
        }
        if scanner.is_balanced() && is_too_long {
            return sink.push_invalid(start, too_long_reason());
        }
        if scanner.is_balanced() {
            return match parse_value(&trimmed(&whole)) {
                Ok(value) => emit_value(start, value, sink, each),
                Err(fault) => sink.push_invalid(start, fault.into_reason()),
            };
        }
    }
}

fn too_long_reason() -> String {
    format!("the value that starts here is larger than {}", format_size(MAX_VALUE_BYTES))
}

/// Emits a value, or the elements of an array.
fn emit_value(
    line: usize,
    value: Value,
    sink: &mut RecordSink<'_>,
    each: &mut impl FnMut(usize, Value, &mut RecordSink<'_>) -> Result<(), ReadAbort>,
) -> Result<(), ReadAbort> {
    match value {
        Value::Array(values) => values.into_iter().try_for_each(|value| each(line, value, sink)),
        value => each(line, value, sink),
    }
}

/// The reason why a text is not a JSON value.
enum JsonError {
    /// The text ends inside the value, at this column.
    Truncated(usize),
    /// Any other reason.
    Invalid(String),
}

impl JsonError {
    fn into_reason(self) -> String {
        match self {
            Self::Truncated(column) => format!("the JSON is truncated at column {column}"),
            Self::Invalid(reason) => reason,
        }
    }
}

fn parse_value(text: &[u8]) -> Result<Value, JsonError> {
    let mut scanner = BracketScanner::default();
    scanner.scan(text);
    if scanner.value_count > MAX_NESTED_VALUES {
        return Err(JsonError::Invalid(format!("it has more than {MAX_NESTED_VALUES} values")));
    }
    serde_json::from_slice(text).map_err(|error| {
        if error.is_eof() {
            JsonError::Truncated(error.column())
        } else {
            JsonError::Invalid(format!("it is not JSON: {error}"))
        }
    })
}

/// Tracks brackets to find the end of a value.
#[derive(Default)]
struct BracketScanner {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// Approximate number of values.
    value_count: usize,
}

impl BracketScanner {
    fn scan(&mut self, text: &[u8]) {
        for byte in text {
            self.step(*byte);
        }
    }

    fn step(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.in_string => self.is_escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => {
                self.depth += 1;
                self.value_count += 1;
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' => self.value_count += 1,
            _ => {}
        }
    }

    fn is_balanced(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}
