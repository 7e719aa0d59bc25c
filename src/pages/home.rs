//! The front page of the directory.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{Connection, Localized, Response, Work};
use crate::pages::facets::{OrganizationCount, TopicCount};
use crate::pages::frame::Frame;
use crate::pages::{Context, Page, RenderError, Rendered};

/// The front page.
pub(super) struct HomePage;

#[derive(Deserialize)]
struct Data {
    directory: Directory,
    researchers: Researchers,
    papers: Connection<Work>,
}

#[derive(Deserialize)]
struct Directory {
    name: Localized,
    statistics: Option<Statistics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    researcher_count: i64,
    organization_count: i64,
    topic_count: i64,
    paper_count: i64,
}

#[derive(Deserialize)]
struct Researchers {
    facets: Option<Facets>,
}

#[derive(Deserialize, Default)]
struct Facets {
    organizations: Vec<OrganizationCount>,
    topics: Vec<TopicCount>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomeTemplate<'a> {
    frame: Frame,
    statistics: Option<&'a Statistics>,
    organizations: &'a [OrganizationCount],
    topics: &'a [TopicCount],
    papers: &'a [Work],
}

impl Page for HomePage {
    fn document(&self) -> &'static str {
        include_str!("queries/home.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "HomePage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        json!({ "languages": [context.language.code()] })
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let data = serde_json::from_slice::<Response<Data>>(json)?.data;
        let facets = data.researchers.facets.unwrap_or_default();
        let name = &data.directory.name.value;
        let frame = Frame::new(context, name, "", context.language.texts().home_description)
            .without_search()
            .with_query(self, context);
        let template = HomeTemplate {
            frame,
            statistics: data.directory.statistics.as_ref(),
            organizations: &facets.organizations,
            topics: &facets.topics,
            papers: &data.papers.nodes,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
