//! Explains why an author was resolved to a researcher.

use crate::graphql::engine::field_directives::{Cost, FREE};
use async_graphql::{Enum, SimpleObject};

use crate::disambiguation;

/// Why an author was resolved to a researcher (author disambiguation). Precision comes first: one person can have two
/// profiles, rather than two people sharing one. Contrary evidence, such as different ORCID iDs, two authors of the
/// same paper or a gap of sixty years, prevents a match. Matches are re-evaluated when new data arrives.
#[derive(SimpleObject)]
pub struct Resolution {
    /// The method by which the author was resolved.
    method: ResolutionMethod,
    /// The confidence that the match is correct, from 0 to 1; 1 for a decision by a person.
    confidence: f64,
    /// The evidence for the match, strongest first. Each kind is listed at most once, even if there is more of it.
    #[graphql(directive = Cost::apply(FREE))]
    evidence: Vec<ResolutionEvidence>,
}

impl Resolution {
    /// Creates the explanation for a name-only match.
    pub fn name_only() -> Self {
        let evidence = ResolutionEvidence { kind: ResolutionEvidenceKind::SameName, value: None };
        Self { method: ResolutionMethod::Name, confidence: 0.5, evidence: vec![evidence] }
    }
}

impl From<disambiguation::MatchExplanation> for Resolution {
    fn from(resolution: disambiguation::MatchExplanation) -> Self {
        Self {
            method: resolution.method.into(),
            confidence: (f64::from(resolution.confidence) * 100.0).round() / 100.0,
            evidence: resolution.evidence.into_iter().filter_map(ResolutionEvidence::new).collect(),
        }
    }
}

/// Methods by which an author can be resolved to a researcher.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "disambiguation::MatchMethod")]
pub enum ResolutionMethod {
    /// A decision by a person, with `academic-directory identity merge` or `split`.
    Decision,
    /// An ORCID iD, or the source's own ID of the author.
    Identifier,
    /// The name, and what the paper has in common with other papers of the researcher.
    Evidence,
    /// The name only.
    Name,
}

/// One piece of evidence for a resolution.
#[derive(SimpleObject)]
pub struct ResolutionEvidence {
    /// The kind of evidence.
    kind: ResolutionEvidenceKind,
    /// The identifier, coauthor, organization or venue. Null if the kind is sufficient.
    value: Option<String>,
}

impl ResolutionEvidence {
    fn new(evidence: disambiguation::Evidence) -> Option<Self> {
        use disambiguation::EvidenceKind as Found;
        let kind = match evidence.kind {
            Found::Decision => ResolutionEvidenceKind::Decision,
            Found::Orcid => ResolutionEvidenceKind::Orcid,
            Found::AuthorId => ResolutionEvidenceKind::AuthorId,
            Found::SharedCoauthor => ResolutionEvidenceKind::SharedCoauthor,
            Found::SharedOrganization => ResolutionEvidenceKind::SharedOrganization,
            Found::SharedVenue => ResolutionEvidenceKind::SharedVenue,
            Found::SharedTopic => ResolutionEvidenceKind::SharedTopic,
            Found::SameName => ResolutionEvidenceKind::SameName,
            Found::RareName => ResolutionEvidenceKind::RareName,
            Found::NameVariant => ResolutionEvidenceKind::NameVariant,
            // Close years only rank possible duplicates; they assign no papers.
            Found::CloseYears => return None,
        };
        Some(Self { kind, value: evidence.value })
    }
}

/// Kinds of evidence.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ResolutionEvidenceKind {
    /// A decision by a person; the value is its number.
    Decision,
    /// The paper gives the author's ORCID iD.
    Orcid,
    /// The source of the paper has its own ID for the author, such as `openalex:A5023888391`.
    AuthorId,
    /// Another paper of the researcher has the same coauthor.
    SharedCoauthor,
    /// Another paper of the researcher, or their own record, gives the same organization.
    SharedOrganization,
    /// Another paper of the researcher was published in the same venue.
    SharedVenue,
    /// Another paper of the researcher is on the same topic.
    SharedTopic,
    /// The name is the most frequent name on the researcher's papers.
    SameName,
    /// The family name is not one of the most common ones.
    RareName,
    /// The name is a variant: an initial, an omitted middle name or another spelling.
    NameVariant,
}
