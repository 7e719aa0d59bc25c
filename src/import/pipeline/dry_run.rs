//! `--dry-run`: files are read and counted, and nothing is written; no database is needed.

use std::collections::BTreeMap;
use std::fmt;

use crate::import::io::record_sink::{ItemContent, ReadItem};
use crate::import::pipeline::reader::spawn_reader;
use crate::import::{ImportError, ImportOptions};
use crate::model::record::Record;

/// How many records are shown as they were understood.
const MAX_SAMPLE_RECORDS: usize = 5;

/// What the files hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRunSummary {
    /// Records that the files held, those that cannot be used included.
    pub read_records: usize,
    /// Records that can be used, by what they are.
    pub records_by_kind: BTreeMap<&'static str, usize>,
    /// Those that cannot be used.
    pub invalid: usize,
    /// Things that were mended, or that a person should know of.
    pub warnings: usize,
    /// Files that could not be read, or not to their end.
    pub unreadable_files: usize,
    /// The first records as they were understood, each with its place and its kind.
    pub samples: Vec<String>,
}

/// Reads files to their end and tells each problem on standard error, as an import does.
///
/// # Errors
/// Where something is bad and the import is strict.
pub async fn dry_run(import: &ImportOptions) -> Result<DryRunSummary, ImportError> {
    let (mut items, progress, reader) = spawn_reader(import);
    let mut survey = DryRunSummary::default();
    let mut outcome = Ok(());
    while let Some(item) = items.recv().await {
        let bad = survey.add_item(&item);
        progress.set_record_count(survey.read_records);
        for line in &bad.lines {
            progress.print_line(line);
        }
        if let Some(line) = bad.lines.into_iter().next_back().filter(|_| import.is_strict && bad.is_bad) {
            outcome = Err(ImportError::Strict(line));
            break;
        }
    }
    drop(items);
    if reader.await.is_err() {
        tracing::error!("the file reader panicked");
        survey.unreadable_files += 1;
    }
    progress.finish();
    outcome.map(|()| survey)
}

/// What is told of an item.
struct ReportedProblem {
    lines: Vec<String>,
    is_bad: bool,
}

impl DryRunSummary {
    fn add_item(&mut self, item: &ReadItem) -> ReportedProblem {
        let origin = item.origin();
        match &item.content {
            ItemContent::Record(record, notes) => {
                self.read_records += 1;
                *self.records_by_kind.entry(record_kind(record)).or_default() += 1;
                self.warnings += notes.len();
                if self.samples.len() < MAX_SAMPLE_RECORDS
                    && let Ok(text) = serde_json::to_string_pretty(record)
                {
                    self.samples.push(format!("{origin}: {text}"));
                }
                let lines: Vec<String> = notes.iter().map(|note| format!("{origin}: warning: {note}")).collect();
                ReportedProblem { is_bad: !lines.is_empty(), lines }
            }
            ItemContent::Invalid(reason) => {
                self.read_records += 1;
                self.invalid += 1;
                ReportedProblem { lines: vec![format!("{origin}: invalid record: {reason}")], is_bad: true }
            }
            ItemContent::Unreadable(reason) => {
                self.unreadable_files += 1;
                ReportedProblem { lines: vec![format!("{origin}: unreadable file: {reason}")], is_bad: true }
            }
            ItemContent::Note(note) => {
                self.warnings += 1;
                ReportedProblem { lines: vec![format!("{origin}: note: {note}")], is_bad: false }
            }
        }
    }
}

fn record_kind(record: &Record) -> &'static str {
    match record {
        Record::Organization(_) => "organizations",
        Record::Topic(_) => "topics",
        Record::Researcher(_) => "researchers",
        Record::Paper(_) => "papers",
    }
}

impl fmt::Display for DryRunSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shown in &self.samples {
            writeln!(formatter, "{shown}")?;
        }
        write!(formatter, "read {}:", self.read_records)?;
        for (kind, amount) in &self.records_by_kind {
            write!(formatter, " {kind} {amount},")?;
        }
        write!(formatter, " invalid {}", self.invalid)?;
        match self.warnings {
            0 => {}
            1 => formatter.write_str("; 1 warning or note")?,
            notes => write!(formatter, "; {notes} warnings and notes")?,
        }
        match self.unreadable_files {
            0 => {}
            1 => formatter.write_str("; 1 unreadable file")?,
            files => write!(formatter, "; {files} unreadable files")?,
        }
        formatter.write_str("; nothing was written")
    }
}
