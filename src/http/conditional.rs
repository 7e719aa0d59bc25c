//! Conditional requests.

use actix_web::HttpMessage as _;
use actix_web::HttpRequest;
use actix_web::http::header::{EntityTag, IfNoneMatch};

/// Whether the client already has the response with this `ETag`, by `If-None-Match` (RFC 9110, section 13.1.2).
pub(super) fn is_not_modified(http: &HttpRequest, etag: &EntityTag) -> bool {
    match http.get_header() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(listed)) => listed.iter().any(|listed| listed.weak_eq(etag)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn listed_etags() {
        let etag = EntityTag::new_weak("a1".to_owned());
        for (listed, expected) in [
            ("*", true),
            ("W/\"a1\"", true),
            ("\"a1\"", true),
            ("\"b2\", W/\"a1\"", true),
            ("W/\"b2\"", false),
            ("a1", false),
            ("", false),
        ] {
            let request = TestRequest::default().insert_header((header::IF_NONE_MATCH, listed)).to_http_request();
            assert_eq!(is_not_modified(&request, &etag), expected, "{listed}");
        }
        assert!(!is_not_modified(&TestRequest::default().to_http_request(), &etag));
    }
}
