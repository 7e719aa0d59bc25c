//! Lists with filters: people, organizations, topics and papers.

pub(super) mod organizations;
pub(super) mod papers;
pub(super) mod people;
pub(super) mod topics;

/// Maximum length of a search text in a filter, in characters; the API allows more.
const MAX_QUERY_CHARS: usize = 300;

use crate::pages::RouteError;
use crate::pages::params::Params;

/// The search text of a list.
fn query(params: &Params) -> Result<Option<&str>, RouteError> {
    match params.get("q") {
        Some(query) if query.chars().count() > MAX_QUERY_CHARS => Err(RouteError::InvalidParameter),
        query => Ok(query),
    }
}

/// A choice of the order of a list.
pub(super) struct SortOption {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    pub(super) is_selected: bool,
}
