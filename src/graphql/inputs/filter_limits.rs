//! Limits on the depth and the number of nested filters (`and`, `or`, `not`).

use async_graphql::Context;

use crate::config::Limits;
use crate::error::Error;
use crate::graphql::context::ContextExt as _;

/// Counts the filters in an argument while they are converted.
pub struct FilterBudget<'a> {
    limits: &'a Limits,
    depth: usize,
    filter_count: usize,
}

impl<'a> FilterBudget<'a> {
    /// Creates the budget for the outermost filter of an argument.
    pub fn new(ctx: &'a Context<'_>) -> Self {
        Self { limits: ctx.limits(), depth: 0, filter_count: 0 }
    }

    /// Converts a nested filter.
    ///
    /// # Errors
    /// If the filters are nested too deep or are too many, or the filter is invalid.
    pub fn convert_nested<F, T>(
        &mut self,
        filter: F,
        convert: impl FnOnce(F, &mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (max_depth, max_filters) = (self.limits.filter_depth, self.limits.filter_count);
        if self.depth == max_depth {
            let message =
                format!("the filter is nested too deep; and, or and not can be nested at most {max_depth} levels deep");
            return Err(Error::limit_exceeded("filterDepth", self.depth + 1, max_depth, message));
        }
        if self.filter_count == max_filters {
            let message =
                format!("the filter contains too many filters; and, or and not can contain at most {max_filters}");
            return Err(Error::limit_exceeded("filters", self.filter_count + 1, max_filters, message));
        }
        self.filter_count += 1;
        self.depth += 1;
        let converted = convert(filter, self);
        self.depth -= 1;
        converted
    }

    /// Converts the filters of an `and` or an `or`.
    ///
    /// # Errors
    /// If one of them is invalid.
    pub fn convert_nested_list<F, T>(
        &mut self,
        filters: Option<Vec<F>>,
        convert: impl Fn(F, &mut Self) -> Result<T, Error>,
    ) -> Result<Option<Vec<T>>, Error> {
        let converted =
            filters.map(|filters| filters.into_iter().map(|filter| self.convert_nested(filter, &convert)).collect());
        converted.transpose()
    }
}
