//! Conditional requests.

use actix_web::HttpRequest;
use actix_web::http::header;

/// Whether the client already has the response with this `ETag`, by `If-None-Match` (RFC 9110, section 13.1.2).
pub(super) fn is_not_modified(http: &HttpRequest, etag: &str) -> bool {
    let values = http.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let opaque = |etag: &str| etag.trim().trim_start_matches("W/").to_owned();
    values.flat_map(|value| value.split(',')).any(|listed| listed.trim() == "*" || opaque(listed) == opaque(etag))
}
