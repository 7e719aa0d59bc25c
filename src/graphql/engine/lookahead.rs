//! What a query selects below a field, looked at before anything is read.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::MetaType;
use async_graphql::{Context, Name, OutputType};

use crate::graphql::context::ContextExt as _;
use crate::store::access::column_projection::{ColumnProjection, ColumnSet};

/// The name of a field, and the columns that it reads beside those that are always read.
pub type FieldColumns = (&'static str, &'static [&'static str]);

/// A type whose fields tell what they read of its row.
pub trait ProjectedType: OutputType {
    /// Its row.
    type Row: ColumnProjection;
    /// What each field reads. A field that is not here is always right, at a price: all is read.
    const COLUMNS_BY_FIELD: &'static [FieldColumns];
}

/// What a query selects of something, in several places.
#[derive(Clone)]
pub struct Lookahead<'a> {
    ctx: &'a Context<'a>,
    selection_sets: Vec<&'a SelectionSet>,
}

impl<'a> Lookahead<'a> {
    /// What is selected below the field that is resolved.
    #[must_use]
    pub fn new(ctx: &'a Context<'a>) -> Self {
        Self { ctx, selection_sets: vec![&ctx.item.node.selection_set.node] }
    }

    /// What is selected below a field, in all places that are about this type or an interface.
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

    /// Whether any field is selected.
    #[must_use]
    pub fn is_selected(&self) -> bool {
        !self.selection_sets.is_empty()
    }

    /// Whether any field but these is selected.
    #[must_use]
    pub fn has_fields_except(&self, ty: &str, names: &[&str]) -> bool {
        let mut found = false;
        self.for_each_field(ty, &mut |field| found |= !names.contains(&field.name.node.as_str()));
        found
    }

    /// The columns that the selected fields of a type read.
    #[must_use]
    pub fn columns<T: ProjectedType>(&self) -> ColumnSet {
        self.columns_from::<T::Row>(&T::type_name(), &[T::COLUMNS_BY_FIELD])
    }

    /// The columns that the selected fields of a type read by these tables.
    #[must_use]
    pub fn columns_from<C: ColumnProjection>(&self, ty: &str, tables: &[&[FieldColumns]]) -> ColumnSet {
        let mut selected = ColumnSet::NONE;
        self.for_each_field(ty, &mut |field| {
            let known = tables.iter().copied().flatten().find(|(name, _)| field.name.node == *name);
            selected = selected.union(known.map_or(ColumnSet::ALL, |(_, columns)| ColumnSet::from_names::<C>(columns)));
        });
        selected
    }

    /// Each field that is selected of an object of a type.
    fn for_each_field(&self, ty: &str, seen: &mut impl FnMut(&'a Field)) {
        self.selection_sets.iter().for_each(|set| self.visit_selections(set, ty, seen));
    }

    fn visit_selections(&self, set: &'a SelectionSet, ty: &str, seen: &mut impl FnMut(&'a Field)) {
        for selection in &set.items {
            let (condition, below) = match &selection.node {
                Selection::Field(field) => {
                    if field.node.name.node != "__typename" {
                        seen(&field.node);
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
                self.visit_selections(below, ty, seen);
            }
        }
    }

    /// Whether an object of a type may be what a fragment is about: not where that is another type of object.
    fn may_apply(&self, condition: &Name, ty: &str) -> bool {
        let types = &self.ctx.schema_env.registry.types;
        condition.as_str() == ty || !matches!(types.get(condition.as_str()), Some(MetaType::Object { .. }))
    }
}

struct SelectedColumns<T>(ColumnSet, PhantomData<fn() -> T>);

/// The columns that a query reads of what the field that is resolved gives.
#[must_use]
pub fn selected_columns<T: ProjectedType + 'static>(ctx: &Context<'_>) -> ColumnSet {
    let found = ctx.field_memo().get_or_try_init(ctx, || {
        Ok::<_, Infallible>(SelectedColumns::<T>(Lookahead::new(ctx).columns::<T>(), PhantomData))
    });
    found.map_or(ColumnSet::ALL, |found| found.0)
}

/// What was found out about one request: it is the same wherever a field is resolved.
pub struct FieldMemo {
    /// Whether a field is asked for twice somewhere, for objects whose fields come together.
    pub has_merged_objects: bool,
    entries: Mutex<HashMap<(usize, TypeId), Arc<dyn Any + Send + Sync>>>,
}

impl FieldMemo {
    /// Nothing but this.
    #[must_use]
    pub fn new(has_merged_objects: bool) -> Self {
        Self { has_merged_objects, entries: Mutex::default() }
    }

    /// What is known of the field that is resolved, found out where it is not known.
    ///
    /// # Errors
    /// Those of finding out.
    pub fn get_or_try_init<T: Send + Sync + 'static, E>(
        &self,
        ctx: &Context<'_>,
        find_out: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        // A field of the document stays where it is as long as the request is answered.
        let key = (std::ptr::from_ref(ctx.item).addr(), TypeId::of::<T>());
        let known = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known.and_then(|known| known.downcast().ok()) {
            return Ok(known);
        }
        let found = Arc::new(find_out()?);
        if let Entry::Vacant(place) = self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(key) {
            place.insert(Arc::clone(&found) as Arc<dyn Any + Send + Sync>);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::connection::ConnectionType;
    use crate::graphql::types::affiliation::Affiliation;
    use crate::graphql::types::authorship::Authorship;
    use crate::graphql::types::organization::Organization;
    use crate::graphql::types::paper::Paper;
    use crate::graphql::types::researcher::Researcher;
    use crate::graphql::types::topic::Topic;
    use crate::store::reader::coauthorship::{CoauthorEdge, Coauthors};

    fn assert_all_are_columns<C: ColumnProjection>(fields: &[FieldColumns]) {
        for (field, columns) in fields {
            assert_ne!(
                ColumnSet::from_names::<C>(columns),
                ColumnSet::ALL,
                "{field} reads {columns:?}, one of which is no column"
            );
        }
    }

    #[test]
    fn fields_name_existing_columns() {
        assert_all_are_columns::<<Researcher as ProjectedType>::Row>(Researcher::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Organization as ProjectedType>::Row>(Organization::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Topic as ProjectedType>::Row>(Topic::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Paper as ProjectedType>::Row>(Paper::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Affiliation as ProjectedType>::Row>(Affiliation::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Authorship as ProjectedType>::Row>(Authorship::COLUMNS_BY_FIELD);
        assert_all_are_columns::<CoauthorEdge>(Coauthors::COLUMNS_BY_EDGE_FIELD);
    }
}
