//! `/graphql`: GraphQL over HTTP. A request passes through one stage after the other:
//!
//! 1. [`extract`]: method, media type and parameters
//! 2. [`identify`]: the client, for its limits
//! 3. [`cache`]: the response cache; a hit debits its cost from the rate limit and ends here
//! 4. [`limits`]: rate limit, admission and query limits
//! 5. [`execute`]: execution of the query
//! 6. [`encode`]: status, headers and body of the response
//! 7. [`record`]: log line, metrics and trace span
//!
//! [`run`] and [`answer`] list the stages in order. Each receives what the stages before it returned. Stages 3 to 5 also execute
//! the queries of the service itself: [`resource`].

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::Response;
use async_graphql::parser::types::OperationType;
use tracing::Instrument as _;

use self::cache::Lookup;
pub(super) use self::encode::PERSONAL_HEADERS;
use self::extract::{EventStream, ExtractedRequest, OperationContext, OperationRequest};
pub(super) use self::extract::{POSITION_HEADER, accepted_languages, accepts_html, read_body};
use self::identify::Client;
use self::limits::{CheckedQuery, Transport};
use self::record::{Recorder, RequestLog};
use crate::graphql::limits::query_cost::QueryCost;
use crate::graphql::subscriptions::Subscription;
use crate::http::error::HttpError;
use crate::http::response::EncodedResponse;
use crate::http::response_cache::CachedResponse;
use crate::http::streams::StreamSlot;
use crate::http::{AppState, is_read, redirect_see_other, server_sent_events, websocket};

mod cache;
mod encode;
pub(super) mod events;
mod execute;
mod extract;
mod identify;
mod limits;
pub(super) mod operation;
mod record;
pub(super) mod resource;

/// The methods of `/graphql`.
pub(super) const ALLOWED_METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Handles `POST /graphql`.
pub async fn post(http: HttpRequest, state: Data<AppState>, payload: Payload) -> HttpResponse {
    respond(&http, &state, extract::from_body(&http, payload, &state)).await
}

/// Handles `GET /graphql`, and HEAD in the same way: also the handshake of a WebSocket. A browser that opens the URL without
/// a query is redirected to GraphiQL.
pub async fn get(http: HttpRequest, state: Data<AppState>, payload: Payload) -> HttpResponse {
    if websocket::is_requested(&http) {
        return match websocket::open(&http, &state, payload) {
            Ok(response) => response,
            Err(error) => respond(&http, &state, std::future::ready(Err(error))).await,
        };
    }
    if http.query_string().is_empty() && extract::accepts_html(&http) {
        return redirect_see_other("graphiql");
    }
    respond(&http, &state, std::future::ready(extract::from_query_string(&http, &state))).await
}

/// Rejects any other method with 405.
pub async fn method_not_allowed(http: HttpRequest, state: Data<AppState>) -> HttpResponse {
    let error = HttpError::method_not_allowed(ALLOWED_METHODS, "method not allowed; send the query by POST or GET");
    respond(&http, &state, std::future::ready(Err(error))).await
}

/// Runs the stages and records the outcome, also if the client disconnects meanwhile.
async fn respond(
    http: &HttpRequest,
    state: &Data<AppState>,
    extracted: impl Future<Output = Result<ExtractedRequest, HttpError>>,
) -> HttpResponse {
    let mut recorder = Recorder::start(http, state);
    let span = recorder.span();
    let result = run(http, state, extracted, &mut recorder.log).instrument(span).await;
    recorder.finish(http, result)
}

/// Runs the stages from extraction to encoding.
async fn run(
    http: &HttpRequest,
    state: &Data<AppState>,
    extracted: impl Future<Output = Result<ExtractedRequest, HttpError>>,
    log: &mut RequestLog,
) -> Result<HttpResponse, HttpError> {
    let ExtractedRequest { media_type, event_stream, params } = extracted.await?;
    let client = identify::client(http, state);
    let params = params.parse(http).map_err(|reason| HttpError::bad_request("BAD_USER_INPUT", reason));
    let context = || OperationContext::from_headers(http);
    let mut request = params.and_then(|params| extract::operation(state, params, context));
    if let Ok(request) = &mut request {
        request.resume_after = server_sent_events::last_event_id(http);
    }
    let is_by_id = request.as_ref().is_ok_and(|request| request.is_by_id);
    let transport = match event_stream {
        EventStream::Accepted | EventStream::Preferred => Transport::Stream,
        EventStream::No if is_read(http) => Transport::Read,
        EventStream::No => Transport::Write,
    };
    let answer = answer(state, &client, request, transport, log).await?;
    if event_stream == EventStream::Preferred || matches!(answer, Answer::Subscription(_)) {
        let slot = matches!(answer, Answer::Subscription(_)).then(|| state.streams.open(&client.id)).transpose()?;
        let turns = slot.as_ref().map(StreamSlot::turns).unwrap_or_default();
        let outcome = operation::into_outcome(answer, state, &client, turns, log)?;
        return Ok(server_sent_events::respond(outcome, state, slot));
    }
    let reply = encode::Reply { http, state, media_type, is_by_id };
    match answer {
        Answer::Cached(cached) => reply.cached(&cached, log),
        Answer::Executed(response) => reply.executed(&response, log),
        Answer::Rejected(rejected) => reply.rejected(rejected, log),
        Answer::CostOnly(cost) => reply.cost_only(cost, log),
        Answer::Subscription(_) => Err(HttpError::internal()),
    }
}

/// What an operation is answered with.
enum Answer {
    /// The response from the cache.
    Cached(CachedResponse),
    /// The response of an executed query.
    Executed(EncodedResponse),
    /// The response to an invalid query.
    Rejected(Box<Response>),
    /// The cost of a query that was not executed.
    CostOnly(QueryCost),
    /// A subscription that has started.
    Subscription(Box<Subscription>),
}

/// Runs the stages between extraction and encoding, which are the same whatever the operation was sent over.
async fn answer(
    state: &AppState,
    client: &Client<'_>,
    request: Result<OperationRequest, HttpError>,
    transport: Transport,
    log: &mut RequestLog,
) -> Result<Answer, HttpError> {
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            limits::debit_minimum(client, log).await?;
            return Err(error);
        }
    };
    let found = match cache::look_up(state, &request, log).await {
        Ok(found) => found,
        Err(error) => {
            limits::debit_minimum(client, log).await?;
            return Err(error);
        }
    };
    let key = match found {
        Lookup::Hit(cached) => {
            log.set_operation(Some(OperationType::Query), cached.operation_name.as_deref(), cached.cost);
            limits::debit(client, cached.cost.total(), log).await?;
            return Ok(Answer::Cached(cached));
        }
        Lookup::Miss(key) => key,
    };

    limits::debit_minimum(client, log).await?;
    let _permit = limits::admit(client, state).await?;
    let (cost_report, min_position) = (request.cost_report, request.min_position);
    let resume_after = request.resume_after.clone();
    let (query, persisted) = request.into_query();
    let checked = match limits::check_query(transport, state, query)? {
        Ok(checked) => checked,
        Err(rejected) => return Ok(Answer::Rejected(rejected)),
    };
    let CheckedQuery { prepared, operation } = checked;
    log.set_operation(operation.operation_type, operation.name.as_deref(), operation.cost);
    if cost_report.is_dry_run() {
        return Ok(Answer::CostOnly(operation.cost));
    }
    limits::debit_rest(client, operation.cost.total(), log).await?;

    if operation.operation_type == Some(OperationType::Subscription) {
        let store = state.store.for_request(None).await;
        log.statements = Some(store.statement_counter());
        return match execute::subscribe(state, prepared, resume_after, store, log).await? {
            Ok(subscription) => {
                persisted.register(state);
                Ok(Answer::Subscription(Box::new(subscription)))
            }
            Err(response) => Ok(Answer::Executed(response)),
        };
    }
    let reserved = cache::reserve(state, key, &operation, min_position, log).await?;
    let response = execute::run(state, prepared, operation.cost, cost_report, reserved.store, log).await?;
    if response.is_executed {
        persisted.register(state);
    }
    cache::insert(state, reserved.entry, &response, operation);
    Ok(Answer::Executed(response))
}
