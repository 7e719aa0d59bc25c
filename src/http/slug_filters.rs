//! Filters of pages by slugs, such as `people?topic=deep-learning`, for links that people write: they redirect to the address
//! with the ID, which is what the API filters by and which stays the same if the slug changes.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use url::form_urlencoded::{Serializer, parse};

use crate::http::AppState;
use crate::http::graphql_handler::resource;
use crate::linked_data::queries::only_field;
use crate::model::global_id::GlobalId;
use crate::model::language::AcceptedLanguages;

/// The queries of IDs by a slug.
const RESEARCHER: &str = "query PersonId($slug: String!) { researcher(by: {slug: $slug}) { id } }";
const ORGANIZATION: &str = "query OrganizationId($slug: String!) { organization(by: {slug: $slug}) { id } }";
const TOPIC: &str = "query TopicId($slug: String!) { topic(by: {slug: $slug}) { id } }";

/// A filter whose value is a slug.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SlugFilter {
    parameter: &'static str,
    slug: String,
    document: &'static str,
}

/// The first filter of a page's address whose value is a slug.
pub(super) fn find(path: &str, query_string: &str) -> Option<SlugFilter> {
    parse(query_string.as_bytes()).find_map(|(name, value)| {
        let (parameter, document) = match (&*name, path) {
            ("topic", _) => ("topic", TOPIC),
            ("organization", _) => ("organization", ORGANIZATION),
            ("person", _) => ("person", RESEARCHER),
            ("coauthor", _) => ("coauthor", RESEARCHER),
            // In lists of papers, these are years.
            ("from", "path") => ("from", RESEARCHER),
            ("to", "path") => ("to", RESEARCHER),
            _ => return None,
        };
        let is_slug = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let has_slug =
            (1..=200).contains(&value.len()) && value.bytes().all(is_slug) && value.parse::<GlobalId>().is_err();
        has_slug.then(|| SlugFilter { parameter, slug: value.into_owned(), document })
    })
}

impl SlugFilter {
    /// Redirects to the address with the ID; `not_found` is the response if nothing has the slug.
    pub(super) async fn redirect(
        &self,
        http: &HttpRequest,
        state: &AppState,
        not_found: impl FnOnce() -> HttpResponse,
    ) -> HttpResponse {
        resource::respond(http, state, async |queries| {
            let variables = json!({ "slug": self.slug });
            let data = queries.data(self.document, variables, &AcceptedLanguages::default()).await?;
            let entity = only_field(data);
            let id = entity.as_ref().and_then(|entity| entity["id"].as_str());
            Ok(id.map_or_else(not_found, |id| {
                let location = self.location(http.query_string(), id);
                resource::begin_without_etag(http, state, StatusCode::SEE_OTHER)
                    .insert_header((header::LOCATION, location))
                    .finish()
            }))
        })
        .await
    }

    /// The same parameters with the ID instead of the slug, relative to the address.
    fn location(&self, query_string: &str, id: &str) -> String {
        let mut serializer = Serializer::for_suffix("?".to_owned(), 1);
        for (name, value) in parse(query_string.as_bytes()) {
            let value = if name == self.parameter { id } else { &*value };
            serializer.append_pair(&name, value);
        }
        serializer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::global_id::NodeKind;

    #[test]
    fn filters_by_slug() {
        let id = GlobalId { kind: NodeKind::Topic, row_id: 7 }.to_string();
        for (path, query, expected) in [
            ("people", "q=a&topic=deep-learning", Some("topic")),
            ("papers", "from=2001&to=2002&person=ada-brook", Some("person")),
            ("path", "from=ada-brook&to=cy-ek", Some("from")),
            ("papers", "from=2001", None),
            ("people", "topic=Deep+Learning", None),
            ("people", "topic=", None),
            ("people", "q=topic", None),
        ] {
            assert_eq!(find(path, query).map(|filter| filter.parameter), expected, "{path}?{query}");
        }
        assert_eq!(find("people", &format!("topic={id}")), None);
        let filter = find("people", "q=a+b&topic=x").expect("a filter");
        assert_eq!(filter.location("q=a+b&topic=x", &id), format!("?q=a+b&topic={id}"));
    }
}
