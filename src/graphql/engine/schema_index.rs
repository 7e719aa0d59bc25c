//! What the schema says of its types and fields, read from its own text.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::Value;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};

use crate::graphql::limits::query_cost::named;

/// The fields of all types.
pub struct Definitions {
    fields: HashMap<Name, HashMap<Name, Definition>>,
    /// Objects that are rows of a table, and the interfaces that they implement.
    nodes: HashSet<Name>,
}

/// A field.
pub struct Definition {
    /// Its type.
    pub ty: Type,
    /// The name of that, inside lists.
    pub named: Name,
    /// Whether it is a list.
    pub is_list: bool,
    /// The default of its argument `first`.
    usual_first: Option<u64>,
}

impl Definitions {
    /// Reads them from the schema's text. A text that is none has no fields.
    #[must_use]
    pub fn of(sdl: &str) -> Self {
        let mut definitions = Self { fields: HashMap::new(), nodes: HashSet::from([Name::new("Node")]) };
        for definition in parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default() {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node;
            let (fields, implements) = match definition.node.kind {
                TypeKind::Object(object) => (object.fields, object.implements),
                TypeKind::Interface(interface) => (interface.fields, interface.implements),
                _ => continue,
            };
            if implements.iter().any(|interface| interface.node == "Node") {
                definitions.nodes.insert(name.clone());
            }
            let fields = fields.into_iter().map(|field| (field.node.name.node.clone(), Definition::of(field.node)));
            definitions.fields.insert(name, fields.collect());
        }
        definitions
    }

    /// A field of a type.
    #[must_use]
    pub fn field(&self, ty: &str, name: &str) -> Option<&Definition> {
        self.fields.get(ty)?.get(name)
    }

    /// Whether a type has fields.
    #[must_use]
    pub fn is_composite(&self, ty: &str) -> bool {
        self.fields.contains_key(ty)
    }

    /// Whether a type is only what its parent holds anyway: no row, no list, nothing that is counted.
    #[must_use]
    pub fn is_plain(&self, ty: &str) -> bool {
        let reads = ty.ends_with("Connection") || ty.ends_with("Statistics") || self.nodes.contains(ty);
        !reads
            && (ty.ends_with("Edge") || matches!(ty, "PageInfo" | "LocalizedText" | "Directory" | "DirectoryQuality"))
    }

    /// Whether a type is of rows that have ids.
    #[must_use]
    pub fn is_node(&self, ty: &str) -> bool {
        self.nodes.contains(ty)
    }

    /// How long a list is where the query does not say.
    #[must_use]
    pub fn usual_first(&self, ty: &str, name: &str) -> Option<u64> {
        self.field(ty, name)?.usual_first
    }
}

impl Definition {
    fn of(field: FieldDefinition) -> Self {
        let first = field.arguments.iter().find(|argument| argument.node.name.node == "first");
        let usual_first = first.and_then(|argument| match &argument.node.default_value.as_ref()?.node {
            Value::Number(number) => number.as_u64(),
            _ => None,
        });
        let ty = field.ty.node;
        Self { named: named(&ty.base).clone(), is_list: matches!(ty.base, BaseType::List(_)), usual_first, ty }
    }
}
