//! RIS references. Each line has a tag, two spaces, a hyphen, a space and a value.

use crate::citation::{AuthorName, CitedPaper};
use crate::model::record::PaperType;
use crate::text::pages::page_ends;

pub(super) fn format_reference(paper: &CitedPaper) -> String {
    let mut reference = RisWriter { text: String::new() };
    reference.push_field("TY", reference_type(paper.paper_type));
    reference.push_field("ID", &paper.slug);
    reference.push_field("TI", &paper.title);
    for name in paper.author_names() {
        reference.push_field("AU", &format_author(&name));
    }
    if let Some(date) = paper.publication_date {
        reference.push_field("PY", &format!("{:04}", date.year()));
        if let Some(month) = date.month() {
            let day = date.day().map(|day| format!("{day:02}")).unwrap_or_default();
            reference.push_field("DA", &format!("{:04}/{month:02}/{day}", date.year()));
        } else if paper.paper_type == PaperType::ConferencePaper {
            // Some readers take the PY of a conference paper for the year of the conference.
            reference.push_field("DA", &format!("{:04}///", date.year()));
        }
    }
    let (publisher, venue) = paper.publisher_and_venue();
    // An end with a hyphen of its own could be read as a range.
    let ends = |pages| page_ends(pages).filter(|(start, end)| !start.contains('-') && !end.contains('-'));
    let (start, end) = match paper.pages.as_deref().map(|pages| (pages, ends(pages))) {
        Some((_, Some((start, end)))) => (Some(start), Some(end)),
        Some((pages, None)) => (Some(pages), None),
        None => (None, None),
    };
    // By the specification, T2 of a conference paper names the conference. Readers differ in which of the two they take.
    let proceedings = venue.filter(|_| paper.paper_type == PaperType::ConferencePaper);
    let details = [
        ("T2", venue),
        ("C3", proceedings),
        ("VL", paper.volume.as_deref()),
        ("IS", paper.issue.as_deref()),
        ("SP", start),
        ("EP", end),
        ("C7", paper.article_number.as_deref()),
        ("ET", paper.edition.as_deref()),
        ("PB", publisher),
    ];
    let details = details.into_iter().filter_map(|(tag, value)| Some((tag, value?)));
    let numbers = standard_numbers(paper);
    let numbers = Some(("SN", numbers.as_str())).filter(|(_, numbers)| !numbers.is_empty());
    let keywords = paper.keywords.iter().map(|keyword| ("KW", keyword.as_str()));
    for (tag, value) in details.chain(numbers).chain(keywords) {
        reference.push_field(tag, value);
    }
    let others = [
        ("DO", paper.doi.clone()),
        ("UR", paper.best_url()),
        ("LA", paper.language.clone()),
        ("AB", paper.abstract_line()),
    ];
    for (tag, value) in others {
        if let Some(value) = value {
            reference.push_field(tag, &value);
        }
    }
    reference.text.push_str("ER  - \r\n");
    reference.text
}

struct RisWriter {
    text: String,
}

impl RisWriter {
    /// Writes a field on one line; readers disagree on lines without a tag.
    fn push_field(&mut self, tag: &str, value: &str) {
        let value = value.split(['\r', '\n']).collect::<Vec<_>>().join(" ");
        self.text.push_str(&format!("{tag}  - {value}\r\n"));
    }
}

/// Returns the ISSNs and ISBNs on one line, since readers keep the first of several. The first is of the kind that they
/// expect of the type.
fn standard_numbers(paper: &CitedPaper) -> String {
    let (issns, isbns) = (&paper.issns, &paper.isbns);
    let numbers = match paper.paper_type {
        PaperType::Book | PaperType::BookChapter | PaperType::ConferencePaper => isbns.iter().chain(issns),
        _ => issns.iter().chain(isbns),
    };
    numbers.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn reference_type(kind: PaperType) -> &'static str {
    match kind {
        PaperType::Article => "JOUR",
        PaperType::ConferencePaper => "CONF",
        PaperType::Preprint => "UNPB",
        PaperType::Book => "BOOK",
        PaperType::BookChapter => "CHAP",
        PaperType::Thesis => "THES",
        PaperType::Report => "RPRT",
        PaperType::Dataset => "DATA",
        PaperType::Other => "GEN",
    }
}

fn format_author(name: &AuthorName) -> String {
    match name {
        AuthorName::Literal(name) => name.clone(),
        AuthorName::Parts { given, family, suffix: Some(suffix) } => format!("{family}, {given}, {suffix}"),
        AuthorName::Parts { given, family, suffix: None } => format!("{family}, {given}"),
    }
}
