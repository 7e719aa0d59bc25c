//! The list of topics.

use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::pages::data::{Connection, DirectoryName, NamedEntity, Response};
use crate::pages::frame::{Frame, Section};
use crate::pages::list::{SortOption, query};
use crate::pages::params::{Pager, Params};
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

const PAGE_SIZE: u32 = 30;
const SORTS: [&str; 3] = ["name", "people", "papers"];

/// The topics that match the filters of the address.
pub(in crate::pages) struct TopicsPage {
    params: Params,
    sort: Option<&'static str>,
}

impl TopicsPage {
    pub(in crate::pages) fn new(params: Params) -> Result<Self, RouteError> {
        query(&params)?;
        let sort = params.one_of("sort", &SORTS)?;
        Ok(Self { params, sort })
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    topics: Connection<NamedEntity>,
}

#[derive(Template)]
#[template(path = "topics.html")]
struct TopicsTemplate<'a> {
    frame: Frame,
    topics: &'a Connection<NamedEntity>,
    query: &'a str,
    kept: Vec<(&'static str, &'a str)>,
    sorts: Vec<SortOption>,
    pager: Pager,
}

impl Page for TopicsPage {
    fn document(&self) -> &'static str {
        include_str!("../queries/topics.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "TopicsPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        let mut filter = Map::new();
        if let Some(query) = self.params.get("q") {
            filter.insert("query".to_owned(), json!(query));
        }
        let languages = [context.language.code()];
        let order = match (self.sort, self.params.get("q")) {
            (Some("name"), _) => json!({ "field": "LABEL", "direction": "ASC", "languages": languages }),
            (Some("papers"), _) => json!({ "field": "PAPER_COUNT", "direction": "DESC" }),
            (None, Some(_)) => Value::Null,
            _ => json!({ "field": "RESEARCHER_COUNT", "direction": "DESC" }),
        };
        let mut variables = self.params.page_variables(PAGE_SIZE);
        variables.insert("languages".to_owned(), json!(languages));
        variables.insert("filter".to_owned(), Value::Object(filter));
        variables.insert("orderBy".to_owned(), order);
        Value::Object(variables)
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let Data { directory, topics } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let texts = context.language.texts();
        let query = self.params.get("q").unwrap_or_default();
        let selected = self.sort.unwrap_or(if query.is_empty() { "people" } else { "" });
        let names = [
            ("", texts.sort_relevance),
            ("people", texts.sort_people),
            ("papers", texts.sort_papers),
            ("name", texts.sort_name),
        ];
        let sorts = names.into_iter().filter(|(value, _)| !value.is_empty() || !query.is_empty());
        let frame = Frame::new(context, &directory.name.value, texts.topics, texts.home_description)
            .in_section(Section::Topics)
            .not_indexed_if(!context.query_string.is_empty())
            .listing_entities()
            .with_query(self, context);
        let template = TopicsTemplate {
            frame,
            query,
            kept: Vec::new(),
            sorts: sorts.map(|(value, name)| SortOption { value, name, is_selected: value == selected }).collect(),
            pager: self.params.pager(&topics.page_info),
            topics: &topics,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
