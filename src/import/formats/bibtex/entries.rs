//! Where entries begin and end in a file.

use std::io::BufRead;

use crate::import::Stop;
use crate::import::io::lines::{self, Lines, NOT_UTF_8, size};

const LONGEST_LINE: usize = 1 << 20;
const LONGEST_ENTRY: usize = 4 << 20;
/// Braces cost more than their bytes where LaTeX is read: recursion for the depth, time in square for the number.
const DEEPEST: usize = 60;
const MOST_BRACES: usize = 10_000;

pub(super) enum Entry {
    /// The text of an entry, from its @ on, and what was mended in it.
    Whole {
        line: usize,
        text: String,
        notes: Vec<String>,
    },
    Damaged {
        line: usize,
        reason: String,
    },
}

pub(super) struct Entries<'a> {
    lines: Lines<'a>,
    /// The rest of a line of which an entry was taken, and its number.
    rest: Option<(usize, Vec<u8>)>,
    has_entries: bool,
    is_first: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn new(reader: &'a mut dyn BufRead) -> Self {
        Self { lines: Lines::new(reader, LONGEST_LINE), rest: None, has_entries: false, is_first: true }
    }

    /// The next entry; what is between entries is no part of any.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Stop> {
        loop {
            let Some((number, line)) = self.line()? else {
                return if self.has_entries { Ok(None) } else { Err(Stop::Unreadable(1, self.no_entry())) };
            };
            if std::mem::take(&mut self.is_first) && self.is_other(&line) {
                let reason = format!("it does not begin like BibTeX but like {}", lines::looks_like(&line));
                return Err(Stop::Unreadable(1, reason));
            }
            if let Some(start) = beginning(&line) {
                self.has_entries = true;
                return self.entry(number, line[start..].to_vec()).map(Some);
            }
        }
    }

    fn no_entry(&self) -> String {
        if self.lines.number == 0 { "it is empty".to_owned() } else { "there is no BibTeX entry in it".to_owned() }
    }

    fn is_other(&self, line: &[u8]) -> bool {
        line.contains(&0)
            || matches!(lines::looks_like(line), "JSON" | "XML or HTML" | "RIS" | "Turtle")
            || line.starts_with(b"%PDF")
            || line.starts_with(b"PK")
    }

    fn line(&mut self) -> Result<Option<(usize, Vec<u8>)>, Stop> {
        if let Some(rest) = self.rest.take() {
            return Ok(Some(rest));
        }
        let Some(line) = self.lines.next_untrimmed()? else { return Ok(None) };
        let line = line.to_vec();
        Ok(Some((self.lines.number, line)))
    }

    /// The entry that begins with `text`.
    fn entry(&mut self, start: usize, text: Vec<u8>) -> Result<Entry, Stop> {
        let mut braces = Braces::default();
        let mut whole = Vec::new();
        let mut fault = None;
        let (mut number, mut line) = (start, text);
        loop {
            if self.lines.is_cut && self.lines.number == number {
                fault = fault.or_else(|| Some(self.lines.too_long()));
            }
            if let Some(end) = braces.end_in(&line) {
                whole.extend_from_slice(&line[..end]);
                self.rest = Some((number, line[end..].to_vec()));
                break;
            }
            if whole.len() + line.len() > LONGEST_ENTRY {
                fault = fault.or_else(|| Some(format!("the entry has more than {}", size(LONGEST_ENTRY))));
                whole.clear();
            }
            whole.extend_from_slice(&line);
            whole.push(b'\n');
            let Some(next) = self.line()? else {
                let reason = "the entry that begins here does not end; the file is cut off".to_owned();
                return Ok(Entry::Damaged { line: start, reason });
            };
            if begins_entry(&next.1) {
                self.rest = Some(next);
                let reason = "the entry that begins here does not end before the next one begins".to_owned();
                return Ok(Entry::Damaged { line: start, reason: fault.unwrap_or(reason) });
            }
            (number, line) = next;
        }
        if braces.deepest > DEEPEST {
            fault = fault.or_else(|| Some(format!("its braces are more than {DEEPEST} deep")));
        }
        if braces.count > MOST_BRACES {
            fault = fault.or_else(|| Some(format!("it has more than {MOST_BRACES} braces")));
        }
        if let Some(reason) = fault {
            return Ok(Entry::Damaged { line: start, reason });
        }
        let (text, is_mended) = lines::text(&whole);
        let notes = if is_mended { vec![NOT_UTF_8.to_owned()] } else { Vec::new() };
        Ok(Entry::Whole { line: start, text: text.into_owned(), notes })
    }
}

/// Where an entry begins in a line outside of entries: an @ and a word behind it.
fn beginning(line: &[u8]) -> Option<usize> {
    // A % makes a comment of the line in many libraries.
    if line.trim_ascii_start().starts_with(b"%") {
        return None;
    }
    let starts = (0..line.len()).filter(|start| line[*start] == b'@');
    starts.into_iter().find(|start| kind_end(&line[*start..]).is_some())
}

/// Where the bracket behind `@kind` is.
fn kind_end(text: &[u8]) -> Option<usize> {
    let word = text[1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let gap = text[1 + word..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let bracket = 1 + word + gap;
    (word > 0 && matches!(text.get(bracket), Some(b'{' | b'('))).then_some(bracket)
}

/// Whether a line begins an entry, whatever comes before: `@article{key,` and nothing like an address in it.
fn begins_entry(line: &[u8]) -> bool {
    let Some(bracket) = line.starts_with(b"@").then(|| kind_end(line)).flatten() else { return false };
    let key = line[bracket + 1..].iter().take_while(|byte| !matches!(byte, b',' | b'=' | b'}' | b'{')).count();
    matches!(line.get(bracket + 1 + key), Some(b',' | b'=') | None)
}

/// Follows the brackets of an entry. An escaped one counts, as it does in BibTeX.
#[derive(Default)]
struct Braces {
    depth: usize,
    deepest: usize,
    count: usize,
    has_begun: bool,
    is_round: bool,
}

impl Braces {
    /// Where in the line the entry ends.
    fn end_in(&mut self, line: &[u8]) -> Option<usize> {
        for (index, byte) in line.iter().enumerate() {
            match byte {
                b'{' | b'(' if !self.has_begun => {
                    self.has_begun = true;
                    self.is_round = *byte == b'(';
                    self.depth = usize::from(!self.is_round);
                }
                b'{' => self.depth += 1,
                b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 && !self.is_round {
                        return Some(index + 1);
                    }
                }
                b')' if self.is_round && self.depth == 0 && self.has_begun => return Some(index + 1),
                _ => continue,
            }
            self.count += 1;
            self.deepest = self.deepest.max(self.depth);
        }
        None
    }
}
