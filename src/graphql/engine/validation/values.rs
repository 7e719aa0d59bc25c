//! Values: literals match the type of their argument or input field.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, InputObjectType, InputValueDefinition, Type, TypeKind};
use async_graphql::{Name, Pos};
use async_graphql_value::{Number, Value};

use crate::graphql::engine::schema_index::{IndexedType, is_required};
use crate::graphql::engine::validation::{ExpectedType, Uses, Validator, VariableUse};

/// The magnitude from which a number is not representable as an integer.
const MIN_LARGE_INTEGER: f64 = 9.2e18;

impl<'a> ExpectedType<'a> {
    pub(super) fn of(definition: &'a InputValueDefinition, is_one_of: bool) -> Self {
        let (ty, name) = (&definition.ty.node, &definition.name.node);
        Self { ty, name, has_default: definition.default_value.is_some(), is_one_of }
    }

    /// The type of the items of a list.
    fn item(self, ty: &'a Type) -> Self {
        Self { ty, has_default: false, is_one_of: false, ..self }
    }
}

impl<'a> Validator<'a> {
    /// Checks a literal, and records the variables in it.
    pub(super) fn check_value(
        &mut self,
        value: &'a Value,
        expected: ExpectedType<'a>,
        position: Pos,
        uses: &mut Uses<'a>,
    ) {
        match (value, &expected.ty.base) {
            (Value::Variable(name), _) => {
                uses.variables.push(VariableUse { name, position, expected: Some(expected) });
            }
            (Value::Null, _) if expected.ty.nullable => {}
            (Value::Null, _) => self.mismatch(value, expected, position),
            (Value::List(items), BaseType::List(inner)) => {
                items.iter().for_each(|item| self.check_value(item, expected.item(inner), position, uses));
            }
            // A single value is a list of one. A variable in it is an item too.
            (value, BaseType::List(inner)) => self.check_value(value, expected.item(inner), position, uses),
            (value, BaseType::Named(name)) => {
                let Some(ty) = self.schema_index.ty(name) else { return };
                match &ty.definition.kind {
                    TypeKind::InputObject(definition) => match value {
                        Value::Object(fields) => self.check_object(fields, ty, definition, position, uses),
                        _ => self.mismatch(value, expected, position),
                    },
                    TypeKind::Enum(definition) => {
                        let is_value =
                            |given: &Name| definition.values.iter().any(|value| value.node.value.node == *given);
                        if !matches!(value, Value::Enum(given) if is_value(given)) {
                            self.mismatch(value, expected, position);
                        }
                    }
                    TypeKind::Scalar if is_built_in(name) => {
                        if !is_literal_of(value, name) {
                            self.mismatch(value, expected, position);
                        }
                    }
                    // Other scalars parse their values themselves.
                    _ => self.use_variables(value, position, uses),
                }
            }
        }
    }

    fn check_object(
        &mut self,
        fields: &'a IndexMap<Name, Value>,
        ty: &'a IndexedType,
        definition: &'a InputObjectType,
        position: Pos,
        uses: &mut Uses<'a>,
    ) {
        let is_one_of = ty.is_one_of();
        if is_one_of && (fields.len() != 1 || fields.values().any(|value| *value == Value::Null)) {
            let message = format!("an object of type {} has exactly one field, which is not null", ty.name());
            self.error(message, position);
        }
        for (name, value) in fields {
            match definition.fields.iter().find(|field| field.node.name.node == *name) {
                Some(field) => self.check_value(value, ExpectedType::of(&field.node, is_one_of), position, uses),
                None => {
                    self.error(format!("the type {} has no field {name}", ty.name()), position);
                    self.use_variables(value, position, uses);
                }
            }
        }
        for field in definition.fields.iter().map(|field| &field.node) {
            let (name, field_type) = (&field.name.node, &field.ty.node);
            if is_required(field) && !fields.contains_key(name) {
                let message = format!("an object of type {} needs the field {name} of type {field_type}", ty.name());
                self.error(message, position);
            }
        }
    }

    fn mismatch(&mut self, value: &Value, expected: ExpectedType<'_>, position: Pos) {
        let found = match value {
            Value::Variable(name) => format!("the variable ${name}"),
            Value::Null => "null".to_owned(),
            Value::Number(number) => number.to_string(),
            Value::String(_) => "a string".to_owned(),
            Value::Boolean(value) => value.to_string(),
            Value::Enum(name) => name.to_string(),
            Value::List(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            Value::Binary(_) => "binary data".to_owned(),
        };
        self.error(format!("{} must be of type {}, found {found}", expected.name, expected.ty), position);
    }

    /// Records the variables in a value whose type is not known.
    pub(super) fn use_variables(&self, value: &'a Value, position: Pos, uses: &mut Uses<'a>) {
        match value {
            Value::Variable(name) => uses.variables.push(VariableUse { name, position, expected: None }),
            Value::List(items) => items.iter().for_each(|item| self.use_variables(item, position, uses)),
            Value::Object(fields) => fields.values().for_each(|field| self.use_variables(field, position, uses)),
            _ => {}
        }
    }
}

/// Whether the specification defines the literals of a scalar.
fn is_built_in(scalar: &str) -> bool {
    matches!(scalar, "Int" | "Float" | "String" | "Boolean" | "ID")
}

fn is_literal_of(value: &Value, scalar: &str) -> bool {
    match (scalar, value) {
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        ("Float", value) => matches!(value, Value::Number(_)),
        ("String", value) => matches!(value, Value::String(_)),
        ("Boolean", value) => matches!(value, Value::Boolean(_)),
        ("ID", Value::Number(number)) => is_integer(number),
        ("ID", value) => matches!(value, Value::String(_)),
        _ => false,
    }
}

/// Whether a literal is an integer. Those that exceed 64 bits are stored as floating-point numbers.
fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.abs() > MIN_LARGE_INTEGER)
}
