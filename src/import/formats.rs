//! Import formats: the trait that each format implements, and the registry of all formats.
//!
//! To add a format, write its file in `formats/` and add one line to [`FORMATS`]. The `import` command and its `--help`,
//! `import auto`, the selection of files in folders and the default source precedence are derived from the registry.

mod auto;
mod bibtex;
mod crossref;
mod csl;
mod csv;
mod datacite;
mod dblp;
mod detection;
mod marcxml;
mod openalex;
mod orcid;
pub mod profile_page;
mod pubmed;
mod records;
mod ris;
mod ror;
mod semantic_scholar;
pub mod topics;

use std::fmt::Debug;
use std::io::BufRead;

use serde_json::Value;

use crate::import::formats::detection::{FileHead, JsonMatch};
use crate::import::formats::profile_page::ProfilePageOptions;
use crate::import::formats::topics::TopicsOptions;
use crate::import::io::record_sink::{ReadAbort, RecordSink};

/// The registry: all import formats, in the order in which `import auto` tries them on a file.
///
/// Formats with an unmistakable signature come first, formats recognized by loose signs last. Within one
/// [`SourceKind`] the order is also the default source precedence.
static FORMATS: &[&dyn Format] = &[
    &records::RecordsFormat,
    &ror::RorFormat,
    &orcid::OrcidFormat,
    &crossref::CrossrefFormat,
    &datacite::DataCiteFormat,
    &pubmed::PubMedFormat,
    &dblp::DblpFormat,
    &marcxml::MarcXmlFormat,
    &topics::TopicsFormat,
    &openalex::OpenAlexFormat,
    &semantic_scholar::SemanticScholarFormat,
    &csl::CslFormat,
    &bibtex::BibtexFormat,
    &csv::CsvFormat,
    &profile_page::ProfilePageFormat,
    &ris::RisFormat,
];

/// A format that can be imported.
pub trait Format: Debug + Sync {
    /// Returns the name on the command line, which is also the default source of the records.
    fn name(&self) -> &'static str;

    /// Returns the line that `import --help` prints for the format.
    fn help(&self) -> &'static str;

    /// Returns the kind of source that publishes the format.
    fn source_kind(&self) -> SourceKind;

    /// Returns the file extensions that are read in folders and tar archives, without `.gz` or `.zst`.
    ///
    /// A format without extensions is only read from files named on the command line.
    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns the names of subfolders that are skipped.
    fn skipped_folders(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a file that is not JSON is in this format, judged by its beginning.
    fn matches(&self, _head: &FileHead<'_>) -> bool {
        false
    }

    /// Recognizes a JSON value of the API or data dump that this format reads, importable or not.
    fn match_json(&self, _value: &Value) -> Option<JsonMatch> {
        None
    }

    /// Reads a file to its end and pushes its records.
    ///
    /// # Errors
    /// Fails if the rest of the file is unreadable, or the receiver of the records is gone.
    fn read(
        &self,
        reader: &mut dyn BufRead,
        options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort>;
}

/// The kind of source that publishes a format, in the order of the default source precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// Curated by the operator of the directory.
    Curated,
    /// An authority for persistent identifiers, or a bibliographic database.
    Registry,
    /// An aggregator of other sources.
    Aggregator,
    /// A reference manager.
    ReferenceManager,
    /// A controlled vocabulary.
    Vocabulary,
}

/// The options of all formats; a format reads its own.
#[derive(Clone, Debug, Default)]
pub struct FormatOptions {
    /// Options of `profile-page`.
    pub profile_page: ProfilePageOptions,
    /// Options of `topics`.
    pub topics: TopicsOptions,
}

/// Returns the formats that the command line accepts, sorted by name; `auto` is one of them.
#[must_use]
pub fn selectable() -> Vec<&'static dyn Format> {
    let mut formats: Vec<&'static dyn Format> = FORMATS.to_vec();
    formats.push(&auto::AutoFormat);
    formats.sort_unstable_by_key(|format| format.name());
    formats
}

/// Returns the format with a name on the command line.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Format> {
    selectable().into_iter().find(|format| format.name() == name)
}

/// Returns the names of formats in the order of their default source precedence, highest first.
#[must_use]
pub fn by_source_precedence() -> Vec<&'static str> {
    let mut formats = FORMATS.to_vec();
    formats.sort_by_key(|format| format.source_kind());
    formats.into_iter().map(Format::name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_precedence_follows_the_kind_of_source() {
        assert_eq!(
            by_source_precedence(),
            [
                "records",
                "csv",
                "profile-page",
                "ror",
                "orcid",
                "crossref",
                "datacite",
                "pubmed",
                "dblp",
                "marcxml",
                "openalex",
                "semantic-scholar",
                "csl",
                "bibtex",
                "ris",
                "topics",
            ]
        );
    }

    #[test]
    fn the_documentation_lists_every_format() {
        let documentation = include_str!("../../docs/importing.md");
        for format in selectable() {
            assert!(documentation.contains(&format!("`{}`", format.name())), "{}", format.name());
        }
    }
}
