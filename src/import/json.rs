//! JSON as people hand it over: one value a line, an array, or a single value over many lines.

use std::io::BufRead;

use serde_json::Value;

use super::{Sink, Stop};

/// The longest line, and the longest value over many lines: more is no record but a mistake.
const LONGEST: usize = 64 << 20;

/// Reads lines and knows their number.
struct Lines<'a> {
    reader: &'a mut dyn BufRead,
    number: usize,
    buffer: Vec<u8>,
}

impl Lines<'_> {
    /// The next line, without its end; none at the end of the file.
    fn next(&mut self) -> Result<Option<&[u8]>, Stop> {
        self.buffer.clear();
        loop {
            let unreadable = |number: usize, error: std::io::Error| {
                let reason = match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => {
                        "the compressed data end too early; the file is cut off".to_owned()
                    }
                    _ => format!("it cannot be read further: {error}"),
                };
                Stop::Unreadable(number, reason)
            };
            let available = self.reader.fill_buf().map_err(|error| unreadable(self.number + 1, error))?;
            if available.is_empty() {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(available.len(), |end| end + 1);
            self.buffer.extend_from_slice(&available[..used]);
            self.reader.consume(used);
            if self.buffer.len() > LONGEST {
                let reason = format!(
                    "a line has more than {} MiB; records are one a line, or an array over lines",
                    LONGEST >> 20
                );
                return Err(Stop::Unreadable(self.number + 1, reason));
            }
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        let line = self.buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.buffer);
        Ok(Some(line.trim_ascii()))
    }
}

/// Gives each value with the number of the line on which it begins.
///
/// A line that holds a whole value is one. Otherwise lines are put together until they hold one, as printers with
/// indentation write it; an array is the values in it. Text that is no JSON is rejected line by line, so that one
/// damaged line costs only itself.
pub(super) fn values(
    reader: &mut dyn BufRead,
    sink: &mut Sink<'_>,
    mut each: impl FnMut(usize, Value, &mut Sink<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut lines = Lines { reader, number: 0, buffer: Vec::new() };
    let mut is_first = true;
    let mut in_array = false;
    while let Some(line) = lines.next()? {
        if line.is_empty() {
            continue;
        }
        if std::mem::take(&mut is_first) {
            if !matches!(line[0], b'{' | b'[') {
                return Err(Stop::Unreadable(1, format!("it does not begin like JSON but like {}", looks_like(line))));
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
        value(&text, start, in_array, &mut lines, sink, &mut each)?;
    }
    if is_first {
        return Err(Stop::Unreadable(0, "it is empty".to_owned()));
    }
    Ok(())
}

/// One value that begins with `text`, which may go on over the next lines.
fn value(
    text: &[u8],
    start: usize,
    in_array: bool,
    lines: &mut Lines<'_>,
    sink: &mut Sink<'_>,
    each: &mut impl FnMut(usize, Value, &mut Sink<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let trimmed = |text: &[u8]| -> Vec<u8> {
        let comma = if in_array { text.strip_suffix(b",").unwrap_or(text) } else { text };
        comma.to_vec()
    };
    let error = match serde_json::from_slice::<Value>(&trimmed(text)) {
        Ok(value) => return give(start, value, sink, each),
        Err(error) => error,
    };
    // Printers break lines only behind one of these; a line that ends otherwise is cut or damaged.
    let goes_on = error.is_eof() && matches!(text.last(), Some(b'{' | b'[' | b','));
    if !goes_on {
        return sink.rejected(start, broken(&error));
    }
    let mut whole = text.to_vec();
    let mut scanner = Scanner::default();
    scanner.scan(text);
    loop {
        let Some(line) = lines.next()? else {
            return Err(Stop::Unreadable(
                start,
                "the JSON that begins here does not end; the file is cut off".to_owned(),
            ));
        };
        scanner.scan(line);
        whole.push(b'\n');
        whole.extend_from_slice(line);
        if whole.len() > LONGEST {
            let reason = format!("the value that begins here has more than {} MiB; write one a line", LONGEST >> 20);
            return Err(Stop::Unreadable(start, reason));
        }
        if scanner.is_done() {
            return match serde_json::from_slice::<Value>(&trimmed(&whole)) {
                Ok(value) => give(start, value, sink, each),
                Err(error) => sink.rejected(start, broken(&error)),
            };
        }
    }
}

/// An array is the values in it.
fn give(
    line: usize,
    value: Value,
    sink: &mut Sink<'_>,
    each: &mut impl FnMut(usize, Value, &mut Sink<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    match value {
        Value::Array(values) => values.into_iter().try_for_each(|value| each(line, value, sink)),
        value => each(line, value, sink),
    }
}

/// Follows brackets, to know where a value over many lines ends.
#[derive(Default)]
struct Scanner {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Scanner {
    fn scan(&mut self, text: &[u8]) {
        for byte in text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_string => self.is_escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_done(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}

fn broken(error: &serde_json::Error) -> String {
    if error.is_eof() {
        format!("the JSON is cut off at column {}", error.column())
    } else {
        format!("it is not JSON: {error}")
    }
}

/// What a file that is no JSON seems to be.
fn looks_like(line: &[u8]) -> &'static str {
    match line {
        [b'<', ..] => "XML or HTML",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [b'@', ..] => "BibTeX",
        [b'T', b'Y', b' ', ..] => "RIS",
        [b'P', b'K', ..] => "a zip archive; unpack it first",
        _ if line.contains(&0) || std::str::from_utf8(line).is_err() => "binary data",
        _ => "text",
    }
}
