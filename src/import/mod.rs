//! Imports: files of several formats, each read as a stream of the same neutral records, written batch by batch.

use std::io::BufRead;
use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::error::Error;
use crate::record::{OrganizationReference, Record};
use crate::store::Store;
use crate::store::write::Effect;

mod csl;
mod input;
mod json;
pub mod profile_page;
mod progress;
mod records;
mod ror;
mod tidy;

use input::Input;
use profile_page::ProfilePageOptions;
use progress::Progress;

/// A format that can be imported.
#[derive(Clone, Debug)]
pub enum Format {
    /// The text of an institute's profile page.
    ProfilePage(ProfilePageOptions),
    /// CSL-JSON: an array, one object, or one item a line.
    Csl,
    /// ROR v2 records: an array, one object, or one a line.
    Ror,
    /// The directory's own records, one a line.
    Records,
}

impl Format {
    /// The name on the command line, and of the source where no other is given.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ProfilePage(_) => "profile-page",
            Self::Csl => "csl",
            Self::Ror => "ror",
            Self::Records => "records",
        }
    }

    fn read(&self, reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
        match self {
            Self::ProfilePage(options) => profile_page::stream(reader, options, sink),
            Self::Csl => csl::stream(reader, sink),
            Self::Ror => ror::stream(reader, sink),
            Self::Records => records::stream(reader, sink),
        }
    }
}

/// What one import is asked to do.
#[derive(Clone, Debug)]
pub struct Import {
    /// The format of all files.
    pub format: Format,
    /// The files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Whether the first bad record ends it.
    pub is_strict: bool,
}

/// Something read from a file, or something wrong in it.
struct Item {
    file: String,
    line: usize,
    content: Content,
}

enum Content {
    /// A record, and what was mended in it.
    Record(Box<Record>, Vec<String>),
    /// A record that cannot be used.
    Rejected(String),
    /// A file, or the rest of one, that cannot be read.
    Unreadable(String),
}

/// Why reading stops before the end of a file.
enum Stop {
    /// Nobody wants more.
    Cancelled,
    /// The rest cannot be read; the line and the reason.
    Unreadable(usize, String),
}

/// Where a format puts what it reads.
struct Sink<'a> {
    file: &'a str,
    items: &'a mpsc::Sender<Item>,
}

impl Sink<'_> {
    fn record(&mut self, line: usize, record: Record, mut notes: Vec<String>) -> Result<(), Stop> {
        match tidy::tidy(record, &mut notes) {
            Ok(record) => self.send(line, Content::Record(Box::new(record), notes)),
            Err(reason) => self.rejected(line, reason),
        }
    }

    fn rejected(&mut self, line: usize, reason: String) -> Result<(), Stop> {
        self.send(line, Content::Rejected(reason))
    }

    fn send(&mut self, line: usize, content: Content) -> Result<(), Stop> {
        let item = Item { file: self.file.to_owned(), line, content };
        self.items.blocking_send(item).map_err(|_| Stop::Cancelled)
    }
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records that the files held: the sum of the next four.
    pub read: usize,
    /// Those that made something new.
    pub created: usize,
    /// Those that changed something.
    pub updated: usize,
    /// Those that said nothing new.
    pub unchanged: usize,
    /// Those that could not be used.
    pub rejected: usize,
    /// Things that were mended, or that a person should know of.
    pub notes: usize,
    /// Files that could not be read, or not to their end.
    pub unreadable: usize,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "read {}: created {}, updated {}, unchanged {}, rejected {}",
            self.read, self.created, self.updated, self.unchanged, self.rejected
        )?;
        match self.notes {
            0 => {}
            1 => formatter.write_str("; 1 note")?,
            notes => write!(formatter, "; {notes} notes")?,
        }
        match self.unreadable {
            0 => Ok(()),
            1 => formatter.write_str("; 1 file could not be read to its end"),
            files => write!(formatter, "; {files} files could not be read to their end"),
        }
    }
}

/// Why an import did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database failed.
    #[error("the database did not take the records: {}", causes(.0))]
    Store(#[source] Error),
    /// `--strict`, and something was bad.
    #[error("stopped at the first bad record, as --strict asks: {0}")]
    Strict(String),
}

fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// Authors and other rows that a batch holds at most: enough to be fast, little enough to be small.
const BATCH_WEIGHT: usize = 8_000;
/// Records that a batch holds at most.
const BATCH_RECORDS: usize = 1_500;
/// Records that are read ahead at most.
const READ_AHEAD: usize = 1_000;
/// After so many changes the database is told what it holds now, rather than left to notice.
const MANY_CHANGES: usize = 1_000;

/// Runs an import to its end, telling its progress and each problem on standard error.
///
/// # Errors
/// Where the database fails, or something is bad and the import is strict. What was written before stays, and the same
/// import again goes on from there.
pub async fn run(store: &Store, import: Import) -> Result<Summary, ImportError> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let progress = Progress::new(&import.files);
    let reader_progress = progress.clone();
    let (format, files) = (import.format.clone(), import.files.clone());
    let reader = tokio::task::spawn_blocking(move || read_all(&format, &files, &reader_progress, &sender));
    let mut writer = Writer {
        store,
        source: import.format.name(),
        is_strict: import.is_strict,
        progress,
        summary: Summary::default(),
    };
    let result = writer.write_all(receiver).await;
    // A reader whose channel is closed stops at the next record.
    if reader.await.is_err() {
        tracing::error!("the reader of the files ended early");
        writer.summary.unreadable += 1;
    }
    writer.progress.finish();
    // A strict import that stopped has written what came before.
    if !matches!(result, Err(ImportError::Store(_))) {
        store.recount_totals().await.map_err(ImportError::Store)?;
        if writer.summary.created + writer.summary.updated >= MANY_CHANGES {
            store.settle().await.map_err(ImportError::Store)?;
        }
    }
    result.map(|()| writer.summary)
}

fn read_all(format: &Format, files: &[PathBuf], progress: &Progress, items: &mpsc::Sender<Item>) {
    for path in files {
        let file = path.display().to_string();
        let outcome = match Input::open(path, progress) {
            Ok(mut input) => format.read(&mut input, &mut Sink { file: &file, items }),
            Err(reason) => Err(Stop::Unreadable(0, reason)),
        };
        match outcome {
            Ok(()) => {}
            Err(Stop::Cancelled) => return,
            Err(Stop::Unreadable(line, reason)) => {
                let item = Item { file, line, content: Content::Unreadable(reason) };
                if items.blocking_send(item).is_err() {
                    return;
                }
            }
        }
    }
}

/// Where a record came from.
struct Origin {
    file: String,
    line: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 { formatter.write_str(&self.file) } else { write!(formatter, "{}:{}", self.file, self.line) }
    }
}

struct Writer<'a> {
    store: &'a Store,
    source: &'static str,
    is_strict: bool,
    progress: Progress,
    summary: Summary,
}

impl Writer<'_> {
    async fn write_all(&mut self, mut items: mpsc::Receiver<Item>) -> Result<(), ImportError> {
        let (mut origins, mut records, mut weight) = (Vec::new(), Vec::new(), 0);
        while let Some(item) = items.recv().await {
            let origin = Origin { file: item.file, line: item.line };
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
            }
            if weight >= BATCH_WEIGHT || records.len() >= BATCH_RECORDS {
                self.write(&std::mem::take(&mut origins), &std::mem::take(&mut records)).await?;
                weight = 0;
            }
        }
        self.write(&origins, &records).await
    }

    /// Writes a batch; one that the database refuses is halved until the bad record is alone.
    async fn write(&mut self, origins: &[Origin], records: &[Record]) -> Result<(), ImportError> {
        let mut parts = vec![(origins, records)];
        while let Some((origins, records)) = parts.pop() {
            if records.is_empty() {
                continue;
            }
            match self.store.write(self.source, records).await {
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

/// How an organization is named on the command line.
#[must_use]
pub fn institute(name: Option<String>, ror: Option<crate::identifier::Ror>) -> Option<OrganizationReference> {
    (name.is_some() || ror.is_some()).then_some(OrganizationReference { ror, name })
}
