//! Variables: they are defined, used, and used where a value of their type is allowed.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{BaseType, DirectiveLocation, OperationDefinition, Type, VariableDefinition};
use async_graphql::{Name, Value as ConstValue};

use crate::graphql::engine::schema_index::{IndexedType, named_type};
use crate::graphql::engine::validation::{ExpectedType, Uses, Validator, VariableUse};

impl<'a> Validator<'a> {
    pub(super) fn check_variable_definitions(&mut self, operation: &'a OperationDefinition) {
        let mut seen = HashSet::new();
        for definition in &operation.variable_definitions {
            let (position, definition) = (definition.pos, &definition.node);
            let name = &definition.name.node;
            if !seen.insert(name) {
                self.error(format!("the variable ${name} is defined more than once"), position);
            }
            let type_name = named_type(&definition.var_type.node.base);
            match self.schema_index.ty(type_name) {
                None => self.error(format!("the type {type_name} does not exist"), definition.var_type.pos),
                Some(ty) if !ty.is_input() => {
                    self.error(format!("a variable cannot be of type {type_name}"), definition.var_type.pos);
                }
                Some(_) => self.check_default(definition),
            }
            // A variable cannot be used here: the parser rejects it.
            self.check_directives(&definition.directives, DirectiveLocation::VariableDefinition, &mut Uses::default());
        }
    }

    fn check_default(&mut self, definition: &'a VariableDefinition) {
        let Some(default) = &definition.default_value else { return };
        let (ty, name) = (&definition.var_type.node, &definition.name.node);
        let value = default.node.clone().into_value();
        let expected = ExpectedType { ty, name, has_default: false, is_one_of: false };
        let mut errors = Validator { schema_index: self.schema_index, document: self.document, errors: Vec::new() };
        errors.check_value(&value, expected, default.pos, &mut Uses::default());
        self.errors.append(&mut errors.errors);
    }

    /// Checks the uses of variables in an operation and the fragments it spreads.
    pub(super) fn check_variable_uses<'u>(
        &mut self,
        operation: &'a OperationDefinition,
        uses: impl Iterator<Item = &'u VariableUse<'a>>,
    ) where
        'a: 'u,
    {
        let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
        let definitions: HashMap<&'a Name, &'a VariableDefinition> =
            definitions.map(|definition| (&definition.name.node, definition)).collect();
        let mut used = HashSet::new();
        for variable in uses {
            let name = variable.name;
            used.insert(name);
            let Some(definition) = definitions.get(name) else {
                self.error(format!("the variable ${name} is not defined by the operation"), variable.position);
                continue;
            };
            let ty = &definition.var_type.node;
            let is_input = self.schema_index.ty(named_type(&ty.base)).is_some_and(IndexedType::is_input);
            let Some(expected) = variable.expected.filter(|_| is_input) else { continue };
            if !is_allowed(definition, expected) {
                let ExpectedType { name: place, ty: place_type, .. } = expected;
                let message = format!("the variable ${name} is of type {ty}, but {place} must be of type {place_type}");
                self.error(message, variable.position);
            } else if expected.is_one_of && ty.nullable {
                let message =
                    format!("the variable ${name} of type {ty} can be null, but the only field of an object cannot");
                self.error(message, variable.position);
            }
        }
        for definition in &operation.variable_definitions {
            let name = &definition.node.name.node;
            if !used.contains(name) {
                self.error(format!("the variable ${name} is not used"), definition.pos);
            }
        }
    }
}

/// Whether a variable can be used in a place (GraphQL specification, section 5.8.5).
fn is_allowed(definition: &VariableDefinition, expected: ExpectedType<'_>) -> bool {
    let ty = &definition.var_type.node;
    if !ty.nullable || expected.ty.nullable {
        return is_assignable(ty, expected.ty);
    }
    let has_default = definition.default_value.as_ref().is_some_and(|default| default.node != ConstValue::Null);
    (has_default || expected.has_default) && is_assignable_base(&ty.base, &expected.ty.base)
}

/// Whether every value of a type is a value of the expected type.
fn is_assignable(ty: &Type, expected: &Type) -> bool {
    (!ty.nullable || expected.nullable) && is_assignable_base(&ty.base, &expected.base)
}

fn is_assignable_base(base: &BaseType, expected: &BaseType) -> bool {
    match (base, expected) {
        (BaseType::Named(name), BaseType::Named(expected)) => name == expected,
        (BaseType::List(inner), BaseType::List(expected)) => is_assignable(inner, expected),
        _ => false,
    }
}
