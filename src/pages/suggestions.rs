//! Suggestions while typing in a search form: a part of a page, which the script of the pages inserts.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::Response;
use crate::pages::frame::Frame;
use crate::pages::params::Params;
use crate::pages::search::MAX_QUERY_CHARS;
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

/// Number of suggestions.
const MAX_SUGGESTIONS: u32 = 10;

/// The suggestions for a text.
pub(super) struct Suggestions {
    query: String,
}

impl Suggestions {
    pub(super) fn new(params: &Params) -> Result<Self, RouteError> {
        let query = params.get("q").unwrap_or_default();
        if query.chars().count() > MAX_QUERY_CHARS {
            return Err(RouteError::InvalidParameter);
        }
        Ok(Self { query: query.to_owned() })
    }
}

#[derive(Deserialize)]
struct Data {
    autocomplete: Vec<Suggestion>,
}

#[derive(Deserialize)]
struct Suggestion {
    label: String,
    hint: Option<String>,
    node: Node,
}

#[derive(Deserialize)]
struct Node {
    #[serde(rename = "__typename")]
    typename: String,
    slug: String,
}

impl Suggestion {
    fn address(&self, frame: &Frame) -> String {
        frame.entity(section(&self.node.typename), &self.node.slug)
    }

    fn kind_name(&self, frame: &Frame) -> &'static str {
        kind_name(&self.node.typename, frame)
    }
}

/// The section of the directory with the entities of a GraphQL type.
pub(super) fn section(typename: &str) -> &'static str {
    match typename {
        "Researcher" => "people",
        "Organization" => "organizations",
        "Topic" => "topics",
        _ => "papers",
    }
}

/// The name of a GraphQL type for readers.
pub(super) fn kind_name(typename: &str, frame: &Frame) -> &'static str {
    match typename {
        "Researcher" => frame.t.a_person,
        "Organization" => frame.t.an_organization,
        "Topic" => frame.t.a_topic,
        _ => frame.t.a_paper,
    }
}

#[derive(Template)]
#[template(path = "suggestions.html")]
struct SuggestionsTemplate<'a> {
    frame: Frame,
    suggestions: &'a [Suggestion],
}

impl Page for Suggestions {
    fn document(&self) -> &'static str {
        include_str!("queries/suggestions.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "Suggestions"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        json!({ "text": self.query, "first": MAX_SUGGESTIONS, "languages": [context.language.code()] })
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let suggestions = serde_json::from_slice::<Response<Data>>(json)?.data.autocomplete;
        let template = SuggestionsTemplate { frame: Frame::new(context, "", "", ""), suggestions: &suggestions };
        Ok(Rendered::Html(template.render()?))
    }
}
