//! `identity resolve` and `identity candidates`: the automatic half, and what it leaves to people.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::{CommandResult, print};
use crate::disambiguation::{Evidence, EvidenceKind, MergeCandidate, SplitCandidate};
use crate::import;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::Store;
use crate::store::reader::merge_candidates::{CandidateResearcher, DisambiguationCandidates};

/// So many values of one kind of evidence are told.
const MAX_EVIDENCE_VALUES: usize = 3;

/// Looks again at who is who: where something changed, or everywhere.
pub(super) async fn run_disambiguation(store: &Store, is_all: bool) -> CommandResult {
    if is_all {
        store.queue_all_blocks().await?;
    }
    let resolved = import::run_disambiguation(store).await?;
    store.refresh_statistics_if_stale().await?;
    print(&format!(
        "looked at {} authorships: {} have another researcher now, {} researchers are new\n",
        resolved.authorships, resolved.moved, resolved.created
    ));
    Ok(ExitCode::SUCCESS)
}

/// Tells whom a person should look at, the likeliest first.
pub(super) async fn print_candidates(
    store: &Store,
    limit: usize,
    is_of_mixtures: bool,
    is_json: bool,
) -> CommandResult {
    let found = store.find_disambiguation_candidates().await?;
    let text = match (is_of_mixtures, is_json) {
        (false, false) => format_merge_candidates(&found, limit),
        (false, true) => {
            json_lines(found.duplicates.iter().take(limit).map(|candidate| merge_candidate_json(&found, candidate)))
        }
        (true, false) => format_split_candidates(&found, limit),
        (true, true) => json_lines(
            found.conflated.iter().take(limit).map(|(place, mixture)| split_candidate_json(&found, *place, mixture)),
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

fn format_researcher(found: &DisambiguationCandidates, place: usize) -> String {
    let (person, papers) = (&found.researchers[place], found.paper_counts[place]);
    let orcid = person.orcid.as_ref().map(|orcid| format!(", {orcid}")).unwrap_or_default();
    format!("{} ({}{orcid}, {})", person.name, person.slug, pluralize(papers, "paper", "papers"))
}

fn pluralize(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
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
        let (one, other) =
            (&found.researchers[candidate.first_index].slug, &found.researchers[candidate.second_index].slug);
        let _ = writeln!(text, "       identity merge {one} {other}\n");
    }
    text + &format_total(found.duplicates.len(), limit, "people who may be one")
}

fn format_split_candidates(found: &DisambiguationCandidates, limit: usize) -> String {
    let mut text = String::new();
    for (place, mixture) in found.conflated.iter().take(limit) {
        let _ = writeln!(text, "{:3.0} %  {}", mixture.likelihood * 100.0, format_researcher(found, *place));
        for part in &mixture.parts {
            let years = part
                .years
                .map(|(from, to)| if from == to { format!(" of {from}") } else { format!(" of {from} to {to}") });
            let coauthors = match part.coauthors.as_slice() {
                [] => ", without coauthors".to_owned(),
                coauthors => format!(", with {}", coauthors.join(", ")),
            };
            let papers = pluralize(part.members.len(), "paper", "papers");
            let _ = writeln!(text, "       {papers}{}{coauthors}", years.unwrap_or_default());
        }
        let _ = writeln!(text, "       no coauthor and no organization links these\n");
    }
    text + &format_total(found.conflated.len(), limit, "people who may be several")
}

fn format_total(all: usize, limit: usize, what: &str) -> String {
    if all > limit { format!("{limit} of {all} {what}; --limit shows more\n") } else { format!("{all} {what}\n") }
}

/// What speaks for it, as a person would say it.
fn describe_evidence(evidence: &[Evidence]) -> String {
    let mut said: Vec<String> = Vec::new();
    let coauthors: Vec<&str> = evidence
        .iter()
        .filter(|evidence| evidence.kind == EvidenceKind::SharedCoauthor)
        .filter_map(|evidence| evidence.value.as_deref())
        .collect();
    for kind in evidence.iter().map(|evidence| evidence.kind) {
        let words = match kind {
            EvidenceKind::SameName => "the same name".to_owned(),
            EvidenceKind::NameVariant => "a form of the name".to_owned(),
            EvidenceKind::SharedCoauthor if coauthors.len() > MAX_EVIDENCE_VALUES => {
                format!("{} coauthors in common: {} …", coauthors.len(), coauthors[..MAX_EVIDENCE_VALUES].join(", "))
            }
            EvidenceKind::SharedCoauthor => format!("in common the coauthors {}", coauthors.join(", ")),
            EvidenceKind::SharedOrganization => "the same organization".to_owned(),
            EvidenceKind::SharedVenue => "the same venue".to_owned(),
            EvidenceKind::SharedTopic => "the same topic".to_owned(),
            EvidenceKind::CloseYears => "close years".to_owned(),
            EvidenceKind::RareName => "a rare name".to_owned(),
            EvidenceKind::Decision | EvidenceKind::Orcid | EvidenceKind::AuthorId => "an id".to_owned(),
        };
        if !said.contains(&words) {
            said.push(words);
        }
    }
    said.join("; ")
}

fn researcher_json(found: &DisambiguationCandidates, place: usize) -> Value {
    let CandidateResearcher { id, slug, name, orcid } = &found.researchers[place];
    let id = GlobalId { kind: NodeKind::Researcher, row_id: *id }.to_string();
    json!({ "id": id, "slug": slug, "name": name, "orcid": orcid, "paperCount": found.paper_counts[place] })
}

fn merge_candidate_json(found: &DisambiguationCandidates, candidate: &MergeCandidate) -> Value {
    json!({
        "likelihood": round_likelihood(candidate.likelihood),
        "researchers": [researcher_json(found, candidate.first_index), researcher_json(found, candidate.second_index)],
        "evidence": describe_evidence(&candidate.evidence),
    })
}

fn split_candidate_json(found: &DisambiguationCandidates, place: usize, mixture: &SplitCandidate) -> Value {
    let parts = mixture
        .parts
        .iter()
        .map(|part| json!({ "paperCount": part.members.len(), "years": part.years, "coauthors": part.coauthors }));
    json!({
        "likelihood": round_likelihood(mixture.likelihood),
        "researcher": researcher_json(found, place),
        "parts": parts.collect::<Vec<Value>>(),
    })
}

fn round_likelihood(likelihood: f32) -> f64 {
    (f64::from(likelihood) * 100.0).round() / 100.0
}
