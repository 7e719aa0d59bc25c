//! Limits on a query, enforced before it is executed.

pub(crate) mod cost_estimator;
pub(crate) mod nesting;
pub mod query_cost;
mod syntax_counts;
pub(crate) mod token_count;
