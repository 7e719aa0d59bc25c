//! Human-readable reports of decisions and their history.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};

use crate::cli::identity::pluralize;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::curation::{
    CurationRequest, Decision, DecisionKind, DecisionOutcome, DecisionRole, ResearcherSummary, SummaryPaper,
};

fn researcher_id(number: i64) -> String {
    GlobalId { kind: NodeKind::Researcher, row_id: number }.to_string()
}

fn format_researcher(researcher: &ResearcherSummary) -> String {
    format!("{} ({})", researcher.name, researcher.slug)
}

/// The changes that a decision made, or would make in a dry run.
pub(super) fn format_outcome(request: &CurationRequest, outcome: &DecisionOutcome, is_dry_run: bool) -> String {
    let mut text = IndentedText::default();
    let heading = match request {
        CurationRequest::Undo { .. } => {
            format!("undo of decision {} ({})", outcome.decision, decision_word(outcome.kind))
        }
        _ if is_dry_run => decision_word(outcome.kind).to_owned(),
        _ => format!("decision {} ({})", outcome.decision, decision_word(outcome.kind)),
    };
    text.line(0, &heading);
    let before: HashMap<i64, &ResearcherSummary> =
        outcome.before.iter().map(|researcher| (researcher.id, researcher)).collect();
    let after: HashMap<i64, &ResearcherSummary> =
        outcome.after.iter().map(|researcher| (researcher.id, researcher)).collect();
    for researcher in &outcome.after {
        text.line(0, "");
        match before.get(&researcher.id) {
            Some(former) => text.researcher_diff(former, researcher),
            None => {
                text.line(
                    0,
                    &format!(
                        "{} is {}",
                        format_researcher(researcher),
                        if is_undo(request) { "restored" } else { "created" }
                    ),
                );
                text.researcher_diff(&ResearcherSummary::default(), researcher);
            }
        }
    }
    for researcher in outcome.before.iter().filter(|researcher| !after.contains_key(&researcher.id)) {
        text.line(0, "");
        text.removed_researcher(researcher, &outcome.after);
    }
    for note in &outcome.notes {
        text.line(0, "");
        text.line(0, &format!("note: {note}"));
    }
    text.line(0, "");
    let end = match request {
        _ if is_dry_run => "dry run: nothing was changed".to_owned(),
        CurationRequest::Undo { .. } => format!("decision {} is undone", outcome.decision),
        _ => format!("to undo, run `identity undo {}`", outcome.decision),
    };
    text.line(0, &end);
    text.0
}

fn is_undo(request: &CurationRequest) -> bool {
    matches!(request, CurationRequest::Undo { .. })
}

fn decision_word(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Merge => "merge",
        DecisionKind::Split => "split",
    }
}

fn format_paper(paper: &SummaryPaper) -> String {
    let year = paper.year.map(|year| format!(" ({year})")).unwrap_or_default();
    let doi = paper.doi.as_ref().map(|doi| format!(", {doi}")).unwrap_or_default();
    format!("{}{year}, {}{doi}, as \"{}\"", paper.title, paper.slug, paper.name)
}

fn format_years((first, last): (i32, i32)) -> String {
    match (first, last) {
        (0, 0) => "none".to_owned(),
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}–{last}"),
    }
}

fn or_none(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "none".to_owned())
}

/// Indented lines of text.
#[derive(Default)]
struct IndentedText(String);

impl IndentedText {
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.0, "{}{text}", if text.is_empty() { String::new() } else { "  ".repeat(depth) }); // writing to a String cannot fail
    }

    /// The differences of a researcher before and after.
    fn researcher_diff(&mut self, before: &ResearcherSummary, after: &ResearcherSummary) {
        if before.id != 0 {
            self.line(0, &format_researcher(after));
        }
        self.line(1, &format!("{:<15}{}", "id", researcher_id(after.id)));
        if !before.name.is_empty() && before.name != after.name {
            self.value_diff("name", &before.name, &after.name);
        }
        self.value_diff("slug", &before.slug, &after.slug);
        self.value_diff("ORCID iD", &or_none(before.orcid.as_ref()), &or_none(after.orcid.as_ref()));
        self.value_diff("papers", &before.paper_count, &after.paper_count);
        let papers = |researcher: &ResearcherSummary| researcher.papers.iter().map(format_paper).collect::<Vec<_>>();
        self.list_diff(&papers(before), &papers(after));
        self.value_diff("years", &format_years(before.years), &format_years(after.years));
        self.value_diff("coauthors", &before.coauthor_count, &after.coauthor_count);
        for (label, before, after) in [
            ("other names", &before.other_names, &after.other_names),
            ("profile", &before.profile, &after.profile),
            ("affiliations", &before.affiliations, &after.affiliations),
            ("topics", &before.topics, &after.topics),
            ("identifiers", &before.identifiers, &after.identifiers),
            ("records", &before.records, &after.records),
        ] {
            self.value_diff(label, &before.len(), &after.len());
            self.list_diff(before, after);
        }
        let former = |researcher: &ResearcherSummary| {
            researcher
                .former
                .iter()
                .map(|(number, slug)| format!("{slug}, {}", researcher_id(*number)))
                .collect::<Vec<_>>()
        };
        self.value_diff("previous ids", &before.former.len(), &after.former.len());
        self.list_diff(&former(before), &former(after));
    }

    /// A value before and after. It is omitted if it is empty both times.
    fn value_diff(&mut self, label: &str, before: &impl Display, after: &impl Display) {
        let (before, after) = (before.to_string(), after.to_string());
        let is_empty = |text: &String| matches!(text.as_str(), "" | "0" | "none");
        if is_empty(&before) && is_empty(&after) {
            return;
        }
        let value = if before == after || before.is_empty() { after } else { format!("{before} → {after}") };
        self.line(1, &format!("{label:<15}{value}"));
    }

    /// The removed and added items of a list.
    fn list_diff(&mut self, before: &[String], after: &[String]) {
        for (sign, these, others) in [('-', before, after), ('+', after, before)] {
            for item in these.iter().filter(|item| !others.contains(item)) {
                self.line(2, &format!("{sign} {item}"));
            }
        }
    }

    /// A researcher that no longer exists, and the redirect of its ids.
    fn removed_researcher(&mut self, researcher: &ResearcherSummary, after: &[ResearcherSummary]) {
        let survivor = after.iter().find(|other| other.former.iter().any(|(number, _)| *number == researcher.id));
        self.line(0, &format!("{} is removed", format_researcher(researcher)));
        let orcid = researcher.orcid.as_ref().map(|orcid| format!(", the ORCID iD {orcid}")).unwrap_or_default();
        let keys = format!("the id {}, the slug {}{orcid}", researcher_id(researcher.id), researcher.slug);
        self.line(
            1,
            &match survivor {
                Some(survivor) => format!("{keys} redirect to {}", format_researcher(survivor)),
                None => format!("{keys} no longer resolve"),
            },
        );
        let counts = [
            pluralize(researcher.papers.len(), "paper", "papers"),
            pluralize(researcher.affiliations.len(), "affiliation", "affiliations"),
            pluralize(researcher.topics.len(), "topic", "topics"),
            pluralize(researcher.identifiers.len(), "identifier", "identifiers"),
            pluralize(researcher.records.len(), "record", "records"),
        ];
        self.line(1, &format!("had {}", counts.join(", ")));
    }
}

/// The past decisions as a table.
pub(super) fn format_history(decisions: &[Decision]) -> String {
    if decisions.is_empty() {
        return "no decisions yet\n".to_owned();
    }
    let heading = ["decision", "time (UTC)", "action", "by", "note", "undone"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heading).chain(decisions.iter().map(history_row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let gap = width.saturating_sub(cell.chars().count());
            format!("{cell}{}", " ".repeat(gap))
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", line.trim_end()); // writing to a String cannot fail
    }
    text
}

fn history_row(decision: &Decision) -> [String; 6] {
    let minute = |time: &chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M").to_string();
    let names = |role: DecisionRole| {
        let people = decision.people.iter().filter(|researcher| researcher.role == role);
        people.map(|researcher| format!("{} ({})", researcher.name, researcher.slug)).collect::<Vec<_>>().join(", ")
    };
    let papers = pluralize(usize::try_from(decision.paper_count).unwrap_or_default(), "paper", "papers");
    let action = match decision.kind {
        DecisionKind::Merge => {
            format!("merge of {} into {}, {papers}", names(DecisionRole::Former), names(DecisionRole::Survivor))
        }
        DecisionKind::Split => {
            format!("split of {papers} from {} to {}", names(DecisionRole::Source), names(DecisionRole::Target))
        }
    };
    let undone = decision.undone_at.as_ref().map(|time| {
        let by = decision.undone_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        format!("{}{by}", minute(time))
    });
    [
        decision.id.to_string(),
        minute(&decision.decided_at),
        action,
        decision.decided_by.clone().unwrap_or_default(),
        decision.note.clone().unwrap_or_default(),
        undone.unwrap_or_default(),
    ]
}
