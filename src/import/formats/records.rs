//! The directory's own records: one JSON object a line, `kind` telling what it is.

use std::io::BufRead;

use crate::import::io::json;
use crate::import::{ReadAbort, RecordSink};
use crate::model::record::Record;

pub(crate) fn stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    json::read_values(reader, sink, |line, value, sink| match serde_json::from_value::<Record>(value) {
        Ok(record) => sink.push_record(line, record, Vec::new()),
        Err(error) => sink.push_invalid(line, format!("it is not a record of this directory: {error}")),
    })
}
