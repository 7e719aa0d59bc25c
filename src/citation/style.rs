//! Formatted references, rendered by `hayagriva`, whose archive has the styles and the locales.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::str::FromStr;
use std::sync::OnceLock;

use hayagriva::archive::{self, ArchivedStyle};
use hayagriva::citationberg::json::{Item, LiteralName, NameItem, NameValue, Value};
use hayagriva::citationberg::taxonomy::{OtherTerm, Term};
use hayagriva::citationberg::{self, IndependentStyle, LocaleCode};
use hayagriva::{BibliographyDriver, BibliographyRequest, BufWriteFormat, CitationItem, CitationRequest};

use crate::citation::csl;
use crate::citation::{AuthorName, CitedPaper};
use crate::model::language::LanguagePreferences;
use crate::model::record::PaperType;

/// Maximum number of authors before the last one. No style lists more, and the engine copies all of them repeatedly.
pub const MAX_CITED_AUTHORS: usize = 30;

/// A citation style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CitationStyle {
    /// American Psychological Association, 7th edition.
    Apa,
    /// Chicago Manual of Style, 18th edition, author and date.
    Chicago,
    /// Harvard, as in "Cite Them Right", 12th edition.
    Harvard,
    /// Institute of Electrical and Electronics Engineers.
    Ieee,
    /// Modern Language Association, 9th edition.
    Mla,
    /// The journal Nature.
    Nature,
    /// The Vancouver style of medical journals.
    Vancouver,
}

/// The name of an unknown citation style.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown style '{0}'; the styles are {names}", names = CitationStyle::ALL.map(CitationStyle::name).join(", "))]
pub struct UnknownCitationStyle(String);

/// The reason why a reference cannot be formatted.
#[derive(Debug, thiserror::Error)]
pub enum CitationError {
    /// The style is only another name of a style.
    #[error("the style {0} is only another name of a style")]
    Dependent(&'static str),
    /// The style has no bibliography.
    #[error("the style {0} has no bibliography")]
    NoReference(&'static str),
    /// The paper is not a valid CSL item.
    #[error("the paper is not a valid CSL item")]
    InvalidItem(#[from] serde_json::Error),
}

impl CitationStyle {
    /// All citation styles.
    pub const ALL: [Self; 7] =
        [Self::Apa, Self::Chicago, Self::Harvard, Self::Ieee, Self::Mla, Self::Nature, Self::Vancouver];

    /// Returns the name in queries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Apa => "apa",
            Self::Chicago => "chicago",
            Self::Harvard => "harvard",
            Self::Ieee => "ieee",
            Self::Mla => "mla",
            Self::Nature => "nature",
            Self::Vancouver => "vancouver",
        }
    }

    fn archived(self) -> ArchivedStyle {
        match self {
            Self::Apa => ArchivedStyle::AmericanPsychologicalAssociation,
            Self::Chicago => ArchivedStyle::ChicagoAuthorDate,
            Self::Harvard => ArchivedStyle::HarvardCiteThemRight,
            Self::Ieee => ArchivedStyle::InstituteOfElectricalAndElectronicsEngineers,
            Self::Mla => ArchivedStyle::ModernLanguageAssociation,
            Self::Nature => ArchivedStyle::Nature,
            Self::Vancouver => ArchivedStyle::SpringerVancouver,
        }
    }

    fn load(self) -> Result<&'static IndependentStyle, CitationError> {
        static READ: [OnceLock<Option<IndependentStyle>>; CitationStyle::ALL.len()] =
            [const { OnceLock::new() }; CitationStyle::ALL.len()];
        let read = || match self.archived().get() {
            citationberg::Style::Independent(mut style) => {
                style.locale.iter_mut().for_each(remove_advance_publication_term);
                Some(style)
            }
            citationberg::Style::Dependent(_) => None,
        };
        let cell = READ.get(self as usize).ok_or(CitationError::Dependent(self.name()))?;
        cell.get_or_init(read).as_ref().ok_or(CitationError::Dependent(self.name()))
    }
}

impl FromStr for CitationStyle {
    type Err = UnknownCitationStyle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_lowercase();
        let style = Self::ALL.into_iter().find(|style| style.name() == name);
        style.ok_or_else(|| UnknownCitationStyle(text.chars().take(40).collect()))
    }
}

/// The locale of the terms in a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CitationLocale {
    /// American English.
    AmericanEnglish,
    /// British English.
    BritishEnglish,
    /// French.
    French,
    /// Canadian French.
    CanadianFrench,
}

impl CitationLocale {
    const ALL: [Self; 4] = [Self::AmericanEnglish, Self::BritishEnglish, Self::French, Self::CanadianFrench];

    /// Returns the first supported locale of the preferred languages; American English if there is none.
    #[must_use]
    pub fn best_match(languages: &LanguagePreferences) -> Self {
        let known = |tag: &String| match tag.as_str() {
            "en" | "en-US" => Some(Self::AmericanEnglish),
            "en-GB" => Some(Self::BritishEnglish),
            "fr" | "fr-FR" => Some(Self::French),
            "fr-CA" => Some(Self::CanadianFrench),
            _ => None,
        };
        languages.chain().iter().find_map(known).unwrap_or(Self::AmericanEnglish)
    }

    fn csl_code(self) -> LocaleCode {
        LocaleCode(self.to_string())
    }
}

impl fmt::Display for CitationLocale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AmericanEnglish => "en-US",
            Self::BritishEnglish => "en-GB",
            Self::French => "fr-FR",
            Self::CanadianFrench => "fr-CA",
        })
    }
}

fn load_locales() -> &'static [citationberg::Locale] {
    static READ: OnceLock<Vec<citationberg::Locale>> = OnceLock::new();
    READ.get_or_init(|| {
        let mut locales = archive::locales();
        let is_offered = |code: &str| CitationLocale::ALL.iter().any(|locale| locale.to_string() == code);
        locales.retain(|locale| locale.lang.as_ref().is_some_and(|lang| is_offered(&lang.0)));
        locales.iter_mut().for_each(remove_advance_publication_term);
        locales
    })
}

/// Removes the term for articles without a volume, since sources leave out the volumes of articles that have one.
fn remove_advance_publication_term(locale: &mut citationberg::Locale) {
    if let Some(terms) = &mut locale.terms {
        terms.terms.retain(|term| term.name != Term::Other(OtherTerm::AdvanceOnlinePublication));
    }
}

pub(super) fn format_reference(
    paper: &CitedPaper,
    style: CitationStyle,
    locale: CitationLocale,
) -> Result<String, CitationError> {
    let (read, item) = (style.load()?, engine_item(paper, style)?);
    let Some(text) = render(read, &item, style, locale)? else { return Ok(plain_reference(paper)) };
    let text = clean_reference(&text);
    // Each reference is number 1 of its own list.
    let is_numbered = matches!(style, CitationStyle::Nature | CitationStyle::Vancouver);
    let text = if is_numbered { text.strip_prefix("1. ").unwrap_or(&text).to_owned() } else { text };
    let text =
        if paper.arxiv_id.is_some() { text.replace("ArXiv", "arXiv").replace("arXiv: arXiv:", "arXiv:") } else { text };
    let text = remove_style_artifacts(text, paper, style);
    let is_french = matches!(locale, CitationLocale::French | CitationLocale::CanadianFrench);
    // Without an issue, the style has the space of French before the colon in every language.
    let text = match &paper.volume {
        Some(volume) if style == CitationStyle::Chicago && !is_french => {
            text.replace(&format!("{volume} : "), &format!("{volume}: "))
        }
        _ => text,
    };
    let text = if style == CitationStyle::Chicago && is_french { reorder_french_dates(&text) } else { text };
    if text.is_empty() { Err(CitationError::NoReference(style.name())) } else { Ok(text) }
}

/// Returns the reference as the engine renders it, or `None` if it panics, as it does for a few texts (docs/upstream.md).
fn render(
    read: &IndependentStyle,
    item: &Item,
    style: CitationStyle,
    locale: CitationLocale,
) -> Result<Option<String>, CitationError> {
    let render = || {
        let mut driver = BibliographyDriver::new();
        let items = vec![CitationItem::with_entry(item)];
        driver.citation(CitationRequest::new(items, read, Some(locale.csl_code()), load_locales(), None));
        driver.finish(BibliographyRequest::new(read, Some(locale.csl_code()), load_locales()))
    };
    // The driver, the only thing that is modified, is dropped.
    let Ok(rendered) = panic::catch_unwind(AssertUnwindSafe(render)) else { return Ok(None) };
    let entry = rendered.bibliography.and_then(|bibliography| bibliography.items.into_iter().next());
    let content = entry.ok_or(CitationError::NoReference(style.name()))?.content;
    let mut text = String::new();
    content.write_buf(&mut text, BufWriteFormat::Plain).map_err(|_| CitationError::NoReference(style.name()))?;
    Ok(Some(text))
}

/// Returns a reference in no particular style: authors, year, title, venue and DOI.
pub(super) fn plain_reference(paper: &CitedPaper) -> String {
    let authors: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).take(MAX_CITED_AUTHORS).collect();
    let year = paper.publication_date.map(|date| format!("({})", date.year()));
    let doi = paper.doi.as_ref().map(|doi| format!("https://doi.org/{doi}"));
    let parts = [Some(authors.join("; ")), year, Some(paper.title.clone()), paper.venue_name.clone(), doi];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join(". ")
}

/// Removes what a style concludes from a missing volume and missing pages: that the article is a preprint (Harvard), or
/// is only online (Nature, which then has the DOI twice).
fn remove_style_artifacts(text: String, paper: &CitedPaper, style: CitationStyle) -> String {
    match (style, &paper.venue_name, &paper.doi) {
        (CitationStyle::Harvard, Some(venue), _) if paper.paper_type != PaperType::Preprint => {
            text.replace(&format!("{venue} [Preprint]"), venue)
        }
        (CitationStyle::Nature, _, Some(doi)) if text.contains("https://doi.org/") => {
            text.strip_suffix(&format!(" doi:{doi}.")).map_or_else(|| text.clone(), |text| format!("{text}."))
        }
        _ => text,
    }
}

/// Joins the text into one line and removes punctuation that the engine leaves around missing parts.
fn clean_reference(text: &str) -> String {
    const MARKS: [(&str, &str); 16] = [
        (",)", ")"),
        (";.", "."),
        (",.", "."),
        (" ,", ","),
        (".”.", ".”"),
        (".».", ".»"),
        (",,", ","),
        // The final mark of a title replaces the mark that would follow.
        ("?.", "?"),
        ("!.", "!"),
        ("?,”", "?”"),
        ("!,”", "!”"),
        ("? .", "?"),
        ("! .", "!"),
        // Without an access date a URL stands alone.
        ("Retrieved http", "http"),
        ("Consulté http", "http"),
        ("Repéré http", "http"),
    ];
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // URLs keep their punctuation.
    let (words, address) = line.split_at(line.find("://").unwrap_or(line.len()));
    let words = MARKS.iter().fold(words.to_owned(), |words, (marks, kept)| words.replace(marks, kept));
    format!("{}{address}", collapse_double_periods(&words))
}

/// Collapses two periods into one, where an abbreviation ends a sentence; three are an ellipsis.
fn collapse_double_periods(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('.') {
        let points = rest[start..].bytes().take_while(|byte| *byte == b'.').count();
        all.push_str(&rest[..start]);
        all.push_str(if points == 2 { "." } else { &rest[start..start + points] });
        rest = &rest[start + points..];
    }
    all + rest
}

/// Moves days before months, as French requires; the style puts them after the month in every language.
fn reorder_french_dates(text: &str) -> String {
    const MONTHS: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    let mut words: Vec<String> = text.split(' ').map(ToOwned::to_owned).collect();
    for index in 1..words.len() {
        let day = words[index].trim_end_matches(['.', ',', ';']).to_owned();
        let is_day = (1..=2).contains(&day.len()) && day.bytes().all(|byte| byte.is_ascii_digit());
        if is_day && MONTHS.contains(&words[index - 1].as_str()) {
            let behind = words[index][day.len()..].to_owned();
            words[index] = format!("{}{behind}", words[index - 1]);
            words[index - 1] = day;
        }
    }
    words.join(" ")
}

/// Returns the item for the engine: without the abstract, and with the maximum number of authors.
fn engine_item(paper: &CitedPaper, style: CitationStyle) -> Result<Item, CitationError> {
    let mut authors: Vec<NameValue> = paper.author_names().take(MAX_CITED_AUTHORS).map(engine_name).collect();
    if let Some(last) = paper.authors.last().filter(|_| paper.authors.len() > MAX_CITED_AUTHORS) {
        authors.push(engine_name(AuthorName::from_author(last)));
    }
    let plain = CitedPaper {
        authors: Vec::new(),
        abstract_text: Default::default(),
        keywords: Vec::new(),
        // One identifier is enough, and no style has ISSNs.
        issns: Vec::new(),
        isbns: Vec::new(),
        // No style cites the publisher of a journal, but one would print it.
        publisher_name: paper.publisher_name.clone().filter(|_| paper.paper_type != PaperType::Article),
        ..paper.clone()
    };
    let mut item: Item = serde_json::from_value(csl::csl_item(&plain))?;
    // For English the engine would apply title case and destroy existing capitals: Mrna instead of mRNA.
    item.0.insert("language".to_owned(), Value::String("und".to_owned()));
    // Only the APA has a place for article numbers. Others print them as pages.
    if paper.article_number.is_some() && !matches!(paper.paper_type, PaperType::Preprint | PaperType::Report) {
        let unused = if style == CitationStyle::Apa && paper.pages.is_none() { "page" } else { "number" };
        item.0.remove(unused);
    }
    // The arXiv ID implies the genre, and the publisher of a preprint.
    if paper.arxiv_id.is_some() {
        item.0.remove("genre");
        if paper.paper_type == PaperType::Preprint && paper.publisher_name.is_none() && paper.venue_name.is_none() {
            item.0.insert("publisher".to_owned(), Value::String("arXiv".to_owned()));
        }
    }
    if !authors.is_empty() {
        item.0.insert("author".to_owned(), Value::Names(authors));
    }
    Ok(item)
}

fn engine_name(name: AuthorName) -> NameValue {
    match name {
        AuthorName::Literal(literal) => NameValue::Literal(LiteralName { literal }),
        AuthorName::Parts { given, family, suffix } => {
            // All words before the last one are part of the family name; the engine would treat lower-case words as a
            // dropping particle.
            let (before, last) = match family.rsplit_once(' ') {
                Some((before, last)) => (Some(before.to_owned()), last.to_owned()),
                None => (None, family),
            };
            NameValue::Item(NameItem {
                family: last,
                given: Some(given),
                non_dropping_particle: before,
                dropping_particle: None,
                suffix,
                comma_suffix: None,
            })
        }
    }
}
