//! Imports: files of several formats, each read as a stream of the same neutral records, written batch by batch.

pub mod formats;
pub mod io;
pub mod normalize;
pub mod pipeline;
#[cfg(test)]
mod round_trip_tests;
#[cfg(test)]
mod test_support;

use std::path::PathBuf;

use crate::error::Error;
use crate::model::record::OrganizationReference;
use crate::store::Store;
use crate::store::projections::disambiguation::DisambiguationReport;

pub use crate::import::pipeline::dry_run::{DryRunSummary, dry_run};

use crate::import::formats::{Format, FormatOptions};
use crate::import::pipeline::reader::spawn_reader;
use crate::import::pipeline::writer::{RecordWriter, error_chain};

/// What one import is asked to do.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The format of all files.
    pub format: &'static dyn Format,
    /// Options of the format.
    pub format_options: FormatOptions,
    /// The files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Whether the first bad record ends it.
    pub is_strict: bool,
    /// The name by which the directory remembers where the records are from; that of the format where absent.
    pub source: Option<String>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Records that the files held: the sum of the next four.
    pub read_records: usize,
    /// Those that made something new.
    pub created: usize,
    /// Those that changed something.
    pub updated: usize,
    /// Those that said nothing new.
    pub unchanged: usize,
    /// Those that could not be used.
    pub invalid: usize,
    /// Things that were mended, or that a person should know of.
    pub warnings: usize,
    /// Files that could not be read, or not to their end.
    pub unreadable_files: usize,
}

impl std::fmt::Display for ImportSummary {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "read {}: created {}, updated {}, unchanged {}, invalid {}",
            self.read_records, self.created, self.updated, self.unchanged, self.invalid
        )?;
        match self.warnings {
            0 => {}
            1 => formatter.write_str("; 1 warning or note")?,
            notes => write!(formatter, "; {notes} warnings and notes")?,
        }
        match self.unreadable_files {
            0 => Ok(()),
            1 => formatter.write_str("; 1 unreadable file"),
            files => write!(formatter, "; {files} unreadable files"),
        }
    }
}

/// Why an import did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database failed.
    #[error("the records could not be written: {}", error_chain(.0))]
    Store(#[source] Error),
    /// `--strict`, and something was bad.
    #[error("stopped at the first invalid record or warning (--strict): {0}")]
    Strict(String),
}

/// Authorships that were looked at between two lines.
const PROGRESS_STEP_AUTHORSHIPS: usize = 100_000;
/// After so many changes the database is told what it holds now, rather than left to notice.
const ANALYZE_THRESHOLD_RECORDS: usize = 1_000;

/// Runs an import to its end, telling its progress and each problem on standard error.
///
/// # Errors
/// Where the database fails, or something is bad and the import is strict. What was written before stays, and the same
/// import again goes on from there.
pub async fn run(store: &Store, import: ImportOptions) -> Result<ImportSummary, ImportError> {
    let (receiver, progress, reader) = spawn_reader(&import);
    let mut writer = RecordWriter {
        store,
        source: import.source.as_deref(),
        is_strict: import.is_strict,
        progress,
        summary: ImportSummary::default(),
    };
    let result = writer.write_all(receiver).await;
    // A reader whose channel is closed stops at the next record.
    if reader.await.is_err() {
        tracing::error!("the file reader panicked");
        writer.summary.unreadable_files += 1;
    }
    writer.progress.finish();
    // A strict import that stopped has written what came before.
    if !matches!(result, Err(ImportError::Store(_))) {
        store.merge_named_organizations().await.map_err(ImportError::Store)?;
        run_disambiguation(store).await.map_err(ImportError::Store)?;
        store.refresh_statistics_if_stale().await.map_err(ImportError::Store)?;
        if writer.summary.created + writer.summary.updated >= ANALYZE_THRESHOLD_RECORDS {
            store.finish_bulk_load().await.map_err(ImportError::Store)?;
        }
    }
    result.map(|()| writer.summary)
}

/// Looks again at who is who wherever the records changed something, telling its progress on standard error.
///
/// # Errors
/// Where the database fails.
pub async fn run_disambiguation(store: &Store) -> Result<DisambiguationReport, Error> {
    let mut told = 0;
    store
        .disambiguate_authors(|authorships| {
            if authorships / PROGRESS_STEP_AUTHORSHIPS > told {
                told = authorships / PROGRESS_STEP_AUTHORSHIPS;
                eprintln!("author disambiguation: {authorships} authorships processed");
            }
        })
        .await
}

/// How an organization is named on the command line.
#[must_use]
pub fn organization_reference(
    name: Option<String>,
    ror: Option<crate::model::identifier::Ror>,
) -> Option<OrganizationReference> {
    (name.is_some() || ror.is_some()).then_some(OrganizationReference { ror, name, ..Default::default() })
}
