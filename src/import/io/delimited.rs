//! Rows of delimited text (CSV, TSV).

/// Splits a row into trimmed fields; returns `None` if it is not a valid row.
pub(crate) fn split_row(row: &str, delimiter: u8) -> Option<Vec<String>> {
    let mut builder = ::csv::ReaderBuilder::new();
    let mut reader = builder.has_headers(false).flexible(true).delimiter(delimiter).from_reader(row.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(|field| field.trim().to_owned()).collect())
}
