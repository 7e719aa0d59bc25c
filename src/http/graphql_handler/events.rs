//! The events of a subscription, whatever they are sent over.
//!
//! A subscription that waits takes no place in the admission queue and no database connection; a batch of events takes one.
//! What a batch costs is debited after it, so that a client whose quota is used up receives the next batch later, with all
//! that happened meanwhile. If the database is unavailable, the batch is repeated until it succeeds.

use std::collections::VecDeque;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use async_graphql::Response;
use serde_json::json;

use crate::error::Error;
use crate::graphql::subscriptions::Subscription;
use crate::http::AppState;
use crate::http::client_id::ClientId;
use crate::http::error::HttpError;
use crate::http::graphql_handler::execute;
use crate::http::graphql_handler::identify::Client;
use crate::http::rate_limit::MIN_REQUEST_COST;
use crate::http::response::{self, EncodedResponse};
use crate::http::streams::{SubscriptionGuard, Turns};
use crate::store::changes::subscription::ChangeBatch;

/// Time after which a batch that failed because the service is busy or the database is unavailable is repeated.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// One event, as it is sent.
#[derive(Debug)]
pub(in crate::http) struct Event {
    /// The result, as JSON.
    pub(in crate::http) body: Bytes,
    /// The cursor after it.
    pub(in crate::http) cursor: String,
}

/// The events of one subscription.
pub(in crate::http) struct SubscriptionEvents {
    subscription: Subscription,
    state: Data<AppState>,
    client: ClientId,
    is_limited: bool,
    turns: Turns,
    request_id: String,
    /// Events that are executed, but not sent.
    waiting: VecDeque<Event>,
    /// The cost of the last batch, until it is debited.
    unpaid: u32,
    _counted: SubscriptionGuard,
}

impl SubscriptionEvents {
    pub(super) fn new(
        subscription: Subscription,
        state: &Data<AppState>,
        client: &Client<'_>,
        turns: Turns,
        request_id: &str,
    ) -> Self {
        Self {
            subscription,
            state: state.clone(),
            client: client.id.clone(),
            is_limited: client.is_limited(),
            turns,
            request_id: request_id.to_owned(),
            waiting: VecDeque::new(),
            unpaid: 0,
            _counted: state.streams.count_subscription(),
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// The errors that end the subscription, as a JSON list. The client can resume it after the last event.
    pub(in crate::http) async fn next(&mut self) -> Result<Event, String> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            self.pay().await;
            self.subscription.ready().await;
            // Boxed: a subscription that waits does not hold the memory of an execution.
            match Box::pin(self.execute()).await {
                Ok(()) => {}
                Err(Failure::Temporary) => tokio::time::sleep(RETRY_DELAY).await,
                Err(Failure::Final(errors)) => return Err(errors),
            }
        }
    }

    /// Debits the cost of the last batch, as soon as the client's quota allows it.
    async fn pay(&mut self) {
        let Some(limiter) = self.state.rate_limiter.as_ref().filter(|_| self.is_limited) else { return };
        while self.unpaid > 0 {
            match limiter.debit(&self.client, self.unpaid) {
                Ok(_) => self.unpaid = 0,
                Err(exceeded) => match exceeded.wait() {
                    Some(wait) => tokio::time::sleep(wait.max(Duration::from_millis(100))).await,
                    // More than the whole quota: it waits until all of that is refilled.
                    None => self.unpaid = self.unpaid.min(limiter.quota_of(&self.client)),
                },
            }
        }
    }

    /// Executes the next batch.
    async fn execute(&mut self) -> Result<(), Failure> {
        let state = self.state.clone();
        let _turn = self.turns.next().await;
        let Some(_permit) = state.admission.admit(&self.client).await else { return Err(Failure::Temporary) };
        let store = state.store.for_request(None).await;
        let batch = match self.subscription.read(&store).await {
            Ok(batch) => batch,
            Err(error) => return Err(self.read_failure(error)),
        };
        if !batch.page.changes.is_empty() {
            let (events, cursors) = self.subscription.events(&batch);
            let responses = execute::events(&state, events, store, &self.request_id).await;
            let responses = responses.map_err(|error| self.failure(&error))?;
            if let Some(failed) = responses.iter().find(|response| response.is_timed_out) {
                return Err(Failure::Final(json!(failed.errors).to_string()));
            }
            let event = |(EncodedResponse { body, .. }, cursor)| Event { body, cursor };
            self.waiting.extend(responses.into_iter().zip(cursors).map(event));
            self.unpaid = self.cost_of(&batch);
        }
        self.subscription.deliver(&batch);
        Ok(())
    }

    fn cost_of(&self, batch: &ChangeBatch) -> u32 {
        u32::try_from(self.subscription.cost_of(batch)).unwrap_or(u32::MAX).max(MIN_REQUEST_COST)
    }

    fn read_failure(&self, error: Error) -> Failure {
        if matches!(error, Error::Unavailable(_) | Error::Busy(_) | Error::Timeout(_)) {
            return Failure::Temporary;
        }
        let error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
        let mut response = Response::from_errors(vec![error]);
        response::sanitize_errors(&mut response, &self.request_id);
        Failure::Final(json!(response.errors).to_string())
    }

    fn failure(&self, error: &HttpError) -> Failure {
        if error.code == "SERVICE_UNAVAILABLE" {
            Failure::Temporary
        } else {
            Failure::Final(error.to_errors().to_string())
        }
    }
}

/// Why a batch was not executed.
enum Failure {
    /// It is repeated.
    Temporary,
    /// The subscription ends with these errors, a JSON list.
    Final(String),
}
