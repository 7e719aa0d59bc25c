//! `/graphql`: GraphQL over HTTP, as its specification has it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody as _};
use actix_web::http::header::{self, ContentEncoding, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::OperationType;
use async_graphql::{Name, Request, Response, ServerError, Value};
use futures_util::StreamExt as _;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument as _, Span};

use crate::error::Error;
use crate::graphql::DirectorySchema;
use crate::graphql::limits::query_cost::Cost;
use crate::http::content_negotiation::{MediaType, likes_zstd_best};
use crate::http::metrics::Observation;
use crate::http::persisted_queries::hexadecimal;
use crate::http::rate_limit::{LEAST_COST, Standing};
use crate::http::request_id::RequestId;
use crate::http::request_params::{self, Parameters};
use crate::http::response::{self, Answer, Refusal};
use crate::http::response_cache::{Body, Kept, Question};
use crate::http::{State, see_other};
use crate::model::language::AcceptedLanguages;
use crate::store::access::executor::Statements;
use crate::store::access::revision::Position;
use crate::telemetry;

/// What decides about an answer, for caches on the way.
const VARY: &str = "Accept, Accept-Encoding, Accept-Language";
/// A place in the database's log: in an answer, all up to there is in it; in a request, the answer is to have all up to there.
pub(super) const POSITION: HeaderName = HeaderName::from_static("x-directory-position");
/// Headers that a page of another site can only send after asking, by any of which a GET shows that it is meant.
const MEANT: [&str; 3] = ["apollo-require-preflight", "x-apollo-operation-name", "x-requested-with"];

/// A query in the body.
pub async fn post(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let answered = async {
        let media_type = wanted(&request)?;
        is_json(&request)?;
        let body = read(&request, payload, state.limits.body_bytes, state.body_timeout).await?;
        let _permit = state.admission.enter()?;
        let parameters = request_params::of_body(&body).map_err(|reason| unreadable(&request, &state, reason))?;
        run(&request, &state, parameters, media_type).await
    };
    follow(&request, &state, answered).await
}

/// A query in the address.
pub async fn get(request: HttpRequest, state: Data<State>) -> HttpResponse {
    if request.query_string().is_empty() && wants_page(&request) {
        return see_other("/graphiql").await;
    }
    let answered = async {
        let media_type = wanted(&request)?;
        if !is_meant(&request) {
            return Err(Refusal::bad_request(
                "BAD_USER_INPUT",
                "from a browser, a query by GET needs the header Accept: application/graphql-response+json (or application/json), or \
                 X-Requested-With or Apollo-Require-Preflight with any value",
            ));
        }
        let _permit = state.admission.enter()?;
        let parameters = request_params::of_address(request.query_string());
        let parameters = parameters.map_err(|reason| unreadable(&request, &state, reason))?;
        run(&request, &state, parameters, media_type).await
    };
    follow(&request, &state, answered).await
}

/// What the address takes.
pub async fn options() -> HttpResponse {
    HttpResponse::NoContent().insert_header((header::ALLOW, "GET, POST, OPTIONS")).finish()
}

/// Any other method.
pub async fn other_method(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let refusal = Refusal::method("GET, POST, OPTIONS", "send queries by POST, or by GET");
    follow(&request, &state, std::future::ready(Err(refusal))).await
}

/// What is noted of a request on the way.
#[derive(Clone, Default)]
struct Noted {
    kind: Option<OperationType>,
    operation: Option<String>,
    cost: Option<u64>,
    statements: Option<Statements>,
    /// Whether its answer was there already.
    is_kept: bool,
    /// What its answer has all up to, where that was asked.
    position: Option<Position>,
    outcome: &'static str,
    refusal: Option<String>,
    /// How long its JSON is, where something else is sent.
    bytes: Option<u64>,
}

fn note(request: &HttpRequest, change: impl FnOnce(&mut Noted)) {
    let mut extensions = request.extensions_mut();
    match extensions.get_mut::<Noted>() {
        Some(noted) => change(noted),
        None => {
            let mut noted = Noted::default();
            change(&mut noted);
            extensions.insert(noted);
        }
    }
}

/// A request that is worked on. Whatever becomes of it is counted, logged and traced, once, by nothing that could tell what
/// was asked.
struct Followed<'a> {
    request: &'a HttpRequest,
    state: &'a State,
    begun: Instant,
    span: Span,
    /// The answer's status and bytes, once there is one.
    answer: Option<(StatusCode, Option<u64>)>,
}

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        let mut noted = self.request.extensions().get::<Noted>().cloned().unwrap_or_default();
        if self.answer.is_none() {
            // The client went away.
            noted.outcome = "cancelled";
        }
        let time = self.begun.elapsed();
        let statements = noted.statements.map_or(0, |statements| statements.count());
        let (operation, outcome) = (noted.operation.as_deref(), noted.outcome);
        let status = self.answer.map(|(status, _)| status.as_u16());
        tracing::info!(
            target: "academic_directory::request",
            request_id = %RequestId::of(self.request),
            trace_id = telemetry::trace_id(&self.span),
            kind = noted.kind.map(|kind| kind.to_string()),
            operation = operation.map(|name| name.chars().take(100).collect::<String>()),
            outcome,
            refusal = noted.refusal,
            status,
            milliseconds = (time.as_secs_f64() * 1e6).round() / 1000.0,
            statements,
            cost = noted.cost,
            cached = noted.is_kept,
            bytes = noted.bytes.or(self.answer.and_then(|(_, bytes)| bytes)),
            "{}", if status.is_some() { "answered" } else { "not answered" }
        );
        let is_fault = matches!(outcome, "unavailable" | "timeout" | "error");
        telemetry::end_request(&self.span, status, is_fault, outcome, noted.refusal.as_deref(), statements);
        let refusal = noted.refusal;
        self.state.metrics.observe(&Observation { operation, outcome, statements, time, refusal });
    }
}

/// Answers a request, and watches it on the way.
async fn follow(
    request: &HttpRequest,
    state: &State,
    answered: impl Future<Output = Result<HttpResponse, Refusal>>,
) -> HttpResponse {
    let header = |name: &str| request.headers().get(name)?.to_str().ok().map(str::to_owned);
    let span = telemetry::request_span(request.method().as_str(), &RequestId::of(request), header);
    let mut followed = Followed { request, state, begun: Instant::now(), span: span.clone(), answer: None };
    let response = finish(request, answered.instrument(span).await);
    let bytes = match response.body().size() {
        BodySize::Sized(bytes) => Some(bytes),
        BodySize::None => Some(0),
        BodySize::Stream => None,
    };
    followed.answer = Some((response.status(), bytes));
    response
}

fn finish(request: &HttpRequest, answered: Result<HttpResponse, Refusal>) -> HttpResponse {
    if let Err(refusal) = &answered {
        note(request, |noted| {
            noted.refusal = Some(refusal.code.to_owned());
            noted.outcome = match refusal.status {
                StatusCode::SERVICE_UNAVAILABLE => "unavailable",
                StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => "timeout",
                StatusCode::INTERNAL_SERVER_ERROR => "error",
                _ => "refused",
            };
        });
    }
    let mut response =
        answered.unwrap_or_else(|refusal| refusal.respond(MediaType::accepted_by(request).unwrap_or(MediaType::Json)));
    let position = request.extensions().get::<Noted>().and_then(|noted| noted.position);
    if let Some(value) = position.and_then(|position| HeaderValue::from_str(&position.to_string()).ok()) {
        response.headers_mut().insert(POSITION, value);
    }
    let standing = request.extensions().get::<Standing>().copied();
    for (name, value) in standing.iter().flat_map(Standing::headers) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Neither a link, a form nor an image of another site can make a reader's browser run a query: a GET says by a header
/// that it is one, or comes from no browser. (Browsers tell of other sites by `Sec-Fetch-Site`, and ask for pages and
/// images by their types; a program asks for anything.)
fn is_meant(request: &HttpRequest) -> bool {
    let headers = request.headers();
    if MediaType::is_named_by(request) || MEANT.iter().any(|name| headers.contains_key(*name)) {
        return true;
    }
    let asks_for_anything = headers.get_all(header::ACCEPT).all(|accept| accept.as_bytes().trim_ascii() == b"*/*");
    let is_elsewhere =
        headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    asks_for_anything && !is_elsewhere
}

/// Somebody who opens the address in a browser wants the page for it.
fn wants_page(request: &HttpRequest) -> bool {
    let values = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    values.into_iter().any(|value| value.to_ascii_lowercase().contains("text/html"))
}

fn wanted(request: &HttpRequest) -> Result<MediaType, Refusal> {
    MediaType::accepted_by(request).ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_ACCEPTABLE,
            "BAD_USER_INPUT",
            "answers are application/graphql-response+json or application/json, in UTF-8; accept one of them",
        )
    })
}

/// A page of another site can send other types without asking, and JSON is UTF-8.
fn is_json(request: &HttpRequest) -> Result<(), Refusal> {
    let header = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(media_type) = header.and_then(|value| value.parse::<mime::Mime>().ok()) else {
        return Err(Refusal::unsupported("send the query as JSON, with the header Content-Type: application/json"));
    };
    if media_type.essence_str() != "application/json" {
        return Err(Refusal::unsupported(
            "the body is of another type than application/json; send the query as JSON, with the header Content-Type: \
             application/json",
        ));
    }
    if media_type.get_param(mime::CHARSET).is_some_and(|charset| charset != mime::UTF_8) {
        return Err(Refusal::unsupported("the body is in another charset than UTF-8; send JSON in UTF-8"));
    }
    let coding = request.headers().get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let refusal = Refusal::unsupported("the body is compressed; send it without Content-Encoding");
        return Err(refusal.with(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    Ok(())
}

/// The whole body, as long as it is small enough and comes in time.
async fn read(http: &HttpRequest, mut payload: Payload, most: usize, time: Duration) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        let message = format!("the body is larger than {most} bytes; send less at once");
        // The rest of it is not read.
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "LIMIT_EXCEEDED", message)
            .with(header::CONNECTION, HeaderValue::from_static("close"))
    };
    let announced = http.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > most) {
        return Err(too_large());
    }
    let reading = async {
        let mut body = Vec::new();
        while let Some(part) = payload.next().await {
            let part = part.map_err(|_| Refusal::bad_request("BAD_USER_INPUT", "the body could not be read"))?;
            if body.len() + part.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    };
    tokio::time::timeout(time, reading).await.unwrap_or_else(|_| {
        let message = format!("the body did not come within {} seconds", time.as_secs_f32());
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", message)
            .with(header::CONNECTION, HeaderValue::from_static("close")))
    })
}

async fn run(
    http: &HttpRequest,
    state: &State,
    mut parameters: Parameters,
    media_type: MediaType,
) -> Result<HttpResponse, Refusal> {
    let document = state.persisted.document(&mut parameters)?;
    let is_by_name = document.is_by_name;
    // Only kept where somebody will ask for it by its digest.
    let text = parameters.sha256.is_some().then(|| document.text.clone());
    let told = CostWanted::of(http)?;
    let seen = position_seen(http)?;
    let operation_name = parameters.operation_name.take().filter(|name| !name.is_empty());
    let variables = std::mem::take(&mut parameters.variables);
    let languages = accepted_languages(http);
    let ask = || Question::new(&document.text, operation_name.as_deref(), &variables, &languages);
    let question = (told == CostWanted::Not).then(|| state.answers.question(ask)).flatten();
    if let Some(question) = &question
        && let Some((kept, position)) = state.answers.find(&state.store, question, seen).await
    {
        note(http, |noted| noted.position = Some(position));
        if let Some(text) = text {
            state.persisted.remember(&parameters, &text);
        }
        return give_again(http, state, &kept, media_type, is_by_name);
    }
    let mut query = Request::new(document.text).variables(variables);
    if let Some(name) = operation_name {
        query = query.operation_name(name);
    }
    query = query.data(languages);
    let request_id = RequestId::of(http);
    let prepared = match state.schema.prepare(query) {
        Ok(prepared) => prepared,
        Err(mut refused) => {
            charge(http, state, LEAST_COST)?;
            response::tell_errors(&mut refused, &request_id);
            return respond(http, state, &Answer::of(*refused)?, media_type, false);
        }
    };
    if prepared.kind == Some(OperationType::Mutation) && http.method() == Method::GET {
        return Err(Refusal::method("POST", "a mutation changes things, which GET must not; send it by POST"));
    }
    let (cost, kind, name) = (prepared.cost, prepared.kind, prepared.name.clone());
    name_operation(http, kind, name.as_deref(), cost);
    charge(http, state, if told == CostWanted::Only { LEAST_COST } else { cost.total() })?;
    if told == CostWanted::Only {
        let mut response = Response::new(Value::Null);
        tell_cost(&mut response, cost, &state.schema);
        return respond(http, state, &Answer::of(response)?, media_type, false);
    }

    // What is refused by now has cost the database nothing.
    let question = question.filter(|_| kind == Some(OperationType::Query));
    let is_asked = question.is_some() || seen.is_some() || !state.store.replicas().is_empty();
    let moment = if is_asked { state.store.moment(seen).await } else { None };
    let place = question.and_then(|question| state.answers.place(question, moment.as_ref()));
    let store = state.store.for_request(moment.as_ref(), seen).await;
    note(http, |noted| {
        noted.statements = Some(store.statements());
        noted.position = moment.map(|moment| moment.position);
    });
    // On threads with a stack as deep as queries may be. If the client goes away, so does this, and with it the task.
    let schema = Arc::clone(&state.schema);
    let id = request_id.clone();
    let work = async move {
        let mut response = schema.execute(prepared, store).await;
        let is_of = |error: &ServerError| matches!(error.source::<Error>(), Some(Error::Unavailable(_)));
        let is_unavailable = response.errors.iter().any(is_of);
        response::tell_errors(&mut response, &id);
        if is_unavailable {
            // Half an answer would look like a directory without people.
            return Err(Refusal::busy(Error::UNAVAILABLE));
        }
        if told == CostWanted::Too {
            tell_cost(&mut response, cost, &schema);
        }
        // Here, where what it is made of is at hand, and given back.
        Answer::of(response)
    };
    let executed = AbortOnDropHandle::new(state.runtime.spawn(work.in_current_span()));
    let mut pulse = state.pulse.clone();
    let answered = tokio::select! {
        answered = tokio::time::timeout(state.request_timeout, executed) => answered,
        () = pulse.lost() => return Err(Refusal::busy(Error::UNAVAILABLE)),
    };
    let answer = match answered {
        Ok(Ok(answer)) => answer?,
        Ok(Err(error)) => {
            tracing::error!(%request_id, %error, "a query ended in a fault");
            return Err(Refusal::internal());
        }
        Err(_) => return Err(Refusal::too_slow(state.request_timeout)),
    };
    if let Some(text) = text.filter(|_| answer.was_run) {
        state.persisted.remember(&parameters, &text);
    }
    let answered = respond(http, state, &answer, media_type, is_by_name)?;
    if let Some(place) = place.filter(|_| answer.errors.is_empty()) {
        state.answers.keep(place, &answer.body, name, cost);
    }
    Ok(answered)
}

/// What is told of the operation to whoever watches.
fn name_operation(http: &HttpRequest, kind: Option<OperationType>, name: Option<&str>, cost: Cost) {
    note(http, |noted| {
        noted.kind = kind;
        noted.operation = name.map(str::to_owned);
        noted.cost = Some(cost.total());
    });
    if let Some(kind) = kind {
        telemetry::name_request(&Span::current(), &kind.to_string(), name);
    }
}

/// Answers what was answered before. It costs the client the same: what others asked is none of its business.
fn give_again(
    http: &HttpRequest,
    state: &State,
    kept: &Kept,
    media_type: MediaType,
    is_by_name: bool,
) -> Result<HttpResponse, Refusal> {
    name_operation(http, Some(OperationType::Query), kept.name.as_deref(), kept.cost);
    charge(http, state, kept.cost.total())?;
    note(http, |noted| {
        noted.outcome = "ok";
        noted.is_kept = true;
    });
    respond_with(http, state, &kept.body, true, media_type, is_by_name)
}

/// Takes what the query costs from what the client may ask for in a minute. `finish` tells what is left.
fn charge(http: &HttpRequest, state: &State, cost: u64) -> Result<(), Refusal> {
    let Some((limiter, peer)) = state.rate_limiter.as_ref().zip(http.peer_addr()) else { return Ok(()) };
    let client = limiter.client_of(peer.ip(), http.headers());
    let standing = limiter.charge(&client, u32::try_from(cost.max(LEAST_COST)).unwrap_or(u32::MAX));
    let standing = standing.map_err(|exceeded| exceeded.refusal())?;
    http.extensions_mut().insert(standing);
    Ok(())
}

/// A request that is no GraphQL request costs something too.
fn unreadable(http: &HttpRequest, state: &State, reason: impl Into<String>) -> Refusal {
    match charge(http, state, LEAST_COST) {
        Ok(()) => Refusal::bad_request("BAD_USER_INPUT", reason),
        Err(refusal) => refusal,
    }
}

/// What the client has seen already, by the header `X-Directory-Position`.
fn position_seen(http: &HttpRequest) -> Result<Option<Position>, Refusal> {
    let Some(value) = http.headers().get(POSITION) else { return Ok(None) };
    let position = value.to_str().unwrap_or_default().parse();
    position
        .map(Some)
        .map_err(|error: Error| Refusal::bad_request("BAD_USER_INPUT", format!("X-Directory-Position: {error}")))
}

/// Whether a client wants to know what its query costs, by the header `X-Query-Cost`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CostWanted {
    Not,
    Too,
    Only,
}

impl CostWanted {
    fn of(http: &HttpRequest) -> Result<Self, Refusal> {
        match http.headers().get("x-query-cost").map(HeaderValue::as_bytes) {
            None => Ok(Self::Not),
            Some(b"report") => Ok(Self::Too),
            Some(b"only") => Ok(Self::Only),
            Some(_) => Err(Refusal::bad_request(
                "BAD_USER_INPUT",
                "X-Query-Cost can be report, for the cost beside the answer, or only, for the cost without running the query",
            )),
        }
    }
}

fn tell_cost(response: &mut Response, cost: Cost, schema: &DirectorySchema) {
    let limits = schema.limits();
    let mut told = IndexMap::new();
    let of = |nodes: u64, statements: Option<u64>, total: u64| {
        let statements = statements.map(|statements| (Name::new("statements"), Value::from(statements)));
        let sums = [(Name::new("nodes"), Value::from(nodes)), (Name::new("cost"), Value::from(total))];
        Value::Object(sums.into_iter().chain(statements).collect())
    };
    told.insert(Name::new("requested"), of(cost.nodes, Some(cost.statements), cost.total()));
    told.insert(Name::new("limit"), of(limits.nodes, None, limits.cost));
    response.extensions.insert("cost".to_owned(), Value::Object(told));
}

/// The answer in the media type that the client wants, with the status that the type asks for.
fn respond(
    http: &HttpRequest,
    state: &State,
    answer: &Answer,
    media_type: MediaType,
    is_by_name: bool,
) -> Result<HttpResponse, Refusal> {
    note(http, |noted| {
        noted.outcome = match (answer.was_run, answer.errors.first()) {
            (_, None) => "ok",
            (true, Some(_)) => "partial",
            (false, Some(error)) => {
                let told = |name| match error.extensions.as_ref()?.get(name)? {
                    Value::String(text) => Some(text.clone()),
                    _ => None,
                };
                noted.refusal = told("limit").or_else(|| told("code"));
                "refused"
            }
        };
    });
    let body = Body::Plain(answer.body.clone());
    let mut answered = respond_with(http, state, &body, answer.errors.is_empty(), media_type, is_by_name)?;
    if media_type == MediaType::GraphQlResponse && !answer.was_run {
        *answered.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(answered)
}

/// An answer with its body, and with what caches on the way may do with it.
fn respond_with(
    http: &HttpRequest,
    state: &State,
    body: &Body,
    is_whole: bool,
    media_type: MediaType,
    is_by_name: bool,
) -> Result<HttpResponse, Refusal> {
    let is_tagged = http.method() == Method::GET && is_whole;
    let kept = match body {
        Body::Compressed { zstd, length } if likes_zstd_best(http) => Some((zstd, *length)),
        _ => None,
    };
    // Where the kept form is sent and nothing is said of it, nobody looks at the JSON.
    let json = if is_tagged || kept.is_none() { body.json() } else { Some(Bytes::new()) };
    let json = json.ok_or_else(|| {
        tracing::error!("a kept answer is damaged");
        Refusal::internal()
    })?;
    let mut built = HttpResponse::Ok();
    built.content_type(media_type.content_type()).insert_header((header::VARY, VARY));
    if is_tagged {
        // Weak: compressed or not, it says the same.
        let digest = <sha2::Sha256 as sha2::Digest>::digest(&json);
        let tag = format!("W/\"{}\"", hexadecimal(&digest[..16]));
        let caching = match state.persisted_max_age.as_secs() {
            seconds if is_by_name && seconds > 0 => format!("public, max-age={seconds}"),
            _ => "private, no-cache".to_owned(),
        };
        built.insert_header((header::ETAG, tag.clone())).insert_header((header::CACHE_CONTROL, caching));
        if has_already(http, &tag) {
            return Ok(built.status(StatusCode::NOT_MODIFIED).finish());
        }
    } else {
        built.insert_header((header::CACHE_CONTROL, "no-store"));
    }
    let Some((zstd, length)) = kept else { return Ok(built.body(json)) };
    note(http, |noted| noted.bytes = u64::try_from(length).ok());
    Ok(built.insert_header(ContentEncoding::Zstd).body(zstd.clone()))
}

/// Whether the client holds this very answer, by RFC 9110, section 13.1.2.
fn has_already(http: &HttpRequest, tag: &str) -> bool {
    let values = http.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    values.flat_map(|value| value.split(',')).any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

/// The reader's languages by the request's header, which may be there several times.
fn accepted_languages(request: &HttpRequest) -> AcceptedLanguages {
    let values =
        request.headers().get_all(header::ACCEPT_LANGUAGE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    AcceptedLanguages::of(&values.collect::<Vec<_>>().join(","))
}
