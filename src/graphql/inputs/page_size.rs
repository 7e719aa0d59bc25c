//! The argument `first` of lists that are not connections.

use async_graphql::Context;

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::store::reader::cursor::PageError;

/// Checks the value of `first` against the maximum page size.
///
/// # Errors
/// If it is less than 1 or greater than the maximum.
pub fn check_first(ctx: &Context<'_>, first: i32) -> Result<u32, Error> {
    let maximum = ctx.limits().page.maximum_size;
    let size = u32::try_from(first).ok().filter(|size| (1..=maximum).contains(size));
    size.ok_or_else(|| PageError::SizeOutOfRange { argument: "first", given: first, maximum }.into())
}
