//! Sort order and ranges.

use async_graphql::{Enum, InputObject};

use crate::error::Error;
use crate::store::reader::filter::YearRange;
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

/// A range of integers; both bounds are inclusive. An omitted or null bound is open. `from` must not be greater than
/// `to`.
#[derive(InputObject, Clone, Copy)]
pub struct IntRange {
    /// The lower bound.
    from: Option<i32>,
    /// The upper bound.
    to: Option<i32>,
}

/// Converts the range of years in a filter.
///
/// # Errors
/// If `from` is greater than `to`.
pub fn year_range(field: &str, range: Option<IntRange>) -> Result<Option<YearRange>, Error> {
    let Some(IntRange { from, to }) = range else { return Ok(None) };
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Error::BadUserInput(format!("{field} is from {from} to {to}; from must not be greater than to")));
    }
    Ok(Some(YearRange { from, to }))
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
