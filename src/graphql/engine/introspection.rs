//! Introspection: `__schema` and `__type`, resolved over the schema index (GraphQL specification, section 4.2).

use async_graphql::parser::types::{
    BaseType, ConstDirective, DirectiveDefinition, DirectiveLocation, EnumValueDefinition, Field, FieldDefinition,
    InputValueDefinition, OperationType, SelectionSet, Type, TypeKind,
};
use async_graphql::{Context, Name, Positioned, Value};
use async_graphql_value::Value as Literal;

use crate::graphql::engine::execution_document::fields_of;
use crate::graphql::engine::schema_index::{self, IndexedType, QUERY_TYPE, SchemaIndex, interfaces_of};

/// The reason of a deprecation for which none is given: the default of `@deprecated`.
const DEFAULT_REASON: &str = "No longer supported";

/// Resolves `__schema` or `__type`; `None` if the field is another.
pub(crate) fn resolve(ctx: &Context<'_>, schema_index: &SchemaIndex) -> Option<Value> {
    let introspection = Introspection { ctx, schema_index };
    let field = &ctx.item.node;
    let element = match field.name.node.as_str() {
        "__schema" => Some(Element::Schema),
        "__type" => match introspection.argument(field, "name") {
            Some(Value::String(name)) => schema_index.ty(&name).map(Element::Named),
            _ => None,
        },
        _ => return None,
    };
    Some(introspection.optional(element, &field.selection_set.node))
}

/// An object of the introspection schema.
#[derive(Clone, Copy)]
enum Element<'a> {
    Schema,
    /// A `__Type`: a named type.
    Named(&'a IndexedType),
    /// A `__Type`: a list, or a non-null type if `is_non_null`.
    Wrapping {
        ty: &'a Type,
        is_non_null: bool,
    },
    Field(&'a FieldDefinition),
    InputValue(&'a InputValueDefinition),
    EnumValue(&'a EnumValueDefinition),
    Directive(&'a DirectiveDefinition),
}

/// The value of a field.
enum Resolved<'a> {
    Leaf(Value),
    Object(Option<Element<'a>>),
    List(Vec<Element<'a>>),
}

impl Resolved<'_> {
    fn null() -> Self {
        Self::Leaf(Value::Null)
    }

    fn text(text: impl Into<String>) -> Self {
        Self::Leaf(Value::String(text.into()))
    }

    fn optional_text(text: Option<&str>) -> Self {
        text.map_or_else(Self::null, Self::text)
    }

    fn description(description: Option<&Positioned<String>>) -> Self {
        Self::optional_text(description.map(|description| description.node.as_str()))
    }

    fn is_deprecated(directives: &[Positioned<ConstDirective>]) -> Self {
        Self::Leaf(Value::Boolean(deprecation(directives).is_some()))
    }

    fn deprecation_reason(directives: &[Positioned<ConstDirective>]) -> Self {
        let reason =
            deprecation(directives).map(|directive| string_argument(directive, "reason").unwrap_or(DEFAULT_REASON));
        Self::optional_text(reason)
    }
}

struct Introspection<'a> {
    ctx: &'a Context<'a>,
    schema_index: &'a SchemaIndex,
}

impl<'a> Introspection<'a> {
    fn optional(&self, element: Option<Element<'a>>, selections: &SelectionSet) -> Value {
        element.map_or(Value::Null, |element| self.object(element, selections))
    }

    fn object(&self, element: Element<'a>, selections: &SelectionSet) -> Value {
        let value = |field: &Positioned<Field>| {
            let (field, selections) = (&field.node, &field.node.selection_set.node);
            let value = match self.resolve_field(element, field) {
                Resolved::Leaf(value) => value,
                Resolved::Object(element) => self.optional(element, selections),
                Resolved::List(elements) => {
                    Value::List(elements.into_iter().map(|element| self.object(element, selections)).collect())
                }
            };
            (field.response_key().node.clone(), value)
        };
        Value::Object(fields_of(selections, None).map(value).collect())
    }

    fn resolve_field(&self, element: Element<'a>, field: &Field) -> Resolved<'a> {
        let name = field.name.node.as_str();
        match element {
            Element::Schema => self.schema_field(name),
            Element::Named(ty) => self.type_field(ty, name, field),
            Element::Wrapping { ty, is_non_null } => self.wrapping_type_field(ty, is_non_null, name),
            Element::Field(definition) => match name {
                "__typename" => Resolved::text("__Field"),
                "name" => Resolved::text(definition.name.node.as_str()),
                "description" => Resolved::description(definition.description.as_ref()),
                "args" => self.input_values(&definition.arguments, field),
                "type" => Resolved::Object(self.type_element(&definition.ty.node)),
                "isDeprecated" => Resolved::is_deprecated(&definition.directives),
                "deprecationReason" => Resolved::deprecation_reason(&definition.directives),
                _ => Resolved::null(),
            },
            Element::InputValue(definition) => match name {
                "__typename" => Resolved::text("__InputValue"),
                "name" => Resolved::text(definition.name.node.as_str()),
                "description" => Resolved::description(definition.description.as_ref()),
                "type" => Resolved::Object(self.type_element(&definition.ty.node)),
                "defaultValue" => definition
                    .default_value
                    .as_ref()
                    .map_or_else(Resolved::null, |value| Resolved::text(value.node.to_string())),
                "isDeprecated" => Resolved::is_deprecated(&definition.directives),
                "deprecationReason" => Resolved::deprecation_reason(&definition.directives),
                _ => Resolved::null(),
            },
            Element::EnumValue(definition) => match name {
                "__typename" => Resolved::text("__EnumValue"),
                "name" => Resolved::text(definition.value.node.as_str()),
                "description" => Resolved::description(definition.description.as_ref()),
                "isDeprecated" => Resolved::is_deprecated(&definition.directives),
                "deprecationReason" => Resolved::deprecation_reason(&definition.directives),
                _ => Resolved::null(),
            },
            Element::Directive(definition) => match name {
                "__typename" => Resolved::text("__Directive"),
                "name" => Resolved::text(definition.name.node.as_str()),
                "description" => Resolved::description(definition.description.as_ref()),
                "isRepeatable" => Resolved::Leaf(Value::Boolean(definition.is_repeatable)),
                "locations" => {
                    let locations = definition.locations.iter().map(|location| location_name(location.node));
                    Resolved::Leaf(Value::List(locations.map(|name| Value::Enum(Name::new(name))).collect()))
                }
                "args" => self.input_values(&definition.arguments, field),
                "isDeprecated" => Resolved::Leaf(Value::Boolean(false)),
                _ => Resolved::null(),
            },
        }
    }

    fn schema_field(&self, name: &str) -> Resolved<'a> {
        match name {
            "__typename" => Resolved::text("__Schema"),
            "types" => Resolved::List(self.schema_index.types().map(Element::Named).collect()),
            "queryType" => Resolved::Object(self.schema_index.ty(QUERY_TYPE).map(Element::Named)),
            "subscriptionType" => {
                Resolved::Object(self.schema_index.root(OperationType::Subscription).map(Element::Named))
            }
            "directives" => Resolved::List(self.schema_index.directives().map(Element::Directive).collect()),
            _ => Resolved::null(),
        }
    }

    fn type_field(&self, ty: &'a IndexedType, name: &str, field: &Field) -> Resolved<'a> {
        let definition = &ty.definition;
        let named = |names: &mut dyn Iterator<Item = &Name>| {
            Resolved::List(names.filter_map(|name| self.schema_index.ty(name)).map(Element::Named).collect())
        };
        match (name, &definition.kind) {
            ("__typename", _) => Resolved::text("__Type"),
            ("kind", kind) => Resolved::Leaf(Value::Enum(Name::new(kind_name(kind)))),
            ("name", _) => Resolved::text(ty.name().as_str()),
            ("description", _) => Resolved::description(definition.description.as_ref()),
            ("specifiedByURL", TypeKind::Scalar) => {
                let directive =
                    definition.directives.iter().find(|directive| directive.node.name.node == "specifiedBy");
                Resolved::optional_text(directive.and_then(|directive| string_argument(&directive.node, "url")))
            }
            ("fields", TypeKind::Object(_) | TypeKind::Interface(_)) => {
                let is_listed = self.deprecated_filter(field);
                let fields = schema_index::fields_of(definition).filter(|definition| is_listed(&definition.directives));
                Resolved::List(fields.map(Element::Field).collect())
            }
            ("interfaces", TypeKind::Object(_) | TypeKind::Interface(_)) => named(&mut interfaces_of(definition)),
            ("possibleTypes", TypeKind::Interface(_) | TypeKind::Union(_)) => named(&mut ty.possible_types.iter()),
            ("enumValues", TypeKind::Enum(definition)) => {
                let is_listed = self.deprecated_filter(field);
                let values = definition.values.iter().filter(|value| is_listed(&value.node.directives));
                Resolved::List(values.map(|value| Element::EnumValue(&value.node)).collect())
            }
            ("inputFields", TypeKind::InputObject(definition)) => self.input_values(&definition.fields, field),
            ("isOneOf", TypeKind::InputObject(_)) => Resolved::Leaf(Value::Boolean(ty.is_one_of())),
            _ => Resolved::null(),
        }
    }

    fn wrapping_type_field(&self, ty: &'a Type, is_non_null: bool, name: &str) -> Resolved<'a> {
        match name {
            "__typename" => Resolved::text("__Type"),
            "kind" => Resolved::Leaf(Value::Enum(Name::new(if is_non_null { "NON_NULL" } else { "LIST" }))),
            "ofType" if is_non_null => Resolved::Object(self.nullable_type_element(ty)),
            "ofType" => match &ty.base {
                BaseType::List(inner) => Resolved::Object(self.type_element(inner)),
                BaseType::Named(_) => Resolved::null(),
            },
            _ => Resolved::null(),
        }
    }

    fn type_element(&self, ty: &'a Type) -> Option<Element<'a>> {
        if ty.nullable { self.nullable_type_element(ty) } else { Some(Element::Wrapping { ty, is_non_null: true }) }
    }

    fn nullable_type_element(&self, ty: &'a Type) -> Option<Element<'a>> {
        match &ty.base {
            BaseType::Named(name) => self.schema_index.ty(name).map(Element::Named),
            BaseType::List(_) => Some(Element::Wrapping { ty, is_non_null: false }),
        }
    }

    fn input_values(&self, definitions: &'a [Positioned<InputValueDefinition>], field: &Field) -> Resolved<'a> {
        let is_listed = self.deprecated_filter(field);
        let definitions = definitions.iter().filter(|definition| is_listed(&definition.node.directives));
        Resolved::List(definitions.map(|definition| Element::InputValue(&definition.node)).collect())
    }

    /// Returns whether an element with these directives is listed, by the argument `includeDeprecated` of the list.
    fn deprecated_filter(&self, field: &Field) -> impl Fn(&[Positioned<ConstDirective>]) -> bool + use<> {
        let includes_deprecated = self.argument(field, "includeDeprecated") == Some(Value::Boolean(true));
        move |directives| includes_deprecated || deprecation(directives).is_none()
    }

    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        match &field.get_argument(name)?.node {
            Literal::Variable(variable) => self.ctx.query_env.variables.get(variable).cloned(),
            literal => literal.clone().into_const(),
        }
    }
}

fn deprecation(directives: &[Positioned<ConstDirective>]) -> Option<&ConstDirective> {
    directives.iter().map(|directive| &directive.node).find(|directive| directive.name.node == "deprecated")
}

fn string_argument<'a>(directive: &'a ConstDirective, name: &str) -> Option<&'a str> {
    match &directive.get_argument(name)?.node {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn kind_name(kind: &TypeKind) -> &'static str {
    match kind {
        TypeKind::Scalar => "SCALAR",
        TypeKind::Object(_) => "OBJECT",
        TypeKind::Interface(_) => "INTERFACE",
        TypeKind::Union(_) => "UNION",
        TypeKind::Enum(_) => "ENUM",
        TypeKind::InputObject(_) => "INPUT_OBJECT",
    }
}

fn location_name(location: DirectiveLocation) -> &'static str {
    match location {
        DirectiveLocation::Query => "QUERY",
        DirectiveLocation::Mutation => "MUTATION",
        DirectiveLocation::Subscription => "SUBSCRIPTION",
        DirectiveLocation::Field => "FIELD",
        DirectiveLocation::FragmentDefinition => "FRAGMENT_DEFINITION",
        DirectiveLocation::FragmentSpread => "FRAGMENT_SPREAD",
        DirectiveLocation::InlineFragment => "INLINE_FRAGMENT",
        DirectiveLocation::Schema => "SCHEMA",
        DirectiveLocation::Scalar => "SCALAR",
        DirectiveLocation::Object => "OBJECT",
        DirectiveLocation::FieldDefinition => "FIELD_DEFINITION",
        DirectiveLocation::ArgumentDefinition => "ARGUMENT_DEFINITION",
        DirectiveLocation::Interface => "INTERFACE",
        DirectiveLocation::Union => "UNION",
        DirectiveLocation::Enum => "ENUM",
        DirectiveLocation::EnumValue => "ENUM_VALUE",
        DirectiveLocation::InputObject => "INPUT_OBJECT",
        DirectiveLocation::InputFieldDefinition => "INPUT_FIELD_DEFINITION",
        DirectiveLocation::VariableDefinition => "VARIABLE_DEFINITION",
    }
}
