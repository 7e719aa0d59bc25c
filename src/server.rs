//! HTTP: routes, what is accepted, status codes, start and stop. The only place that knows the web framework.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{StatusCode, Uri};
use actix_web::middleware::Compress;
use actix_web::web::{Bytes, Data, PayloadConfig, Query};
use actix_web::{App, HttpMessage as _, HttpRequest, HttpResponse, HttpServer, guard, web};
use async_graphql::{Request, Response, ServerError, Variables};
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use uuid::Uuid;

use crate::config::Limits;
use crate::error::Error;
use crate::language::AcceptedLanguages;
use crate::schema::context::DirectoryIdentity;
use crate::schema::{self, DirectorySchema};
use crate::store::Store;

/// The media type of answers by the GraphQL-over-HTTP specification.
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

/// What the browser gets, built from `web/` by npm.
static WEB: Dir<'_> = include_dir!("$OUT_DIR/web");
/// The page works from this binary alone: nothing is fetched from elsewhere, and nothing of it runs inside another page.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
     worker-src 'self'; connect-src 'self'; frame-ancestors 'none'";

/// What a server is made of.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What a request may ask for.
    pub limits: Limits,
    /// What the directory says of itself.
    pub identity: DirectoryIdentity,
    /// How many statements were sent, to tell what a request cost.
    pub statements: Arc<AtomicU64>,
}

/// A server that listens, before it is run.
pub struct Application {
    address: SocketAddr,
    server: Server,
}

impl Application {
    /// Listens, and is ready to run.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub fn build(store: Store, settings: Settings) -> std::io::Result<Self> {
        let listener = TcpListener::bind(settings.listen)?;
        let address = listener.local_addr()?;
        let limits = settings.limits.clone();
        let schema = DirectorySchema::new(schema::builder(&limits).data(store.clone()).data(settings.identity.clone()));
        let state = Data::new(State { schema, store, statements: settings.statements });
        let server = HttpServer::new(move || {
            App::new()
                .wrap(Compress::default())
                .app_data(state.clone())
                .app_data(PayloadConfig::new(limits.body_bytes))
                .route("/", web::get().to(|| see_other("/graphiql")))
                .service(
                    web::resource("/graphql")
                        .route(web::post().to(post))
                        .route(web::get().guard(guard::fn_guard(|ctx| ctx.head().uri.query().is_none())).to(explain))
                        .route(web::get().to(get))
                        .default_service(web::to(other_method)),
                )
                .route("/graphiql", web::get().to(graphiql))
                .route("/graphiql/{file:.*}", web::get().to(graphiql_file))
                .default_service(web::to(not_found))
        })
        .disable_signals()
        .shutdown_timeout(10)
        .listen(listener)?
        .run();
        Ok(Self { address, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it from elsewhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(self.server.handle())
    }

    /// Answers requests until it is stopped.
    ///
    /// # Errors
    /// Where the listening fails.
    pub async fn run(self) -> std::io::Result<()> {
        self.server.await
    }
}

/// Ends a server.
#[derive(Clone)]
pub struct Handle(ServerHandle);

impl Handle {
    /// Takes no more requests, and lets those under way end within ten seconds.
    pub async fn stop(&self) {
        self.0.stop(true).await;
    }
}

struct State {
    schema: DirectorySchema,
    store: Store,
    statements: Arc<AtomicU64>,
}

async fn post(request: HttpRequest, state: Data<State>, body: Result<Bytes, actix_web::Error>) -> HttpResponse {
    let media_type = request.content_type().to_lowercase();
    if media_type != "application/json" {
        let message = "send the query as JSON, with the header Content-Type: application/json";
        return refusal(&request, StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    }
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            let status = error.as_response_error().status_code();
            let message = if status == StatusCode::PAYLOAD_TOO_LARGE {
                "the body is larger than a request may be; send less at once"
            } else {
                "the body could not be read"
            };
            return refusal(&request, status, message);
        }
    };
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        let message = "several queries in one request are not taken; send them one by one";
        return refusal(&request, StatusCode::BAD_REQUEST, message);
    }
    match serde_json::from_slice::<Request>(&body) {
        Ok(query) => execute(&request, &state, query).await,
        Err(error) => {
            let message = format!("the body is no GraphQL request: {error}");
            refusal(&request, StatusCode::BAD_REQUEST, &message)
        }
    }
}

/// A query in the address.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

async fn get(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let parameters = match Query::<Parameters>::from_query(request.query_string()) {
        Ok(parameters) => parameters.into_inner(),
        Err(error) => {
            let message = format!("the address cannot be read: {error}");
            return refusal(&request, StatusCode::BAD_REQUEST, &message);
        }
    };
    let Some(text) = parameters.query else {
        return refusal(&request, StatusCode::BAD_REQUEST, "the parameter query is missing");
    };
    let mut query = Request::new(text);
    if let Some(name) = parameters.operation_name.filter(|name| !name.is_empty()) {
        query = query.operation_name(name);
    }
    let object = |text: Option<String>| match text.filter(|text| !text.is_empty()) {
        Some(text) => serde_json::from_str(&text),
        None => Ok(serde_json::Value::Null),
    };
    match object(parameters.variables) {
        Ok(variables @ (serde_json::Value::Null | serde_json::Value::Object(_))) => {
            query = query.variables(Variables::from_json(variables));
        }
        _ => return refusal(&request, StatusCode::BAD_REQUEST, "the parameter variables is no JSON object"),
    }
    match object(parameters.extensions) {
        Ok(serde_json::Value::Null | serde_json::Value::Object(_)) => {}
        _ => return refusal(&request, StatusCode::BAD_REQUEST, "the parameter extensions is no JSON object"),
    }
    execute(&request, &state, query).await
}

/// Somebody who opens the address in a browser wants the page for it; somebody else forgot the query.
async fn explain(request: HttpRequest) -> HttpResponse {
    let accepts_html = accepted(&request).contains("text/html");
    if accepts_html {
        return see_other("/graphiql").await;
    }
    refusal(&request, StatusCode::BAD_REQUEST, "the parameter query is missing")
}

async fn other_method(request: HttpRequest) -> HttpResponse {
    let mut response = refusal(&request, StatusCode::METHOD_NOT_ALLOWED, "send queries by POST, or by GET");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    refusal(
        &request,
        StatusCode::NOT_FOUND,
        "there is nothing here; queries go to /graphql, and /graphiql is the page to try them",
    )
}

async fn execute(http: &HttpRequest, state: &State, query: Request) -> HttpResponse {
    let before = state.statements.load(Ordering::Relaxed);
    let query = query.data(state.store.loaders()).data(accepted_languages(http));
    let mut response = state.schema.execute(query).await;
    tell_errors(&mut response);
    tracing::debug!(
        errors = response.errors.len(),
        // Of all requests under way together: exact for one alone.
        statements = state.statements.load(Ordering::Relaxed) - before,
        "answered a query"
    );
    respond(http, &response)
}

/// The reader's languages by the request's header, which may be there several times.
fn accepted_languages(request: &HttpRequest) -> AcceptedLanguages {
    let values =
        request.headers().get_all(header::ACCEPT_LANGUAGE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    AcceptedLanguages::of(&values.collect::<Vec<_>>().join(","))
}

/// Gives each error its code, and faults of ours a number by which the log has them.
fn tell_errors(response: &mut Response) {
    // A query can hold as many mistakes as it has letters, and the parser quotes the whole line of one.
    const MOST_ERRORS: usize = 50;
    const LONGEST_MESSAGE: usize = 1_000;
    let hidden = response.errors.len().saturating_sub(MOST_ERRORS);
    response.errors.truncate(MOST_ERRORS);
    if hidden > 0 {
        response.errors.push(ServerError::new(format!("{hidden} more errors are not shown"), None));
    }
    let mut logged: Option<(String, String)> = None;
    for error in &mut response.errors {
        if let Some((end, _)) = error.message.char_indices().nth(LONGEST_MESSAGE) {
            error.message.truncate(end);
            error.message.push('…');
        }
        let own = error.source::<Error>().cloned();
        let code = own.as_ref().map_or("BAD_USER_INPUT", Error::code);
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", code);
        }
        let Some(own @ (Error::Internal(_) | Error::Unavailable(_) | Error::Timeout(_))) = own else { continue };
        let mut chain = own.to_string();
        let mut cause = std::error::Error::source(&own);
        while let Some(next) = cause {
            chain = format!("{chain}: {next}");
            cause = next.source();
        }
        // One failed statement fails many fields: it is logged once.
        let known = logged.as_ref().filter(|(_, text)| *text == chain).map(|(id, _)| id.clone());
        let id = known.unwrap_or_else(|| {
            let id = Uuid::now_v7().to_string();
            tracing::error!(request_id = %id, error = %chain, "a query failed");
            logged = Some((id.clone(), chain));
            id
        });
        extensions.set("requestId", id);
    }
}

fn accepted(request: &HttpRequest) -> String {
    let values = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",").to_lowercase()
}

/// The answer in the media type that the client wants, with the status that the type asks for.
fn respond(request: &HttpRequest, response: &Response) -> HttpResponse {
    let wants_own_type = accepted(request).contains(GRAPHQL_RESPONSE);
    let was_executed = !matches!(response.data, async_graphql::Value::Null) || response.errors.is_empty();
    let status = if wants_own_type && !was_executed && is_request_error(&response.errors) {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    let media_type = if wants_own_type { GRAPHQL_RESPONSE } else { "application/json" };
    match serde_json::to_vec(response) {
        Ok(body) => HttpResponse::build(status).content_type(format!("{media_type}; charset=utf-8")).body(body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            refusal(request, StatusCode::INTERNAL_SERVER_ERROR, "something went wrong here; it was logged")
        }
    }
}

/// An error before any field was resolved has no path.
fn is_request_error(errors: &[ServerError]) -> bool {
    errors.iter().all(|error| error.path.is_empty())
}

/// An answer to a request that was never executed.
fn refusal(request: &HttpRequest, status: StatusCode, message: &str) -> HttpResponse {
    let media_type = if accepted(request).contains(GRAPHQL_RESPONSE) { GRAPHQL_RESPONSE } else { "application/json" };
    let code = match status {
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::PAYLOAD_TOO_LARGE => "LIMIT_EXCEEDED",
        StatusCode::INTERNAL_SERVER_ERROR => "INTERNAL",
        _ => "BAD_USER_INPUT",
    };
    let body = serde_json::json!({ "errors": [{ "message": message, "extensions": { "code": code } }] });
    HttpResponse::build(status).content_type(format!("{media_type}; charset=utf-8")).body(body.to_string())
}

async fn see_other(path: &'static str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish()
}

/// The page, from the binary itself.
async fn graphiql() -> HttpResponse {
    file("index.html")
}

async fn graphiql_file(path: web::Path<String>, uri: Uri) -> HttpResponse {
    if path.is_empty() && uri.path().ends_with('/') {
        return see_other("/graphiql").await;
    }
    file(&path)
}

fn file(path: &str) -> HttpResponse {
    let Some(file) = WEB.get_file(path) else { return HttpResponse::NotFound().finish() };
    // Built files have a digest in their name; the page that names them has none.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let media_type = mime_guess::from_path(path).first_or_octet_stream();
    let media_type =
        if media_type.type_() == "text" { format!("{media_type}; charset=utf-8") } else { media_type.to_string() };
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(file.contents())
}
