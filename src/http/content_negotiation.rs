//! Which media type an answer has, and which bodies are taken: RFC 9110, section 12, and GraphQL over HTTP.

use std::cmp::Reverse;

use actix_web::HttpMessage as _;
use actix_web::HttpRequest;
use actix_web::http::header::{self, Accept, AcceptEncoding, Encoding, Header as _, Preference, Quality};

/// A media type that GraphQL answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/graphql-response+json`: the status tells whether the request could be run.
    GraphQlResponse,
    /// `application/json`: a well-formed request is answered with 200, whatever became of it.
    Json,
}

impl MediaType {
    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// The type that the client likes best; none where it takes neither. Who names no type, or any, gets plain JSON.
    #[must_use]
    pub fn accepted_by(request: &HttpRequest) -> Option<Self> {
        if !request.headers().contains_key(header::ACCEPT) {
            return Some(Self::Json);
        }
        let accept = Accept::parse(request).ok()?;
        if accept.0.is_empty() {
            return Some(Self::Json);
        }
        match (liking(&accept, "graphql-response+json"), liking(&accept, "json")) {
            (None, None) => None,
            (own, json) if own > json => Some(Self::GraphQlResponse),
            _ => Some(Self::Json),
        }
    }

    /// Whether the client names one of the types, which no form, image or link of another site can.
    #[must_use]
    pub fn is_named_by(request: &HttpRequest) -> bool {
        let accept = Accept::parse(request).map(|accept| accept.0).unwrap_or_default();
        accept.iter().any(|entry| {
            entry.item.type_() == mime::APPLICATION
                && matches!(full_subtype(&entry.item).as_str(), "json" | "graphql-response+json")
        })
    }
}

/// Whether the client takes a body compressed by zstd, and likes no other coding better.
#[must_use]
pub fn likes_zstd_best(request: &HttpRequest) -> bool {
    let accepted: Option<AcceptEncoding> = request.get_header();
    let entries = accepted.map(|accepted| accepted.0).unwrap_or_default();
    let zstd = entries.iter().find(|entry| entry.item == Preference::Specific(Encoding::zstd()));
    zstd.is_some_and(|zstd| zstd.quality > Quality::ZERO && entries.iter().all(|entry| entry.quality <= zstd.quality))
}

/// How much the client likes a type, then how precisely it names it, then how early.
type Liking = (Quality, u8, Reverse<usize>);

/// By the most precise range that holds the type; none where that says no, or there is none.
fn liking(accept: &Accept, subtype: &str) -> Option<Liking> {
    let ranges = accept.0.iter().enumerate().filter_map(|(place, entry)| {
        let precision = match (entry.item.type_().as_str(), full_subtype(&entry.item).as_str()) {
            ("application", full) if full == subtype => 3,
            ("application", "*") => 2,
            ("*", "*") => 1,
            _ => return None,
        };
        // JSON is UTF-8 and nothing else.
        let is_utf8 = entry.item.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
        is_utf8.then_some((entry.quality, precision, Reverse(place)))
    });
    ranges.max_by_key(|(_, precision, place)| (*precision, *place)).filter(|(quality, ..)| *quality > Quality::ZERO)
}

/// The subtype with its suffix, as in `graphql-response+json`.
fn full_subtype(range: &mime::Mime) -> String {
    match range.suffix() {
        Some(suffix) => format!("{}+{suffix}", range.subtype()),
        None => range.subtype().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn chosen(accept: &str) -> Option<MediaType> {
        MediaType::accepted_by(&TestRequest::default().insert_header(("accept", accept)).to_http_request())
    }

    #[test]
    fn the_type_that_is_liked_best() {
        let (own, json) = (Some(MediaType::GraphQlResponse), Some(MediaType::Json));
        for (accept, expected) in [
            ("application/json", json),
            ("application/graphql-response+json", own),
            ("Application/GraphQL-Response+JSON; charset=utf-8", own),
            ("application/graphql-response+json, application/json", own),
            ("application/json, application/graphql-response+json", json),
            ("application/json;q=0.5, application/graphql-response+json;q=0.9", own),
            ("application/json, application/graphql-response+json;q=0.9", json),
            ("application/graphql-response+json, */*", own),
            ("*/*", json),
            ("application/*", json),
            ("", json),
            ("text/html, */*;q=0.1", json),
            ("application/json;q=0, */*", own),
            ("application/graphql-response+json;q=0, */*", json),
            ("application/json; charset=iso-8859-1", None),
            ("text/html", None),
            ("text/event-stream, multipart/mixed", None),
            ("application/json;q=0", None),
        ] {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
        assert_eq!(MediaType::accepted_by(&TestRequest::default().to_http_request()), json);
    }

    #[test]
    fn types_that_are_named() {
        let names = |accept| {
            MediaType::is_named_by(&TestRequest::default().insert_header(("accept", accept)).to_http_request())
        };
        assert!(names("text/html, application/json;q=0.1"));
        assert!(names("application/graphql-response+json"));
        assert!(!names("*/*") && !names("application/*") && !names("text/html,application/xhtml+xml,*/*;q=0.8"));
    }
}
