//! The columns that a query reads of the value of a field, memoized for the request.

use std::convert::Infallible;
use std::marker::PhantomData;

use async_graphql::Context;

use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::lookahead::{Lookahead, ProjectedType};
use crate::store::access::column_projection::ColumnSet;

struct SelectedColumns<T>(ColumnSet, PhantomData<fn() -> T>);

/// Returns the columns that the query reads of the value of the field being resolved.
#[must_use]
pub fn selected_columns<T: ProjectedType + 'static>(ctx: &Context<'_>) -> ColumnSet {
    let columns = ctx.field_memo().get_or_try_init(ctx, || {
        Ok::<_, Infallible>(SelectedColumns::<T>(Lookahead::new(ctx).columns::<T>(), PhantomData))
    });
    columns.map_or(ColumnSet::ALL, |columns| columns.0)
}
