//! The rows of a table.

use std::collections::VecDeque;
use std::io::BufRead;

use crate::import::formats::csv::header::CsvHeader;
use crate::import::io::content_kind::ContentKind;
use crate::import::io::delimited::{self, MAX_LINES_BEFORE_HEADER, split_row};
use crate::import::io::lines::{self, BoundedLines};
use crate::import::io::record_sink::{ReadAbort, RecordSink};

const MAX_LINE_BYTES: usize = 1 << 20;

/// Maximum number of lines of a row; quoted fields may contain line breaks.
const MAX_ROW_LINES: usize = 500;

pub(super) enum CsvRow {
    Complete { line: usize, fields: Vec<String>, has_invalid_utf8: bool, size: usize },
    Malformed { line: usize, reason: String },
}

/// Splits a file into rows. A row continues on the next line if a quoted field is open at the end of the line.
pub(super) struct CsvRowReader<'a> {
    lines: BoundedLines<'a>,
    pushed_back: VecDeque<(usize, Vec<u8>, bool)>,
}

impl<'a> CsvRowReader<'a> {
    pub(super) fn new(reader: &'a mut dyn BufRead) -> Self {
        Self { lines: BoundedLines::new(reader, MAX_LINE_BYTES), pushed_back: VecDeque::new() }
    }

    fn next_line(&mut self) -> Result<Option<(usize, Vec<u8>, bool)>, ReadAbort> {
        if let Some(line) = self.pushed_back.pop_front() {
            return Ok(Some(line));
        }
        let Some(line) = self.lines.next_raw_line()? else { return Ok(None) };
        let line = line.to_vec();
        Ok(Some((self.lines.number, line, self.lines.is_truncated)))
    }

    /// Reads the header: the first of the first lines that is one. Some programs write a title, comments or Excel's
    /// `sep=;` before it.
    pub(super) fn read_header(
        &mut self,
        sink: &mut RecordSink<'_>,
    ) -> Result<(usize, (CsvHeader, Option<String>)), ReadAbort> {
        let mut fault = None;
        let (mut skipped, mut has_unknown_lines) = (0, false);
        while let Some((number, line, is_truncated)) = self.next_line()?.filter(|_| skipped <= MAX_LINES_BEFORE_HEADER)
        {
            if is_truncated {
                return Err(ReadAbort::Unreadable(number, self.lines.too_long_reason()));
            }
            let text = lines::decode_text(&line).0;
            if text.trim().is_empty() {
                continue;
            }
            match CsvHeader::parse(&text) {
                Ok(header) => {
                    if has_unknown_lines {
                        sink.push_note(number, delimited::skipped_lines_note(skipped))?;
                    }
                    return Ok((number, header));
                }
                Err(reason) if ContentKind::of(text.as_bytes()) != ContentKind::Text => {
                    return Err(fault.unwrap_or(ReadAbort::Unreadable(number, reason)));
                }
                Err(reason) => {
                    has_unknown_lines |= !delimited::is_before_header(&line);
                    fault.get_or_insert(ReadAbort::Unreadable(number, reason));
                }
            }
            skipped += 1;
        }
        Err(fault.unwrap_or(ReadAbort::Unreadable(0, "it is empty".to_owned())))
    }

    pub(super) fn next_row(&mut self, delimiter: u8) -> Result<Option<CsvRow>, ReadAbort> {
        let (number, first, is_truncated) = loop {
            match self.next_line()? {
                None => return Ok(None),
                Some((_, line, false)) if line.trim_ascii().is_empty() => {}
                Some(line) => break line,
            }
        };
        if is_truncated {
            return Ok(Some(CsvRow::Malformed { line: number, reason: self.lines.too_long_reason() }));
        }
        let mut quotes = QuoteScanner::default();
        quotes.scan_line(&first, delimiter);
        let mut whole = first;
        let mut others = Vec::new();
        while quotes.is_open && !quotes.is_broken {
            let next =
                if others.len() < MAX_ROW_LINES && whole.len() < MAX_LINE_BYTES { self.next_line()? } else { None };
            let Some((line, text, is_truncated)) = next else { break };
            quotes.scan_line(&text, delimiter);
            quotes.is_broken |= is_truncated;
            whole.push(b'\n');
            whole.extend_from_slice(&text);
            others.push((line, text, is_truncated));
        }
        if quotes.is_open || quotes.is_broken {
            // The following lines are rows of their own.
            for line in others.into_iter().rev() {
                self.pushed_back.push_front(line);
            }
            let reason = "the quotation marks in this row do not match".to_owned();
            return Ok(Some(CsvRow::Malformed { line: number, reason }));
        }
        let (text, has_invalid_utf8) = lines::decode_text(&whole);
        Ok(Some(match split_row(&text, delimiter) {
            Some(fields) => CsvRow::Complete { line: number, size: text.len(), fields, has_invalid_utf8 },
            None => CsvRow::Malformed { line: number, reason: "it is not a valid row".to_owned() },
        }))
    }
}

/// Tracks quotation marks across the lines of a row.
#[derive(Default)]
struct QuoteScanner {
    is_open: bool,
    /// Whether a quotation mark closed inside a field; the opening mark is then unmatched.
    is_broken: bool,
}

impl QuoteScanner {
    fn scan_line(&mut self, line: &[u8], delimiter: u8) {
        let mut is_start = !self.is_open;
        let mut bytes = line.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if self.is_open && bytes.peek() == Some(&b'"') => {
                    bytes.next();
                }
                b'"' if self.is_open => {
                    self.is_open = false;
                    self.is_broken |=
                        bytes.peek().is_some_and(|next| *next != delimiter && !next.is_ascii_whitespace());
                }
                // Inside a field a quotation mark is an ordinary character.
                b'"' => self.is_open = is_start,
                _ => {}
            }
            is_start = byte == delimiter;
        }
    }
}
