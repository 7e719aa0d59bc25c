//! BibTeX and BibLaTeX libraries. Entries are parsed one by one, so that a malformed entry does not affect the others.

mod authors;
mod entries;
mod latex;
mod library;
mod paper;
#[cfg(test)]
mod tests;

use std::io::BufRead;

use biblatex::RawBibliography;

use crate::import::formats::bibtex::entries::{EntrySplitter, SplitEntry};
use crate::import::formats::bibtex::library::{BibtexEntry, BibtexLibrary, KNOWN_FIELDS, MAX_EXPANDED_BYTES};
use crate::import::formats::bibtex::paper::paper_record;
use crate::import::formats::detection::FileHead;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::model::record::PaperRecord;

/// BibTeX and BibLaTeX libraries.
#[derive(Debug)]
pub(crate) struct BibtexFormat;

impl Format for BibtexFormat {
    fn name(&self) -> &'static str {
        "bibtex"
    }

    fn help(&self) -> &'static str {
        "BibTeX and BibLaTeX libraries"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::ReferenceManager
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["bib", "bibtex"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        match head.content_kind {
            ContentKind::Bibtex => true,
            ContentKind::Text => has_entry(head.text),
            _ => false,
        }
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        _options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        read_stream(reader, sink)
    }
}

/// Whether a line of a text file starts an entry; libraries often start with comments.
fn has_entry(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_start);
    lines.any(|line| line.starts_with(b"@") && (line.contains(&b'{') || line.contains(&b'(')))
}

fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let mut entries = EntrySplitter::new(reader);
    let mut library = BibtexLibrary::default();
    while let Some(entry) = entries.next_entry()? {
        match entry {
            SplitEntry::Complete { line, text, warnings } => library.add_raw_entry(line, &text, warnings, sink)?,
            SplitEntry::Malformed { line, reason } => sink.push_invalid(line, reason)?,
        }
    }
    library.finish(sink)
}

/// Returns the paper of the first entry in a text, without warnings.
pub(crate) fn first_entry(text: &str) -> Option<PaperRecord> {
    if text.len() > MAX_EXPANDED_BYTES {
        return None;
    }
    let text = text.get(text.find('@')?..)?;
    let prepared = latex::prepare_entry(text);
    let raw = RawBibliography::parse(&prepared).ok()?;
    let entry = &raw.entries.first()?.v;
    let library = BibtexLibrary::default();
    let fields = entry.fields.iter().filter_map(|field| {
        let (value, _) = library.expand_abbreviations(&field.value.v).ok()?;
        Some((field.key.v.to_lowercase(), value)).filter(|(name, _)| KNOWN_FIELDS.contains(&name.as_str()))
    });
    let entry = BibtexEntry {
        line: 0,
        entry_type: entry.kind.v.to_lowercase(),
        key: entry.key.v.to_owned(),
        fields: fields.collect(),
        warnings: Vec::new(),
    };
    paper_record(&entry, &mut Vec::new()).ok()
}
