//! Rows of delimited text (CSV, TSV).

/// Splits a row into trimmed fields; returns `None` if it is not a valid row.
pub(crate) fn split_row(row: &str, delimiter: u8) -> Option<Vec<String>> {
    let mut builder = ::csv::ReaderBuilder::new();
    let mut reader = builder.has_headers(false).flexible(true).delimiter(delimiter).from_reader(row.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(|field| field.trim().to_owned()).collect())
}

/// The maximum number of lines before the header of a table.
pub(crate) const MAX_LINES_BEFORE_HEADER: usize = 20;

/// Returns whether a line may stand before the header of any table: a blank line, a comment, or the line by which Excel
/// names the delimiter, `sep=;`.
pub(crate) fn is_before_header(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    line.is_empty() || line.starts_with(b"#") || line.len() <= 5 && line.to_ascii_lowercase().starts_with(b"sep=")
}

/// Reports lines that were skipped before a header.
pub(crate) fn skipped_lines_note(count: usize) -> String {
    let lines = if count == 1 { "line" } else { "lines" };
    format!("{count} {lines} before the header ignored")
}
