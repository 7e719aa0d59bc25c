//! The channel by which a format passes the records of a file, and what is wrong in it, to the pipeline.

use std::fmt;

use tokio::sync::mpsc;

use crate::import::normalize::clean_record;
use crate::model::record::Record;

/// A record of a file, or a problem in it.
pub(crate) struct ReadItem {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The name of the format that read the item.
    pub(crate) format: &'static str,
    pub(crate) content: ItemContent,
}

impl ReadItem {
    pub(crate) fn origin(&self) -> RecordOrigin {
        RecordOrigin { file: self.file.clone(), line: self.line }
    }
}

pub(crate) enum ItemContent {
    /// A record, with a warning for each part that was repaired or left out.
    Record(Box<Record>, Vec<String>),
    /// The reason why a record is invalid.
    Invalid(String),
    /// The reason why a file, or the rest of it, is unreadable.
    Unreadable(String),
    /// Information about the file.
    Note(String),
}

/// Why reading a file stops before its end.
pub enum ReadAbort {
    /// The receiver of the items is gone.
    Cancelled,
    /// The rest of the file is unreadable: the line and the reason.
    Unreadable(usize, String),
}

/// The sender for the items of one file.
///
/// Lines count from 1; line 0 stands for the file as a whole.
pub struct RecordSink<'a> {
    file: &'a str,
    format: &'static str,
    items: &'a mpsc::Sender<ReadItem>,
}

impl<'a> RecordSink<'a> {
    pub(crate) fn new(file: &'a str, format: &'static str, items: &'a mpsc::Sender<ReadItem>) -> Self {
        Self { file, format, items }
    }
}

impl RecordSink<'_> {
    /// Sets the format whose name the following items carry.
    pub(crate) fn set_format(&mut self, format: &'static str) {
        self.format = format;
    }

    /// Normalizes a record and sends it; a record that is invalid is reported instead.
    pub(crate) fn push_record(
        &mut self,
        line: usize,
        record: Record,
        mut warnings: Vec<String>,
    ) -> Result<(), ReadAbort> {
        match clean_record::normalize(record, &mut warnings) {
            Ok(record) => self.send(line, ItemContent::Record(Box::new(record), warnings)),
            Err(reason) => self.push_invalid(line, reason),
        }
    }

    /// Reports an invalid record.
    pub(crate) fn push_invalid(&mut self, line: usize, reason: String) -> Result<(), ReadAbort> {
        self.send(line, ItemContent::Invalid(reason))
    }

    /// Reports that the file, or its rest, is unreadable.
    pub(crate) fn push_unreadable(&mut self, line: usize, reason: String) -> Result<(), ReadAbort> {
        self.send(line, ItemContent::Unreadable(reason))
    }

    /// Reports information about the file.
    pub(crate) fn push_note(&mut self, line: usize, note: String) -> Result<(), ReadAbort> {
        self.send(line, ItemContent::Note(note))
    }

    fn send(&mut self, line: usize, content: ItemContent) -> Result<(), ReadAbort> {
        let item = ReadItem { file: self.file.to_owned(), line, format: self.format, content };
        self.items.blocking_send(item).map_err(|_| ReadAbort::Cancelled)
    }
}

/// The position of an item: `file:line`, or the file alone for line 0.
pub(crate) struct RecordOrigin {
    file: String,
    line: usize,
}

impl fmt::Display for RecordOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { formatter.write_str(&self.file) } else { write!(formatter, "{}:{}", self.file, self.line) }
    }
}
