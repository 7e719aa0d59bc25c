//! The published schema: its committed file, descriptions, query costs and the contract with clients.

use std::collections::BTreeSet;

use academic_directory::config::Limits;
use academic_directory::graphql::{self, DirectorySchema};
use async_graphql::parser::types::{FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind};

use crate::support::schema_definitions::{SchemaDefinitions, enum_values, fields, input_fields};
use crate::support::shared_data;

#[test]
fn committed_schema() {
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql")).expect("schema.graphql");
    assert!(committed == graphql::sdl(), "schema.graphql is outdated; run cargo run -- schema > schema.graphql");
}

#[test]
fn every_element_is_described() {
    let mut bare = Vec::new();
    for (name, definition) in &SchemaDefinitions::of_service().0 {
        let mut tell = |is_described: bool, what: String| {
            if !is_described {
                bare.push(what);
            }
        };
        tell(definition.description.is_some(), name.clone());
        for field in fields(definition) {
            tell(field.description.is_some(), format!("{name}.{}", field.name.node));
            for argument in &field.arguments {
                tell(
                    argument.node.description.is_some(),
                    format!("{name}.{}({})", field.name.node, argument.node.name.node),
                );
            }
        }
        for input in input_fields(definition) {
            tell(input.description.is_some(), format!("{name}.{}", input.name.node));
        }
        if let TypeKind::Enum(list) = &definition.kind {
            for value in &list.values {
                tell(value.node.description.is_some(), format!("{name}.{}", value.node.value.node));
            }
        }
    }
    assert!(bare.is_empty(), "without description: {bare:?}");
}

/// A query for the largest page of a connection.
fn largest_page_query(parent: &str, field: &str) -> String {
    let needed = if field == "search" { "query: \"x\", " } else { "" };
    let page = format!("{field}({needed}first: 100) {{ pageInfo {{ hasNextPage }} }}");
    match parent {
        "Query" => format!("{{ {page} }}"),
        "Researcher" | "Organization" | "Topic" | "Paper" => {
            format!("{{ {}(by: {{slug: \"x\"}}) {{ {page} }} }}", parent.to_lowercase())
        }
        "CoauthorEdge" => {
            format!("{{ researcher(by: {{slug: \"x\"}}) {{ coauthors(first: 1) {{ edges {{ {page} }} }} }} }}")
        }
        "CoauthorStep" => {
            format!("{{ coauthorPath(fromId: \"x\", toId: \"x\", maxLength: 1) {{ steps {{ {page} }} }} }}")
        }
        other => panic!("add {other} to largest_page_query"),
    }
}

#[test]
fn connection_cost() {
    let limits = Limits { nodes: 99, ..Limits::default() };
    let small = DirectorySchema::new(|| graphql::builder(&limits), limits.clone());
    let is_too_complex = |query: &str| {
        let refused = small.prepare(query.into()).err().into_iter().flat_map(|response| response.errors);
        refused.into_iter().any(|error| error.message.contains("nodes; the limit is 99"))
    };
    let definitions = SchemaDefinitions::of_service();
    assert!(definitions.connection_fields().len() >= 19);
    for (parent, field) in definitions.connection_fields() {
        let query = largest_page_query(parent, &field.name.node);
        assert!(is_too_complex(&query), "costs too little: {query}");
        let last = query.replace("first: 100)", "last: 100)");
        assert!(is_too_complex(&last), "costs too little: {last}");
    }
    let many = |field: &str, entry: &str| format!("{{ {field}: [{}]) {{ id }} }}", vec![entry; 100].join(", "));
    for query in [
        many("nodes(ids", "\"x\""),
        many("researchersBy(keys", "{slug: \"x\"}"),
        many("organizationsBy(keys", "{slug: \"x\"}"),
        many("papersBy(keys", "{slug: \"x\"}"),
    ] {
        assert!(is_too_complex(&query), "costs too little: {query}");
    }
}

/// What clients may rely on in a definition, one guarantee per line.
fn guarantees(name: &str, definition: &TypeDefinition) -> Vec<String> {
    let kind = match &definition.kind {
        TypeKind::Scalar => "scalar",
        TypeKind::Object(_) => "type",
        TypeKind::Interface(_) => "interface",
        TypeKind::Union(_) => "union",
        TypeKind::Enum(_) => "enum",
        TypeKind::InputObject(_) => "input",
    };
    let mut lines = vec![format!("{name} is a kind of {kind}")];
    let implemented = match &definition.kind {
        TypeKind::Object(object) => &object.implements[..],
        TypeKind::Interface(interface) => &interface.implements[..],
        _ => &[],
    };
    lines.extend(implemented.iter().map(|interface| format!("{name} is a {}", interface.node)));
    lines.extend(
        definition
            .directives
            .iter()
            .filter(|directive| directive.node.name.node == "oneOf")
            .map(|_| format!("{name} is one of")),
    );
    let input = |owner: &str, input: &InputValueDefinition, open: &str, close: &str| {
        let default = input.default_value.as_ref().map(|value| format!(" = {}", value.node)).unwrap_or_default();
        format!("{owner}{open}{}{close}: {}{default}", input.name.node, input.ty.node)
    };
    for field in fields(definition) {
        let FieldDefinition { name: field_name, ty, arguments, .. } = field;
        let owner = format!("{name}.{}", field_name.node);
        lines.push(format!("{owner}: {}", ty.node));
        lines.extend(arguments.iter().map(|argument| input(&owner, &argument.node, "(", ")")));
    }
    lines.extend(input_fields(definition).into_iter().map(|field| input(name, field, ".", "")));
    lines.extend(enum_values(definition).iter().map(|value| format!("{name}.{value}")));
    lines
}

#[test]
fn contract() {
    let Some(contract) = shared_data("design/contract.graphql") else { return };
    let contract = SchemaDefinitions::parse(&std::fs::read_to_string(contract).expect("the contract"));
    let own = SchemaDefinitions::of_service();
    let all = |definitions: &SchemaDefinitions| -> BTreeSet<String> {
        definitions.0.iter().flat_map(|(name, definition)| guarantees(name, definition)).collect()
    };
    let (promised, provided) = (all(&contract), all(&own));
    assert!(promised.len() > 500, "only {} guarantees were parsed", promised.len());
    let broken: Vec<&String> = promised.difference(&provided).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    // Arguments that are not in the contract must be optional.
    for (name, definition) in &own.0 {
        for field in fields(definition) {
            let needed = field
                .arguments
                .iter()
                .filter(|argument| !argument.node.ty.node.nullable && argument.node.default_value.is_none());
            for argument in needed {
                let line = format!("{name}.{}({}):", field.name.node, argument.node.name.node);
                let is_known = promised.iter().any(|promise| promise.starts_with(&line));
                assert!(is_known || !contract.0.contains_key(name), "{line} is required, but not in the contract");
            }
        }
    }
}
