//! `identity resolve` and `identity candidates`: the automatic half, and what it leaves to people.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::{Outcome, say};
use crate::disambiguation::{Candidate, Evidence, EvidenceKind, Mixture};
use crate::import;
use crate::model::global_id::{GlobalId, Kind};
use crate::store::Store;
use crate::store::reader::merge_candidates::{Candidates, Named};

/// So many values of one kind of evidence are told.
const TOLD: usize = 3;

/// Looks again at who is who: where something changed, or everywhere.
pub(super) async fn resolve(store: &Store, is_all: bool) -> Outcome {
    if is_all {
        store.outdate_identities().await?;
    }
    let resolved = import::resolve_identities(store).await?;
    store.recount_totals().await?;
    say(&format!(
        "looked at {} authorships: {} have another researcher now, {} researchers are new\n",
        resolved.authorships, resolved.moved, resolved.created
    ));
    Ok(ExitCode::SUCCESS)
}

/// Tells whom a person should look at, the likeliest first.
pub(super) async fn candidates(store: &Store, limit: usize, is_of_mixtures: bool, is_json: bool) -> Outcome {
    let found = store.identity_candidates().await?;
    let text = match (is_of_mixtures, is_json) {
        (false, false) => duplicates_text(&found, limit),
        (false, true) => lines(found.duplicates.iter().take(limit).map(|candidate| duplicate_json(&found, candidate))),
        (true, false) => mixtures_text(&found, limit),
        (true, true) => {
            lines(found.mixtures.iter().take(limit).map(|(place, mixture)| mixture_json(&found, *place, mixture)))
        }
    };
    say(&text);
    Ok(ExitCode::SUCCESS)
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.fold(String::new(), |mut text, value| {
        let _ = writeln!(text, "{value}");
        text
    })
}

fn shown(found: &Candidates, place: usize) -> String {
    let (person, papers) = (&found.people[place], found.paper_counts[place]);
    let orcid = person.orcid.as_ref().map(|orcid| format!(", {orcid}")).unwrap_or_default();
    format!("{} ({}{orcid}, {})", person.name, person.slug, amount(papers, "paper", "papers"))
}

fn amount(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn duplicates_text(found: &Candidates, limit: usize) -> String {
    let mut text = String::new();
    for candidate in found.duplicates.iter().take(limit) {
        let _ = writeln!(text, "{:3.0} %  {}", candidate.likelihood * 100.0, shown(found, candidate.one));
        let _ = writeln!(text, "       {}", shown(found, candidate.other));
        let _ = writeln!(text, "       {}", in_words(&candidate.evidence));
        let (one, other) = (&found.people[candidate.one].slug, &found.people[candidate.other].slug);
        let _ = writeln!(text, "       identity merge {one} {other}\n");
    }
    text + &rest(found.duplicates.len(), limit, "people who may be one")
}

fn mixtures_text(found: &Candidates, limit: usize) -> String {
    let mut text = String::new();
    for (place, mixture) in found.mixtures.iter().take(limit) {
        let _ = writeln!(text, "{:3.0} %  {}", mixture.likelihood * 100.0, shown(found, *place));
        for part in &mixture.parts {
            let years = part
                .years
                .map(|(from, to)| if from == to { format!(" of {from}") } else { format!(" of {from} to {to}") });
            let coauthors = match part.coauthors.as_slice() {
                [] => ", without coauthors".to_owned(),
                coauthors => format!(", with {}", coauthors.join(", ")),
            };
            let papers = amount(part.members.len(), "paper", "papers");
            let _ = writeln!(text, "       {papers}{}{coauthors}", years.unwrap_or_default());
        }
        let _ = writeln!(text, "       no coauthor and no organization links these\n");
    }
    text + &rest(found.mixtures.len(), limit, "people who may be several")
}

fn rest(all: usize, limit: usize, what: &str) -> String {
    if all > limit { format!("{limit} of {all} {what}; --limit shows more\n") } else { format!("{all} {what}\n") }
}

/// What speaks for it, as a person would say it.
fn in_words(evidence: &[Evidence]) -> String {
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
            EvidenceKind::SharedCoauthor if coauthors.len() > TOLD => {
                format!("{} coauthors in common: {} …", coauthors.len(), coauthors[..TOLD].join(", "))
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

fn person_json(found: &Candidates, place: usize) -> Value {
    let Named { id, slug, name, orcid } = &found.people[place];
    let id = GlobalId { kind: Kind::Researcher, number: *id }.to_string();
    json!({ "id": id, "slug": slug, "name": name, "orcid": orcid, "paperCount": found.paper_counts[place] })
}

fn duplicate_json(found: &Candidates, candidate: &Candidate) -> Value {
    json!({
        "likelihood": rounded(candidate.likelihood),
        "researchers": [person_json(found, candidate.one), person_json(found, candidate.other)],
        "evidence": in_words(&candidate.evidence),
    })
}

fn mixture_json(found: &Candidates, place: usize, mixture: &Mixture) -> Value {
    let parts = mixture
        .parts
        .iter()
        .map(|part| json!({ "paperCount": part.members.len(), "years": part.years, "coauthors": part.coauthors }));
    json!({
        "likelihood": rounded(mixture.likelihood),
        "researcher": person_json(found, place),
        "parts": parts.collect::<Vec<Value>>(),
    })
}

fn rounded(likelihood: f32) -> f64 {
    (f64::from(likelihood) * 100.0).round() / 100.0
}
