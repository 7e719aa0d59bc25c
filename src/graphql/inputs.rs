//! Arguments: scalars, identifiers, search queries, page sizes, sort orders, and the limits and costs of filters.

pub(crate) mod filter_cost;
pub(crate) mod filter_limits;
pub(crate) mod identifier;
pub(crate) mod order;
pub(crate) mod page_size;
pub(crate) mod range;
pub(crate) mod scalars;
pub(crate) mod search_query;
