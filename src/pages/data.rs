//! What the queries of the pages return: the parts that several pages share.

use serde::Deserialize;

use crate::pages::frame::Frame;
use crate::pages::language::Language;
use crate::pages::text::Texts;

/// The response to a query.
#[derive(Deserialize)]
pub(super) struct Response<T> {
    pub(super) data: T,
}

/// A text in the language that was available.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Localized {
    pub(super) value: String,
    #[serde(default)]
    pub(super) language: Option<String>,
    #[serde(default)]
    pub(super) is_fallback: bool,
}

impl Localized {
    /// The language of the text if it is not that of the page.
    pub(super) fn foreign(&self, frame: &Frame) -> Option<&str> {
        foreign(self.language.as_deref(), frame.language)
    }

    /// The language to mark the text with, because the text was not available in the language of the page.
    pub(super) fn marker(&self, frame: &Frame) -> Option<&str> {
        self.foreign(frame).filter(|_| self.is_fallback)
    }
}

/// A language tag if it is known and not that of the page.
pub(super) fn foreign(tag: Option<&str>, page: Language) -> Option<&str> {
    tag.filter(|tag| tag.split('-').next() != Some(page.code()) && *tag != "und")
}

/// The directory, for the frame of a page.
#[derive(Deserialize)]
pub(super) struct DirectoryName {
    pub(super) name: Localized,
}

/// A topic or an organization, with the number of people that its page counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NamedEntity {
    pub(super) slug: String,
    pub(super) display_name: Localized,
    pub(super) statistics: Option<EntityStatistics>,
}

impl NamedEntity {
    pub(super) fn researcher_count(&self) -> i64 {
        self.statistics.as_ref().map_or(0, |statistics| statistics.researcher_count)
    }
}

/// The counts of a topic, including narrower topics, or of an organization, including suborganizations.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntityStatistics {
    pub(super) researcher_count: i64,
}

/// A list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<T> {
    #[serde(default)]
    pub(super) total_count: Option<i64>,
    #[serde(default = "Vec::new")]
    pub(super) nodes: Vec<T>,
    #[serde(default)]
    pub(super) page_info: PageInfo,
}

impl<T> Connection<T> {
    /// The number of all items, or at least of those on this page.
    pub(super) fn total(&self) -> i64 {
        self.total_count.unwrap_or_else(|| count(self.nodes.len()))
    }

    /// Whether the list has more items than these.
    pub(super) fn is_cut(&self) -> bool {
        self.total() > count(self.nodes.len())
    }
}

/// A list with values at its edges.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Edges<T> {
    #[serde(default)]
    pub(super) total_count: Option<i64>,
    #[serde(default = "Vec::new")]
    pub(super) edges: Vec<T>,
    #[serde(default)]
    pub(super) page_info: PageInfo,
}

impl<T> Edges<T> {
    /// The number of all items, or at least of those on this page.
    pub(super) fn total(&self) -> i64 {
        self.total_count.unwrap_or_else(|| count(self.edges.len()))
    }
}

/// The neighbouring pages of a list.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    #[serde(default)]
    pub(super) has_previous_page: bool,
    #[serde(default)]
    pub(super) start_cursor: Option<String>,
    #[serde(default)]
    pub(super) end_cursor: Option<String>,
}

/// An organization or a topic by its name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    #[serde(default)]
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) display_name: Localized,
}

/// A person by name.
#[derive(Deserialize)]
pub(super) struct Person {
    #[serde(default)]
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) headline: Option<Localized>,
}

/// The slug of a person who is an author.
#[derive(Deserialize)]
pub(super) struct Slug {
    pub(super) slug: String,
}

/// An author of a paper.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Author {
    pub(super) name: String,
    #[serde(default)]
    pub(super) researcher: Option<Slug>,
}

/// The place of an author in the list of authors.
#[derive(Deserialize)]
pub(super) struct AuthorPosition {
    position: Option<i32>,
}

/// The authors beyond the first ones, in words. Of a long list, the position of the last author is the number of all:
/// counting them would cost more. It is not known for sources without an order of authors.
pub(super) fn unlisted_authors(
    frame: &Frame,
    listed: usize,
    authors: &Connection<Author>,
    last: Option<&Connection<AuthorPosition>>,
) -> Option<String> {
    let total = match last.and_then(|last| last.nodes.first()?.position) {
        _ if !authors.page_info.has_next_page => count(authors.nodes.len()),
        Some(position) => i64::from(position),
        None => return Some(frame.t.and_others.to_owned()),
    };
    let unlisted = total - count(listed);
    (unlisted > 0).then(|| frame.count(&frame.t.and_n_more, unlisted))
}

/// An external identifier.
#[derive(Deserialize)]
pub(super) struct Identifier {
    pub(super) scheme: String,
    pub(super) value: String,
    #[serde(default)]
    pub(super) url: Option<String>,
}

impl Identifier {
    /// The link to the identified thing, if its scheme is safe to follow.
    pub(super) fn link(&self) -> Option<&str> {
        self.url.as_deref().filter(|url| is_web_address(url))
    }

    /// The scheme as a label.
    pub(super) fn label(&self) -> &str {
        match self.scheme.as_str() {
            "openalex" => "OpenAlex",
            "scopus" => "Scopus",
            "wikidata" => "Wikidata",
            "dblp" => "DBLP",
            "isni" => "ISNI",
            "viaf" => "VIAF",
            "google_scholar" => "Google Scholar",
            "semantic_scholar" => "Semantic Scholar",
            "pmid" => "PubMed",
            "pmcid" => "PubMed Central",
            "hal" => "HAL",
            "idref" => "IdRef",
            "acl_anthology" => "ACL Anthology",
            other => other,
        }
    }
}

/// Whether an address of the data may be linked.
pub(super) fn is_web_address(url: &str) -> bool {
    let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

/// An address without its scheme, for display.
pub(super) fn short_address(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.strip_prefix("www.").unwrap_or(rest).trim_end_matches('/')
}

/// An abstract.
#[derive(Deserialize)]
pub(super) struct Abstract {
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) language: Option<String>,
    pub(super) completeness: String,
    #[serde(default)]
    pub(super) excerpt: Option<Excerpt>,
}

/// The start of a text.
#[derive(Deserialize)]
pub(super) struct Excerpt {
    pub(super) text: String,
}

impl Abstract {
    pub(super) fn foreign(&self, frame: &Frame) -> Option<&str> {
        foreign(self.language.as_deref(), frame.language)
    }

    pub(super) fn is_absent(&self) -> bool {
        self.completeness == "ABSENT"
    }

    pub(super) fn is_truncated(&self) -> bool {
        self.completeness == "TRUNCATED"
    }

    /// Why the abstract is not shown or not whole, if so.
    pub(super) fn state(&self, frame: &Frame) -> Option<&'static str> {
        let texts = frame.t;
        match self.completeness.as_str() {
            "TRUNCATED" => Some(texts.abstract_truncated),
            "WITHHELD" => Some(texts.abstract_withheld),
            "ABSENT" => Some(texts.abstract_absent),
            _ => None,
        }
    }

    /// The text by its paragraphs.
    pub(super) fn paragraphs(&self) -> Vec<&str> {
        self.text.as_deref().unwrap_or_default().split('\n').map(str::trim).filter(|part| !part.is_empty()).collect()
    }
}

/// A paper in a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Work {
    pub(super) slug: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) language: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) is_retracted: bool,
    #[serde(default)]
    pub(super) publication_year: Option<i32>,
    #[serde(default)]
    pub(super) venue_name: Option<String>,
    #[serde(default)]
    pub(super) doi: Option<String>,
    pub(super) authorships: Connection<Author>,
    #[serde(default)]
    last_author: Option<Connection<AuthorPosition>>,
    #[serde(default, rename = "abstract")]
    pub(super) abstract_: Option<Abstract>,
}

impl Work {
    pub(super) fn foreign(&self, frame: &Frame) -> Option<&str> {
        foreign(self.language.as_deref(), frame.language)
    }

    /// The first authors.
    pub(super) fn first_authors(&self, number: usize) -> &[Author] {
        self.authorships.nodes.get(..number).unwrap_or(&self.authorships.nodes)
    }

    /// The authors beyond the first ones, in words.
    pub(super) fn unlisted_authors(&self, frame: &Frame, listed: usize) -> Option<String> {
        unlisted_authors(frame, listed, &self.authorships, self.last_author.as_ref())
    }

    /// The type, unless it says nothing.
    pub(super) fn type_name(&self, frame: &Frame) -> Option<&'static str> {
        (self.kind != "OTHER").then(|| paper_type(&self.kind, frame.t))
    }

    pub(super) fn is_preprint(&self) -> bool {
        self.kind == "PREPRINT"
    }

    /// The abstract, if there is a text to unfold.
    pub(super) fn readable_abstract(&self) -> Option<&Abstract> {
        self.abstract_.as_ref().filter(|text| !text.paragraphs().is_empty())
    }

    /// The DOI without its resolver.
    pub(super) fn bare_doi(&self) -> Option<&str> {
        self.doi.as_deref().map(bare_doi)
    }

    pub(super) fn doi_link(&self) -> Option<&str> {
        self.doi.as_deref().filter(|doi| is_web_address(doi))
    }
}

/// A DOI without the address of its resolver.
pub(super) fn bare_doi(doi: &str) -> &str {
    doi.strip_prefix("https://doi.org/").unwrap_or(doi)
}

/// An ORCID iD without its address.
pub(super) fn bare_orcid(orcid: &str) -> &str {
    orcid.strip_prefix("https://orcid.org/").unwrap_or(orcid)
}

/// Papers of one year in a list that is sorted by year.
pub(super) struct YearOfWorks<'a> {
    pub(super) year: Option<i32>,
    pub(super) works: Vec<&'a Work>,
}

/// Groups consecutive papers of the same year.
pub(super) fn by_year(works: &[Work]) -> Vec<YearOfWorks<'_>> {
    let chunks = works.chunk_by(|one, next| one.publication_year == next.publication_year);
    chunks
        .map(|chunk| YearOfWorks {
            year: chunk.first().and_then(|work| work.publication_year),
            works: chunk.iter().collect(),
        })
        .collect()
}

/// How many papers there are in a year.
#[derive(Deserialize, Clone, Copy)]
pub(super) struct YearCount {
    pub(super) year: i32,
    pub(super) count: i64,
}

/// A value and how many papers have it.
#[derive(Deserialize)]
pub(super) struct ValueCount {
    pub(super) value: String,
    pub(super) count: i64,
}

/// The types of papers with their names.
pub(super) const PAPER_TYPES: [&str; 9] =
    ["ARTICLE", "CONFERENCE_PAPER", "PREPRINT", "BOOK", "BOOK_CHAPTER", "THESIS", "REPORT", "DATASET", "OTHER"];

/// The name of a type of papers.
pub(super) fn paper_type(kind: &str, texts: &'static Texts) -> &'static str {
    match kind {
        "ARTICLE" => texts.article,
        "BOOK" => texts.book,
        "BOOK_CHAPTER" => texts.book_chapter,
        "CONFERENCE_PAPER" => texts.conference_paper,
        "DATASET" => texts.dataset,
        "PREPRINT" => texts.preprint,
        "REPORT" => texts.report,
        "THESIS" => texts.thesis,
        _ => texts.other_type,
    }
}

/// The types of organizations.
pub(super) const ORGANIZATION_TYPES: [&str; 9] =
    ["EDUCATION", "FACILITY", "HEALTHCARE", "COMPANY", "GOVERNMENT", "NONPROFIT", "FUNDER", "ARCHIVE", "OTHER"];

/// The name of a type of organizations.
pub(super) fn organization_type(kind: &str, texts: &'static Texts) -> &'static str {
    match kind {
        "ARCHIVE" => texts.archive,
        "COMPANY" => texts.company,
        "EDUCATION" => texts.education_type,
        "FACILITY" => texts.facility,
        "FUNDER" => texts.funder,
        "GOVERNMENT" => texts.government,
        "HEALTHCARE" => texts.healthcare,
        "NONPROFIT" => texts.nonprofit,
        _ => texts.other_organization,
    }
}

/// The name of a kind of affiliations.
pub(super) fn affiliation_kind(kind: &str, texts: &'static Texts) -> &'static str {
    match kind {
        "EMPLOYMENT" => texts.employment,
        "EDUCATION" => texts.education,
        "INVITED_POSITION" => texts.invited_position,
        "QUALIFICATION" => texts.qualification,
        "DISTINCTION" => texts.distinction,
        "SERVICE" => texts.service,
        _ => texts.membership,
    }
}

/// The length of a list.
pub(super) fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// Two initials at most: of the first and the last word of a name, without what is in parentheses.
pub(super) fn initials(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).collect();
    let initial = |word: &str| word.chars().find(|letter| letter.is_alphanumeric());
    let chosen = match words.as_slice() {
        [] => Vec::new(),
        [only] => vec![*only],
        [first, .., last] => vec![*first, *last],
    };
    chosen.into_iter().filter_map(initial).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_of_names() {
        for (name, expected) in [
            ("Razvan Pascanu", "RP"),
            ("Mila", "M"),
            ("émile de la Tour", "ÉT"),
            ("  ", ""),
            ("Mila - Quebec Institute", "MI"),
            ("王 小明", "王小"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn addresses() {
        for (url, expected) in [
            ("https://example.org", true),
            ("HTTP://example.org", true),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("//example.org", false),
            ("é", false),
        ] {
            assert_eq!(is_web_address(url), expected, "{url}");
        }
        assert_eq!(short_address("https://www.example.org/"), "example.org");
    }
}
