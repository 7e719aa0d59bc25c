//! What tests of formats share: a file is read, and what comes of it is gathered.

use std::io::Cursor;

use tokio::sync::mpsc;

use crate::import::Format;
use crate::import::io::decompress::Input;
use crate::import::pipeline::reader::{Content, Item, Reading};
use crate::model::record::{PaperRecord, Record, ResearcherRecord};

/// What came of a file.
pub(crate) struct Outcome(Vec<Item>);

impl Outcome {
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.0.iter().filter_map(|item| match &item.content {
            Content::Record(record, _) => Some(&**record),
            _ => None,
        })
    }

    /// What is told of the file, without its name.
    pub(crate) fn told(&self) -> Vec<String> {
        let lines = self.0.iter().flat_map(|item| {
            let line = item.line;
            match &item.content {
                Content::Record(_, notes) => notes.iter().map(|note| format!("{line}: mended: {note}")).collect(),
                Content::Rejected(reason) => vec![format!("{line}: rejected: {reason}")],
                Content::Unreadable(reason) => vec![format!("{line}: not read: {reason}")],
                Content::Note(note) => vec![format!("{line}: note: {note}")],
            }
        });
        lines.collect()
    }
}

pub(crate) fn read(format: &Format, content: &[u8]) -> Outcome {
    read_from(format, Box::new(Cursor::new(content.to_vec())))
}

/// The same of something that is not held in memory.
pub(super) fn read_from(format: &Format, content: Box<dyn std::io::Read + Send>) -> Outcome {
    let (sender, mut receiver) = mpsc::channel(16);
    let format = format.clone();
    let reader = std::thread::spawn(move || {
        let reading = Reading { format: &format, items: &sender };
        let input = Input::of(content, None).expect("an input");
        let outcome = if input.is_archive() { reading.archive("archive", input) } else { reading.input("file", input) };
        assert!(outcome.is_ok(), "somebody wants all of it");
    });
    let mut items = Vec::new();
    while let Some(item) = receiver.blocking_recv() {
        items.push(item);
    }
    reader.join().expect("a reader that does not panic");
    Outcome(items)
}

pub(crate) fn papers(outcome: &Outcome) -> Vec<PaperRecord> {
    let papers = outcome.records().filter_map(|record| match record {
        Record::Paper(paper) => Some(paper.clone()),
        _ => None,
    });
    papers.collect()
}

pub(super) fn researchers(outcome: &Outcome) -> Vec<ResearcherRecord> {
    let people = outcome.records().filter_map(|record| match record {
        Record::Researcher(person) => Some(person.clone()),
        _ => None,
    });
    people.collect()
}
