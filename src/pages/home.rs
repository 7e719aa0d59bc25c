//! The front page of the directory.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{Connection, Localized, Response, Work};
use crate::pages::frame::Frame;
use crate::pages::{Context, Page, RenderError, Rendered};

/// The front page.
pub(super) struct HomePage;

#[derive(Deserialize)]
struct Data {
    directory: Directory,
    organizations: Connection<Entity>,
    topics: Connection<Entity>,
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

/// An organization or a topic.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entity {
    slug: String,
    display_name: Localized,
    statistics: Option<EntityStatistics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntityStatistics {
    researcher_count: i64,
}

impl Entity {
    /// The number of people, including those of suborganizations or narrower topics.
    fn researcher_count(&self) -> i64 {
        self.statistics.as_ref().map_or(0, |statistics| statistics.researcher_count)
    }
}

/// Those that have people.
fn inhabited(entities: &Connection<Entity>) -> Vec<&Entity> {
    entities.nodes.iter().filter(|entity| entity.researcher_count() > 0).collect()
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomeTemplate<'a> {
    frame: Frame,
    statistics: Option<&'a Statistics>,
    organizations: Vec<&'a Entity>,
    topics: Vec<&'a Entity>,
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
            organizations: inhabited(&data.organizations),
            topics: inhabited(&data.topics),
            papers: &data.papers.nodes,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
