//! Reads lines of bounded length; a line that is too long does not affect the others.

use std::borrow::Cow;
use std::io::{self, BufRead};

use crate::import::io::record_sink::ReadAbort;

/// Stored prefix of a line that is too long, for content sniffing.
const TRUNCATED_PREFIX_BYTES: usize = 200;

/// A reader of lines with their numbers.
pub(crate) struct BoundedLines<'a> {
    reader: &'a mut dyn BufRead,
    max_bytes: usize,
    /// The line terminator; a carriage return if the start of the file has no line feed.
    terminator: Option<u8>,
    /// The number of the last line, starting at 1.
    pub(crate) number: usize,
    /// Whether the last line exceeded the limit and only its prefix was returned.
    pub(crate) is_truncated: bool,
    buffer: Vec<u8>,
}

impl<'a> BoundedLines<'a> {
    pub(crate) fn new(reader: &'a mut dyn BufRead, max_bytes: usize) -> Self {
        Self { reader, max_bytes, terminator: None, number: 0, is_truncated: false, buffer: Vec::new() }
    }

    /// Returns the next line, trimmed, or `None` at the end of the file.
    pub(crate) fn next_line(&mut self) -> Result<Option<&[u8]>, ReadAbort> {
        Ok(self.next_raw_line()?.map(<[u8]>::trim_ascii))
    }

    /// Returns the next line without its terminator, or `None` at the end of the file.
    pub(crate) fn next_raw_line(&mut self) -> Result<Option<&[u8]>, ReadAbort> {
        self.buffer.clear();
        self.is_truncated = false;
        let mut is_line = false;
        loop {
            let available = self.reader.fill_buf().map_err(|error| unreadable_error(self.number + 1, &error))?;
            if available.is_empty() {
                if !is_line {
                    return Ok(None);
                }
                break;
            }
            is_line = true;
            let ends_with = *self.terminator.get_or_insert_with(|| {
                let returns = available.iter().filter(|byte| **byte == b'\r').count();
                let is_old = returns > usize::from(available.ends_with(b"\r")) && !available.contains(&b'\n');
                if is_old { b'\r' } else { b'\n' }
            });
            let end = available.iter().position(|byte| *byte == ends_with);
            let used = end.map_or(available.len(), |end| end + 1);
            if !self.is_truncated {
                self.buffer.extend_from_slice(&available[..used]);
            }
            self.reader.consume(used);
            if self.buffer.len() > self.max_bytes {
                self.is_truncated = true;
                self.buffer.truncate(TRUNCATED_PREFIX_BYTES);
                self.buffer.shrink_to_fit();
            }
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Ok(Some(if self.number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line }))
    }

    /// Explains why a truncated line is invalid.
    pub(crate) fn too_long_reason(&self) -> String {
        format!("the line is longer than {}", format_size(self.max_bytes))
    }
}

pub(crate) fn format_size(bytes: usize) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}

/// Reports that the rest of a file is unreadable.
pub(crate) fn unreadable_error(line: usize, error: &io::Error) -> ReadAbort {
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the compressed data ends early; the file is truncated".to_owned(),
        _ => format!("its rest is unreadable: {error}"),
    };
    ReadAbort::Unreadable(line, reason)
}

/// Decodes bytes as UTF-8, otherwise as Windows-1252, a superset of Latin-1. The flag is set if they are not UTF-8.
pub(crate) fn decode_text(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => (encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0, true),
    }
}

/// The warning about text that is not UTF-8.
pub(crate) const NOT_UTF8_WARNING: &str = "it is not UTF-8 and was read as Windows-1252";
