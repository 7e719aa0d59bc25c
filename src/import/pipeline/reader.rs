//! Files as streams of records, read ahead of whoever takes them.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::import::io::decompress::InputStream;
use crate::import::io::file_walker::{self, InputSource};
use crate::import::normalize::clean_record;
use crate::import::pipeline::progress::Progress;
use crate::import::{Format, ImportOptions};
use crate::model::record::Record;

/// Records that are read ahead at most.
const READ_AHEAD_RECORDS: usize = 1_000;

/// Something read from a file, or something wrong in it.
pub(crate) struct ReadItem {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The name of the format that read it.
    pub(crate) format: &'static str,
    pub(crate) content: ItemContent,
}

impl ReadItem {
    pub(crate) fn origin(&self) -> RecordOrigin {
        RecordOrigin { file: self.file.clone(), line: self.line }
    }
}

pub(crate) enum ItemContent {
    /// A record, and what was mended in it.
    Record(Box<Record>, Vec<String>),
    /// A record that cannot be used.
    Invalid(String),
    /// A file, or the rest of one, that cannot be read.
    Unreadable(String),
    /// Something that a person should know of the files.
    Note(String),
}

/// Why reading stops before the end of a file.
pub(crate) enum ReadAbort {
    /// Nobody wants more.
    Cancelled,
    /// The rest cannot be read; the line and the reason.
    Unreadable(usize, String),
}

/// Where a format puts what it reads.
pub(crate) struct RecordSink<'a> {
    file: &'a str,
    pub(crate) format: &'static str,
    items: &'a mpsc::Sender<ReadItem>,
}

impl RecordSink<'_> {
    pub(crate) fn push_record(&mut self, line: usize, record: Record, mut notes: Vec<String>) -> Result<(), ReadAbort> {
        match clean_record::normalize(record, &mut notes) {
            Ok(record) => self.send(line, ItemContent::Record(Box::new(record), notes)),
            Err(reason) => self.push_invalid(line, reason),
        }
    }

    pub(crate) fn push_invalid(&mut self, line: usize, reason: String) -> Result<(), ReadAbort> {
        self.send(line, ItemContent::Invalid(reason))
    }

    /// Something that a person should know of the whole file.
    pub(crate) fn push_note(&mut self, line: usize, note: String) -> Result<(), ReadAbort> {
        self.send(line, ItemContent::Note(note))
    }

    fn send(&mut self, line: usize, content: ItemContent) -> Result<(), ReadAbort> {
        let item = ReadItem { file: self.file.to_owned(), line, format: self.format, content };
        self.items.blocking_send(item).map_err(|_| ReadAbort::Cancelled)
    }
}

/// Where a record came from.
pub(crate) struct RecordOrigin {
    file: String,
    line: usize,
}

impl std::fmt::Display for RecordOrigin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 { formatter.write_str(&self.file) } else { write!(formatter, "{}:{}", self.file, self.line) }
    }
}

/// Starts to read the files, ahead of whoever takes what is in them.
pub(crate) fn spawn_reader(
    import: &ImportOptions,
) -> (mpsc::Receiver<ReadItem>, Progress, tokio::task::JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(READ_AHEAD_RECORDS);
    let sources = file_walker::find_input_sources(&import.files, &import.format);
    let files = sources.iter().filter_map(|source| match source {
        InputSource::File(path) => Some(path.as_path()),
        InputSource::Note(..) | InputSource::Unreadable(..) => None,
    });
    let progress = Progress::new(files);
    let (format, own) = (import.format.clone(), progress.clone());
    let reader = tokio::task::spawn_blocking(move || {
        for source in sources {
            let reading = FileReader { format: &format, items: &sender };
            let outcome = match source {
                InputSource::File(path) => reading.read_file(&path, &own),
                InputSource::Note(path, note) => reading.record_sink(&path.display().to_string()).push_note(0, note),
                InputSource::Unreadable(path, reason) => {
                    reading.push_unreadable(&path.display().to_string(), 0, reason)
                }
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
pub(crate) struct FileReader<'a> {
    pub(crate) format: &'a Format,
    pub(crate) items: &'a mpsc::Sender<ReadItem>,
}

impl FileReader<'_> {
    pub(crate) fn record_sink<'a>(&'a self, file: &'a str) -> RecordSink<'a> {
        RecordSink { file, format: self.format.name(), items: self.items }
    }

    fn push_unreadable(&self, file: &str, line: usize, reason: String) -> Result<(), ReadAbort> {
        self.record_sink(file).send(line, ItemContent::Unreadable(reason))
    }

    /// Reads a file, or an archive of files. An error is that nobody wants more.
    pub(crate) fn read_file(&self, path: &Path, progress: &Progress) -> Result<(), ReadAbort> {
        let file = path.display().to_string();
        match InputStream::open(path, progress) {
            Ok(input) if input.is_tar() && self.format.supports_folders() => self.read_archive(&file, input),
            Ok(input) => self.read_input(&file, input),
            Err(reason) => self.push_unreadable(&file, 0, reason),
        }
    }

    pub(crate) fn read_input(&self, file: &str, mut input: InputStream<'_>) -> Result<(), ReadAbort> {
        match self.format.read(&mut input, &mut self.record_sink(file)) {
            Err(ReadAbort::Unreadable(line, reason)) => self.push_unreadable(file, line, reason),
            outcome => outcome,
        }
    }

    pub(crate) fn read_archive(&self, file: &str, input: InputStream<'_>) -> Result<(), ReadAbort> {
        let cut = |error: std::io::Error| format!("the archive cannot be read further: {error}");
        let mut archive = tar::Archive::new(input);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.push_unreadable(file, 0, cut(error)),
        };
        // Raw: entries that only carry long names are not gathered in memory.
        for entry in entries.raw(true) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.push_unreadable(file, 0, cut(error)),
            };
            let path = PathBuf::from(String::from_utf8_lossy(&entry.path_bytes()).into_owned());
            if !entry.header().entry_type().is_file() || !file_walker::has_format_extension(&path, self.format) {
                continue;
            }
            let inner = format!("{file}/{}", path.display());
            match InputStream::from_reader(Box::new(entry), None) {
                Ok(input) => self.read_input(&inner, input)?,
                Err(reason) => self.push_unreadable(&inner, 0, reason)?,
            }
        }
        Ok(())
    }
}
