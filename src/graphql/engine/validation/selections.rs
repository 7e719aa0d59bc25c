//! Fields, fragments and directives: they exist, and are used where they can be.

use std::collections::HashSet;
use std::fmt;

use async_graphql::parser::types::{
    Directive, DirectiveLocation, Field, InlineFragment, InputValueDefinition, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value;

use crate::graphql::engine::schema_index::{IndexedType, is_required};
use crate::graphql::engine::validation::{ExpectedType, Uses, Validator};

/// What has arguments.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Field(&'a IndexedType, &'a Name),
    Directive(&'a Name),
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(ty, name) => write!(formatter, "the field {}.{name}", ty.name()),
            Self::Directive(name) => write!(formatter, "the directive @{name}"),
        }
    }
}

impl<'a> Validator<'a> {
    /// Checks a selection set on a type, which is `None` if it is not known.
    pub(super) fn check_selections(
        &mut self,
        selections: &'a SelectionSet,
        parent: Option<&'a IndexedType>,
        uses: &mut Uses<'a>,
    ) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => self.check_field(&field.node, field.pos, parent, uses),
                Selection::InlineFragment(inline) => self.check_inline_fragment(inline, parent, uses),
                Selection::FragmentSpread(spread) => {
                    self.check_directives(&spread.node.directives, DirectiveLocation::FragmentSpread, uses);
                    let name = &spread.node.fragment_name;
                    match self.document.fragments.get(&name.node) {
                        Some(fragment) => {
                            uses.fragments.push(name);
                            let condition = self.schema_index.ty(&fragment.node.type_condition.node.on.node);
                            self.check_overlap(parent, condition, spread.pos);
                        }
                        None => self.error(format!("the fragment {} is not defined", name.node), name.pos),
                    }
                }
            }
        }
    }

    fn check_field(&mut self, field: &'a Field, position: Pos, parent: Option<&'a IndexedType>, uses: &mut Uses<'a>) {
        self.check_directives(&field.directives, DirectiveLocation::Field, uses);
        let name = &field.name.node;
        let definition = parent.and_then(|parent| self.schema_index.selectable_field(parent, name));
        let Some((parent, definition)) = parent.zip(definition) else {
            if let Some(parent) = parent {
                self.error(format!("the type {} has no field {name}", parent.name()), position);
            }
            self.use_variables_in(&field.arguments, uses);
            self.check_selections(&field.selection_set.node, None, uses);
            return;
        };
        let owner = Owner::Field(parent, name);
        self.check_arguments(owner, position, &field.arguments, &definition.definition.arguments, uses);
        let ty = self.schema_index.ty(&definition.named_type);
        let is_composite = ty.is_some_and(IndexedType::is_composite);
        if is_composite && field.selection_set.node.items.is_empty() {
            let message = format!("{owner} is of type {}; select at least one of its fields", definition.ty);
            self.error(message, position);
        } else if !is_composite && !field.selection_set.node.items.is_empty() {
            self.error(format!("{owner} is of type {}, which has no fields to select", definition.ty), position);
        }
        self.check_selections(&field.selection_set.node, ty.filter(|ty| ty.is_composite()), uses);
    }

    fn check_inline_fragment(
        &mut self,
        inline: &'a Positioned<InlineFragment>,
        parent: Option<&'a IndexedType>,
        uses: &mut Uses<'a>,
    ) {
        self.check_directives(&inline.node.directives, DirectiveLocation::InlineFragment, uses);
        let ty = match &inline.node.type_condition {
            Some(condition) => {
                let ty = self.check_type_condition(condition);
                self.check_overlap(parent, ty, inline.pos);
                ty
            }
            None => parent,
        };
        self.check_selections(&inline.node.selection_set.node, ty, uses);
    }

    /// Returns the type of a fragment, if it can have fragments.
    pub(super) fn check_type_condition(&mut self, condition: &'a Positioned<TypeCondition>) -> Option<&'a IndexedType> {
        let name = &condition.node.on;
        let ty = self.schema_index.ty(&name.node);
        match ty {
            None => self.error(format!("the type {} does not exist", name.node), name.pos),
            Some(ty) if !ty.is_composite() => {
                self.error(format!("the type {} has no fields and cannot have fragments", name.node), name.pos);
            }
            Some(_) => {}
        }
        ty.filter(|ty| ty.is_composite())
    }

    /// Checks that an object can be of both types.
    fn check_overlap(&mut self, parent: Option<&'a IndexedType>, condition: Option<&'a IndexedType>, position: Pos) {
        let Some((parent, condition)) = parent.zip(condition.filter(|condition| condition.is_composite())) else {
            return;
        };
        if !parent.possible_types.iter().any(|ty| condition.possible_types.contains(ty)) {
            let message = format!("an object of type {} cannot be of type {}", parent.name(), condition.name());
            self.error(message, position);
        }
    }

    pub(super) fn check_directives(
        &mut self,
        directives: &'a [Positioned<Directive>],
        location: DirectiveLocation,
        uses: &mut Uses<'a>,
    ) {
        let mut seen = HashSet::new();
        for directive in directives {
            let name = &directive.node.name.node;
            let Some(definition) = self.schema_index.directive(name) else {
                self.error(format!("the directive @{name} does not exist"), directive.pos);
                self.use_variables_in(&directive.node.arguments, uses);
                continue;
            };
            if !definition.locations.iter().any(|allowed| allowed.node == location) {
                self.error(format!("the directive @{name} cannot be used here"), directive.pos);
            }
            if !seen.insert(name) && !definition.is_repeatable {
                self.error(format!("the directive @{name} is given more than once"), directive.pos);
            }
            let owner = Owner::Directive(name);
            self.check_arguments(owner, directive.pos, &directive.node.arguments, &definition.arguments, uses);
        }
    }

    fn check_arguments(
        &mut self,
        owner: Owner<'a>,
        position: Pos,
        arguments: &'a [(Positioned<Name>, Positioned<Value>)],
        definitions: &'a [Positioned<InputValueDefinition>],
        uses: &mut Uses<'a>,
    ) {
        let mut seen = HashSet::new();
        for (name, value) in arguments {
            if !seen.insert(&name.node) {
                self.error(format!("the argument {} is given more than once", name.node), name.pos);
            }
            match definitions.iter().find(|definition| definition.node.name.node == name.node) {
                Some(definition) => {
                    let expected = ExpectedType::of(&definition.node, false);
                    self.check_value(&value.node, expected, value.pos, uses);
                }
                None => {
                    self.error(format!("{owner} has no argument {}", name.node), name.pos);
                    self.use_variables(&value.node, value.pos, uses);
                }
            }
        }
        for definition in definitions.iter().map(|definition| &definition.node) {
            let (name, ty) = (&definition.name.node, &definition.ty.node);
            if is_required(definition) && !seen.contains(name) {
                self.error(format!("{owner} needs the argument {name} of type {ty}"), position);
            }
        }
    }

    fn use_variables_in(&self, arguments: &'a [(Positioned<Name>, Positioned<Value>)], uses: &mut Uses<'a>) {
        arguments.iter().for_each(|(_, value)| self.use_variables(&value.node, value.pos, uses));
    }
}
