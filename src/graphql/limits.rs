//! Limits on a query, enforced before it is executed.

pub(crate) mod nesting;
pub mod query_cost;
pub(crate) mod token_count;
