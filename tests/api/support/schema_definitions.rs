//! The schema, parsed from its SDL, for tests that cover all of it.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};

/// Type definitions by name.
pub struct SchemaDefinitions(pub BTreeMap<String, TypeDefinition>);

impl SchemaDefinitions {
    pub fn parse(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("a schema");
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some((definition.node.name.node.to_string(), definition.node)),
            _ => None,
        });
        Self(types.collect())
    }

    /// The schema of the service.
    pub fn of_service() -> Self {
        Self::parse(&academic_directory::graphql::sdl())
    }

    /// Every object field whose type is a connection, with the name of the object.
    pub fn connection_fields(&self) -> Vec<(&str, &FieldDefinition)> {
        let objects = self.0.iter().filter(|(_, definition)| matches!(definition.kind, TypeKind::Object(_)));
        let fields =
            objects.flat_map(|(name, definition)| fields(definition).into_iter().map(|field| (name.as_str(), field)));
        fields.filter(|(_, field)| innermost_type(&field.ty.node).ends_with("Connection")).collect()
    }

    /// The values of the connection's sort field; empty if it has no `orderBy` argument.
    pub fn order_values(&self, field: &FieldDefinition) -> Vec<String> {
        let order = field.arguments.iter().find(|argument| argument.node.name.node == "orderBy");
        let by = order.and_then(|order| self.0.get(innermost_type(&order.node.ty.node))).and_then(|input| {
            input_fields(input)
                .into_iter()
                .find(|input| input.name.node == "field")
                .map(|input| innermost_type(&input.ty.node).to_owned())
        });
        by.and_then(|by| self.0.get(&by)).map(enum_values).unwrap_or_default()
    }
}

/// The fields of an object or interface type.
pub fn fields(definition: &TypeDefinition) -> Vec<&FieldDefinition> {
    match &definition.kind {
        TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
        TypeKind::Interface(interface) => interface.fields.iter().map(|field| &field.node).collect(),
        _ => Vec::new(),
    }
}

/// The fields of an input object type.
pub fn input_fields(definition: &TypeDefinition) -> Vec<&InputValueDefinition> {
    match &definition.kind {
        TypeKind::InputObject(input) => input.fields.iter().map(|field| &field.node).collect(),
        _ => Vec::new(),
    }
}

/// The values of an enum type.
pub fn enum_values(definition: &TypeDefinition) -> Vec<String> {
    match &definition.kind {
        TypeKind::Enum(values) => values.values.iter().map(|value| value.node.value.node.to_string()).collect(),
        _ => Vec::new(),
    }
}

/// The named type inside all list types.
pub fn innermost_type(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => innermost_type(inner),
    }
}
