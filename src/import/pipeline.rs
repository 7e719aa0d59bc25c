//! The import pipeline: a reader thread, a writer in batches, progress reports and dry runs.

pub(crate) mod dry_run;
pub(crate) mod file_walker;
pub(crate) mod reader;
pub(crate) mod writer;
