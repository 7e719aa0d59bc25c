//! Everything that is derived from other rows and can be rebuilt from them.

pub(crate) mod coauthorship;
pub mod disambiguation;
pub(crate) mod labels;
pub(crate) mod search_index;
pub(crate) mod shared_doi;
pub(crate) mod statistics;
pub(crate) mod work_versions;
