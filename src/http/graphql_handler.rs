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
//! the queries of the pages: [`respond_to_own_query`].

use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::parser::types::OperationType;
use async_graphql::{Response, ServerError, Value, Variables};
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
use crate::http::response::{self, EncodedResponse};
use crate::http::response_cache::{CacheKey, CachedResponse, PageHeaders, ResponseBody};
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
pub(super) mod store_request;

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

/// A query of the service itself, for one of its pages.
pub(super) struct OwnQuery<'a> {
    /// Path and query string of the page, which determine it.
    pub(super) address: &'a str,
    pub(super) document: &'static str,
    pub(super) operation_name: &'static str,
    pub(super) variables: Variables,
}

/// A page that was rendered from the response to its query.
pub(super) struct RenderedPage {
    pub(super) html: String,
    /// The value of the `Link` header.
    pub(super) link: Option<String>,
}

/// Executes a query of the service itself, under the same limits, admission, cache and records as one that the client sent,
/// and responds with the page that `render` makes of its JSON, or with another response such as a redirect. Pages are cached
/// like responses.
pub(super) async fn respond_to_own_query(
    http: &HttpRequest,
    state: &AppState,
    query: OwnQuery<'_>,
    render: impl FnOnce(&Bytes) -> Result<RenderedPage, HttpResponse>,
    encode: impl FnOnce(Result<CachedResponse, HttpError>) -> HttpResponse,
) -> HttpResponse {
    let mut recorder = Recorder::start(http, state);
    let span = recorder.span();
    let result = run_own_query(http, state, query, render, &mut recorder.log).instrument(span).await;
    recorder.finish_with(result, |result| match result {
        Ok(Ok(page)) => encode(Ok(page)),
        Ok(Err(response)) => response,
        Err(error) => encode(Err(error)),
    })
}

async fn run_own_query(
    http: &HttpRequest,
    state: &AppState,
    query: OwnQuery<'_>,
    render: impl FnOnce(&Bytes) -> Result<RenderedPage, HttpResponse>,
    log: &mut RequestLog,
) -> Result<Result<CachedResponse, HttpResponse>, HttpError> {
    let client = identify::client(http, state);
    let key = state.response_cache.make_key(|| Some(CacheKey::of_page(query.address)));
    if let Some(key) = &key
        && let Some((page, position)) = state.response_cache.get(&state.store, key, None).await?
    {
        log.position = Some(position);
        log.set_operation(Some(OperationType::Query), page.operation_name.as_deref(), page.cost);
        limits::debit(&client, page.cost.total(), log).await?;
        log.outcome = "ok";
        log.is_cached = true;
        return Ok(Ok(page));
    }
    // The response includes this revision or a later one.
    let entry = match key {
        Some(key) => state.response_cache.reserve_page(key, state.store.known_revision().await.as_ref()),
        None => None,
    };
    let operation_name = Some(query.operation_name.to_owned());
    let json = json_of_own_query(state, &client, query, log).await?;
    Ok(render(&json).map(|RenderedPage { html, link }| {
        let page = CachedResponse {
            page: Some(Box::new(PageHeaders { etag: resource::weak_etag(&html), link })),
            body: ResponseBody::Plain(html.into()),
            operation_name,
            cost: log.cost.unwrap_or_default(),
        };
        // As for responses: there are endlessly many pages that read nothing.
        if let Some(entry) = entry.filter(|_| page.cost.total() > 0) {
            state.response_cache.insert_page(entry, &page);
        }
        page
    }))
}

async fn json_of_own_query(
    state: &AppState,
    client: &Client<'_>,
    query: OwnQuery<'_>,
    log: &mut RequestLog,
) -> Result<Bytes, HttpError> {
    let request = OperationRequest::own(query.document, query.operation_name, query.variables);
    match answer(state, client, Ok(request), Transport::Read, log).await? {
        Answer::Cached(cached) => {
            log.outcome = "ok";
            log.is_cached = true;
            cached.body.text().ok_or_else(|| {
                tracing::error!("a cached response could not be decompressed");
                HttpError::internal()
            })
        }
        Answer::Executed(response) => {
            log.set_outcome(&response);
            match response.errors.first() {
                None => Ok(response.body),
                Some(_) if response.is_timed_out => Err(HttpError::timeout(state.request_timeout)),
                Some(error) => Err(error_of_own_query(error)),
            }
        }
        Answer::Rejected(mut rejected) => {
            response::sanitize_errors(&mut rejected, &log.request_id);
            Err(rejected.errors.first().map_or_else(HttpError::internal, error_of_own_query))
        }
        Answer::CostOnly(_) | Answer::Subscription(_) => Err(HttpError::internal()),
    }
}

/// The documents of the service are valid, so that what is wrong is a variable, which comes from the address; or a limit of
/// queries is set lower than the pages need.
fn error_of_own_query(error: &ServerError) -> HttpError {
    let code = match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => code.as_str(),
        _ => "INTERNAL",
    };
    match code {
        "BAD_USER_INPUT" | "GRAPHQL_VALIDATION_FAILED" => HttpError::bad_request("BAD_USER_INPUT", &error.message),
        "INTERNAL" => HttpError::internal(),
        _ => {
            tracing::warn!(message = %error.message, "the query of a page was refused");
            HttpError::service_unavailable(&error.message)
        }
    }
}
