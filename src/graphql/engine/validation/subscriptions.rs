//! Subscriptions have one root field, which no variable can skip (GraphQL specification, section 5.2.4).

use std::collections::HashSet;

use async_graphql::parser::types::{OperationDefinition, Selection, SelectionSet};
use async_graphql::{Name, Pos};

use crate::graphql::engine::validation::Validator;

/// The root fields of a subscription, by response key.
#[derive(Default)]
struct RootFields<'a> {
    keys: HashSet<&'a Name>,
    seen_fragments: HashSet<&'a Name>,
}

impl<'a> Validator<'a> {
    /// Checks the root fields of a subscription.
    pub(super) fn check_subscription(&mut self, operation: &'a OperationDefinition) {
        self.check_root_fields(&operation.selection_set.node, &mut RootFields::default());
    }

    fn check_root_fields(&mut self, selections: &'a SelectionSet, roots: &mut RootFields<'a>) {
        for selection in &selections.items {
            for directive in selection.node.directives() {
                let name = directive.node.name.node.as_str();
                if matches!(name, "skip" | "include") {
                    self.error(format!("the root field of a subscription cannot have @{name}"), directive.pos);
                }
            }
            match &selection.node {
                Selection::Field(field) => {
                    self.check_root_field(&field.node.name.node, &field.node.response_key().node, field.pos, roots);
                }
                Selection::InlineFragment(inline) => {
                    self.check_root_fields(&inline.node.selection_set.node, roots);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment = self.document.fragments.get(name).filter(|_| roots.seen_fragments.insert(name));
                    if let Some(fragment) = fragment {
                        self.check_root_fields(&fragment.node.selection_set.node, roots);
                    }
                }
            }
        }
    }

    fn check_root_field(&mut self, name: &Name, key: &'a Name, position: Pos, roots: &mut RootFields<'a>) {
        if name.starts_with("__") {
            self.error(format!("a subscription cannot select {name}"), position);
        }
        roots.keys.insert(key);
        if roots.keys.len() == 2 {
            self.error("a subscription has exactly one root field; send one subscription for each", position);
        }
    }
}
