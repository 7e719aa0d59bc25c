//! Helpers for the tests of formats: read a file and collect its items.

use std::io::Cursor;

use tokio::sync::mpsc;

use crate::import::formats::{Format, FormatOptions};
use crate::import::io::decompress::InputStream;
use crate::import::io::record_sink::{ItemContent, ReadItem};
use crate::import::pipeline::reader::FileReader;
use crate::model::record::{PaperRecord, Record, ResearcherRecord};

/// The items that were read from a file.
pub(crate) struct ReadOutcome(Vec<ReadItem>);

impl ReadOutcome {
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.0.iter().filter_map(|item| match &item.content {
            ItemContent::Record(record, _) => Some(&**record),
            _ => None,
        })
    }

    /// Returns the messages about the file as the importer prints them, without the file name.
    pub(crate) fn messages(&self) -> Vec<String> {
        let messages = self.0.iter().flat_map(|item| {
            let line = item.line;
            match &item.content {
                ItemContent::Record(_, warnings) => {
                    warnings.iter().map(|warning| format!("{line}: warning: {warning}")).collect()
                }
                ItemContent::Invalid(reason) => vec![format!("{line}: invalid record: {reason}")],
                ItemContent::Unreadable(reason) => vec![format!("{line}: unreadable file: {reason}")],
                ItemContent::Note(note) => vec![format!("{line}: note: {note}")],
            }
        });
        messages.collect()
    }
}

pub(crate) fn read_bytes(format: &'static dyn Format, content: &[u8]) -> ReadOutcome {
    read_with_options(format, FormatOptions::default(), content)
}

pub(super) fn read_with_options(format: &'static dyn Format, options: FormatOptions, content: &[u8]) -> ReadOutcome {
    read_reader(format, options, Box::new(Cursor::new(content.to_vec())))
}

/// Reads a stream that need not fit into memory.
pub(super) fn read_stream(format: &'static dyn Format, content: Box<dyn std::io::Read + Send>) -> ReadOutcome {
    read_reader(format, FormatOptions::default(), content)
}

fn read_reader(
    format: &'static dyn Format,
    options: FormatOptions,
    content: Box<dyn std::io::Read + Send>,
) -> ReadOutcome {
    let (sender, mut receiver) = mpsc::channel(16);
    let thread = std::thread::spawn(move || {
        let reader = FileReader { format, options: &options, items: &sender };
        let input = InputStream::from_reader(content, None).expect("an input");
        let outcome =
            if input.is_tar() { reader.read_archive("archive", input) } else { reader.read_input("file", input) };
        assert!(outcome.is_ok(), "the receiver outlives the reader");
    });
    let mut items = Vec::new();
    while let Some(item) = receiver.blocking_recv() {
        items.push(item);
    }
    thread.join().expect("a reader that does not panic");
    ReadOutcome(items)
}

pub(crate) fn papers(outcome: &ReadOutcome) -> Vec<PaperRecord> {
    let papers = outcome.records().filter_map(|record| match record {
        Record::Paper(paper) => Some(paper.clone()),
        _ => None,
    });
    papers.collect()
}

pub(super) fn researchers(outcome: &ReadOutcome) -> Vec<ResearcherRecord> {
    let researchers = outcome.records().filter_map(|record| match record {
        Record::Researcher(researcher) => Some(researcher.clone()),
        _ => None,
    });
    researchers.collect()
}
