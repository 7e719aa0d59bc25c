//! The GraphQL schema: one file per concept, with its type and its part of the query.

mod connection;
pub mod context;
pub mod engine;
pub mod inputs;
pub mod limits;
pub mod types;

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{
    EmptyMutation, EmptySubscription, MergedObject, Pos, Request, Response, SDLExportOptions, Schema, SchemaBuilder,
    ServerError, ValidationMode, Value,
};

use crate::config::Limits;
use crate::error::Error;
use crate::store::Store;

use crate::graphql::engine::document_cache::{Document, Documents, Judged};
use crate::graphql::engine::lookahead::Known;
use crate::graphql::engine::null_propagation::Shape;
use crate::graphql::engine::schema_index::Definitions;
use crate::graphql::limits::query_cost::Cost;

/// Everything that can be read: people, where they are and were, what they work on and wrote, and with whom.
#[derive(MergedObject, Default)]
pub struct Query(
    crate::graphql::types::node::NodeQuery,
    crate::graphql::types::researcher::ResearcherQuery,
    crate::graphql::types::organization::OrganizationQuery,
    crate::graphql::types::affiliation::AffiliationQuery,
    crate::graphql::types::topic::TopicQuery,
    crate::graphql::types::paper::PaperQuery,
    crate::graphql::types::search::SearchQuery,
    crate::graphql::types::coauthor_path::CoauthorPathQuery,
    crate::graphql::types::directory::DirectoryQuery,
);

/// The schema, to which the server adds what its resolvers read from. Needs no database.
#[must_use]
pub fn builder(limits: &Limits) -> SchemaBuilder<Query, EmptyMutation, EmptySubscription> {
    Schema::build(Query::default(), EmptyMutation, EmptySubscription)
        .register_output_type::<crate::graphql::types::node::EntityIsNode>()
        // The budget has its own measure, and comes first.
        .limit_recursive_depth(1000)
        .disable_suggestions()
        .data(limits.clone())
}

/// The schema, ready to answer.
pub struct DirectorySchema {
    /// For queries that nobody has validated yet.
    strict: Schema<Query, EmptyMutation, EmptySubscription>,
    /// For those that were: it only counts on what it needs to run them.
    fast: Schema<Query, EmptyMutation, EmptySubscription>,
    documents: Documents,
    definitions: Definitions,
    limits: Limits,
}

/// A request that is within the limits.
pub struct Prepared {
    request: Request,
    document: Arc<Document>,
    judged: Arc<Judged>,
    /// What kind of operation it would run; none where there is none of that name.
    pub kind: Option<OperationType>,
    /// The name of the operation.
    pub name: Option<String>,
    /// What it may cost.
    pub cost: Cost,
}

impl DirectorySchema {
    /// Finishes the schema.
    #[must_use]
    pub fn new(builder: impl Fn() -> SchemaBuilder<Query, EmptyMutation, EmptySubscription>, limits: Limits) -> Self {
        let strict = builder().finish();
        let fast = builder().validation_mode(ValidationMode::Fast).finish();
        let definitions = Definitions::of(&strict.sdl());
        Self { strict, fast, documents: Documents::default(), definitions, limits }
    }

    /// Reads a request and holds it to the limits, before anything of it is done.
    ///
    /// # Errors
    /// The answer to a text that is no query, or asks for more than it may.
    pub fn prepare(&self, mut request: Request) -> Result<Prepared, Box<Response>> {
        let known = self.documents.find(&request.query, request.operation_name.as_deref());
        let is_new = known.is_none();
        let document = match known {
            Some(document) => document,
            None => Arc::new(Document::new(self.parse(&request.query)?)),
        };
        let chosen = crate::graphql::limits::query_cost::chosen(&document.parsed, request.operation_name.as_deref());
        let operation = chosen.map(|operation| &operation.node);
        if let Some(operation) = operation {
            crate::graphql::engine::variables::fill_in(operation, &mut request.variables);
        }
        let judged = document.judged(operation, &request.variables, || {
            crate::graphql::limits::query_cost::check(
                &document.parsed,
                operation,
                &request.variables,
                &self.definitions,
                &self.limits,
            )
        });
        let judged = judged.map_err(refused)?;
        if is_new {
            // Within the limits, so that it has an end.
            document.give_shape(operation.map(|operation| Shape::of(&self.definitions, &document.parsed, operation)));
            self.documents.keep(&request.query, request.operation_name.as_deref(), &document);
        }
        if let Some(error) =
            operation.and_then(|operation| crate::graphql::engine::variables::mistake(operation, &request.variables))
        {
            return Err(Box::new(Response::from_errors(vec![error])));
        }
        let kind = operation.map(|operation| operation.ty);
        let name = request.operation_name.clone().or_else(|| {
            let mut names = document.parsed.operations.iter().filter_map(|(name, _)| name.cloned());
            names.next().map(|name| name.to_string()).filter(|_| chosen.is_some())
        });
        request.set_parsed_query(document.parsed.clone());
        Ok(Prepared { request, kind, name, cost: judged.cost, document, judged })
    }

    fn parse(&self, text: &str) -> Result<ExecutableDocument, Box<Response>> {
        crate::graphql::limits::query_cost::check_text(text, &self.limits).map_err(refused)?;
        parse_query(text).map_err(|error| {
            let mut error = ServerError::from(error);
            error.extensions.get_or_insert_default().set("code", "GRAPHQL_PARSE_FAILED");
            Box::new(Response::from_errors(vec![error]))
        })
    }

    /// What a query may cost at most.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers a request from a store that is its own.
    pub async fn execute(&self, prepared: Prepared, store: Store) -> Response {
        let judged = prepared.judged;
        let schema = if judged.is_valid() { &self.fast } else { &self.strict };
        let loaders = store.loaders();
        let request = prepared
            .request
            .data(store)
            .data(loaders.clone())
            .data(Known::new(prepared.document.shape().is_some_and(Shape::asks_twice)));
        let mut response = loaders.drive(schema.execute(request)).await;
        // Nothing more is read.
        drop(loaders);
        let was_executed = response.data != Value::Null || response.errors.iter().any(|error| !error.path.is_empty());
        if was_executed {
            judged.passed();
            if !response.errors.is_empty() {
                crate::graphql::engine::json_writer::take_apart(&mut response.data);
            }
            if let Some(shape) = prepared.document.shape() {
                shape.complete(&mut response);
            }
        }
        response
    }
}

/// The answer to a request that is refused as a whole.
fn refused(error: Error) -> Box<Response> {
    let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
    error.locations.clear();
    Box::new(Response::from_errors(vec![error]))
}

/// The schema in the schema definition language, sorted: the same text for the same schema.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    let sdl = builder(&Limits::default()).finish().sdl_with_options(options);
    // Descriptions of several lines end in white space, which editors and diffs dislike.
    let lines: Vec<&str> = sdl.lines().map(str::trim_end).collect();
    without_specified_directives(&lines).join("\n").trim().to_owned() + "\n"
}

/// The specification asks to leave out the directives that it defines itself (GraphQL, section 3.13), as every tool
/// knows them. `@oneOf` stays: it is new, and tools that do not know it need its definition.
fn without_specified_directives<'line>(lines: &[&'line str]) -> Vec<&'line str> {
    let mut kept: Vec<&str> = Vec::with_capacity(lines.len());
    for line in lines {
        let is_specified = ["skip", "include", "specifiedBy", "deprecated"]
            .iter()
            .any(|name| line.starts_with(&format!("directive @{name}(")));
        if !is_specified {
            kept.push(line);
        } else if kept.pop_if(|line| *line == "\"\"\"").is_some() {
            // The definition's description goes with it.
            while kept.pop().is_some_and(|line| line != "\"\"\"") {}
        }
    }
    kept
}
