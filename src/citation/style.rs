//! References in the styles of journals, by the engine of the crate `hayagriva`. The binary has only the styles and locales
//! that are named here; build.rs takes them out of the engine's archive.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use hayagriva::citationberg::json::{Item, LiteralName, NameItem, NameValue, Value};
use hayagriva::citationberg::taxonomy::{OtherTerm, Term};
use hayagriva::citationberg::{self, IndependentStyle, LocaleCode};
use hayagriva::{BibliographyDriver, BibliographyRequest, BufWriteFormat, CitationItem, CitationRequest};

use crate::citation::csl;
use crate::citation::{AuthorName, CitedPaper};
use crate::model::language::Languages;

/// No style names more authors than this before the last one. The others are not even given to it: it would copy them all
/// again and again.
pub const MOST_AUTHORS: usize = 30;

/// A style of references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// American Psychological Association, 7th edition.
    Apa,
    /// Chicago Manual of Style, 18th edition, author and date.
    Chicago,
    /// Institute of Electrical and Electronics Engineers.
    Ieee,
    /// The Vancouver style of medical journals.
    Vancouver,
}

/// A name that no style has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no style '{0}'; the styles are {names}", names = Style::ALL.map(Style::name).join(", "))]
pub struct UnknownStyle(String);

/// A reference that the engine did not make, and why.
#[derive(Debug, thiserror::Error)]
pub enum FormattingFailed {
    /// The style that the binary has cannot be read.
    #[error("the style {0} cannot be read")]
    Unreadable(&'static str),
    /// The style has no references.
    #[error("the style {0} makes no reference")]
    Empty(&'static str),
    /// What is cited is no item.
    #[error("the paper is no CSL item")]
    NoItem(#[from] serde_json::Error),
}

impl Style {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Apa, Self::Chicago, Self::Ieee, Self::Vancouver];

    /// Its name in queries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Apa => "apa",
            Self::Chicago => "chicago",
            Self::Ieee => "ieee",
            Self::Vancouver => "vancouver",
        }
    }

    fn read(self) -> Result<&'static IndependentStyle, FormattingFailed> {
        static READ: [OnceLock<Option<IndependentStyle>>; 4] = [const { OnceLock::new() }; 4];
        let (place, bytes): (_, &[u8]) = match self {
            Self::Apa => (&READ[0], include_bytes!(concat!(env!("OUT_DIR"), "/citations/apa.cbor"))),
            Self::Chicago => (&READ[1], include_bytes!(concat!(env!("OUT_DIR"), "/citations/chicago.cbor"))),
            Self::Ieee => (&READ[2], include_bytes!(concat!(env!("OUT_DIR"), "/citations/ieee.cbor"))),
            Self::Vancouver => (&READ[3], include_bytes!(concat!(env!("OUT_DIR"), "/citations/vancouver.cbor"))),
        };
        let read = || match ciborium::from_reader(bytes) {
            Ok(citationberg::Style::Independent(mut style)) => {
                style.locale.iter_mut().for_each(without_advance_publication);
                Some(style)
            }
            _ => None,
        };
        place.get_or_init(read).as_ref().ok_or(FormattingFailed::Unreadable(self.name()))
    }
}

impl FromStr for Style {
    type Err = UnknownStyle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_lowercase();
        let style = Self::ALL.into_iter().find(|style| style.name() == name);
        style.ok_or_else(|| UnknownStyle(text.chars().take(40).collect()))
    }
}

/// The words between the parts of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Locale {
    /// American English.
    AmericanEnglish,
    /// British English.
    BritishEnglish,
    /// French.
    French,
    /// Canadian French.
    CanadianFrench,
}

impl Locale {
    /// The first that a reader wants of those there are; English where there is none.
    #[must_use]
    pub fn of(languages: &Languages) -> Self {
        let known = |tag: &String| match tag.as_str() {
            "en" | "en-US" => Some(Self::AmericanEnglish),
            "en-GB" => Some(Self::BritishEnglish),
            "fr" | "fr-FR" => Some(Self::French),
            "fr-CA" => Some(Self::CanadianFrench),
            _ => None,
        };
        languages.chain().iter().find_map(known).unwrap_or(Self::AmericanEnglish)
    }

    fn code(self) -> LocaleCode {
        LocaleCode(self.to_string())
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AmericanEnglish => "en-US",
            Self::BritishEnglish => "en-GB",
            Self::French => "fr-FR",
            Self::CanadianFrench => "fr-CA",
        })
    }
}

fn locales() -> &'static [citationberg::Locale] {
    static READ: OnceLock<Vec<citationberg::Locale>> = OnceLock::new();
    READ.get_or_init(|| {
        let all: [&[u8]; 4] = [
            include_bytes!(concat!(env!("OUT_DIR"), "/citations/en-US.cbor")),
            include_bytes!(concat!(env!("OUT_DIR"), "/citations/en-GB.cbor")),
            include_bytes!(concat!(env!("OUT_DIR"), "/citations/fr-FR.cbor")),
            include_bytes!(concat!(env!("OUT_DIR"), "/citations/fr-CA.cbor")),
        ];
        let mut locales: Vec<citationberg::Locale> =
            all.into_iter().filter_map(|bytes| ciborium::from_reader(bytes).ok()).collect();
        locales.iter_mut().for_each(without_advance_publication);
        locales
    })
}

/// Takes away what some styles say of an article without a volume: here it only means that the directory does not know it.
fn without_advance_publication(locale: &mut citationberg::Locale) {
    if let Some(terms) = &mut locale.terms {
        terms.terms.retain(|term| term.name != Term::Other(OtherTerm::AdvanceOnlinePublication));
    }
}

pub(super) fn formatted(paper: &CitedPaper, style: Style, locale: Locale) -> Result<String, FormattingFailed> {
    let (read, item) = (style.read()?, item(paper)?);
    let mut driver = BibliographyDriver::new();
    let items = vec![CitationItem::with_entry(&item)];
    driver.citation(CitationRequest::new(items, read, Some(locale.code()), locales(), None));
    let rendered = driver.finish(BibliographyRequest::new(read, Some(locale.code()), locales()));
    let entry = rendered.bibliography.and_then(|bibliography| bibliography.items.into_iter().next());
    let content = entry.ok_or(FormattingFailed::Empty(style.name()))?.content;
    let mut text = String::new();
    content.write_buf(&mut text, BufWriteFormat::Plain).map_err(|_| FormattingFailed::Empty(style.name()))?;
    let text = tidy(&text);
    // Each reference is the first of its own list.
    let text = if style == Style::Vancouver { text.strip_prefix("1. ").unwrap_or(&text).to_owned() } else { text };
    let text =
        if paper.arxiv_id.is_some() { text.replace("ArXiv", "arXiv").replace("arXiv: arXiv:", "arXiv:") } else { text };
    let is_french = matches!(locale, Locale::French | Locale::CanadianFrench);
    let text = if style == Style::Chicago && is_french { with_french_days(&text) } else { text };
    if text.is_empty() { Err(FormattingFailed::Empty(style.name())) } else { Ok(text) }
}

/// The text as one line, without the marks that the engine leaves where a part between two others is absent.
fn tidy(text: &str) -> String {
    const MARKS: [(&str, &str); 16] = [
        (",)", ")"),
        (";.", "."),
        (",.", "."),
        (" ,", ","),
        (".”.", ".”"),
        (".».", ".»"),
        (",,", ","),
        // A mark that a title ends with takes the place of the one that would follow.
        ("?.", "?"),
        ("!.", "!"),
        ("?,”", "?”"),
        ("!,”", "!”"),
        ("? .", "?"),
        ("! .", "!"),
        // Without a day on which it was looked at, an address stands alone.
        ("Retrieved http", "http"),
        ("Consulté http", "http"),
        ("Repéré http", "http"),
    ];
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // An address has marks of its own.
    let (words, address) = line.split_at(line.find("://").unwrap_or(line.len()));
    let words = MARKS.iter().fold(words.to_owned(), |words, (marks, kept)| words.replace(marks, kept));
    format!("{}{address}", with_single_points(&words))
}

/// One point where an abbreviation ends a sentence; three are an ellipsis.
fn with_single_points(text: &str) -> String {
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

/// Days before months, as French has them; the style puts them behind in every language.
fn with_french_days(text: &str) -> String {
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
    for place in 1..words.len() {
        let day = words[place].trim_end_matches(['.', ',', ';']).to_owned();
        let is_day = (1..=2).contains(&day.len()) && day.bytes().all(|byte| byte.is_ascii_digit());
        if is_day && MONTHS.contains(&words[place - 1].as_str()) {
            let behind = words[place][day.len()..].to_owned();
            words[place] = format!("{}{behind}", words[place - 1]);
            words[place - 1] = day;
        }
    }
    words.join(" ")
}

/// The item that the engine takes: without the abstract, which no style shows, and with as many authors as any may name.
fn item(paper: &CitedPaper) -> Result<Item, FormattingFailed> {
    let mut authors: Vec<NameValue> = paper.names().take(MOST_AUTHORS).map(name).collect();
    if let Some(last) = paper.authors.last().filter(|_| paper.authors.len() > MOST_AUTHORS) {
        authors.push(name(AuthorName::of(last)));
    }
    let plain = CitedPaper { authors: Vec::new(), abstract_text: Default::default(), ..paper.clone() };
    let mut item: Item = serde_json::from_value(csl::item(&plain))?;
    // English titles would be written with capitals, and lose those that they have: Mrna for mRNA.
    item.0.insert("language".to_owned(), Value::String("und".to_owned()));
    // An arXiv id says as much.
    if paper.arxiv_id.is_some() {
        item.0.remove("genre");
    }
    if !authors.is_empty() {
        item.0.insert("author".to_owned(), Value::Names(authors));
    }
    Ok(item)
}

fn name(name: AuthorName) -> NameValue {
    match name {
        AuthorName::Whole(literal) => NameValue::Literal(LiteralName { literal }),
        AuthorName::Parts { given, family, suffix } => {
            // Whatever stands before the last word belongs to the family name; the engine would take words in lower case
            // for something else.
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
