//! Variables: their defaults, and the coercion of their values (GraphQL specification, section 6.1.2). An invalid value
//! is an error of the request, not of the fields that use it.

use async_graphql::parser::types::{BaseType, InputObjectType, OperationDefinition, Type, TypeKind};
use async_graphql::{Name, ServerError, Value, Variables};
use async_graphql_value::Number;

use crate::graphql::engine::schema_index::{IndexedType, SchemaIndex, is_required};
use crate::graphql::engine::{VALIDATION_FAILED, request_error};

/// Applies the defaults of omitted variables.
pub fn apply_defaults(operation: &OperationDefinition, variables: &mut Variables) {
    for definition in &operation.variable_definitions {
        if let Some(default) = &definition.node.default_value {
            variables.entry(definition.node.name.node.clone()).or_insert_with(|| default.node.clone());
        }
    }
}

/// Coerces the values of variables to their types. Custom scalars are checked where they are used.
///
/// # Errors
/// The first variable that is missing or of the wrong type.
pub fn coerce(
    operation: &OperationDefinition,
    variables: &mut Variables,
    schema_index: &SchemaIndex,
) -> Result<(), ServerError> {
    for definition in &operation.variable_definitions {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        let result = match variables.get_mut(name) {
            Some(value) => coerce_value(value, ty, schema_index).map_err(|error| error.message(name)),
            None if ty.nullable => Ok(()),
            None => Err(format!("the variable {name} of type {ty} has no value")),
        };
        result.map_err(|message| request_error(VALIDATION_FAILED, message, definition.pos))?;
    }
    Ok(())
}

/// What is wrong with a value, and where in the variable it is.
struct CoercionError {
    problem: String,
    /// The path from the value to the variable, innermost first.
    path: Vec<String>,
}

impl CoercionError {
    fn new(problem: String) -> Self {
        Self { problem, path: Vec::new() }
    }

    fn mismatch(ty: &Type) -> Self {
        Self::new(format!("is not of type {ty}"))
    }

    fn at(mut self, segment: String) -> Self {
        self.path.push(segment);
        self
    }

    fn message(&self, variable: &Name) -> String {
        let path: String = self.path.iter().rev().map(String::as_str).collect();
        format!("the value of the variable {variable}{path} {}", self.problem)
    }
}

fn coerce_value(value: &mut Value, ty: &Type, schema_index: &SchemaIndex) -> Result<(), CoercionError> {
    if *value == Value::Null {
        return if ty.nullable { Ok(()) } else { Err(CoercionError::mismatch(ty)) };
    }
    match (&ty.base, value) {
        (BaseType::List(inner), Value::List(items)) => items.iter_mut().enumerate().try_for_each(|(index, item)| {
            coerce_value(item, inner, schema_index).map_err(|error| error.at(format!("[{index}]")))
        }),
        (BaseType::List(inner), value) => {
            // A single value is a list of one.
            coerce_value(value, inner, schema_index)?;
            *value = Value::List(vec![std::mem::take(value)]);
            Ok(())
        }
        (BaseType::Named(name), value) => match schema_index.ty(name) {
            Some(named) => coerce_named(value, ty, named, schema_index),
            None => Err(CoercionError::mismatch(ty)),
        },
    }
}

fn coerce_named(
    value: &mut Value,
    ty: &Type,
    named: &IndexedType,
    schema_index: &SchemaIndex,
) -> Result<(), CoercionError> {
    let is_valid = match &named.definition.kind {
        TypeKind::InputObject(definition) => return coerce_object(value, ty, named, definition, schema_index),
        TypeKind::Enum(definition) => match value {
            Value::String(given) => definition.values.iter().any(|value| value.node.value.node == *given),
            // From the default of a variable, which was validated.
            Value::Enum(_) => true,
            _ => false,
        },
        TypeKind::Scalar => coerce_scalar(value, named.name()),
        TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_) => false,
    };
    if is_valid { Ok(()) } else { Err(CoercionError::mismatch(ty)) }
}

fn coerce_object(
    value: &mut Value,
    ty: &Type,
    named: &IndexedType,
    definition: &InputObjectType,
    schema_index: &SchemaIndex,
) -> Result<(), CoercionError> {
    let Value::Object(fields) = value else { return Err(CoercionError::mismatch(ty)) };
    if named.is_one_of() && (fields.len() != 1 || fields.values().any(|value| *value == Value::Null)) {
        let problem = format!("is not of type {ty}: it needs exactly one field, which is not null");
        return Err(CoercionError::new(problem));
    }
    let definitions = || definition.fields.iter().map(|field| &field.node);
    if let Some(name) = fields.keys().find(|name| definitions().all(|field| field.name.node != **name)) {
        return Err(CoercionError::new(format!("is not of type {ty}, which has no field {name}")));
    }
    for field in definitions() {
        let name = &field.name.node;
        match fields.get_mut(name) {
            Some(value) => {
                coerce_value(value, &field.ty.node, schema_index).map_err(|error| error.at(format!(".{name}")))?;
            }
            None if is_required(field) => {
                return Err(CoercionError::new(format!("is not of type {ty}: it needs the field {name}")));
            }
            None => {}
        }
    }
    Ok(())
}

/// Coerces a value to a scalar type; returns whether it is a value of that type.
fn coerce_scalar(value: &mut Value, scalar: &str) -> bool {
    match (scalar, &mut *value) {
        ("Int", Value::Number(number)) => {
            let integer = whole_number(number).and_then(|integer| i32::try_from(integer).ok());
            integer.map(|integer| *number = integer.into()).is_some()
        }
        ("Float", value) => matches!(value, Value::Number(_)),
        ("String", value) => matches!(value, Value::String(_)),
        ("Boolean", value) => matches!(value, Value::Boolean(_)),
        ("ID", Value::String(_)) => true,
        ("ID", Value::Number(number)) => match whole_number(number) {
            Some(integer) => {
                *value = Value::String(integer.to_string());
                true
            }
            None => false,
        },
        ("Int" | "ID", _) => false,
        // Other scalars parse their values themselves.
        _ => true,
    }
}

/// Returns a number as an integer. JSON does not distinguish `1.0` from `1`.
fn whole_number(number: &Number) -> Option<i128> {
    let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    // The conversion of a floating-point number saturates; all that are so large are whole.
    let whole = || number.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i128);
    integer.or_else(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::graphql::engine::operation::select_operation;
    use crate::graphql::engine::parser::parse_document;

    const SCHEMA: &str = "type Query { a: Int } enum E { A B } scalar Date
        input One @oneOf { a: Int b: String } input In { a: Int! b: [In!] = [] c: E d: One e: Date f: Int! = 3 }";

    fn coerced(definition: &str, variables: Json) -> Result<Json, String> {
        let document = parse_document(&format!("query({definition}) {{ a }}")).expect("a document");
        let operation = &select_operation(&document, None).expect("an operation").node;
        let mut variables = Variables::from_json(variables);
        apply_defaults(operation, &mut variables);
        let result = coerce(operation, &mut variables, &SchemaIndex::parse(SCHEMA));
        result.map(|()| serde_json::to_value(&variables).expect("JSON")).map_err(|error| error.message)
    }

    #[test]
    fn valid_values() {
        for (definition, given, expected) in [
            ("$a: Int", json!({}), json!({})),
            ("$a: Int", json!({ "a": null }), json!({ "a": null })),
            ("$a: Int = 3", json!({}), json!({ "a": 3 })),
            ("$a: Int = 3", json!({ "a": null }), json!({ "a": null })),
            ("$a: Int!", json!({ "a": 1.0 }), json!({ "a": 1 })),
            ("$a: Float!", json!({ "a": 1 }), json!({ "a": 1 })),
            ("$a: ID!", json!({ "a": 18_446_744_073_709_551_615_u64 }), json!({ "a": "18446744073709551615" })),
            ("$a: [[Int]]", json!({ "a": 1 }), json!({ "a": [[1]] })),
            ("$a: [Int]", json!({ "a": [1, null] }), json!({ "a": [1, null] })),
            ("$a: E", json!({ "a": "A" }), json!({ "a": "A" })),
            ("$a: [E!] = B", json!({}), json!({ "a": ["B"] })),
            ("$a: Date", json!({ "a": { "b": [1] } }), json!({ "a": { "b": [1] } })),
            ("$a: In", json!({ "a": { "a": 1, "b": { "a": 2.0 } } }), json!({ "a": { "a": 1, "b": [{ "a": 2 }] } })),
            ("$a: One", json!({ "a": { "b": "c" } }), json!({ "a": { "b": "c" } })),
        ] {
            assert_eq!(coerced(definition, given), Ok(expected), "{definition}");
        }
    }

    #[test]
    fn invalid_values() {
        for (definition, given, message) in [
            ("$a: Int!", json!({}), "the variable a of type Int! has no value"),
            ("$a: Int! = 1", json!({ "a": null }), "the value of the variable a is not of type Int!"),
            ("$a: Int", json!({ "a": 1.5 }), "the value of the variable a is not of type Int"),
            ("$a: Int", json!({ "a": 2_147_483_648_i64 }), "the value of the variable a is not of type Int"),
            ("$a: Int", json!({ "a": "1" }), "the value of the variable a is not of type Int"),
            ("$a: Float", json!({ "a": "1" }), "the value of the variable a is not of type Float"),
            ("$a: String", json!({ "a": 1 }), "the value of the variable a is not of type String"),
            ("$a: ID", json!({ "a": 1.5 }), "the value of the variable a is not of type ID"),
            ("$a: Boolean", json!({ "a": 1 }), "the value of the variable a is not of type Boolean"),
            ("$a: Int", json!({ "a": [1] }), "the value of the variable a is not of type Int"),
            ("$a: [Int!]", json!({ "a": [1, null] }), "the value of the variable a[1] is not of type Int!"),
            ("$a: E", json!({ "a": "C" }), "the value of the variable a is not of type E"),
            ("$a: In", json!({ "a": [] }), "the value of the variable a is not of type In"),
            ("$a: In", json!({ "a": {} }), "the value of the variable a is not of type In: it needs the field a"),
            (
                "$a: In",
                json!({ "a": { "a": 1, "x": 1 } }),
                "the value of the variable a is not of type In, which has no field x",
            ),
            (
                "$a: In",
                json!({ "a": { "a": 1, "b": [{ "a": true }] } }),
                "the value of the variable a.b[0].a is not of type Int!",
            ),
            (
                "$a: One",
                json!({ "a": {} }),
                "the value of the variable a is not of type One: it needs exactly one field, which is not null",
            ),
            (
                "$a: One",
                json!({ "a": { "a": null } }),
                "the value of the variable a is not of type One: it needs exactly one field, which is not null",
            ),
        ] {
            assert_eq!(coerced(definition, given), Err(message.to_owned()), "{definition}");
        }
    }
}
