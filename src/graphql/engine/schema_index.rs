//! An index of the schema's types and fields, parsed from its SDL.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::Value;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};

/// The fields of all object and interface types.
pub struct SchemaIndex {
    fields: HashMap<Name, HashMap<Name, IndexedField>>,
    /// Types that implement `Node`, and `Node` itself.
    node_types: HashSet<Name>,
}

/// A field of a type.
pub struct IndexedField {
    /// The type of the field.
    pub ty: Type,
    /// The named type inside any lists.
    pub named_type: Name,
    /// Whether the type is a list.
    pub is_list: bool,
    /// The default value of the argument `first`.
    default_page_size: Option<u64>,
}

impl SchemaIndex {
    /// Parses SDL. Invalid SDL results in an empty index.
    #[must_use]
    pub fn parse(sdl: &str) -> Self {
        let mut index = Self { fields: HashMap::new(), node_types: HashSet::from([Name::new("Node")]) };
        for definition in parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default() {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node;
            let (fields, implements) = match definition.node.kind {
                TypeKind::Object(object) => (object.fields, object.implements),
                TypeKind::Interface(interface) => (interface.fields, interface.implements),
                _ => continue,
            };
            if implements.iter().any(|interface| interface.node == "Node") {
                index.node_types.insert(name.clone());
            }
            let fields = fields
                .into_iter()
                .map(|field| (field.node.name.node.clone(), IndexedField::from_definition(field.node)));
            index.fields.insert(name, fields.collect());
        }
        index
    }

    /// Returns a field of a type.
    #[must_use]
    pub fn field(&self, ty: &str, name: &str) -> Option<&IndexedField> {
        self.fields.get(ty)?.get(name)
    }

    /// Returns the number of fields of a type.
    #[cfg(test)]
    pub fn field_count(&self, ty: &str) -> usize {
        self.fields.get(ty).map_or(0, HashMap::len)
    }

    /// Whether a type has fields.
    #[must_use]
    pub fn is_composite(&self, ty: &str) -> bool {
        self.fields.contains_key(ty)
    }

    /// Whether a type is part of its parent's row, so that it needs no query of its own.
    #[must_use]
    pub fn is_embedded(&self, ty: &str) -> bool {
        let reads = ty.ends_with("Connection") || ty.ends_with("Statistics") || self.node_types.contains(ty);
        !reads
            && (ty.ends_with("Edge") || matches!(ty, "PageInfo" | "LocalizedText" | "Directory" | "DirectoryQuality"))
    }

    /// Whether a type implements `Node`.
    #[must_use]
    pub fn is_node(&self, ty: &str) -> bool {
        self.node_types.contains(ty)
    }

    /// Returns the default page size of a list field.
    #[must_use]
    pub fn default_page_size(&self, ty: &str, name: &str) -> Option<u64> {
        self.field(ty, name)?.default_page_size
    }
}

impl IndexedField {
    fn from_definition(field: FieldDefinition) -> Self {
        let first = field.arguments.iter().find(|argument| argument.node.name.node == "first");
        let default_page_size = first.and_then(|argument| match &argument.node.default_value.as_ref()?.node {
            Value::Number(number) => number.as_u64(),
            _ => None,
        });
        let ty = field.ty.node;
        Self {
            named_type: named_type(&ty.base).clone(),
            is_list: matches!(ty.base, BaseType::List(_)),
            default_page_size,
            ty,
        }
    }
}

/// Returns the named type inside any number of lists.
#[must_use]
pub fn named_type(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named_type(&inner.base),
    }
}
