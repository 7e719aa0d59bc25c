//! Operations whose results are messages: those over a WebSocket, and those that are sent as server-sent events. They take
//! the same stages as requests for one response.

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data};
use async_graphql::Value;
use serde_json::json;
use tracing::Instrument as _;

use crate::http::AppState;
use crate::http::client_id::ClientId;
use crate::http::error::HttpError;
use crate::http::graphql_handler::events::SubscriptionEvents;
use crate::http::graphql_handler::extract::{OperationContext, accepted_languages, operation};
use crate::http::graphql_handler::identify::Client;
use crate::http::graphql_handler::limits::Transport;
use crate::http::graphql_handler::record::{Recorder, RequestLog};
use crate::http::graphql_handler::{Answer, answer, encode, identify};
use crate::http::request_params::RequestParams;
use crate::http::response::{self, EncodedResponse};
use crate::http::streams::Turns;
use crate::model::language::AcceptedLanguages;

/// Where the operations of a socket come from.
#[derive(Clone, Debug)]
pub(in crate::http) struct OperationOrigin {
    client: ClientId,
    is_forwarded: bool,
    languages: AcceptedLanguages,
}

impl OperationOrigin {
    /// That of a socket opened by this request.
    pub(in crate::http) fn of(http: &HttpRequest, state: &AppState) -> Self {
        Self {
            client: state.clients.identify(http),
            is_forwarded: state.clients.is_forwarded(http),
            languages: accepted_languages(http),
        }
    }

    /// The client, to which limits apply.
    pub(in crate::http) fn client(&self) -> &ClientId {
        &self.client
    }

    /// Takes the client for the owner of a token, as in `Authorization`. An unknown token is ignored.
    pub(in crate::http) fn authorize(&mut self, state: &AppState, authorization: &str) {
        if let Some(client) = state.clients.identify_token(authorization) {
            self.client = client;
        }
    }
}

/// What an operation leads to.
pub(in crate::http) enum Outcome {
    /// The response, as JSON.
    Response(Bytes),
    /// The errors for which it was not executed, as a JSON list.
    Rejected(String),
    /// A subscription that has started.
    Subscription(Box<SubscriptionEvents>),
}

/// Runs an operation over a socket through its stages, and records the outcome.
pub(in crate::http) async fn run(
    state: &Data<AppState>,
    origin: &OperationOrigin,
    turns: &Turns,
    params: RequestParams,
) -> Outcome {
    let _turn = turns.next().await;
    let mut recorder = Recorder::start_message(state);
    let span = recorder.span();
    let log = &mut recorder.log;
    let work = async {
        let client = identify::known_client(origin.client.clone(), origin.is_forwarded, state);
        let context = || Ok(OperationContext::with_languages(origin.languages.clone()));
        let answer = answer(state, &client, operation(state, params, context), Transport::Stream, log).await?;
        into_outcome(answer, state, &client, turns.clone(), log)
    };
    // Boxed: a socket that waits does not hold the memory of the stages.
    let result = Box::pin(work).instrument(span).await;
    match result {
        Ok(outcome) => {
            recorder.finish_message(Ok(outcome.len()));
            outcome
        }
        Err(error) => {
            recorder.finish_message(Err(&error));
            Outcome::Rejected(error.to_errors().to_string())
        }
    }
}

impl Outcome {
    fn len(&self) -> usize {
        match self {
            Self::Response(body) => body.len(),
            Self::Rejected(errors) => errors.len(),
            Self::Subscription(_) => 0,
        }
    }
}

/// The messages of an answer.
pub(super) fn into_outcome(
    answer: Answer,
    state: &Data<AppState>,
    client: &Client<'_>,
    turns: Turns,
    log: &mut RequestLog,
) -> Result<Outcome, HttpError> {
    let response = match answer {
        Answer::Subscription(subscription) => {
            log.outcome = "ok";
            let events = SubscriptionEvents::new(*subscription, state, client, turns, &log.request_id);
            return Ok(Outcome::Subscription(Box::new(events)));
        }
        Answer::Cached(cached) => {
            (log.outcome, log.is_cached) = ("ok", true);
            let body = cached.body.text().ok_or_else(|| {
                tracing::error!("a cached response could not be decompressed");
                HttpError::internal()
            })?;
            return Ok(Outcome::Response(body));
        }
        Answer::Executed(response) => response,
        Answer::Rejected(mut rejected) => {
            response::sanitize_errors(&mut rejected, &log.request_id);
            EncodedResponse::encode(*rejected)?
        }
        Answer::CostOnly(cost) => {
            let mut response = async_graphql::Response::new(Value::Null);
            encode::set_cost_extension(&mut response, cost, &state.schema);
            EncodedResponse::encode(response)?
        }
    };
    log.set_outcome(&response);
    Ok(if response.is_executed {
        Outcome::Response(response.body)
    } else {
        Outcome::Rejected(json!(response.errors).to_string())
    })
}
