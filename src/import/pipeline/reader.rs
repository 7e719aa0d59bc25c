//! Files as streams of records, read ahead of whoever takes them.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::import::io::decompress::Input;
use crate::import::io::file_walker::{self, Source};
use crate::import::normalize::clean_record;
use crate::import::pipeline::progress::Progress;
use crate::import::{Format, Import};
use crate::model::record::Record;

/// Records that are read ahead at most.
const READ_AHEAD: usize = 1_000;

/// Something read from a file, or something wrong in it.
pub(crate) struct Item {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The name of the format that read it.
    pub(crate) format: &'static str,
    pub(crate) content: Content,
}

impl Item {
    pub(crate) fn origin(&self) -> Origin {
        Origin { file: self.file.clone(), line: self.line }
    }
}

pub(crate) enum Content {
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
pub(crate) enum Stop {
    /// Nobody wants more.
    Cancelled,
    /// The rest cannot be read; the line and the reason.
    Unreadable(usize, String),
}

/// Where a format puts what it reads.
pub(crate) struct Sink<'a> {
    file: &'a str,
    pub(crate) format: &'static str,
    items: &'a mpsc::Sender<Item>,
}

impl Sink<'_> {
    pub(crate) fn record(&mut self, line: usize, record: Record, mut notes: Vec<String>) -> Result<(), Stop> {
        match clean_record::tidy(record, &mut notes) {
            Ok(record) => self.send(line, Content::Record(Box::new(record), notes)),
            Err(reason) => self.rejected(line, reason),
        }
    }

    pub(crate) fn rejected(&mut self, line: usize, reason: String) -> Result<(), Stop> {
        self.send(line, Content::Rejected(reason))
    }

    /// Something that a person should know of the whole file.
    pub(crate) fn note(&mut self, line: usize, note: String) -> Result<(), Stop> {
        self.send(line, Content::Note(note))
    }

    fn send(&mut self, line: usize, content: Content) -> Result<(), Stop> {
        let item = Item { file: self.file.to_owned(), line, format: self.format, content };
        self.items.blocking_send(item).map_err(|_| Stop::Cancelled)
    }
}

/// Where a record came from.
pub(crate) struct Origin {
    file: String,
    line: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 { formatter.write_str(&self.file) } else { write!(formatter, "{}:{}", self.file, self.line) }
    }
}

/// Starts to read the files, ahead of whoever takes what is in them.
pub(crate) fn start_reading(import: &Import) -> (mpsc::Receiver<Item>, Progress, tokio::task::JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let sources = file_walker::sources(&import.files, &import.format);
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
pub(crate) struct Reading<'a> {
    pub(crate) format: &'a Format,
    pub(crate) items: &'a mpsc::Sender<Item>,
}

impl Reading<'_> {
    pub(crate) fn sink<'a>(&'a self, file: &'a str) -> Sink<'a> {
        Sink { file, format: self.format.name(), items: self.items }
    }

    fn unreadable(&self, file: &str, line: usize, reason: String) -> Result<(), Stop> {
        self.sink(file).send(line, Content::Unreadable(reason))
    }

    /// Reads a file, or an archive of files. An error is that nobody wants more.
    pub(crate) fn file(&self, path: &Path, progress: &Progress) -> Result<(), Stop> {
        let file = path.display().to_string();
        match Input::open(path, progress) {
            Ok(input) if input.is_archive() && self.format.reads_folders() => self.archive(&file, input),
            Ok(input) => self.input(&file, input),
            Err(reason) => self.unreadable(&file, 0, reason),
        }
    }

    pub(crate) fn input(&self, file: &str, mut input: Input<'_>) -> Result<(), Stop> {
        match self.format.read(&mut input, &mut self.sink(file)) {
            Err(Stop::Unreadable(line, reason)) => self.unreadable(file, line, reason),
            outcome => outcome,
        }
    }

    pub(crate) fn archive(&self, file: &str, input: Input<'_>) -> Result<(), Stop> {
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
            if !entry.header().entry_type().is_file() || !file_walker::is_of(&path, self.format) {
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
