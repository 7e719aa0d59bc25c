//! Filters inside filters, by `and`, `or` and `not`: how deep and how many.

use async_graphql::Context;

use crate::config::Limits;
use crate::error::Error;
use crate::graphql::context::State as _;

/// Counts the filters in an argument while they are taken over.
pub struct Nesting<'a> {
    limits: &'a Limits,
    depth: usize,
    filters: usize,
}

impl<'a> Nesting<'a> {
    /// For the outermost filter of an argument.
    pub fn of(ctx: &'a Context<'_>) -> Self {
        Self { limits: ctx.limits(), depth: 0, filters: 0 }
    }

    /// Takes over a filter that stands in another.
    ///
    /// # Errors
    /// Where the filters nest too deep or are too many, or the filter does not hold.
    pub fn inner<F, T>(&mut self, filter: F, take: impl FnOnce(F, &mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let (deepest, most) = (self.limits.filter_depth, self.limits.filters);
        if self.depth == deepest {
            let message = format!(
                "the filter is nested too deep; and, or and not can stand in each other at most {deepest} deep"
            );
            return Err(Error::limit("filterDepth", self.depth + 1, deepest, message));
        }
        if self.filters == most {
            let message =
                format!("the filter holds too many others; by and, or and not it can hold at most {most} in all");
            return Err(Error::limit("filters", self.filters + 1, most, message));
        }
        self.filters += 1;
        self.depth += 1;
        let taken = take(filter, self);
        self.depth -= 1;
        taken
    }

    /// Takes over the filters of an `and` or an `or`.
    ///
    /// # Errors
    /// Where one of them is refused.
    pub fn each<F, T>(
        &mut self,
        filters: Option<Vec<F>>,
        take: impl Fn(F, &mut Self) -> Result<T, Error>,
    ) -> Result<Option<Vec<T>>, Error> {
        let taken = filters.map(|filters| filters.into_iter().map(|filter| self.inner(filter, &take)).collect());
        taken.transpose()
    }
}
