//! Extensions to the execution engine of async-graphql.

pub(crate) mod document_cache;
pub(crate) mod eager_resolver;
pub(crate) mod field_memo;
pub(crate) mod field_order;
pub mod json_writer;
pub(crate) mod lookahead;
pub(crate) mod null_propagation;
pub(crate) mod operation;
pub(crate) mod schema_index;
pub(crate) mod selected_columns;
pub(crate) mod variables;
