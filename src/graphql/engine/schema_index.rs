//! An index of the schema's types, fields and directives, parsed from its SDL.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::Value;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, DirectiveDefinition, FieldDefinition, InputValueDefinition, OperationType, Type, TypeDefinition,
    TypeKind, TypeSystemDefinition,
};

use crate::graphql::engine::field_directives::{Declarations, FieldCost};

/// The types and directives that every schema has (GraphQL specification, sections 3.5, 3.13 and 4).
const BUILT_IN_SDL: &str = include_str!("introspection.graphql");
/// The type in [`BUILT_IN_SDL`] that holds the fields every schema has.
const META_FIELDS: &str = "__MetaFields";
/// The root type of queries.
pub const QUERY_TYPE: &str = "Query";
/// The root type of subscriptions.
pub const SUBSCRIPTION_TYPE: &str = "Subscription";

/// All types and directives of the schema.
pub struct SchemaIndex {
    types: IndexMap<Name, IndexedType>,
    directives: IndexMap<Name, DirectiveDefinition>,
    meta_fields: HashMap<Name, IndexedField>,
    /// Types that implement `Node`, and `Node` itself.
    node_types: HashSet<Name>,
}

/// A type.
pub struct IndexedType {
    /// Its definition.
    pub definition: TypeDefinition,
    /// The fields of an object or interface.
    fields: HashMap<Name, IndexedField>,
    /// What the conditions of a filter cost: the fields of an input object with their types.
    conditions: HashMap<Name, (FieldCost, Name)>,
    /// The objects of this type: itself, or those that implement the interface or belong to the union.
    pub possible_types: Vec<Name>,
}

/// A field of a type.
pub struct IndexedField {
    /// Its definition.
    pub definition: FieldDefinition,
    /// The type of the field.
    pub ty: Type,
    /// The named type inside any lists.
    pub named_type: Name,
    /// Whether the type is a list.
    pub is_list: bool,
    /// The columns that it reads of the row of its object; `None` if they are not declared.
    pub columns: Option<Vec<String>>,
    /// What it costs; `None` if it is not declared.
    pub cost: Option<FieldCost>,
    /// The default value of the argument `first`.
    pub default_page_size: Option<u64>,
}

impl SchemaIndex {
    /// Parses SDL. Invalid SDL results in an empty index.
    #[must_use]
    pub fn parse(sdl: &str) -> Self {
        let mut index = Self {
            types: IndexMap::new(),
            directives: IndexMap::new(),
            meta_fields: HashMap::new(),
            node_types: HashSet::from([Name::new("Node")]),
        };
        let definitions = [sdl, BUILT_IN_SDL].map(|sdl| parse_schema(sdl).map(|schema| schema.definitions));
        for definition in definitions.into_iter().flat_map(Result::unwrap_or_default) {
            match definition {
                TypeSystemDefinition::Type(definition) => index.add_type(definition.node),
                TypeSystemDefinition::Directive(definition) => {
                    // The parser takes each directive for repeatable. The schema has no such directive.
                    let definition = DirectiveDefinition { is_repeatable: false, ..definition.node };
                    index.directives.insert(definition.name.node.clone(), definition);
                }
                TypeSystemDefinition::Schema(_) => {}
            }
        }
        index.meta_fields = index.types.shift_remove(META_FIELDS).map(|meta| meta.fields).unwrap_or_default();
        index.add_possible_types();
        index
    }

    fn add_type(&mut self, definition: TypeDefinition) {
        let name = definition.name.node.clone();
        if interfaces_of(&definition).any(|interface| interface == "Node") {
            self.node_types.insert(name.clone());
        }
        let fields = fields_of(&definition);
        let fields =
            fields.map(|field| (field.name.node.clone(), IndexedField::from_definition(field.clone()))).collect();
        let conditions = conditions_of(&definition);
        self.types.insert(name, IndexedType { definition, fields, conditions, possible_types: Vec::new() });
    }

    fn add_possible_types(&mut self) {
        let mut possible: HashMap<Name, Vec<Name>> = HashMap::new();
        for (name, ty) in &self.types {
            let members: Vec<Name> = match &ty.definition.kind {
                TypeKind::Object(_) => {
                    for interface in interfaces_of(&ty.definition) {
                        possible.entry(interface.clone()).or_default().push(name.clone());
                    }
                    vec![name.clone()]
                }
                TypeKind::Union(union) => union.members.iter().map(|member| member.node.clone()).collect(),
                _ => continue,
            };
            possible.entry(name.clone()).or_default().extend(members);
        }
        for (name, types) in possible {
            if let Some(ty) = self.types.get_mut(&name) {
                ty.possible_types = types;
            }
        }
    }

    /// Returns all types, in the order of the schema.
    pub fn types(&self) -> impl Iterator<Item = &IndexedType> {
        self.types.values()
    }

    /// Returns a type.
    #[must_use]
    pub fn ty(&self, name: &str) -> Option<&IndexedType> {
        self.types.get(name)
    }

    /// Returns the root type of operations of a kind; `None` if the schema has no such operations.
    #[must_use]
    pub fn root(&self, operation_type: OperationType) -> Option<&IndexedType> {
        match operation_type {
            OperationType::Query => self.types.get(QUERY_TYPE),
            OperationType::Mutation => None,
            OperationType::Subscription => self.types.get(SUBSCRIPTION_TYPE),
        }
    }

    /// Returns all directives, in the order of the schema.
    pub fn directives(&self) -> impl Iterator<Item = &DirectiveDefinition> {
        self.directives.values()
    }

    /// Returns a directive.
    #[must_use]
    pub fn directive(&self, name: &str) -> Option<&DirectiveDefinition> {
        self.directives.get(name)
    }

    /// Returns a field of a type, other than `__typename`, `__schema` and `__type`.
    #[must_use]
    pub fn field(&self, ty: &str, name: &str) -> Option<&IndexedField> {
        self.types.get(ty)?.fields.get(name)
    }

    /// Returns a field that can be selected on a type.
    #[must_use]
    pub fn selectable_field<'a>(&'a self, ty: &'a IndexedType, name: &str) -> Option<&'a IndexedField> {
        let is_meta = match name {
            "__typename" => ty.is_composite(),
            "__schema" | "__type" => ty.name() == QUERY_TYPE,
            _ => false,
        };
        if is_meta { self.meta_fields.get(name) } else { ty.fields.get(name) }
    }

    /// Returns a field that every schema has: `__typename`, `__schema` or `__type`.
    #[must_use]
    pub fn meta_field(&self, name: &str) -> Option<&IndexedField> {
        self.meta_fields.get(name)
    }

    /// Returns what a condition of a filter costs, and its type.
    #[must_use]
    pub fn condition(&self, filter: &str, name: &str) -> Option<&(FieldCost, Name)> {
        self.types.get(filter)?.conditions.get(name)
    }

    /// Whether a type has fields.
    #[must_use]
    pub fn is_composite(&self, ty: &str) -> bool {
        self.types.get(ty).is_some_and(IndexedType::is_composite)
    }

    /// Whether a type implements `Node`.
    #[must_use]
    pub fn is_node(&self, ty: &str) -> bool {
        self.node_types.contains(ty)
    }
}

impl IndexedType {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.definition.name.node
    }

    /// Whether it is an object, an interface or a union.
    #[must_use]
    pub fn is_composite(&self) -> bool {
        matches!(self.definition.kind, TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_))
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self.definition.kind, TypeKind::Object(_))
    }

    /// Whether arguments and variables can have the type.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self.definition.kind, TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_))
    }

    /// Whether it is an input object that takes exactly one of its fields.
    #[must_use]
    pub fn is_one_of(&self) -> bool {
        self.definition.directives.iter().any(|directive| directive.node.name.node == "oneOf")
    }
}

impl IndexedField {
    fn from_definition(definition: FieldDefinition) -> Self {
        let first = definition.arguments.iter().find(|argument| argument.node.name.node == "first");
        let default_page_size = first.and_then(|argument| match &argument.node.default_value.as_ref()?.node {
            Value::Number(number) => number.as_u64(),
            _ => None,
        });
        let ty = definition.ty.node.clone();
        let Declarations { columns, cost } = Declarations::of(&definition.directives);
        Self {
            named_type: named_type(&ty.base).clone(),
            is_list: matches!(ty.base, BaseType::List(_)),
            columns,
            cost,
            default_page_size,
            ty,
            definition,
        }
    }
}

/// Returns the fields of an object or interface, in the order of the schema.
pub fn fields_of(definition: &TypeDefinition) -> impl Iterator<Item = &FieldDefinition> {
    let fields = match &definition.kind {
        TypeKind::Object(object) => object.fields.as_slice(),
        TypeKind::Interface(interface) => interface.fields.as_slice(),
        _ => &[],
    };
    fields.iter().map(|field| &field.node)
}

/// Returns what the conditions of a filter cost, with their types.
fn conditions_of(definition: &TypeDefinition) -> HashMap<Name, (FieldCost, Name)> {
    let TypeKind::InputObject(object) = &definition.kind else { return HashMap::new() };
    let condition = |field: &InputValueDefinition| {
        let cost = Declarations::of(&field.directives).cost.unwrap_or_default();
        (field.name.node.clone(), (cost, named_type(&field.ty.node.base).clone()))
    };
    object.fields.iter().map(|field| condition(&field.node)).collect()
}

/// Returns the interfaces of an object or interface.
pub fn interfaces_of(definition: &TypeDefinition) -> impl Iterator<Item = &Name> {
    let interfaces = match &definition.kind {
        TypeKind::Object(object) => object.implements.as_slice(),
        TypeKind::Interface(interface) => interface.implements.as_slice(),
        _ => &[],
    };
    interfaces.iter().map(|interface| &interface.node)
}

/// Whether a value must be given for an argument or input field.
#[must_use]
pub fn is_required(definition: &InputValueDefinition) -> bool {
    !definition.ty.node.nullable && definition.default_value.is_none()
}

/// Returns the named type inside any number of lists.
#[must_use]
pub fn named_type(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named_type(&inner.base),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_types_and_directives() {
        let index = SchemaIndex::parse("type Query { a: Int }");
        assert_eq!(index.types().count(), 14);
        assert_eq!(
            index.directives().map(|directive| directive.name.node.as_str()).collect::<Vec<_>>(),
            ["include", "skip", "deprecated", "specifiedBy"]
        );
        let query = index.ty(QUERY_TYPE).expect("a type");
        for (name, ty) in [("a", "Int"), ("__typename", "String!"), ("__schema", "__Schema!"), ("__type", "__Type")] {
            let field = index.selectable_field(query, name).expect("a field");
            assert_eq!(field.ty.to_string(), ty);
        }
        let ty = index.ty("__Type").expect("a type");
        assert!(index.selectable_field(ty, "__typename").is_some() && index.selectable_field(ty, "__schema").is_none());
    }

    #[test]
    fn possible_types() {
        let index = SchemaIndex::parse(
            "interface N { a: Int } interface E implements N { a: Int } type A implements N { a: Int }
             type B implements N & E { a: Int } union U = B | A",
        );
        for (name, expected) in [("N", "A B"), ("E", "B"), ("A", "A"), ("U", "B A"), ("Int", "")] {
            let types = &index.ty(name).expect("a type").possible_types;
            assert_eq!(types.join(" "), expected);
        }
    }
}
