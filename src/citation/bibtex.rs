//! Entries of BibTeX, in UTF-8, which BibLaTeX and today's BibTeX read.

use crate::citation::{AuthorName, CitedPaper};
use crate::model::identifier::Doi;
use crate::model::record::PaperType;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

pub(super) fn entry(paper: &CitedPaper) -> String {
    let mut entry = Entry { text: format!("@{}{{{},\n", kind(paper.paper_type), paper.slug) };
    entry.braced("title", &title(&paper.title));
    let authors: Vec<String> = paper.names().map(|name| author(&name)).collect();
    if !authors.is_empty() {
        entry.braced("author", &authors.join(" and "));
    }
    if let Some(date) = paper.publication_date {
        entry.braced("year", &format!("{:04}", date.year()));
        if let Some(month) = date.month().and_then(|month| MONTHS.get(usize::from(month) - 1)) {
            entry.field("month", month);
        }
        if let Some(day) = date.day() {
            entry.braced("day", &day.to_string());
        }
    }
    if let Some(venue) = &paper.venue_name {
        entry.braced(venue_field(paper.paper_type), &escaped(venue));
    }
    if let Some(doi) = &paper.doi {
        entry.braced("doi", &verbatim_doi(doi));
    }
    if let Some(id) = &paper.arxiv_id {
        entry.braced("eprint", id);
        entry.braced("archiveprefix", "arXiv");
    }
    if let Some(url) = &paper.url {
        entry.braced("url", &verbatim_url(url));
    }
    if let Some(language) = &paper.language {
        match babel_name(language) {
            Some(name) => entry.braced("langid", name),
            None => entry.braced("language", language),
        }
    }
    if let Some(text) = paper.abstract_line() {
        entry.braced("abstract", &escaped(&text));
    }
    entry.text.push_str("}\n");
    entry.text
}

struct Entry {
    text: String,
}

impl Entry {
    fn braced(&mut self, name: &str, value: &str) {
        self.field(name, &format!("{{{value}}}"));
    }

    fn field(&mut self, name: &str, value: &str) {
        self.text.push_str(&format!("  {name} = {value},\n"));
    }
}

/// The name that LaTeX has for a language.
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

fn kind(kind: PaperType) -> &'static str {
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
        PaperType::Thesis => "school",
        PaperType::Report => "institution",
        PaperType::Book => "series",
        PaperType::Preprint | PaperType::Dataset | PaperType::Other => "howpublished",
    }
}

/// A title whose capitals are kept where they are part of a word's spelling: styles write titles in lower case.
fn title(title: &str) -> String {
    let word = |word: &str| {
        let is_spelled_so = word.chars().skip(1).any(char::is_uppercase);
        if is_spelled_so { format!("{{{}}}", escaped(word)) } else { escaped(word) }
    };
    title.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn author(name: &AuthorName) -> String {
    match name {
        AuthorName::Whole(name) => format!("{{{}}}", escaped(name)),
        AuthorName::Parts { given, family, suffix: Some(suffix) } => {
            format!("{}, {}, {}", part(family), part(suffix), part(given))
        }
        AuthorName::Parts { given, family, suffix: None } => format!("{}, {}", part(family), part(given)),
    }
}

/// A part of a name; in braces where it has what separates parts and names.
fn part(text: &str) -> String {
    let separates = text.contains(',') || text.split(' ').any(|word| word.eq_ignore_ascii_case("and"));
    if separates { format!("{{{}}}", escaped(text)) } else { escaped(text) }
}

/// A text for LaTeX, which shows it as it is. Braces are commands: BibTeX counts those behind a backslash too.
fn escaped(text: &str) -> String {
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
            // Beside each other these are dashes and quotes.
            '-' if before == Some('-') => escaped.push_str("{}-"),
            '`' if before == Some('`') => escaped.push_str("\\textasciigrave{}"),
            '\'' if before == Some('\'') => escaped.push_str("\\textquotesingle{}"),
            _ => escaped.push(character),
        }
        before = Some(character);
    }
    escaped
}

/// A DOI as it is, for fields that LaTeX does not read as text; as its address where it has what would end the field.
fn verbatim_doi(doi: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./()_:;<>-+[]*&#=,@!'~".contains(c);
    match doi.parse::<Doi>() {
        Ok(parsed) if !doi.chars().all(is_plain) => verbatim_url(&parsed.uri()),
        _ => doi.to_owned(),
    }
}

fn verbatim_url(url: &str) -> String {
    url.replace('{', "%7B").replace('}', "%7D").replace('\\', "%5C")
}
