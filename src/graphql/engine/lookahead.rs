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

use crate::graphql::context::State as _;
use crate::store::access::column_projection::{Columns, Selected};

/// The name of a field, and the columns that it reads beside those that are always read.
pub type FieldReads = (&'static str, &'static [&'static str]);

/// A type whose fields tell what they read of its row.
pub trait Reads: OutputType {
    /// Its row.
    type Row: Columns;
    /// What each field reads. A field that is not here is always right, at a price: all is read.
    const FIELDS: &'static [FieldReads];
}

/// What a query selects of something, in several places.
#[derive(Clone)]
pub struct Selections<'a> {
    ctx: &'a Context<'a>,
    sets: Vec<&'a SelectionSet>,
}

impl<'a> Selections<'a> {
    /// What is selected below the field that is resolved.
    #[must_use]
    pub fn of(ctx: &'a Context<'a>) -> Self {
        Self { ctx, sets: vec![&ctx.item.node.selection_set.node] }
    }

    /// What is selected below a field, in all places that are about this type or an interface.
    #[must_use]
    pub fn below(&self, ty: &str, name: &str) -> Self {
        let mut sets = Vec::new();
        self.each(ty, &mut |field| {
            if field.name.node == name {
                sets.push(&field.selection_set.node);
            }
        });
        Self { ctx: self.ctx, sets }
    }

    /// Whether any field is selected.
    #[must_use]
    pub fn is_any(&self) -> bool {
        !self.sets.is_empty()
    }

    /// Whether any field but these is selected.
    #[must_use]
    pub fn has_others(&self, ty: &str, names: &[&str]) -> bool {
        let mut found = false;
        self.each(ty, &mut |field| found |= !names.contains(&field.name.node.as_str()));
        found
    }

    /// The columns that the selected fields of a type read.
    #[must_use]
    pub fn columns<T: Reads>(&self) -> Selected {
        self.columns_by::<T::Row>(&T::type_name(), &[T::FIELDS])
    }

    /// The columns that the selected fields of a type read by these tables.
    #[must_use]
    pub fn columns_by<C: Columns>(&self, ty: &str, tables: &[&[FieldReads]]) -> Selected {
        let mut selected = Selected::NONE;
        self.each(ty, &mut |field| {
            let known = tables.iter().copied().flatten().find(|(name, _)| field.name.node == *name);
            selected = selected.or(known.map_or(Selected::ALL, |(_, columns)| Selected::of::<C>(columns)));
        });
        selected
    }

    /// Each field that is selected of an object of a type.
    fn each(&self, ty: &str, seen: &mut impl FnMut(&'a Field)) {
        self.sets.iter().for_each(|set| self.each_of(set, ty, seen));
    }

    fn each_of(&self, set: &'a SelectionSet, ty: &str, seen: &mut impl FnMut(&'a Field)) {
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
            if condition.is_none_or(|condition| self.may_be(condition, ty)) {
                self.each_of(below, ty, seen);
            }
        }
    }

    /// Whether an object of a type may be what a fragment is about: not where that is another type of object.
    fn may_be(&self, condition: &Name, ty: &str) -> bool {
        let types = &self.ctx.schema_env.registry.types;
        condition.as_str() == ty || !matches!(types.get(condition.as_str()), Some(MetaType::Object { .. }))
    }
}

struct ColumnsOf<T>(Selected, PhantomData<fn() -> T>);

/// The columns that a query reads of what the field that is resolved gives.
#[must_use]
pub fn columns_of<T: Reads + 'static>(ctx: &Context<'_>) -> Selected {
    let found =
        ctx.known().of(ctx, || Ok::<_, Infallible>(ColumnsOf::<T>(Selections::of(ctx).columns::<T>(), PhantomData)));
    found.map_or(Selected::ALL, |found| found.0)
}

/// What was found out about one request: it is the same wherever a field is resolved.
pub struct Known {
    /// Whether a field is asked for twice somewhere, for objects whose fields come together.
    pub asks_twice: bool,
    of_fields: Mutex<HashMap<(usize, TypeId), Arc<dyn Any + Send + Sync>>>,
}

impl Known {
    /// Nothing but this.
    #[must_use]
    pub fn new(asks_twice: bool) -> Self {
        Self { asks_twice, of_fields: Mutex::default() }
    }

    /// What is known of the field that is resolved, found out where it is not known.
    ///
    /// # Errors
    /// Those of finding out.
    pub fn of<T: Send + Sync + 'static, E>(
        &self,
        ctx: &Context<'_>,
        find_out: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        // A field of the document stays where it is as long as the request is answered.
        let key = (std::ptr::from_ref(ctx.item).addr(), TypeId::of::<T>());
        let known = self.of_fields.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known.and_then(|known| known.downcast().ok()) {
            return Ok(known);
        }
        let found = Arc::new(find_out()?);
        if let Entry::Vacant(place) = self.of_fields.lock().unwrap_or_else(PoisonError::into_inner).entry(key) {
            place.insert(Arc::clone(&found) as Arc<dyn Any + Send + Sync>);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::connection::Shown;
    use crate::graphql::types::affiliation::Affiliation;
    use crate::graphql::types::authorship::Authorship;
    use crate::graphql::types::organization::Organization;
    use crate::graphql::types::paper::Paper;
    use crate::graphql::types::researcher::Researcher;
    use crate::graphql::types::topic::Topic;
    use crate::store::reader::coauthorship::{CoauthorEdge, Coauthors};

    fn all_are_columns<C: Columns>(fields: &[FieldReads]) {
        for (field, columns) in fields {
            assert_ne!(
                Selected::of::<C>(columns),
                Selected::ALL,
                "{field} reads {columns:?}, one of which is no column"
            );
        }
    }

    #[test]
    fn what_fields_read_are_columns() {
        all_are_columns::<<Researcher as Reads>::Row>(Researcher::FIELDS);
        all_are_columns::<<Organization as Reads>::Row>(Organization::FIELDS);
        all_are_columns::<<Topic as Reads>::Row>(Topic::FIELDS);
        all_are_columns::<<Paper as Reads>::Row>(Paper::FIELDS);
        all_are_columns::<<Affiliation as Reads>::Row>(Affiliation::FIELDS);
        all_are_columns::<<Authorship as Reads>::Row>(Authorship::FIELDS);
        all_are_columns::<CoauthorEdge>(Coauthors::FIELDS);
    }
}
