//! `identity resolve` and `identity candidates`: automatic author disambiguation, and the candidates for manual review.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::identity::pluralize;
use crate::cli::{CommandResult, print};
use crate::disambiguation::{Evidence, EvidenceKind, MergeCandidate, SplitCandidate};
use crate::import;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::Store;
use crate::store::reader::merge_candidates::{CandidateResearcher, DisambiguationCandidates};

/// Maximum number of values listed per kind of evidence.
const MAX_EVIDENCE_VALUES: usize = 3;

/// Runs author disambiguation for pending names, or for all.
pub(super) async fn run_disambiguation(store: &Store, is_all: bool) -> CommandResult {
    if is_all {
        store.queue_all_blocks().await?;
    }
    let resolved = import::run_disambiguation(store).await?;
    store.refresh_statistics_if_stale().await?;
    print(&format!(
        "evaluated {} authorships: {} reassigned, {} researchers created\n",
        resolved.authorships, resolved.moved, resolved.created
    ));
    Ok(ExitCode::SUCCESS)
}

/// Prints duplicate or conflated profiles, sorted by score.
pub(super) async fn print_candidates(store: &Store, limit: usize, is_conflated: bool, is_json: bool) -> CommandResult {
    let found = store.find_disambiguation_candidates().await?;
    let text = match (is_conflated, is_json) {
        (false, false) => format_merge_candidates(&found, limit),
        (false, true) => {
            json_lines(found.duplicates.iter().take(limit).map(|candidate| merge_candidate_json(&found, candidate)))
        }
        (true, false) => format_split_candidates(&found, limit),
        (true, true) => json_lines(
            found
                .conflated
                .iter()
                .take(limit)
                .map(|(index, candidate)| split_candidate_json(&found, *index, candidate)),
        ),
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}

fn json_lines(values: impl Iterator<Item = Value>) -> String {
    values.fold(String::new(), |mut text, value| {
        let _ = writeln!(text, "{value}");
        text
    })
}

fn format_researcher(found: &DisambiguationCandidates, index: usize) -> String {
    let (researcher, papers) = (&found.researchers[index], found.paper_counts[index]);
    let orcid = researcher.orcid.as_ref().map(|orcid| format!(", {orcid}")).unwrap_or_default();
    format!("{} ({}{orcid}, {})", researcher.name, researcher.slug, pluralize(papers, "paper", "papers"))
}

fn format_merge_candidates(found: &DisambiguationCandidates, limit: usize) -> String {
    let mut text = String::new();
    for candidate in found.duplicates.iter().take(limit) {
        let _ = writeln!(
            text,
            "{:3.0} %  {}",
            candidate.likelihood * 100.0,
            format_researcher(found, candidate.first_index)
        );
        let _ = writeln!(text, "       {}", format_researcher(found, candidate.second_index));
        let _ = writeln!(text, "       {}", describe_evidence(&candidate.evidence));
        let (first, second) =
            (&found.researchers[candidate.first_index].slug, &found.researchers[candidate.second_index].slug);
        let _ = writeln!(text, "       identity merge {first} {second}\n");
    }
    text + &format_total(found.duplicates.len(), limit, "possible duplicates")
}

fn format_split_candidates(found: &DisambiguationCandidates, limit: usize) -> String {
    let mut text = String::new();
    for (index, candidate) in found.conflated.iter().take(limit) {
        let _ = writeln!(text, "{:3.0} %  {}", candidate.likelihood * 100.0, format_researcher(found, *index));
        for part in &candidate.parts {
            let years = part
                .years
                .map(|(from, to)| if from == to { format!(" from {from}") } else { format!(" from {from} to {to}") });
            let coauthors = match part.coauthors.as_slice() {
                [] => ", without coauthors".to_owned(),
                coauthors => format!(", with {}", coauthors.join(", ")),
            };
            let papers = pluralize(part.members.len(), "paper", "papers");
            let _ = writeln!(text, "       {papers}{}{coauthors}", years.unwrap_or_default());
        }
        let _ = writeln!(text, "       no shared coauthors or organizations\n");
    }
    text + &format_total(found.conflated.len(), limit, "possibly conflated profiles")
}

fn format_total(all: usize, limit: usize, noun: &str) -> String {
    if all > limit {
        format!("{limit} of {all} {noun}; increase --limit to see more\n")
    } else {
        format!("{all} {noun}\n")
    }
}

/// The evidence in words.
fn describe_evidence(evidence: &[Evidence]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let coauthors: Vec<&str> = evidence
        .iter()
        .filter(|evidence| evidence.kind == EvidenceKind::SharedCoauthor)
        .filter_map(|evidence| evidence.value.as_deref())
        .collect();
    for kind in evidence.iter().map(|evidence| evidence.kind) {
        let words = match kind {
            EvidenceKind::SameName => "same name".to_owned(),
            EvidenceKind::NameVariant => "name variant".to_owned(),
            EvidenceKind::SharedCoauthor if coauthors.len() > MAX_EVIDENCE_VALUES => {
                format!("{} shared coauthors: {} …", coauthors.len(), coauthors[..MAX_EVIDENCE_VALUES].join(", "))
            }
            EvidenceKind::SharedCoauthor => format!("shared coauthors: {}", coauthors.join(", ")),
            EvidenceKind::SharedOrganization => "same organization".to_owned(),
            EvidenceKind::SharedVenue => "same venue".to_owned(),
            EvidenceKind::SharedTopic => "same topic".to_owned(),
            EvidenceKind::CloseYears => "close years".to_owned(),
            EvidenceKind::RareName => "rare name".to_owned(),
            EvidenceKind::Decision | EvidenceKind::Orcid | EvidenceKind::AuthorId => "same identifier".to_owned(),
        };
        if !parts.contains(&words) {
            parts.push(words);
        }
    }
    parts.join("; ")
}

fn researcher_json(found: &DisambiguationCandidates, index: usize) -> Value {
    let CandidateResearcher { id, slug, name, orcid } = &found.researchers[index];
    let id = GlobalId { kind: NodeKind::Researcher, row_id: *id }.to_string();
    json!({ "id": id, "slug": slug, "name": name, "orcid": orcid, "paperCount": found.paper_counts[index] })
}

fn merge_candidate_json(found: &DisambiguationCandidates, candidate: &MergeCandidate) -> Value {
    json!({
        "likelihood": round_likelihood(candidate.likelihood),
        "researchers": [researcher_json(found, candidate.first_index), researcher_json(found, candidate.second_index)],
        "evidence": describe_evidence(&candidate.evidence),
    })
}

fn split_candidate_json(found: &DisambiguationCandidates, index: usize, candidate: &SplitCandidate) -> Value {
    let parts = candidate
        .parts
        .iter()
        .map(|part| json!({ "paperCount": part.members.len(), "years": part.years, "coauthors": part.coauthors }));
    json!({
        "likelihood": round_likelihood(candidate.likelihood),
        "researcher": researcher_json(found, index),
        "parts": parts.collect::<Vec<Value>>(),
    })
}

fn round_likelihood(likelihood: f32) -> f64 {
    (f64::from(likelihood) * 100.0).round() / 100.0
}
