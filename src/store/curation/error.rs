//! Why something that people decided cannot be.

use crate::error::Error;
use crate::model::global_id::Kind;
use crate::model::identifier::InvalidIdentifier;

/// Why it cannot be, and what would pass.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody has the key.
    #[error(
        "there is no researcher '{key}'{hint}; people are named by id, slug or ORCID iD, as the API and the pages show them"
    )]
    UnknownResearcher {
        /// As it was given.
        key: String,
        /// Who may be meant, as the end of the first clause.
        hint: String,
    },
    /// No paper has the key.
    #[error(
        "there is no paper '{0}'; papers are named by id, slug, DOI or arXiv id, as the API and the pages show them"
    )]
    UnknownPaper(String),
    /// The id is of something else.
    #[error("'{key}' is the id of a thing of type {given}; one of type {wanted} is needed here")]
    OtherKind {
        /// As it was given.
        key: String,
        /// What it is.
        given: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// Nothing is to be done.
    #[error("name {0} at least")]
    Nothing(&'static str),
    /// An identifier is mistyped.
    #[error("{0}")]
    Invalid(String),
    /// Two keys name one person.
    #[error("'{one}' and '{other}' both name {person}: name different people")]
    SamePerson {
        /// The first key.
        one: String,
        /// The second key.
        other: String,
        /// The person.
        person: String,
    },
    /// They have different ORCID iDs.
    #[error(
        "they have different ORCID iDs: {0}. An ORCID iD is one person's, so that these are different people, unless somebody \
         registered twice; if that is so, force it: the survivor keeps the first one, and the others lead there too"
    )]
    SeveralOrcids(String),
    /// They are both on one paper.
    #[error(
        "they are authors of the same papers: {0}. Two authors of a paper are different people, unless one was listed twice; if \
         that is so, force it: the second place on such a paper is left without a person"
    )]
    OnOnePaper(String),
    /// The papers are not the researcher's.
    #[error("not by {person}: {papers}; the researcher's page lists the papers that can be moved")]
    NotTheirs {
        /// The researcher.
        person: String,
        /// The papers.
        papers: String,
    },
    /// Nothing would be left.
    #[error(
        "nothing would be left of {person}: that is all that is known of them; to give all of it to somebody else, merge them"
    )]
    NothingLeft {
        /// The researcher.
        person: String,
    },
    /// Whoever is to get the papers is on them already.
    #[error("{person} is an author of {papers} already, in another place")]
    AlreadyOnPaper {
        /// Who would get them.
        person: String,
        /// The papers.
        papers: String,
    },
    /// There is no such decision.
    #[error("there is no decision {0}; the history lists them")]
    UnknownDecision(i64),
    /// It was undone before.
    #[error("decision {decision} was undone already, on {undone_at}{by}")]
    AlreadyUndone {
        /// Its number.
        decision: i64,
        /// When, to the minute, in UTC.
        undone_at: String,
        /// By whom, as the end of the sentence.
        by: String,
    },
    /// Later decisions are about the same people.
    #[error(
        "decision {decision} cannot be undone before what was decided of the same people after it: first undo {later}"
    )]
    BuiltUpon {
        /// Its number.
        decision: i64,
        /// The later ones, the last first.
        later: String,
    },
}

impl Refusal {
    /// Whether it is no obstacle to whoever insists.
    #[must_use]
    pub fn yields_to_force(&self) -> bool {
        matches!(self, Self::SeveralOrcids(_) | Self::OnOnePaper(_))
    }

    pub(super) fn other_kind(key: &str, given: Kind, wanted: Kind) -> Self {
        Self::OtherKind { key: key.to_owned(), given: given.name(), wanted: wanted.name() }
    }
}

impl From<InvalidIdentifier> for Refusal {
    fn from(error: InvalidIdentifier) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// Why a decision was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DecisionError {
    /// It cannot be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not do it.
    #[error(transparent)]
    Failed(#[from] Error),
}
