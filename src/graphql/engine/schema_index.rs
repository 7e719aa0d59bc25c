//! What the schema says of its types and fields, read from its own text.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::Value;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};

use crate::graphql::limits::query_cost::named_type;

/// The fields of all types.
pub struct SchemaIndex {
    fields: HashMap<Name, HashMap<Name, IndexedField>>,
    /// Objects that are rows of a table, and the interfaces that they implement.
    node_types: HashSet<Name>,
}

/// A field.
pub struct IndexedField {
    /// Its type.
    pub ty: Type,
    /// The name of that, inside lists.
    pub named_type: Name,
    /// Whether it is a list.
    pub is_list: bool,
    /// The default of its argument `first`.
    default_page_size: Option<u64>,
}

impl SchemaIndex {
    /// Reads them from the schema's text. A text that is none has no fields.
    #[must_use]
    pub fn parse(sdl: &str) -> Self {
        let mut definitions = Self { fields: HashMap::new(), node_types: HashSet::from([Name::new("Node")]) };
        for definition in parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default() {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node;
            let (fields, implements) = match definition.node.kind {
                TypeKind::Object(object) => (object.fields, object.implements),
                TypeKind::Interface(interface) => (interface.fields, interface.implements),
                _ => continue,
            };
            if implements.iter().any(|interface| interface.node == "Node") {
                definitions.node_types.insert(name.clone());
            }
            let fields = fields
                .into_iter()
                .map(|field| (field.node.name.node.clone(), IndexedField::from_definition(field.node)));
            definitions.fields.insert(name, fields.collect());
        }
        definitions
    }

    /// A field of a type.
    #[must_use]
    pub fn field(&self, ty: &str, name: &str) -> Option<&IndexedField> {
        self.fields.get(ty)?.get(name)
    }

    /// Whether a type has fields.
    #[must_use]
    pub fn is_composite(&self, ty: &str) -> bool {
        self.fields.contains_key(ty)
    }

    /// Whether a type is only what its parent holds anyway: no row, no list, nothing that is counted.
    #[must_use]
    pub fn is_embedded(&self, ty: &str) -> bool {
        let reads = ty.ends_with("Connection") || ty.ends_with("Statistics") || self.node_types.contains(ty);
        !reads
            && (ty.ends_with("Edge") || matches!(ty, "PageInfo" | "LocalizedText" | "Directory" | "DirectoryQuality"))
    }

    /// Whether a type is of rows that have ids.
    #[must_use]
    pub fn is_node(&self, ty: &str) -> bool {
        self.node_types.contains(ty)
    }

    /// How long a list is where the query does not say.
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
