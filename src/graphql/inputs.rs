//! Arguments: identifiers, localized text, scalars, sort orders and filters.

pub(crate) mod filter_limits;
pub(crate) mod identifier;
pub(crate) mod localized_string;
pub(crate) mod order;
pub(crate) mod scalars;
