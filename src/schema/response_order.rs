//! The order of fields in an answer: as the query has them (GraphQL specification, 7.2.2), which the engine does not
//! keep, since it resolves fields side by side and writes each down when it is done.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, FragmentDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// The fields of a selection in the order in which they are first asked for, and so on below each.
#[derive(Default)]
pub struct ResponseOrder(IndexMap<Name, ResponseOrder>);

impl ResponseOrder {
    /// The order that an operation of a valid document asks for.
    #[must_use]
    pub fn of(document: &ExecutableDocument, operation: Option<&str>) -> Self {
        let mut order = Self::default();
        let chosen = match &document.operations {
            DocumentOperations::Single(single) => Some(single),
            DocumentOperations::Multiple(several) => match operation {
                Some(name) => several.get(name),
                None => several.values().next().filter(|_| several.len() == 1),
            },
        };
        if let Some(chosen) = chosen {
            order.add(&chosen.node.selection_set.node, &document.fragments, &mut Vec::new());
        }
        order
    }

    fn add<'a>(&mut self, selections: &'a SelectionSet, fragments: &'a Fragments, open: &mut Vec<&'a Name>) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let below = self.0.entry(field.node.response_key().node.clone()).or_default();
                    below.add(&field.node.selection_set.node, fragments, open);
                }
                Selection::InlineFragment(inline) => self.add(&inline.node.selection_set.node, fragments, open),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    // A fragment within itself is refused by validation, which comes later.
                    if let Some(fragment) = fragments.get(name).filter(|_| !open.contains(&name)) {
                        open.push(name);
                        self.add(&fragment.node.selection_set.node, fragments, open);
                        open.pop();
                    }
                }
            }
        }
    }

    /// Brings the fields of an answer into this order.
    pub fn apply(&self, value: &mut Value) {
        match value {
            Value::List(values) => values.iter_mut().for_each(|value| self.apply(value)),
            Value::Object(fields) => {
                let is_ordered = fields.keys().map(|key| self.0.get_index_of(key)).is_sorted();
                if !is_ordered {
                    fields.sort_by_cached_key(|key, _| self.0.get_index_of(key));
                }
                for (key, value) in fields {
                    if let Some(below) = self.0.get(key) {
                        below.apply(value);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_follow_the_query() {
        let query = "query Q { a { ...F x } b } query R { b } fragment F on T { z y ... on U { w } }";
        let document = async_graphql::parser::parse_query(query).expect("a query");
        let answer = serde_json::json!({ "b": 1, "a": [{ "w": 1, "x": 2, "y": 3, "z": 4 }, null] });
        let mut answer = Value::from_json(answer).expect("a value");
        ResponseOrder::of(&document, Some("Q")).apply(&mut answer);
        assert_eq!(answer.to_string(), "{a: [{z: 4, y: 3, w: 1, x: 2}, null], b: 1}");
    }
}
