//! Directives on field definitions: which columns a field reads, and what it costs. They stand where the field is defined:
//!
//! ```ignore
//! #[graphql(directive = Reads::apply(&["headline"]), directive = Cost::apply(statements(6)))]
//! async fn headline(&self, ctx: &Context<'_>) -> Result<Option<LocalizedString>, Error>
//! ```
//!
//! async-graphql writes them to the SDL, from which the [schema index](super::schema_index) reads them. They are not part of
//! the published schema. The cost is more than one number, as fragments are measured once and a list that is not selected
//! is not read; async-graphql's `complexity` is one number for each field of the expanded document.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::ConstDirective;
use async_graphql::registry::location_traits::{Directive_At_FIELD_DEFINITION, Directive_At_INPUT_FIELD_DEFINITION};
use async_graphql::registry::{MetaDirectiveInvocation, Registry};
use async_graphql::{Positioned, TypeDirective, Value, from_value, to_value};
use serde::{Deserialize, Serialize};

/// The directive `@reads`: the columns that a field reads of the row of its object, in addition to those that are always
/// read. For a field without it, all columns are read: correct, but slower.
pub struct Reads;

/// The directive `@cost`: what a field costs, or a condition of a filter. A field without it costs nothing.
pub struct Cost;

const NAMES: [&str; 2] = ["reads", "cost"];
const COLUMNS: &str = "columns";

impl Reads {
    /// Declares the columns of a field.
    #[must_use]
    pub fn apply(columns: &[&str]) -> MetaDirectiveInvocation {
        let columns = Value::List(columns.iter().map(|column| Value::from(*column)).collect());
        MetaDirectiveInvocation { name: Reads.name().into(), args: IndexMap::from([(COLUMNS.to_owned(), columns)]) }
    }
}

impl Cost {
    /// Declares the cost of a field.
    #[must_use]
    pub fn apply(cost: FieldCost) -> MetaDirectiveInvocation {
        let args = match to_value(cost) {
            Ok(Value::Object(args)) => args.into_iter().map(|(name, value)| (name.to_string(), value)).collect(),
            _ => IndexMap::new(),
        };
        MetaDirectiveInvocation { name: Cost.name().into(), args }
    }
}

impl TypeDirective for Reads {
    fn name(&self) -> Cow<'static, str> {
        NAMES[0].into()
    }

    // The definition is not part of the schema.
    fn register(&self, _: &mut Registry) {}
}

impl TypeDirective for Cost {
    fn name(&self) -> Cow<'static, str> {
        NAMES[1].into()
    }

    fn register(&self, _: &mut Registry) {}
}

impl Directive_At_FIELD_DEFINITION for Reads {}
impl Directive_At_FIELD_DEFINITION for Cost {}
impl Directive_At_INPUT_FIELD_DEFINITION for Cost {}

/// What a field costs, besides its nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FieldCost {
    /// SQL statements, batched over all parents. A statement that reads much counts as several.
    #[serde(skip_serializing_if = "is_zero")]
    pub statements: u64,
    /// SQL statements in addition if the field has a filter.
    #[serde(skip_serializing_if = "is_zero")]
    pub filter_statements: u64,
    /// Rows that are read for each parent but not returned, such as those that are counted.
    #[serde(skip_serializing_if = "is_zero")]
    pub counts: u64,
    /// Rows of a list that are passed over for each parent, each time the list is read.
    #[serde(skip_serializing_if = "is_zero")]
    pub scan: u64,
    /// The same in addition if the list has a filter.
    #[serde(skip_serializing_if = "is_zero")]
    pub filter_scan: u64,
    /// Nodes of a list that has no page size, or of a value that contains several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Whether the field reads the page of its connection.
    #[serde(skip_serializing_if = "is_false")]
    pub reads_page: bool,
    /// Whether the field reads the whole list of its connection.
    #[serde(skip_serializing_if = "is_false")]
    pub reads_list: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The cost of a field that is read with the row of its object.
pub const FREE: FieldCost = statements(0);

/// The cost of a field that is read by this number of SQL statements.
#[must_use]
pub const fn statements(statements: u64) -> FieldCost {
    FieldCost {
        statements,
        filter_statements: 0,
        counts: 0,
        scan: 0,
        filter_scan: 0,
        rows: None,
        reads_page: false,
        reads_list: false,
    }
}

impl FieldCost {
    /// Adds SQL statements for a filter.
    #[must_use]
    pub const fn filter_statements(self, filter_statements: u64) -> Self {
        Self { filter_statements, ..self }
    }

    /// Adds rows that are read for each parent but not returned.
    #[must_use]
    pub const fn counts(self, counts: u64) -> Self {
        Self { counts, ..self }
    }

    /// Adds rows that are passed over for each parent, each time the list is read.
    #[must_use]
    pub const fn scan(self, scan: u64) -> Self {
        Self { scan, ..self }
    }

    /// Adds rows that are passed over for each parent if the list has a filter.
    #[must_use]
    pub const fn filter_scan(self, filter_scan: u64) -> Self {
        Self { filter_scan, ..self }
    }

    /// Sets the number of nodes.
    #[must_use]
    pub const fn rows(self, rows: u64) -> Self {
        Self { rows: Some(rows), ..self }
    }

    /// Of a field that reads the page of its connection.
    #[must_use]
    pub const fn of_page(self) -> Self {
        Self { reads_page: true, ..self }
    }

    /// Of a field that reads the whole list of its connection.
    #[must_use]
    pub const fn of_list(self) -> Self {
        Self { reads_list: true, ..self }
    }
}

/// What is declared at a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declarations {
    /// The columns it reads; `None` if they are not declared.
    pub columns: Option<Vec<String>>,
    /// What it costs; `None` if it is not declared.
    pub cost: Option<FieldCost>,
}

impl Declarations {
    /// Reads the directives of a definition. A directive with other arguments is ignored.
    #[must_use]
    pub fn of(directives: &[Positioned<ConstDirective>]) -> Self {
        let mut declarations = Self::default();
        for directive in directives.iter().map(|directive| &directive.node) {
            let arguments = directive.arguments.iter().map(|(name, value)| (name.node.clone(), value.node.clone()));
            let mut arguments: IndexMap<_, _> = arguments.collect();
            match directive.name.node.as_str() {
                name if name == NAMES[0] => {
                    declarations.columns = arguments.swap_remove(COLUMNS).and_then(|columns| from_value(columns).ok());
                }
                name if name == NAMES[1] => declarations.cost = from_value(Value::Object(arguments)).ok(),
                _ => {}
            }
        }
        declarations
    }
}

/// Returns a line of SDL without these directives, which async-graphql writes last.
#[must_use]
pub fn without_field_directives(line: &str) -> &str {
    let starts = NAMES.iter().filter_map(|name| line.find(&format!(" @{name}")));
    starts.min().map_or(line, |start| &line[..start])
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

    use super::*;

    /// The declarations of a field with these directives in the SDL.
    fn declarations(directives: &str) -> Declarations {
        let document = parse_schema(format!("type Query {{ a: Int {directives} }}")).expect("SDL");
        let TypeSystemDefinition::Type(definition) = &document.definitions[0] else { panic!("not a type") };
        let TypeKind::Object(object) = &definition.node.kind else { panic!("not an object") };
        Declarations::of(&object.fields[0].node.directives)
    }

    #[test]
    fn declarations_survive_the_sdl() {
        let costs = [
            FREE,
            statements(6),
            statements(1).counts(40).of_list(),
            statements(1).scan(20).filter_scan(230).filter_statements(3),
            FREE.rows(9).of_page(),
        ];
        for expected in costs {
            let sdl = format!("{} {}", Reads::apply(&["a", "b"]).sdl(), Cost::apply(expected).sdl());
            let columns = Some(vec!["a".to_owned(), "b".to_owned()]);
            assert_eq!(declarations(&sdl), Declarations { columns, cost: Some(expected) }, "{sdl}");
        }
        assert_eq!(declarations(&Reads::apply(&[]).sdl()).columns, Some(Vec::new()));
        assert_eq!(declarations("@deprecated @cost(price: 1)"), Declarations::default());
    }

    #[test]
    fn published_lines() {
        for (line, expected) in [
            ("\ta: Int", "\ta: Int"),
            ("\ta: Int @cost", "\ta: Int"),
            ("\t): [A!]! @reads(columns: [\"a\"]) @cost(statements: 1)", "\t): [A!]!"),
            ("\ta: Int @deprecated @cost(statements: 1)", "\ta: Int @deprecated"),
        ] {
            assert_eq!(without_field_directives(line), expected);
        }
    }
}
