//! The GraphQL schema. Each file below `types` contains one concept: its type and its root fields.

mod connection;
pub mod context;
pub mod engine;
mod federation;
pub mod inputs;
pub mod limits;
pub mod subscriptions;
pub mod types;

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, OperationType};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::{ContainerType, resolve_container};
use async_graphql::{
    Context, ContextSelectionSet, EmptyMutation, EmptySubscription, MergedObject, Name, ObjectType, OutputType, Pos,
    Positioned, Request, Response, SDLExportOptions, Schema, SchemaBuilder, ServerError, ServerResult,
    SubscriptionType, ValidationMode, Value,
};

use crate::config::Limits;
use crate::error::Error;
use crate::graphql::context::{ContextExt as _, PublishedSchema};
use crate::graphql::engine::document_cache::{CachedDocument, DocumentCache, variables_key};
use crate::graphql::engine::field_directives::without_field_directives;
use crate::graphql::engine::field_memo::FieldMemo;
use crate::graphql::engine::field_order::to_ordered_json;
use crate::graphql::engine::null_propagation::ResponseShape;
use crate::graphql::engine::operation::select_operation;
use crate::graphql::engine::parser::parse_document;
use crate::graphql::engine::schema_index::SchemaIndex;
use crate::graphql::engine::validation::validate;
use crate::graphql::engine::{
    VALIDATION_FAILED, execution_document, introspection, json_writer, request_error, variables,
};
use crate::graphql::federation::{FederationQuery, with_federation_directives};
use crate::graphql::limits::query_cost::{self, QueryCost};
use crate::graphql::subscriptions::SubscriptionEvent;
use crate::graphql::subscriptions::changes::SubscriptionFields;
use crate::graphql::types::affiliation::AffiliationQuery;
use crate::graphql::types::change::ChangeQuery;
use crate::graphql::types::coauthor_path::CoauthorPathQuery;
use crate::graphql::types::directory::DirectoryQuery;
use crate::graphql::types::node::{EntityImplementsNode, Node, NodeQuery};
use crate::graphql::types::organization::OrganizationQuery;
use crate::graphql::types::paper::PaperQuery;
use crate::graphql::types::researcher::ResearcherQuery;
use crate::graphql::types::search::SearchQuery;
use crate::graphql::types::topic::TopicQuery;
use crate::store::Store;

/// The fields of all roots.
#[derive(MergedObject, Default)]
pub struct SharedFields(
    ResearcherQuery,
    OrganizationQuery,
    AffiliationQuery,
    TopicQuery,
    PaperQuery,
    SearchQuery,
    CoauthorPathQuery,
    DirectoryQuery,
    ChangeQuery,
);

/// The root of all queries: researchers, organizations, affiliations, topics and papers, and search over them.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct RootFields(NodeQuery, SharedFields);

/// The root of all queries: researchers, organizations, affiliations, topics and papers, and search over them.
// Without the lookup by any ID, which would have to be answered by each subgraph of a supergraph.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct SubgraphFields(SharedFields);

/// The root of all queries: the published fields, and those for the router of a supergraph.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct ServedFields(NodeQuery, SharedFields, FederationQuery);

/// The root of all queries, with introspection. Its fields are written in the order of the query.
#[derive(Default)]
pub struct Query(ServedFields);

impl OutputType for Query {
    fn type_name() -> Cow<'static, str> {
        ServedFields::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        ServedFields::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl ContainerType for Query {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        // An event of a subscription is executed as a query, whose only field is the event.
        let value = match (ctx.data_opt::<SubscriptionEvent>(), introspection::resolve(ctx, ctx.published_schema())) {
            (Some(event), _) => Some(event.resolve(ctx).await?),
            (None, Some(value)) => Some(value),
            (None, None) => self.0.resolve_field(ctx).await?,
        };
        Ok(value.map(|value| to_ordered_json(value, &ctx.item.node.selection_set.node)))
    }
}

impl ObjectType for Query {}

/// Builds the schema, to which the server adds the data its resolvers read. Needs no database.
#[must_use]
pub fn builder(limits: &Limits) -> SchemaBuilder<Query, EmptyMutation, SubscriptionFields> {
    builder_with(Query::default(), SubscriptionFields)
        // Depth is limited by `limits`, which runs first.
        .limit_recursive_depth(1000)
        .disable_suggestions()
        .data(limits.clone())
}

/// Builds a schema with these root fields.
fn builder_with<Q: ObjectType + 'static, S: SubscriptionType + 'static>(
    query: Q,
    subscription: S,
) -> SchemaBuilder<Q, EmptyMutation, S> {
    Schema::build(query, EmptyMutation, subscription)
        .register_output_type::<Node>()
        .register_output_type::<EntityImplementsNode>()
}

/// The executable schema.
pub struct DirectorySchema {
    /// Executes queries, which are validated before.
    schema: Schema<Query, EmptyMutation, SubscriptionFields>,
    pub(crate) document_cache: DocumentCache,
    schema_index: Arc<SchemaIndex>,
    limits: Limits,
}

/// A request that is valid and within the limits.
pub struct PreparedRequest {
    request: Request,
    document: Arc<CachedDocument>,
    /// The response keys of the operation's fields, in the order of the response.
    root_fields: Vec<Name>,
    /// The type of the operation.
    pub operation_type: Option<OperationType>,
    /// The name of the operation.
    pub operation_name: Option<String>,
    /// The cost of the operation.
    pub cost: QueryCost,
}

impl DirectorySchema {
    /// Finishes the schema.
    #[must_use]
    pub fn new(builder: impl Fn() -> SchemaBuilder<Query, EmptyMutation, SubscriptionFields>, limits: Limits) -> Self {
        let schema_index = Arc::new(index_schema(builder()));
        let published = PublishedSchema(index_schema(builder_with(RootFields::default(), SubscriptionFields)));
        let schema = builder()
            .data(Arc::clone(&schema_index))
            .data(published)
            // Introspection is resolved over the schema index.
            .disable_introspection()
            .validation_mode(ValidationMode::Fast)
            .finish();
        Self { schema, document_cache: DocumentCache::default(), schema_index, limits }
    }

    /// Parses and validates a request and checks it against the limits, before anything is executed.
    ///
    /// # Errors
    /// The response to a request that is invalid or exceeds a limit.
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
        let variables_key = variables_key(operation, &request.variables);
        let cached_cost = variables_key.and_then(|variables| self.document_cache.cost(&document, variables));
        let cost = match cached_cost {
            Some(cost) => cost,
            None => {
                let Self { schema_index, limits, .. } = self;
                query_cost::check_document(&document.parsed, operation, &request.variables, schema_index, limits)
                    .map_err(error_response)?
            }
        };
        if is_new {
            // Only a document within the limits takes a bounded time to validate.
            let errors = validate(&document.parsed, &self.schema_index, self.limits.selections);
            if !errors.is_empty() {
                return Err(Box::new(Response::from_errors(errors)));
            }
        }
        let Some(selected) = selected else {
            let error = unknown_operation(&document.parsed, request.operation_name.as_deref());
            return Err(Box::new(Response::from_errors(vec![error])));
        };
        let operation = &selected.node;
        if is_new {
            self.document_cache.insert(&request.query, request.operation_name.as_deref(), &document);
        }
        let coerced = variables::coerce(operation, &mut request.variables, &self.schema_index);
        let executable = coerced.and_then(|()| {
            let name = request.operation_name.as_deref();
            execution_document::prepare(&document.parsed, selected, name, &request.variables, &self.schema_index)
        });
        let executable = executable.map_err(|error| Box::new(Response::from_errors(vec![error])))?;
        if let (None, Some(variables)) = (cached_cost, variables_key) {
            self.document_cache.insert_cost(&document, variables, cost);
        }
        let operation_type = Some(operation.ty);
        let operation_name = request.operation_name.clone().or_else(|| {
            let mut names = document.parsed.operations.iter().filter_map(|(name, _)| name.cloned());
            names.next().map(|name| name.to_string())
        });
        let root_fields = select_operation(&executable, request.operation_name.as_deref());
        let root_fields = root_fields.map(|operation| response_keys(&operation.node)).unwrap_or_default();
        request.set_parsed_query(executable);
        Ok(PreparedRequest { request, document, root_fields, operation_type, operation_name, cost })
    }

    fn parse_document(&self, text: &str) -> Result<ExecutableDocument, Box<Response>> {
        query_cost::check_text(text, &self.limits).map_err(error_response)?;
        parse_document(text).map_err(|errors| Box::new(Response::from_errors(errors)))
    }

    /// Returns the limits on queries.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Executes a request against its own store.
    pub async fn execute(&self, prepared: PreparedRequest, store: Store) -> Response {
        let data_loader = store.data_loader();
        let PreparedRequest { request, document, root_fields, .. } = prepared;
        let operation_name = request.operation_name.clone();
        let request = request.data(store).data(data_loader.clone()).data(FieldMemo::default());
        let mut response = data_loader.run_with_batching(self.schema.execute(request)).await;
        // Releases the database connections of the request.
        drop(data_loader);
        self.propagate_errors(&mut response, &document, operation_name.as_deref());
        if let Value::Object(fields) = &mut response.data {
            fields.sort_by_cached_key(|key, _| root_fields.iter().position(|field| field == key));
        }
        response
    }
}

impl DirectorySchema {
    /// Sets failed fields of an executed operation to null, or their parents.
    fn propagate_errors(&self, response: &mut Response, document: &CachedDocument, operation_name: Option<&str>) {
        let was_executed = response.data != Value::Null || response.errors.iter().any(|error| !error.path.is_empty());
        if was_executed && !response.errors.is_empty() {
            json_writer::reparse(&mut response.data);
            if let Some(operation) = select_operation(&document.parsed, operation_name) {
                let shape = ResponseShape::new(&self.schema_index, &document.parsed, &operation.node);
                shape.propagate_errors(response);
            }
        }
    }
}

impl PreparedRequest {
    /// Checks that the schema has a root for the type of the operation, and that its results can be sent.
    ///
    /// # Errors
    /// The response to a mutation, or to a subscription that cannot have several results.
    pub fn check_operation_type(&self, can_stream: bool) -> Result<(), Box<Response>> {
        let message = match self.operation_type {
            Some(OperationType::Mutation) => "the schema has no mutations; send a query",
            Some(OperationType::Subscription) if !can_stream => {
                "the results of a subscription are sent over a WebSocket, or as server-sent events, for which send Accept: \
                 text/event-stream"
            }
            _ => return Ok(()),
        };
        Err(Box::new(Response::from_errors(vec![request_error(VALIDATION_FAILED, message, None)])))
    }
}

fn response_keys(operation: &OperationDefinition) -> Vec<Name> {
    let fields = execution_document::fields_of(&operation.selection_set.node, None);
    fields.map(|field| field.node.response_key().node.clone()).collect()
}

/// Returns the error of a request that selects no operation of its document.
fn unknown_operation(document: &ExecutableDocument, name: Option<&str>) -> ServerError {
    let message = match name {
        Some(name) => format!("the document has no operation named {name}"),
        None if document.operations.iter().next().is_none() => "the document has no operation".to_owned(),
        None => "the document has several operations; name one of them in operationName".to_owned(),
    };
    request_error(VALIDATION_FAILED, message, None)
}

/// Builds the response to a request that is rejected as a whole.
fn error_response(error: Error) -> Box<Response> {
    let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
    error.locations.clear();
    Box::new(Response::from_errors(vec![error]))
}

/// Returns the published schema in SDL, sorted so that the output is deterministic.
#[must_use]
pub fn sdl() -> String {
    published_sdl(builder_with(RootFields::default(), SubscriptionFields))
}

/// Returns the SDL of the directory as a subgraph of Apollo Federation.
#[must_use]
pub fn subgraph_sdl() -> String {
    with_federation_directives(&published_sdl(builder_with(SubgraphFields::default(), EmptySubscription)))
}

fn published_sdl<Q: ObjectType + 'static, S: SubscriptionType + 'static>(
    builder: SchemaBuilder<Q, EmptyMutation, S>,
) -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items();
    let sdl = export_sdl(builder, options);
    let lines: Vec<&str> = sdl.lines().map(without_field_directives).collect();
    lines.join("\n") + "\n"
}

/// Builds the index of a schema, with what is declared at its fields.
fn index_schema<Q: ObjectType + 'static, S: SubscriptionType + 'static>(
    builder: SchemaBuilder<Q, EmptyMutation, S>,
) -> SchemaIndex {
    SchemaIndex::parse(&export_sdl(builder, SDLExportOptions::new()))
}

/// Exports the schema with the directives on its fields.
fn export_sdl<Q: ObjectType + 'static, S: SubscriptionType + 'static>(
    builder: SchemaBuilder<Q, EmptyMutation, S>,
    options: SDLExportOptions,
) -> String {
    let sdl = builder.finish().sdl_with_options(options.include_specified_by());
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
