//! Which way lists are ordered, and ranges.

use async_graphql::{Enum, InputObject};

use crate::error::Error;
use crate::store::reader::filter::YearRange;
use crate::store::reader::page;
use crate::text::tokenizer::SearchTerms;

/// Which way a list is ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "page::SortDirection")]
pub enum OrderDirection {
    /// Smallest, earliest or first in the alphabet first.
    #[graphql(name = "ASC")]
    Ascending,
    /// Largest, latest or last in the alphabet first.
    #[graphql(name = "DESC")]
    Descending,
}

/// A range of whole numbers, both ends included; an absent or null end is open. The first must not be larger than the
/// last.
#[derive(InputObject, Clone, Copy)]
pub struct IntRange {
    /// The smallest that passes.
    from: Option<i32>,
    /// The largest that passes.
    to: Option<i32>,
}

/// The years of a filter.
///
/// # Errors
/// Where the first is after the last: nothing could be in such a range.
pub fn year_range(field: &str, range: Option<IntRange>) -> Result<Option<YearRange>, Error> {
    let Some(IntRange { from, to }) = range else { return Ok(None) };
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Error::BadUserInput(format!("{field} is from {from} to {to}; from must not be larger than to")));
    }
    Ok(Some(YearRange { from, to }))
}

/// The order asked for; else the best matches first where something is looked for, else the list's own.
///
/// # Errors
/// Where the order is by relevance and nothing is looked for.
pub fn resolve_order<O: PartialEq>(
    asked: Option<(O, page::SortDirection)>,
    query: Option<&SearchTerms>,
    relevance: O,
    otherwise: (O, page::SortDirection),
) -> Result<(O, page::SortDirection), Error> {
    match (asked, query) {
        (Some((order, _)), None) if order == relevance => Err(Error::BadUserInput(
            "RELEVANCE orders by how well filter.query matches, and there is none; give one, or another order"
                .to_owned(),
        )),
        (Some(asked), _) => Ok(asked),
        (None, Some(_)) => Ok((relevance, page::SortDirection::Descending)),
        (None, None) => Ok(otherwise),
    }
}
