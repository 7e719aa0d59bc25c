//! How deep the selection sets of a document are nested, with those of the fragments it spreads. Computed without
//! recursion through fragments, before anything else follows them.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// The selection sets of a definition: how deep they are nested, and the fragments in them, each with the depth at which
/// it is spread.
#[derive(Default)]
struct Nesting<'a> {
    depth: usize,
    spreads: Vec<(&'a Name, usize)>,
}

impl<'a> Nesting<'a> {
    fn of(selections: &'a SelectionSet) -> Self {
        let mut nesting = Self::default();
        nesting.add(selections, 1);
        nesting
    }

    fn add(&mut self, selections: &'a SelectionSet, depth: usize) {
        self.depth = self.depth.max(depth);
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) if field.node.selection_set.node.items.is_empty() => {}
                Selection::Field(field) => self.add(&field.node.selection_set.node, depth + 1),
                Selection::InlineFragment(inline) => self.add(&inline.node.selection_set.node, depth + 1),
                Selection::FragmentSpread(spread) => self.spreads.push((&spread.node.fragment_name.node, depth)),
            }
        }
    }

    /// The depth including that of the fragments in `depths`; other fragments count as empty.
    fn total(&self, depths: &HashMap<&Name, usize>) -> usize {
        let spread = |(name, depth): &(&Name, usize)| depth + depths.get(*name).copied().unwrap_or_default();
        self.spreads.iter().map(spread).max().unwrap_or_default().max(self.depth)
    }
}

/// Returns the maximum nesting depth of selection sets, with those of fragments. A fragment that spreads itself counts
/// once: it is rejected by validation.
#[must_use]
pub fn selection_depth(document: &ExecutableDocument) -> usize {
    let fragments: HashMap<&Name, Nesting<'_>> = document
        .fragments
        .iter()
        .map(|(name, fragment)| (name, Nesting::of(&fragment.node.selection_set.node)))
        .collect();
    let mut depths: HashMap<&Name, usize> = HashMap::new();
    for start in fragments.keys().copied() {
        // The path of open fragments, each with the number of its spreads that were followed.
        let mut path = if depths.contains_key(start) { Vec::new() } else { vec![(start, 0)] };
        depths.entry(start).or_default();
        while let Some((name, followed)) = path.last_mut() {
            let Some(nesting) = fragments.get(name) else {
                path.pop();
                continue;
            };
            if let Some((spread, _)) = nesting.spreads.get(*followed) {
                *followed += 1;
                if !depths.contains_key(spread) {
                    depths.insert(spread, 0);
                    path.push((spread, 0));
                }
            } else {
                depths.insert(name, nesting.total(&depths));
                path.pop();
            }
        }
    }
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let of_operations = operations.map(|selections| Nesting::of(selections).total(&depths)).max().unwrap_or_default();
    depths.into_values().max().unwrap_or_default().max(of_operations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::parser::parse_document;

    #[test]
    fn depth_with_fragments() {
        let chain = |length: usize| -> String {
            let link = |number: usize| format!("fragment F{number} on Query {{ ... {{ ...F{} }} }} ", number + 1);
            format!("{{ ...F0 }} {} fragment F{length} on Query {{ a }}", (0..length).map(link).collect::<String>())
        };
        for (text, depth) in [
            ("{ a }", 1),
            ("{ a { b } ... { c { d } } }", 3),
            ("{ a { ...F } } fragment F on A { b { c } }", 4),
            ("{ ...F ...G } fragment F on Query { ...G } fragment G on Query { a { b } }", 4),
            ("{ a } fragment F on Query { a { b { ...F } } }", 3),
            ("{ ...F } fragment F on Query { ...F }", 2),
        ] {
            assert_eq!(selection_depth(&parse_document(text).expect("a document")), depth, "{text}");
        }
        assert_eq!(selection_depth(&parse_document(&chain(1_500)).expect("a document")), 3_002);
    }
}
