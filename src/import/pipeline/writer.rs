//! The writer of the pipeline: writes records in batches and counts the results.

use tokio::sync::mpsc;

use crate::error::Error;
use crate::import::io::progress::Progress;
use crate::import::io::record_sink::{ItemContent, ReadItem, RecordOrigin};
use crate::import::{ImportError, ImportSummary};
use crate::model::record::Record;
use crate::store::Store;
use crate::store::access::retry::describe_failure;
use crate::store::unit_of_work::Effect;

/// Maximum number of rows of a batch, estimated; bounds the size of a transaction.
const MAX_BATCH_ROWS: usize = 8_000;
/// Maximum number of records of a batch.
const MAX_BATCH_RECORDS: usize = 1_500;
/// Batches are not made smaller than this part of the maximum while others wait for the write lock.
const MIN_BATCH_SHARE: usize = 32;

/// Writes records in batches and counts the results.
pub(crate) struct RecordWriter<'a> {
    pub(crate) store: &'a Store,
    /// The name of the source; each record's format if omitted.
    pub(crate) source: Option<&'a str>,
    pub(crate) is_strict: bool,
    pub(crate) progress: Progress,
    pub(crate) summary: ImportSummary,
    /// The maxima of a batch are divided by this.
    pub(crate) batch_divisor: usize,
    /// The number of written records after which the planner's statistics are looked at next.
    pub(crate) next_analysis: usize,
}

impl RecordWriter<'_> {
    pub(crate) async fn write_all(&mut self, mut items: mpsc::Receiver<ReadItem>) -> Result<(), ImportError> {
        let (mut origins, mut records, mut batch_rows) = (Vec::new(), Vec::new(), 0);
        let mut source = self.source.unwrap_or_default();
        while let Some(item) = items.recv().await {
            let item_source = self.source.unwrap_or(item.format);
            if item_source != source {
                self.write_batch(source, &std::mem::take(&mut origins), &std::mem::take(&mut records)).await?;
                (source, batch_rows) = (item_source, 0);
            }
            let origin = item.origin();
            match item.content {
                ItemContent::Record(record, warnings) => {
                    self.summary.read_records += 1;
                    for warning in warnings {
                        self.report_warning(&origin, &warning)?;
                    }
                    batch_rows += estimated_rows(&record);
                    origins.push(origin);
                    records.push(*record);
                }
                ItemContent::Invalid(reason) => {
                    self.summary.read_records += 1;
                    self.report_invalid(&origin, &reason)?;
                }
                ItemContent::Unreadable(reason) => {
                    self.summary.unreadable_files += 1;
                    self.report_problem(&format!("{origin}: unreadable file: {reason}"))?;
                }
                ItemContent::Note(note) => {
                    self.summary.warnings += 1;
                    self.progress.print_line(&format!("{origin}: note: {note}"));
                }
            }
            let divisor = self.batch_divisor.max(1);
            if batch_rows >= MAX_BATCH_ROWS / divisor || records.len() >= MAX_BATCH_RECORDS / divisor {
                self.write_batch(source, &std::mem::take(&mut origins), &std::mem::take(&mut records)).await?;
                batch_rows = 0;
            }
        }
        self.write_batch(source, &origins, &records).await
    }

    /// Writes a batch. If the database rejects it, it is halved until the invalid record is alone.
    async fn write_batch(
        &mut self,
        source: &str,
        origins: &[RecordOrigin],
        records: &[Record],
    ) -> Result<(), ImportError> {
        let mut parts = vec![(origins, records)];
        while let Some((origins, records)) = parts.pop() {
            if records.is_empty() {
                continue;
            }
            match self.store.write_records(source, records).await {
                Ok(report) => {
                    self.adapt_batches(report.is_awaited);
                    for effect in report.effects {
                        match effect {
                            Some(Effect::Created) => self.summary.created += 1,
                            Some(Effect::Updated) => self.summary.updated += 1,
                            Some(Effect::Unchanged) | None => self.summary.unchanged += 1,
                        }
                    }
                    for (index, note) in report.notes {
                        self.summary.warnings += 1;
                        if let Some(origin) = origins.get(index) {
                            self.progress.print_line(&format!("{origin}: note: {note}"));
                        }
                    }
                }
                // No fault of the records.
                Err(error @ (Error::Unavailable(_) | Error::Timeout(_))) => {
                    return Err(ImportError::Unwritten { first: origins[0].to_string(), source: error });
                }
                Err(error) if records.len() == 1 => {
                    let reason = format!("the database rejected it: {}", describe_failure(&error));
                    self.report_invalid(&origins[0], &reason)?;
                }
                Err(_) => {
                    let middle = records.len() / 2;
                    parts.push((&origins[middle..], &records[middle..]));
                    parts.push((&origins[..middle], &records[..middle]));
                }
            }
        }
        self.progress.set_record_count(self.summary.read_records);
        self.analyze_grown_tables().await;
        Ok(())
    }

    /// Keeps the plans of statements suited to the size of the tables.
    async fn analyze_grown_tables(&mut self) {
        let written = self.summary.created + self.summary.updated;
        if written < self.next_analysis {
            return;
        }
        self.next_analysis = written * 2;
        if let Err(error) = self.store.analyze_grown_tables().await {
            tracing::warn!(%error, "the statistics of the database's planner were not updated; the import may be slower");
        }
    }

    /// Halves the batches while somebody waits for the write lock, and doubles them again afterwards.
    fn adapt_batches(&mut self, is_awaited: bool) {
        let divisor = self.batch_divisor.max(1);
        self.batch_divisor = if is_awaited { (divisor * 2).min(MIN_BATCH_SHARE) } else { (divisor / 2).max(1) };
    }

    fn report_warning(&mut self, origin: &RecordOrigin, warning: &str) -> Result<(), ImportError> {
        self.summary.warnings += 1;
        self.report_problem(&format!("{origin}: warning: {warning}"))
    }

    fn report_invalid(&mut self, origin: &RecordOrigin, reason: &str) -> Result<(), ImportError> {
        self.summary.invalid += 1;
        self.report_problem(&format!("{origin}: invalid record: {reason}"))
    }

    fn report_problem(&mut self, line: &str) -> Result<(), ImportError> {
        self.progress.print_line(line);
        if self.is_strict { Err(ImportError::Strict(line.to_owned())) } else { Ok(()) }
    }
}

fn estimated_rows(record: &Record) -> usize {
    match record {
        Record::Paper(paper) => 2 + paper.authors.len() + paper.topics.len(),
        Record::Organization(organization) => 2 + organization.relations.len(),
        Record::Researcher(researcher) => 10 + researcher.affiliations.len() + researcher.topics.len(),
        // Topics are written one by one.
        Record::Topic(_) => 80,
    }
}
