//! Paginated lists: one SQL query per nesting level, regardless of the number of parents.
//!
//! A [`List`] defines the source of its rows, their filter and sort keys. This module builds the query of a page (the
//! first or last rows of a key range, for each parent) and of the total count.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::Datelike as _;
use futures_util::future::try_join_all;
use sea_orm::sea_query::Value;
use sea_orm::{DbErr, FromQueryResult};

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnCursor, ColumnProjection, ColumnSet};
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::access::statement_batcher;
use crate::store::reader::cursor::{Cursor, PageDirection, PageRequest};
use crate::store::reader::fingerprint::CanonicalForm;

/// Sort direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortDirection {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Sort key of a list. Never null. The last key of a list is unique, so that the order is total.
pub struct SortKey {
    expression: Sql,
    value_type: SortKeyType,
    is_index_end: bool,
}

/// Type of a sort key's values in a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKeyType {
    /// `bigint`
    Integer,
    /// `text`
    Text,
    /// `boolean`
    Boolean,
    /// `date`
    Date,
    /// `timestamptz`
    Timestamp,
}

impl SortKey {
    pub(crate) fn new(expression: impl Into<Sql>, value_type: SortKeyType) -> Self {
        Self { expression: expression.into(), value_type, is_index_end: false }
    }

    /// Type of the values.
    #[cfg(test)]
    pub(crate) fn value_type(&self) -> SortKeyType {
        self.value_type
    }

    /// Marks the last key that an index covers, because the next keys are in another table. Rows are read from the
    /// cursor's value of this key on, and rows with equal values are sorted.
    pub(crate) fn ending_index(self) -> Self {
        Self { is_index_end: true, ..self }
    }
}

impl SortKeyType {
    fn placeholder(self) -> &'static str {
        match self {
            Self::Integer => "?::bigint",
            Self::Text => "?::text",
            Self::Boolean => "?::text::boolean",
            Self::Date => "?::text::date",
            Self::Timestamp => "?::timestamptz",
        }
    }

    /// Parses a cursor's value as a query parameter. Returns `None` if the value is not valid.
    fn parse_value(self, text: &str) -> Option<Value> {
        let years = 1..=9999; // Postgres rejects some years that chrono accepts
        let is_valid = match self {
            Self::Integer => return text.parse::<i64>().ok().map(Value::from),
            Self::Text => !text.contains('\0'),
            Self::Boolean => text == "true" || text == "false",
            Self::Date => {
                let date = text.parse::<chrono::NaiveDate>().ok().filter(|date| years.contains(&date.year()));
                matches!(text, "infinity" | "-infinity") || date.is_some_and(|date| date.to_string() == text)
            }
            Self::Timestamp => {
                let timestamp = chrono::DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?.to_utc();
                return years.contains(&timestamp.year()).then(|| Value::from(timestamp));
            }
        };
        is_valid.then(|| Value::from(text))
    }
}

/// Rows of a list: tables, conditions and order.
pub struct ListSource {
    /// Alias of the table with the node's columns.
    pub(crate) node_alias: &'static str,
    /// Returns the SQL select list of the selected edge columns.
    pub(crate) edge_columns: fn(ColumnSet) -> String,
    /// Tables of the FROM clause; `parent.key` and `parent.other` are the parent's ids.
    pub(crate) from: Sql,
    /// Conditions on the rows.
    pub(crate) conditions: Vec<Sql>,
    /// Sort keys, all in one direction.
    pub(crate) sort_keys: Vec<SortKey>,
    /// Sort direction.
    pub(crate) direction: SortDirection,
}

/// Disjoint partitions of a list, each of which an index has in order although none has the whole list.
pub struct MergePartitions {
    /// FROM item with a row for each partition.
    pub(crate) partitions: Sql,
    /// Join from the source's tables to the sort key of the partition.
    pub(crate) join: Sql,
    /// Condition on the rows of the partition.
    pub(crate) condition: Sql,
}

/// Two sources of the same rows, for a list whose size the planner cannot know.
pub struct SizedSource {
    /// Condition, independent of the rows, that the list is small.
    pub(crate) is_small: Sql,
    /// Source that finds all rows of a small list, to sort them.
    pub(crate) small: ListSource,
    /// Source that reads rows in the order of the list, and checks each.
    pub(crate) large: ListSource,
}

/// List with its arguments, without page and parent.
pub trait List: Clone + Debug + CanonicalForm + Eq + Hash + Send + Sync + 'static {
    /// Listed entity.
    type Node: ColumnProjection + Send + Sync + 'static;
    /// Attributes of a row besides the node.
    type Edge: ColumnProjection + Clone + Send + Sync + 'static;

    /// Name of the page query in traces.
    const PAGE_QUERY: &'static str;
    /// Name of the count query in traces.
    const COUNT_QUERY: &'static str;

    /// Returns the type of the parents if they can be merged with others: they are researchers or organizations. `None` for
    /// other parents, and without any.
    fn mergeable_parent(&self) -> Option<EntityType>;

    /// Returns the source of the rows.
    fn source(&self, store: &Store) -> ListSource;

    /// Returns whether the page of this many parents is fast, because an index has the rows in order or they are few.
    /// Only then may it share a statement with others.
    fn is_batchable(&self, _parents: usize) -> bool {
        false
    }

    /// Returns the partitions to merge, or `None` if one index has the order. Only sort keys may refer to tables joined
    /// by the partitions, so that counts do without them.
    fn merge_partitions(&self) -> Option<MergePartitions> {
        None
    }

    /// Returns the sources of pages if they depend on the size of the list; `None` if the planner chooses. A list has
    /// this or partitions to merge.
    fn sized_source(&self, _store: &Store) -> Option<SizedSource> {
        None
    }
}

/// Edge without attributes.
#[derive(Clone, Copy, Debug)]
pub struct NoEdge;

/// Returns the empty select list of [`NoEdge`].
pub(crate) fn no_edge_columns(_: ColumnSet) -> String {
    String::new()
}

impl ColumnProjection for NoEdge {
    const OPTIONAL_COLUMNS: &'static [&'static str] = &[];

    fn select_list(_: &str, _: ColumnSet) -> String {
        String::new()
    }

    fn from_columns(_: &mut ColumnCursor<'_>, _: ColumnSet) -> Result<Self, DbErr> {
        Ok(Self)
    }
}

/// Parent of a list: none, one entity, or two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ParentKey {
    /// Id of the parent.
    pub primary: i64,
    /// Id of the second parent; 0 if there is none.
    pub secondary: i64,
}

impl ParentKey {
    /// Returns a single parent.
    #[must_use]
    pub fn new(primary: i64) -> Self {
        Self { primary, secondary: 0 }
    }

    /// Returns the parent with other ids; see [`LoaderKey::with_ids`].
    pub(crate) fn with_ids(self, kind: EntityType, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Self {
        let secondary = if self.secondary == 0 { 0 } else { id_of(kind, self.secondary) };
        Self { primary: id_of(kind, self.primary), secondary }
    }
}

/// Loader key of a page of a parent's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageKey<L> {
    /// Parent of the list.
    pub parent: ParentKey,
    /// List.
    pub list: Arc<L>,
    /// Requested page.
    pub page: Arc<PageRequest>,
    /// Columns to read.
    pub columns: PageColumns,
}

/// Hashes the parent only: a query has few pages of different lists per parent, and hashing a filter is slow.
impl<L> Hash for PageKey<L> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parent.hash(state);
    }
}

/// Columns to read for the rows of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageColumns {
    /// Whether to read the sort keys, from which cursors are built.
    pub cursor_keys: bool,
    /// Edge columns; `None` if the edge is not needed.
    pub edge: Option<ColumnSet>,
    /// Node columns.
    pub node: ColumnSet,
    /// Whether to read one row more, to determine whether another page follows.
    pub has_more: bool,
}

impl PageColumns {
    /// All columns.
    #[cfg(test)]
    pub const ALL: Self = Self { cursor_keys: true, edge: Some(ColumnSet::ALL), node: ColumnSet::ALL, has_more: true };

    /// Returns the union of both selections.
    fn union(self, other: Self) -> Self {
        Self {
            cursor_keys: self.cursor_keys || other.cursor_keys,
            edge: self.edge.map(|edge| edge.union(other.edge.unwrap_or_default())).or(other.edge),
            node: self.node.union(other.node),
            has_more: self.has_more || other.has_more,
        }
    }
}

/// Loader key of the total count of a parent's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListCountKey<L> {
    /// Parent of the list.
    pub parent: ParentKey,
    /// List.
    pub list: Arc<L>,
}

/// Row of a list.
pub struct ListRow<L: List> {
    /// Values of the sort keys, as text; empty if they were not requested.
    pub cursor_keys: Vec<String>,
    /// Listed entity.
    pub node: Arc<L::Node>,
    /// Edge attributes; `None` if they were not requested.
    pub edge: Option<L::Edge>,
}

/// Page of a list, in list order.
pub struct ListPage<L: List> {
    /// Rows, at most as many as the page size.
    pub rows: Vec<ListRow<L>>,
    /// Whether more rows follow in the direction of reading; `false` if it was not requested.
    pub has_more: bool,
}

/// Decodes a row and its parent. A parent that no longer exists has one row, which is empty.
fn decode_list_row<L: List>(
    row: &statement_batcher::ResultRow,
    columns: PageColumns,
    has_mergeable_parent: bool,
) -> Result<(ParentKey, Option<ListRow<L>>), DbErr> {
    let mut cursor = row.columns()?;
    let parent = ParentKey { primary: cursor.next_value()?, secondary: cursor.next_value()? };
    if has_mergeable_parent && cursor.next_value::<Option<bool>>()?.is_none() {
        return Ok((parent, None));
    }
    let keys = if columns.cursor_keys { cursor.next_value()? } else { Vec::new() };
    let node = Arc::new(L::Node::from_columns(&mut cursor, columns.node)?);
    let edge = columns.edge.map(|selected| L::Edge::from_columns(&mut cursor, selected)).transpose()?;
    Ok((parent, Some(ListRow { cursor_keys: keys, node, edge })))
}

#[derive(FromQueryResult)]
struct ListCountRow {
    parent_key: i64,
    parent_other: i64,
    count: i64,
}

/// Returns `FROM … AS parent(key, other)` in the cheapest form for these parents.
fn parents_sql(parents: &[ParentKey]) -> Sql {
    let keys = || bigint_array(parents.iter().map(|parent| parent.primary));
    let is_by_key_alone = parents.iter().all(|parent| parent.secondary == 0);
    match parents {
        [parent] if is_by_key_alone => {
            sql!(" FROM (SELECT ?::bigint AS key, 0::bigint AS other) AS parent ", parent.primary)
        }
        [parent] => {
            sql!(" FROM (SELECT ?::bigint AS key, ?::bigint AS other) AS parent ", parent.primary, parent.secondary)
        }
        _ if is_by_key_alone => {
            sql!(" FROM (SELECT key, 0::bigint AS other FROM unnest(?::bigint[]) AS each(key)) AS parent ", keys())
        }
        _ => sql!(
            " FROM unnest(?::bigint[], ?::bigint[]) AS parent(key, other) ",
            keys(),
            bigint_array(parents.iter().map(|parent| parent.secondary)),
        ),
    }
}

/// Returns the keyset condition for rows on one side of a cursor: a row comparison, which is an index range over the
/// sort keys.
fn seek_predicate(keys: &[SortKey], cursor: &Cursor, comparison: &'static str) -> Result<Sql, Error> {
    let invalid_cursor = || Error::BadUserInput("the cursor is not valid; start again without it".to_owned());
    if cursor.keys.len() != keys.len() {
        return Err(invalid_cursor());
    }
    let mut left = sql!("ROW(");
    let mut right = sql!(") ").then(comparison).then(" ROW(");
    let mut range = Sql::default();
    for (index, (key, text)) in keys.iter().zip(&cursor.keys).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let value = key.value_type.parse_value(text).ok_or_else(invalid_cursor)?;
        if index == 0 && key.is_index_end {
            let bound = sql!(" ").then(comparison).then("= ").then_with(key.value_type.placeholder(), value.clone());
            range = key.expression.clone().then(bound).then(" AND ");
        }
        left = left.then(comma).then(key.expression.clone());
        right = right.then(comma).then_with(key.value_type.placeholder(), value);
    }
    Ok(range.then(left).then(right).then(")"))
}

/// Returns the query of a page, except for lists with two plans.
pub(crate) fn page_sql<L: List>(
    list: &L,
    store: &Store,
    parents: &[ParentKey],
    page: &PageRequest,
    selection: PageColumns,
) -> Result<Sql, Error> {
    let source = list.source(store);
    let select = select_sql(list.mergeable_parent());
    let rows = match list.merge_partitions() {
        None => rows_sql::<L::Node>(select, source, page, selection, false)?,
        // Reads up to a whole page from each partition, so that the final sort has few rows.
        Some(merge) => {
            let order = part_order_sql(&source, page);
            let source = ListSource {
                from: source.from.then(merge.join),
                conditions: source.conditions.into_iter().chain([merge.condition]).collect(),
                ..source
            };
            Sql::from(select)
                .then("part.* FROM ")
                .then(merge.partitions)
                .then(" CROSS JOIN LATERAL (")
                .then(rows_sql::<L::Node>("SELECT ", source, page, selection, true)?)
                .then(") AS part")
                .then(order)
                .then(limit_sql(page, selection))
        }
    };
    Ok(for_each_parent(list.mergeable_parent(), parents, rows))
}

/// Returns the query of a page of a list with two plans, of which Postgres executes one: the condition that chooses does
/// not depend on the rows.
fn sized_page_sql<N: ColumnProjection>(
    mut sized: SizedSource,
    mergeable_parent: Option<EntityType>,
    parents: &[ParentKey],
    page: &PageRequest,
    selection: PageColumns,
) -> Result<Sql, Error> {
    let order = part_order_sql(&sized.small, page);
    sized.small.conditions.push(sized.is_small.clone());
    sized.large.conditions.push(Sql::not(sized.is_small));
    let rows = Sql::from(select_sql(mergeable_parent))
        .then("part.* FROM ((")
        .then(rows_sql::<N>("SELECT ", sized.small, page, selection, true)?)
        .then(") UNION ALL (")
        .then(rows_sql::<N>("SELECT ", sized.large, page, selection, true)?)
        .then(")) AS part")
        .then(order)
        .then(limit_sql(page, selection));
    Ok(for_each_parent(mergeable_parent, parents, rows))
}

/// Returns `ASC` or `DESC`: the order of the list, or the reverse for a page that is read backwards.
fn direction_sql(direction: SortDirection, page: &PageRequest) -> &'static str {
    let is_forward = page.direction == PageDirection::Forward;
    if is_forward == (direction == SortDirection::Ascending) { " ASC" } else { " DESC" }
}

fn limit_sql(page: &PageRequest, selection: PageColumns) -> Sql {
    sql!(" LIMIT ?", i64::from(page.size) + i64::from(selection.has_more))
}

/// Returns the order of rows of `part`, which [`rows_sql`] selected with their keys.
fn part_order_sql(source: &ListSource, page: &PageRequest) -> Sql {
    let direction = direction_sql(source.direction, page);
    let keys = (0..source.sort_keys.len()).map(|index| format!("part.key_{index}{direction}"));
    Sql::from(format!(" ORDER BY {}", keys.collect::<Vec<_>>().join(", ")))
}

/// Returns the query of the rows of a page, if requested with the sort keys as `key_0`, `key_1`, …
fn rows_sql<N: ColumnProjection>(
    select: &'static str,
    source: ListSource,
    page: &PageRequest,
    selection: PageColumns,
    selects_part_keys: bool,
) -> Result<Sql, Error> {
    let (after, before) = if source.direction == SortDirection::Ascending { (">", "<") } else { ("<", ">") };
    let mut conditions = source.conditions;
    if let Some(cursor) = &page.after {
        conditions.push(seek_predicate(&source.sort_keys, cursor, after)?);
    }
    if let Some(cursor) = &page.before {
        conditions.push(seek_predicate(&source.sort_keys, cursor, before)?);
    }
    let sort_direction = direction_sql(source.direction, page);
    let mut cursor_keys = Sql::from(select).then("ARRAY[");
    let mut order = sql!(" ORDER BY ");
    let mut part_keys = Sql::default();
    for (index, key) in source.sort_keys.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        cursor_keys = cursor_keys.then(comma).then("(").then(key.expression.clone()).then(")::text");
        order = order.then(comma).then(key.expression.clone()).then(sort_direction);
        if selects_part_keys {
            part_keys = part_keys.then(", ").then(key.expression.clone()).then(format!(" AS key_{index}"));
        }
    }
    let cursor_keys = if selection.cursor_keys { cursor_keys.then("] AS cursor_keys, ") } else { select.into() };
    let columns = cursor_keys.then(N::select_list(source.node_alias, selection.node));
    let edge = selection.edge.map(source.edge_columns).unwrap_or_default();
    let columns = if edge.is_empty() { columns } else { columns.then(", ").then(edge) };
    Ok(columns
        .then(part_keys)
        .then(" FROM ")
        .then(source.from)
        .then(" WHERE ")
        .then(Sql::all(conditions))
        .then(order)
        .then(limit_sql(page, selection)))
}

/// Returns the condition that a parent is no longer in its table: it was merged or deleted since its id was read.
pub(crate) fn parent_is_gone(kind: EntityType) -> String {
    let [primary, secondary] = ["parent.key", "parent.other"].map(|id| is_gone(kind, id));
    // No second parent is 0.
    format!("({primary} OR parent.other <> 0 AND {secondary})")
}

/// Returns the condition that no entity has this id. The planner cannot read the whole table for it, as it would for an
/// `EXISTS`.
pub(crate) fn is_gone(kind: EntityType, id: &str) -> String {
    let table = kind.table();
    format!("(SELECT true FROM {table} WHERE {table}.id = {id}) IS NULL")
}

/// Returns the beginning of the query of rows for [`for_each_parent`].
fn select_sql(mergeable_parent: Option<EntityType>) -> &'static str {
    if mergeable_parent.is_some() { "SELECT true AS found, " } else { "SELECT " }
}

/// Returns the query of the rows of each parent. Those of parents that can be merged begin with `found`, and a parent that is
/// gone has a row without it. The table of the parents is read for parents without rows only.
fn for_each_parent(mergeable_parent: Option<EntityType>, parents: &[ParentKey], rows: Sql) -> Sql {
    let each =
        sql!("SELECT parent.key AS parent_key, parent.other AS parent_other, entry.*").then(parents_sql(parents));
    let Some(kind) = mergeable_parent else {
        return each.then("CROSS JOIN LATERAL (").then(rows).then(") AS entry");
    };
    each.then("LEFT JOIN LATERAL (")
        .then(rows)
        .then(") AS entry ON true WHERE entry.found OR ")
        .then(parent_is_gone(kind))
}

/// Returns the query of the counts of each parent, without those of parents that are gone.
fn count_sql(mergeable_parent: Option<EntityType>, source: ListSource, parents: &[ParentKey]) -> Sql {
    let count = sql!("(SELECT count(*) AS count FROM ")
        .then(source.from)
        .then(" WHERE ")
        .then(Sql::all(source.conditions))
        .then(") AS counted");
    let counts = sql!("SELECT parent.key AS parent_key, parent.other AS parent_other, counted.count")
        .then(parents_sql(parents))
        .then("CROSS JOIN LATERAL ")
        .then(count);
    match mergeable_parent {
        Some(kind) => counts.then(format!(" WHERE counted.count > 0 OR NOT {}", parent_is_gone(kind))),
        None => counts,
    }
}

impl Store {
    async fn load_pages<L: List>(
        &self,
        list: &L,
        page: &PageRequest,
        columns: PageColumns,
        parents: &[ParentKey],
    ) -> Result<HashMap<ParentKey, Arc<ListPage<L>>>, Error> {
        let sql = match list.sized_source(self) {
            Some(sized) => sized_page_sql::<L::Node>(sized, list.mergeable_parent(), parents, page, columns)?,
            None => page_sql(list, self, parents, page, columns)?,
        };
        let mut lists: HashMap<ParentKey, Vec<ListRow<L>>> =
            parents.iter().map(|parent| (*parent, Vec::new())).collect();
        let loader = PageKey::<L>::NAME;
        let results = if list.is_batchable(parents.len()) {
            self.query_batched(loader, sql).await?
        } else {
            self.query_rows(loader, sql).await?
        };
        for result in &results {
            match decode_list_row(result, columns, list.mergeable_parent().is_some())? {
                (parent, Some(row)) => lists.entry(parent).or_default().push(row),
                (parent, None) => drop(lists.remove(&parent)),
            }
        }
        let size = page.size as usize;
        let pages = lists.into_iter().map(|(parent, mut rows)| {
            let has_more = rows.len() > size;
            rows.truncate(size);
            if page.direction == PageDirection::Backward {
                rows.reverse();
            }
            (parent, Arc::new(ListPage { rows, has_more }))
        });
        Ok(pages.collect())
    }

    async fn load_counts<L: List>(&self, list: &L, parents: &[ParentKey]) -> Result<HashMap<ParentKey, i64>, Error> {
        let sql = count_sql(list.mergeable_parent(), list.source(self), parents);
        let rows = self.query_all::<ListCountRow>(ListCountKey::<L>::NAME, sql).await?;
        let counts =
            rows.into_iter().map(|row| (ParentKey { primary: row.parent_key, secondary: row.parent_other }, row.count));
        Ok(counts.collect())
    }
}

impl<L: List> LoaderKey for PageKey<L> {
    const NAME: &'static str = L::PAGE_QUERY;

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        let kind = self.list.mergeable_parent()?;
        Some(Self { parent: self.parent.with_ids(kind, id_of), ..self.clone() })
    }
}

impl<L: List> LoaderKey for ListCountKey<L> {
    const NAME: &'static str = L::COUNT_QUERY;

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        let kind = self.list.mergeable_parent()?;
        Some(Self { parent: self.parent.with_ids(kind, id_of), ..self.clone() })
    }
}

impl<L: List> Loader<PageKey<L>> for Store {
    type Value = Arc<ListPage<L>>;

    async fn load(&self, keys: &[PageKey<L>]) -> Result<HashMap<PageKey<L>, Self::Value>, Error> {
        let mut lists: HashMap<_, Vec<&PageKey<L>>> = HashMap::new();
        for key in keys {
            lists.entry((&*key.list, &*key.page)).or_default().push(key);
        }
        let pages = try_join_all(lists.into_iter().map(async |((list, page), keys)| {
            // One page can be requested several times, with different columns.
            let columns = keys.iter().fold(PageColumns::default(), |columns, key| columns.union(key.columns));
            let parents: HashSet<ParentKey> = keys.iter().map(|key| key.parent).collect();
            let rows = self.load_pages(list, page, columns, &parents.into_iter().collect::<Vec<_>>()).await?;
            let pages_by_key =
                keys.into_iter().filter_map(|key| Some((key.clone(), Arc::clone(rows.get(&key.parent)?))));
            Ok::<_, Error>(pages_by_key.collect::<Vec<_>>())
        }));
        Ok(pages.await?.into_iter().flatten().collect())
    }
}

impl<L: List> Loader<ListCountKey<L>> for Store {
    type Value = i64;

    async fn load(&self, keys: &[ListCountKey<L>]) -> Result<HashMap<ListCountKey<L>, i64>, Error> {
        let mut lists: HashMap<&Arc<L>, Vec<ParentKey>> = HashMap::new();
        for key in keys {
            lists.entry(&key.list).or_default().push(key.parent);
        }
        let counts = try_join_all(lists.into_iter().map(async |(list, parents)| {
            let counts = self.load_counts(&**list, &parents).await?;
            Ok::<_, Error>(
                counts.into_iter().map(|(parent, count)| (ListCountKey { parent, list: Arc::clone(list) }, count)),
            )
        }));
        Ok(counts.await?.into_iter().flatten().collect())
    }
}
