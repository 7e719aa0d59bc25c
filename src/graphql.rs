//! The GraphQL schema. Each file below `types` contains one concept: its type and its root fields.

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
use crate::graphql::engine::document_cache::{CachedDocument, CheckedOperation, DocumentCache};
use crate::graphql::engine::field_memo::FieldMemo;
use crate::graphql::engine::null_propagation::ResponseShape;
use crate::graphql::engine::operation::select_operation;
use crate::graphql::engine::schema_index::SchemaIndex;
use crate::graphql::engine::{json_writer, variables};
use crate::graphql::limits::query_cost::{self, QueryCost};
use crate::graphql::types::affiliation::AffiliationQuery;
use crate::graphql::types::coauthor_path::CoauthorPathQuery;
use crate::graphql::types::directory::DirectoryQuery;
use crate::graphql::types::node::{EntityImplementsNode, NodeQuery};
use crate::graphql::types::organization::OrganizationQuery;
use crate::graphql::types::paper::PaperQuery;
use crate::graphql::types::researcher::ResearcherQuery;
use crate::graphql::types::search::SearchQuery;
use crate::graphql::types::topic::TopicQuery;
use crate::store::Store;

/// The root of all queries: researchers, organizations, affiliations, topics and papers, and search over them.
#[derive(MergedObject, Default)]
pub struct Query(
    NodeQuery,
    ResearcherQuery,
    OrganizationQuery,
    AffiliationQuery,
    TopicQuery,
    PaperQuery,
    SearchQuery,
    CoauthorPathQuery,
    DirectoryQuery,
);

/// Builds the schema, to which the server adds the data its resolvers read. Needs no database.
#[must_use]
pub fn builder(limits: &Limits) -> SchemaBuilder<Query, EmptyMutation, EmptySubscription> {
    Schema::build(Query::default(), EmptyMutation, EmptySubscription)
        .register_output_type::<EntityImplementsNode>()
        // Depth is limited by `limits`, which runs first.
        .limit_recursive_depth(1000)
        .disable_suggestions()
        .data(limits.clone())
}

/// The executable schema.
pub struct DirectorySchema {
    /// Validates queries; used until a query is known to be valid.
    validating_schema: Schema<Query, EmptyMutation, EmptySubscription>,
    /// Only computes what execution needs; used for queries that have been validated.
    prevalidated_schema: Schema<Query, EmptyMutation, EmptySubscription>,
    document_cache: DocumentCache,
    schema_index: SchemaIndex,
    limits: Limits,
}

/// A request that is within the limits.
pub struct PreparedRequest {
    request: Request,
    document: Arc<CachedDocument>,
    checked: Arc<CheckedOperation>,
    /// The type of the operation; `None` if no operation is selected.
    pub operation_type: Option<OperationType>,
    /// The name of the operation.
    pub operation_name: Option<String>,
    /// The cost of the operation.
    pub cost: QueryCost,
}

impl DirectorySchema {
    /// Finishes the schema.
    #[must_use]
    pub fn new(builder: impl Fn() -> SchemaBuilder<Query, EmptyMutation, EmptySubscription>, limits: Limits) -> Self {
        let validating_schema = builder().finish();
        let prevalidated_schema = builder().validation_mode(ValidationMode::Fast).finish();
        let schema_index = SchemaIndex::parse(&validating_schema.sdl());
        Self { validating_schema, prevalidated_schema, document_cache: DocumentCache::default(), schema_index, limits }
    }

    /// Parses a request and checks it against the limits, before anything is executed.
    ///
    /// # Errors
    /// The response to a request that is malformed or exceeds a limit.
    pub fn prepare(&self, mut request: Request) -> Result<PreparedRequest, Box<Response>> {
        let cached = self.document_cache.get(&request.query, request.operation_name.as_deref());
        let is_new = cached.is_none();
        let document = match cached {
            Some(document) => document,
            None => Arc::new(CachedDocument::new(self.parse_document(&request.query)?)),
        };
        let selected = select_operation(&document.parsed, request.operation_name.as_deref());
        let operation = selected.map(|operation| &operation.node);
        if let Some(operation) = operation {
            variables::apply_defaults(operation, &mut request.variables);
        }
        let check = || {
            let Self { schema_index, limits, .. } = self;
            query_cost::check_document(&document.parsed, operation, &request.variables, schema_index, limits)
        };
        let checked = document.check_operation(operation, &request.variables, check).map_err(error_response)?;
        if is_new {
            // Only a document within the limits is known to expand to a bounded size.
            let shape = operation.map(|operation| ResponseShape::new(&self.schema_index, &document.parsed, operation));
            document.set_shape(shape);
            self.document_cache.insert(&request.query, request.operation_name.as_deref(), &document);
        }
        if let Some(error) = operation.and_then(|operation| variables::validate(operation, &request.variables)) {
            return Err(Box::new(Response::from_errors(vec![error])));
        }
        let operation_type = operation.map(|operation| operation.ty);
        let operation_name = request.operation_name.clone().or_else(|| {
            let mut names = document.parsed.operations.iter().filter_map(|(name, _)| name.cloned());
            names.next().map(|name| name.to_string()).filter(|_| selected.is_some())
        });
        request.set_parsed_query(document.parsed.clone());
        let cost = checked.cost;
        Ok(PreparedRequest { request, document, checked, operation_type, operation_name, cost })
    }

    fn parse_document(&self, text: &str) -> Result<ExecutableDocument, Box<Response>> {
        query_cost::check_text(text, &self.limits).map_err(error_response)?;
        parse_query(text).map_err(|error| {
            let mut error = ServerError::from(error);
            error.extensions.get_or_insert_default().set("code", "GRAPHQL_PARSE_FAILED");
            Box::new(Response::from_errors(vec![error]))
        })
    }

    /// Returns the limits on queries.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Executes a request against its own store.
    pub async fn execute(&self, prepared: PreparedRequest, store: Store) -> Response {
        let checked = prepared.checked;
        let schema = if checked.is_validated() { &self.prevalidated_schema } else { &self.validating_schema };
        let data_loader = store.data_loader();
        let request = prepared
            .request
            .data(store)
            .data(data_loader.clone())
            .data(FieldMemo::new(prepared.document.shape().is_some_and(ResponseShape::has_merged_objects)));
        let mut response = data_loader.run_with_batching(schema.execute(request)).await;
        // Releases the database connections of the request.
        drop(data_loader);
        let was_executed = response.data != Value::Null || response.errors.iter().any(|error| !error.path.is_empty());
        if was_executed {
            checked.mark_validated();
            if !response.errors.is_empty() {
                json_writer::reparse(&mut response.data);
            }
            if let Some(shape) = prepared.document.shape() {
                shape.normalize(&mut response);
            }
        }
        response
    }
}

/// Builds the response to a request that is rejected as a whole.
fn error_response(error: Error) -> Box<Response> {
    let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
    error.locations.clear();
    Box::new(Response::from_errors(vec![error]))
}

/// Returns the schema in SDL, sorted so that the output is deterministic.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    let sdl = builder(&Limits::default()).finish().sdl_with_options(options);
    // Multi-line descriptions have trailing white space.
    let lines: Vec<&str> = sdl.lines().map(str::trim_end).collect();
    without_specified_directives(&lines).join("\n").trim().to_owned() + "\n"
}

/// Removes the directives defined by the specification, as section 3.13 recommends. `@oneOf` stays: tools that do not
/// know it need its definition.
fn without_specified_directives<'line>(lines: &[&'line str]) -> Vec<&'line str> {
    let mut remaining: Vec<&str> = Vec::with_capacity(lines.len());
    for line in lines {
        let is_specified = ["skip", "include", "specifiedBy", "deprecated"]
            .iter()
            .any(|name| line.starts_with(&format!("directive @{name}(")));
        if !is_specified {
            remaining.push(line);
        } else if remaining.pop_if(|line| *line == "\"\"\"").is_some() {
            // Removes the description of the definition.
            while remaining.pop().is_some_and(|line| line != "\"\"\"") {}
        }
    }
    remaining
}
