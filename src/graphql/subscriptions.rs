//! Subscriptions (GraphQL specification, section 6.2.3): a subscription has a stream of events, and its selection is
//! executed for each of them.
//!
//! The engine would resolve all events of a subscription in the context of one request. Here, each batch of events has data
//! loaders of its own, which read all of its entities together and never a state from before the batch. async-graphql
//! builds the type from [`changes::SubscriptionFields`] and coerces the arguments; its stream is then replaced by a
//! [`Subscription`].

pub mod changes;

use std::any::TypeId;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Context, OutputType as _, Request, Response, ServerError, ServerResult, Value, Variables};
use futures_util::StreamExt as _;
use futures_util::future::join_all;

use crate::error::Error;
use crate::graphql::engine::document_cache::CachedDocument;
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::execution_document;
use crate::graphql::engine::field_memo::FieldMemo;
use crate::graphql::engine::operation::select_operation;
use crate::graphql::limits::query_cost::QueryCost;
use crate::graphql::subscriptions::changes::ResearcherChange;
use crate::graphql::types::change::{Change, ChangePage};
use crate::graphql::{DirectorySchema, PreparedRequest, error_response};
use crate::model::change as model;
use crate::model::language::AcceptedLanguages;
use crate::store::Store;
use crate::store::changes::subscription::{ChangeBatch, ChangeSubscription, MAX_BATCH_CHANGES};

/// A subscription that has started.
pub struct Subscription {
    document: Arc<EventDocument>,
    source: ChangeSubscription,
    shape: EventShape,
    /// The estimated cost of one event, of a page of [`MAX_BATCH_CHANGES`] changes.
    cost: QueryCost,
}

/// What the events of a subscription are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventShape {
    /// All changes of a batch.
    Page,
    /// One change of a researcher.
    Researcher,
}

/// Events that are executed together.
pub struct EventBatch {
    document: Arc<EventDocument>,
    events: Vec<SubscriptionEvent>,
}

/// The source of a subscription's events, which its field stores here when it is started.
#[derive(Default)]
pub(crate) struct SourceSlot(Mutex<Option<(ChangeSubscription, EventShape)>>);

impl SourceSlot {
    fn set(&self, source: ChangeSubscription, shape: EventShape) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((source, shape));
    }

    fn take(&self) -> Option<(ChangeSubscription, EventShape)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The cursor from which a client resumes a subscription, instead of that in its arguments.
pub(crate) struct ResumeAfter(Option<String>);

/// The selection of a subscription, as it is executed for each event. The document is that of the cache, which subscribers
/// with the same text share; what is executed is made of it for each event.
struct EventDocument {
    document: Arc<CachedDocument>,
    variables: Variables,
    operation_name: Option<String>,
    languages: AcceptedLanguages,
}

/// The value of the root field for one event.
pub(crate) enum SubscriptionEvent {
    Page(ChangePage),
    Researcher(ResearcherChange),
}

impl SubscriptionEvent {
    /// Resolves the root field.
    pub(crate) async fn resolve(&self, ctx: &Context<'_>) -> ServerResult<Value> {
        let selections = ctx.with_selection_set(&ctx.item.node.selection_set);
        match self {
            Self::Page(page) => EagerObject(page).resolve(&selections, ctx.item).await,
            Self::Researcher(change) => EagerObject(change).resolve(&selections, ctx.item).await,
        }
    }
}

impl Subscription {
    /// Waits until there may be events. Takes no database connection. Cancelling it loses nothing.
    pub async fn ready(&mut self) {
        self.source.ready().await;
    }

    /// Reads the next batch of changes, which is empty if none of them is for this subscription.
    ///
    /// # Errors
    /// If the cursor is not valid any more, or a query fails.
    pub async fn read(&mut self, store: &Store) -> Result<ChangeBatch, Error> {
        self.source.read(store).await
    }

    /// The events of a batch, each with the cursor after it.
    #[must_use]
    pub fn events(&self, batch: &ChangeBatch) -> (EventBatch, Vec<String>) {
        let ChangeBatch { page, state, .. } = batch;
        let (events, cursors) = match self.shape {
            EventShape::Page => {
                let cursor = state.encode_cursor(page.cursor());
                (vec![SubscriptionEvent::Page(ChangePage::new(page.clone(), state.clone()))], vec![cursor])
            }
            EventShape::Researcher => {
                let last = page.changes.len().saturating_sub(1);
                let event = |(number, change): (usize, &model::Change)| {
                    let cursor = if number == last { page.cursor() } else { page.cursor_at(change.at) };
                    let described = Change::new(change.clone(), cursor, state);
                    let event = SubscriptionEvent::Researcher(ResearcherChange::new(change.clone(), described));
                    (event, state.encode_cursor(cursor))
                };
                page.changes.iter().enumerate().map(event).unzip()
            }
        };
        (EventBatch { document: Arc::clone(&self.document), events }, cursors)
    }

    /// The batch was delivered.
    pub fn deliver(&mut self, batch: &ChangeBatch) {
        self.source.deliver(batch);
    }

    /// What a batch costs: its statements, and its share of the nodes.
    #[must_use]
    pub fn cost_of(&self, batch: &ChangeBatch) -> u64 {
        let changes = batch.page.changes.len() as u64;
        let share = |count: u64| match self.shape {
            EventShape::Page => count.saturating_mul(changes).div_ceil(MAX_BATCH_CHANGES as u64),
            EventShape::Researcher => count.saturating_mul(changes),
        };
        QueryCost { nodes: share(self.cost.nodes), counts: share(self.cost.counts), ..self.cost }.total()
    }
}

impl DirectorySchema {
    /// Starts a subscription, after the cursor of its arguments or after `resume_after`.
    ///
    /// # Errors
    /// The response to one that cannot be started.
    pub async fn subscribe(
        &self,
        prepared: PreparedRequest,
        resume_after: Option<String>,
        store: Store,
    ) -> Result<Subscription, Box<Response>> {
        let PreparedRequest { request, document, cost, .. } = prepared;
        let unusable = || error_response(Error::internal("a subscription has no operation"));
        let languages = request.data.get(&TypeId::of::<AcceptedLanguages>());
        let languages = languages.and_then(|languages| languages.downcast_ref::<AcceptedLanguages>()).cloned();
        let event_document = EventDocument {
            document,
            variables: request.variables.clone(),
            operation_name: request.operation_name.clone(),
            languages: languages.unwrap_or_else(|| AcceptedLanguages::parse("")),
        };
        let data_loader = store.data_loader();
        let slot = Arc::new(SourceSlot::default());
        let request = request.data(store).data(data_loader.clone()).data(FieldMemo::default());
        let request = request.data(Arc::clone(&slot)).data(ResumeAfter(resume_after));
        let mut stream = self.schema.execute_stream(request);
        // The field stores its source, and its own stream is empty.
        let failed = data_loader.run_with_batching(stream.next()).await;
        match (failed, slot.take()) {
            (Some(response), _) => Err(Box::new(response)),
            (None, Some((source, shape))) => {
                Ok(Subscription { document: Arc::new(event_document), source, shape, cost })
            }
            (None, None) => Err(unusable()),
        }
    }

    /// Executes the selection of a subscription for each event of a batch, all of them together.
    pub async fn execute_events(&self, batch: EventBatch, store: Store) -> Vec<Response> {
        let EventBatch { document, events } = batch;
        let executable = match self.event_query(&document) {
            Ok(executable) => executable,
            Err(error) => return events.iter().map(|_| Response::from_errors(vec![error.clone()])).collect(),
        };
        let data_loader = store.data_loader();
        let execute = |event: SubscriptionEvent| {
            let mut request = Request::new("").variables(document.variables.clone());
            if let Some(name) = &document.operation_name {
                request = request.operation_name(name);
            }
            request.set_parsed_query(executable.clone());
            let request = request.data(document.languages.clone()).data(store.clone()).data(data_loader.clone());
            self.schema.execute(request.data(FieldMemo::default()).data(event))
        };
        let mut responses = data_loader.run_with_batching(join_all(events.into_iter().map(execute))).await;
        for response in &mut responses {
            self.propagate_errors(response, &document.document, document.operation_name.as_deref());
        }
        responses
    }

    /// The operation of a subscription, as a query over an event.
    fn event_query(&self, document: &EventDocument) -> ServerResult<ExecutableDocument> {
        let EventDocument { document, variables, operation_name, .. } = document;
        let name = operation_name.as_deref();
        let operation = select_operation(&document.parsed, name)
            .ok_or_else(|| ServerError::new("the operation of a subscription has gone", None))?;
        execution_document::prepare(&document.parsed, operation, name, variables, &self.schema_index).map(as_query)
    }
}

/// The document with its operation as a query, whose root field is the event.
fn as_query(mut document: ExecutableDocument) -> ExecutableDocument {
    match &mut document.operations {
        DocumentOperations::Single(operation) => operation.node.ty = OperationType::Query,
        DocumentOperations::Multiple(operations) => {
            operations.values_mut().for_each(|operation| operation.node.ty = OperationType::Query);
        }
    }
    document
}
