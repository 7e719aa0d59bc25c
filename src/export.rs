//! Exports: the whole directory as records that make it again, or papers as reference managers read them. Both are read in
//! batches from one moment of the directory, and written as they come.

use std::io::{self, Write};

use crate::citation::CitationFormat;
use crate::error::Error;
use crate::store::Store;
use crate::store::reader::export::RecordKind;
use crate::store::reader::paper::PaperFilter;

/// What is exported.
#[derive(Clone, Debug)]
pub enum Export {
    /// Everything, as `import records` takes it.
    Records,
    /// Papers that pass a filter, as reference managers read them.
    Papers(CitationFormat, Box<PaperFilter>),
}

/// Why an export did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error("the database did not give the records: {0}")]
    Store(#[from] Error),
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Writes an export, and tells how many records or papers it has.
///
/// # Errors
/// Where the database or the output fails; what was written before stays.
pub async fn run(store: &Store, export: &Export, output: &mut (impl Write + Send)) -> Result<usize, ExportError> {
    let written = match export {
        Export::Records => records(store, output).await?,
        Export::Papers(format, filter) => papers(store, *format, filter, output).await?,
    };
    output.flush()?;
    Ok(written)
}

async fn records(store: &Store, output: &mut (impl Write + Send)) -> Result<usize, ExportError> {
    let snapshot = store.snapshot().await?;
    let mut written = 0;
    for kind in RecordKind::ALL {
        let mut after = 0;
        while let Some((records, last)) = snapshot.records(kind, after).await? {
            for record in &records {
                serde_json::to_writer(&mut *output, record).map_err(io::Error::from)?;
                output.write_all(b"\n")?;
            }
            written += records.len();
            after = last;
        }
    }
    Ok(written)
}

async fn papers(
    store: &Store,
    format: CitationFormat,
    filter: &PaperFilter,
    output: &mut (impl Write + Send),
) -> Result<usize, ExportError> {
    let (open, between, close) = match format {
        // An empty line between entries.
        CitationFormat::Bibtex => ("", "\n", ""),
        CitationFormat::Ris => ("", "", ""),
        CitationFormat::CslJson => ("[\n", ",\n", "\n]\n"),
    };
    let snapshot = store.snapshot().await?;
    let (mut written, mut after) = (0, 0);
    output.write_all(open.as_bytes())?;
    while let Some((papers, last)) = snapshot.cited(filter, after).await? {
        for paper in &papers {
            if written > 0 {
                output.write_all(between.as_bytes())?;
            }
            output.write_all(paper.entry(format).as_bytes())?;
            written += 1;
        }
        after = last;
    }
    output.write_all(close.as_bytes())?;
    Ok(written)
}
