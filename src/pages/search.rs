//! Search over everything.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{
    Abstract, Author, AuthorPosition, Connection, DirectoryName, Edges, Localized, Named, Response, foreign,
    organization_type, paper_type, unlisted_authors,
};
use crate::pages::frame::Frame;
use crate::pages::params::{Pager, Params};
use crate::pages::suggestions::{kind_name, section};
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

const PAGE_SIZE: u32 = 20;
/// Authors of a paper in the list of results.
const LISTED_AUTHORS: usize = 3;
/// Maximum length of a search, in characters; the API allows more.
pub(super) const MAX_QUERY_CHARS: usize = 300;
/// The kinds in addresses.
const KINDS: [&str; 4] = ["people", "organizations", "topics", "papers"];

/// The results of a search; without a search text, a form.
pub(super) struct SearchPage {
    params: Params,
    kind: Option<&'static str>,
}

impl SearchPage {
    pub(super) fn new(params: Params) -> Result<Self, RouteError> {
        let kind = params.one_of("kind", &KINDS)?;
        if params.get("q").is_some_and(|query| query.chars().count() > MAX_QUERY_CHARS) {
            return Err(RouteError::InvalidParameter);
        }
        Ok(Self { params, kind })
    }

    fn query(&self) -> &str {
        self.params.get("q").unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    people: Total,
    organizations: Total,
    topics: Total,
    papers: Total,
    search: Edges<Hit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Total {
    total_count: Option<i64>,
}

#[derive(Deserialize)]
struct Hit {
    highlights: Vec<Highlight>,
    node: Node,
}

#[derive(Deserialize)]
struct Highlight {
    segments: Vec<Segment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Segment {
    text: String,
    is_match: bool,
}

impl Highlight {
    fn text(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    #[serde(rename = "__typename")]
    typename: String,
    slug: String,
    display_name: Localized,
    headline: Option<Localized>,
    topics: Option<Connection<Named>>,
    city: Option<String>,
    country_code: Option<String>,
    types: Option<Vec<String>>,
    broader: Option<Vec<Named>>,
    statistics: Option<Statistics>,
    #[serde(rename = "type")]
    kind: Option<String>,
    language: Option<String>,
    is_retracted: Option<bool>,
    publication_year: Option<i32>,
    venue_name: Option<String>,
    authorships: Option<Connection<Author>>,
    last_author: Option<Connection<AuthorPosition>>,
    #[serde(rename = "abstract")]
    abstract_: Option<Abstract>,
}

/// The counts of an organization or a topic.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    researcher_count: i64,
    paper_count: Option<i64>,
}

impl Hit {
    fn address(&self, frame: &Frame) -> String {
        frame.entity(section(&self.node.typename), &self.node.slug)
    }

    fn kind_name(&self, frame: &Frame) -> &'static str {
        kind_name(&self.node.typename, frame)
    }

    /// The highlighted form of the name, if the match is in the name itself.
    fn highlighted_name(&self) -> Option<&Highlight> {
        self.highlights.iter().find(|highlight| highlight.text() == self.node.display_name.value)
    }

    /// A match that the name does not show, such as a label in another language.
    fn other_highlight(&self) -> Option<&Highlight> {
        let is_shown = |highlight: &&Highlight| highlight.text() != self.node.display_name.value;
        self.highlights.iter().find(is_shown).filter(|_| self.highlighted_name().is_none())
    }

    fn foreign(&self, frame: &Frame) -> Option<&str> {
        foreign(self.node.language.as_deref(), frame.language).or_else(|| self.node.display_name.foreign(frame))
    }

    /// What the result is, in one line.
    fn details(&self, frame: &Frame) -> String {
        let texts = frame.t;
        let node = &self.node;
        let mut parts: Vec<String> = Vec::new();
        if let Some(authorships) = &node.authorships {
            let names: Vec<&str> =
                authorships.nodes.iter().take(LISTED_AUTHORS).map(|author| author.name.as_str()).collect();
            let more = unlisted_authors(frame, LISTED_AUTHORS, authorships, node.last_author.as_ref());
            let more = more.map(|more| format!(" {more}")).unwrap_or_default();
            parts.push(names.join(", ") + &more);
        }
        parts.extend(node.publication_year.map(|year| year.to_string()));
        parts.extend(node.venue_name.clone());
        let kind = node.kind.as_deref().filter(|kind| *kind != "OTHER");
        parts.extend(kind.map(|kind| paper_type(kind, texts).to_owned()));
        let types = node.types.iter().flatten().map(|kind| organization_type(kind, texts).to_owned());
        parts.extend(types);
        let place = [node.city.clone(), node.country_code.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        parts.push(place);
        parts.retain(|part| !part.is_empty());
        parts.join("\u{a0}· ")
    }

    /// The people and the papers of an organization or a topic, as links to the lists of them.
    fn lists(&self, frame: &Frame) -> Vec<ListLink> {
        let Some(counted) = &self.node.statistics else { return Vec::new() };
        let filter = if self.node.typename == "Topic" { "topic" } else { "organization" };
        let people = (&frame.t.n_people, "people", counted.researcher_count);
        let papers = counted.paper_count.map(|count| (&frame.t.n_papers, "papers", count));
        let lists = std::iter::once(people).chain(papers).filter(|(_, _, count)| *count > 0);
        lists
            .map(|(text, page, count)| ListLink {
                text: frame.count(text, count),
                address: format!("{}?{filter}={}", frame.page(page), self.node.slug),
            })
            .collect()
    }

    fn is_retracted(&self) -> bool {
        self.node.is_retracted == Some(true)
    }

    fn topics(&self) -> &[Named] {
        self.node.topics.as_ref().map_or(&[], |topics| topics.nodes.as_slice())
    }

    fn broader(&self) -> &[Named] {
        self.node.broader.as_deref().unwrap_or_default()
    }
}

/// A link to a list.
struct ListLink {
    text: String,
    address: String,
}

/// A tab with the results of one kind.
struct Tab {
    name: &'static str,
    link: String,
    count: Option<i64>,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchTemplate<'a> {
    frame: Frame,
    query: &'a str,
    tabs: Vec<Tab>,
    hits: &'a [Hit],
    total: i64,
    pager: Pager,
}

impl Page for SearchPage {
    fn document(&self) -> &'static str {
        include_str!("queries/search.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "SearchPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        let kinds = match self.kind {
            Some("people") => json!(["RESEARCHER"]),
            Some("organizations") => json!(["ORGANIZATION"]),
            Some("topics") => json!(["TOPIC"]),
            Some(_) => json!(["PAPER"]),
            None => Value::Null,
        };
        let mut variables = self.params.page_variables(PAGE_SIZE);
        variables.insert("query".to_owned(), json!(self.query()));
        variables.insert("kinds".to_owned(), kinds);
        variables.insert("languages".to_owned(), json!([context.language.code()]));
        Value::Object(variables)
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let data = serde_json::from_slice::<Response<Data>>(json)?.data;
        let texts = context.language.texts();
        let counts = [&data.people, &data.organizations, &data.topics, &data.papers].map(|total| total.total_count);
        let names = [texts.people, texts.organizations, texts.topics, texts.papers];
        let all = Tab {
            name: texts.all_kinds,
            link: self.params.without("kind"),
            count: if self.kind.is_none() { data.search.total_count } else { None },
            is_current: self.kind.is_none(),
        };
        let kinds = KINDS.into_iter().zip(names).zip(counts).map(|((kind, name), count)| Tab {
            name,
            link: self.params.with("kind", kind),
            count,
            is_current: self.kind == Some(kind),
        });
        let query = self.query();
        let title =
            if query.is_empty() { texts.search_title.to_owned() } else { format!("{query} · {}", texts.search_title) };
        let frame = Frame::new(context, &data.directory.name.value, &title, texts.search_hint)
            .not_indexed_if(true)
            .listing_entities()
            .without_search()
            .with_query(self, context);
        let template = SearchTemplate {
            frame,
            query,
            tabs: std::iter::once(all).chain(kinds).collect(),
            hits: &data.search.edges,
            total: data.search.total(),
            pager: self.params.pager(&data.search.page_info),
        };
        Ok(Rendered::Html(template.render()?))
    }
}
