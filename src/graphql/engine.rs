//! Extensions to the execution engine of async-graphql.

use async_graphql::{Pos, ServerError};

pub(crate) mod document_cache;
pub(crate) mod document_size;
pub(crate) mod eager_resolver;
pub(crate) mod execution_document;
pub(crate) mod field_directives;
pub(crate) mod field_memo;
pub(crate) mod field_order;
pub(crate) mod introspection;
pub mod json_writer;
mod lexer;
#[cfg(test)]
mod library_tests;
pub(crate) mod lookahead;
pub(crate) mod null_propagation;
pub(crate) mod operation;
pub(crate) mod parser;
pub(crate) mod schema_index;
pub(crate) mod selected_columns;
pub(crate) mod validation;
pub(crate) mod variables;

/// The code of a document that is not GraphQL.
pub(crate) const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
/// The code of a document or of variables that do not match the schema.
pub(crate) const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";

/// Builds an error for which a request is rejected before it is executed.
pub(crate) fn request_error(code: &str, message: impl Into<String>, position: impl Into<Option<Pos>>) -> ServerError {
    let mut error = ServerError::new(message, position.into());
    error.extensions.get_or_insert_default().set("code", code);
    error
}
