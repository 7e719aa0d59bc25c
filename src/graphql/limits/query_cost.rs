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
use crate::graphql::engine::schema_index::Definitions;
use crate::graphql::limits::token_count::Tokens;
use crate::store::reader::quality::Issue;

/// Fields of a document may be nested in as many braces as this, fragments of all kinds included: as many as the parser takes.
const DEEPEST_TEXT: usize = 60;
/// Lists and objects may be nested in an argument or a variable as deep as this.
const DEEPEST_VALUE: usize = 32;
/// How often introspection may go from types to lists of their fields and on: more only goes in circles.
const INTROSPECTION_LISTS: u64 = 2;
/// How many rows a list without a size has: identifiers of a person, parents of an organization.
const ROWS_OF_A_LIST: u64 = 10;
/// How many kinds of issues of quality there are.
const ISSUES: u64 = Issue::ALL.len() as u64;
/// What a statement costs, in nodes.
const STATEMENT: u64 = 100;

/// What a request may return at most, and what that takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The rows that it may return, every page full.
    pub nodes: u64,
    /// The SQL statements that it may take.
    pub statements: u64,
}

impl Cost {
    /// Both in one number.
    #[must_use]
    pub fn total(self) -> u64 {
        self.nodes.saturating_add(self.statements.saturating_mul(STATEMENT))
    }
}

fn exceeded(limit: &'static str, counted: usize, most: usize, message: String) -> Error {
    let code = match limit {
        "depth" => "QUERY_TOO_DEEP",
        "selections" | "nodes" | "cost" => "QUERY_TOO_COMPLEX",
        _ => "LIMIT_EXCEEDED",
    };
    Error::LimitExceeded { code, limit, counted: counted as u64, maximum: most as u64, message }
}

/// Refuses what is more than may be, in one sentence: what there is, of which, and how much may be.
fn within(limit: &'static str, counted: usize, most: usize, what: &str) -> Result<(), Error> {
    if counted <= most {
        return Ok(());
    }
    Err(exceeded(limit, counted, most, format!("the query has {counted} {what}; at most {most} are allowed")))
}

/// Checks a text before it is parsed.
///
/// # Errors
/// Where it has too many tokens, or nests deeper than can be read.
pub fn check_text(text: &str, limits: &Limits) -> Result<(), Error> {
    let tokens = Tokens::of(text);
    within("tokens", tokens.count, limits.tokens, "tokens")?;
    if tokens.selections > DEEPEST_TEXT {
        return Err(too_deep(tokens.selections, DEEPEST_TEXT));
    }
    value_depth(tokens.values)
}

fn too_deep(depth: usize, most: usize) -> Error {
    let message = format!("the query is nested {depth} deep; at most {most} are allowed: ask for less at once");
    exceeded("depth", depth, most, message)
}

fn value_depth(depth: usize) -> Result<(), Error> {
    if depth <= DEEPEST_VALUE {
        return Ok(());
    }
    let message = format!("a value is nested {depth} deep; at most {DEEPEST_VALUE} are allowed");
    Err(exceeded("valueDepth", depth, DEEPEST_VALUE, message))
}

/// Checks a document, and tells what the operation to run would cost; nothing where there is none of that name. The variables
/// have their defaults.
///
/// # Errors
/// Where it asks for more than it may, with the first limit that it is beyond.
pub fn check(
    document: &ExecutableDocument,
    chosen: Option<&OperationDefinition>,
    variables: &Variables,
    definitions: &Definitions,
    limits: &Limits,
) -> Result<Cost, Error> {
    within("operations", document.operations.iter().count(), limits.operations, "operations")?;
    let mut written = Written::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        within("variables", operation.variable_definitions.len(), limits.variables, "variables in an operation")?;
        for variable in &operation.variable_definitions {
            written.directives += variable.node.directives.len();
            if let Some(value) = &variable.node.default_value {
                written.constant(&value.node, &variable.node.name.node, 1);
            }
        }
        written.directives += operation.directives.len();
        written.selections(&operation.selection_set.node);
    }
    for fragment in document.fragments.values() {
        written.directives += fragment.node.directives.len();
        written.selections(&fragment.node.selection_set.node);
    }
    for (name, value) in variables.iter() {
        written.constant(value, name, 1);
    }
    within("aliases", written.aliases, limits.aliases, "aliases")?;
    within("directives", written.directives, limits.directives, "directives")?;
    within("repeatedFields", written.repeats, limits.repeats, "fields of the same name beside each other")?;
    value_depth(written.deepest_value)?;
    let (counted, most) = (written.longest_list.0, limits.list_entries);
    if counted > most {
        let name = written.longest_list.1;
        let message = format!("{name} has {counted} entries; a list takes at most {most}: ask in several requests");
        return Err(exceeded("listEntries", counted, most, message));
    }

    let mut counter = Counter::new(document, definitions, variables);
    let mut all = Sum::default();
    let mut root_fields = 0;
    for (_, operation) in document.operations.iter() {
        let sum = counter.operation(&operation.node);
        root_fields = root_fields.max(sum.fields);
        all.add(sum);
    }
    if number(all.depth) > limits.depth {
        return Err(too_deep(number(all.depth), limits.depth));
    }
    within("selections", number(all.selections), limits.selections, "selections once its fragments are put in place")?;
    within("rootFields", number(root_fields), limits.root_fields, "fields at its root")?;
    if all.asks_for_schema && !limits.introspection {
        return Err(Error::Forbidden {
            code: "INTROSPECTION_OFF",
            message: "introspection is turned off here; queries run as ever, by the schema that was published"
                .to_owned(),
        });
    }
    if all.introspection > INTROSPECTION_LISTS {
        let (counted, most) = (number(all.introspection), number(INTROSPECTION_LISTS));
        let message = format!(
            "introspection goes through {counted} lists of fields and types in each other; at most {most} are allowed"
        );
        return Err(exceeded("introspectionDepth", counted, most, message));
    }
    let Some(chosen) = chosen else { return Ok(Cost::default()) };
    let cost = counter.cost(chosen);
    for (limit, counted, most) in [("nodes", cost.nodes, limits.nodes), ("cost", cost.total(), limits.cost)] {
        if counted > most {
            let message = counter.too_complex(limit, counted, most, chosen);
            return Err(exceeded(limit, number(counted), number(most), message));
        }
    }
    Ok(cost)
}

fn number(counted: u64) -> usize {
    usize::try_from(counted).unwrap_or(usize::MAX)
}

/// What stands in the text, each thing once.
#[derive(Default)]
struct Written<'a> {
    aliases: usize,
    directives: usize,
    repeats: usize,
    /// The entries of the longest list, and the argument, member or variable that it is the value of.
    longest_list: (usize, &'a str),
    deepest_value: usize,
}

impl<'a> Written<'a> {
    fn selections(&mut self, selections: &'a SelectionSet) {
        let mut names: HashMap<&Name, usize> = HashMap::new();
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.aliases += usize::from(field.alias.is_some());
                    self.directives += field.directives.len();
                    let same = names.entry(&field.response_key().node).or_default();
                    *same += 1;
                    self.repeats = self.repeats.max(*same);
                    field.arguments.iter().for_each(|(name, value)| self.value(&value.node, &name.node, 1));
                    field.directives.iter().for_each(|directive| self.directive(&directive.node));
                    self.selections(&field.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    self.directives += inline.node.directives.len();
                    self.selections(&inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => self.directives += spread.node.directives.len(),
            }
        }
    }

    fn directive(&mut self, directive: &'a Directive) {
        directive.arguments.iter().for_each(|(name, value)| self.value(&value.node, &name.node, 1));
    }

    fn value(&mut self, value: &'a Value, name: &'a str, depth: usize) {
        match value {
            Value::List(entries) => {
                self.nested(entries.len(), name, depth);
                entries.iter().for_each(|entry| self.value(entry, name, depth + 1));
            }
            Value::Object(members) => {
                self.nested(0, name, depth);
                members.iter().for_each(|(name, member)| self.value(member, name, depth + 1));
            }
            _ => {}
        }
    }

    fn constant(&mut self, value: &'a ConstValue, name: &'a str, depth: usize) {
        match value {
            ConstValue::List(entries) => {
                self.nested(entries.len(), name, depth);
                entries.iter().for_each(|entry| self.constant(entry, name, depth + 1));
            }
            ConstValue::Object(members) => {
                self.nested(0, name, depth);
                members.iter().for_each(|(name, member)| self.constant(member, name, depth + 1));
            }
            _ => {}
        }
    }

    fn nested(&mut self, entries: usize, name: &'a str, depth: usize) {
        if entries > self.longest_list.0 {
            self.longest_list = (entries, name);
        }
        self.deepest_value = self.deepest_value.max(depth);
    }
}

/// What a selection holds, its fragments in place.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
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
    per_row: u64,
    statements: u64,
    introspection: u64,
    asks_for_schema: bool,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.fields = self.fields.saturating_add(other.fields);
        self.depth = self.depth.max(other.depth);
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.reads_page |= other.reads_page;
        self.per_row = self.per_row.saturating_add(other.per_row);
        self.statements = self.statements.saturating_add(other.statements);
        self.introspection = self.introspection.max(other.introspection);
        self.asks_for_schema |= other.asks_for_schema;
    }

    /// The same where it is known to be left out: it was written, but asks for nothing.
    fn skipped(self) -> Self {
        Self { nodes: 0, reads_page: false, per_row: 0, statements: 0, ..self }
    }
}

struct Counter<'a> {
    document: &'a ExecutableDocument,
    definitions: &'a Definitions,
    variables: &'a Variables,
    /// None while a fragment is being counted: one within itself counts nothing, and is refused by validation.
    fragments: HashMap<&'a Name, Option<Sum>>,
    /// Pages count at most so many rows.
    largest_page: u64,
}

impl<'a> Counter<'a> {
    fn new(document: &'a ExecutableDocument, definitions: &'a Definitions, variables: &'a Variables) -> Self {
        Self { document, definitions, variables, fragments: HashMap::new(), largest_page: u64::MAX }
    }

    fn operation(&mut self, operation: &'a OperationDefinition) -> Sum {
        self.selections(&operation.selection_set.node, Some("Query"))
    }

    fn cost(&mut self, operation: &'a OperationDefinition) -> Cost {
        let sum = self.operation(operation);
        Cost { nodes: sum.nodes, statements: sum.statements }
    }

    /// What is too much, and the largest pages that would not be.
    fn too_complex(&mut self, limit: &str, counted: u64, most: u64, operation: &'a OperationDefinition) -> String {
        let what = if limit == "nodes" {
            format!("the query may return {counted} nodes, every page full")
        } else {
            format!("the query may cost {counted}, a node being 1 and a statement {STATEMENT}")
        };
        let fits = (1..100).rev().find(|size| {
            self.fragments.clear();
            self.largest_page = *size;
            let cost = self.cost(operation);
            (if limit == "nodes" { cost.nodes } else { cost.total() }) <= most
        });
        match fits {
            Some(size) => format!("{what}; at most {most} are allowed, as with first: {size} for all of its lists"),
            None => format!("{what}; at most {most} are allowed: ask for fewer lists in each other"),
        }
    }

    fn selections(&mut self, selections: &'a SelectionSet, parent: Option<&'a str>) -> Sum {
        let mut sum = Sum::default();
        for selection in &selections.items {
            sum.selections = sum.selections.saturating_add(1);
            let (inner, directives) = match &selection.node {
                Selection::Field(field) => (self.field(&field.node, parent), &field.node.directives),
                Selection::InlineFragment(inline) => {
                    let condition =
                        inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    (self.selections(&inline.node.selection_set.node, condition.or(parent)), &inline.node.directives)
                }
                Selection::FragmentSpread(spread) => {
                    (self.fragment(&spread.node.fragment_name.node), &spread.node.directives)
                }
            };
            sum.add(if self.is_left_out(directives) { inner.skipped() } else { inner });
        }
        sum
    }

    fn fragment(&mut self, name: &'a Name) -> Sum {
        if let Some(known) = self.fragments.get(name) {
            return known.unwrap_or_default();
        }
        let Some(fragment) = self.document.fragments.get(name) else { return Sum::default() };
        self.fragments.insert(name, None);
        let condition = fragment.node.type_condition.node.on.node.as_str();
        let sum = self.selections(&fragment.node.selection_set.node, Some(condition));
        self.fragments.insert(name, Some(sum));
        sum
    }

    fn field(&mut self, field: &'a Field, parent: Option<&'a str>) -> Sum {
        let name = field.name.node.as_str();
        let is_schema = matches!(name, "__schema" | "__type");
        let parent = if is_schema { None } else { parent.filter(|parent| !parent.starts_with("__")) };
        let definition = parent.and_then(|parent| self.definitions.field(parent, name));
        let result = definition.map(|definition| definition.named.as_str());
        let below = self.selections(&field.selection_set.node, result);
        let mut sum = Sum {
            selections: below.selections,
            fields: 1,
            depth: below.depth.saturating_add(1),
            statements: below.statements,
            introspection: below.introspection,
            asks_for_schema: is_schema || below.asks_for_schema,
            ..Sum::default()
        };
        let Some((parent, definition)) = parent.zip(definition) else {
            // Introspection: no statements, and as many rows as a schema has.
            let rows = rows_of_introspection(name);
            sum.introspection += u64::from(matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes"));
            sum.nodes =
                rows.saturating_mul(below.nodes.saturating_add(1)).saturating_add(u64::from(rows == 0) * below.nodes);
            return sum;
        };
        let inner = below.nodes;
        let is_composite = self.definitions.is_composite(&definition.named);
        let reads = self.reads(parent, name, &definition.named, is_composite);
        sum.statements = sum.statements.saturating_add(reads);
        if definition.named.ends_with("Connection") {
            let size = self.page_size(field).min(self.largest_page);
            // A total or a facet alone reads no rows.
            let page = if below.reads_page { size.saturating_mul(below.per_row.saturating_add(1)) } else { 0 };
            sum.nodes = inner.saturating_add(page);
        } else if parent.ends_with("Connection") && matches!(name, "edges" | "nodes" | "pageInfo") {
            sum.reads_page = true;
            sum.per_row = inner;
        } else if definition.is_list && is_composite {
            let size = self.list_size(field, parent).min(self.largest_page);
            sum.nodes = size.saturating_mul(inner.saturating_add(1));
        } else if is_citation(parent, name) {
            // The authors, who are in the text.
            sum.nodes = ROWS_OF_A_LIST;
        } else {
            sum.nodes = inner.saturating_add(u64::from(reads > 0 && self.definitions.is_node(&definition.named)));
        }
        sum
    }

    /// The statements that a field takes of its own, for all its parents together.
    fn reads(&self, parent: &str, name: &str, result: &str, is_composite: bool) -> u64 {
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
            _ => u64::from(is_composite && !self.definitions.is_plain(result)),
        }
    }

    /// The rows of a page: what the resolver refuses counts as the most it would take.
    fn page_size(&self, field: &Field) -> u64 {
        let size = ["first", "last"].iter().find_map(|name| self.integer(field, name));
        size.map_or(20, |size| u64::try_from(size).unwrap_or(0).clamp(0, 100))
    }

    fn list_size(&self, field: &Field, parent: &str) -> u64 {
        let keys = ["ids", "keys"].iter().find_map(|name| match self.argument(field, name)? {
            ConstValue::List(entries) => Some(entries.len() as u64),
            _ => Some(1),
        });
        let first = || self.integer(field, "first").map(|size| u64::try_from(size).unwrap_or(0).min(100));
        let usual = || self.definitions.usual_first(parent, field.name.node.as_str());
        if parent == "DirectoryQuality" && field.name.node == "issues" {
            return ISSUES;
        }
        keys.or_else(first).or_else(usual).unwrap_or(ROWS_OF_A_LIST)
    }

    fn integer(&self, field: &Field, name: &str) -> Option<i64> {
        match self.argument(field, name)? {
            ConstValue::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The value of an argument, with those of variables in place.
    fn argument(&self, field: &Field, name: &str) -> Option<ConstValue> {
        self.constant(&field.get_argument(name)?.node)
    }

    fn constant(&self, value: &Value) -> Option<ConstValue> {
        let with_null = |name| Ok::<_, Infallible>(self.variables.get(&name).cloned().unwrap_or_default());
        value.clone().into_const_with(with_null).ok().filter(|value| *value != ConstValue::Null)
    }

    fn is_left_out(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let condition = directive.node.get_argument("if").and_then(|value| self.constant(&value.node));
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
fn rows_of_introspection(name: &str) -> u64 {
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
pub fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a Positioned<OperationDefinition>> {
    match (&document.operations, name) {
        (DocumentOperations::Single(single), None) => Some(single),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(several), Some(name)) => several.get(name),
        (DocumentOperations::Multiple(several), None) => several.values().next().filter(|_| several.len() == 1),
    }
}

/// The name of the type inside as many lists as there are.
#[must_use]
pub fn named(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(&inner.base),
    }
}
