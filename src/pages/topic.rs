//! The page of a topic.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::bars::Bars;
use crate::pages::data::{
    Connection, DirectoryName, Edges, Identifier, Localized, Named, Person, Response, Work, YearCount, foreign,
};
use crate::pages::frame::{Frame, Section};
use crate::pages::{Context, Page, RenderError, Rendered};

/// The page of the topic with this slug.
pub(super) struct TopicPage {
    slug: String,
}

impl TopicPage {
    pub(super) fn new(slug: &str) -> Self {
        Self { slug: slug.to_owned() }
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    topic: Option<Topic>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Topic {
    id: String,
    slug: String,
    updated_at: String,
    display_name: Localized,
    labels: Vec<Label>,
    identifiers: Vec<Identifier>,
    broader: Vec<Named>,
    narrower: Connection<Named>,
    researchers: Edges<Expert>,
    papers: Papers,
}

#[derive(Deserialize)]
struct Label {
    value: String,
    language: Option<String>,
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expert {
    paper_count: i64,
    last_year: Option<i32>,
    node: Person,
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
    organizations: Vec<OrganizationCount>,
}

#[derive(Deserialize)]
struct OrganizationCount {
    count: i64,
    organization: Named,
}

/// A label in another language.
struct OtherLabel<'a> {
    language_name: String,
    tag: &'a str,
    value: &'a str,
}

#[derive(Template)]
#[template(path = "topic.html")]
struct TopicTemplate<'a> {
    frame: Frame,
    topic: &'a Topic,
    other_labels: Vec<OtherLabel<'a>>,
    organizations: &'a [OrganizationCount],
    bars: Option<Bars>,
    updated: String,
}

impl Page for TopicPage {
    fn document(&self) -> &'static str {
        include_str!("queries/topic.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "TopicPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        json!({ "slug": self.slug, "languages": [context.language.code()] })
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let Data { directory, topic } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let Some(topic) = topic else { return Ok(Rendered::NotFound) };
        if topic.slug != self.slug {
            return Ok(Rendered::Moved(format!("topics/{}", topic.slug)));
        }
        let language = context.language;
        let texts = language.texts();
        let name = &topic.display_name.value;
        let people = language.count(&texts.n_people, topic.researchers.total());
        let papers = language.count(&texts.n_papers, topic.papers.list.total());
        let frame = Frame::new(context, &directory.name.value, name, &format!("{name}. {people}, {papers}"))
            .in_section(Section::Topics)
            .with_query(self, context);
        let labels = topic.labels.iter().filter(|label| label.kind != "ALIAS" && label.value != *name);
        let other_labels = labels.filter_map(|label| {
            let tag = foreign(label.language.as_deref(), language)?;
            Some(OtherLabel { language_name: language.language_name(tag), tag, value: &label.value })
        });
        let facets = topic.papers.facets.as_ref();
        let template = TopicTemplate {
            frame,
            other_labels: other_labels.collect(),
            organizations: facets.map_or(&[], |facets| facets.organizations.as_slice()),
            bars: facets.and_then(|facets| Bars::new(&facets.publication_years, topic.papers.list.total(), language)),
            updated: language.date(&topic.updated_at),
            topic: &topic,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
