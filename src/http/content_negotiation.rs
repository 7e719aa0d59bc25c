//! Content negotiation of responses: RFC 9110, section 12, and the GraphQL over HTTP specification.

use std::cmp::Reverse;

use actix_web::HttpMessage as _;
use actix_web::HttpRequest;
use actix_web::http::header::{self, Accept, AcceptEncoding, Encoding, Header as _, Preference, Quality};

/// A media type of GraphQL responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/graphql-response+json`: the status shows whether the query could be executed.
    GraphQlResponse,
    /// `application/json`: the status is 200 for every well-formed request.
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

    /// The media type that the client prefers; `None` if it accepts neither. The default is plain JSON, also for `*/*`.
    #[must_use]
    pub fn negotiate(request: &HttpRequest) -> Option<Self> {
        if !request.headers().contains_key(header::ACCEPT) {
            return Some(Self::Json);
        }
        let accept = Accept::parse(request).ok()?;
        if accept.0.is_empty() {
            return Some(Self::Json);
        }
        let quality_of = |subtype| preference_for(&accept, "application", subtype);
        match (quality_of("graphql-response+json"), quality_of("json")) {
            (None, None) => None,
            (own, json) if own > json => Some(Self::GraphQlResponse),
            _ => Some(Self::Json),
        }
    }

    /// Whether `Accept` names one of the media types. A form, image or link of another site cannot send such a header.
    #[must_use]
    pub fn is_named_in_accept(request: &HttpRequest) -> bool {
        let accept = Accept::parse(request).map(|accept| accept.0).unwrap_or_default();
        accept.iter().any(|entry| {
            entry.item.type_() == mime::APPLICATION
                && matches!(subtype_with_suffix(&entry.item).as_str(), "json" | "graphql-response+json")
        })
    }
}

/// Whether a client that accepts server-sent events prefers them to JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsPreferred(pub bool);

/// Whether `Accept` names `text/event-stream`, which `EventSource` and clients of subscriptions do; `None` if not. JSON is
/// preferred at the same quality if it is named first.
#[must_use]
pub fn accepts_event_stream(request: &HttpRequest) -> Option<IsPreferred> {
    let accept = Accept::parse(request).ok()?;
    let (position, stream) = accept.0.iter().enumerate().find(|(_, entry)| {
        entry.quality > Quality::ZERO && entry.item.essence_str().eq_ignore_ascii_case("text/event-stream")
    })?;
    let json =
        ["graphql-response+json", "json"].iter().filter_map(|subtype| preference_for(&accept, "application", subtype));
    // A range such as `*/*` says less than the name.
    let json = json.filter(|(_, specificity, _)| *specificity == 3).max();
    Some(IsPreferred(json.is_none_or(|(quality, _, Reverse(json_position))| {
        (stream.quality, Reverse(position)) > (quality, Reverse(json_position))
    })))
}

/// The offer whose media type the client prefers; `None` if it accepts none. Without a preference, it is the first one.
#[must_use]
pub fn negotiate_among<T: Copy>(request: &HttpRequest, offers: &[(&str, T)]) -> Option<T> {
    let first = offers.first().map(|(_, offer)| *offer);
    if !request.headers().contains_key(header::ACCEPT) {
        return first;
    }
    let accept = Accept::parse(request).ok()?;
    if accept.0.is_empty() {
        return first;
    }
    let preference = |(index, (media_type, offer)): (usize, &(&str, T))| {
        let (main_type, subtype) = media_type.split_once('/')?;
        let (quality, specificity, position) = preference_for(&accept, main_type, subtype)?;
        Some(((quality, specificity, position, Reverse(index)), *offer))
    };
    let preferred = offers.iter().enumerate().filter_map(preference).max_by_key(|(preference, _)| *preference);
    preferred.map(|(_, offer)| offer)
}

/// Whether the client accepts zstd and prefers no other content encoding.
#[must_use]
pub fn prefers_zstd(request: &HttpRequest) -> bool {
    let accepted: Option<AcceptEncoding> = request.get_header();
    let entries = accepted.map(|accepted| accepted.0).unwrap_or_default();
    let zstd = entries.iter().find(|entry| entry.item == Preference::Specific(Encoding::zstd()));
    zstd.is_some_and(|zstd| zstd.quality > Quality::ZERO && entries.iter().all(|entry| entry.quality <= zstd.quality))
}

/// A client's preference for a media type: quality, then specificity of the range, then its position in `Accept`.
type MediaTypePreference = (Quality, u8, Reverse<usize>);

/// The preference given by the most specific range that matches; `None` if there is none or its quality is 0.
fn preference_for(accept: &Accept, main_type: &str, subtype: &str) -> Option<MediaTypePreference> {
    let ranges = accept.0.iter().enumerate().filter_map(|(position, entry)| {
        let specificity = match (entry.item.type_().as_str(), subtype_with_suffix(&entry.item).as_str()) {
            (own, full) if own == main_type && full == subtype => 3,
            (own, "*") if own == main_type => 2,
            ("*", "*") => 1,
            _ => return None,
        };
        // All responses are in UTF-8.
        let is_utf8 = entry.item.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
        is_utf8.then_some((entry.quality, specificity, Reverse(position)))
    });
    ranges
        .max_by_key(|(_, specificity, position)| (*specificity, *position))
        .filter(|(quality, ..)| *quality > Quality::ZERO)
}

/// The subtype with its suffix, as in `graphql-response+json`.
fn subtype_with_suffix(range: &mime::Mime) -> String {
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
        MediaType::negotiate(&TestRequest::default().insert_header(("accept", accept)).to_http_request())
    }

    #[test]
    fn event_streams() {
        let accepts = |accept: &str| {
            let request = TestRequest::default().insert_header(("accept", accept)).to_http_request();
            accepts_event_stream(&request).map(|preferred| preferred.0)
        };
        for (accept, expected) in [
            ("text/event-stream", Some(true)),
            ("Text/Event-Stream, */*", Some(true)),
            ("text/event-stream, application/json", Some(true)),
            ("application/json, text/event-stream", Some(false)),
            ("application/json;q=0.5, text/event-stream", Some(true)),
            ("text/event-stream;q=0.5, application/graphql-response+json", Some(false)),
            ("application/graphql-response+json, application/json, text/event-stream, multipart/mixed", Some(false)),
            ("text/event-stream;q=0", None),
            ("application/json", None),
            ("text/*", None),
            ("*/*", None),
            ("", None),
        ] {
            assert_eq!(accepts(accept), expected, "{accept}");
        }
        assert!(accepts_event_stream(&TestRequest::default().to_http_request()).is_none());
    }

    #[test]
    fn preferred_media_type() {
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
        assert_eq!(MediaType::negotiate(&TestRequest::default().to_http_request()), json);
    }

    #[test]
    fn preferred_offer() {
        let offers = [("text/html", 1), ("application/ld+json", 2), ("application/x-bibtex", 3), ("text/x-bibtex", 3)];
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for (accept, expected) in [
            ("", Some(1)),
            ("*/*", Some(1)),
            (browser, Some(1)),
            ("application/ld+json", Some(2)),
            ("application/ld+json; profile=\"http://www.w3.org/ns/json-ld#compacted\"", Some(2)),
            ("application/ld+json, */*;q=0.1", Some(2)),
            ("application/*", Some(2)),
            ("text/html;q=0.5, application/x-bibtex", Some(3)),
            ("text/x-bibtex", Some(3)),
            ("text/html;q=0, */*;q=0.5", Some(2)),
            ("application/ld+json;q=0.2, application/x-bibtex;q=0.3", Some(3)),
            ("application/pdf", None),
        ] {
            let request = TestRequest::default().insert_header(("accept", accept)).to_http_request();
            assert_eq!(negotiate_among(&request, &offers), expected, "{accept}");
        }
        assert_eq!(negotiate_among(&TestRequest::default().to_http_request(), &offers), Some(1));
    }

    #[test]
    fn media_types_named_in_accept() {
        let is_named = |accept| {
            MediaType::is_named_in_accept(&TestRequest::default().insert_header(("accept", accept)).to_http_request())
        };
        assert!(is_named("text/html, application/json;q=0.1"));
        assert!(is_named("application/graphql-response+json"));
        assert!(
            !is_named("*/*") && !is_named("application/*") && !is_named("text/html,application/xhtml+xml,*/*;q=0.8")
        );
    }
}
