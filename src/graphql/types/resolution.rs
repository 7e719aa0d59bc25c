//! Why an author is taken for a researcher.

use async_graphql::{Enum, SimpleObject};

use crate::disambiguation;

/// Why the author of a paper is taken for a researcher. The directory is careful: it rather leaves one person in two places than
/// takes two people for one, never against contrary evidence (two ORCID iDs, both authors of the paper, sixty years apart), and
/// looks again whenever something new is known.
#[derive(SimpleObject)]
pub struct Resolution {
    /// How it was found.
    method: ResolutionMethod,
    /// How likely it is to be right, from 0 to 1; 1 for what people decided.
    confidence: f64,
    /// What speaks for it, the strongest first; one of each kind, though there may be more.
    evidence: Vec<ResolutionEvidence>,
}

impl Resolution {
    /// Where nothing but the name is known.
    pub fn by_name() -> Self {
        let evidence = ResolutionEvidence { kind: ResolutionEvidenceKind::SameName, value: None };
        Self { method: ResolutionMethod::Name, confidence: 0.5, evidence: vec![evidence] }
    }
}

impl From<disambiguation::Resolution> for Resolution {
    fn from(resolution: disambiguation::Resolution) -> Self {
        Self {
            method: resolution.method.into(),
            confidence: (f64::from(resolution.confidence) * 100.0).round() / 100.0,
            evidence: resolution.evidence.into_iter().filter_map(ResolutionEvidence::new).collect(),
        }
    }
}

/// How an author was found to be a researcher.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "disambiguation::Method")]
pub enum ResolutionMethod {
    /// Somebody decided it: `academic-directory identity merge` and `split`.
    Decision,
    /// By an ORCID iD or the source's own id of the author.
    Identifier,
    /// By the name, and by what the paper has in common with the person's others.
    Evidence,
    /// By the name alone.
    Name,
}

/// One thing that speaks for a resolution.
#[derive(SimpleObject)]
pub struct ResolutionEvidence {
    /// What it is.
    kind: ResolutionEvidenceKind,
    /// The id, the coauthor, the organization, the venue; null where the kind says all.
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
            // Years only order likely duplicates; they give nobody a paper.
            Found::CloseYears => return None,
        };
        Some(Self { kind, value: evidence.value })
    }
}

/// The kinds of evidence.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ResolutionEvidenceKind {
    /// Somebody decided it; the value is the number of the decision.
    Decision,
    /// The paper gives the author's ORCID iD.
    Orcid,
    /// The paper's source has an id of its own for the author: `openalex:A5023888391`.
    AuthorId,
    /// Another paper of the person has the same coauthor.
    SharedCoauthor,
    /// Another paper of the person, or their own record, names the same organization.
    SharedOrganization,
    /// Another paper of the person is in the same venue.
    SharedVenue,
    /// Another paper of the person is on the same topic.
    SharedTopic,
    /// The name is the one that most papers of the person have.
    SameName,
    /// The family name is none of those that very many people have.
    RareName,
    /// The name is another form of it: an initial, a middle name left out, another spelling.
    NameVariant,
}
