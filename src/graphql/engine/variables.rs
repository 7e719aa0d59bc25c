//! The values of variables, as far as they can be told without the schema (6.1.2 of the specification): a mistake in them is
//! one of the request, not of the fields that use them, and one that is left out has its default.

use async_graphql::parser::types::{BaseType, OperationDefinition, Type};
use async_graphql::{ServerError, Value, Variables};

/// Gives the variables that are left out their defaults, so that all who read them see the same: the engine leaves
/// defaults aside in `@skip` and `@include`.
pub fn fill_in(operation: &OperationDefinition, variables: &mut Variables) {
    for definition in &operation.variable_definitions {
        if let Some(default) = &definition.node.default_value {
            variables.entry(definition.node.name.node.clone()).or_insert_with(|| default.node.clone());
        }
    }
}

/// The first variable whose value is missing or of another type. Enums, inputs and scalars of the schema's own are
/// judged where they are used.
#[must_use]
pub fn mistake(operation: &OperationDefinition, variables: &Variables) -> Option<ServerError> {
    operation.variable_definitions.iter().find_map(|definition| {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        let message = match variables.get(name) {
            None if ty.nullable => return None,
            None => format!("the variable {name} of type {ty} has no value"),
            Some(value) if fits(value, ty) => return None,
            Some(_) => format!("the value of the variable {name} is not of type {ty}"),
        };
        let mut error = ServerError::new(message, Some(definition.pos));
        error.extensions.get_or_insert_default().set("code", "GRAPHQL_VALIDATION_FAILED");
        Some(error)
    })
}

fn fits(value: &Value, ty: &Type) -> bool {
    match (value, &ty.base) {
        (Value::Null, _) => ty.nullable,
        (Value::List(values), BaseType::List(inner)) => values.iter().all(|value| fits(value, inner)),
        // One value stands for a list of it.
        (value, BaseType::List(inner)) => fits(value, inner),
        (Value::List(_), BaseType::Named(_)) => false,
        (value, BaseType::Named(name)) => match (name.as_str(), value) {
            ("Int", Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            ("Float", value) => matches!(value, Value::Number(_)),
            ("String", value) => matches!(value, Value::String(_)),
            ("Boolean", value) => matches!(value, Value::Boolean(_)),
            ("ID", value) => matches!(value, Value::String(_) | Value::Number(_)),
            ("Int", _) => false,
            _ => true,
        },
    }
}
