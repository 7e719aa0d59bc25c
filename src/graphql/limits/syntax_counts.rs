//! Counts the syntax of a document as written, before fragment expansion.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value as ConstValue, Variables};
use async_graphql_value::Value;

use crate::graphql::engine::schema_index::named_type;

/// The argument of `_entities`. The router of a supergraph does not split it, so that its list has a limit of its own.
pub const REPRESENTATIONS: &str = "representations";

/// Counts of the syntax of all operations and fragments.
#[derive(Default)]
pub struct SyntaxCounts<'a> {
    /// Number of aliases.
    pub aliases: usize,
    /// Number of directives.
    pub directives: usize,
    /// Largest number of fields with the same response key in one selection set.
    pub max_field_repeats: usize,
    /// Length of the longest list, and the name of its argument, input field or variable.
    pub longest_list: (usize, &'a str),
    /// Length of the longest list of representations of entities.
    pub max_representations: usize,
    /// Nesting depth of lists and objects in values.
    pub max_value_depth: usize,
}

impl<'a> SyntaxCounts<'a> {
    /// Counts a document and its variables.
    #[must_use]
    pub fn new(document: &'a ExecutableDocument, variables: &'a Variables) -> Self {
        let mut counts = Self::default();
        for (_, operation) in document.operations.iter() {
            let operation = &operation.node;
            for variable in &operation.variable_definitions {
                counts.directives += variable.node.directives.len();
                if let Some(value) = &variable.node.default_value {
                    counts.count_constant(&value.node, &variable.node.name.node, 1);
                }
            }
            counts.directives += operation.directives.len();
            counts.count_selections(&operation.selection_set.node);
        }
        for fragment in document.fragments.values() {
            counts.directives += fragment.node.directives.len();
            counts.count_selections(&fragment.node.selection_set.node);
        }
        for (name, value) in variables.iter() {
            match value {
                ConstValue::List(entries) if is_representations(document, name) => {
                    counts.max_representations = counts.max_representations.max(entries.len());
                    entries.iter().for_each(|entry| counts.count_constant(entry, name, 2));
                }
                value => counts.count_constant(value, name, 1),
            }
        }
        counts
    }

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
                    for (name, value) in &field.arguments {
                        match &value.node {
                            Value::List(entries) if name.node == REPRESENTATIONS => {
                                self.max_representations = self.max_representations.max(entries.len());
                                entries.iter().for_each(|entry| self.count_value(entry, &name.node, 2));
                            }
                            value => self.count_value(value, &name.node, 1),
                        }
                    }
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

/// Whether a variable is a list of representations: each operation that has it declares it as such.
fn is_representations(document: &ExecutableDocument, variable: &Name) -> bool {
    let definitions = document.operations.iter().flat_map(|(_, operation)| &operation.node.variable_definitions);
    let mut types = definitions.filter(|definition| definition.node.name.node == *variable).peekable();
    types.peek().is_some() && types.all(|definition| *named_type(&definition.node.var_type.node.base) == "_Any")
}
