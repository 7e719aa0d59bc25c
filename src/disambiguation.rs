//! Author disambiguation: decides which author mentions are the same person, and why.
//!
//! The rules, strongest first: manual decisions; identifiers (ORCID iD, author ids of sources); evidence, weighed
//! against how common the name is; a rare name alone. Contrary evidence prevents every match except a manual decision:
//! two ORCID iDs, two authors of one paper, or papers more than [`MAX_CAREER_YEARS`] years apart. An ORCID iD that unlike
//! names share counts for its owner's only ([`SharedIdentifier`]). The result depends on the data only, not on the order
//! in which it was imported.
//!
//! Everything here is pure: no database and no I/O.

mod affiliation_words;
mod clustering;
mod mention;
mod merge_candidates;
mod shared_identifier;
mod split_candidates;
mod union_find;

pub use self::affiliation_words::AffiliationWords;
pub use self::clustering::{AuthorCluster, MatchExplanation, MatchMethod, cluster_mentions};
pub use self::mention::{Evidence, EvidenceKind, Mention, Vocabulary};
pub use self::merge_candidates::{MergeCandidate, ResearcherProfile, find_merge_candidates};
pub use self::shared_identifier::{IdentifiedName, NamePair, SharedIdentifier, are_compatible};
pub use self::split_candidates::{SplitCandidate, SplitPart, find_split_candidate};

/// The maximum number of years between the first and the last paper of one person.
pub const MAX_CAREER_YEARS: i32 = 60;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The words of methods and of evidence are stored in `authorship_resolution`, evidence sorted by kind.
    #[test]
    fn stored_words_are_stable() {
        let methods = [MatchMethod::Decision, MatchMethod::Identifier, MatchMethod::Evidence, MatchMethod::Name];
        assert_eq!(json!(methods), json!(["DECISION", "IDENTIFIER", "EVIDENCE", "NAME"]));
        let kinds = [
            (EvidenceKind::Decision, "DECISION"),
            (EvidenceKind::Orcid, "ORCID"),
            (EvidenceKind::AuthorId, "AUTHOR_ID"),
            (EvidenceKind::SharedCoauthor, "SHARED_COAUTHOR"),
            (EvidenceKind::SharedOrganization, "SHARED_ORGANIZATION"),
            (EvidenceKind::SharedVenue, "SHARED_VENUE"),
            (EvidenceKind::SharedTopic, "SHARED_TOPIC"),
            (EvidenceKind::CloseYears, "CLOSE_YEARS"),
            (EvidenceKind::SameName, "SAME_NAME"),
            (EvidenceKind::RareName, "RARE_NAME"),
            (EvidenceKind::NameVariant, "NAME_VARIANT"),
        ];
        assert!(kinds.is_sorted_by_key(|(kind, _)| *kind));
        for (kind, word) in kinds {
            let value = (kind == EvidenceKind::SharedCoauthor).then(|| "Ida Brook".to_owned());
            let expected =
                if value.is_some() { json!({"kind": word, "value": "Ida Brook"}) } else { json!({"kind": word}) };
            assert_eq!(json!(Evidence { kind, value }), expected);
        }
    }
}
