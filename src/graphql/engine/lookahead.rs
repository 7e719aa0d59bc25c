//! Lookahead: the selection below a field, inspected before any data is loaded.

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::MetaType;
use async_graphql::{Context, Name, OutputType};

use crate::store::access::column_projection::{ColumnProjection, ColumnSet};

/// A field name and the columns it reads, in addition to those that are always read.
pub type FieldColumns = (&'static str, &'static [&'static str]);

/// A type that declares which columns each of its fields reads.
pub trait ProjectedType: OutputType {
    /// The row from which the type is resolved.
    type Row: ColumnProjection;
    /// Columns that each field reads. For a field that is missing here, all columns are read: correct, but slower.
    const COLUMNS_BY_FIELD: &'static [FieldColumns];
}

/// The selection sets on a value, from all places of the query.
#[derive(Clone)]
pub struct Lookahead<'a> {
    ctx: &'a Context<'a>,
    selection_sets: Vec<&'a SelectionSet>,
}

impl<'a> Lookahead<'a> {
    /// Returns the selection below the field being resolved.
    #[must_use]
    pub fn new(ctx: &'a Context<'a>) -> Self {
        Self { ctx, selection_sets: vec![&ctx.item.node.selection_set.node] }
    }

    /// Returns the selection below a child field, in all fragments that apply to the type.
    #[must_use]
    pub fn child(&self, ty: &str, name: &str) -> Self {
        let mut sets = Vec::new();
        self.for_each_field(ty, &mut |field| {
            if field.name.node == name {
                sets.push(&field.selection_set.node);
            }
        });
        Self { ctx: self.ctx, selection_sets: sets }
    }

    /// Whether the field is selected.
    #[must_use]
    pub fn is_selected(&self) -> bool {
        !self.selection_sets.is_empty()
    }

    /// Whether any other field than these is selected.
    #[must_use]
    pub fn has_fields_except(&self, ty: &str, names: &[&str]) -> bool {
        let mut has_other = false;
        self.for_each_field(ty, &mut |field| has_other |= !names.contains(&field.name.node.as_str()));
        has_other
    }

    /// Returns the columns that the selected fields of a type read.
    #[must_use]
    pub fn columns<T: ProjectedType>(&self) -> ColumnSet {
        self.columns_from::<T::Row>(&T::type_name(), &[T::COLUMNS_BY_FIELD])
    }

    /// Returns the columns that the selected fields read, by these tables of fields.
    #[must_use]
    pub fn columns_from<C: ColumnProjection>(&self, ty: &str, tables: &[&[FieldColumns]]) -> ColumnSet {
        let mut selected = ColumnSet::NONE;
        self.for_each_field(ty, &mut |field| {
            let columns = tables.iter().copied().flatten().find(|(name, _)| field.name.node == *name);
            selected =
                selected.union(columns.map_or(ColumnSet::ALL, |(_, columns)| ColumnSet::from_names::<C>(columns)));
        });
        selected
    }

    /// Calls `visit` for each field selected on a type.
    fn for_each_field(&self, ty: &str, visit: &mut impl FnMut(&'a Field)) {
        self.selection_sets.iter().for_each(|set| self.visit_selections(set, ty, visit));
    }

    fn visit_selections(&self, set: &'a SelectionSet, ty: &str, visit: &mut impl FnMut(&'a Field)) {
        for selection in &set.items {
            let (condition, child) = match &selection.node {
                Selection::Field(field) => {
                    if field.node.name.node != "__typename" {
                        visit(&field.node);
                    }
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    (condition, &fragment.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.ctx.query_env.fragments.get(&spread.node.fragment_name.node) else {
                        continue;
                    };
                    (Some(&fragment.node.type_condition.node.on.node), &fragment.node.selection_set.node)
                }
            };
            if condition.is_none_or(|condition| self.may_apply(condition, ty)) {
                self.visit_selections(child, ty, visit);
            }
        }
    }

    /// Whether a fragment can apply to objects of a type: not if its condition is another object type.
    fn may_apply(&self, condition: &Name, ty: &str) -> bool {
        let types = &self.ctx.schema_env.registry.types;
        condition.as_str() == ty || !matches!(types.get(condition.as_str()), Some(MetaType::Object { .. }))
    }
}
