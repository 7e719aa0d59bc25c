//! Imports: files of many formats are read as a stream of neutral records and written in batches.

pub mod backup;
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
use crate::store::access::retry::describe_failure;
use crate::store::projections::disambiguation::DisambiguationReport;
use crate::telemetry::console;

pub use crate::import::pipeline::dry_run::{DryRunSummary, dry_run};

use crate::import::formats::{Format, FormatOptions};
use crate::import::pipeline::reader::spawn_reader;
use crate::import::pipeline::writer::RecordWriter;

/// Options of an import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The format of all files.
    pub format: &'static dyn Format,
    /// Options of the format.
    pub format_options: FormatOptions,
    /// The input files and folders; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Folders of the service, which are skipped in input folders.
    pub excluded_folders: Vec<PathBuf>,
    /// Whether the import aborts at the first invalid record or warning.
    pub is_strict: bool,
    /// The name of the source; the name of the format if omitted.
    pub source: Option<String>,
}

/// The result of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Records that were read: the sum of the next four.
    pub read_records: usize,
    /// Records that created an entity.
    pub created: usize,
    /// Records that updated an entity.
    pub updated: usize,
    /// Records that changed nothing.
    pub unchanged: usize,
    /// Records that were invalid.
    pub invalid: usize,
    /// Warnings and notes.
    pub warnings: usize,
    /// Files that were unreadable or truncated.
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
            count => write!(formatter, "; {count} warnings and notes")?,
        }
        match self.unreadable_files {
            0 => Ok(()),
            1 => formatter.write_str("; 1 unreadable file"),
            files => write!(formatter, "; {files} unreadable files"),
        }
    }
}

/// The reason why an import was aborted.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database failed before all records were written.
    #[error(
        "the records from {first} on were not imported: {}; run the same command again to resume",
        describe_failure(source)
    )]
    Unwritten {
        /// The file and line of the first record that was not written.
        first: String,
        /// The reason.
        source: Error,
    },
    /// The database failed after the records were written.
    #[error(
        "the records were imported, but what follows was not completed (merging of organizations, author disambiguation, counts): \
         {}; run the same command again to resume",
        describe_failure(.0)
    )]
    Unfinished(#[source] Error),
    /// The import is strict, and a record was invalid or imported with a warning.
    #[error("stopped at the first invalid record or warning (--strict): {0}")]
    Strict(String),
}

/// Number of authorships between two progress lines.
const PROGRESS_STEP_AUTHORSHIPS: usize = 100_000;
/// Number of changed records from which the planner statistics of the database are refreshed at once.
const ANALYZE_THRESHOLD_RECORDS: usize = 1_000;

/// Runs an import; prints progress and problems on standard error.
///
/// # Errors
/// Fails if the database fails, or at the first problem if the import is strict. Batches that were written remain;
/// running the same import again resumes it.
pub async fn run(store: &Store, import: ImportOptions) -> Result<ImportSummary, ImportError> {
    let (receiver, progress, reader) = spawn_reader(&import);
    let mut writer = RecordWriter {
        store,
        source: import.source.as_deref(),
        is_strict: import.is_strict,
        progress,
        summary: ImportSummary::default(),
        batch_divisor: 1,
        next_analysis: ANALYZE_THRESHOLD_RECORDS,
    };
    let result = writer.write_all(receiver).await;
    // A reader whose channel is closed stops at the next record.
    if reader.await.is_err() {
        tracing::error!("the file reader panicked");
        writer.summary.unreadable_files += 1;
    }
    writer.progress.finish();
    // A strict import that was aborted has written the preceding batches.
    if !matches!(result, Err(ImportError::Unwritten { .. })) {
        store.merge_named_organizations().await.map_err(ImportError::Unfinished)?;
        run_disambiguation(store).await.map_err(ImportError::Unfinished)?;
        store.refresh_statistics_if_stale().await.map_err(ImportError::Unfinished)?;
        if writer.summary.created + writer.summary.updated >= ANALYZE_THRESHOLD_RECORDS {
            store.finish_bulk_load().await.map_err(ImportError::Unfinished)?;
        }
    }
    result.map(|()| writer.summary)
}

/// Disambiguates the authors that imports affected; prints progress on standard error.
///
/// # Errors
/// Fails if the database fails.
pub async fn run_disambiguation(store: &Store) -> Result<DisambiguationReport, Error> {
    let mut reported_steps = 0;
    store
        .disambiguate_authors(|authorships| {
            if authorships / PROGRESS_STEP_AUTHORSHIPS > reported_steps {
                reported_steps = authorships / PROGRESS_STEP_AUTHORSHIPS;
                console::print_message(&format!("author disambiguation: {authorships} authorships processed"));
            }
        })
        .await
}

/// Returns the organization that command-line arguments identify, if any.
#[must_use]
pub fn organization_reference(
    name: Option<String>,
    ror: Option<crate::model::identifier::Ror>,
) -> Option<OrganizationReference> {
    (name.is_some() || ror.is_some()).then_some(OrganizationReference { ror, name, ..Default::default() })
}
