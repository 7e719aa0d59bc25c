//! Imports: files of several formats, each read as a stream of the same neutral records, written batch by batch.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::error::Error;
use crate::record::{OrganizationReference, Record};
use crate::store::Store;
use crate::store::write::Effect;
use crate::store::write::identity::Resolved;

mod auto;
mod bibtex;
mod crossref;
mod csl;
mod csv;
mod datacite;
mod dry_run;
mod fields;
mod folder;
mod input;
mod json;
mod kind;
mod lines;
mod markup;
mod openalex;
mod orcid;
pub mod profile_page;
mod progress;
mod pubmed;
mod records;
mod ris;
mod ror;
#[cfg(test)]
pub(crate) mod tests;
mod tidy;
pub mod topics;
mod xml;

pub use dry_run::{Survey, survey};

use folder::Source;
use input::Input;
use profile_page::ProfilePageOptions;
use progress::Progress;
use topics::TopicsOptions;

/// A format that can be imported.
#[derive(Clone, Debug)]
pub enum Format {
    /// The text of an institute's profile page.
    ProfilePage(ProfilePageOptions),
    /// CSL-JSON: an array, one object, or one item a line.
    Csl,
    /// Works of Crossref.
    Crossref,
    /// Works, authors, institutions and topics of OpenAlex.
    OpenAlex,
    /// BibTeX and BibLaTeX libraries.
    Bibtex,
    /// RIS references.
    Ris,
    /// ORCID records.
    Orcid,
    /// People and their affiliations as a table.
    Csv,
    /// Vocabularies of topics.
    Topics(TopicsOptions),
    /// DOIs of DataCite.
    DataCite,
    /// Articles of PubMed.
    PubMed,
    /// Whatever the content of each file shows it to be.
    Auto(ProfilePageOptions, TopicsOptions),
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
            Self::Crossref => "crossref",
            Self::OpenAlex => "openalex",
            Self::Bibtex => "bibtex",
            Self::Ris => "ris",
            Self::Orcid => "orcid",
            Self::Csv => "csv",
            Self::Topics(_) => "topics",
            Self::DataCite => "datacite",
            Self::PubMed => "pubmed",
            Self::Auto(..) => "auto",
            Self::Ror => "ror",
            Self::Records => "records",
        }
    }

    fn read(&self, reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
        match self {
            Self::ProfilePage(options) => profile_page::stream(reader, options, sink),
            Self::Csl => csl::stream(reader, sink),
            Self::Crossref => crossref::stream(reader, sink),
            Self::OpenAlex => openalex::stream(reader, sink),
            Self::Bibtex => bibtex::stream(reader, sink),
            Self::Ris => ris::stream(reader, sink),
            Self::Orcid => orcid::stream(reader, sink),
            Self::Csv => csv::stream(reader, sink),
            Self::Topics(options) => topics::stream(reader, options, sink),
            Self::DataCite => datacite::stream(reader, sink),
            Self::PubMed => pubmed::stream(reader, sink),
            Self::Auto(page, topics) => {
                let head = reader.fill_buf().map_err(|error| lines::unreadable(1, &error))?;
                let name = auto::format_of(head).map_err(|reason| Stop::Unreadable(1, reason))?;
                let format = Self::named(name, page, topics)
                    .ok_or_else(|| Stop::Unreadable(1, format!("no format is called {name}")))?;
                sink.format = format.name();
                format.read(reader, sink)
            }
            Self::Ror => ror::stream(reader, sink),
            Self::Records => records::stream(reader, sink),
        }
    }

    /// The format of this name, with the options that it takes.
    fn named(name: &str, page: &ProfilePageOptions, topics: &TopicsOptions) -> Option<Self> {
        let all = [
            Self::ProfilePage(page.clone()),
            Self::Csl,
            Self::Crossref,
            Self::OpenAlex,
            Self::Orcid,
            Self::DataCite,
            Self::PubMed,
            Self::Bibtex,
            Self::Ris,
            Self::Csv,
            Self::Topics(topics.clone()),
            Self::Ror,
            Self::Records,
        ];
        all.into_iter().find(|format| format.name() == name)
    }

    /// Whether its data come as folders or archives of many files.
    fn reads_folders(&self) -> bool {
        !self.endings().is_empty()
    }

    /// What the names of its files end with in a folder, apart from how they are compressed; nothing where folders are
    /// not read.
    fn endings(&self) -> &'static [&'static str] {
        match self {
            Self::ProfilePage(_) | Self::Csl | Self::Ror | Self::Records => &[],
            Self::Crossref => &["json", "jsonl", "ndjson"],
            Self::Bibtex => &["bib", "bibtex"],
            Self::Ris => &["ris"],
            Self::Csv => &["csv", "tsv"],
            Self::Topics(_) => &["rdf", "owl", "xml", "ttl", "nt", "jsonl", "json", "csv", "tsv"],
            Self::DataCite => &["json", "jsonl", "ndjson"],
            Self::PubMed => &["xml"],
            Self::Auto(..) => &[
                "", "json", "jsonl", "ndjson", "xml", "tar", "tgz", "bib", "bibtex", "ris", "csv", "tsv", "rdf", "owl",
                "ttl", "nt", "txt",
            ],
            Self::Orcid => &["json", "jsonl", "ndjson", "xml", "tar", "tgz"],
            // The files of the snapshot have no ending.
            Self::OpenAlex => &["json", "jsonl", "ndjson", ""],
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
    /// The name by which the directory remembers where the records are from; that of the format where absent.
    pub source: Option<String>,
}

/// Something read from a file, or something wrong in it.
struct Item {
    file: String,
    line: usize,
    /// The name of the format that read it.
    format: &'static str,
    content: Content,
}

impl Item {
    fn origin(&self) -> Origin {
        Origin { file: self.file.clone(), line: self.line }
    }
}

enum Content {
    /// A record, and what was mended in it.
    Record(Box<Record>, Vec<String>),
    /// A record that cannot be used.
    Rejected(String),
    /// A file, or the rest of one, that cannot be read.
    Unreadable(String),
    /// Something that a person should know of the files.
    Note(String),
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
    format: &'static str,
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

    /// Something that a person should know of the whole file.
    fn note(&mut self, line: usize, note: String) -> Result<(), Stop> {
        self.send(line, Content::Note(note))
    }

    fn send(&mut self, line: usize, content: Content) -> Result<(), Stop> {
        let item = Item { file: self.file.to_owned(), line, format: self.format, content };
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
/// Authorships that were looked at between two lines.
const RESOLVED_STEP: usize = 100_000;
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
    let (receiver, progress, reader) = start_reading(&import);
    let mut writer = Writer {
        store,
        source: import.source.as_deref(),
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
        resolve_identities(store).await.map_err(ImportError::Store)?;
        store.recount_totals().await.map_err(ImportError::Store)?;
        if writer.summary.created + writer.summary.updated >= MANY_CHANGES {
            store.settle().await.map_err(ImportError::Store)?;
        }
    }
    result.map(|()| writer.summary)
}

/// Looks again at who is who wherever the records changed something, telling its progress on standard error.
///
/// # Errors
/// Where the database fails.
pub async fn resolve_identities(store: &Store) -> Result<Resolved, Error> {
    let mut told = 0;
    store
        .resolve_identities(|authorships| {
            if authorships / RESOLVED_STEP > told {
                told = authorships / RESOLVED_STEP;
                eprintln!("looked at who is who on {authorships} authorships");
            }
        })
        .await
}

/// Starts to read the files, ahead of whoever takes what is in them.
fn start_reading(import: &Import) -> (mpsc::Receiver<Item>, Progress, tokio::task::JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let sources = folder::sources(&import.files, &import.format);
    let files = sources.iter().filter_map(|source| match source {
        Source::File(path) => Some(path.as_path()),
        Source::Note(..) | Source::Unreadable(..) => None,
    });
    let progress = Progress::new(files);
    let (format, own) = (import.format.clone(), progress.clone());
    let reader = tokio::task::spawn_blocking(move || {
        for source in sources {
            let reading = Reading { format: &format, items: &sender };
            let outcome = match source {
                Source::File(path) => reading.file(&path, &own),
                Source::Note(path, note) => reading.sink(&path.display().to_string()).note(0, note),
                Source::Unreadable(path, reason) => reading.unreadable(&path.display().to_string(), 0, reason),
            };
            // Nobody wants more.
            if outcome.is_err() {
                return;
            }
        }
    });
    (receiver, progress, reader)
}

/// How files are read.
struct Reading<'a> {
    format: &'a Format,
    items: &'a mpsc::Sender<Item>,
}

impl Reading<'_> {
    fn sink<'a>(&'a self, file: &'a str) -> Sink<'a> {
        Sink { file, format: self.format.name(), items: self.items }
    }

    fn unreadable(&self, file: &str, line: usize, reason: String) -> Result<(), Stop> {
        self.sink(file).send(line, Content::Unreadable(reason))
    }

    /// Reads a file, or an archive of files. An error is that nobody wants more.
    fn file(&self, path: &Path, progress: &Progress) -> Result<(), Stop> {
        let file = path.display().to_string();
        match Input::open(path, progress) {
            Ok(input) if input.is_archive() && self.format.reads_folders() => self.archive(&file, input),
            Ok(input) => self.input(&file, input),
            Err(reason) => self.unreadable(&file, 0, reason),
        }
    }

    fn input(&self, file: &str, mut input: Input<'_>) -> Result<(), Stop> {
        match self.format.read(&mut input, &mut self.sink(file)) {
            Err(Stop::Unreadable(line, reason)) => self.unreadable(file, line, reason),
            outcome => outcome,
        }
    }

    fn archive(&self, file: &str, input: Input<'_>) -> Result<(), Stop> {
        let cut = |error: std::io::Error| format!("the archive cannot be read further: {error}");
        let mut archive = tar::Archive::new(input);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(file, 0, cut(error)),
        };
        // Raw: entries that only carry long names are not gathered in memory.
        for entry in entries.raw(true) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.unreadable(file, 0, cut(error)),
            };
            let path = PathBuf::from(String::from_utf8_lossy(&entry.path_bytes()).into_owned());
            if !entry.header().entry_type().is_file() || !folder::is_of(&path, self.format) {
                continue;
            }
            let inner = format!("{file}/{}", path.display());
            match Input::of(Box::new(entry), None) {
                Ok(input) => self.input(&inner, input)?,
                Err(reason) => self.unreadable(&inner, 0, reason)?,
            }
        }
        Ok(())
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
    /// The source's name; that of the format of a record where absent.
    source: Option<&'a str>,
    is_strict: bool,
    progress: Progress,
    summary: Summary,
}

impl Writer<'_> {
    async fn write_all(&mut self, mut items: mpsc::Receiver<Item>) -> Result<(), ImportError> {
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

/// How an organization is named on the command line.
#[must_use]
pub fn institute(name: Option<String>, ror: Option<crate::identifier::Ror>) -> Option<OrganizationReference> {
    (name.is_some() || ror.is_some()).then_some(OrganizationReference { ror, name, ..Default::default() })
}
