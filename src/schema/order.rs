//! Which way lists are ordered, and ranges.

use async_graphql::{Enum, InputObject};

use crate::store::list;

/// Which way a list is ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "list::OrderDirection")]
pub enum OrderDirection {
    /// Smallest, earliest or first in the alphabet first.
    #[graphql(name = "ASC")]
    Ascending,
    /// Largest, latest or last in the alphabet first.
    #[graphql(name = "DESC")]
    Descending,
}

/// A range of whole numbers, both ends included; an absent end is open.
#[derive(InputObject, Clone, Copy)]
pub struct IntRange {
    /// The smallest that passes.
    from: Option<i32>,
    /// The largest that passes.
    to: Option<i32>,
}

impl From<IntRange> for crate::store::paper::YearRange {
    fn from(range: IntRange) -> Self {
        Self { from: range.from, to: range.to }
    }
}
