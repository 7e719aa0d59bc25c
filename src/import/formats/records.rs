//! The directory's own records: one JSON object a line, `kind` telling what it is.

use std::io::BufRead;

use crate::import::io::json;
use crate::import::{Sink, Stop};
use crate::model::record::Record;

pub(crate) fn stream(reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
    json::values(reader, sink, |line, value, sink| match serde_json::from_value::<Record>(value) {
        Ok(record) => sink.record(line, record, Vec::new()),
        Err(error) => sink.rejected(line, format!("it is not a record of this directory: {error}")),
    })
}
