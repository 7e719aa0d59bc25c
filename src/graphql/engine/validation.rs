//! Validates documents against the schema (GraphQL specification, section 5). A document is validated once, before it is
//! cached; it must be within the limits, which bound the work.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    DirectiveLocation, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType, Type,
};
use async_graphql::{Name, Pos, Positioned, ServerError};

use crate::graphql::engine::schema_index::SchemaIndex;
use crate::graphql::engine::{VALIDATION_FAILED, request_error};

mod merging;
mod selections;
mod subscriptions;
mod values;
mod variables;

/// Maximum number of errors, after which validation stops.
const MAX_ERRORS: usize = 100;

/// Returns what is wrong with a document; nothing if it is valid. `max_selections` is the maximum number of selections
/// after fragment expansion.
#[must_use]
pub(crate) fn validate(
    document: &ExecutableDocument,
    schema_index: &SchemaIndex,
    max_selections: usize,
) -> Vec<ServerError> {
    let mut validator = Validator { schema_index, document, errors: Vec::new() };
    validator.check_definitions();
    // Two fields can be compared only if each of them is valid.
    if validator.errors.is_empty()
        && let Err(conflict) = merging::check(document, schema_index, max_selections)
    {
        validator.error(conflict.message, conflict.position);
    }
    validator.errors
}

struct Validator<'a> {
    schema_index: &'a SchemaIndex,
    document: &'a ExecutableDocument,
    errors: Vec<ServerError>,
}

/// What the selections of an operation or a fragment use, without those of the fragments it spreads.
#[derive(Default)]
struct Uses<'a> {
    variables: Vec<VariableUse<'a>>,
    fragments: Vec<&'a Positioned<Name>>,
}

/// A place where a variable is used.
struct VariableUse<'a> {
    name: &'a Name,
    position: Pos,
    /// The expected type, if the place has one.
    expected: Option<ExpectedType<'a>>,
}

/// The type that is expected of a value.
#[derive(Clone, Copy)]
struct ExpectedType<'a> {
    ty: &'a Type,
    /// The argument or input field that the value is given for.
    name: &'a Name,
    has_default: bool,
    /// Whether the value is the only field of its input object.
    is_one_of: bool,
}

impl<'a> Validator<'a> {
    fn error(&mut self, message: impl Into<String>, position: Pos) {
        match self.errors.len() {
            MAX_ERRORS.. => {}
            count if count + 1 == MAX_ERRORS => {
                let message = "the document has too many errors; validation stopped here";
                self.errors.push(request_error(VALIDATION_FAILED, message, position));
            }
            _ => self.errors.push(request_error(VALIDATION_FAILED, message, position)),
        }
    }

    fn check_definitions(&mut self) {
        let document = self.document;
        let mut operations: Vec<&'a Positioned<OperationDefinition>> =
            document.operations.iter().map(|(_, operation)| operation).collect();
        operations.sort_by_key(|operation| operation.pos);
        let mut fragments: Vec<(&'a Name, &'a Positioned<FragmentDefinition>)> = document.fragments.iter().collect();
        fragments.sort_by_key(|(_, fragment)| fragment.pos);

        let uses_of_operations: Vec<Uses<'a>> =
            operations.iter().map(|operation| self.check_operation(&operation.node)).collect();
        let uses_of_fragments: HashMap<&'a Name, Uses<'a>> =
            fragments.iter().map(|(name, fragment)| (*name, self.check_fragment(&fragment.node))).collect();

        self.check_fragment_cycles(&fragments, &uses_of_fragments);
        let mut used_fragments = HashSet::new();
        for (operation, uses) in operations.iter().zip(&uses_of_operations) {
            let reachable = reachable_fragments(uses, &uses_of_fragments);
            let uses = std::iter::once(uses).chain(reachable.iter().filter_map(|name| uses_of_fragments.get(*name)));
            self.check_variable_uses(&operation.node, uses.flat_map(|uses| &uses.variables));
            used_fragments.extend(reachable);
        }
        for (name, fragment) in fragments {
            if !used_fragments.contains(name) {
                self.error(format!("the fragment {name} is not used by an operation"), fragment.pos);
            }
        }
    }

    fn check_operation(&mut self, operation: &'a OperationDefinition) -> Uses<'a> {
        let mut uses = Uses::default();
        self.check_variable_definitions(operation);
        let location = match operation.ty {
            OperationType::Query => DirectiveLocation::Query,
            OperationType::Mutation => DirectiveLocation::Mutation,
            OperationType::Subscription => DirectiveLocation::Subscription,
        };
        // An operation without a root type is rejected later.
        let root = self.schema_index.root(operation.ty);
        self.check_directives(&operation.directives, location, &mut uses);
        self.check_selections(&operation.selection_set.node, root, &mut uses);
        if operation.ty == OperationType::Subscription && root.is_some() {
            self.check_subscription(operation);
        }
        uses
    }

    fn check_fragment(&mut self, fragment: &'a FragmentDefinition) -> Uses<'a> {
        let mut uses = Uses::default();
        self.check_directives(&fragment.directives, DirectiveLocation::FragmentDefinition, &mut uses);
        let ty = self.check_type_condition(&fragment.type_condition);
        self.check_selections(&fragment.selection_set.node, ty, &mut uses);
        uses
    }

    /// Reports each fragment that spreads itself, once for each cycle.
    fn check_fragment_cycles(
        &mut self,
        fragments: &[(&'a Name, &'a Positioned<FragmentDefinition>)],
        uses_of_fragments: &HashMap<&'a Name, Uses<'a>>,
    ) {
        /// The state of a fragment: on the current path, or done.
        #[derive(PartialEq)]
        enum State {
            Open,
            Done,
        }
        let mut states: HashMap<&Name, State> = HashMap::new();
        for (start, _) in fragments {
            // The path of open fragments, each with the number of its spreads that were followed.
            let mut path: Vec<(&Name, usize)> = Vec::new();
            if !states.contains_key(start) {
                states.insert(start, State::Open);
                path.push((start, 0));
            }
            while let Some((name, followed)) = path.last_mut() {
                let spread = uses_of_fragments.get(*name).and_then(|uses| uses.fragments.get(*followed));
                let Some(spread) = spread else {
                    states.insert(name, State::Done);
                    path.pop();
                    continue;
                };
                *followed += 1;
                match states.get(&spread.node) {
                    Some(State::Open) => self.error(format!("the fragment {} spreads itself", spread.node), spread.pos),
                    Some(State::Done) => {}
                    None => {
                        states.insert(&spread.node, State::Open);
                        path.push((&spread.node, 0));
                    }
                }
            }
        }
    }
}

/// Returns the fragments that a definition spreads, directly or through others.
fn reachable_fragments<'a>(uses: &Uses<'a>, uses_of_fragments: &HashMap<&'a Name, Uses<'a>>) -> HashSet<&'a Name> {
    let mut reachable = HashSet::new();
    let mut open: Vec<&'a Name> = uses.fragments.iter().map(|spread| &spread.node).collect();
    while let Some(name) = open.pop() {
        if reachable.insert(name) {
            let uses = uses_of_fragments.get(name);
            open.extend(uses.into_iter().flat_map(|uses| &uses.fragments).map(|spread| &spread.node));
        }
    }
    reachable
}

#[cfg(test)]
mod tests;
