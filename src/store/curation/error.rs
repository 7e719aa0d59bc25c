//! Errors of curation.

use crate::error::Error;
use crate::model::global_id::NodeKind;
use crate::model::identifier::InvalidIdentifier;
use crate::store::access::retry::StoreFailure;

/// Why a decision is rejected, and how to fix it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CurationError {
    /// No researcher has the key.
    #[error("there is no researcher '{key}'{hint}; give the id, slug or ORCID iD of a researcher")]
    UnknownResearcher {
        /// The key.
        key: String,
        /// Researchers of that name, as the end of the first clause.
        hint: String,
    },
    /// No paper has the key.
    #[error("there is no paper '{0}'; give the id, slug, DOI or arXiv ID of a paper")]
    UnknownPaper(String),
    /// The id is of another type.
    #[error("'{key}' is the id of a {given}; the id of a {wanted} is required")]
    WrongKind {
        /// The id.
        key: String,
        /// Its type.
        given: &'static str,
        /// The required type.
        wanted: &'static str,
    },
    /// A list is empty.
    #[error("specify at least {0}")]
    MissingArgument(&'static str),
    /// An identifier is not well-formed.
    #[error("{0}")]
    InvalidIdentifier(String),
    /// Two keys identify the same researcher.
    #[error("'{one}' and '{other}' both identify {person}; give different researchers")]
    SameResearcher {
        /// The first key.
        one: String,
        /// The second key.
        other: String,
        /// The researcher.
        person: String,
    },
    /// The researchers have different ORCID iDs.
    #[error(
        "the researchers have different ORCID iDs: {0}. They are different people, unless one person registered twice. In that \
         case force the merge: the survivor keeps the first ORCID iD, and the others redirect"
    )]
    ConflictingOrcids(String),
    /// The researchers are authors of the same papers.
    #[error(
        "the researchers are authors of the same papers: {0}. They are different people, unless one person is listed twice. In that \
         case force the merge: the second authorship of such a paper is left without a researcher"
    )]
    SharedPapers(String),
    /// The researcher is not an author of the papers.
    #[error("{person} is not an author of: {papers}; give papers of this researcher")]
    NotAuthorOf {
        /// The researcher.
        person: String,
        /// The papers.
        papers: String,
    },
    /// The researcher would have no papers and no other data.
    #[error("nothing would be left of {person}; to move everything to another researcher, merge them")]
    WouldBeEmpty {
        /// The researcher.
        person: String,
    },
    /// The target is already an author of the papers.
    #[error("{person} is already an author of {papers}, in another position")]
    AlreadyAuthorOf {
        /// The target.
        person: String,
        /// The papers.
        papers: String,
    },
    /// The decision does not exist.
    #[error("there is no decision {0}; `identity history` lists decisions")]
    UnknownDecision(i64),
    /// The decision is already undone.
    #[error("decision {decision} was already undone on {undone_at}{by}")]
    AlreadyUndone {
        /// Its number.
        decision: i64,
        /// When, to the minute, in UTC.
        undone_at: String,
        /// The curator's name, as the end of the sentence.
        by: String,
    },
    /// Later decisions affect the same researchers.
    #[error(
        "decision {decision} cannot be undone before later decisions about the same researchers; first undo {later}"
    )]
    HasDependents {
        /// Its number.
        decision: i64,
        /// The later ones, the last first.
        later: String,
    },
    /// The researcher from whom a split moved papers no longer exists.
    #[error(
        "decision {decision} cannot be undone: the researcher who had the papers no longer exists, and {created} has other \
         data since; merge {created} into another researcher instead"
    )]
    SourceMissing {
        /// Its number.
        decision: i64,
        /// The researcher whom the split created.
        created: String,
    },
}

impl CurationError {
    /// Whether `force` overrides it.
    #[must_use]
    pub fn is_overridable(&self) -> bool {
        matches!(self, Self::ConflictingOrcids(_) | Self::SharedPapers(_))
    }

    pub(super) fn wrong_kind(key: &str, given: NodeKind, wanted: NodeKind) -> Self {
        Self::WrongKind { key: key.to_owned(), given: given.type_name(), wanted: wanted.type_name() }
    }
}

impl From<InvalidIdentifier> for CurationError {
    fn from(error: InvalidIdentifier) -> Self {
        Self::InvalidIdentifier(error.to_string())
    }
}

impl StoreFailure for DecisionError {
    fn database_error(&self) -> Option<&Error> {
        match self {
            Self::Rejected(_) => None,
            Self::Failed(error) => Some(error),
        }
    }
}

/// Why a decision was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DecisionError {
    /// The decision is rejected.
    #[error(transparent)]
    Rejected(#[from] CurationError),
    /// An error that is not about the decision.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<sea_orm::DbErr> for DecisionError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Failed(error.into())
    }
}
