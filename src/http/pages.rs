//! The pages for people: addresses, redirects, status and headers. [`crate::pages`] makes the pages themselves.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ETag, EntityTag, HeaderName};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::http::error::HttpError;
use crate::http::graphql_handler::resource::{self, OwnQuery};
use crate::http::graphql_handler::{PERSONAL_HEADERS, accepts_html};
use crate::http::{AppState, conditional, graphiql};
use crate::model::language::AcceptedLanguages;
use crate::pages::language::Language;
use crate::pages::{self, Context, ErrorKind, Page, Rendered, RouteError, assets};

/// The pages load nothing from other origins, run no scripts, and cannot be framed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";
/// Files are saved; a browser that shows one all the same runs nothing in it.
const FILE_CONTENT_SECURITY_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";
/// Headers of all pages and errors.
const PAGE_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (header::PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=()"),
    (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
];

/// The first segments of pages, which lead to those of a language.
pub(super) const SECTIONS_PATTERN: &str = "/{section:people|organizations|topics|papers|search|path|about}";
/// What follows such a segment.
pub(super) const SECTIONS_WITH_REST_PATTERN: &str =
    "/{section:people|organizations|topics|papers|search|path|about}/{rest:.*}";

/// The page at `/{language}/{path}`.
pub(super) async fn show(
    http: HttpRequest,
    state: Data<AppState>,
    address: web::Path<(String, String)>,
) -> HttpResponse {
    let (language, path) = address.into_inner();
    match Language::from_code(&language) {
        Some(language) => respond(&http, &state, language, &path).await,
        None => not_found(&http),
    }
}

/// The page of this language at a path below `/{language}/`.
pub(super) async fn respond(http: &HttpRequest, state: &AppState, language: Language, path: &str) -> HttpResponse {
    let Some(settings) = &state.pages else { return not_found(http) };
    if let Some(location) = without_trailing_slash(path, http.query_string()) {
        return HttpResponse::MovedPermanently().insert_header((header::LOCATION, location)).finish();
    }
    let root = root_of(http.path());
    let context = Context { language, path, query_string: http.query_string(), root: &root, settings };
    let page = match pages::route(path, http.query_string()) {
        Ok(page) => page,
        Err(RouteError::NotFound) => return error_page(StatusCode::NOT_FOUND, ErrorKind::NotFound, state, &context),
        Err(RouteError::InvalidParameter) => {
            return error_page(StatusCode::BAD_REQUEST, ErrorKind::BadRequest, state, &context);
        }
    };
    let query = OwnQuery {
        document: page.document(),
        operation_name: Some(page.operation_name()),
        variables: page.variables(&context),
        // They are among the variables.
        languages: AcceptedLanguages::default(),
    };
    let encode = |result: Result<Bytes, HttpError>| match result {
        Ok(json) => encode_page(page.as_ref(), &json, http, state, &context),
        Err(error) => encode_error(error, state, &context),
    };
    resource::respond_with(http, state, async |request| request.json(query).await, encode).await
}

/// `/`: the front page in the language of the reader; or GraphiQL with a query that the address has.
pub(super) async fn redirect_from_root(http: HttpRequest, state: Data<AppState>) -> HttpResponse {
    if http.query_string().split('&').any(|parameter| parameter.starts_with("query=")) {
        return graphiql::redirect_from_root(http).await;
    }
    redirect_to_language(&http, &state, "")
}

/// `/fr` and `/en`: the front page.
pub(super) async fn redirect_to_front_page(language: web::Path<String>) -> HttpResponse {
    HttpResponse::MovedPermanently().insert_header((header::LOCATION, format!("{language}/"))).finish()
}

/// A page without a language in its address.
pub(super) async fn redirect_section(http: HttpRequest, state: Data<AppState>) -> HttpResponse {
    redirect_to_language(&http, &state, http.path().trim_start_matches('/'))
}

/// A file that all pages use.
pub(super) async fn asset(name: web::Path<String>, http: HttpRequest) -> HttpResponse {
    let Some(asset) = assets::find(&name) else { return super::not_found(&http) };
    HttpResponse::Ok()
        .content_type(asset.media_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content)
}

/// The response to a path that does not exist: a page for browsers, otherwise JSON.
pub(super) fn not_found(http: &HttpRequest) -> HttpResponse {
    let state = http.app_data::<Data<AppState>>();
    let Some((state, settings)) = state.and_then(|state| Some((state, state.pages.as_ref()?))) else {
        return super::not_found(http);
    };
    if !accepts_html(http) {
        return super::not_found(http);
    }
    let root = root_of(http.path());
    let language = preferred_language(http, state);
    let context = Context { language, path: "", query_string: "", root: &root, settings };
    let mut response = error_page(StatusCode::NOT_FOUND, ErrorKind::NotFound, state, &context);
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("Accept, Accept-Language"));
    response
}

fn redirect_to_language(http: &HttpRequest, state: &AppState, path: &str) -> HttpResponse {
    let language = preferred_language(http, state).code();
    let query = if http.query_string().is_empty() { String::new() } else { format!("?{}", http.query_string()) };
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, format!("{}{language}/{path}{query}", root_of(http.path()))))
        .insert_header((header::VARY, "Accept-Language"))
        .finish()
}

fn preferred_language(http: &HttpRequest, state: &AppState) -> Language {
    let accepted =
        http.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Language::negotiate(accepted, state.directory.default_language.as_str())
}

/// Leads from a path to the root of the service by a relative address, so that pages also work below a path prefix.
fn root_of(path: &str) -> String {
    match path.matches('/').count() {
        0 | 1 => "./".to_owned(),
        slashes => "../".repeat(slashes - 1),
    }
}

/// The relative address of a page whose path was given with a slash at its end.
fn without_trailing_slash(path: &str, query_string: &str) -> Option<String> {
    let trimmed = path.strip_suffix('/')?;
    pages::route(trimmed, query_string).ok()?;
    let last = trimmed.rsplit('/').next().filter(|last| !last.is_empty())?;
    let query = if query_string.is_empty() { String::new() } else { format!("?{query_string}") };
    Some(format!("../{last}{query}"))
}

fn encode_page(
    page: &dyn Page,
    json: &[u8],
    http: &HttpRequest,
    state: &AppState,
    context: &Context<'_>,
) -> HttpResponse {
    match page.render(json, context) {
        Ok(Rendered::Html(html)) => encode(html, &PAGE_HEADERS, http, state),
        Ok(Rendered::File { name, media_type, content }) => {
            let disposition = format!("attachment; filename=\"{name}\"");
            let headers = [
                (header::CONTENT_TYPE, media_type),
                (header::CONTENT_SECURITY_POLICY, FILE_CONTENT_SECURITY_POLICY),
                (header::CONTENT_DISPOSITION, &*disposition),
            ];
            encode(content, &headers, http, state)
        }
        Ok(Rendered::Moved(path)) => {
            let query =
                if context.query_string.is_empty() { String::new() } else { format!("?{}", context.query_string) };
            let location = format!("{}{}/{path}{query}", context.root, context.language.code());
            HttpResponse::MovedPermanently().insert_header((header::LOCATION, location)).finish()
        }
        Ok(Rendered::NotFound) => error_page(StatusCode::NOT_FOUND, ErrorKind::NotFound, state, context),
        Err(error) => {
            tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "a page could not be rendered");
            error_page(StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Internal, state, context)
        }
    }
}

/// A page or a file with its validator. What depends on the client, such as its rate limit, is private.
fn encode(body: String, headers: &[(HeaderName, &str)], http: &HttpRequest, state: &AppState) -> HttpResponse {
    let etag = EntityTag::new_weak(HEXLOWER.encode(&Sha256::digest(&body)[..16]));
    let is_public = PERSONAL_HEADERS.iter().all(|name| !http.headers().contains_key(name));
    let cache_control = match state.persisted_query_max_age.as_secs() {
        seconds if is_public && seconds > 0 => format!("public, max-age={seconds}"),
        _ => "private, no-cache".to_owned(),
    };
    let mut response = HttpResponse::Ok();
    for (name, value) in headers {
        response.insert_header((name.clone(), *value));
    }
    response
        .insert_header(ETag(etag.clone()))
        .insert_header((header::CACHE_CONTROL, cache_control))
        .insert_header((header::VARY, "Accept, Accept-Encoding"));
    if conditional::is_not_modified(http, &etag) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    response.body(body)
}

fn encode_error(error: HttpError, state: &AppState, context: &Context<'_>) -> HttpResponse {
    let kind = match error.status {
        StatusCode::BAD_REQUEST => ErrorKind::BadRequest,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::TooManyRequests,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    let mut response = error_page(error.status, kind, state, context);
    for (name, value) in error.headers {
        response.headers_mut().insert(name, value);
    }
    response
}

fn error_page(status: StatusCode, kind: ErrorKind, state: &AppState, context: &Context<'_>) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    for header in PAGE_HEADERS {
        response.insert_header(header);
    }
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    match pages::render_error(kind, &state.directory.name, context) {
        Ok(html) => response.body(html),
        Err(error) => {
            tracing::error!(%error, "the page of an error could not be rendered");
            response.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_the_root() {
        for (path, root) in
            [("/", "./"), ("/nothing", "./"), ("/fr/", "../"), ("/fr/people", "../"), ("/fr/people/x", "../../")]
        {
            assert_eq!(root_of(path), root, "{path}");
        }
    }

    #[test]
    fn trailing_slashes() {
        assert_eq!(without_trailing_slash("people/", "q=x").as_deref(), Some("../people?q=x"));
        assert_eq!(without_trailing_slash("people/ada/", "").as_deref(), Some("../ada"));
        for path in ["", "/", "people", "nothing/", "people//"] {
            assert_eq!(without_trailing_slash(path, ""), None, "{path}");
        }
    }
}
