//! Generates queries for every field of every object type from the schema.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use async_graphql::parser::types::{BaseType, FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind};

use super::schema_definitions::{SchemaDefinitions, enum_values, fields, innermost_type, input_fields};

/// For each root field with required arguments: the argument lists to try.
pub type RootArguments<'a> = BTreeMap<&'a str, Vec<String>>;

/// Generates queries that together select every field of every object type.
pub struct SchemaQueryGenerator<'a> {
    definitions: SchemaDefinitions,
    roots: RootArguments<'a>,
}

impl<'a> SchemaQueryGenerator<'a> {
    pub fn new(roots: RootArguments<'a>) -> Self {
        Self { definitions: SchemaDefinitions::of_service(), roots }
    }

    /// One query for each field of each reachable object type, by the shortest path to it. Each selects two further
    /// levels of fields.
    pub fn queries(&self) -> Vec<String> {
        let ways = self.shortest_paths();
        let mut queries = Vec::new();
        for (name, definition) in self.object_types() {
            let Some(ways) = ways.get(name) else { continue };
            for way in ways {
                for field in fields(definition) {
                    for arguments in self.argument_combinations(name, field) {
                        let below = self.selection_set(innermost_type(&field.ty.node), 2);
                        let selection = format!("{}{arguments} {below}", field.name.node);
                        queries.push(way.iter().rev().fold(selection, |inner, step| format!("{step} {{ {inner} }}")));
                    }
                }
            }
        }
        let whole: BTreeSet<String> = queries.into_iter().map(|query| format!("{{ {query} }}")).collect();
        whole.into_iter().collect()
    }

    /// Object types that no generated query reaches.
    pub fn unreachable_types(&self) -> Vec<&str> {
        let ways = self.shortest_paths();
        self.object_types().map(|(name, _)| name).filter(|name| !ways.contains_key(name)).collect()
    }

    fn object_types(&self) -> impl Iterator<Item = (&str, &TypeDefinition)> {
        self.definitions
            .0
            .iter()
            .filter(|(_, definition)| matches!(definition.kind, TypeKind::Object(_)))
            .map(|(name, definition)| (name.as_str(), definition))
    }

    /// The shortest paths from the root to each object type, one per argument list of the root field.
    fn shortest_paths(&self) -> BTreeMap<&str, Vec<Vec<String>>> {
        let mut ways: BTreeMap<&str, Vec<Vec<String>>> = BTreeMap::from([("Query", vec![Vec::new()])]);
        let mut waiting = VecDeque::from(["Query"]);
        while let Some(name) = waiting.pop_front() {
            let (definition, here) = (&self.definitions.0[name], ways[name].clone());
            for field in fields(definition) {
                let target = innermost_type(&field.ty.node);
                let Some((target, _)) = self.definitions.0.get_key_value(target) else { continue };
                let is_object = matches!(self.definitions.0[target].kind, TypeKind::Object(_));
                if !is_object || ways.contains_key(target.as_str()) {
                    continue;
                }
                let steps = self.argument_combinations(name, field).into_iter();
                let steps: Vec<String> = steps.map(|arguments| format!("{}{arguments}", field.name.node)).collect();
                let there = here
                    .iter()
                    .flat_map(|way| steps.iter().map(move |step| [&way[..], std::slice::from_ref(step)].concat()));
                ways.insert(target, there.collect());
                waiting.push_back(target);
            }
        }
        ways
    }

    /// The argument lists for a field, including the parentheses.
    fn argument_combinations(&self, object: &str, field: &FieldDefinition) -> Vec<String> {
        if object == "Query"
            && let Some(ways) = self.roots.get(field.name.node.as_str())
        {
            return ways.clone();
        }
        let mut ways = vec![Vec::new()];
        for argument in &field.arguments {
            let InputValueDefinition { name, ty, default_value, .. } = &argument.node;
            let choices = match (&ty.node.base, name.node.as_str()) {
                (BaseType::Named(_), "first") => vec!["100".to_owned()],
                _ if ty.node.nullable || default_value.is_some() => continue,
                (base, _) => self.sample_values(base),
            };
            ways = ways
                .iter()
                .flat_map(|way: &Vec<String>| {
                    choices.iter().map(move |choice| [&way[..], &[format!("{}: {choice}", name.node)]].concat())
                })
                .collect();
        }
        let written = |way: Vec<String>| if way.is_empty() { String::new() } else { format!("({})", way.join(", ")) };
        ways.into_iter().map(written).collect()
    }

    /// Sample values of an argument type.
    fn sample_values(&self, base: &BaseType) -> Vec<String> {
        match base {
            BaseType::List(_) => vec!["[]".to_owned()],
            BaseType::Named(name) => match self.definitions.0.get(name.as_str()) {
                Some(definition) if matches!(definition.kind, TypeKind::Enum(_)) => enum_values(definition),
                Some(definition) if input_fields(definition).is_empty() => vec!["\"en\"".to_owned()],
                Some(_) => vec!["{}".to_owned()],
                None => vec![if name.as_str() == "Int" { "5" } else { "\"x\"" }.to_owned()],
            },
        }
    }

    /// The selection set of a type: all scalar fields, and `levels` levels of nested objects. Connections and edges do
    /// not count as levels.
    fn selection_set(&self, name: &str, levels: usize) -> String {
        let Some(definition) = self.definitions.0.get(name) else { return String::new() };
        let selections: Vec<String> = match &definition.kind {
            TypeKind::Object(_) => self.object_selections(definition, levels),
            TypeKind::Interface(_) | TypeKind::Union(_) => self
                .possible_types(name)
                .iter()
                .map(|(name, object)| format!("... on {name} {{ {} }}", self.aliased_selections(name, object, levels)))
                .collect(),
            _ => return String::new(),
        };
        format!("{{ __typename {} }}", selections.join(" "))
    }

    fn object_selections(&self, definition: &TypeDefinition, levels: usize) -> Vec<String> {
        let object = definition.name.node.as_str();
        let is_page = object.ends_with("Connection") || object.ends_with("Edge");
        let levels = if is_page { levels } else { levels.saturating_sub(1) };
        let mut selections = Vec::new();
        for field in fields(definition) {
            let target = innermost_type(&field.ty.node);
            let has_fields = self.definitions.0.get(target).is_some_and(|target| {
                matches!(target.kind, TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_))
            });
            // `nodes` duplicates what `edges` selects.
            if (has_fields && levels == 0) || (is_page && field.name.node == "nodes") {
                continue;
            }
            for (number, arguments) in self.argument_combinations(object, field).into_iter().enumerate() {
                let alias = if number == 0 { String::new() } else { format!("{}{number}: ", field.name.node) };
                let below = if has_fields { self.selection_set(target, levels) } else { String::new() };
                selections.push(format!("{alias}{}{arguments} {below}", field.name.node));
            }
        }
        selections
    }

    /// The same selections with a unique alias each, since equally named fields of two types may have different types.
    fn aliased_selections(&self, name: &str, definition: &TypeDefinition, levels: usize) -> String {
        let rename = |(number, selection): (usize, String)| {
            let field =
                selection.split_once(": ").filter(|(alias, _)| alias.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            format!("{name}{number}: {}", field.map_or(selection.as_str(), |(_, field)| field))
        };
        self.object_selections(definition, levels).into_iter().enumerate().map(rename).collect::<Vec<_>>().join(" ")
    }

    fn possible_types(&self, interface: &str) -> Vec<(&str, &TypeDefinition)> {
        let is_one = |definition: &TypeDefinition| match &self.definitions.0[interface].kind {
            TypeKind::Union(union) => union.members.iter().any(|member| member.node == definition.name.node),
            _ => match &definition.kind {
                TypeKind::Object(object) => object.implements.iter().any(|name| name.node == interface),
                _ => false,
            },
        };
        self.object_types().filter(|(_, definition)| is_one(definition)).collect()
    }
}
