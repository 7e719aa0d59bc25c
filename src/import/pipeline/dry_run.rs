//! Dry runs: reads and counts the records of files without writing them. No database is needed.

use std::collections::BTreeMap;
use std::fmt;

use crate::import::io::record_sink::{ItemContent, ReadItem};
use crate::import::pipeline::reader::spawn_reader;
use crate::import::{ImportError, ImportOptions};
use crate::model::record::Record;

/// Number of records that are printed as samples.
const MAX_SAMPLE_RECORDS: usize = 5;

/// The result of a dry run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRunSummary {
    /// Records that were read, including invalid ones.
    pub read_records: usize,
    /// Valid records by type.
    pub records_by_kind: BTreeMap<&'static str, usize>,
    /// Invalid records.
    pub invalid: usize,
    /// Warnings and notes.
    pub warnings: usize,
    /// Files that were unreadable or truncated.
    pub unreadable_files: usize,
    /// The first records as JSON, with their position in the file.
    pub samples: Vec<String>,
}

/// Reads files to their end and prints each problem on standard error, as an import does.
///
/// # Errors
/// Fails at the first invalid record or warning if the import is strict.
pub async fn dry_run(import: &ImportOptions) -> Result<DryRunSummary, ImportError> {
    let (mut items, progress, reader) = spawn_reader(import);
    let mut summary = DryRunSummary::default();
    let mut outcome = Ok(());
    while let Some(item) = items.recv().await {
        let problem = summary.add_item(&item);
        progress.set_record_count(summary.read_records);
        for line in &problem.lines {
            progress.print_line(line);
        }
        if let Some(line) = problem.lines.into_iter().next_back().filter(|_| import.is_strict && problem.aborts_strict)
        {
            outcome = Err(ImportError::Strict(line));
            break;
        }
    }
    drop(items);
    if reader.await.is_err() {
        tracing::error!("the file reader panicked");
        summary.unreadable_files += 1;
    }
    progress.finish();
    outcome.map(|()| summary)
}

/// The lines to print about an item.
struct ReportedProblem {
    lines: Vec<String>,
    aborts_strict: bool,
}

impl DryRunSummary {
    fn add_item(&mut self, item: &ReadItem) -> ReportedProblem {
        let origin = item.origin();
        match &item.content {
            ItemContent::Record(record, warnings) => {
                self.read_records += 1;
                *self.records_by_kind.entry(record_kind(record)).or_default() += 1;
                self.warnings += warnings.len();
                if self.samples.len() < MAX_SAMPLE_RECORDS
                    && let Ok(text) = serde_json::to_string_pretty(record)
                {
                    self.samples.push(format!("{origin}: {text}"));
                }
                let lines: Vec<String> =
                    warnings.iter().map(|warning| format!("{origin}: warning: {warning}")).collect();
                ReportedProblem { aborts_strict: !lines.is_empty(), lines }
            }
            ItemContent::Invalid(reason) => {
                self.read_records += 1;
                self.invalid += 1;
                ReportedProblem { lines: vec![format!("{origin}: invalid record: {reason}")], aborts_strict: true }
            }
            ItemContent::Unreadable(reason) => {
                self.unreadable_files += 1;
                ReportedProblem { lines: vec![format!("{origin}: unreadable file: {reason}")], aborts_strict: true }
            }
            ItemContent::Note(note) => {
                self.warnings += 1;
                ReportedProblem { lines: vec![format!("{origin}: note: {note}")], aborts_strict: false }
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
        for sample in &self.samples {
            writeln!(formatter, "{sample}")?;
        }
        write!(formatter, "read {}:", self.read_records)?;
        for (kind, amount) in &self.records_by_kind {
            write!(formatter, " {kind} {amount},")?;
        }
        write!(formatter, " invalid {}", self.invalid)?;
        match self.warnings {
            0 => {}
            1 => formatter.write_str("; 1 warning or note")?,
            count => write!(formatter, "; {count} warnings and notes")?,
        }
        match self.unreadable_files {
            0 => {}
            1 => formatter.write_str("; 1 unreadable file")?,
            files => write!(formatter, "; {files} unreadable files")?,
        }
        formatter.write_str("; nothing was written")
    }
}
