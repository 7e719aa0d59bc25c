//! Records on their way into the directory, batch by batch.

use tokio::sync::mpsc;

use crate::error::Error;
use crate::import::pipeline::progress::Progress;
use crate::import::{Content, ImportError, Item, Origin, Summary};
use crate::model::record::Record;
use crate::store::Store;
use crate::store::unit_of_work::Effect;

/// Authors and other rows that a batch holds at most: enough to be fast, little enough to be small.
const BATCH_WEIGHT: usize = 8_000;
/// Records that a batch holds at most.
const BATCH_RECORDS: usize = 1_500;

/// Writes what is read, and keeps count.
pub(crate) struct Writer<'a> {
    pub(crate) store: &'a Store,
    /// The source's name; that of the format of a record where absent.
    pub(crate) source: Option<&'a str>,
    pub(crate) is_strict: bool,
    pub(crate) progress: Progress,
    pub(crate) summary: Summary,
}

impl Writer<'_> {
    pub(crate) async fn write_all(&mut self, mut items: mpsc::Receiver<Item>) -> Result<(), ImportError> {
        let (mut origins, mut records, mut weight) = (Vec::new(), Vec::new(), 0);
        let mut source = self.source.unwrap_or_default();
        while let Some(item) = items.recv().await {
            let own = self.source.unwrap_or(item.format);
            if own != source {
                self.write(source, &std::mem::take(&mut origins), &std::mem::take(&mut records)).await?;
                (source, weight) = (own, 0);
            }
            let origin = item.origin();
            match item.content {
                Content::Record(record, notes) => {
                    self.summary.read += 1;
                    for note in notes {
                        self.mended(&origin, &note)?;
                    }
                    weight += record_weight(&record);
                    origins.push(origin);
                    records.push(*record);
                }
                Content::Rejected(reason) => {
                    self.summary.read += 1;
                    self.rejected(&origin, &reason)?;
                }
                Content::Unreadable(reason) => {
                    self.summary.unreadable += 1;
                    self.bad(&format!("{origin}: not read: {reason}"))?;
                }
                Content::Note(note) => {
                    self.summary.notes += 1;
                    self.progress.line(&format!("{origin}: note: {note}"));
                }
            }
            if weight >= BATCH_WEIGHT || records.len() >= BATCH_RECORDS {
                self.write(source, &std::mem::take(&mut origins), &std::mem::take(&mut records)).await?;
                weight = 0;
            }
        }
        self.write(source, &origins, &records).await
    }

    /// Writes a batch; one that the database refuses is halved until the bad record is alone.
    async fn write(&mut self, source: &str, origins: &[Origin], records: &[Record]) -> Result<(), ImportError> {
        let mut parts = vec![(origins, records)];
        while let Some((origins, records)) = parts.pop() {
            if records.is_empty() {
                continue;
            }
            match self.store.write(source, records).await {
                Ok(written) => {
                    for effect in written.effects {
                        match effect {
                            Some(Effect::Created) => self.summary.created += 1,
                            Some(Effect::Updated) => self.summary.updated += 1,
                            Some(Effect::Unchanged) | None => self.summary.unchanged += 1,
                        }
                    }
                    for (index, note) in written.notes {
                        self.summary.notes += 1;
                        if let Some(origin) = origins.get(index) {
                            self.progress.line(&format!("{origin}: note: {note}"));
                        }
                    }
                }
                Err(error @ (Error::Unavailable(_) | Error::Timeout(_))) => return Err(ImportError::Store(error)),
                Err(error) if records.len() == 1 => {
                    let reason = format!("the database refused it: {}", causes(&error));
                    self.rejected(&origins[0], &reason)?;
                }
                Err(_) => {
                    let middle = records.len() / 2;
                    parts.push((&origins[middle..], &records[middle..]));
                    parts.push((&origins[..middle], &records[..middle]));
                }
            }
        }
        self.progress.records(self.summary.read);
        Ok(())
    }

    fn mended(&mut self, origin: &Origin, note: &str) -> Result<(), ImportError> {
        self.summary.notes += 1;
        self.bad(&format!("{origin}: mended: {note}"))
    }

    fn rejected(&mut self, origin: &Origin, reason: &str) -> Result<(), ImportError> {
        self.summary.rejected += 1;
        self.bad(&format!("{origin}: rejected: {reason}"))
    }

    fn bad(&mut self, line: &str) -> Result<(), ImportError> {
        self.progress.line(line);
        if self.is_strict { Err(ImportError::Strict(line.to_owned())) } else { Ok(()) }
    }
}

fn record_weight(record: &Record) -> usize {
    match record {
        Record::Paper(paper) => 2 + paper.authors.len() + paper.topics.len(),
        Record::Organization(organization) => 2 + organization.relations.len(),
        Record::Researcher(researcher) => 10 + researcher.affiliations.len() + researcher.topics.len(),
        Record::Topic(_) => 5,
    }
}

pub(crate) fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
