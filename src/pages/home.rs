//! The front page of the directory.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{Connection, Localized, NamedEntity, Response, Work};
use crate::pages::frame::Frame;
use crate::pages::{Context, Page, RenderError, Rendered};

/// The front page.
pub(super) struct HomePage;

#[derive(Deserialize)]
struct Data {
    directory: Directory,
    organizations: Connection<NamedEntity>,
    topics: Connection<NamedEntity>,
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

/// Those that have people.
fn with_people(entities: &Connection<NamedEntity>) -> Vec<&NamedEntity> {
    entities.nodes.iter().filter(|entity| entity.researcher_count() > 0).collect()
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomeTemplate<'a> {
    frame: Frame,
    statistics: Option<&'a Statistics>,
    organizations: Vec<&'a NamedEntity>,
    topics: Vec<&'a NamedEntity>,
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
        let name = &data.directory.name.value;
        let frame = Frame::new(context, name, "", context.language.texts().home_description)
            .without_search()
            .with_query(self, context);
        let template = HomeTemplate {
            frame,
            statistics: data.directory.statistics.as_ref(),
            organizations: with_people(&data.organizations),
            topics: with_people(&data.topics),
            papers: &data.papers.nodes,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
