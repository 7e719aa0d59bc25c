//! The profile of a person.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::pages::bars::Bars;
use crate::pages::data::{
    Connection, DirectoryName, Edges, Identifier, Localized, Named, Person, Response, Work, YearCount, YearOfWorks,
    affiliation_kind, bare_orcid, by_year, initials, is_web_address,
};
use crate::pages::frame::{Frame, Section};
use crate::pages::{Context, Page, RenderError, Rendered, SiteSettings};

/// Topics on the page; its JSON-LD has more.
const MAX_TOPICS: usize = 15;

/// The profile of the person with this slug.
pub(super) struct PersonPage {
    slug: String,
}

impl PersonPage {
    pub(super) fn new(slug: &str) -> Self {
        Self { slug: slug.to_owned() }
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    researcher: Option<Researcher>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Researcher {
    id: String,
    slug: String,
    name: String,
    orcid: Option<String>,
    homepage_url: Option<String>,
    portrait_url: Option<String>,
    other_names: Vec<String>,
    updated_at: String,
    headline: Option<Localized>,
    biography: Option<Localized>,
    identifiers: Vec<Identifier>,
    statistics: Option<Statistics>,
    affiliations: Connection<Affiliation>,
    topics: Connection<Named>,
    papers: Connection<Work>,
    coauthors: Option<Edges<Coauthor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    work_count: i64,
    paper_count: i64,
    coauthor_count: i64,
    papers_per_year: Vec<YearCount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Affiliation {
    kind: String,
    is_current: bool,
    start_date: Option<String>,
    end_date: Option<String>,
    role_title: Option<Localized>,
    department_name: Option<Localized>,
    organization: Named,
}

impl Affiliation {
    fn kind_name(&self, frame: &Frame) -> &'static str {
        affiliation_kind(&self.kind, frame.t)
    }

    /// The years or dates of the affiliation; empty if none is known.
    fn dates(&self, frame: &Frame) -> String {
        let date = |date: &Option<String>| date.as_deref().map(|date| frame.language.date(date));
        match (date(&self.start_date), date(&self.end_date)) {
            (Some(start), Some(end)) if start == end => start,
            (Some(start), Some(end)) => format!("{start}–{end}"),
            (Some(start), None) => format!("{} {start}", frame.t.since.to_lowercase()),
            (None, Some(end)) => format!("–{end}"),
            (None, None) => String::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Coauthor {
    paper_count: i64,
    node: Person,
}

/// Whether a portrait is at one of the origins that are allowed.
fn is_shown_portrait(url: &str, settings: &SiteSettings) -> bool {
    Url::parse(url).is_ok_and(|url| settings.portrait_origins.contains(&url.origin().ascii_serialization()))
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonTemplate<'a> {
    frame: Frame,
    person: &'a Researcher,
    initials: String,
    portrait: Option<&'a str>,
    orcid: Option<&'a str>,
    homepage: Option<&'a str>,
    topics: &'a [Named],
    work_count: i64,
    coauthor_count: i64,
    current: Vec<&'a Affiliation>,
    past: Vec<&'a Affiliation>,
    years: Vec<YearOfWorks<'a>>,
    bars: Option<Bars>,
    updated: String,
    path_link: String,
}

impl Page for PersonPage {
    fn document(&self) -> &'static str {
        include_str!("queries/profile.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "ProfilePage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        json!({ "slug": self.slug, "languages": [context.language.code()] })
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let Data { directory, researcher } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let Some(person) = researcher else { return Ok(Rendered::NotFound) };
        if person.slug != self.slug {
            return Ok(Rendered::Moved(format!("people/{}", person.slug)));
        }
        let portrait = person.portrait_url.as_deref().filter(|url| is_shown_portrait(url, context.settings));
        let topics = person.topics.nodes.iter().take(5).map(|topic| topic.display_name.value.as_str());
        let topics = topics.collect::<Vec<_>>().join(", ");
        let headline = person.headline.as_ref().map(|headline| headline.value.as_str());
        let parts: Vec<&str> = headline.into_iter().chain([topics.as_str()]).filter(|part| !part.is_empty()).collect();
        let frame = Frame::new(context, &directory.name.value, &person.name, &parts.join(". "))
            .in_section(Section::People)
            .with_open_graph_type("profile")
            .with_image(portrait)
            .with_query(self, context);
        let statistics = person.statistics.as_ref();
        let (current, past) = person.affiliations.nodes.iter().partition(|affiliation| affiliation.is_current);
        let template = PersonTemplate {
            initials: initials(&person.name),
            portrait,
            topics: person.topics.nodes.get(..MAX_TOPICS).unwrap_or(&person.topics.nodes),
            orcid: person.orcid.as_deref().map(bare_orcid),
            homepage: person.homepage_url.as_deref().filter(|url| is_web_address(url)),
            work_count: statistics.map_or_else(|| person.papers.total(), |statistics| statistics.work_count),
            coauthor_count: statistics.map(|statistics| statistics.coauthor_count).unwrap_or_default(),
            current,
            past,
            years: by_year(&person.papers.nodes),
            bars: statistics.and_then(|statistics| {
                Bars::new(&statistics.papers_per_year, statistics.paper_count, context.language)
            }),
            updated: context.language.date(&person.updated_at),
            path_link: frame.filtered("path", "from", &person.id),
            frame,
            person: &person,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
