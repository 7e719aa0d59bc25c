//! JSON as people hand it over: one value a line, an array, a list inside of an answer, or a value over many lines.

mod array_stream;

use std::io::BufRead;

use serde_json::Value;

use crate::import::io::json::array_stream::Elements;
use crate::import::io::lines::{Lines, looks_like, size, unreadable};
use crate::import::{Sink, Stop};

/// The longest value: more is no record but a mistake.
const LONGEST: usize = 64 << 20;

/// The most values within one: each takes far more memory than it has bytes.
const MOST_VALUES: usize = 4_000_000;

/// Gives each value with the number of the line on which it begins.
///
/// A line that holds a whole value is one. Otherwise lines are put together until they hold one, as printers with
/// indentation write it; an array is the values in it. Text that is no JSON is rejected line by line, so that one
/// damaged line costs only itself.
pub(crate) fn values(
    reader: &mut dyn BufRead,
    sink: &mut Sink<'_>,
    each: impl FnMut(usize, Value, &mut Sink<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    records(reader, &[], sink, each)
}

/// The same, where records may also be in a list inside of an answer, at one of these paths. The list is read record by
/// record, however long it is. An answer whose list has nothing is given as it is.
pub(crate) fn records(
    reader: &mut dyn BufRead,
    paths: &[&[&str]],
    sink: &mut Sink<'_>,
    mut each: impl FnMut(usize, Value, &mut Sink<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let head = reader.fill_buf().map_err(|error| unreadable(1, &error))?;
    if Elements::begin_in(head, paths) {
        crate::import::io::json::array_stream::each(reader, paths, sink, &mut each)
    } else {
        line_by_line(reader, sink, &mut each)
    }
}

fn line_by_line(
    reader: &mut dyn BufRead,
    sink: &mut Sink<'_>,
    each: &mut impl FnMut(usize, Value, &mut Sink<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut lines = Lines::new(reader, LONGEST);
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
        if lines.is_cut {
            sink.rejected(start, format!("{}; records are one a line, or an array over lines", lines.too_long()))?;
            continue;
        }
        value(&text, start, in_array, &mut lines, sink, each)?;
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
    let reason = match parse(&trimmed(text)) {
        Ok(value) => return give(start, value, sink, each),
        // Printers break lines only behind one of these; a line that ends otherwise is cut or damaged.
        Err(Fault::Ends(_)) if matches!(text.last(), Some(b'{' | b'[' | b',')) => None,
        Err(fault) => Some(fault.into_reason()),
    };
    if let Some(reason) = reason {
        return sink.rejected(start, reason);
    }
    let mut whole = text.to_vec();
    let mut is_too_long = false;
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
        if !is_too_long {
            whole.push(b'\n');
            whole.extend_from_slice(line);
        }
        if whole.len() > LONGEST || lines.is_cut {
            is_too_long = true;
            whole = Vec::new();
        }
        if lines.is_cut {
            // What was cut away may have had brackets.
            return Err(Stop::Unreadable(lines.number, lines.too_long()));
        }
        if scanner.is_done() && is_too_long {
            return sink.rejected(start, too_long());
        }
        if scanner.is_done() {
            return match parse(&trimmed(&whole)) {
                Ok(value) => give(start, value, sink, each),
                Err(fault) => sink.rejected(start, fault.into_reason()),
            };
        }
    }
}

fn too_long() -> String {
    format!("the value that begins here has more than {}", size(LONGEST))
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

/// Why a text is no value.
enum Fault {
    /// It ends before the value does, at a column.
    Ends(usize),
    /// Anything else.
    Other(String),
}

impl Fault {
    fn into_reason(self) -> String {
        match self {
            Self::Ends(column) => format!("the JSON is cut off at column {column}"),
            Self::Other(reason) => reason,
        }
    }
}

fn parse(text: &[u8]) -> Result<Value, Fault> {
    let mut scanner = Scanner::default();
    scanner.scan(text);
    if scanner.values > MOST_VALUES {
        return Err(Fault::Other(format!("it has more than {MOST_VALUES} values, as no record does")));
    }
    serde_json::from_slice(text).map_err(|error| {
        if error.is_eof() { Fault::Ends(error.column()) } else { Fault::Other(format!("it is not JSON: {error}")) }
    })
}

/// Follows brackets, to know where a value over many lines ends.
#[derive(Default)]
struct Scanner {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// About how many values there were.
    values: usize,
}

impl Scanner {
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
                self.values += 1;
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' => self.values += 1,
            _ => {}
        }
    }

    fn is_done(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}
