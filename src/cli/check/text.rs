//! What was found, as text for people and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::check::{Found, Report, kebab, name_of};
use crate::model::global_id::{GlobalId, Kind};
use crate::store::reader::quality::{Described, Issue, Miscounted, Subject};
use crate::text::excerpt::excerpt;

/// Of titles so many characters are shown.
const SHOWN: usize = 80;

/// What it is wrong with, as a heading.
fn heading(subject: Subject) -> &'static str {
    match subject {
        Subject::Paper => "papers",
        Subject::Authorship => "authors of papers",
        Subject::Researcher => "people",
    }
}

/// What is wrong, as it goes on from its heading.
fn words(issue: Issue) -> &'static str {
    match issue {
        Issue::PaperWithoutYear => "without a year",
        Issue::PaperWithoutAbstract => "without an abstract",
        Issue::PaperWithTruncatedAbstract => "with the beginning of an abstract only",
        Issue::PaperWithoutAuthors => "without authors",
        Issue::PaperWithoutIdentifier => "without a DOI or another public identifier",
        Issue::NameRepaired => "whose name was damaged and is shown repaired",
        Issue::NameRepairSuggested => "whose name may be damaged",
        Issue::AuthorUnresolved => "not taken for anybody yet",
        Issue::ResearcherByNameAlone => "given a paper by a frequent name alone",
        Issue::ResearcherActiveTooLong => "with papers more than 60 years apart",
        Issue::ResearcherWithSeveralOrcids => "given different ORCID iDs by papers",
        Issue::ResearcherEmployedInTwoCountries => "employed in two countries for over a year",
        Issue::ResearcherWithoutPapersAndAffiliations => "with no papers and no affiliations",
    }
}

/// A part of a whole, in percent.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn percent(count: i64, all: i64) -> f64 {
    if all == 0 { 0.0 } else { count as f64 * 100.0 / all as f64 }
}

/// The report as a person reads it.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    if let Some(of) = &report.of {
        let _ = writeln!(text, "of {of}\n");
    }
    for (subject, all) in report.totals {
        let _ = writeln!(text, "{} {all}", heading(subject)); // a String takes everything
        for found in report.found.iter().filter(|found| found.issue.subject() == subject) {
            let share = percent(found.count, all);
            let name = kebab(found.issue);
            let _ = writeln!(text, "  {:<46} {:>9} {share:>6.1} %  {name}", words(found.issue), found.count);
            for sample in &found.samples {
                let _ = writeln!(text, "      {}", example(subject, sample));
            }
        }
        if subject == Subject::Authorship {
            rules(&mut text, report);
        }
        text.push('\n');
    }
    if report.of.is_none() && !report.sources.is_empty() {
        text.push_str("sources\n");
        for source in &report.sources {
            let _ = writeln!(text, "  {:<46} {:>9} records", source.name, source.record_count);
        }
        text.push('\n');
    }
    recount(&mut text, report);
    text + "People who may be one, or several: academic-directory identity candidates [--mixtures]\n"
}

/// The kinds of damage in names.
fn rules(text: &mut String, report: &Report) {
    for count in &report.repairs {
        let rule = name_of(count.rule);
        let rule = rule.as_str().unwrap_or_default().to_lowercase().replace('_', "-");
        let _ = writeln!(text, "    {rule:<44} {:>9} repaired, {} suggested", count.applied, count.suggested);
    }
}

fn recount(text: &mut String, report: &Report) {
    if report.recounted == 0 {
        return;
    }
    let _ = writeln!(text, "counted again for up to {} people: {} differ", report.recounted, report.miscounted.len());
    for Miscounted { name, slug, kept_papers, counted_papers, kept_coauthors, counted_coauthors, .. } in
        &report.miscounted
    {
        let _ = writeln!(
            text,
            "      {name} ({slug}): {kept_papers} papers kept, {counted_papers} counted; {kept_coauthors} coauthors kept, \
             {counted_coauthors} counted"
        );
    }
    text.push('\n');
}

fn example(subject: Subject, sample: &Described) -> String {
    let short = excerpt(&sample.name, SHOWN);
    let name = if short.len() < sample.name.trim_end().len() { format!("{short} …") } else { short.to_owned() };
    let named = format!("{name} ({})", sample.slug);
    if subject != Subject::Authorship {
        return named;
    }
    let place = sample.position.map_or_else(|| "an author".to_owned(), |position| format!("author {position}"));
    match (&sample.person_name, &sample.person_slug) {
        (Some(person), Some(slug)) => format!("{person} ({slug}), {place} of {named}"),
        _ => format!("{place} of {named}"),
    }
}

/// The report as a program reads it.
pub(super) fn json(report: &Report) -> Value {
    let total =
        |wanted: Subject| report.totals.iter().find(|(subject, _)| *subject == wanted).map_or(0, |(_, all)| *all);
    let issues = report.found.iter().map(|found| issue_json(found, total(found.issue.subject())));
    let repairs = report.repairs.iter().map(
        |count| json!({ "rule": name_of(count.rule), "appliedCount": count.applied, "suggestedCount": count.suggested }),
    );
    let sources =
        report.sources.iter().map(|source| json!({ "name": source.name, "recordCount": source.record_count }));
    let miscounted = report.miscounted.iter().map(|person| {
        json!({ "id": id(Kind::Researcher, person.id), "slug": person.slug, "name": person.name,
            "keptPapers": person.kept_papers, "countedPapers": person.counted_papers,
            "keptCoauthors": person.kept_coauthors, "countedCoauthors": person.counted_coauthors })
    });
    json!({
        "of": report.of,
        "paperCount": total(Subject::Paper),
        "authorshipCount": total(Subject::Authorship),
        "researcherCount": total(Subject::Researcher),
        "issues": issues.collect::<Vec<Value>>(),
        "nameRepairs": repairs.collect::<Vec<Value>>(),
        "sources": sources.collect::<Vec<Value>>(),
        "miscounted": miscounted.collect::<Vec<Value>>(),
    })
}

fn issue_json(found: &Found, all: i64) -> Value {
    let subject = found.issue.subject();
    let samples = found.samples.iter().map(|sample| sample_json(subject, sample));
    json!({
        "kind": name_of(found.issue),
        "subject": name_of(subject),
        "count": found.count,
        "total": all,
        "share": percent(found.count, all) / 100.0,
        "samples": samples.collect::<Vec<Value>>(),
    })
}

fn sample_json(subject: Subject, sample: &Described) -> Value {
    match subject {
        Subject::Paper => json!({ "id": id(Kind::Paper, sample.id), "slug": sample.slug, "title": sample.name }),
        Subject::Researcher => {
            json!({ "id": id(Kind::Researcher, sample.id), "slug": sample.slug, "name": sample.name })
        }
        Subject::Authorship => json!({
            "id": id(Kind::Authorship, sample.id),
            "position": sample.position,
            "paper": { "slug": sample.slug, "title": sample.name },
            "researcher": sample.person_slug.as_ref().map(|slug| json!({ "slug": slug, "name": sample.person_name })),
        }),
    }
}

fn id(kind: Kind, number: i64) -> String {
    GlobalId { kind, number }.to_string()
}
