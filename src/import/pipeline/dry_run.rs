//! `--dry-run`: files are read and counted, and nothing is written; no database is needed.

use std::collections::BTreeMap;
use std::fmt;

use crate::import::{Content, Import, ImportError, Item, start_reading};
use crate::model::record::Record;

/// How many records are shown as they were understood.
const SHOWN: usize = 5;

/// What the files hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Records that the files held, those that cannot be used included.
    pub read: usize,
    /// Records that can be used, by what they are.
    pub kinds: BTreeMap<&'static str, usize>,
    /// Those that cannot be used.
    pub rejected: usize,
    /// Things that were mended, or that a person should know of.
    pub notes: usize,
    /// Files that could not be read, or not to their end.
    pub unreadable: usize,
    /// The first records as they were understood, each with its place and its kind.
    pub shown: Vec<String>,
}

/// Reads files to their end and tells each problem on standard error, as an import does.
///
/// # Errors
/// Where something is bad and the import is strict.
pub async fn survey(import: &Import) -> Result<Survey, ImportError> {
    let (mut items, progress, reader) = start_reading(import);
    let mut survey = Survey::default();
    let mut outcome = Ok(());
    while let Some(item) = items.recv().await {
        let bad = survey.count(&item);
        progress.records(survey.read);
        for line in &bad.lines {
            progress.line(line);
        }
        if let Some(line) = bad.lines.into_iter().next_back().filter(|_| import.is_strict && bad.is_bad) {
            outcome = Err(ImportError::Strict(line));
            break;
        }
    }
    drop(items);
    if reader.await.is_err() {
        tracing::error!("the reader of the files ended early");
        survey.unreadable += 1;
    }
    progress.finish();
    outcome.map(|()| survey)
}

/// What is told of an item.
struct Told {
    lines: Vec<String>,
    is_bad: bool,
}

impl Survey {
    fn count(&mut self, item: &Item) -> Told {
        let origin = item.origin();
        match &item.content {
            Content::Record(record, notes) => {
                self.read += 1;
                *self.kinds.entry(kind(record)).or_default() += 1;
                self.notes += notes.len();
                if self.shown.len() < SHOWN
                    && let Ok(text) = serde_json::to_string_pretty(record)
                {
                    self.shown.push(format!("{origin}: {text}"));
                }
                let lines: Vec<String> = notes.iter().map(|note| format!("{origin}: mended: {note}")).collect();
                Told { is_bad: !lines.is_empty(), lines }
            }
            Content::Rejected(reason) => {
                self.read += 1;
                self.rejected += 1;
                Told { lines: vec![format!("{origin}: rejected: {reason}")], is_bad: true }
            }
            Content::Unreadable(reason) => {
                self.unreadable += 1;
                Told { lines: vec![format!("{origin}: not read: {reason}")], is_bad: true }
            }
            Content::Note(note) => {
                self.notes += 1;
                Told { lines: vec![format!("{origin}: note: {note}")], is_bad: false }
            }
        }
    }
}

fn kind(record: &Record) -> &'static str {
    match record {
        Record::Organization(_) => "organizations",
        Record::Topic(_) => "topics",
        Record::Researcher(_) => "researchers",
        Record::Paper(_) => "papers",
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shown in &self.shown {
            writeln!(formatter, "{shown}")?;
        }
        write!(formatter, "read {}:", self.read)?;
        for (kind, amount) in &self.kinds {
            write!(formatter, " {kind} {amount},")?;
        }
        write!(formatter, " rejected {}", self.rejected)?;
        match self.notes {
            0 => {}
            1 => formatter.write_str("; 1 note")?,
            notes => write!(formatter, "; {notes} notes")?,
        }
        match self.unreadable {
            0 => {}
            1 => formatter.write_str("; 1 file could not be read to its end")?,
            files => write!(formatter, "; {files} files could not be read to their end")?,
        }
        formatter.write_str("; nothing was written")
    }
}
