//! Filters inside filters, by `and`, `or` and `not`: how deep and how many.

use async_graphql::Context;

use crate::config::Limits;
use crate::error::Error;
use crate::graphql::context::ContextExt as _;

/// Counts the filters in an argument while they are taken over.
pub struct FilterBudget<'a> {
    limits: &'a Limits,
    depth: usize,
    filter_count: usize,
}

impl<'a> FilterBudget<'a> {
    /// For the outermost filter of an argument.
    pub fn new(ctx: &'a Context<'_>) -> Self {
        Self { limits: ctx.limits(), depth: 0, filter_count: 0 }
    }

    /// Takes over a filter that stands in another.
    ///
    /// # Errors
    /// Where the filters nest too deep or are too many, or the filter does not hold.
    pub fn convert_nested<F, T>(
        &mut self,
        filter: F,
        take: impl FnOnce(F, &mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (deepest, most) = (self.limits.filter_depth, self.limits.filter_count);
        if self.depth == deepest {
            let message = format!(
                "the filter is nested too deep; and, or and not can stand in each other at most {deepest} deep"
            );
            return Err(Error::limit_exceeded("filterDepth", self.depth + 1, deepest, message));
        }
        if self.filter_count == most {
            let message =
                format!("the filter holds too many others; by and, or and not it can hold at most {most} in all");
            return Err(Error::limit_exceeded("filters", self.filter_count + 1, most, message));
        }
        self.filter_count += 1;
        self.depth += 1;
        let taken = take(filter, self);
        self.depth -= 1;
        taken
    }

    /// Takes over the filters of an `and` or an `or`.
    ///
    /// # Errors
    /// Where one of them is refused.
    pub fn convert_nested_list<F, T>(
        &mut self,
        filters: Option<Vec<F>>,
        take: impl Fn(F, &mut Self) -> Result<T, Error>,
    ) -> Result<Option<Vec<T>>, Error> {
        let taken =
            filters.map(|filters| filters.into_iter().map(|filter| self.convert_nested(filter, &take)).collect());
        taken.transpose()
    }
}
