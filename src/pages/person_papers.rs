//! All papers of a person, with filters.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{Connection, DirectoryName, Response, ValueCount, Work, YearCount, YearOfWorks, by_year};
use crate::pages::facets::{
    ActiveFilter, Facet, FacetBuilder, ResearcherCount, Selected, TopicCount, TypeCount, with_values,
};
use crate::pages::frame::{Frame, Section};
use crate::pages::list::papers::PaperFilter;
use crate::pages::params::{Pager, Params};
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

const PAGE_SIZE: u32 = 20;
const FILTERS: [&str; 8] = ["q", "year", "from", "to", "type", "topic", "venue", "person"];

/// The papers of the person with this slug that match the filters of the address.
pub(super) struct PersonPapersPage {
    slug: String,
    params: Params,
    filter: PaperFilter,
}

impl PersonPapersPage {
    pub(super) fn new(slug: &str, params: Params) -> Result<Self, RouteError> {
        let filter = PaperFilter::new(&params)?;
        Ok(Self { slug: slug.to_owned(), params, filter })
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    selected: Vec<Option<Selected>>,
    researcher: Option<Researcher>,
}

#[derive(Deserialize)]
struct Researcher {
    id: String,
    slug: String,
    name: String,
    papers: Papers,
}

#[derive(Deserialize)]
struct Papers {
    #[serde(flatten)]
    list: Connection<Work>,
    facets: Option<Facets>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Facets {
    publication_years: Vec<YearCount>,
    types: Vec<TypeCount>,
    topics: Vec<TopicCount>,
    researchers: Vec<ResearcherCount>,
    venues: Vec<ValueCount>,
}

#[derive(Template)]
#[template(path = "person_papers.html")]
struct PersonPapersTemplate<'a> {
    frame: Frame,
    person: &'a Researcher,
    years: Vec<YearOfWorks<'a>>,
    facets: Vec<Facet>,
    filters: Vec<ActiveFilter>,
    query: &'a str,
    kept: Vec<(&'static str, &'a str)>,
    pager: Pager,
}

impl Page for PersonPapersPage {
    fn document(&self) -> &'static str {
        include_str!("queries/person_papers.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "PersonPapersPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        let mut filter = self.filter.to_variable(&self.params);
        filter.insert("isVersion".to_owned(), json!(false));
        let selected: Vec<&str> = ["topic", "person"].iter().filter_map(|name| self.params.get(name)).collect();
        let mut variables = self.params.page_variables(PAGE_SIZE);
        variables.insert("slug".to_owned(), json!(self.slug));
        variables.insert("languages".to_owned(), json!([context.language.code()]));
        variables.insert("filter".to_owned(), Value::Object(filter));
        variables.insert("selected".to_owned(), json!(selected));
        Value::Object(variables)
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let Data { directory, selected, researcher } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let Some(person) = researcher else { return Ok(Rendered::NotFound) };
        if person.slug != self.slug {
            return Ok(Rendered::Moved(format!("people/{}/papers", person.slug)));
        }
        let texts = context.language.texts();
        let builder = FacetBuilder { params: &self.params, language: context.language };
        let facets = person.papers.facets.as_ref().map_or_else(Vec::new, |facets| {
            with_values([
                builder.years(&facets.publication_years),
                builder.types(&facets.types),
                builder.topics(&facets.topics),
                builder.researchers(texts.coauthors, &facets.researchers, &person.id),
                builder.venues(&facets.venues),
            ])
        });
        let title = format!("{} · {}", texts.papers, person.name);
        let description =
            format!("{}. {}", person.name, context.language.count(&texts.n_papers, person.papers.list.total()));
        let frame = Frame::new(context, &directory.name.value, &title, &description)
            .in_section(Section::People)
            .not_indexed_if(!context.query_string.is_empty())
            .with_query(self, context);
        let kept = ["year", "type", "topic", "venue", "person"];
        let template = PersonPapersTemplate {
            frame,
            years: by_year(&person.papers.list.nodes),
            facets,
            filters: builder.active(&FILTERS, &selected),
            query: self.params.get("q").unwrap_or_default(),
            kept: kept.into_iter().filter_map(|name| Some((name, self.params.get(name)?))).collect(),
            pager: self.params.pager(&person.papers.list.page_info),
            person: &person,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
