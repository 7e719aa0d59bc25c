//! A record that is about to change a paper.

use std::borrow::Cow;

use crate::model::identifier::{ArxivId, Doi};
use crate::model::record::{AuthorRecord, PaperRecord};
use crate::store::ingest::source_precedence::FieldPrecedence;

/// A record that creates or changes a paper.
pub(crate) struct PaperChange<'a> {
    /// The index of the record in the batch.
    pub(crate) index: usize,
    pub(crate) record: &'a PaperRecord,
    /// The authors to write; empty if those of the paper stay.
    pub(crate) authors: Cow<'a, [AuthorRecord]>,
    pub(crate) key: String,
    pub(crate) digest: String,
    pub(crate) doi: Option<&'a Doi>,
    /// The DOI, if another paper has it.
    pub(crate) shared_doi: Option<&'a Doi>,
    pub(crate) arxiv_id: Option<ArxivId>,
    /// The paper; none if it is new.
    pub(crate) existing_id: Option<i64>,
    /// Whether the source described the paper before.
    pub(crate) has_previous_record: bool,
    /// The fields for which other records have precedence.
    pub(crate) precedence: FieldPrecedence,
}

impl PaperChange<'_> {
    /// Whether the record has an identifier of any kind, by which its source distinguishes papers.
    pub(crate) fn has_any_id(&self) -> bool {
        let has_source_id = self.record.source_id.is_some() || !self.record.identifiers.is_empty();
        self.doi.is_some() || self.arxiv_id.is_some() || has_source_id
    }
}
