//! Exports: all records of the directory, a backup, or papers in a citation format. Each is streamed from one consistent
//! snapshot.

use std::io::{self, Write};

use crate::citation::CitationFormat;
use crate::error::Error;
use crate::store::Store;
use crate::store::access::retry::describe_failure;
use crate::store::reader::export::EXPORT_ORDER;
use crate::store::reader::paper::PaperFilter;

/// The content of an export.
#[derive(Clone, Debug)]
pub enum ExportRequest {
    /// All records, in the import format `records`.
    Records,
    /// The rows of all tables, for `import backup`.
    Backup,
    /// The papers that match a filter, in a citation format.
    Papers(CitationFormat, Box<PaperFilter>),
}

/// The reason why an export was aborted.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error(
        "the export broke off, and what was written is incomplete: {}; run the same command again",
        describe_failure(.0)
    )]
    Store(#[from] Error),
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Writes an export and returns the number of its records, rows or papers.
///
/// # Errors
/// Fails if the database or the output fails; the output may be incomplete.
pub async fn run(
    store: &Store,
    export: &ExportRequest,
    output: &mut (impl Write + Send),
) -> Result<usize, ExportError> {
    let count = match export {
        ExportRequest::Records => write_records(store, output).await?,
        ExportRequest::Backup => write_backup(store, output).await?,
        ExportRequest::Papers(format, filter) => write_papers(store, *format, filter, output).await?,
    };
    output.flush()?;
    Ok(count)
}

async fn write_records(store: &Store, output: &mut (impl Write + Send)) -> Result<usize, ExportError> {
    let snapshot = store.export_snapshot().await?;
    let mut count = 0;
    for kind in EXPORT_ORDER {
        let mut after = 0;
        while let Some((records, last)) = snapshot.records_after(kind, after).await? {
            for record in &records {
                serde_json::to_writer(&mut *output, record).map_err(io::Error::from)?;
                output.write_all(b"\n")?;
            }
            count += records.len();
            after = last;
        }
    }
    Ok(count)
}

async fn write_backup(store: &Store, output: &mut (impl Write + Send)) -> Result<usize, ExportError> {
    let snapshot = store.export_snapshot().await?;
    let write = |line: &str| -> Result<(), ExportError> {
        output.write_all(line.as_bytes())?;
        Ok(output.write_all(b"\n")?)
    };
    Ok(usize::try_from(snapshot.write_backup(write).await?).unwrap_or(usize::MAX))
}

async fn write_papers(
    store: &Store,
    format: CitationFormat,
    filter: &PaperFilter,
    output: &mut (impl Write + Send),
) -> Result<usize, ExportError> {
    let (open, between, close) = format.list_syntax();
    let snapshot = store.export_snapshot().await?;
    let (mut count, mut after) = (0, 0);
    output.write_all(open.as_bytes())?;
    while let Some((papers, last)) = snapshot.cited_papers_after(filter, after).await? {
        for paper in &papers {
            if count > 0 {
                output.write_all(between.as_bytes())?;
            }
            output.write_all(paper.format_entry(format).as_bytes())?;
            count += 1;
        }
        after = last;
    }
    output.write_all(close.as_bytes())?;
    Ok(count)
}
