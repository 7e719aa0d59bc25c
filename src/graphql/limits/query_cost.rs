//! Query cost analysis: enforces the limits on a query before validation and before any SQL.
//!
//! Syntax limits count all operations of a document. Each fragment is measured once and multiplied by its spreads, so
//! that a document that expands exponentially is measured in linear time. Nodes and SQL statements are those of the
//! operation to execute.

use async_graphql::Variables;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition};

use crate::config::Limits;
use crate::error::Error;
use crate::graphql::engine::schema_index::SchemaIndex;
use crate::graphql::limits::cost_estimator::{CostEstimator, SelectionCost};
use crate::graphql::limits::nesting::selection_depth;
use crate::graphql::limits::syntax_counts::{REPRESENTATIONS, SyntaxCounts};
use crate::graphql::limits::token_count::TokenCounts;

/// Maximum nesting depth of braces in a document, including fragments: the depth the parser supports.
const MAX_TEXT_DEPTH: usize = 60;
/// Maximum nesting depth of selection sets, with those of fragments and inline fragments: the stack of a thread.
const MAX_SELECTION_DEPTH: usize = 200;
/// Maximum nesting depth of lists and objects in an argument or a variable.
const MAX_VALUE_DEPTH: usize = 32;
/// Maximum nesting of lists in an introspection query. Deeper queries only repeat types.
const MAX_INTROSPECTION_LIST_DEPTH: u64 = 2;
/// Cost of a SQL statement, in nodes.
const STATEMENT_COST: u64 = 100;

/// Worst-case cost of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryCost {
    /// Maximum number of nodes the query could return.
    pub nodes: u64,
    /// Maximum number of SQL statements.
    pub statements: u64,
    /// Cost of counting: rows that are read but not returned, estimated for each parent.
    pub counts: u64,
}

impl QueryCost {
    /// Returns the cost as a single number.
    #[must_use]
    pub fn total(self) -> u64 {
        self.nodes.saturating_add(self.counts).saturating_add(self.statements.saturating_mul(STATEMENT_COST))
    }
}

impl From<SelectionCost> for QueryCost {
    fn from(SelectionCost { nodes, statements, counts, .. }: SelectionCost) -> Self {
        Self { nodes, statements, counts }
    }
}

fn limit_error(limit: &'static str, count: usize, maximum: usize, message: String) -> Error {
    let code = match limit {
        "depth" => "QUERY_TOO_DEEP",
        "selections" | "nodes" | "cost" => "QUERY_TOO_COMPLEX",
        _ => "LIMIT_EXCEEDED",
    };
    Error::LimitExceeded { code, limit, counted: count as u64, maximum: maximum as u64, message }
}

/// Returns a `LimitExceeded` error if `count` exceeds the maximum.
fn check_limit(limit: &'static str, count: usize, maximum: usize, subject: &str) -> Result<(), Error> {
    if count <= maximum {
        return Ok(());
    }
    Err(limit_error(limit, count, maximum, format!("the query has {count} {subject}; the limit is {maximum}")))
}

/// Checks the text of a document before it is parsed.
///
/// # Errors
/// If it has too many tokens or is nested deeper than the parser supports.
pub fn check_text(text: &str, limits: &Limits) -> Result<(), Error> {
    let tokens = TokenCounts::count(text);
    check_limit("tokens", tokens.tokens, limits.tokens, "tokens")?;
    if tokens.selection_depth > MAX_TEXT_DEPTH {
        return Err(depth_error(tokens.selection_depth, MAX_TEXT_DEPTH));
    }
    check_value_depth(tokens.value_depth)
}

fn depth_error(depth: usize, maximum: usize) -> Error {
    let message =
        format!("the query is nested {depth} levels deep; the limit is {maximum}: request fewer levels at once");
    limit_error("depth", depth, maximum, message)
}

fn check_value_depth(depth: usize) -> Result<(), Error> {
    if depth <= MAX_VALUE_DEPTH {
        return Ok(());
    }
    let message = format!("a value is nested {depth} levels deep; the limit is {MAX_VALUE_DEPTH}");
    Err(limit_error("valueDepth", depth, MAX_VALUE_DEPTH, message))
}

/// Checks a document against all limits and returns the cost of the selected operation, or zero if no operation is
/// selected. Defaults of variables must already be applied.
///
/// # Errors
/// The first limit that the document exceeds.
pub fn check_document(
    document: &ExecutableDocument,
    selected: Option<&OperationDefinition>,
    variables: &Variables,
    schema_index: &SchemaIndex,
    limits: &Limits,
) -> Result<QueryCost, Error> {
    check_limit("operations", document.operations.iter().count(), limits.operations, "operations")?;
    let depth = selection_depth(document);
    if depth > MAX_SELECTION_DEPTH {
        return Err(depth_error(depth, MAX_SELECTION_DEPTH));
    }
    for (_, operation) in document.operations.iter() {
        let variables = operation.node.variable_definitions.len();
        check_limit("variables", variables, limits.variables, "variables in an operation")?;
    }
    let syntax = SyntaxCounts::new(document, variables);
    check_limit("aliases", syntax.aliases, limits.aliases, "aliases")?;
    check_limit("directives", syntax.directives, limits.directives, "directives")?;
    check_limit(
        "repeatedFields",
        syntax.max_field_repeats,
        limits.field_repeats,
        "fields with the same response key in one selection set",
    )?;
    check_value_depth(syntax.max_value_depth)?;
    let (count, maximum) = (syntax.longest_list.0, limits.list_entries);
    if count > maximum {
        let name = syntax.longest_list.1;
        let message = format!("{name} has {count} entries; the limit is {maximum}: split the request");
        return Err(limit_error("listEntries", count, maximum, message));
    }

    let (count, maximum) = (syntax.max_representations, limits.representations);
    if count > maximum {
        let message = format!("{REPRESENTATIONS} has {count} entries; the limit is {maximum}: split the request");
        return Err(limit_error(REPRESENTATIONS, count, maximum, message));
    }

    let mut estimator = CostEstimator::new(document, schema_index, variables);
    let mut total = SelectionCost::default();
    let mut root_fields = 0;
    for (_, operation) in document.operations.iter() {
        let cost = estimator.estimate_operation(&operation.node);
        root_fields = root_fields.max(cost.fields);
        total.add(cost);
    }
    if to_usize(total.depth) > limits.depth {
        return Err(depth_error(to_usize(total.depth), limits.depth));
    }
    check_limit("selections", to_usize(total.selections), limits.selections, "selections after fragment expansion")?;
    check_limit("rootFields", to_usize(root_fields), limits.root_fields, "root fields")?;
    if total.has_introspection && !limits.introspection {
        return Err(Error::Forbidden {
            code: "INTROSPECTION_OFF",
            message: "introspection is disabled; use the published schema (other queries are not affected)".to_owned(),
        });
    }
    if total.introspection_depth > MAX_INTROSPECTION_LIST_DEPTH {
        let (count, maximum) = (to_usize(total.introspection_depth), to_usize(MAX_INTROSPECTION_LIST_DEPTH));
        let message =
            format!("the introspection query nests {count} lists of fields and types; the limit is {maximum}");
        return Err(limit_error("introspectionDepth", count, maximum, message));
    }
    let Some(selected) = selected else { return Ok(QueryCost::default()) };
    let estimate = estimator.estimate_operation(selected);
    let words = to_usize(estimate.search_words);
    if words > limits.search_words {
        let maximum = limits.search_words;
        let message = format!(
            "the query searches for {words} words; the limit is {maximum}: search for fewer words, or split the request"
        );
        return Err(limit_error("searchWords", words, maximum, message));
    }
    let cost = QueryCost::from(estimate);
    for (limit, count, maximum) in [("nodes", cost.nodes, limits.nodes), ("cost", cost.total(), limits.cost)] {
        if count > maximum {
            let message = complexity_message(&mut estimator, limit, count, maximum, selected);
            return Err(limit_error(limit, to_usize(count), to_usize(maximum), message));
        }
    }
    Ok(cost)
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Returns the error message, with the largest page size that stays within the limit.
fn complexity_message<'a>(
    estimator: &mut CostEstimator<'a>,
    limit: &str,
    count: u64,
    maximum: u64,
    operation: &'a OperationDefinition,
) -> String {
    let subject = if limit == "nodes" {
        format!("the query could return {count} nodes")
    } else {
        format!("the query could cost {count} (1 for each node, {STATEMENT_COST} for each SQL statement)")
    };
    let fitting_size = (1..100).rev().find(|size| {
        estimator.cap_page_size(*size);
        let cost = QueryCost::from(estimator.estimate_operation(operation));
        (if limit == "nodes" { cost.nodes } else { cost.total() }) <= maximum
    });
    match fitting_size {
        Some(size) => format!("{subject}; the limit is {maximum} (for example, use first: {size} for all lists)"),
        None => format!("{subject}; the limit is {maximum}: nest fewer lists"),
    }
}
