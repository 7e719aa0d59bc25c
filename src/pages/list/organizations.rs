//! The list of organizations.

use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::pages::data::{
    Connection, DirectoryName, EntityStatistics, Localized, Named, ORGANIZATION_TYPES, Response, organization_type,
};
use crate::pages::frame::{Frame, Section};
use crate::pages::list::{SortOption, query};
use crate::pages::params::{Pager, Params};
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

const PAGE_SIZE: u32 = 30;
const SORTS: [&str; 2] = ["name", "people"];

/// The organizations that match the filters of the address.
pub(in crate::pages) struct OrganizationsPage {
    params: Params,
    sort: Option<&'static str>,
    kind: Option<&'static str>,
}

impl OrganizationsPage {
    pub(in crate::pages) fn new(params: Params) -> Result<Self, RouteError> {
        query(&params)?;
        let sort = params.one_of("sort", &SORTS)?;
        let kind = params.one_of("type", &ORGANIZATION_TYPES)?;
        Ok(Self { params, sort, kind })
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    organizations: Connection<Organization>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Organization {
    slug: String,
    city: Option<String>,
    country_code: Option<String>,
    types: Vec<String>,
    display_name: Localized,
    parents: Vec<Named>,
    statistics: Option<EntityStatistics>,
}

impl Organization {
    fn researcher_count(&self) -> i64 {
        self.statistics.as_ref().map_or(0, |statistics| statistics.researcher_count)
    }

    /// Type and place.
    fn details(&self, frame: &Frame) -> String {
        let types = self.types.iter().map(|kind| organization_type(kind, frame.t).to_owned());
        let place = [self.city.clone(), self.country_code.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        types.chain([place]).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\u{a0}· ")
    }
}

#[derive(Template)]
#[template(path = "organizations.html")]
struct OrganizationsTemplate<'a> {
    frame: Frame,
    organizations: &'a Connection<Organization>,
    query: &'a str,
    kept: Vec<(&'static str, &'a str)>,
    types: Vec<SortOption>,
    sorts: Vec<SortOption>,
    pager: Pager,
}

impl Page for OrganizationsPage {
    fn document(&self) -> &'static str {
        include_str!("../queries/organizations.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "OrganizationsPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        let mut filter = Map::new();
        if let Some(query) = self.params.get("q") {
            filter.insert("query".to_owned(), json!(query));
        }
        if let Some(kind) = self.kind {
            filter.insert("types".to_owned(), json!([kind]));
        }
        let languages = [context.language.code()];
        let order = match (self.sort, self.params.get("q")) {
            (Some("name"), _) => json!({ "field": "NAME", "direction": "ASC", "languages": languages }),
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
        let Data { directory, organizations } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let texts = context.language.texts();
        let query = self.params.get("q").unwrap_or_default();
        let default = if query.is_empty() { "people" } else { "" };
        let selected = self.sort.unwrap_or(default);
        let names = [("", texts.sort_relevance), ("people", texts.sort_people), ("name", texts.sort_name)];
        let sorts = names.into_iter().filter(|(value, _)| !value.is_empty() || !query.is_empty());
        let all_types = SortOption { value: "", name: texts.any, is_selected: self.kind.is_none() };
        let types = ORGANIZATION_TYPES.iter().map(|kind| SortOption {
            value: kind,
            name: organization_type(kind, texts),
            is_selected: self.kind == Some(*kind),
        });
        let frame = Frame::new(context, &directory.name.value, texts.organizations, texts.home_description)
            .in_section(Section::Organizations)
            .not_indexed_if(!context.query_string.is_empty())
            .listing_entities()
            .with_query(self, context);
        let template = OrganizationsTemplate {
            frame,
            query,
            kept: Vec::new(),
            types: std::iter::once(all_types).chain(types).collect(),
            sorts: sorts.map(|(value, name)| SortOption { value, name, is_selected: value == selected }).collect(),
            pager: self.params.pager(&organizations.page_info),
            organizations: &organizations,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
