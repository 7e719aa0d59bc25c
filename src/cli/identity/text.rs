//! What a decision changed, and what was decided, as text for people.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};

use crate::model::global_id::{GlobalId, Kind};
use crate::store::curation::{Decision, DecisionKind, Outcome, Person, PersonPaper, Request, Role};

fn id(number: i64) -> String {
    GlobalId { kind: Kind::Researcher, number }.to_string()
}

fn named(person: &Person) -> String {
    format!("{} ({})", person.name, person.slug)
}

/// One or many of something.
fn amount(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What a decision changed, or would change.
pub(super) fn outcome(request: &Request, outcome: &Outcome, is_trial: bool) -> String {
    let mut text = Lines::default();
    let of = match request {
        Request::Undo { .. } => format!("undo of decision {}, a {}", outcome.decision, word(outcome.kind)),
        _ if is_trial => word(outcome.kind).to_owned(),
        _ => format!("decision {}, a {}", outcome.decision, word(outcome.kind)),
    };
    text.line(0, &of);
    let before: HashMap<i64, &Person> = outcome.before.iter().map(|person| (person.id, person)).collect();
    let after: HashMap<i64, &Person> = outcome.after.iter().map(|person| (person.id, person)).collect();
    for person in &outcome.after {
        text.line(0, "");
        match before.get(&person.id) {
            Some(former) => text.changed(former, person),
            None => {
                text.line(0, &format!("{} is {}", named(person), if is_undo(request) { "there again" } else { "new" }));
                text.changed(&Person::default(), person);
            }
        }
    }
    for person in outcome.before.iter().filter(|person| !after.contains_key(&person.id)) {
        text.line(0, "");
        text.gone(person, &outcome.after);
    }
    for note in &outcome.notes {
        text.line(0, "");
        text.line(0, &format!("note: {note}"));
    }
    text.line(0, "");
    let end = match request {
        _ if is_trial => "a dry run: nothing was changed".to_owned(),
        Request::Undo { .. } => format!("decision {} is undone", outcome.decision),
        _ => format!("`identity undo {}` gives back what was", outcome.decision),
    };
    text.line(0, &end);
    text.0
}

fn is_undo(request: &Request) -> bool {
    matches!(request, Request::Undo { .. })
}

fn word(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Merge => "merge",
        DecisionKind::Split => "split",
    }
}

fn paper(paper: &PersonPaper) -> String {
    let year = paper.year.map(|year| format!(" ({year})")).unwrap_or_default();
    let doi = paper.doi.as_ref().map(|doi| format!(", {doi}")).unwrap_or_default();
    format!("{}{year}, {}{doi}, as \"{}\"", paper.title, paper.slug, paper.name)
}

fn years((first, last): (i32, i32)) -> String {
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
struct Lines(String);

impl Lines {
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.0, "{}{text}", if text.is_empty() { String::new() } else { "  ".repeat(depth) }); // a String takes everything
    }

    /// Somebody who is there before and after; all that is different.
    fn changed(&mut self, before: &Person, after: &Person) {
        if before.id != 0 {
            self.line(0, &named(after));
        }
        self.line(1, &format!("{:<15}{}", "id", id(after.id)));
        if !before.name.is_empty() && before.name != after.name {
            self.value("name", &before.name, &after.name);
        }
        self.value("slug", &before.slug, &after.slug);
        self.value("ORCID iD", &or_none(before.orcid.as_ref()), &or_none(after.orcid.as_ref()));
        self.value("papers", &before.paper_count, &after.paper_count);
        let papers = |person: &Person| person.papers.iter().map(paper).collect::<Vec<_>>();
        self.items(&papers(before), &papers(after));
        self.value("years", &years(before.years), &years(after.years));
        self.value("coauthors", &before.coauthor_count, &after.coauthor_count);
        for (what, before, after) in [
            ("other names", &before.other_names, &after.other_names),
            ("profile", &before.profile, &after.profile),
            ("affiliations", &before.affiliations, &after.affiliations),
            ("topics", &before.topics, &after.topics),
            ("identifiers", &before.identifiers, &after.identifiers),
            ("records", &before.records, &after.records),
        ] {
            self.value(what, &before.len(), &after.len());
            self.items(before, after);
        }
        let former = |person: &Person| {
            person.former.iter().map(|(number, slug)| format!("{slug}, {}", id(*number))).collect::<Vec<_>>()
        };
        self.value("lead here", &before.former.len(), &after.former.len());
        self.items(&former(before), &former(after));
    }

    /// A line of a value that is there or changes; one that is nothing before and after is not worth a line.
    fn value(&mut self, what: &str, before: &impl Display, after: &impl Display) {
        let (before, after) = (before.to_string(), after.to_string());
        let is_nothing = |text: &String| matches!(text.as_str(), "" | "0" | "none");
        if is_nothing(&before) && is_nothing(&after) {
            return;
        }
        let value = if before == after || before.is_empty() { after } else { format!("{before} → {after}") };
        self.line(1, &format!("{what:<15}{value}"));
    }

    /// What is gone and what is new of a list.
    fn items(&mut self, before: &[String], after: &[String]) {
        for (sign, these, others) in [('-', before, after), ('+', after, before)] {
            for item in these.iter().filter(|item| !others.contains(item)) {
                self.line(2, &format!("{sign} {item}"));
            }
        }
    }

    /// Somebody who is there no more.
    fn gone(&mut self, person: &Person, after: &[Person]) {
        let heir = after.iter().find(|other| other.former.iter().any(|(number, _)| *number == person.id));
        self.line(0, &format!("{} is gone", named(person)));
        let orcid = person.orcid.as_ref().map(|orcid| format!(", the ORCID iD {orcid}")).unwrap_or_default();
        let keys = format!("the id {}, the slug {}{orcid}", id(person.id), person.slug);
        self.line(
            1,
            &match heir {
                Some(heir) => format!("{keys}: lead to {}", named(heir)),
                None => format!("{keys}: lead nowhere any more"),
            },
        );
        let had = [
            amount(person.papers.len(), "paper", "papers"),
            amount(person.affiliations.len(), "affiliation", "affiliations"),
            amount(person.topics.len(), "topic", "topics"),
            amount(person.identifiers.len(), "identifier", "identifiers"),
            amount(person.records.len(), "record", "records"),
        ];
        self.line(1, &format!("had {}", had.join(", ")));
    }
}

/// What was decided, as a table.
pub(super) fn history(decisions: &[Decision]) -> String {
    if decisions.is_empty() {
        return "nothing was decided yet\n".to_owned();
    }
    let heading = ["decision", "when (UTC)", "what", "by", "note", "undone"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heading).chain(decisions.iter().map(row)).collect();
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

fn row(decision: &Decision) -> [String; 6] {
    let minute = |time: &chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M").to_string();
    let of = |role: Role| {
        let people = decision.people.iter().filter(|person| person.role == role);
        people.map(|person| format!("{} ({})", person.name, person.slug)).collect::<Vec<_>>().join(", ")
    };
    let papers = amount(usize::try_from(decision.paper_count).unwrap_or_default(), "paper", "papers");
    let what = match decision.kind {
        DecisionKind::Merge => format!("merge of {} into {}, {papers}", of(Role::Former), of(Role::Survivor)),
        DecisionKind::Split => format!("split of {papers} from {} to {}", of(Role::Source), of(Role::Target)),
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
