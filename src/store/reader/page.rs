//! Paged lists: one statement per level of a query, whatever the number of parents.
//!
//! A list says where its rows come from, which of them belong to it, and by which keys they are ordered. From that
//! this file makes the page (the first or last rows of a range of the keys, for each parent) and the count.

use std::any::type_name;
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::Datelike as _;
use futures_util::future::try_join_all;
use sea_orm::sea_query::Value;
use sea_orm::{DbErr, FromQueryResult};

use crate::error::Error;
use crate::store::Store;
use crate::store::access::column_projection::{Columns, Places, Selected};
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::access::statement_batcher;
use crate::store::reader::cursor::{Cursor, Direction, Page};
use crate::store::reader::fingerprint::Describe;

/// Which way a list is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderDirection {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// One thing by which rows are ordered. Never null; the last key of a list is an id, so that orders are total.
pub struct Key {
    expression: Sql,
    kind: KeyKind,
    is_last_of_index: bool,
}

/// What a key's values are, as cursors carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
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

impl Key {
    pub(crate) fn new(expression: impl Into<Sql>, kind: KeyKind) -> Self {
        Self { expression: expression.into(), kind, is_last_of_index: false }
    }

    /// What its values are.
    #[cfg(test)]
    pub(crate) fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Where the keys that follow are of another table, so that no index has all of them: rows are then read from the
    /// cursor's value of this key on, and those of the same value sorted.
    pub(crate) fn last_of_index(self) -> Self {
        Self { is_last_of_index: true, ..self }
    }
}

impl KeyKind {
    fn cast(self) -> &'static str {
        match self {
            Self::Integer => "?::bigint",
            Self::Text => "?::text",
            Self::Boolean => "?::text::boolean",
            Self::Date => "?::text::date",
            Self::Timestamp => "?::timestamptz",
        }
    }

    /// A cursor's value as a parameter; none where a client made it up.
    fn value(self, text: &str) -> Option<Value> {
        let years = 1..=9999; // Postgres refuses some that chrono knows
        let holds = match self {
            Self::Integer => return text.parse::<i64>().ok().map(Value::from),
            Self::Text => !text.contains('\0'),
            Self::Boolean => text == "true" || text == "false",
            Self::Date => {
                let date = text.parse::<chrono::NaiveDate>().ok().filter(|date| years.contains(&date.year()));
                matches!(text, "infinity" | "-infinity") || date.is_some_and(|date| date.to_string() == text)
            }
            Self::Timestamp => {
                let moment = chrono::DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?.to_utc();
                return years.contains(&moment.year()).then(|| Value::from(moment));
            }
        };
        holds.then(|| Value::from(text))
    }
}

/// Where a list's rows come from.
pub struct Source {
    /// The table that has the node's columns.
    pub(crate) node: &'static str,
    /// Those of the edge's columns that are wanted, in their order, as a list in SQL.
    pub(crate) edge: fn(Selected) -> String,
    /// The tables; `parent.key` and `parent.other` are the parent's.
    pub(crate) from: Sql,
    /// What holds of the rows.
    pub(crate) conditions: Vec<Sql>,
    /// By what they are ordered, all in one direction.
    pub(crate) keys: Vec<Key>,
    /// In which direction.
    pub(crate) direction: OrderDirection,
}

/// The parts of a list that no index has in order as a whole, but each of them: no row is in two.
pub struct Parts {
    /// A row for each part.
    pub(crate) each: Sql,
    /// What joins the tables of the source to the order of the part.
    pub(crate) join: Sql,
    /// What holds of the rows of the part.
    pub(crate) condition: Sql,
}

/// A kind of list with its arguments, apart from the page and the parent.
pub trait List: Clone + Debug + Describe + Eq + Hash + Send + Sync + 'static {
    /// What is listed.
    type Node: Columns + Send + Sync + 'static;
    /// What is known of a row beside the node.
    type Edge: Columns + Clone + Send + Sync + 'static;

    /// Where the rows come from.
    fn source(&self, store: &Store) -> Source;

    /// Whether the page of each of so many parents is soon there, because an index has the rows in order or they are few: then it
    /// shares a statement with others.
    fn is_quick(&self, _parents: usize) -> bool {
        false
    }

    /// The parts whose merge the order is; none where one index has it. Only the keys may name what the parts join, so
    /// that a count needs none of it.
    fn parts(&self) -> Option<Parts> {
        None
    }
}

/// The edge of a list that has nothing to say beside the node.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

/// The columns of an edge that has none.
pub(crate) fn nothing(_: Selected) -> String {
    String::new()
}

impl Columns for Plain {
    const NAMES: &'static [&'static str] = &[];

    fn of(_: &str, _: Selected) -> String {
        String::new()
    }

    fn read(_: &mut Places<'_>, _: Selected) -> Result<Self, DbErr> {
        Ok(Self)
    }
}

/// Whose list it is: nobody's, one thing's, or that of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Parent {
    /// The parent's id.
    pub key: i64,
    /// The other parent's, where there are two.
    pub other: i64,
}

impl Parent {
    /// A parent with this id.
    #[must_use]
    pub fn of(key: i64) -> Self {
        Self { key, other: 0 }
    }
}

/// Asks for a page of a parent's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOf<L> {
    /// Whose.
    pub parent: Parent,
    /// Which list.
    pub list: Arc<L>,
    /// Which part of it.
    pub page: Arc<Page>,
    /// What of its rows.
    pub wants: Wants,
}

/// By its parent alone: few lists of one are asked for at a time, and a filter is long.
impl<L> Hash for PageOf<L> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parent.hash(state);
    }
}

/// What is wanted of the rows of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wants {
    /// The values of the list's keys, of which cursors are made.
    pub keys: bool,
    /// What is known beside the node, and which columns of it.
    pub edge: Option<Selected>,
    /// The node's columns.
    pub node: Selected,
    /// Whether more rows follow: one row more tells.
    pub more: bool,
}

impl Wants {
    /// All of it.
    #[cfg(test)]
    pub const ALL: Self = Self { keys: true, edge: Some(Selected::ALL), node: Selected::ALL, more: true };

    /// What either wants.
    fn and(self, other: Self) -> Self {
        Self {
            keys: self.keys || other.keys,
            edge: self.edge.map(|edge| edge.or(other.edge.unwrap_or_default())).or(other.edge),
            node: self.node.or(other.node),
            more: self.more || other.more,
        }
    }
}

/// Asks for the number of rows of a parent's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountOf<L> {
    /// Whose.
    pub parent: Parent,
    /// Which list.
    pub list: Arc<L>,
}

/// A row of a list.
pub struct Row<L: List> {
    /// Its values of the list's keys, as text; none where they were not asked for.
    pub keys: Vec<String>,
    /// What is listed.
    pub node: Arc<L::Node>,
    /// What is known beside; none where it was not asked for.
    pub edge: Option<L::Edge>,
}

/// A page of a list, in the list's order.
pub struct Rows<L: List> {
    /// At most as many rows as the page's size.
    pub rows: Vec<Row<L>>,
    /// Whether more rows follow in the direction of reading, where that was asked for.
    pub has_more: bool,
}

/// A row of the list of a parent.
fn parent_row<L: List>(row: &statement_batcher::Row, wants: Wants) -> Result<(Parent, Row<L>), DbErr> {
    let mut places = row.places()?;
    let parent = Parent { key: places.read()?, other: places.read()? };
    let keys = if wants.keys { places.read()? } else { Vec::new() };
    let node = Arc::new(L::Node::read(&mut places, wants.node)?);
    let edge = wants.edge.map(|wanted| L::Edge::read(&mut places, wanted)).transpose()?;
    Ok((parent, Row { keys, node, edge }))
}

#[derive(FromQueryResult)]
struct ParentCount {
    parent_key: i64,
    parent_other: i64,
    count: i64,
}

/// `FROM … AS parent(key, other)`, no more of it than there is: each part costs Postgres something.
fn parents_sql(parents: &[Parent]) -> Sql {
    let keys = || ids(parents.iter().map(|parent| parent.key));
    let is_by_key_alone = parents.iter().all(|parent| parent.other == 0);
    match parents {
        [parent] if is_by_key_alone => {
            Sql::with(" FROM (SELECT ?::bigint AS key, 0::bigint AS other) AS parent ", parent.key)
        }
        [parent] => Sql::with(" FROM (SELECT ?::bigint AS key, ", parent.key)
            .then_with("?::bigint AS other) AS parent ", parent.other),
        _ if is_by_key_alone => {
            Sql::with(" FROM (SELECT key, 0::bigint AS other FROM unnest(?::bigint[]) AS each(key)) AS parent ", keys())
        }
        _ => Sql::with(" FROM unnest(?::bigint[], ", keys())
            .then_with("?::bigint[]) AS parent(key, other) ", ids(parents.iter().map(|parent| parent.other))),
    }
}

/// The rows on one side of a cursor, by comparison of rows: a range of the index over the keys.
fn beyond(keys: &[Key], cursor: &Cursor, comparison: &'static str) -> Result<Sql, Error> {
    let made_up =
        || Error::BadUserInput("this cursor was not made by this directory; start again without it".to_owned());
    if cursor.keys.len() != keys.len() {
        return Err(made_up());
    }
    let mut left = Sql::from("ROW(");
    let mut right = Sql::from(") ").then(comparison).then(" ROW(");
    let mut range = Sql::default();
    for (index, (key, text)) in keys.iter().zip(&cursor.keys).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let value = key.kind.value(text).ok_or_else(made_up)?;
        if index == 0 && key.is_last_of_index {
            let bound = Sql::from(" ").then(comparison).then("= ").then_with(key.kind.cast(), value.clone());
            range = key.expression.clone().then(bound).then(" AND ");
        }
        left = left.then(comma).then(key.expression.clone());
        right = right.then(comma).then_with(key.kind.cast(), value);
    }
    Ok(range.then(left).then(right).then(")"))
}

pub(crate) fn page_sql<N: Columns>(
    source: Source,
    parts: Option<Parts>,
    parents: &[Parent],
    page: &Page,
    wants: Wants,
) -> Result<Sql, Error> {
    let forward = page.direction == Direction::Forward;
    let ascending = source.direction == OrderDirection::Ascending;
    let (after, before) = if ascending { (">", "<") } else { ("<", ">") };
    let mut conditions = source.conditions;
    if let Some(cursor) = &page.after {
        conditions.push(beyond(&source.keys, cursor, after)?);
    }
    if let Some(cursor) = &page.before {
        conditions.push(beyond(&source.keys, cursor, before)?);
    }
    let word = if forward == ascending { " ASC" } else { " DESC" };
    let limit = || Sql::with(" LIMIT ?", i64::from(page.size) + i64::from(wants.more));
    let mut cursor_keys = Sql::from("SELECT ARRAY[");
    let mut order = Sql::from(" ORDER BY ");
    let mut part_keys = Sql::default();
    let mut part_order = Sql::from(" ORDER BY ");
    for (index, key) in source.keys.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        cursor_keys = cursor_keys.then(comma).then("(").then(key.expression.clone()).then(")::text");
        order = order.then(comma).then(key.expression.clone()).then(word);
        part_keys = part_keys.then(", ").then(key.expression.clone()).then(format!(" AS key_{index}"));
        part_order = part_order.then(comma).then(format!("part.key_{index}")).then(word);
    }
    let cursor_keys = if wants.keys { cursor_keys.then("] AS cursor_keys, ") } else { "SELECT ".into() };
    let columns = cursor_keys.then(N::of(source.node, wants.node));
    let edge = wants.edge.map(source.edge).unwrap_or_default();
    let columns = if edge.is_empty() { columns } else { columns.then(", ").then(edge) };
    let rows = match parts {
        None => columns
            .then(" FROM ")
            .then(source.from)
            .then(" WHERE ")
            .then(Sql::all(conditions))
            .then(order)
            .then(limit()),
        // Each part gives as many as the whole page could need of it; their own order is then that of a few rows.
        Some(parts) => Sql::from("SELECT part.* FROM ")
            .then(parts.each)
            .then(" CROSS JOIN LATERAL (")
            .then(columns)
            .then(part_keys)
            .then(" FROM ")
            .then(source.from)
            .then(parts.join)
            .then(" WHERE ")
            .then(Sql::all(conditions.into_iter().chain([parts.condition])))
            .then(order)
            .then(limit())
            .then(") AS part")
            .then(part_order)
            .then(limit()),
    };
    Ok(Sql::from("SELECT parent.key AS parent_key, parent.other AS parent_other, entry.*")
        .then(parents_sql(parents))
        .then("CROSS JOIN LATERAL (")
        .then(rows)
        .then(") AS entry"))
}

fn count_sql(source: Source, parents: &[Parent]) -> Sql {
    Sql::from("SELECT parent.key AS parent_key, parent.other AS parent_other, (SELECT count(*) FROM ")
        .then(source.from)
        .then(" WHERE ")
        .then(Sql::all(source.conditions))
        .then(") AS count")
        .then(parents_sql(parents))
}

impl Store {
    async fn page_of<L: List>(
        &self,
        list: &L,
        page: &Page,
        wants: Wants,
        parents: &[Parent],
    ) -> Result<HashMap<Parent, Arc<Rows<L>>>, Error> {
        let sql = page_sql::<L::Node>(list.source(self), list.parts(), parents, page, wants)?;
        let mut lists: HashMap<Parent, Vec<Row<L>>> = parents.iter().map(|parent| (*parent, Vec::new())).collect();
        let loader = type_name::<PageOf<L>>();
        let results = if list.is_quick(parents.len()) {
            self.quick_results(loader, sql).await?
        } else {
            self.results(loader, sql).await?
        };
        for result in &results {
            let (parent, row) = parent_row(result, wants)?;
            lists.entry(parent).or_default().push(row);
        }
        let size = page.size as usize;
        let pages = lists.into_iter().map(|(parent, mut rows)| {
            let has_more = rows.len() > size;
            rows.truncate(size);
            if page.direction == Direction::Backward {
                rows.reverse();
            }
            (parent, Arc::new(Rows { rows, has_more }))
        });
        Ok(pages.collect())
    }

    async fn count_of<L: List>(&self, list: &L, parents: &[Parent]) -> Result<HashMap<Parent, i64>, Error> {
        let rows = self.rows::<ParentCount>(type_name::<CountOf<L>>(), count_sql(list.source(self), parents)).await?;
        let counts = rows.into_iter().map(|row| (Parent { key: row.parent_key, other: row.parent_other }, row.count));
        Ok(counts.collect())
    }
}

impl<L: List> Loader<PageOf<L>> for Store {
    type Value = Arc<Rows<L>>;

    async fn load(&self, keys: &[PageOf<L>]) -> Result<HashMap<PageOf<L>, Self::Value>, Error> {
        let mut lists: HashMap<_, Vec<&PageOf<L>>> = HashMap::new();
        for key in keys {
            lists.entry((&*key.list, &*key.page)).or_default().push(key);
        }
        let pages = try_join_all(lists.into_iter().map(async |((list, page), keys)| {
            // One page may be asked for several times, for several things of its rows.
            let wants = keys.iter().fold(Wants::default(), |wants, key| wants.and(key.wants));
            let parents: HashSet<Parent> = keys.iter().map(|key| key.parent).collect();
            let rows = self.page_of(list, page, wants, &parents.into_iter().collect::<Vec<_>>()).await?;
            let found = keys.into_iter().filter_map(|key| Some((key.clone(), Arc::clone(rows.get(&key.parent)?))));
            Ok::<_, Error>(found.collect::<Vec<_>>())
        }));
        Ok(pages.await?.into_iter().flatten().collect())
    }
}

impl<L: List> Loader<CountOf<L>> for Store {
    type Value = i64;

    async fn load(&self, keys: &[CountOf<L>]) -> Result<HashMap<CountOf<L>, i64>, Error> {
        let mut lists: HashMap<&Arc<L>, Vec<Parent>> = HashMap::new();
        for key in keys {
            lists.entry(&key.list).or_default().push(key.parent);
        }
        let counts = try_join_all(lists.into_iter().map(async |(list, parents)| {
            let counts = self.count_of(&**list, &parents).await?;
            Ok::<_, Error>(
                counts.into_iter().map(|(parent, count)| (CountOf { parent, list: Arc::clone(list) }, count)),
            )
        }));
        Ok(counts.await?.into_iter().flatten().collect())
    }
}
