//! The data-quality report as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::check::{CheckReport, IssueReport, issue_flag, schema_name};
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::reader::quality::{DataIssue, DescribedSample, IssueSubject, StatisticsMismatch};
use crate::text::excerpt::excerpt;

/// Maximum number of characters of a title in an example.
const MAX_TITLE_CHARS: usize = 80;

/// The heading of the issues of a subject.
fn subject_heading(subject: IssueSubject) -> &'static str {
    match subject {
        IssueSubject::Paper => "papers",
        IssueSubject::Authorship => "authorships",
        IssueSubject::Researcher => "researchers",
    }
}

/// The issue, as a continuation of its heading.
fn describe_issue(issue: DataIssue) -> &'static str {
    match issue {
        DataIssue::PaperWithoutYear => "without a year",
        DataIssue::PaperWithoutAbstract => "without an abstract",
        DataIssue::PaperWithTruncatedAbstract => "with a truncated abstract",
        DataIssue::PaperWithoutAuthors => "without authors",
        DataIssue::PaperWithoutIdentifier => "without a DOI or another public identifier",
        DataIssue::PaperWithoutVolume => "articles without a volume or issue",
        DataIssue::PaperWithoutPages => "without pages or an article number",
        DataIssue::PaperWithoutPublisher => "books, theses and the like without a publisher",
        DataIssue::NameRepaired => "with a repaired name",
        DataIssue::NameRepairSuggested => "with a possibly corrupted name",
        DataIssue::AuthorUnresolved => "not assigned to a researcher yet",
        DataIssue::AuthorWithDoubtfulOrcid => "with another person's ORCID iD or other ID",
        DataIssue::ResearcherByNameAlone => "assigned a paper by a common name only",
        DataIssue::ResearcherActiveTooLong => "with papers more than 60 years apart",
        DataIssue::ResearcherWithSeveralOrcids => "with different ORCID iDs on papers",
        DataIssue::ResearcherEmployedInTwoCountries => "employed in two countries for over a year",
        DataIssue::ResearcherWithoutPapersAndAffiliations => "without papers and affiliations",
    }
}

/// A share in percent.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn percent(count: i64, all: i64) -> f64 {
    if all == 0 { 0.0 } else { count as f64 * 100.0 / all as f64 }
}

/// The report as text.
pub(super) fn format_text(report: &CheckReport) -> String {
    let mut text = String::new();
    if let Some(scope) = &report.scope_description {
        let _ = writeln!(text, "scope: {scope}\n");
    }
    for (subject, all) in report.totals {
        let _ = writeln!(text, "{} {all}", subject_heading(subject)); // writing to a String cannot fail
        for found in report.issues.iter().filter(|found| found.issue.subject() == subject) {
            let share = percent(found.count, all);
            let name = issue_flag(found.issue);
            let _ = writeln!(text, "  {:<46} {:>9} {share:>6.1} %  {name}", describe_issue(found.issue), found.count);
            for sample in &found.samples {
                let _ = writeln!(text, "      {}", format_sample(subject, sample));
            }
        }
        if subject == IssueSubject::Authorship {
            write_repair_rules(&mut text, report);
        }
        text.push('\n');
    }
    if report.scope_description.is_none() && !report.sources.is_empty() {
        text.push_str("sources\n");
        for source in &report.sources {
            let _ = writeln!(text, "  {:<46} {:>9} records", source.name, source.record_count);
        }
        text.push('\n');
    }
    write_recount(&mut text, report);
    text + "For duplicate or conflated profiles, run: academic-directory identity candidates [--mixtures]\n"
}

/// Writes the counts of name repairs by rule.
fn write_repair_rules(text: &mut String, report: &CheckReport) {
    for count in &report.repairs {
        let rule = schema_name(count.rule);
        let rule = rule.as_str().unwrap_or_default().to_lowercase().replace('_', "-");
        let _ = writeln!(text, "    {rule:<44} {:>9} repaired, {} suggested", count.applied, count.suggested);
    }
}

fn write_recount(text: &mut String, report: &CheckReport) {
    if report.recounted == 0 {
        return;
    }
    let _ = writeln!(text, "recounted up to {} researchers: {} differ", report.recounted, report.miscounted.len());
    for StatisticsMismatch { name, slug, kept_papers, counted_papers, kept_coauthors, counted_coauthors, .. } in
        &report.miscounted
    {
        let _ = writeln!(
            text,
            "      {name} ({slug}): {kept_papers} papers stored, {counted_papers} counted; {kept_coauthors} coauthors stored, \
             {counted_coauthors} counted"
        );
    }
    text.push('\n');
}

fn format_sample(subject: IssueSubject, sample: &DescribedSample) -> String {
    let short = excerpt(&sample.name, MAX_TITLE_CHARS);
    let name = if short.len() < sample.name.trim_end().len() { format!("{short} …") } else { short.to_owned() };
    let named = format!("{name} ({})", sample.slug);
    if subject != IssueSubject::Authorship {
        return named;
    }
    let author = sample.position.map_or_else(|| "an author".to_owned(), |position| format!("author {position}"));
    match (&sample.person_name, &sample.person_slug) {
        (Some(person), Some(slug)) => format!("{person} ({slug}), {author} of {named}"),
        _ => format!("{author} of {named}"),
    }
}

/// The report as JSON.
pub(super) fn format_json(report: &CheckReport) -> Value {
    let total = |requested: IssueSubject| {
        report.totals.iter().find(|(subject, _)| *subject == requested).map_or(0, |(_, all)| *all)
    };
    let issues = report.issues.iter().map(|found| issue_json(found, total(found.issue.subject())));
    let repairs = report.repairs.iter().map(
        |count| json!({ "rule": schema_name(count.rule), "appliedCount": count.applied, "suggestedCount": count.suggested }),
    );
    let sources =
        report.sources.iter().map(|source| json!({ "name": source.name, "recordCount": source.record_count }));
    let miscounted = report.miscounted.iter().map(|person| {
        json!({ "id": global_id(NodeKind::Researcher, person.id), "slug": person.slug, "name": person.name,
            "keptPapers": person.kept_papers, "countedPapers": person.counted_papers,
            "keptCoauthors": person.kept_coauthors, "countedCoauthors": person.counted_coauthors })
    });
    json!({
        "of": report.scope_description,
        "paperCount": total(IssueSubject::Paper),
        "authorshipCount": total(IssueSubject::Authorship),
        "researcherCount": total(IssueSubject::Researcher),
        "issues": issues.collect::<Vec<Value>>(),
        "nameRepairs": repairs.collect::<Vec<Value>>(),
        "sources": sources.collect::<Vec<Value>>(),
        "miscounted": miscounted.collect::<Vec<Value>>(),
    })
}

fn issue_json(found: &IssueReport, all: i64) -> Value {
    let subject = found.issue.subject();
    let samples = found.samples.iter().map(|sample| sample_json(subject, sample));
    json!({
        "kind": schema_name(found.issue),
        "subject": schema_name(subject),
        "count": found.count,
        "total": all,
        "share": percent(found.count, all) / 100.0,
        "samples": samples.collect::<Vec<Value>>(),
    })
}

fn sample_json(subject: IssueSubject, sample: &DescribedSample) -> Value {
    match subject {
        IssueSubject::Paper => {
            json!({ "id": global_id(NodeKind::Paper, sample.id), "slug": sample.slug, "title": sample.name })
        }
        IssueSubject::Researcher => {
            json!({ "id": global_id(NodeKind::Researcher, sample.id), "slug": sample.slug, "name": sample.name })
        }
        IssueSubject::Authorship => json!({
            "id": global_id(NodeKind::Authorship, sample.id),
            "position": sample.position,
            "paper": { "slug": sample.slug, "title": sample.name },
            "researcher": sample.person_slug.as_ref().map(|slug| json!({ "slug": slug, "name": sample.person_name })),
        }),
    }
}

fn global_id(kind: NodeKind, number: i64) -> String {
    GlobalId { kind, row_id: number }.to_string()
}
