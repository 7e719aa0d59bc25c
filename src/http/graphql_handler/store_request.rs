//! Requests that read from the store without GraphQL, such as those of harvesters: under the same limits, and recorded in the
//! same way.

use actix_web::{HttpRequest, HttpResponse};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::error::Error;
use crate::graphql::limits::query_cost::QueryCost;
use crate::http::AppState;
use crate::http::admission::Permit;
use crate::http::error::HttpError;
use crate::http::graphql_handler::cache;
use crate::http::graphql_handler::identify::{self, Client};
use crate::http::graphql_handler::limits::{self, Operation};
use crate::http::graphql_handler::record::{Recorder, RequestLog};
use crate::store::Store;
use crate::store::access::health_check::Health;

/// A request, with what it has cost so far.
pub(in crate::http) struct StoreRequest<'a> {
    state: &'a AppState,
    client: Client<'a>,
    /// The name of what is requested, in logs and metrics.
    name: Option<&'static str>,
    cost: QueryCost,
    log: &'a mut RequestLog,
}

/// Answers a request, and records the outcome.
pub(in crate::http) async fn respond(
    http: &HttpRequest,
    state: &AppState,
    work: impl AsyncFnOnce(&mut StoreRequest<'_>) -> Result<HttpResponse, HttpError>,
) -> HttpResponse {
    let mut recorder = Recorder::start(http, state);
    let span = recorder.span();
    let client = identify::client(http, state);
    let mut request = StoreRequest { state, client, name: None, cost: QueryCost::default(), log: &mut recorder.log };
    let result = work(&mut request).instrument(span).await;
    if result.is_ok() {
        recorder.log.outcome = "ok";
    }
    recorder.finish(http, result)
}

impl StoreRequest<'_> {
    /// Debits the cost of the first statements, at least the minimum cost, and waits for the client's turn to read from the
    /// store.
    ///
    /// # Errors
    /// If the cost exceeds the client's quota, or too many requests wait.
    pub(in crate::http) async fn admit(
        &mut self,
        name: &'static str,
        statements: u64,
    ) -> Result<(Permit, Store), HttpError> {
        self.name = Some(name);
        self.record(QueryCost { statements, ..QueryCost::default() });
        limits::debit(&self.client, self.cost.total(), self.log).await?;
        let permit = limits::admit(&self.client, self.state).await?;
        let operation = Operation { operation_type: None, name: None, cost: self.cost };
        let reserved = cache::reserve(self.state, None, &operation, None, self.log).await?;
        Ok((permit, reserved.store))
    }

    /// Debits what the rest of the request costs.
    ///
    /// # Errors
    /// If it exceeds the client's quota.
    pub(in crate::http) async fn debit(&mut self, cost: u64) -> Result<(), HttpError> {
        self.record(QueryCost { nodes: cost, ..QueryCost::default() });
        if cost > 0 {
            let cost = u32::try_from(cost).unwrap_or(u32::MAX);
            self.log.quota = self.client.debit(cost).await?.or(self.log.quota);
        }
        Ok(())
    }

    /// Executes work within the request timeout, on the threads of queries. If the database becomes unreachable, it fails
    /// at once. If the client disconnects, it is aborted.
    ///
    /// # Errors
    /// If the work fails.
    pub(in crate::http) async fn execute<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, HttpError> {
        let state = self.state;
        if state.health_monitor.health() == Health::Unreachable {
            return Err(HttpError::service_unavailable(Error::UNAVAILABLE_MESSAGE));
        }
        let task = AbortOnDropHandle::new(state.runtime.spawn(work.in_current_span()));
        let mut health_monitor = state.health_monitor.clone();
        let result = tokio::select! {
            biased;
            result = tokio::time::timeout(state.request_timeout, task) => result,
            () = health_monitor.wait_until_unreachable() => {
                return Err(HttpError::service_unavailable(Error::UNAVAILABLE_MESSAGE));
            }
        };
        match result {
            Ok(Ok(result)) => result.map_err(|error| self.http_error(&error)),
            Ok(Err(error)) => {
                tracing::error!(request_id = %self.log.request_id, %error, "the task of a request panicked");
                Err(HttpError::internal())
            }
            Err(_) => Err(HttpError::timeout(state.request_timeout)),
        }
    }

    fn http_error(&self, error: &Error) -> HttpError {
        match error {
            Error::Unavailable(_) => HttpError::service_unavailable(Error::UNAVAILABLE_MESSAGE),
            Error::Busy(message) => HttpError::service_unavailable(*message),
            Error::Timeout(_) => HttpError::timeout(self.state.request_timeout),
            error => {
                let cause = std::error::Error::source(error).map(ToString::to_string);
                tracing::error!(request_id = %self.log.request_id, %error, cause, "a request failed");
                HttpError::internal()
            }
        }
    }

    fn record(&mut self, added: QueryCost) {
        self.cost.nodes = self.cost.nodes.saturating_add(added.nodes);
        self.cost.statements = self.cost.statements.saturating_add(added.statements);
        self.log.set_operation(None, self.name, self.cost);
    }
}
