//! The headers that all responses have, whatever their path and status: what browsers and shared caches may do with them.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;

use crate::http::cors::CorsPolicy;
use crate::http::graphql_handler::POSITION_HEADER;
use crate::http::rate_limit::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::http::request_id::REQUEST_ID_HEADER;

/// Headers about the request of one client. A cache would pass them on to others.
const PER_CLIENT_HEADERS: [HeaderName; 5] =
    [REQUEST_ID_HEADER, POSITION_HEADER, RATE_LIMIT, RATE_LIMIT_POLICY, header::SET_COOKIE];

/// Middleware around all others that sets these headers.
///
/// # Errors
/// Those of the next service.
pub async fn set_response_headers<B: MessageBody>(
    policy: CorsPolicy,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Without it, caches may store some responses for a time of their choice (RFC 9111, section 4.2.2).
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if may_be_shared(headers) {
        for name in PER_CLIENT_HEADERS {
            headers.remove(name);
        }
    }
    policy.set_headers(headers);
    join_vary(headers);
    Ok(response)
}

/// Whether a shared cache may store the response.
fn may_be_shared(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CACHE_CONTROL).filter_map(|value| value.to_str().ok());
    !values.flat_map(|value| value.split(',')).any(|directive| matches!(directive.trim(), "no-store" | "private"))
}

/// Writes `Vary` as one line in which each header is named once: nginx before 1.23 reads only the last line.
fn join_vary(headers: &mut HeaderMap) {
    if headers.get_all(header::VARY).nth(1).is_none() {
        return;
    }
    let mut names: Vec<&str> = Vec::new();
    let values = headers.get_all(header::VARY).filter_map(|value| value.to_str().ok());
    for name in values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        if !names.iter().any(|listed| listed.eq_ignore_ascii_case(name)) {
            names.push(name);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&names.join(", ")) {
        headers.insert(header::VARY, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(name.clone(), HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn responses_that_shared_caches_may_store() {
        for (value, expected) in [
            ("public, max-age=60", true),
            ("no-cache", true),
            ("max-age=60", true),
            ("private, no-cache", false),
            ("no-store", false),
            ("max-age=0,private", false),
        ] {
            assert_eq!(may_be_shared(&headers(&[(header::CACHE_CONTROL, value)])), expected, "{value}");
        }
        let two = headers(&[(header::CACHE_CONTROL, "max-age=60"), (header::CACHE_CONTROL, "private")]);
        assert!(!may_be_shared(&two));
    }

    #[test]
    fn vary_is_one_line() {
        let mut map = headers(&[
            (header::VARY, "Accept, Accept-Encoding"),
            (header::VARY, "accept-encoding"),
            (header::VARY, "Origin, ,Accept"),
        ]);
        join_vary(&mut map);
        let lines: Vec<_> = map.get_all(header::VARY).collect();
        assert_eq!(lines, ["Accept, Accept-Encoding, Origin"]);
        let mut none = HeaderMap::new();
        join_vary(&mut none);
        assert!(none.is_empty());
    }
}
