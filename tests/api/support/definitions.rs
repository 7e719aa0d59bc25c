//! The schema as its own text says it, for tests that must see all of it.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};

/// The types of a schema by name.
pub struct Definitions(pub BTreeMap<String, TypeDefinition>);

impl Definitions {
    pub fn of(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("a schema");
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some((definition.node.name.node.to_string(), definition.node)),
            _ => None,
        });
        Self(types.collect())
    }

    /// The product's own.
    pub fn own() -> Self {
        Self::of(&academic_directory::graphql::sdl())
    }

    /// Every field of an object whose type is a connection, with the object's name.
    pub fn connections(&self) -> Vec<(&str, &FieldDefinition)> {
        let objects = self.0.iter().filter(|(_, definition)| matches!(definition.kind, TypeKind::Object(_)));
        let fields =
            objects.flat_map(|(name, definition)| fields(definition).into_iter().map(|field| (name.as_str(), field)));
        fields.filter(|(_, field)| named(&field.ty.node).ends_with("Connection")).collect()
    }

    /// What a connection can be ordered by; nothing where it takes no order.
    pub fn orders(&self, field: &FieldDefinition) -> Vec<String> {
        let order = field.arguments.iter().find(|argument| argument.node.name.node == "orderBy");
        let by = order.and_then(|order| self.0.get(named(&order.node.ty.node))).and_then(|input| {
            inputs(input)
                .into_iter()
                .find(|input| input.name.node == "field")
                .map(|input| named(&input.ty.node).to_owned())
        });
        by.and_then(|by| self.0.get(&by)).map(values).unwrap_or_default()
    }
}

/// The fields of an object or an interface.
pub fn fields(definition: &TypeDefinition) -> Vec<&FieldDefinition> {
    match &definition.kind {
        TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
        TypeKind::Interface(interface) => interface.fields.iter().map(|field| &field.node).collect(),
        _ => Vec::new(),
    }
}

/// The fields of an input.
pub fn inputs(definition: &TypeDefinition) -> Vec<&InputValueDefinition> {
    match &definition.kind {
        TypeKind::InputObject(input) => input.fields.iter().map(|field| &field.node).collect(),
        _ => Vec::new(),
    }
}

/// The values of an enumeration.
pub fn values(definition: &TypeDefinition) -> Vec<String> {
    match &definition.kind {
        TypeKind::Enum(values) => values.values.iter().map(|value| value.node.value.node.to_string()).collect(),
        _ => Vec::new(),
    }
}

/// The named type inside lists.
pub fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}
