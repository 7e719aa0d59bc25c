//! MARC 21 records in XML, as libraries (Alma) and INSPIRE export them.

mod authors;
mod date;
mod host;
mod paper;
mod record;
#[cfg(test)]
mod tests;

use std::io::BufRead;

use crate::import::formats::detection::FileHead;
use crate::import::formats::marcxml::record::MarcRecord;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::lines::unreadable_error;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::io::xml::element_stream::{RecordElements, expect_xml, read_elements};
use crate::model::record::Record;

/// A record of OAI-PMH has the same name, and is a wrapper.
const RECORDS: RecordElements =
    RecordElements { names: &["record"], content_marks: &["datafield", "leader>"], noun: "record" };

/// MARC 21 in XML.
#[derive(Debug)]
pub(crate) struct MarcXmlFormat;

impl Format for MarcXmlFormat {
    fn name(&self) -> &'static str {
        "marcxml"
    }

    fn help(&self) -> &'static str {
        "MARC 21 records in XML, as from library systems and INSPIRE"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Registry
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["xml", "marcxml"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        head.content_kind == ContentKind::Markup && is_marc(head)
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        _options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
        expect_xml(head)?;
        if !is_marc(&FileHead::new(head)) {
            return Err(ReadAbort::Unreadable(1, "it is XML, but not MARCXML".to_owned()));
        }
        read_elements(reader, &RECORDS, sink, |line, element, mut warnings, sink| {
            let record = MarcRecord { element };
            match record.paper_record(&mut warnings) {
                Ok(paper) => sink.push_record(line, Record::Paper(paper), warnings),
                Err(reason) => sink.push_invalid(line, reason),
            }
        })
    }
}

/// Libraries omit the namespace.
fn is_marc(head: &FileHead<'_>) -> bool {
    head.contains(b"www.loc.gov/MARC21/slim")
        || head.contains(b"controlfield tag=") && (head.contains(b"datafield tag=") || head.contains(b"leader>"))
}
