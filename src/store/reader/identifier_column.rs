//! Columns that hold an identifier each.

use std::str::FromStr;

use crate::model::entity_type::EntityType;
use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};

/// A column that holds an identifier in its canonical form. Identifiers of all other schemes are rows of `external_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierColumn {
    /// The ORCID iD of a researcher.
    Orcid,
    /// The ROR ID of an organization.
    Ror,
    /// The DOI of a paper.
    Doi,
    /// The arXiv ID of a paper, without its version.
    ArxivId,
}

impl IdentifierColumn {
    /// Returns the columns of the table of a type.
    #[must_use]
    pub fn of(kind: EntityType) -> &'static [Self] {
        match kind {
            EntityType::Researcher => &[Self::Orcid],
            EntityType::Organization => &[Self::Ror],
            EntityType::Topic => &[],
            EntityType::Paper => &[Self::Doi, Self::ArxivId],
        }
    }

    /// Returns the name of the column, which is also the scheme of its values in `external_id`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Orcid => "orcid",
            Self::Ror => "ror",
            Self::Doi => "doi",
            Self::ArxivId => "arxiv_id",
        }
    }

    /// Parses a text as such an identifier and returns its canonical form; `None` if it is not one.
    #[must_use]
    pub fn canonical(self, text: &str) -> Option<String> {
        fn parse<T: FromStr + ToString>(text: &str) -> Option<String> {
            text.parse::<T>().ok().map(|identifier| identifier.to_string())
        }
        match self {
            Self::Orcid => parse::<Orcid>(text),
            Self::Ror => parse::<Ror>(text),
            Self::Doi => parse::<Doi>(text),
            Self::ArxivId => parse::<ArxivId>(text),
        }
    }
}
