//! The GraphQL schema: one file per concept, with its type and its part of the query.

use async_graphql::{
    EmptyMutation, EmptySubscription, MergedObject, Request, Response, SDLExportOptions, Schema, SchemaBuilder, Value,
};

use crate::config::Limits;

use self::response_order::ResponseOrder;

mod affiliation;
mod authorship;
mod coauthorship;
mod connection;
pub mod context;
mod directory;
mod identifier;
mod localized;
mod node;
mod order;
mod organization;
mod paper;
mod researcher;
mod response_order;
mod scalars;
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
    directory::DirectoryQuery,
);

/// The schema of the directory.
pub type DirectorySchema = Schema<Query, EmptyMutation, EmptySubscription>;

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

/// Answers a request, with the fields in the order of the query.
pub async fn execute(schema: &DirectorySchema, mut request: Request) -> Response {
    let operation = request.operation_name.clone();
    let document = request.parsed_query().ok().cloned();
    let mut response = schema.execute(request).await;
    // Only of what was executed: a document that was refused may expand without end.
    if let (Some(document), Value::Object(_)) = (document, &response.data) {
        ResponseOrder::of(&document, operation.as_deref()).apply(&mut response.data);
    }
    response
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
