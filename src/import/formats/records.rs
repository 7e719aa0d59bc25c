//! The neutral records of the directory, as JSON lines; `kind` names the type of a record.

use std::io::BufRead;

use serde_json::Value;

use crate::import::formats::detection::JsonMatch;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::json;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::model::record::Record;

/// The neutral records, as JSON lines.
#[derive(Debug)]
pub(crate) struct RecordsFormat;

impl Format for RecordsFormat {
    fn name(&self) -> &'static str {
        "records"
    }

    fn help(&self) -> &'static str {
        "The directory's own records, one JSON object per line"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Curated
    }

    fn match_json(&self, value: &Value) -> Option<JsonMatch> {
        let kind = value.get("kind")?.as_str()?;
        let own_field = match kind {
            "paper" => "title",
            "researcher" => "name",
            "organization" | "topic" => "names",
            _ => return None,
        };
        value.get(own_field).is_some().then_some(JsonMatch::Importable("a record of this directory"))
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        _options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        json::read_values(reader, sink, |line, value, sink| match serde_json::from_value::<Record>(value) {
            Ok(record) => sink.push_record(line, record, Vec::new()),
            Err(error) => sink.push_invalid(line, format!("it is not a record of this directory: {error}")),
        })
    }
}
