//! What the service adds to the execution of async-graphql.

pub(crate) mod document_cache;
pub(crate) mod eager_resolver;
pub(crate) mod field_order;
pub mod json_writer;
pub(crate) mod lookahead;
pub(crate) mod null_propagation;
pub(crate) mod schema_index;
pub(crate) mod variables;
