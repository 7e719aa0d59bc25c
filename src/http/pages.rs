//! The pages for people: addresses, redirects, status and headers. [`crate::pages`] makes the pages themselves.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentEncoding, ETag, HeaderName};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use crate::http::content_negotiation::prefers_zstd;
use crate::http::error::HttpError;
use crate::http::graphql_handler::resource::{self, OwnQuery, RenderedPage};
use crate::http::graphql_handler::{PERSONAL_HEADERS, accepts_html};
use crate::http::response_cache::{CachedResponse, ResponseBody};
use crate::http::{AppState, conditional, graphiql, slug_filters};
use crate::linked_data::address::Collection;
use crate::linked_data::json_ld::{self, DocumentContext};
use crate::linked_data::queries::LinkedEntity;
use crate::linked_data::{html, signposting};
use crate::model::language::{AcceptedLanguages, LanguageTag};
use crate::pages::language::Language;
use crate::pages::{
    self, Context, EntityMetadata, ErrorKind, FormatLink, Page, Rendered, RouteError, SiteSettings, assets,
};

/// Files are saved; a browser that shows one all the same runs nothing in it.
const FILE_CONTENT_SECURITY_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";
/// The cookie with the language that a reader has chosen by the link to it. The script of the pages sets it.
const LANGUAGE_COOKIE: &str = "language";
/// Headers of all pages and errors.
const PAGE_HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
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
        Some(language) => respond(&http, &state, language, &path, None).await,
        None => not_found(&http),
    }
}

/// The page of this language at a path below `/{language}/`. The page of an entity describes it in its head and headers, too.
pub(super) async fn respond(
    http: &HttpRequest,
    state: &AppState,
    language: Language,
    path: &str,
    entity: Option<Collection>,
) -> HttpResponse {
    let Some(settings) = &state.pages else { return not_found(http) };
    if let Some(location) = without_trailing_slash(path, http.query_string()) {
        return HttpResponse::MovedPermanently().insert_header((header::LOCATION, location)).finish();
    }
    let root = root_of(http.path());
    let context = Context { language, path, query_string: http.query_string(), root: &root, settings, metadata: None };
    if let Some(filter) = slug_filters::find(path, http.query_string()) {
        let not_found = || error_page(StatusCode::NOT_FOUND, ErrorKind::NotFound, state, &context);
        return filter.redirect(http, state, not_found).await;
    }
    let page = match pages::route(path, http.query_string()) {
        Ok(page) => page,
        Err(RouteError::NotFound) => return error_page(StatusCode::NOT_FOUND, ErrorKind::NotFound, state, &context),
        Err(RouteError::InvalidParameter) => {
            return error_page(StatusCode::BAD_REQUEST, ErrorKind::BadRequest, state, &context);
        }
    };
    let query = || OwnQuery {
        document: page.document(),
        operation_name: Some(page.operation_name()),
        variables: page.variables(&context),
        // They are among the variables.
        languages: AcceptedLanguages::default(),
    };
    let render = |json: &Bytes| render(page.as_ref(), json, entity, http, state, &context);
    let encode = |result: Result<Result<CachedResponse, Box<HttpResponse>>, HttpError>| match result {
        Ok(Ok(page)) => encode_html(&page, http, state, settings),
        Ok(Err(response)) => *response,
        Err(error) => encode_error(error, state, &context),
    };
    let address = http.uri().path_and_query().map_or(path, |address| address.as_str());
    resource::respond_with(http, state, async |request| request.page(address, query, render).await, encode).await
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
    let language = preferred_language(http, &state.default_language);
    let context = Context { language, path: "", query_string: "", root: &root, settings, metadata: None };
    let mut response = error_page(StatusCode::NOT_FOUND, ErrorKind::NotFound, state, &context);
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("Accept, Accept-Language, Cookie"));
    response
}

fn redirect_to_language(http: &HttpRequest, state: &AppState, path: &str) -> HttpResponse {
    let language = preferred_language(http, &state.default_language).code();
    let query = if http.query_string().is_empty() { String::new() } else { format!("?{}", http.query_string()) };
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, format!("{}{language}/{path}{query}", root_of(http.path()))))
        .insert_header((header::VARY, "Accept-Language, Cookie"))
        .finish()
}

/// The language that the reader has chosen, or else prefers by `Accept-Language`, or else that of the directory.
pub(super) fn preferred_language(http: &HttpRequest, default_language: &LanguageTag) -> Language {
    let values = |name| http.headers().get_all(name).filter_map(|value| value.to_str().ok());
    let mut cookies = values(header::COOKIE).flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    let chosen = cookies.find(|(name, _)| name.trim() == LANGUAGE_COOKIE);
    let chosen = chosen.and_then(|(_, code)| Language::from_code(code.trim()));
    let accepted = values(header::ACCEPT_LANGUAGE).collect::<Vec<_>>().join(",");
    chosen.unwrap_or_else(|| Language::negotiate(&accepted, default_language.as_str()))
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

/// Renders a page; the error is a response that is not a page.
fn render(
    page: &dyn Page,
    json: &[u8],
    entity: Option<Collection>,
    http: &HttpRequest,
    state: &AppState,
    context: &Context<'_>,
) -> Result<RenderedPage, Box<HttpResponse>> {
    let described = entity.map(|collection| describe(collection, json, state, context.language)).transpose();
    let described = described.map_err(|error| {
        tracing::error!(%error, "the entity of a page could not be described");
        Box::new(error_page(StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Internal, state, context))
    })?;
    let (metadata, link) = described.flatten().unzip();
    let context = &Context { metadata: metadata.as_ref(), ..*context };
    match page.render(json, context) {
        Ok(Rendered::Html(html)) => Ok(RenderedPage { html, link }),
        Ok(Rendered::File { name, media_type, content }) => {
            Err(Box::new(encode_file(&name, media_type, content, http, state)))
        }
        Ok(Rendered::Moved(path)) => {
            let query =
                if context.query_string.is_empty() { String::new() } else { format!("?{}", context.query_string) };
            let location = format!("{}{}/{path}{query}", context.root, context.language.code());
            Err(Box::new(HttpResponse::MovedPermanently().insert_header((header::LOCATION, location)).finish()))
        }
        Ok(Rendered::SeeOther(query)) => {
            Err(Box::new(HttpResponse::SeeOther().insert_header((header::LOCATION, query)).finish()))
        }
        Ok(Rendered::NotFound) => Err(Box::new(error_page(StatusCode::NOT_FOUND, ErrorKind::NotFound, state, context))),
        Err(error) => {
            tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "a page could not be rendered");
            Err(Box::new(error_page(StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Internal, state, context)))
        }
    }
}

/// What the head and the `Link` header of an entity's page say about it; `None` if it does not exist.
fn describe(
    collection: Collection,
    json: &[u8],
    state: &AppState,
    language: Language,
) -> Result<Option<(EntityMetadata, String)>, serde_json::Error> {
    let Some(entity) = LinkedEntity::from_response(collection, json)? else { return Ok(None) };
    let context = DocumentContext { addresses: &state.addresses, language: Some(language.code()) };
    let formats = collection.formats().iter().map(|format| FormatLink {
        name: format.name(),
        media_type: format.media_type(),
        extension: format.extension(),
    });
    let metadata = EntityMetadata {
        json_ld: html::escape_script(&json_ld::document(context, &entity)),
        formats: formats.collect(),
    };
    Ok(Some((metadata, signposting::header(context, &entity))))
}

/// The pages load nothing from other origins but portraits, run no inline scripts, and cannot be framed.
fn content_security_policy(settings: &SiteSettings) -> String {
    let portraits: String = settings.portrait_origins.iter().map(|origin| format!(" {origin}")).collect();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'{portraits}; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// A page with its validator. What depends on the client, such as its rate limit, is private.
fn encode_html(page: &CachedResponse, http: &HttpRequest, state: &AppState, settings: &SiteSettings) -> HttpResponse {
    let Some(headers) = &page.page else {
        tracing::error!("a cached page has no headers");
        return HttpResponse::InternalServerError().finish();
    };
    let mut response = begin_page(StatusCode::OK, settings);
    response
        .insert_header(ETag(headers.etag.clone()))
        .insert_header((header::CACHE_CONTROL, cache_control(http, state)))
        .insert_header((header::VARY, "Accept, Accept-Encoding"));
    if let Some(link) = &headers.link {
        response.insert_header((header::LINK, link.as_str()));
    }
    if conditional::is_not_modified(http, &headers.etag) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    // Sent as it is stored, if possible.
    if let ResponseBody::Compressed { zstd, .. } = &page.body
        && prefers_zstd(http)
    {
        return response.insert_header(ContentEncoding::Zstd).body(zstd.clone());
    }
    match page.body.text() {
        Some(html) => response.body(html),
        None => {
            tracing::error!("a cached page could not be decompressed");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// A file with its validator.
fn encode_file(name: &str, media_type: &str, content: String, http: &HttpRequest, state: &AppState) -> HttpResponse {
    let etag = resource::weak_etag(&content);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, FILE_CONTENT_SECURITY_POLICY))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header(ETag(etag.clone()))
        .insert_header((header::CACHE_CONTROL, cache_control(http, state)))
        .insert_header((header::VARY, "Accept, Accept-Encoding"));
    if conditional::is_not_modified(http, &etag) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    response.body(content)
}

fn cache_control(http: &HttpRequest, state: &AppState) -> String {
    let is_public = PERSONAL_HEADERS.iter().all(|name| !http.headers().contains_key(name));
    match state.persisted_query_max_age.as_secs() {
        seconds if is_public && seconds > 0 => format!("public, max-age={seconds}"),
        _ => "private, no-cache".to_owned(),
    }
}

fn begin_page(status: StatusCode, settings: &SiteSettings) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    for header in PAGE_HEADERS {
        response.insert_header(header);
    }
    response.insert_header((header::CONTENT_SECURITY_POLICY, content_security_policy(settings)));
    response
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
    let mut response = begin_page(status, context.settings);
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
