//! BibTeX entries in UTF-8, for BibLaTeX and current versions of BibTeX.

use crate::citation::{AuthorName, CitedPaper};
use crate::model::identifier::Doi;
use crate::model::record::PaperType;
use crate::text::pages::pages_with_dash;

const MONTH_MACROS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

pub(super) fn format_entry(paper: &CitedPaper) -> String {
    let mut entry = BibtexWriter { text: format!("@{}{{{},\n", entry_type(paper.paper_type), paper.slug) };
    entry.push_braced("title", &protect_capitals(&paper.title));
    let authors: Vec<String> = paper.author_names().map(|name| format_author(&name)).collect();
    if !authors.is_empty() {
        entry.push_braced("author", &authors.join(" and "));
    }
    if let Some(date) = paper.publication_date {
        entry.push_braced("year", &format!("{:04}", date.year()));
        if let Some(month) = date.month().and_then(|month| MONTH_MACROS.get(usize::from(month) - 1)) {
            entry.push_field("month", month);
        }
        if let Some(day) = date.day() {
            entry.push_braced("day", &day.to_string());
        }
    }
    let (publisher, venue) = paper.publisher_and_venue();
    if let Some(venue) = venue {
        entry.push_braced(venue_field(paper.paper_type), &escape_latex(venue));
    }
    let details = [
        ("volume", paper.volume.as_deref()),
        (issue_field(paper), paper.issue.as_deref()),
        ("eid", paper.article_number.as_deref()),
        ("edition", paper.edition.as_deref()),
    ];
    for (name, value) in details {
        if let Some(value) = value {
            entry.push_braced(name, &escape_latex(value));
        }
    }
    if let Some(publisher) = publisher {
        entry.push_braced(publisher_field(paper.paper_type), &one_of_list(publisher));
    }
    if let Some(pages) = &paper.pages {
        entry.push_braced("pages", &format_pages(pages));
    }
    for (name, numbers) in [("issn", &paper.issns), ("isbn", &paper.isbns)] {
        if !numbers.is_empty() {
            entry.push_braced(name, &numbers.join(", "));
        }
    }
    if let Some(doi) = &paper.doi {
        entry.push_braced("doi", &verbatim_doi(doi));
    }
    if let Some(id) = &paper.arxiv_id {
        entry.push_braced("eprint", id);
        entry.push_braced("archiveprefix", "arXiv");
    }
    if let Some(url) = &paper.url {
        entry.push_braced("url", &escape_url(url));
    }
    if let Some(language) = &paper.language {
        match babel_name(language) {
            Some(name) => entry.push_braced("langid", name),
            None => entry.push_braced("language", language),
        }
    }
    if let Some(keywords) = paper.keyword_list() {
        entry.push_braced("keywords", &escape_latex(&keywords));
    }
    if let Some(text) = paper.abstract_line() {
        entry.push_braced("abstract", &escape_latex(&text));
    }
    entry.text.push_str("}\n");
    entry.text
}

struct BibtexWriter {
    text: String,
}

impl BibtexWriter {
    fn push_braced(&mut self, name: &str, value: &str) {
        self.push_field(name, &format!("{{{value}}}"));
    }

    fn push_field(&mut self, name: &str, value: &str) {
        self.text.push_str(&format!("  {name} = {value},\n"));
    }
}

/// Returns the babel name of a language.
fn babel_name(tag: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 12] = [
        ("de", "german"),
        ("en", "english"),
        ("en-GB", "british"),
        ("en-US", "american"),
        ("es", "spanish"),
        ("fr", "french"),
        ("it", "italian"),
        ("ja", "japanese"),
        ("nl", "dutch"),
        ("pl", "polish"),
        ("pt", "portuguese"),
        ("ru", "russian"),
    ];
    NAMES.iter().find(|(own, _)| *own == tag).map(|(_, name)| *name)
}

fn entry_type(kind: PaperType) -> &'static str {
    match kind {
        PaperType::Article => "article",
        PaperType::ConferencePaper => "inproceedings",
        PaperType::Book => "book",
        PaperType::BookChapter => "incollection",
        PaperType::Thesis => "phdthesis",
        PaperType::Report => "techreport",
        PaperType::Dataset => "dataset",
        PaperType::Preprint | PaperType::Other => "misc",
    }
}

fn venue_field(kind: PaperType) -> &'static str {
    match kind {
        PaperType::Article => "journal",
        PaperType::ConferencePaper | PaperType::BookChapter => "booktitle",
        PaperType::Book => "series",
        PaperType::Thesis | PaperType::Report | PaperType::Preprint | PaperType::Dataset | PaperType::Other => {
            "howpublished"
        }
    }
}

fn publisher_field(kind: PaperType) -> &'static str {
    match kind {
        PaperType::Thesis => "school",
        PaperType::Report => "institution",
        _ => "publisher",
    }
}

/// Returns the field for the issue. The number of a book without a volume is that of its series.
fn issue_field(paper: &CitedPaper) -> &'static str {
    let is_book = matches!(paper.paper_type, PaperType::Book | PaperType::BookChapter);
    if is_book && paper.volume.is_none() { "issue" } else { "number" }
}

/// Returns the pages with two hyphens between the ends of a range.
fn format_pages(pages: &str) -> String {
    let has_ranges = pages_with_dash(pages, "--") != pages;
    let escaped = escape_latex(pages);
    if has_ranges { escaped.replace('–', "--") } else { escaped }
}

/// Protects capitals inside words by braces, since styles convert titles to lower case.
fn protect_capitals(title: &str) -> String {
    let word = |word: &str| {
        let is_spelled_so = word.chars().skip(1).any(char::is_uppercase);
        if is_spelled_so { format!("{{{}}}", escape_latex(word)) } else { escape_latex(word) }
    };
    title.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn format_author(name: &AuthorName) -> String {
    match name {
        AuthorName::Literal(name) => format!("{{{}}}", escape_latex(name)),
        AuthorName::Parts { given, family, suffix: Some(suffix) } => {
            format!("{}, {}, {}", format_name_part(family), format_name_part(suffix), format_name_part(given))
        }
        AuthorName::Parts { given, family, suffix: None } => {
            format!("{}, {}", format_name_part(family), format_name_part(given))
        }
    }
}

/// Formats a part of a name; braces protect commas and the word "and".
fn format_name_part(text: &str) -> String {
    let separates = text.contains(',') || text.split(' ').any(|word| word.eq_ignore_ascii_case("and"));
    if separates { format!("{{{}}}", escape_latex(text)) } else { escape_latex(text) }
}

/// Escapes an item of a list of BibLaTeX, such as that of publishers: braces protect the word "and", which separates items.
fn one_of_list(text: &str) -> String {
    let word = |word: &str| {
        let escaped = escape_latex(word);
        if word.eq_ignore_ascii_case("and") { format!("{{{escaped}}}") } else { escaped }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Escapes text for LaTeX. Braces become commands, since BibTeX counts even escaped ones.
fn escape_latex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut before = None;
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '{' => escaped.push_str("\\textbraceleft{}"),
            '}' => escaped.push_str("\\textbraceright{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '$' | '&' | '%' | '#' | '_' => {
                escaped.push('\\');
                escaped.push(character);
            }
            // Doubled, these characters are ligatures for dashes and quotes.
            '-' if before == Some('-') => escaped.push_str("{}-"),
            '`' if before == Some('`') => escaped.push_str("\\textasciigrave{}"),
            '\'' if before == Some('\'') => escaped.push_str("\\textquotesingle{}"),
            _ => escaped.push(character),
        }
        before = Some(character);
    }
    escaped
}

/// Returns a DOI for a verbatim field; if it has characters that would end the field, its URL.
fn verbatim_doi(doi: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./()_:;<>-+[]*&#=,@!'~".contains(c);
    match doi.parse::<Doi>() {
        Ok(parsed) if !doi.chars().all(is_plain) => escape_url(&parsed.uri()),
        _ => doi.to_owned(),
    }
}

fn escape_url(url: &str) -> String {
    url.replace('{', "%7B").replace('}', "%7D").replace('\\', "%5C")
}
