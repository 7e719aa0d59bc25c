//! CORS: which other origins may read responses.

use actix_cors::Cors;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// The value of `CORS_ORIGINS` that allows all origins.
pub(super) const ANY_ORIGIN: &str = "*";
/// How long a browser may remember the answer to a preflight request, in seconds.
const PREFLIGHT_MAX_AGE_SECONDS: usize = 3600;
/// Response headers that scripts of other origins can read, besides those that CORS always exposes.
const EXPOSED_HEADERS: &str = "ETag, Retry-After, RateLimit, RateLimit-Policy, X-Directory-Position, X-Request-Id";

/// How responses depend on the origin of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CorsPolicy {
    /// No other origin may read them.
    SameOrigin,
    /// Listed origins may read them.
    Listed,
    /// All origins may read them.
    Any,
}

impl CorsPolicy {
    pub(super) fn new(origins: &[String]) -> Self {
        match origins {
            [] => Self::SameOrigin,
            origins if origins.iter().any(|origin| origin == ANY_ORIGIN) => Self::Any,
            _ => Self::Listed,
        }
    }

    /// Sets the headers that scripts of allowed origins can read, and what keeps a cache from giving the response for one
    /// origin to another. If all origins are allowed, the response is the same for all, also for those without `Origin`.
    pub(super) fn set_headers(self, headers: &mut HeaderMap) {
        match self {
            Self::SameOrigin => return,
            Self::Listed => headers.append(header::VARY, HeaderValue::from_static("Origin")),
            Self::Any => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(ANY_ORIGIN));
            }
        }
        if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }
}

/// Middleware that answers preflight requests and allows the listed origins to read responses.
pub(super) fn middleware(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST"])
        // The origins are trusted to send any header; without credentials, none of them carries authority.
        .allow_any_header()
        .block_on_origin_mismatch(false)
        // Replaced by `CorsPolicy::set_headers`: it would also name headers that only preflight requests have.
        .disable_vary_header()
        .max_age(PREFLIGHT_MAX_AGE_SECONDS);
    match CorsPolicy::new(origins) {
        CorsPolicy::Any => cors.allow_any_origin().send_wildcard(),
        CorsPolicy::SameOrigin | CorsPolicy::Listed => {
            origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
        }
    }
}
