//! The list of people.

use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::pages::data::{Connection, DirectoryName, Localized, Named, Response};
use crate::pages::facets::{ActiveFilter, Facet, FacetBuilder, OrganizationCount, Selected, TopicCount, with_values};
use crate::pages::frame::{Frame, Section};
use crate::pages::list::{SortOption, query};
use crate::pages::params::{Pager, Params};
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

const PAGE_SIZE: u32 = 30;
const SORTS: [&str; 3] = ["name", "papers", "recent"];
const FILTERS: [&str; 4] = ["q", "organization", "topic", "coauthor"];
/// The filters whose values are entities.
const ENTITY_FILTERS: [&str; 3] = ["organization", "topic", "coauthor"];

/// The people that match the filters of the address.
pub(in crate::pages) struct PeoplePage {
    params: Params,
    sort: Option<&'static str>,
}

impl PeoplePage {
    pub(in crate::pages) fn new(params: Params) -> Result<Self, RouteError> {
        query(&params)?;
        let sort = params.one_of("sort", &SORTS)?;
        Ok(Self { params, sort })
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    selected: Vec<Option<Selected>>,
    researchers: Researchers,
}

#[derive(Deserialize)]
struct Researchers {
    #[serde(flatten)]
    list: Connection<Researcher>,
    facets: Option<Facets>,
}

#[derive(Deserialize)]
struct Facets {
    organizations: Vec<OrganizationCount>,
    topics: Vec<TopicCount>,
}

#[derive(Deserialize)]
struct Researcher {
    slug: String,
    name: String,
    headline: Option<Localized>,
    statistics: Option<Statistics>,
    affiliations: Connection<Affiliation>,
}

impl Researcher {
    /// The organization, unless the headline names it.
    fn organization(&self) -> Option<&Named> {
        let organization = &self.affiliations.nodes.first()?.organization;
        let is_named = self.headline.as_ref().is_some_and(|text| text.value.contains(&organization.display_name.value));
        (!is_named).then_some(organization)
    }

    fn work_count(&self) -> i64 {
        self.statistics.as_ref().map_or(0, |statistics| statistics.work_count)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    work_count: i64,
}

#[derive(Deserialize)]
struct Affiliation {
    organization: Named,
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeopleTemplate<'a> {
    frame: Frame,
    people: &'a Connection<Researcher>,
    facets: Vec<Facet>,
    filters: Vec<ActiveFilter>,
    query: &'a str,
    kept: Vec<(&'static str, &'a str)>,
    sorts: Vec<SortOption>,
    pager: Pager,
}

impl Page for PeoplePage {
    fn document(&self) -> &'static str {
        include_str!("../queries/people.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "PeoplePage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        let mut filter = Map::new();
        if let Some(query) = self.params.get("q") {
            filter.insert("query".to_owned(), json!(query));
        }
        if let Some(id) = self.params.get("organization") {
            filter.insert("affiliation".to_owned(), json!({ "organizationIds": [id] }));
        }
        if let Some(id) = self.params.get("topic") {
            filter.insert("topicIds".to_owned(), json!([id]));
        }
        if let Some(id) = self.params.get("coauthor") {
            filter.insert("coauthorIds".to_owned(), json!([id]));
        }
        let order = match self.sort {
            Some("papers") => json!({ "field": "PAPER_COUNT", "direction": "DESC" }),
            Some("recent") => json!({ "field": "LAST_PUBLICATION_YEAR", "direction": "DESC" }),
            Some(_) => json!({ "field": "NAME", "direction": "ASC" }),
            None => Value::Null,
        };
        let selected: Vec<&str> = ENTITY_FILTERS.iter().filter_map(|name| self.params.get(name)).collect();
        let mut variables = self.params.page_variables(PAGE_SIZE);
        variables.insert("languages".to_owned(), json!([context.language.code()]));
        variables.insert("filter".to_owned(), Value::Object(filter));
        variables.insert("orderBy".to_owned(), order);
        variables.insert("selected".to_owned(), json!(selected));
        Value::Object(variables)
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let Data { directory, selected, researchers } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let texts = context.language.texts();
        let builder = FacetBuilder { params: &self.params, language: context.language };
        let facets = researchers.facets.as_ref().map_or_else(Vec::new, |facets| {
            with_values([
                builder.topics(&facets.topics),
                builder.organizations(texts.organizations, &facets.organizations),
            ])
        });
        let names = [("name", texts.sort_name), ("papers", texts.sort_papers), ("recent", texts.sort_recent)];
        let query = self.params.get("q").unwrap_or_default();
        let mut sorts: Vec<SortOption> = names
            .map(|(value, name)| SortOption { value, name, is_selected: self.sort == Some(value) })
            .into_iter()
            .collect();
        if !query.is_empty() {
            sorts.insert(0, SortOption { value: "", name: texts.sort_relevance, is_selected: self.sort.is_none() });
        }
        let frame = Frame::new(context, &directory.name.value, texts.people, texts.home_description)
            .in_section(Section::People)
            .not_indexed_if(!context.query_string.is_empty())
            .listing_entities()
            .with_query(self, context);
        let template = PeopleTemplate {
            frame,
            facets,
            filters: builder.active(&FILTERS, &selected),
            query,
            kept: ENTITY_FILTERS.into_iter().filter_map(|name| Some((name, self.params.get(name)?))).collect(),
            sorts,
            pager: self.params.pager(&researchers.list.page_info),
            people: &researchers.list,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
