//! What a decision changed, and what was decided, as text for people.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};

use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::curation::{
    CurationRequest, Decision, DecisionKind, DecisionOutcome, DecisionRole, ResearcherSummary, SummaryPaper,
};

fn researcher_id(number: i64) -> String {
    GlobalId { kind: NodeKind::Researcher, row_id: number }.to_string()
}

fn format_researcher(person: &ResearcherSummary) -> String {
    format!("{} ({})", person.name, person.slug)
}

/// One or many of something.
fn pluralize(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What a decision changed, or would change.
pub(super) fn format_outcome(request: &CurationRequest, outcome: &DecisionOutcome, is_trial: bool) -> String {
    let mut text = IndentedText::default();
    let of = match request {
        CurationRequest::Undo { .. } => {
            format!("undo of decision {}, a {}", outcome.decision, decision_word(outcome.kind))
        }
        _ if is_trial => decision_word(outcome.kind).to_owned(),
        _ => format!("decision {}, a {}", outcome.decision, decision_word(outcome.kind)),
    };
    text.line(0, &of);
    let before: HashMap<i64, &ResearcherSummary> = outcome.before.iter().map(|person| (person.id, person)).collect();
    let after: HashMap<i64, &ResearcherSummary> = outcome.after.iter().map(|person| (person.id, person)).collect();
    for person in &outcome.after {
        text.line(0, "");
        match before.get(&person.id) {
            Some(former) => text.researcher_diff(former, person),
            None => {
                text.line(
                    0,
                    &format!(
                        "{} is {}",
                        format_researcher(person),
                        if is_undo(request) { "there again" } else { "new" }
                    ),
                );
                text.researcher_diff(&ResearcherSummary::default(), person);
            }
        }
    }
    for person in outcome.before.iter().filter(|person| !after.contains_key(&person.id)) {
        text.line(0, "");
        text.removed_researcher(person, &outcome.after);
    }
    for note in &outcome.notes {
        text.line(0, "");
        text.line(0, &format!("note: {note}"));
    }
    text.line(0, "");
    let end = match request {
        _ if is_trial => "a dry run: nothing was changed".to_owned(),
        CurationRequest::Undo { .. } => format!("decision {} is undone", outcome.decision),
        _ => format!("`identity undo {}` gives back what was", outcome.decision),
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

/// Lines of text, indented.
#[derive(Default)]
struct IndentedText(String);

impl IndentedText {
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.0, "{}{text}", if text.is_empty() { String::new() } else { "  ".repeat(depth) }); // a String takes everything
    }

    /// Somebody who is there before and after; all that is different.
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
        let papers = |person: &ResearcherSummary| person.papers.iter().map(format_paper).collect::<Vec<_>>();
        self.list_diff(&papers(before), &papers(after));
        self.value_diff("years", &format_years(before.years), &format_years(after.years));
        self.value_diff("coauthors", &before.coauthor_count, &after.coauthor_count);
        for (what, before, after) in [
            ("other names", &before.other_names, &after.other_names),
            ("profile", &before.profile, &after.profile),
            ("affiliations", &before.affiliations, &after.affiliations),
            ("topics", &before.topics, &after.topics),
            ("identifiers", &before.identifiers, &after.identifiers),
            ("records", &before.records, &after.records),
        ] {
            self.value_diff(what, &before.len(), &after.len());
            self.list_diff(before, after);
        }
        let former = |person: &ResearcherSummary| {
            person.former.iter().map(|(number, slug)| format!("{slug}, {}", researcher_id(*number))).collect::<Vec<_>>()
        };
        self.value_diff("lead here", &before.former.len(), &after.former.len());
        self.list_diff(&former(before), &former(after));
    }

    /// A line of a value that is there or changes; one that is nothing before and after is not worth a line.
    fn value_diff(&mut self, what: &str, before: &impl Display, after: &impl Display) {
        let (before, after) = (before.to_string(), after.to_string());
        let is_nothing = |text: &String| matches!(text.as_str(), "" | "0" | "none");
        if is_nothing(&before) && is_nothing(&after) {
            return;
        }
        let value = if before == after || before.is_empty() { after } else { format!("{before} → {after}") };
        self.line(1, &format!("{what:<15}{value}"));
    }

    /// What is gone and what is new of a list.
    fn list_diff(&mut self, before: &[String], after: &[String]) {
        for (sign, these, others) in [('-', before, after), ('+', after, before)] {
            for item in these.iter().filter(|item| !others.contains(item)) {
                self.line(2, &format!("{sign} {item}"));
            }
        }
    }

    /// Somebody who is there no more.
    fn removed_researcher(&mut self, person: &ResearcherSummary, after: &[ResearcherSummary]) {
        let heir = after.iter().find(|other| other.former.iter().any(|(number, _)| *number == person.id));
        self.line(0, &format!("{} is gone", format_researcher(person)));
        let orcid = person.orcid.as_ref().map(|orcid| format!(", the ORCID iD {orcid}")).unwrap_or_default();
        let keys = format!("the id {}, the slug {}{orcid}", researcher_id(person.id), person.slug);
        self.line(
            1,
            &match heir {
                Some(heir) => format!("{keys}: lead to {}", format_researcher(heir)),
                None => format!("{keys}: lead nowhere any more"),
            },
        );
        let had = [
            pluralize(person.papers.len(), "paper", "papers"),
            pluralize(person.affiliations.len(), "affiliation", "affiliations"),
            pluralize(person.topics.len(), "topic", "topics"),
            pluralize(person.identifiers.len(), "identifier", "identifiers"),
            pluralize(person.records.len(), "record", "records"),
        ];
        self.line(1, &format!("had {}", had.join(", ")));
    }
}

/// What was decided, as a table.
pub(super) fn format_history(decisions: &[Decision]) -> String {
    if decisions.is_empty() {
        return "nothing was decided yet\n".to_owned();
    }
    let heading = ["decision", "when (UTC)", "what", "by", "note", "undone"].map(str::to_owned);
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
        let _ = writeln!(text, "{}", line.trim_end()); // a String takes everything
    }
    text
}

fn history_row(decision: &Decision) -> [String; 6] {
    let minute = |time: &chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M").to_string();
    let of = |role: DecisionRole| {
        let people = decision.people.iter().filter(|person| person.role == role);
        people.map(|person| format!("{} ({})", person.name, person.slug)).collect::<Vec<_>>().join(", ")
    };
    let papers = pluralize(usize::try_from(decision.paper_count).unwrap_or_default(), "paper", "papers");
    let what = match decision.kind {
        DecisionKind::Merge => {
            format!("merge of {} into {}, {papers}", of(DecisionRole::Former), of(DecisionRole::Survivor))
        }
        DecisionKind::Split => {
            format!("split of {papers} from {} to {}", of(DecisionRole::Source), of(DecisionRole::Target))
        }
    };
    let undone = decision.undone_at.as_ref().map(|time| {
        let by = decision.undone_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        format!("{}{by}", minute(time))
    });
    [
        decision.id.to_string(),
        minute(&decision.decided_at),
        what,
        decision.decided_by.clone().unwrap_or_default(),
        decision.note.clone().unwrap_or_default(),
        undone.unwrap_or_default(),
    ]
}
