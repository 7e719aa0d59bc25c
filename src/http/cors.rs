//! CORS: which other origins may read responses.

use actix_cors::Cors;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use url::Url;

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

/// The pages that may open sockets and event streams. Browsers send no preflight request for them, and let the pages of any
/// site read a socket.
#[derive(Debug)]
pub(super) struct StreamOrigins {
    allowed: Vec<String>,
    /// The origin of `PUBLIC_URL`.
    own: Option<String>,
}

impl StreamOrigins {
    pub(super) fn new(allowed: &[String], public_url: Option<&str>) -> Self {
        let own = public_url.and_then(|url| Some(Url::parse(url).ok()?.origin().ascii_serialization()));
        Self { allowed: allowed.to_vec(), own }
    }

    /// Whether a request comes from the service's own pages, from those of an allowed origin, or not from a browser, which
    /// would say so.
    pub(super) fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        if headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"same-origin") {
            return true;
        }
        let Ok(origin) = origin.to_str() else { return false };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let is_own = origin
            .split_once("://")
            .is_some_and(|(_, authority)| host.is_some_and(|host| authority.eq_ignore_ascii_case(host)));
        let mut listed = self.allowed.iter().chain(&self.own);
        is_own || listed.any(|allowed| allowed == ANY_ORIGIN || allowed.eq_ignore_ascii_case(origin))
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

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn allows(origins: &StreamOrigins, headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        origins.allows(&map)
    }

    #[test]
    fn origins_of_streams() {
        let host = ("host", "directory.example.org:8080");
        let listed = StreamOrigins::new(&["https://www.example.org".to_owned()], Some("https://public.example.org/d"));
        for (origin, expected) in [
            ("https://www.example.org", true),
            ("https://WWW.example.org", true),
            ("http://directory.example.org:8080", true),
            ("https://public.example.org", true),
            ("https://directory.example.org", false),
            ("https://www.example.org.evil.example", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(allows(&listed, &[host, ("origin", origin)]), expected, "{origin}");
        }
        assert!(allows(&listed, &[host]), "not a browser");
        let foreign = ("origin", "https://evil.example");
        assert!(!allows(&listed, &[foreign]));
        // A proxy replaced the name of the host.
        assert!(allows(&listed, &[host, foreign, ("sec-fetch-site", "same-origin")]));
        assert!(!allows(&listed, &[host, foreign, ("sec-fetch-site", "cross-site")]));
        assert!(allows(&StreamOrigins::new(&[ANY_ORIGIN.to_owned()], None), &[host, foreign]));
        assert!(!allows(&StreamOrigins::new(&[], None), &[host, foreign]));
    }
}
