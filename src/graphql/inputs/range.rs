//! Numbers and ranges of numbers.

use async_graphql::InputObject;

use crate::error::Error;
use crate::store::reader::filter::YearRange;

/// Checks that a number is not negative.
///
/// # Errors
/// If it is.
pub fn check_not_negative(field: &str, number: Option<i32>) -> Result<Option<i32>, Error> {
    match number {
        Some(number) if number < 0 => Err(Error::BadUserInput(format!("{field} is {number}; it must be 0 or greater"))),
        number => Ok(number),
    }
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
