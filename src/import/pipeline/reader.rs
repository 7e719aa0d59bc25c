//! The reader of the pipeline: a thread that reads files and sends their records ahead of the writer.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::import::ImportOptions;
use crate::import::formats::{Format, FormatOptions};
use crate::import::io::decompress::InputStream;
use crate::import::io::progress::Progress;
use crate::import::io::record_sink::{ReadAbort, ReadItem, RecordSink};
use crate::import::pipeline::file_walker::{self, InputSource};

/// Capacity of the channel between the reader and the writer.
const READ_AHEAD_RECORDS: usize = 1_000;

/// Starts a thread that reads the files of an import; returns the channel of items, the progress and the thread's handle.
pub(crate) fn spawn_reader(
    import: &ImportOptions,
) -> (mpsc::Receiver<ReadItem>, Progress, tokio::task::JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(READ_AHEAD_RECORDS);
    let sources = file_walker::find_input_sources(&import.files, import.format, &import.excluded_folders);
    let files = sources.iter().filter_map(|source| match source {
        InputSource::File(path) => Some(path.as_path()),
        InputSource::Note(..) | InputSource::Unreadable(..) => None,
    });
    let progress = Progress::new(files);
    let (format, options, reader_progress) = (import.format, import.format_options.clone(), progress.clone());
    let reader = tokio::task::spawn_blocking(move || {
        let reader = FileReader { format, options: &options, items: &sender };
        for source in sources {
            let outcome = match source {
                InputSource::File(path) => reader.read_file(&path, &reader_progress),
                InputSource::Note(path, note) => reader.record_sink(&path.display().to_string()).push_note(0, note),
                InputSource::Unreadable(path, reason) => {
                    reader.record_sink(&path.display().to_string()).push_unreadable(0, reason)
                }
            };
            // The writer is gone.
            if outcome.is_err() {
                return;
            }
        }
    });
    (receiver, progress, reader)
}

/// Reads files of one format.
pub(crate) struct FileReader<'a> {
    pub(crate) format: &'static dyn Format,
    pub(crate) options: &'a FormatOptions,
    pub(crate) items: &'a mpsc::Sender<ReadItem>,
}

impl FileReader<'_> {
    fn record_sink<'a>(&'a self, file: &'a str) -> RecordSink<'a> {
        RecordSink::new(file, self.format.name(), self.items)
    }

    /// Reads a file, or the files of a tar archive. Fails only if the receiver of the items is gone.
    pub(crate) fn read_file(&self, path: &Path, progress: &Progress) -> Result<(), ReadAbort> {
        let file = path.display().to_string();
        match InputStream::open(path, progress) {
            Ok(input) if input.is_tar() && !self.format.extensions().is_empty() => self.read_archive(&file, input),
            Ok(input) => self.read_input(&file, input),
            Err(reason) => self.record_sink(&file).push_unreadable(0, reason),
        }
    }

    pub(crate) fn read_input(&self, file: &str, mut input: InputStream<'_>) -> Result<(), ReadAbort> {
        let mut sink = self.record_sink(file);
        match self.format.read(&mut input, self.options, &mut sink) {
            Err(ReadAbort::Unreadable(line, reason)) => self.record_sink(file).push_unreadable(line, reason),
            outcome => outcome,
        }
    }

    pub(crate) fn read_archive(&self, file: &str, input: InputStream<'_>) -> Result<(), ReadAbort> {
        let truncated = |error: std::io::Error| format!("the rest of the archive is unreadable: {error}");
        let mut archive = tar::Archive::new(input);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.record_sink(file).push_unreadable(0, truncated(error)),
        };
        // Raw entries: extension headers with long names are not collected in memory.
        for entry in entries.raw(true) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.record_sink(file).push_unreadable(0, truncated(error)),
            };
            let path = PathBuf::from(String::from_utf8_lossy(&entry.path_bytes()).into_owned());
            if !entry.header().entry_type().is_file() || !file_walker::has_format_extension(&path, self.format) {
                continue;
            }
            let entry_name = format!("{file}/{}", path.display());
            match InputStream::from_reader(Box::new(entry), None) {
                Ok(input) => self.read_input(&entry_name, input)?,
                Err(reason) => self.record_sink(&entry_name).push_unreadable(0, reason)?,
            }
        }
        Ok(())
    }
}
