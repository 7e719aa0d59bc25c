//! Query cost analysis: enforces the limits on a query before validation and before any SQL.
//!
//! Syntax limits count all operations of a document. Each fragment is measured once and multiplied by its spreads, so
//! that a document that expands exponentially is measured in linear time. Nodes and SQL statements are those of the
//! operation to execute.

use std::collections::HashMap;
use std::convert::Infallible;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use crate::config::Limits;
use crate::error::Error;
use crate::graphql::engine::schema_index::SchemaIndex;
use crate::graphql::inputs::search_query::count_words;
use crate::graphql::limits::nesting::selection_depth;
use crate::graphql::limits::token_count::TokenCounts;
use crate::store::reader::quality::DataIssue;

/// Maximum nesting depth of braces in a document, including fragments: the depth the parser supports.
const MAX_TEXT_DEPTH: usize = 60;
/// Maximum nesting depth of selection sets, with those of fragments and inline fragments: the stack of a thread.
const MAX_SELECTION_DEPTH: usize = 200;
/// Maximum nesting depth of lists and objects in an argument or a variable.
const MAX_VALUE_DEPTH: usize = 32;
/// Maximum nesting of lists in an introspection query. Deeper queries only repeat types.
const MAX_INTROSPECTION_LIST_DEPTH: u64 = 2;
/// Assumed number of rows of a list without a page size, such as a researcher's identifiers.
const UNPAGED_LIST_ROWS: u64 = 10;
/// Number of kinds of data-quality issues.
const ISSUE_KIND_COUNT: u64 = DataIssue::ALL.len() as u64;
/// A facet reads whole lists: weighted as several statements.
const FACET_STATEMENTS: u64 = 10;
/// A filter by topics, organizations or authors joins other tables: weighted as several statements.
const RELATION_FILTER_STATEMENTS: u64 = 25;
/// Cost of a word of a search query below a list: its hits are looked up for each parent.
const NESTED_WORD_COST: u64 = 60;
/// Cost of a filter by IDs, which are looked up for each parent.
const IDS_FILTER_COST: u64 = 25;
/// Cost of a filter by the time of the last change, whose index can be read for each parent.
const UPDATED_SINCE_FILTER_COST: u64 = 200;
/// A data-quality report on a part of the directory: weighted as many statements.
const FILTERED_REPORT_STATEMENTS: u64 = 150;
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
    let mut syntax = SyntaxCounts::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        check_limit("variables", operation.variable_definitions.len(), limits.variables, "variables in an operation")?;
        for variable in &operation.variable_definitions {
            syntax.directives += variable.node.directives.len();
            if let Some(value) = &variable.node.default_value {
                syntax.count_constant(&value.node, &variable.node.name.node, 1);
            }
        }
        syntax.directives += operation.directives.len();
        syntax.count_selections(&operation.selection_set.node);
    }
    for fragment in document.fragments.values() {
        syntax.directives += fragment.node.directives.len();
        syntax.count_selections(&fragment.node.selection_set.node);
    }
    for (name, value) in variables.iter() {
        syntax.count_constant(value, name, 1);
    }
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
    let words = to_usize(estimator.estimate_operation(selected).search_words);
    if words > limits.search_words {
        let maximum = limits.search_words;
        let message = format!(
            "the query searches for {words} words; the limit is {maximum}: search for fewer words, or split the request"
        );
        return Err(limit_error("searchWords", words, maximum, message));
    }
    let cost = estimator.query_cost(selected);
    for (limit, count, maximum) in [("nodes", cost.nodes, limits.nodes), ("cost", cost.total(), limits.cost)] {
        if count > maximum {
            let message = estimator.complexity_message(limit, count, maximum, selected);
            return Err(limit_error(limit, to_usize(count), to_usize(maximum), message));
        }
    }
    Ok(cost)
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Counts of the syntax as written, before fragment expansion.
#[derive(Default)]
struct SyntaxCounts<'a> {
    aliases: usize,
    directives: usize,
    max_field_repeats: usize,
    /// Length of the longest list, and the name of its argument, input field or variable.
    longest_list: (usize, &'a str),
    max_value_depth: usize,
}

impl<'a> SyntaxCounts<'a> {
    fn count_selections(&mut self, selections: &'a SelectionSet) {
        let mut names: HashMap<&Name, usize> = HashMap::new();
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.aliases += usize::from(field.alias.is_some());
                    self.directives += field.directives.len();
                    let same = names.entry(&field.response_key().node).or_default();
                    *same += 1;
                    self.max_field_repeats = self.max_field_repeats.max(*same);
                    field.arguments.iter().for_each(|(name, value)| self.count_value(&value.node, &name.node, 1));
                    field.directives.iter().for_each(|directive| self.count_directive(&directive.node));
                    self.count_selections(&field.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    self.directives += inline.node.directives.len();
                    self.count_selections(&inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => self.directives += spread.node.directives.len(),
            }
        }
    }

    fn count_directive(&mut self, directive: &'a Directive) {
        directive.arguments.iter().for_each(|(name, value)| self.count_value(&value.node, &name.node, 1));
    }

    fn count_value(&mut self, value: &'a Value, name: &'a str, depth: usize) {
        match value {
            Value::List(entries) => {
                self.record_nesting(entries.len(), name, depth);
                entries.iter().for_each(|entry| self.count_value(entry, name, depth + 1));
            }
            Value::Object(members) => {
                self.record_nesting(0, name, depth);
                members.iter().for_each(|(name, member)| self.count_value(member, name, depth + 1));
            }
            _ => {}
        }
    }

    fn count_constant(&mut self, value: &'a ConstValue, name: &'a str, depth: usize) {
        match value {
            ConstValue::List(entries) => {
                self.record_nesting(entries.len(), name, depth);
                entries.iter().for_each(|entry| self.count_constant(entry, name, depth + 1));
            }
            ConstValue::Object(members) => {
                self.record_nesting(0, name, depth);
                members.iter().for_each(|(name, member)| self.count_constant(member, name, depth + 1));
            }
            _ => {}
        }
    }

    fn record_nesting(&mut self, entries: usize, name: &'a str, depth: usize) {
        if entries > self.longest_list.0 {
            self.longest_list = (entries, name);
        }
        self.max_value_depth = self.max_value_depth.max(depth);
    }
}

/// Cost of a selection set after fragment expansion.
#[derive(Clone, Copy, Debug, Default)]
struct SelectionCost {
    /// Number of selections.
    selections: u64,
    /// Number of top-level fields.
    fields: u64,
    /// Nesting depth of fields.
    depth: u64,
    /// Nodes for each parent.
    nodes: u64,
    /// Cost of counting for each parent.
    counts: u64,
    /// Whether the parent connection's page is read, and the nodes and the cost of counting below each of its rows.
    reads_page: bool,
    nodes_per_row: u64,
    counts_per_row: u64,
    statements: u64,
    /// Number of statements that read the parent connection's list besides its page.
    list_reads: u64,
    /// Number of words in search queries.
    search_words: u64,
    introspection_depth: u64,
    has_introspection: bool,
}

impl SelectionCost {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.fields = self.fields.saturating_add(other.fields);
        self.depth = self.depth.max(other.depth);
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.reads_page |= other.reads_page;
        self.counts = self.counts.saturating_add(other.counts);
        self.nodes_per_row = self.nodes_per_row.saturating_add(other.nodes_per_row);
        self.counts_per_row = self.counts_per_row.saturating_add(other.counts_per_row);
        self.statements = self.statements.saturating_add(other.statements);
        self.list_reads = self.list_reads.saturating_add(other.list_reads);
        self.search_words = self.search_words.saturating_add(other.search_words);
        self.introspection_depth = self.introspection_depth.max(other.introspection_depth);
        self.has_introspection |= other.has_introspection;
    }

    /// Removes nodes and statements: the selection is skipped by a directive but still counts as syntax.
    fn without_reads(self) -> Self {
        let Self { selections, fields, depth, introspection_depth, has_introspection, .. } = self;
        Self { selections, fields, depth, introspection_depth, has_introspection, ..Self::default() }
    }
}

struct CostEstimator<'a> {
    document: &'a ExecutableDocument,
    schema_index: &'a SchemaIndex,
    variables: &'a Variables,
    /// Cost of each fragment; `None` while it is being measured. A fragment cycle costs nothing and is rejected by
    /// validation.
    fragment_costs: HashMap<&'a Name, Option<SelectionCost>>,
    /// Upper bound for page sizes, used to find the page size that fits.
    page_size_cap: u64,
}

impl<'a> CostEstimator<'a> {
    fn new(document: &'a ExecutableDocument, schema_index: &'a SchemaIndex, variables: &'a Variables) -> Self {
        Self { document, schema_index, variables, fragment_costs: HashMap::new(), page_size_cap: u64::MAX }
    }

    fn estimate_operation(&mut self, operation: &'a OperationDefinition) -> SelectionCost {
        self.estimate_selections(&operation.selection_set.node, Some("Query"))
    }

    fn query_cost(&mut self, operation: &'a OperationDefinition) -> QueryCost {
        let cost = self.estimate_operation(operation);
        QueryCost { nodes: cost.nodes, statements: cost.statements, counts: cost.counts }
    }

    /// Returns the error message, with the largest page size that stays within the limit.
    fn complexity_message(
        &mut self,
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
            self.fragment_costs.clear();
            self.page_size_cap = *size;
            let cost = self.query_cost(operation);
            (if limit == "nodes" { cost.nodes } else { cost.total() }) <= maximum
        });
        match fitting_size {
            Some(size) => format!("{subject}; the limit is {maximum} (for example, use first: {size} for all lists)"),
            None => format!("{subject}; the limit is {maximum}: nest fewer lists"),
        }
    }

    fn estimate_selections(&mut self, selections: &'a SelectionSet, parent: Option<&'a str>) -> SelectionCost {
        let mut cost = SelectionCost::default();
        for selection in &selections.items {
            cost.selections = cost.selections.saturating_add(1);
            let (child_cost, directives) = match &selection.node {
                Selection::Field(field) => (self.estimate_field(&field.node, parent), &field.node.directives),
                Selection::InlineFragment(inline) => {
                    let condition =
                        inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    (
                        self.estimate_selections(&inline.node.selection_set.node, condition.or(parent)),
                        &inline.node.directives,
                    )
                }
                Selection::FragmentSpread(spread) => {
                    (self.estimate_fragment(&spread.node.fragment_name.node), &spread.node.directives)
                }
            };
            cost.add(if self.is_skipped(directives) { child_cost.without_reads() } else { child_cost });
        }
        cost
    }

    fn estimate_fragment(&mut self, name: &'a Name) -> SelectionCost {
        if let Some(cost) = self.fragment_costs.get(name) {
            return cost.unwrap_or_default();
        }
        let Some(fragment) = self.document.fragments.get(name) else { return SelectionCost::default() };
        self.fragment_costs.insert(name, None);
        let condition = fragment.node.type_condition.node.on.node.as_str();
        let cost = self.estimate_selections(&fragment.node.selection_set.node, Some(condition));
        self.fragment_costs.insert(name, Some(cost));
        cost
    }

    fn estimate_field(&mut self, field: &'a Field, parent: Option<&'a str>) -> SelectionCost {
        let name = field.name.node.as_str();
        let is_schema = matches!(name, "__schema" | "__type");
        let parent = if is_schema { None } else { parent.filter(|parent| !parent.starts_with("__")) };
        let definition = parent.and_then(|parent| self.schema_index.field(parent, name));
        let result = definition.map(|definition| definition.named_type.as_str());
        let child = self.estimate_selections(&field.selection_set.node, result);
        let mut cost = SelectionCost {
            selections: child.selections,
            fields: 1,
            depth: child.depth.saturating_add(1),
            statements: child.statements,
            search_words: child.search_words,
            introspection_depth: child.introspection_depth,
            has_introspection: is_schema || child.has_introspection,
            ..SelectionCost::default()
        };
        let Some((parent, definition)) = parent.zip(definition) else {
            // Introspection needs no SQL; its lists have typical lengths.
            let rows = introspection_rows(name);
            cost.introspection_depth +=
                u64::from(matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes"));
            cost.nodes =
                rows.saturating_mul(child.nodes.saturating_add(1)).saturating_add(u64::from(rows == 0) * child.nodes);
            return cost;
        };
        let child_nodes = child.nodes;
        let is_composite = self.schema_index.is_composite(&definition.named_type);
        let reads = self.field_statements(parent, name, &definition.named_type, is_composite);
        // The report on a part of the directory joins papers, authors and organizations, for each kind of issue.
        let is_filtered_report = (parent, name) == ("Directory", "quality") && self.argument(field, "filter").is_some();
        let reads = reads + if is_filtered_report { FILTERED_REPORT_STATEMENTS } else { 0 };
        cost.statements = cost.statements.saturating_add(reads);
        let words = self.search_words(field);
        cost.search_words = cost.search_words.saturating_add(words);
        // Each statement that reads the list searches for the words.
        let searches = child.list_reads.saturating_add(u64::from(child.reads_page)).max(1);
        cost.statements = cost.statements.saturating_add(words.saturating_mul(searches));
        cost.list_reads = u64::from(parent.ends_with("Connection") && matches!(name, "totalCount" | "facets"));
        if definition.named_type.ends_with("Connection") {
            let size = self.page_size(field).min(self.page_size_cap);
            // `totalCount` and `facets` alone read no rows of the page.
            let rows = if child.reads_page { size } else { 0 };
            cost.nodes = child_nodes.saturating_add(rows.saturating_mul(child.nodes_per_row.saturating_add(1)));
            cost.counts = child.counts.saturating_add(rows.saturating_mul(child.counts_per_row));
            let scans = u64::from(child.reads_page).saturating_add(child.list_reads);
            let filter = self.argument(field, "filter");
            let relations = filter.as_ref().map_or(0, relation_filters).saturating_mul(RELATION_FILTER_STATEMENTS);
            cost.statements = cost.statements.saturating_add(relations.saturating_mul(scans));
            let mut per_parent = scan_cost(parent, name, filter.is_some());
            if parent != "Query" {
                per_parent = per_parent.saturating_add(words.saturating_mul(NESTED_WORD_COST));
                let has = |name| filter.as_ref().is_some_and(|filter| has_member(filter, name));
                per_parent += if has("ids") { IDS_FILTER_COST } else { 0 };
                per_parent += if has("updatedSince") { UPDATED_SINCE_FILTER_COST } else { 0 };
            }
            cost.counts = cost.counts.saturating_add(scans.saturating_mul(per_parent));
        } else if parent.ends_with("Connection") && matches!(name, "edges" | "nodes" | "pageInfo") {
            cost.reads_page = true;
            cost.nodes_per_row = child_nodes;
            cost.counts_per_row = child.counts;
        } else if definition.is_list && is_composite {
            let size = self.list_size(field, parent).min(self.page_size_cap);
            cost.nodes = size.saturating_mul(child_nodes.saturating_add(1));
            cost.counts = size.saturating_mul(child.counts).saturating_add(count_cost(parent, name));
        } else if is_citation(parent, name) {
            // The citation contains the authors.
            cost.nodes = UNPAGED_LIST_ROWS;
        } else {
            cost.nodes =
                child_nodes.saturating_add(u64::from(reads > 0 && self.schema_index.is_node(&definition.named_type)));
            cost.counts = child.counts.saturating_add(count_cost(parent, name));
        }
        cost
    }

    /// Returns the number of SQL statements of a field, batched over all its parents.
    fn field_statements(&self, parent: &str, name: &str, result: &str, is_composite: bool) -> u64 {
        match (parent, name) {
            ("Query", "coauthorPath") => 30,
            // It reads the names that begin with each word.
            ("Query", "autocomplete") => 8,
            ("Query", "directory") => 0,
            (parent, name) if is_citation(parent, name) => 1,
            // One statement each, but it can scan whole tables: weighted as several.
            ("DirectoryQuality", "issues") => 25,
            ("DirectoryQuality", "nameRepairs") | ("Directory", "sources") => 10,
            ("QualityIssue", "organizations") => 75,
            ("QualityIssue", "sources") => 30,
            // One statement for the ids, others for the entities.
            ("QualityIssue", "samples") => 10,
            // Values that are not in the row of their object.
            ("Authorship", "sequence") | ("Suggestion", "label") | (_, "formerIds") => 1,
            ("Researcher", "otherNames") => 1,
            ("Researcher", "headline") => 6,
            ("Suggestion", "hint") => 2,
            (parent, "totalCount" | "facets") if parent.ends_with("Connection") => 1,
            (parent, _) if parent.ends_with("Connection") => 0,
            // The node is read in the same statement as its row.
            (parent, "node") if parent.ends_with("Edge") => 0,
            // Joined through authorships, which are several per paper.
            ("PaperFacets", "organizations") => 25,
            (parent, _) if parent.ends_with("Facets") => FACET_STATEMENTS,
            ("Directory", "statistics") => 15,
            ("Directory", "languages") => 1,
            _ => u64::from(is_composite && !self.schema_index.is_embedded(result)),
        }
    }

    /// Returns the page size. Values outside the allowed range are clamped here and rejected by the resolver.
    fn page_size(&self, field: &Field) -> u64 {
        let size = ["first", "last"].iter().find_map(|name| self.integer_argument(field, name));
        size.map_or(20, |size| u64::try_from(size).unwrap_or(0).clamp(0, 100))
    }

    fn list_size(&self, field: &Field, parent: &str) -> u64 {
        let keys = ["ids", "keys"].iter().find_map(|name| match self.argument(field, name)? {
            ConstValue::List(entries) => Some(entries.len() as u64),
            _ => Some(1),
        });
        let first = || self.integer_argument(field, "first").map(|size| u64::try_from(size).unwrap_or(0).min(100));
        let default = || self.schema_index.default_page_size(parent, field.name.node.as_str());
        if parent == "DirectoryQuality" && field.name.node == "issues" {
            return ISSUE_KIND_COUNT;
        }
        keys.or_else(first).or_else(default).unwrap_or(UNPAGED_LIST_ROWS)
    }

    /// Returns the number of words in the search queries of a field: its argument `query`, or those in its filters.
    fn search_words(&self, field: &Field) -> u64 {
        let arguments = field.arguments.iter().map(|(name, value)| self.words_in(&name.node, &value.node));
        arguments.fold(0, u64::saturating_add)
    }

    fn words_in(&self, name: &str, value: &Value) -> u64 {
        match value {
            Value::String(text) if name == "query" => count_words(text),
            Value::Variable(variable) => self.variables.get(variable).map_or(0, |value| words_in_constant(name, value)),
            Value::List(values) => values.iter().map(|value| self.words_in(name, value)).fold(0, u64::saturating_add),
            Value::Object(members) => {
                members.iter().map(|(name, value)| self.words_in(name, value)).fold(0, u64::saturating_add)
            }
            _ => 0,
        }
    }

    fn integer_argument(&self, field: &Field, name: &str) -> Option<i64> {
        match self.argument(field, name)? {
            // Variables are coerced later: 50.0 is a valid `Int`.
            ConstValue::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|number| number as i64)),
            _ => None,
        }
    }

    /// Returns the value of an argument, with variables substituted.
    fn argument(&self, field: &Field, name: &str) -> Option<ConstValue> {
        self.resolve_variables(&field.get_argument(name)?.node)
    }

    fn resolve_variables(&self, value: &Value) -> Option<ConstValue> {
        let with_null = |name| Ok::<_, Infallible>(self.variables.get(&name).cloned().unwrap_or_default());
        value.clone().into_const_with(with_null).ok().filter(|value| *value != ConstValue::Null)
    }

    fn is_skipped(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let condition = directive.node.get_argument("if").and_then(|value| self.resolve_variables(&value.node));
            match directive.node.name.node.as_str() {
                "skip" => condition == Some(ConstValue::Boolean(true)),
                "include" => condition == Some(ConstValue::Boolean(false)),
                _ => false,
            }
        })
    }
}

/// Returns the number of filters by related entities in a filter.
fn relation_filters(filter: &ConstValue) -> u64 {
    match filter {
        ConstValue::Object(members) => members.iter().fold(0, |sum, (name, value)| {
            let is_relation = matches!(name.as_str(), "topicIds" | "organizationIds" | "authorIds");
            sum.saturating_add(u64::from(is_relation && *value != ConstValue::Null))
                .saturating_add(relation_filters(value))
        }),
        ConstValue::List(filters) => filters.iter().map(relation_filters).fold(0, u64::saturating_add),
        _ => 0,
    }
}

/// Whether a filter, or one nested in it, has this condition.
fn has_member(filter: &ConstValue, name: &str) -> bool {
    match filter {
        ConstValue::Object(members) => members
            .iter()
            .any(|(member, value)| (member == name && *value != ConstValue::Null) || has_member(value, name)),
        ConstValue::List(filters) => filters.iter().any(|filter| has_member(filter, name)),
        _ => false,
    }
}

/// Returns the number of words in the search queries of a variable's value.
fn words_in_constant(name: &str, value: &ConstValue) -> u64 {
    match value {
        ConstValue::String(text) if name == "query" => count_words(text),
        ConstValue::List(values) => {
            values.iter().map(|value| words_in_constant(name, value)).fold(0, u64::saturating_add)
        }
        ConstValue::Object(members) => {
            members.iter().map(|(name, value)| words_in_constant(name, value)).fold(0, u64::saturating_add)
        }
        _ => 0,
    }
}

/// Returns the cost of the rows that a field counts for each parent.
fn count_cost(parent: &str, name: &str) -> u64 {
    match (parent, name) {
        // Joint papers are counted, not only coauthors.
        ("CoauthorConnection", "totalCount") => 60,
        (parent, "totalCount") if parent.ends_with("Connection") => 40,
        (parent, _) if parent.ends_with("Facets") => 50,
        // Names on papers.
        ("Researcher", "otherNames") => 20,
        _ => 0,
    }
}

/// Returns the cost of the rows that a list passes over for each parent, each time it is read: papers and researchers
/// of an organization or a topic, with all parts of it, are no range of an index; coauthors by joint papers are counted.
fn scan_cost(parent: &str, name: &str, has_filter: bool) -> u64 {
    match (parent, name) {
        ("Researcher", "coauthors") if has_filter => 250,
        ("Researcher", "coauthors" | "topics") => 20,
        ("Researcher", "papers") => 5,
        ("Organization" | "Topic", "papers") => 2_700,
        ("Organization" | "Topic", "researchers") => 1_000,
        _ => 0,
    }
}

/// Whether a field is computed from rows of other tables than its parent's.
fn is_citation(parent: &str, name: &str) -> bool {
    parent == "Paper" && matches!(name, "citation" | "formattedCitation")
}

/// Returns the typical length of a list in introspection; 0 if the field is not a list.
fn introspection_rows(name: &str) -> u64 {
    match name {
        "types" => 200,
        "fields" | "inputFields" => 20,
        "args" | "enumValues" | "directives" | "locations" => 10,
        "interfaces" | "possibleTypes" => 5,
        _ => 0,
    }
}
