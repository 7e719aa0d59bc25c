//! The GraphQL schema: one file per concept, with its type and its part of the query.

use async_graphql::parser::parse_query;
use async_graphql::{
    EmptyMutation, EmptySubscription, MergedObject, Request, Response, SDLExportOptions, Schema, SchemaBuilder, Value,
};

use crate::config::Limits;

use self::response::FieldTypes;

mod affiliation;
mod authorship;
mod coauthor_path;
mod coauthorship;
mod connection;
pub mod context;
mod directory;
mod facet;
mod identifier;
mod localized;
mod nesting;
mod node;
mod order;
mod organization;
mod paper;
mod researcher;
mod response;
mod scalars;
mod search;
mod topic;

/// Everything that can be read: people, where they are and were, what they work on and wrote, and with whom.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    researcher::ResearcherQuery,
    organization::OrganizationQuery,
    affiliation::AffiliationQuery,
    topic::TopicQuery,
    paper::PaperQuery,
    search::SearchQuery,
    coauthor_path::CoauthorPathQuery,
    directory::DirectoryQuery,
);

/// The schema, to which the server adds what its resolvers read from. Needs no database.
#[must_use]
pub fn builder(limits: &Limits) -> SchemaBuilder<Query, EmptyMutation, EmptySubscription> {
    Schema::build(Query::default(), EmptyMutation, EmptySubscription)
        .register_output_type::<node::EntityIsNode>()
        .limit_depth(limits.depth)
        .limit_complexity(limits.complexity)
        .limit_recursive_depth(limits.depth * 2)
        .disable_suggestions()
        .data(limits.clone())
}

/// The schema, ready to answer.
pub struct DirectorySchema {
    schema: Schema<Query, EmptyMutation, EmptySubscription>,
    types: FieldTypes,
}

impl DirectorySchema {
    /// Finishes the schema.
    #[must_use]
    pub fn new(builder: SchemaBuilder<Query, EmptyMutation, EmptySubscription>) -> Self {
        let schema = builder.finish();
        let types = FieldTypes::of(&schema.sdl());
        Self { schema, types }
    }

    /// Answers a request.
    pub async fn execute(&self, request: Request) -> Response {
        let (operation, query) = (request.operation_name.clone(), request.query.clone());
        let mut response = self.schema.execute(request).await;
        // Read again only where it was executed: a document that was refused may nest or expand without end.
        let was_executed = response.data != Value::Null || response.errors.iter().any(|error| !error.path.is_empty());
        if was_executed && let Ok(document) = parse_query(&query) {
            response::complete(&self.types, &document, operation.as_deref(), &mut response);
        }
        response
    }
}

/// The schema in the schema definition language, sorted: the same text for the same schema.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    let sdl = builder(&Limits::default()).finish().sdl_with_options(options);
    // Descriptions of several lines end in white space, which editors and diffs dislike.
    let lines: Vec<&str> = sdl.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned() + "\n"
}
