//! CSRF prevention for queries by GET.

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::http::content_negotiation::MediaType;

/// Headers that a page of another site can send only after a CORS preflight.
const CSRF_HEADERS: [&str; 3] = ["apollo-require-preflight", "x-apollo-operation-name", "x-requested-with"];

/// The error for a request that fails the check.
pub(super) const MESSAGE: &str = "this GET request was blocked as a possible CSRF; from a browser, send Accept: \
     application/graphql-response+json (or application/json), or X-Requested-With or Apollo-Require-Preflight with any value";

/// Whether a GET request is certain not to come from a link, form or image of another site. It has a header that those
/// cannot send, or does not come from a browser. (Browsers announce other sites by `Sec-Fetch-Site`, and accept specific
/// types for documents and images; other programs accept anything.)
pub(super) fn passes_csrf_check(http: &HttpRequest) -> bool {
    let headers = http.headers();
    if MediaType::is_named_in_accept(http) || CSRF_HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return true;
    }
    let accepts_anything = headers.get_all(header::ACCEPT).all(|accept| accept.as_bytes().trim_ascii() == b"*/*");
    let is_cross_site =
        headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    accepts_anything && !is_cross_site
}
