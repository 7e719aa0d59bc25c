//! Splits a BibTeX file into entries.

use std::io::BufRead;

use crate::import::io::content_kind::ContentKind;
use crate::import::io::lines::{self, BoundedLines, NOT_UTF8_WARNING, format_size};
use crate::import::io::record_sink::ReadAbort;

const MAX_LINE_BYTES: usize = 1 << 20;
const MAX_ENTRY_BYTES: usize = 4 << 20;
/// Parsing LaTeX recurses into nested braces and takes quadratic time in their number.
const MAX_BRACE_DEPTH: usize = 60;
const MAX_BRACES: usize = 10_000;

pub(super) enum SplitEntry {
    /// The text of an entry, starting with its `@`, and warnings about it.
    Complete {
        line: usize,
        text: String,
        warnings: Vec<String>,
    },
    Malformed {
        line: usize,
        reason: String,
    },
}

pub(super) struct EntrySplitter<'a> {
    lines: BoundedLines<'a>,
    /// The number and the rest of the line on which the previous entry ended.
    rest: Option<(usize, Vec<u8>)>,
    has_entries: bool,
    is_first: bool,
}

impl<'a> EntrySplitter<'a> {
    pub(super) fn new(reader: &'a mut dyn BufRead) -> Self {
        Self { lines: BoundedLines::new(reader, MAX_LINE_BYTES), rest: None, has_entries: false, is_first: true }
    }

    /// Returns the next entry; text between entries is skipped.
    pub(super) fn next_entry(&mut self) -> Result<Option<SplitEntry>, ReadAbort> {
        loop {
            let Some((number, line)) = self.next_line()? else {
                return if self.has_entries { Ok(None) } else { Err(ReadAbort::Unreadable(1, self.no_entry_reason())) };
            };
            if std::mem::take(&mut self.is_first) && self.is_other_format(&line) {
                let reason = format!("it is not BibTeX; it starts like {}", ContentKind::of(&line));
                return Err(ReadAbort::Unreadable(1, reason));
            }
            if let Some(start) = entry_start(&line) {
                self.has_entries = true;
                return self.read_entry(number, line[start..].to_vec()).map(Some);
            }
        }
    }

    fn no_entry_reason(&self) -> String {
        if self.lines.number == 0 { "it is empty".to_owned() } else { "it has no BibTeX entry".to_owned() }
    }

    fn is_other_format(&self, line: &[u8]) -> bool {
        line.contains(&0)
            || matches!(
                ContentKind::of(line),
                ContentKind::Json | ContentKind::Markup | ContentKind::Ris | ContentKind::Turtle
            )
            || line.starts_with(b"%PDF")
            || line.starts_with(b"PK")
    }

    fn next_line(&mut self) -> Result<Option<(usize, Vec<u8>)>, ReadAbort> {
        if let Some(rest) = self.rest.take() {
            return Ok(Some(rest));
        }
        let Some(line) = self.lines.next_raw_line()? else { return Ok(None) };
        let line = line.to_vec();
        Ok(Some((self.lines.number, line)))
    }

    /// Reads the entry that starts with `text`.
    fn read_entry(&mut self, start: usize, text: Vec<u8>) -> Result<SplitEntry, ReadAbort> {
        let mut braces = BraceScanner::default();
        let mut whole = Vec::new();
        let mut fault = None;
        let (mut number, mut line) = (start, text);
        loop {
            if self.lines.is_truncated && self.lines.number == number {
                fault = fault.or_else(|| Some(self.lines.too_long_reason()));
            }
            if let Some(end) = braces.entry_end(&line) {
                whole.extend_from_slice(&line[..end]);
                self.rest = Some((number, line[end..].to_vec()));
                break;
            }
            if whole.len() + line.len() > MAX_ENTRY_BYTES {
                fault = fault.or_else(|| Some(format!("the entry is larger than {}", format_size(MAX_ENTRY_BYTES))));
                whole.clear();
            }
            whole.extend_from_slice(&line);
            whole.push(b'\n');
            let Some(next) = self.next_line()? else {
                let reason = "the entry that starts here is not closed; the file is truncated".to_owned();
                return Ok(SplitEntry::Malformed { line: start, reason });
            };
            if is_entry_start(&next.1) {
                self.rest = Some(next);
                let reason = "the entry that starts here is not closed before the next one".to_owned();
                return Ok(SplitEntry::Malformed { line: start, reason: fault.unwrap_or(reason) });
            }
            (number, line) = next;
        }
        if braces.max_depth > MAX_BRACE_DEPTH {
            fault = fault.or_else(|| Some(format!("its braces are nested more than {MAX_BRACE_DEPTH} deep")));
        }
        if braces.count > MAX_BRACES {
            fault = fault.or_else(|| Some(format!("it has more than {MAX_BRACES} braces")));
        }
        if let Some(reason) = fault {
            return Ok(SplitEntry::Malformed { line: start, reason });
        }
        let (text, has_invalid_utf8) = lines::decode_text(&whole);
        let warnings = if has_invalid_utf8 { vec![NOT_UTF8_WARNING.to_owned()] } else { Vec::new() };
        Ok(SplitEntry::Complete { line: start, text: text.into_owned(), warnings })
    }
}

/// Returns the position of an entry in a line outside entries: an `@` followed by a word and a bracket.
fn entry_start(line: &[u8]) -> Option<usize> {
    // Many libraries comment out lines with `%`.
    if line.trim_ascii_start().starts_with(b"%") {
        return None;
    }
    let starts = (0..line.len()).filter(|start| line[*start] == b'@');
    starts.into_iter().find(|start| opening_bracket(&line[*start..]).is_some())
}

/// Returns the position of the bracket after `@type`.
fn opening_bracket(text: &[u8]) -> Option<usize> {
    let word = text[1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let gap = text[1 + word..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let bracket = 1 + word + gap;
    (word > 0 && matches!(text.get(bracket), Some(b'{' | b'('))).then_some(bracket)
}

/// Whether a line starts an entry even inside an unclosed one: `@article{key,`, but not an e-mail address.
fn is_entry_start(line: &[u8]) -> bool {
    let Some(bracket) = line.starts_with(b"@").then(|| opening_bracket(line)).flatten() else { return false };
    let key = line[bracket + 1..].iter().take_while(|byte| !matches!(byte, b',' | b'=' | b'}' | b'{')).count();
    matches!(line.get(bracket + 1 + key), Some(b',' | b'=') | None)
}

/// Tracks the brackets of an entry. Escaped brackets count, as in BibTeX.
#[derive(Default)]
struct BraceScanner {
    depth: usize,
    max_depth: usize,
    count: usize,
    is_started: bool,
    is_parenthesized: bool,
    /// In an entry in parentheses, whether the text is in quotation marks, where parentheses are text.
    is_quoted: bool,
    is_escaped: bool,
}

impl BraceScanner {
    /// Returns the position in the line after the end of the entry.
    fn entry_end(&mut self, line: &[u8]) -> Option<usize> {
        for (index, byte) in line.iter().enumerate() {
            let is_escaped = self.is_escaped;
            self.is_escaped = *byte == b'\\' && !is_escaped;
            match byte {
                b'"' if self.is_parenthesized && self.depth == 0 && !is_escaped => {
                    self.is_quoted = !self.is_quoted;
                    continue;
                }
                b'{' | b'(' if !self.is_started => {
                    self.is_started = true;
                    self.is_parenthesized = *byte == b'(';
                    self.depth = usize::from(!self.is_parenthesized);
                }
                b'{' => self.depth += 1,
                b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 && !self.is_parenthesized {
                        return Some(index + 1);
                    }
                }
                b')' if self.is_parenthesized && self.depth == 0 && !self.is_quoted => return Some(index + 1),
                _ => continue,
            }
            self.count += 1;
            self.max_depth = self.max_depth.max(self.depth);
        }
        None
    }
}
