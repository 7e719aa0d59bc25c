//! Sort order.

use async_graphql::Enum;

use crate::error::Error;
use crate::store::reader::page;
use crate::text::tokenizer::SearchTerms;

/// Sort direction.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "page::SortDirection")]
pub enum OrderDirection {
    /// Ascending: smallest, earliest or alphabetically first value first.
    #[graphql(name = "ASC")]
    Ascending,
    /// Descending: largest, latest or alphabetically last value first.
    #[graphql(name = "DESC")]
    Descending,
}

/// Resolves the order; the default is relevance if there is a search query, otherwise the given order.
///
/// # Errors
/// If the order is by relevance and there is no search query.
pub fn resolve_order<O: PartialEq>(
    requested: Option<(O, page::SortDirection)>,
    query: Option<&SearchTerms>,
    relevance: O,
    default: (O, page::SortDirection),
) -> Result<(O, page::SortDirection), Error> {
    match (requested, query) {
        (Some((order, _)), None) if order == relevance => {
            Err(Error::BadUserInput("RELEVANCE requires filter.query; set it, or choose another order".to_owned()))
        }
        (Some(requested), _) => Ok(requested),
        (None, Some(_)) => Ok((relevance, page::SortDirection::Descending)),
        (None, None) => Ok(default),
    }
}
