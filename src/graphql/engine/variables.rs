//! The part of variable coercion that does not depend on the schema (GraphQL specification, section 6.1.2). An invalid
//! value is an error of the request, not of the fields that use it.

use async_graphql::parser::types::{BaseType, OperationDefinition, Type};
use async_graphql::{ServerError, Value, Variables};

/// Applies the defaults of omitted variables. The engine does not apply them in `@skip` and `@include`.
pub fn apply_defaults(operation: &OperationDefinition, variables: &mut Variables) {
    for definition in &operation.variable_definitions {
        if let Some(default) = &definition.node.default_value {
            variables.entry(definition.node.name.node.clone()).or_insert_with(|| default.node.clone());
        }
    }
}

/// Returns an error for the first variable that is missing or of the wrong type. Enums, input objects and custom
/// scalars are checked where they are used.
#[must_use]
pub fn validate(operation: &OperationDefinition, variables: &Variables) -> Option<ServerError> {
    operation.variable_definitions.iter().find_map(|definition| {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        let message = match variables.get(name) {
            None if ty.nullable => return None,
            None => format!("the variable {name} of type {ty} has no value"),
            Some(value) if matches_type(value, ty) => return None,
            Some(_) => format!("the value of the variable {name} is not of type {ty}"),
        };
        let mut error = ServerError::new(message, Some(definition.pos));
        error.extensions.get_or_insert_default().set("code", "GRAPHQL_VALIDATION_FAILED");
        Some(error)
    })
}

fn matches_type(value: &Value, ty: &Type) -> bool {
    match (value, &ty.base) {
        (Value::Null, _) => ty.nullable,
        (Value::List(values), BaseType::List(inner)) => values.iter().all(|value| matches_type(value, inner)),
        // List coercion: a single value is a list of one.
        (value, BaseType::List(inner)) => matches_type(value, inner),
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
