//! The list of papers.

use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::pages::data::{Connection, DirectoryName, PAPER_TYPES, Response, ValueCount, Work, YearCount};
use crate::pages::facets::{
    ActiveFilter, Facet, FacetBuilder, OrganizationCount, Selected, TopicCount, TypeCount, with_values,
};
use crate::pages::frame::{Frame, Section};
use crate::pages::list::{SortOption, query};
use crate::pages::params::{Pager, Params};
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

const PAGE_SIZE: u32 = 30;
const SORTS: [&str; 2] = ["newest", "title"];
const FILTERS: [&str; 9] = ["q", "year", "from", "to", "type", "topic", "organization", "venue", "person"];
/// The filters whose values are IDs.
const ENTITY_FILTERS: [&str; 3] = ["topic", "organization", "person"];

/// The papers that match the filters of the address.
pub(in crate::pages) struct PapersPage {
    params: Params,
    sort: Option<&'static str>,
    filter: PaperFilter,
}

/// The filters of papers that an address can have.
pub(in crate::pages) struct PaperFilter {
    from: Option<i32>,
    to: Option<i32>,
    kind: Option<&'static str>,
}

impl PaperFilter {
    pub(in crate::pages) fn new(params: &Params) -> Result<Self, RouteError> {
        query(params)?;
        let year = params.year("year")?;
        let (from, to) = (params.year("from")?.or(year), params.year("to")?.or(year));
        Ok(Self { from, to, kind: params.one_of("type", &PAPER_TYPES)? })
    }

    /// The filter as the API takes it.
    pub(in crate::pages) fn to_variable(&self, params: &Params) -> Map<String, Value> {
        let mut filter = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                filter.insert(name.to_owned(), value);
            }
        };
        let years = (self.from.is_some() || self.to.is_some()).then(|| json!({ "from": self.from, "to": self.to }));
        set("query", params.get("q").map(|query| json!(query)));
        set("publicationYear", years);
        set("types", self.kind.map(|kind| json!([kind])));
        set("topicIds", params.get("topic").map(|id| json!([id])));
        set("organizationIds", params.get("organization").map(|id| json!([id])));
        set("authorIds", params.get("person").map(|id| json!([id])));
        set("venueNames", params.get("venue").map(|name| json!([name])));
        filter
    }
}

/// The facets of a list of papers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Facets {
    publication_years: Vec<YearCount>,
    types: Vec<TypeCount>,
    topics: Vec<TopicCount>,
    organizations: Vec<OrganizationCount>,
    venues: Vec<ValueCount>,
}

impl PapersPage {
    pub(in crate::pages) fn new(params: Params) -> Result<Self, RouteError> {
        let filter = PaperFilter::new(&params)?;
        let sort = params.one_of("sort", &SORTS)?;
        Ok(Self { params, sort, filter })
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    selected: Vec<Option<Selected>>,
    papers: Papers,
}

#[derive(Deserialize)]
struct Papers {
    #[serde(flatten)]
    list: Connection<Work>,
    facets: Option<Facets>,
}

#[derive(Template)]
#[template(path = "papers.html")]
struct PapersTemplate<'a> {
    frame: Frame,
    papers: &'a Connection<Work>,
    facets: Vec<Facet>,
    filters: Vec<ActiveFilter>,
    query: &'a str,
    from: String,
    to: String,
    kept: Vec<(&'static str, &'a str)>,
    sorts: Vec<SortOption>,
    pager: Pager,
}

impl Page for PapersPage {
    fn document(&self) -> &'static str {
        include_str!("../queries/papers.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "PapersPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        let order = match (self.sort, self.params.get("q")) {
            (Some("title"), _) => json!({ "field": "TITLE", "direction": "ASC" }),
            (None, Some(_)) => Value::Null,
            _ => json!({ "field": "PUBLICATION_DATE", "direction": "DESC" }),
        };
        let selected: Vec<&str> = ENTITY_FILTERS.iter().filter_map(|name| self.params.get(name)).collect();
        let mut variables = self.params.page_variables(PAGE_SIZE);
        variables.insert("languages".to_owned(), json!([context.language.code()]));
        variables.insert("filter".to_owned(), Value::Object(self.filter.to_variable(&self.params)));
        variables.insert("orderBy".to_owned(), order);
        variables.insert("selected".to_owned(), json!(selected));
        Value::Object(variables)
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let Data { directory, selected, papers } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let texts = context.language.texts();
        let builder = FacetBuilder { params: &self.params, language: context.language };
        let facets = papers.facets.as_ref().map_or_else(Vec::new, |facets| {
            with_values([
                builder.years(&facets.publication_years),
                builder.types(&facets.types),
                builder.topics(&facets.topics),
                builder.organizations(texts.printed_organizations, &facets.organizations),
                builder.venues(&facets.venues),
            ])
        });
        let query = self.params.get("q").unwrap_or_default();
        let selected_sort = self.sort.unwrap_or(if query.is_empty() { "newest" } else { "" });
        let names = [("", texts.sort_relevance), ("newest", texts.sort_newest), ("title", texts.sort_title)];
        let sorts = names.into_iter().filter(|(value, _)| !value.is_empty() || !query.is_empty());
        let kept = ["type", "topic", "organization", "venue", "person"];
        let frame = Frame::new(context, &directory.name.value, texts.papers, texts.home_description)
            .in_section(Section::Papers)
            .not_indexed_if(!context.query_string.is_empty())
            .listing_entities()
            .with_query(self, context);
        let template = PapersTemplate {
            frame,
            facets,
            filters: builder.active(&FILTERS, &selected),
            query,
            from: self.filter.from.map(|year| year.to_string()).unwrap_or_default(),
            to: self.filter.to.map(|year| year.to_string()).unwrap_or_default(),
            kept: kept.into_iter().filter_map(|name| Some((name, self.params.get(name)?))).collect(),
            sorts: sorts.map(|(value, name)| SortOption { value, name, is_selected: value == selected_sort }).collect(),
            pager: self.params.pager(&papers.list.page_info),
            papers: &papers.list,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
