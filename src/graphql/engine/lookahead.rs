//! Lookahead: the selection below a field, inspected before any data is loaded.

use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::{Context, OutputType};

use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::execution_document::fields_of;
use crate::store::access::column_projection::{ColumnProjection, ColumnSet};

/// A type that is resolved from a row. Its fields declare which columns they read, by the directive `reads`.
pub trait ProjectedType: OutputType {
    /// The row.
    type Row: ColumnProjection;
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
        self.columns_from::<T::Row>(&T::type_name())
    }

    /// Returns the columns of a row that the selected fields of a type read.
    #[must_use]
    pub fn columns_from<C: ColumnProjection>(&self, ty: &str) -> ColumnSet {
        let schema_index = self.ctx.schema_index();
        let mut selected = ColumnSet::NONE;
        self.for_each_field(ty, &mut |field| {
            let columns = schema_index.field(ty, &field.name.node).and_then(|field| field.columns.as_deref());
            selected = selected.union(columns.map_or(ColumnSet::ALL, ColumnSet::from_names::<C>));
        });
        selected
    }

    /// Calls `visit` for each field selected on a type.
    fn for_each_field(&self, ty: &str, visit: &mut impl FnMut(&'a Field)) {
        let fields = self.selection_sets.iter().flat_map(|set| fields_of(set, Some(ty)));
        fields.map(|field| &field.node).filter(|field| field.name.node != "__typename").for_each(visit);
    }
}
