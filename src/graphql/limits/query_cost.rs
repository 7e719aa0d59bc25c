//! What a query may ask for, decided by its text and the schema before it is validated and before any SQL.
//!
//! Everything is counted over all operations of a document, with each fragment counted once and taken as often as it is
//! spread, so that a document which expands without end costs no more than one that does not. Nodes and statements are
//! those of the operation that is to run.

use std::collections::HashMap;
use std::convert::Infallible;

use async_graphql::parser::types::{
    BaseType, Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use crate::config::Limits;
use crate::error::Error;
use crate::graphql::engine::schema_index::SchemaIndex;
use crate::graphql::limits::token_count::TokenCounts;
use crate::store::reader::quality::DataIssue;

/// Fields of a document may be nested in as many braces as this, fragments of all kinds included: as many as the parser takes.
const MAX_TEXT_DEPTH: usize = 60;
/// Lists and objects may be nested in an argument or a variable as deep as this.
const MAX_VALUE_DEPTH: usize = 32;
/// How often introspection may go from types to lists of their fields and on: more only goes in circles.
const MAX_INTROSPECTION_LIST_DEPTH: u64 = 2;
/// How many rows a list without a size has: identifiers of a person, parents of an organization.
const UNPAGED_LIST_ROWS: u64 = 10;
/// How many kinds of issues of quality there are.
const ISSUE_KIND_COUNT: u64 = DataIssue::ALL.len() as u64;
/// What a statement costs, in nodes.
const STATEMENT_COST: u64 = 100;

/// What a request may return at most, and what that takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryCost {
    /// The rows that it may return, every page full.
    pub nodes: u64,
    /// The SQL statements that it may take.
    pub statements: u64,
}

impl QueryCost {
    /// Both in one number.
    #[must_use]
    pub fn total(self) -> u64 {
        self.nodes.saturating_add(self.statements.saturating_mul(STATEMENT_COST))
    }
}

fn limit_error(limit: &'static str, counted: usize, most: usize, message: String) -> Error {
    let code = match limit {
        "depth" => "QUERY_TOO_DEEP",
        "selections" | "nodes" | "cost" => "QUERY_TOO_COMPLEX",
        _ => "LIMIT_EXCEEDED",
    };
    Error::LimitExceeded { code, limit, counted: counted as u64, maximum: most as u64, message }
}

/// Refuses what is more than may be, in one sentence: what there is, of which, and how much may be.
fn check_limit(limit: &'static str, counted: usize, most: usize, what: &str) -> Result<(), Error> {
    if counted <= most {
        return Ok(());
    }
    Err(limit_error(limit, counted, most, format!("the query has {counted} {what}; at most {most} are allowed")))
}

/// Checks a text before it is parsed.
///
/// # Errors
/// Where it has too many tokens, or nests deeper than can be read.
pub fn check_text(text: &str, limits: &Limits) -> Result<(), Error> {
    let tokens = TokenCounts::count(text);
    check_limit("tokens", tokens.tokens, limits.tokens, "tokens")?;
    if tokens.selection_depth > MAX_TEXT_DEPTH {
        return Err(depth_error(tokens.selection_depth, MAX_TEXT_DEPTH));
    }
    check_value_depth(tokens.value_depth)
}

fn depth_error(depth: usize, most: usize) -> Error {
    let message = format!("the query is nested {depth} deep; at most {most} are allowed: ask for less at once");
    limit_error("depth", depth, most, message)
}

fn check_value_depth(depth: usize) -> Result<(), Error> {
    if depth <= MAX_VALUE_DEPTH {
        return Ok(());
    }
    let message = format!("a value is nested {depth} deep; at most {MAX_VALUE_DEPTH} are allowed");
    Err(limit_error("valueDepth", depth, MAX_VALUE_DEPTH, message))
}

/// Checks a document, and tells what the operation to run would cost; nothing where there is none of that name. The variables
/// have their defaults.
///
/// # Errors
/// Where it asks for more than it may, with the first limit that it is beyond.
pub fn check_document(
    document: &ExecutableDocument,
    chosen: Option<&OperationDefinition>,
    variables: &Variables,
    definitions: &SchemaIndex,
    limits: &Limits,
) -> Result<QueryCost, Error> {
    check_limit("operations", document.operations.iter().count(), limits.operations, "operations")?;
    let mut written = SyntaxCounts::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        check_limit("variables", operation.variable_definitions.len(), limits.variables, "variables in an operation")?;
        for variable in &operation.variable_definitions {
            written.directives += variable.node.directives.len();
            if let Some(value) = &variable.node.default_value {
                written.count_constant(&value.node, &variable.node.name.node, 1);
            }
        }
        written.directives += operation.directives.len();
        written.count_selections(&operation.selection_set.node);
    }
    for fragment in document.fragments.values() {
        written.directives += fragment.node.directives.len();
        written.count_selections(&fragment.node.selection_set.node);
    }
    for (name, value) in variables.iter() {
        written.count_constant(value, name, 1);
    }
    check_limit("aliases", written.aliases, limits.aliases, "aliases")?;
    check_limit("directives", written.directives, limits.directives, "directives")?;
    check_limit(
        "repeatedFields",
        written.max_field_repeats,
        limits.field_repeats,
        "fields of the same name beside each other",
    )?;
    check_value_depth(written.max_value_depth)?;
    let (counted, most) = (written.longest_list.0, limits.list_entries);
    if counted > most {
        let name = written.longest_list.1;
        let message = format!("{name} has {counted} entries; a list takes at most {most}: ask in several requests");
        return Err(limit_error("listEntries", counted, most, message));
    }

    let mut counter = CostEstimator::new(document, definitions, variables);
    let mut all = SelectionCost::default();
    let mut root_fields = 0;
    for (_, operation) in document.operations.iter() {
        let sum = counter.estimate_operation(&operation.node);
        root_fields = root_fields.max(sum.fields);
        all.add(sum);
    }
    if to_usize(all.depth) > limits.depth {
        return Err(depth_error(to_usize(all.depth), limits.depth));
    }
    check_limit(
        "selections",
        to_usize(all.selections),
        limits.selections,
        "selections once its fragments are put in place",
    )?;
    check_limit("rootFields", to_usize(root_fields), limits.root_fields, "fields at its root")?;
    if all.has_introspection && !limits.introspection {
        return Err(Error::Forbidden {
            code: "INTROSPECTION_OFF",
            message: "introspection is turned off here; queries run as ever, by the schema that was published"
                .to_owned(),
        });
    }
    if all.introspection_depth > MAX_INTROSPECTION_LIST_DEPTH {
        let (counted, most) = (to_usize(all.introspection_depth), to_usize(MAX_INTROSPECTION_LIST_DEPTH));
        let message = format!(
            "introspection goes through {counted} lists of fields and types in each other; at most {most} are allowed"
        );
        return Err(limit_error("introspectionDepth", counted, most, message));
    }
    let Some(chosen) = chosen else { return Ok(QueryCost::default()) };
    let cost = counter.query_cost(chosen);
    for (limit, counted, most) in [("nodes", cost.nodes, limits.nodes), ("cost", cost.total(), limits.cost)] {
        if counted > most {
            let message = counter.complexity_message(limit, counted, most, chosen);
            return Err(limit_error(limit, to_usize(counted), to_usize(most), message));
        }
    }
    Ok(cost)
}

fn to_usize(counted: u64) -> usize {
    usize::try_from(counted).unwrap_or(usize::MAX)
}

/// What stands in the text, each thing once.
#[derive(Default)]
struct SyntaxCounts<'a> {
    aliases: usize,
    directives: usize,
    max_field_repeats: usize,
    /// The entries of the longest list, and the argument, member or variable that it is the value of.
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

/// What a selection holds, its fragments in place.
#[derive(Clone, Copy, Debug, Default)]
struct SelectionCost {
    /// All selections.
    selections: u64,
    /// The fields at the top.
    fields: u64,
    /// The deepest nesting of fields.
    depth: u64,
    /// The rows that each of its parents has.
    nodes: u64,
    /// Whether the parent's page is read, where that is a connection, and the rows that each of its rows has.
    reads_page: bool,
    nodes_per_row: u64,
    statements: u64,
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
        self.nodes_per_row = self.nodes_per_row.saturating_add(other.nodes_per_row);
        self.statements = self.statements.saturating_add(other.statements);
        self.introspection_depth = self.introspection_depth.max(other.introspection_depth);
        self.has_introspection |= other.has_introspection;
    }

    /// The same where it is known to be left out: it was written, but asks for nothing.
    fn without_reads(self) -> Self {
        Self { nodes: 0, reads_page: false, nodes_per_row: 0, statements: 0, ..self }
    }
}

struct CostEstimator<'a> {
    document: &'a ExecutableDocument,
    definitions: &'a SchemaIndex,
    variables: &'a Variables,
    /// None while a fragment is being counted: one within itself counts nothing, and is refused by validation.
    fragment_costs: HashMap<&'a Name, Option<SelectionCost>>,
    /// Pages count at most so many rows.
    page_size_cap: u64,
}

impl<'a> CostEstimator<'a> {
    fn new(document: &'a ExecutableDocument, definitions: &'a SchemaIndex, variables: &'a Variables) -> Self {
        Self { document, definitions, variables, fragment_costs: HashMap::new(), page_size_cap: u64::MAX }
    }

    fn estimate_operation(&mut self, operation: &'a OperationDefinition) -> SelectionCost {
        self.estimate_selections(&operation.selection_set.node, Some("Query"))
    }

    fn query_cost(&mut self, operation: &'a OperationDefinition) -> QueryCost {
        let sum = self.estimate_operation(operation);
        QueryCost { nodes: sum.nodes, statements: sum.statements }
    }

    /// What is too much, and the largest pages that would not be.
    fn complexity_message(
        &mut self,
        limit: &str,
        counted: u64,
        most: u64,
        operation: &'a OperationDefinition,
    ) -> String {
        let what = if limit == "nodes" {
            format!("the query may return {counted} nodes, every page full")
        } else {
            format!("the query may cost {counted}, a node being 1 and a statement {STATEMENT_COST}")
        };
        let fits = (1..100).rev().find(|size| {
            self.fragment_costs.clear();
            self.page_size_cap = *size;
            let cost = self.query_cost(operation);
            (if limit == "nodes" { cost.nodes } else { cost.total() }) <= most
        });
        match fits {
            Some(size) => format!("{what}; at most {most} are allowed, as with first: {size} for all of its lists"),
            None => format!("{what}; at most {most} are allowed: ask for fewer lists in each other"),
        }
    }

    fn estimate_selections(&mut self, selections: &'a SelectionSet, parent: Option<&'a str>) -> SelectionCost {
        let mut sum = SelectionCost::default();
        for selection in &selections.items {
            sum.selections = sum.selections.saturating_add(1);
            let (inner, directives) = match &selection.node {
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
            sum.add(if self.is_skipped(directives) { inner.without_reads() } else { inner });
        }
        sum
    }

    fn estimate_fragment(&mut self, name: &'a Name) -> SelectionCost {
        if let Some(known) = self.fragment_costs.get(name) {
            return known.unwrap_or_default();
        }
        let Some(fragment) = self.document.fragments.get(name) else { return SelectionCost::default() };
        self.fragment_costs.insert(name, None);
        let condition = fragment.node.type_condition.node.on.node.as_str();
        let sum = self.estimate_selections(&fragment.node.selection_set.node, Some(condition));
        self.fragment_costs.insert(name, Some(sum));
        sum
    }

    fn estimate_field(&mut self, field: &'a Field, parent: Option<&'a str>) -> SelectionCost {
        let name = field.name.node.as_str();
        let is_schema = matches!(name, "__schema" | "__type");
        let parent = if is_schema { None } else { parent.filter(|parent| !parent.starts_with("__")) };
        let definition = parent.and_then(|parent| self.definitions.field(parent, name));
        let result = definition.map(|definition| definition.named_type.as_str());
        let below = self.estimate_selections(&field.selection_set.node, result);
        let mut sum = SelectionCost {
            selections: below.selections,
            fields: 1,
            depth: below.depth.saturating_add(1),
            statements: below.statements,
            introspection_depth: below.introspection_depth,
            has_introspection: is_schema || below.has_introspection,
            ..SelectionCost::default()
        };
        let Some((parent, definition)) = parent.zip(definition) else {
            // Introspection: no statements, and as many rows as a schema has.
            let rows = introspection_rows(name);
            sum.introspection_depth +=
                u64::from(matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes"));
            sum.nodes =
                rows.saturating_mul(below.nodes.saturating_add(1)).saturating_add(u64::from(rows == 0) * below.nodes);
            return sum;
        };
        let inner = below.nodes;
        let is_composite = self.definitions.is_composite(&definition.named_type);
        let reads = self.field_statements(parent, name, &definition.named_type, is_composite);
        sum.statements = sum.statements.saturating_add(reads);
        if definition.named_type.ends_with("Connection") {
            let size = self.page_size(field).min(self.page_size_cap);
            // A total or a facet alone reads no rows.
            let page = if below.reads_page { size.saturating_mul(below.nodes_per_row.saturating_add(1)) } else { 0 };
            sum.nodes = inner.saturating_add(page);
        } else if parent.ends_with("Connection") && matches!(name, "edges" | "nodes" | "pageInfo") {
            sum.reads_page = true;
            sum.nodes_per_row = inner;
        } else if definition.is_list && is_composite {
            let size = self.list_size(field, parent).min(self.page_size_cap);
            sum.nodes = size.saturating_mul(inner.saturating_add(1));
        } else if is_citation(parent, name) {
            // The authors, who are in the text.
            sum.nodes = UNPAGED_LIST_ROWS;
        } else {
            sum.nodes = inner.saturating_add(u64::from(reads > 0 && self.definitions.is_node(&definition.named_type)));
        }
        sum
    }

    /// The statements that a field takes of its own, for all its parents together.
    fn field_statements(&self, parent: &str, name: &str, result: &str, is_composite: bool) -> u64 {
        match (parent, name) {
            ("Query", "coauthorPath") => 10,
            ("Query", "directory") => 0,
            (parent, name) if is_citation(parent, name) => 1,
            // One each, which reads as much as so many others: whole tables where much is wrong.
            ("DirectoryQuality", "issues" | "nameRepairs") | ("Directory", "sources") => 10,
            ("QualityIssue", "sources" | "organizations") => 20,
            // Their ids, and the papers, authors and people that have them.
            ("QualityIssue", "samples") => 10,
            (parent, "totalCount" | "facets") if parent.ends_with("Connection") => 1,
            (parent, _) if parent.ends_with("Connection") => 0,
            // The node is read with its row.
            (parent, "node") if parent.ends_with("Edge") => 0,
            (parent, _) if parent.ends_with("Facets") => 1,
            _ => u64::from(is_composite && !self.definitions.is_embedded(result)),
        }
    }

    /// The rows of a page: what the resolver refuses counts as the most it would take.
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
        let usual = || self.definitions.default_page_size(parent, field.name.node.as_str());
        if parent == "DirectoryQuality" && field.name.node == "issues" {
            return ISSUE_KIND_COUNT;
        }
        keys.or_else(first).or_else(usual).unwrap_or(UNPAGED_LIST_ROWS)
    }

    fn integer_argument(&self, field: &Field, name: &str) -> Option<i64> {
        match self.argument(field, name)? {
            ConstValue::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The value of an argument, with those of variables in place.
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

/// Whether a field is a text that is made of other rows than its parent's.
fn is_citation(parent: &str, name: &str) -> bool {
    parent == "Paper" && matches!(name, "citation" | "formattedCitation")
}

/// How many entries the lists of introspection have, by experience; 0 for what is no list.
fn introspection_rows(name: &str) -> u64 {
    match name {
        "types" => 200,
        "fields" | "inputFields" => 20,
        "args" | "enumValues" | "directives" | "locations" => 10,
        "interfaces" | "possibleTypes" => 5,
        _ => 0,
    }
}

/// The operation that a request means; none where there is none, or it could be several.
#[must_use]
pub fn select_operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a Positioned<OperationDefinition>> {
    match (&document.operations, name) {
        (DocumentOperations::Single(single), None) => Some(single),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(several), Some(name)) => several.get(name),
        (DocumentOperations::Multiple(several), None) => several.values().next().filter(|_| several.len() == 1),
    }
}

/// The name of the type inside as many lists as there are.
#[must_use]
pub fn named_type(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named_type(&inner.base),
    }
}
