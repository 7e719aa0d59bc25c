//! Tables of people and their affiliations, one affiliation per row. The columns are documented in
//! `docs/importing.md`.

mod header;
mod people;
mod rows;
#[cfg(test)]
mod tests;
mod values;

use std::io::BufRead;

use crate::import::formats::csv::header::is_people_header;
use crate::import::formats::csv::people::CsvPeople;
use crate::import::formats::csv::rows::{CsvRow, CsvRowReader};
use crate::import::formats::detection::FileHead;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::delimited;
use crate::import::io::lines::NOT_UTF8_WARNING;
use crate::import::io::record_sink::{ReadAbort, RecordSink};

/// Maximum total size of buffered rows; the rows of a person may be anywhere in the file.
const MAX_BUFFERED_BYTES: usize = 256 << 20;

/// Tables of people and their affiliations.
#[derive(Debug)]
pub(crate) struct CsvFormat;

impl Format for CsvFormat {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn help(&self) -> &'static str {
        "People and affiliations as CSV, one affiliation per row; the first line names the columns"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Curated
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "tsv"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        let mut lines = head.text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let header = lines.find(|line| !delimited::is_before_header(line));
        header.is_some_and(|line| ContentKind::of(line) == ContentKind::Text && is_people_header(line))
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

fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let mut rows = CsvRowReader::new(reader);
    let (line, (header, unknown)) = rows.read_header(sink)?;
    if let Some(note) = unknown {
        sink.push_note(line, note)?;
    }
    let mut people = CsvPeople::default();
    while let Some(row) = rows.next_row(header.delimiter)? {
        match row {
            CsvRow::Complete { line, fields, has_invalid_utf8, size } => {
                let mut warnings = if has_invalid_utf8 { vec![NOT_UTF8_WARNING.to_owned()] } else { Vec::new() };
                match header.parse_researcher(&fields, &mut warnings) {
                    Ok(record) => people.add(line, record, warnings, size),
                    Err(reason) => sink.push_invalid(line, reason)?,
                }
            }
            CsvRow::Malformed { line, reason } => sink.push_invalid(line, reason)?,
        }
        if people.buffered_bytes > MAX_BUFFERED_BYTES {
            people.emit_all(sink)?;
            sink.push_note(
                line,
                "too many rows to buffer; a person whose rows are far apart becomes two records".to_owned(),
            )?;
        }
    }
    people.emit_all(sink)
}
