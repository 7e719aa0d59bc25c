//! Estimates what an operation costs at most, from what the fields declare (`engine/field_directives.rs`) and from the sizes
//! of the pages that it requests. Each fragment is measured once.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use crate::graphql::engine::field_directives::{FREE, FieldCost};
use crate::graphql::engine::schema_index::{IndexedField, QUERY_TYPE, SchemaIndex, named_type};
use crate::graphql::inputs::search_query::count_words;
use crate::graphql::limits::syntax_counts::REPRESENTATIONS;

/// Assumed number of rows of a list without a page size, such as a researcher's identifiers.
pub(crate) const UNPAGED_LIST_ROWS: u64 = 10;
/// The type of a page of the change feed, which may be larger than other pages.
const CHANGE_PAGE_TYPE: &str = "ChangePage";
/// The type of a coauthor network, whose field has the size of its list of people.
const NETWORK_TYPE: &str = "CoauthorNetwork";
/// Cost of a word of a search query below a list: its hits are looked up for each parent.
const NESTED_WORD_COST: u64 = 60;

/// Cost of a selection set after fragment expansion.
#[derive(Clone, Copy, Debug, Default)]
pub struct SelectionCost {
    /// Number of selections.
    pub selections: u64,
    /// Number of top-level fields.
    pub fields: u64,
    /// Nesting depth of fields.
    pub depth: u64,
    /// Nodes for each parent.
    pub nodes: u64,
    /// Cost of counting for each parent.
    pub counts: u64,
    /// Whether the parent connection's page is read, and the nodes and the cost of counting below each of its rows.
    reads_page: bool,
    nodes_per_row: u64,
    counts_per_row: u64,
    /// Number of SQL statements.
    pub statements: u64,
    /// Number of statements that read the parent connection's list besides its page.
    list_reads: u64,
    /// Number of words in search queries.
    pub search_words: u64,
    /// Nesting depth of lists of introspection.
    pub introspection_depth: u64,
    /// Whether there is introspection.
    pub has_introspection: bool,
}

impl SelectionCost {
    /// Adds the cost of another selection of the same parent.
    pub fn add(&mut self, other: Self) {
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

/// Estimates the costs of the operations and fragments of a document.
pub struct CostEstimator<'a> {
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
    /// Creates an estimator of the operations of a document.
    #[must_use]
    pub fn new(document: &'a ExecutableDocument, schema_index: &'a SchemaIndex, variables: &'a Variables) -> Self {
        Self { document, schema_index, variables, fragment_costs: HashMap::new(), page_size_cap: u64::MAX }
    }

    /// Estimates the cost of an operation.
    pub fn estimate_operation(&mut self, operation: &'a OperationDefinition) -> SelectionCost {
        let root = self.schema_index.root(operation.ty).map_or(QUERY_TYPE, |root| root.name().as_str());
        self.estimate_selections(&operation.selection_set.node, Some(root))
    }

    /// Sets an upper bound for page sizes, to find the page size that fits.
    pub fn cap_page_size(&mut self, size: u64) {
        self.fragment_costs.clear();
        self.page_size_cap = size;
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
        // The SDL of the subgraph says as much as introspection.
        let is_introspected = is_schema || (name == "_service" && parent == Some(QUERY_TYPE));
        let definition = match parent {
            _ if is_schema => self.schema_index.meta_field(name),
            parent => parent.and_then(|parent| self.schema_index.field(parent, name)),
        };
        let result = definition.map(|definition| definition.named_type.as_str());
        let child = self.estimate_selections(&field.selection_set.node, result);
        let cost = SelectionCost {
            selections: child.selections,
            fields: 1,
            depth: child.depth.saturating_add(1),
            statements: child.statements,
            search_words: child.search_words,
            introspection_depth: child.introspection_depth,
            has_introspection: is_introspected || child.has_introspection,
            ..SelectionCost::default()
        };
        let is_introspection = is_schema || parent.is_some_and(|parent| parent.starts_with("__"));
        match parent.zip(definition).filter(|_| !is_introspection) {
            Some((parent, definition)) => self.add_reads(cost, child, field, parent, definition),
            None => add_introspection(cost, child, name, definition),
        }
    }

    /// Adds the nodes of a field and what reading them costs.
    fn add_reads(
        &self,
        mut cost: SelectionCost,
        child: SelectionCost,
        field: &Field,
        parent: &str,
        definition: &IndexedField,
    ) -> SelectionCost {
        let own = definition.cost.unwrap_or_default();
        let filter = self.argument(field, "filter");
        let mut reads = own.statements + if filter.is_some() { own.filter_statements } else { 0 };
        if let Some(representations) = self.argument(field, REPRESENTATIONS) {
            reads = reads.saturating_mul(represented_types(&representations));
        }
        cost.statements = cost.statements.saturating_add(reads);
        let words = self.search_words(field);
        cost.search_words = cost.search_words.saturating_add(words);
        // Each statement that reads the list searches for the words.
        let searches = child.list_reads.saturating_add(u64::from(child.reads_page)).max(1);
        cost.statements = cost.statements.saturating_add(words.saturating_mul(searches));
        cost.list_reads = u64::from(own.reads_list);
        if is_page(&definition.named_type) {
            let size = self.page_size(field, definition).min(self.page_size_cap);
            // `totalCount` and `facets` alone read no rows of the page.
            let rows = if child.reads_page { size } else { 0 };
            cost.nodes = child.nodes.saturating_add(rows.saturating_mul(child.nodes_per_row.saturating_add(1)));
            cost.counts = child.counts.saturating_add(rows.saturating_mul(child.counts_per_row));
            let scans = u64::from(child.reads_page).saturating_add(child.list_reads);
            let conditions = self.filter_cost(definition, filter.as_ref());
            cost.statements = cost.statements.saturating_add(conditions.statements.saturating_mul(scans));
            let mut per_parent = own.scan + if filter.is_some() { own.filter_scan } else { 0 };
            if parent != QUERY_TYPE {
                per_parent = per_parent.saturating_add(words.saturating_mul(NESTED_WORD_COST));
                per_parent = per_parent.saturating_add(conditions.counts);
            }
            cost.counts = cost.counts.saturating_add(scans.saturating_mul(per_parent));
        } else if own.reads_page {
            cost.reads_page = true;
            cost.nodes_per_row = child.nodes;
            cost.counts_per_row = child.counts.saturating_add(own.counts);
        } else if definition.is_list && self.schema_index.is_composite(&definition.named_type) {
            let size = self.list_size(field, definition).min(self.page_size_cap);
            cost.nodes = size.saturating_mul(child.nodes.saturating_add(1));
            cost.counts = size.saturating_mul(child.counts).saturating_add(own.counts);
        } else {
            let is_node = reads > 0 && self.schema_index.is_node(&definition.named_type);
            cost.nodes = child.nodes.saturating_add(u64::from(is_node)).saturating_add(own.rows.unwrap_or(0));
            cost.counts = child.counts.saturating_add(own.counts);
        }
        cost
    }

    /// Returns what the conditions of a filter cost: their statements together, and the rows of each kind of condition.
    fn filter_cost(&self, definition: &IndexedField, filter: Option<&ConstValue>) -> FieldCost {
        let mut arguments = definition.definition.arguments.iter().map(|argument| &argument.node);
        let (Some(argument), Some(filter)) = (arguments.find(|argument| argument.name.node == "filter"), filter) else {
            return FREE;
        };
        let (mut statements, mut counts) = (0, BTreeMap::new());
        self.add_conditions(named_type(&argument.ty.node.base), filter, &mut statements, &mut counts);
        FieldCost { statements, counts: counts.into_values().fold(0, u64::saturating_add), ..FREE }
    }

    fn add_conditions<'f>(
        &self,
        ty: &str,
        filter: &'f ConstValue,
        statements: &mut u64,
        counts: &mut BTreeMap<&'f str, u64>,
    ) {
        match filter {
            ConstValue::Object(members) => {
                for (name, value) in members.iter().filter(|(_, value)| **value != ConstValue::Null) {
                    let Some((own, ty)) = self.schema_index.condition(ty, name) else { continue };
                    *statements = statements.saturating_add(own.statements);
                    counts.insert(name.as_str(), own.counts);
                    self.add_conditions(ty, value, statements, counts);
                }
            }
            ConstValue::List(filters) => {
                filters.iter().for_each(|filter| self.add_conditions(ty, filter, statements, counts));
            }
            _ => {}
        }
    }

    /// Returns the page size. Values outside the allowed range are clamped here and rejected by the resolver.
    fn page_size(&self, field: &Field, definition: &IndexedField) -> u64 {
        let maximum = if definition.named_type == CHANGE_PAGE_TYPE { 500 } else { 100 };
        let size = ["first", "last"].iter().find_map(|name| self.integer_argument(field, name));
        let declared = definition.cost.and_then(|cost| cost.rows);
        let default = declared.or(definition.default_page_size).unwrap_or(20);
        size.map_or(default, |size| u64::try_from(size).unwrap_or(0).clamp(0, maximum))
    }

    fn list_size(&self, field: &Field, definition: &IndexedField) -> u64 {
        let keys = || {
            ["ids", "keys", REPRESENTATIONS].iter().find_map(|name| match self.argument(field, name)? {
                ConstValue::List(entries) => Some(entries.len() as u64),
                _ => Some(1),
            })
        };
        let first = || self.integer_argument(field, "first").map(|size| u64::try_from(size).unwrap_or(0).min(100));
        let declared = definition.cost.and_then(|cost| cost.rows);
        declared.or_else(keys).or_else(first).or(definition.default_page_size).unwrap_or(UNPAGED_LIST_ROWS)
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

/// Whether the field with this type has a page size.
fn is_page(type_name: &str) -> bool {
    type_name.ends_with("Connection") || [CHANGE_PAGE_TYPE, NETWORK_TYPE].contains(&type_name)
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

/// Returns the number of types that are looked up, each by statements of its own.
fn represented_types(representations: &ConstValue) -> u64 {
    let ConstValue::List(representations) = representations else { return 1 };
    let type_name = |representation: &ConstValue| match representation {
        ConstValue::Object(fields) => fields.get("__typename").cloned(),
        _ => None,
    };
    let mut names: Vec<ConstValue> = Vec::new();
    for name in representations.iter().filter_map(type_name) {
        if !names.contains(&name) {
            names.push(name);
        }
        // More types than the schema has.
        if names.len() > 7 {
            break;
        }
    }
    // `Entity` stands for four types, whose IDs take two statements each.
    let interface = if names.contains(&ConstValue::String("Entity".to_owned())) { 2 } else { 0 };
    (names.len() as u64 + interface).max(1)
}

/// Adds the nodes of a field of introspection, which needs no SQL. Its lists have typical lengths.
fn add_introspection(
    mut cost: SelectionCost,
    child: SelectionCost,
    name: &str,
    definition: Option<&IndexedField>,
) -> SelectionCost {
    // The lists that lead from a type to other types.
    cost.introspection_depth += u64::from(matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes"));
    cost.nodes = match definition.and_then(|definition| definition.cost?.rows) {
        Some(rows) => rows.saturating_mul(child.nodes.saturating_add(1)),
        None => child.nodes,
    };
    cost
}
