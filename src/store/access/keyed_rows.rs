//! Rows with the loader key they belong to.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{DbErr, FromQueryResult, QueryResult};

use crate::store::access::column_projection::{ColumnProjection, ColumnSet};
use crate::store::access::statement_batcher::ResultRow;

/// Row with the key it belongs to.
pub(crate) struct KeyedRow<T> {
    /// Key of the row, from the column `parent_key`.
    pub(crate) key: i64,
    /// Value of the other columns.
    pub(crate) value: T,
}

impl<T: FromQueryResult> FromQueryResult for KeyedRow<T> {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self { key: row.try_get(prefix, "parent_key")?, value: T::from_query_result(row, prefix)? })
    }
}

/// Decodes a row whose first column is its key.
pub(crate) fn decode_keyed<T: ColumnProjection>(row: &ResultRow, selected: ColumnSet) -> Result<(i64, Arc<T>), DbErr> {
    let mut columns = row.columns()?;
    Ok((columns.next_value()?, Arc::new(T::from_columns(&mut columns, selected)?)))
}

/// Groups rows by key, in order.
pub(crate) fn group_by_key<T>(rows: impl IntoIterator<Item = KeyedRow<T>>) -> HashMap<i64, Vec<T>> {
    let mut groups: HashMap<i64, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(row.key).or_default().push(row.value);
    }
    groups
}
