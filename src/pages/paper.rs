//! The page of a paper.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{
    Abstract, Connection, DirectoryName, Identifier, Named, Response, bare_doi, bare_orcid, foreign, is_web_address,
    paper_type,
};
use crate::pages::frame::{Frame, Section};
use crate::pages::{Context, Page, RenderError, Rendered};

/// Authors shown before those that unfold, if there are many.
const FIRST_AUTHORS: usize = 20;
/// Authors shown after those that unfold.
const LAST_AUTHORS: usize = 3;

/// The page of the paper with this slug.
pub(super) struct PaperPage {
    slug: String,
}

impl PaperPage {
    pub(super) fn new(slug: &str) -> Self {
        Self { slug: slug.to_owned() }
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    paper: Option<Paper>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paper {
    slug: String,
    title: String,
    language: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    is_retracted: bool,
    publication_date: Option<String>,
    publication_year: Option<i32>,
    venue_name: Option<String>,
    volume: Option<String>,
    issue: Option<String>,
    pages: Option<String>,
    article_number: Option<String>,
    edition: Option<String>,
    publisher_name: Option<String>,
    issns: Vec<String>,
    isbns: Vec<String>,
    doi: Option<String>,
    arxiv_id: Option<String>,
    url: Option<String>,
    keywords: Vec<String>,
    updated_at: String,
    identifiers: Vec<Identifier>,
    #[serde(rename = "abstract")]
    abstract_: Abstract,
    authorships: Connection<Author>,
    topics: Connection<Named>,
    version_of: Option<Original>,
    versions: Vec<Version>,
    formatted_citation: String,
    citation: String,
}

impl Paper {
    fn foreign(&self, frame: &Frame) -> Option<&str> {
        foreign(self.language.as_deref(), frame.language)
    }

    /// Volume, issue and pages, as in `12 (3), 201–233`.
    fn place(&self) -> String {
        let mut place = self.volume.clone().unwrap_or_default();
        if let Some(issue) = &self.issue {
            place = if place.is_empty() { format!("({issue})") } else { format!("{place} ({issue})") };
        }
        let pages = self.pages.as_ref().map(|pages| pages.replace('-', "–"));
        for part in [pages, self.article_number.clone()].into_iter().flatten() {
            place = if place.is_empty() { part } else { format!("{place}, {part}") };
        }
        place
    }

    /// The address of the paper at its publisher.
    fn publisher_link(&self) -> Option<&str> {
        let links = [self.doi.as_deref(), self.url.as_deref()];
        links.into_iter().flatten().find(|link| is_web_address(link))
    }

    /// The date for Highwire tags, with slashes.
    fn highwire_date(&self) -> Option<String> {
        let date = self.publication_date.clone().or_else(|| self.publication_year.map(|year| year.to_string()))?;
        Some(date.replace('-', "/"))
    }

    /// The name of the Highwire tag for the venue.
    fn highwire_venue(&self) -> &'static str {
        match self.kind.as_str() {
            "CONFERENCE_PAPER" => "citation_conference_title",
            "BOOK_CHAPTER" => "citation_inbook_title",
            _ => "citation_journal_title",
        }
    }

    /// First and last page.
    fn page_range(&self) -> (Option<&str>, Option<&str>) {
        let Some(pages) = self.pages.as_deref() else { return (None, None) };
        match pages.split_once(['-', '–']) {
            Some((first, last)) => (Some(first.trim()), Some(last.trim())),
            None => (Some(pages), None),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Author {
    name: String,
    is_published_name_withheld: bool,
    affiliations_as_published: Vec<String>,
    researcher: Option<Researcher>,
}

impl Author {
    /// The name as Highwire tags have it: family name first, if it is known.
    fn highwire_name(&self) -> String {
        let names =
            self.researcher.as_ref().map(|person| (person.family_name.as_deref(), person.given_name.as_deref()));
        match names {
            Some((Some(family), Some(given))) if !self.is_published_name_withheld => format!("{family}, {given}"),
            _ => self.name.clone(),
        }
    }

    fn orcid(&self) -> Option<&str> {
        self.researcher.as_ref()?.orcid.as_deref().map(bare_orcid)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Researcher {
    slug: String,
    orcid: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
}

#[derive(Deserialize)]
struct Original {
    #[serde(flatten)]
    paper: Version,
    versions: Vec<Version>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    slug: String,
    #[serde(rename = "type")]
    kind: String,
    publication_year: Option<i32>,
    venue_name: Option<String>,
    doi: Option<String>,
}

/// A version in the list of versions.
struct ListedVersion<'a> {
    slug: &'a str,
    type_name: &'static str,
    year: Option<i32>,
    details: String,
    is_this: bool,
    is_record: bool,
}

#[derive(Template)]
#[template(path = "paper.html")]
struct PaperTemplate<'a> {
    frame: Frame,
    paper: &'a Paper,
    type_name: &'static str,
    date: Option<String>,
    first_authors: &'a [Author],
    hidden_authors: &'a [Author],
    last_authors: &'a [Author],
    /// Authors beyond those that the query returns.
    more_authors: i64,
    doi: Option<&'a str>,
    language: Option<String>,
    versions: Vec<ListedVersion<'a>>,
    updated: String,
}

impl Page for PaperPage {
    fn document(&self) -> &'static str {
        include_str!("queries/paper.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "PaperPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        json!({ "slug": self.slug, "languages": [context.language.code()] })
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let Data { directory, paper } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let Some(paper) = paper else { return Ok(Rendered::NotFound) };
        if paper.slug != self.slug {
            return Ok(Rendered::Moved(format!("papers/{}", paper.slug)));
        }
        let language = context.language;
        let texts = language.texts();
        let type_name = paper_type(&paper.kind, texts);
        let year = paper.publication_year.map(|year| year.to_string());
        let start = [Some(type_name.to_owned()), paper.venue_name.clone(), year].into_iter().flatten();
        let start = start.collect::<Vec<_>>().join(", ");
        let text = paper.abstract_.paragraphs().join(" ");
        let description = if text.is_empty() { start } else { format!("{start}. {text}") };
        let frame = Frame::new(context, &directory.name.value, &paper.title, &description)
            .in_section(Section::Papers)
            .with_open_graph_type("article")
            .with_query(self, context);
        let authors = paper.authorships.nodes.as_slice();
        let is_long = authors.len() > FIRST_AUTHORS + LAST_AUTHORS + 1;
        let (first_authors, rest) = authors.split_at(if is_long { FIRST_AUTHORS } else { authors.len() });
        let (hidden_authors, last_authors) = rest.split_at(rest.len().saturating_sub(LAST_AUTHORS));
        let template = PaperTemplate {
            frame,
            type_name,
            // The year alone stands beside the title.
            date: paper.publication_date.as_deref().filter(|date| date.len() > 4).map(|date| language.date(date)),
            first_authors,
            hidden_authors,
            last_authors,
            more_authors: paper.authorships.total() - crate::pages::data::count(authors.len()),
            doi: paper.doi.as_deref().map(bare_doi),
            language: paper.language.as_deref().map(|tag| language.language_name(tag)),
            versions: listed_versions(&paper, texts),
            updated: language.date(&paper.updated_at),
            paper: &paper,
        };
        Ok(Rendered::Html(template.render()?))
    }
}

/// All versions of the work, oldest first; empty if there is only this one.
fn listed_versions<'a>(paper: &'a Paper, texts: &'static crate::pages::text::Texts) -> Vec<ListedVersion<'a>> {
    let (record, others) = match &paper.version_of {
        Some(original) => (original.paper.slug.as_str(), original.versions.as_slice()),
        None => (paper.slug.as_str(), paper.versions.as_slice()),
    };
    let listed = |version: &'a Version| ListedVersion {
        slug: &version.slug,
        type_name: paper_type(&version.kind, texts),
        year: version.publication_year,
        details: details(version.venue_name.as_deref(), version.doi.as_deref()),
        is_this: version.slug == paper.slug,
        is_record: version.slug == record,
    };
    let mut versions: Vec<ListedVersion<'a>> = others.iter().map(listed).collect();
    match &paper.version_of {
        Some(original) => versions.push(listed(&original.paper)),
        None => versions.push(ListedVersion {
            slug: &paper.slug,
            type_name: paper_type(&paper.kind, texts),
            year: paper.publication_year,
            details: details(paper.venue_name.as_deref(), paper.doi.as_deref()),
            is_this: true,
            is_record: true,
        }),
    }
    if versions.len() < 2 {
        return Vec::new();
    }
    versions.sort_by_key(|version| (version.year.is_none(), version.year, version.is_record));
    versions
}

fn details(venue: Option<&str>, doi: Option<&str>) -> String {
    [venue, doi.map(bare_doi)].into_iter().flatten().collect::<Vec<_>>().join("\u{a0}· ")
}
