//! Finding things by the keys that clients hold: ids, slugs, ORCID iDs, DOIs, ROR ids and any other identifier.

use std::any::type_name;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::try_join;

use crate::entity::affiliation;
use crate::entity::organization;
use crate::entity::paper;
use crate::entity::researcher;
use crate::entity::topic;
use crate::error::Error;
use crate::store::access::column_projection::{Columns, Selected};
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::reader::authorship::{Author, joins_resolved};
use crate::store::{Store, placed};

/// A table whose rows have pages and keys of their own, or at least ids.
pub trait Table: Columns + Send + Sync + 'static {
    /// The table's name.
    const NAME: &'static str;
    /// Whether its rows have slugs and identifiers, and may be merged.
    const IS_ENTITY: bool;
    /// Columns that hold an identifier each.
    const IDENTIFIERS: &'static [&'static str];
    /// Those of them of which something merged may have had another: `external_id` has it under the column's name.
    const FORMER_IDENTIFIERS: &'static [&'static str] = &[];
    /// What joins to the table, named `node`, the others that have columns of it.
    const JOINS: &'static str = "";
}

macro_rules! table {
    ($model:ty, $name:literal, $is_entity:literal, $identifiers:expr $(, former: $former:expr)? $(, joins: $joins:expr)?) => {
        impl Table for $model {
            const NAME: &'static str = $name;
            const IS_ENTITY: bool = $is_entity;
            const IDENTIFIERS: &'static [&'static str] = $identifiers;
            $(const FORMER_IDENTIFIERS: &'static [&'static str] = $former;)?
            $(const JOINS: &'static str = $joins;)?
        }
    };
}

table!(researcher::Model, "researcher", true, &["orcid"], former: &["orcid"]);
table!(organization::Model, "organization", true, &["ror"]);
table!(topic::Model, "topic", true, &[]);
table!(paper::Model, "paper", true, &["doi", "arxiv_id"]);
table!(affiliation::Model, "affiliation", false, &[]);
table!(Author, "authorship", false, &[], joins: joins_resolved!("node"));

/// Asks for the row with an id that the directory itself stored.
pub struct ById<M>(i64, Selected, PhantomData<fn() -> M>);

impl<M> ById<M> {
    /// The row with this id.
    #[must_use]
    pub fn new(id: i64) -> Self {
        Self::selecting(id, Selected::ALL)
    }

    /// Some columns of the row with this id.
    #[must_use]
    pub fn selecting(id: i64, selected: Selected) -> Self {
        Self(id, selected, PhantomData)
    }
}

/// A key that a client holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The number in a global id, of something there is or of something merged into it.
    Id(i64),
    /// A slug, present or former.
    Slug(String),
    /// The canonical form of the identifier in a column of its own.
    Column(&'static str, String),
    /// An id of any other scheme.
    Identifier {
        /// The scheme in lower case.
        scheme: String,
        /// The id.
        value: String,
    },
}

/// Asks for the row that a client's key names.
pub struct ByKey<M>(Arc<Key>, Selected, PhantomData<fn() -> M>);

impl<M> ByKey<M> {
    /// The row that this key names.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self::selecting(key, Selected::ALL)
    }

    /// Some columns of the row that this key names.
    #[must_use]
    pub fn selecting(key: Key, selected: Selected) -> Self {
        Self(Arc::new(key), selected, PhantomData)
    }
}

// Derived, these would ask the same of M.
impl<M> Clone for ById<M> {
    fn clone(&self) -> Self {
        Self::selecting(self.0, self.1)
    }
}
impl<M> PartialEq for ById<M> {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl<M> Eq for ById<M> {}
impl<M> Hash for ById<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0, self.1).hash(state);
    }
}
impl<M> Clone for ByKey<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), self.1, PhantomData)
    }
}
impl<M> PartialEq for ByKey<M> {
    fn eq(&self, other: &Self) -> bool {
        (&self.0, self.1) == (&other.0, other.1)
    }
}
impl<M> Eq for ByKey<M> {}
impl<M> Hash for ByKey<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0, self.1).hash(state);
    }
}

impl<M: Table> Loader<ById<M>> for Store {
    type Value = Arc<M>;

    async fn load(&self, keys: &[ById<M>]) -> Result<HashMap<ById<M>, Arc<M>>, Error> {
        // A row may be asked for several times, for several of its columns.
        let selected = keys.iter().fold(Selected::NONE, |all, key| all.or(key.1));
        let rows = self.present::<M>(type_name::<ById<M>>(), keys.iter().map(|key| key.0), selected).await?;
        Ok(keys.iter().filter_map(|key| Some((key.clone(), Arc::clone(rows.get(&key.0)?)))).collect())
    }
}

impl<M: Table> Loader<ByKey<M>> for Store {
    type Value = Arc<M>;

    async fn load(&self, keys: &[ByKey<M>]) -> Result<HashMap<ByKey<M>, Arc<M>>, Error> {
        let selected = keys.iter().fold(Selected::NONE, |all, key| all.or(key.1));
        let number = |key: &ByKey<M>| if let Key::Id(number) = *key.0 { Some(number) } else { None };
        let others: Vec<&ByKey<M>> = keys.iter().filter(|key| number(key).is_none()).collect();
        let loader = type_name::<ByKey<M>>();
        let (present, mut found) = try_join(
            self.present::<M>(loader, keys.iter().filter_map(number), selected),
            self.named(loader, &others, selected),
        )
        .await?;
        // Nearly every id is of something there is; the others may be of something merged.
        let mut absent = Vec::new();
        for (key, number) in keys.iter().filter_map(|key| Some((key, number(key)?))) {
            match present.get(&number) {
                Some(row) => drop(found.insert(key.clone(), Arc::clone(row))),
                None => absent.push(key),
            }
        }
        if M::IS_ENTITY {
            found.extend(self.named(loader, &absent, selected).await?);
        }
        Ok(found)
    }
}

impl Store {
    /// The rows with these ids, by their id.
    async fn present<M: Table>(
        &self,
        loader: &'static str,
        numbers: impl Iterator<Item = i64>,
        selected: Selected,
    ) -> Result<HashMap<i64, Arc<M>>, Error> {
        let numbers: HashSet<i64> = numbers.collect();
        if numbers.is_empty() {
            return Ok(HashMap::new());
        }
        let (table, columns, joins) = (M::NAME, M::of("node", selected), M::JOINS);
        let sql = format!("SELECT node.id, {columns} FROM {table} AS node{joins} WHERE node.id = ANY(?)");
        let rows = self.quick_results(loader, Sql::with(&sql, ids(numbers))).await?;
        rows.iter().map(|row| Ok(placed(row, selected)?)).collect()
    }

    /// The rows that keys name, by the index of each kind of key.
    async fn named<M: Table>(
        &self,
        loader: &'static str,
        keys: &[&ByKey<M>],
        selected: Selected,
    ) -> Result<HashMap<ByKey<M>, Arc<M>>, Error> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let mut found = HashMap::with_capacity(keys.len());
        for row in &self.quick_results(loader, by_key_sql::<M>(keys, selected)).await? {
            let (index, model) = placed(row, selected)?;
            if let Some(key) = usize::try_from(index).ok().and_then(|index| keys.get(index)) {
                found.insert((*key).clone(), model);
            }
        }
        Ok(found)
    }
}

/// The ids that a filter names, as a query: those of what was merged are those of what it became.
pub(crate) fn survivors<M: Table>(numbers: &[i64]) -> Sql {
    let former = format!(
        "?::bigint[]) AS asked(id) LEFT JOIN former_identity AS former \
         ON former.kind = '{}' AND former.former_id = asked.id",
        M::NAME
    );
    Sql::from("SELECT coalesce(former.survivor_id, asked.id) FROM unnest(")
        .then_with(&former, ids(numbers.iter().copied()))
}

/// Whether a column is one of the ids that a filter names. They are read once, so that an index finds the rows.
pub(crate) fn is_one_of<M: Table>(column: &str, numbers: &[i64]) -> Sql {
    Sql::is_in(column, survivors::<M>(numbers))
}

/// One statement for keys of every kind.
fn by_key_sql<M: Table>(keys: &[&ByKey<M>], selected: Selected) -> Sql {
    Sql::from(format!("SELECT hit.index, {} FROM (", M::of("node", selected)))
        .then(ids_of::<M>(keys.iter().map(|key| &*key.0)))
        .then(format!(") AS hit(index, id) JOIN {table} AS node ON node.id = hit.id{}", M::JOINS, table = M::NAME))
}

/// The ids of what keys name, each with its key's place: each kind of key finds them by its own index.
pub(crate) fn ids_of<'a, M: Table>(keys: impl IntoIterator<Item = &'a Key>) -> Sql {
    let table = M::NAME;
    let mut numbers = (Vec::new(), Vec::new());
    let mut slugs = (Vec::new(), Vec::new());
    let mut columns: HashMap<&str, (Vec<i64>, Vec<String>)> = HashMap::new();
    let mut identifiers = (Vec::new(), Vec::new(), Vec::new());
    for (index, key) in (0_i64..).zip(keys) {
        match key {
            Key::Id(number) => {
                numbers.0.push(index);
                numbers.1.push(*number);
            }
            Key::Slug(slug) => {
                slugs.0.push(index);
                slugs.1.push(slug.clone());
            }
            Key::Column(column, value) => {
                let (indexes, values) = columns.entry(column).or_default();
                indexes.push(index);
                values.push(value.clone());
            }
            Key::Identifier { scheme, value } => {
                identifiers.0.push(index);
                identifiers.1.push(scheme.clone());
                identifiers.2.push(value.clone());
            }
        }
    }
    let wanted = |indexes: Vec<i64>| Sql::with("SELECT wanted.index, found.id FROM unnest(?::bigint[], ", ids(indexes));
    let mut parts = Vec::new();
    if !numbers.0.is_empty() {
        let mut former = Sql::from("");
        if M::IS_ENTITY {
            former = wanted(numbers.0.clone())
                .then_with("?::bigint[]) AS wanted(index, key) ", ids(numbers.1.clone()))
                .then(format!(
                    "JOIN (SELECT survivor_id AS id, former_id FROM former_identity WHERE kind = '{table}') AS found \
                     ON found.former_id = wanted.key"
                ));
            former = Sql::from(" UNION ALL ").then(former);
        }
        let present = wanted(numbers.0)
            .then_with("?::bigint[]) AS wanted(index, key) ", ids(numbers.1))
            .then(format!("JOIN {table} AS found ON found.id = wanted.key"));
        parts.push(present.then(former));
    }
    if !slugs.0.is_empty() {
        let present = wanted(slugs.0.clone())
            .then_with("?::text[]) AS wanted(index, key) ", texts(slugs.1.clone()))
            .then(format!("JOIN {table} AS found ON found.slug = wanted.key"));
        let former = wanted(slugs.0).then_with("?::text[]) AS wanted(index, key) ", texts(slugs.1)).then(format!(
            "JOIN (SELECT survivor_id AS id, former_slug FROM former_identity WHERE kind = '{table}' \
             UNION ALL SELECT id, slug FROM former_slug WHERE kind = '{table}') AS found ON found.former_slug = wanted.key"
        ));
        parts.push(present.then(" UNION ALL ").then(former));
    }
    let known: HashSet<&str> = M::IDENTIFIERS.iter().copied().collect();
    for (column, (indexes, values)) in columns.into_iter().filter(|(column, _)| known.contains(column)) {
        if M::FORMER_IDENTIFIERS.contains(&column) {
            parts.push(
                wanted(indexes.clone()).then_with("?::text[]) AS wanted(index, key) ", texts(values.clone())).then(
                    format!(
                        "JOIN (SELECT {table}_id AS id, value FROM external_id WHERE {table}_id IS NOT NULL \
                         AND scheme = '{column}') AS found ON found.value = wanted.key"
                    ),
                ),
            );
        }
        parts.push(
            wanted(indexes)
                .then_with("?::text[]) AS wanted(index, key) ", texts(values))
                .then(format!("JOIN {table} AS found ON found.{column} = wanted.key")),
        );
    }
    if !identifiers.0.is_empty() {
        parts.push(
            wanted(identifiers.0)
                .then_with("?::text[], ", texts(identifiers.1))
                .then_with("?::text[]) AS wanted(index, scheme, value) ", texts(identifiers.2))
                .then(format!(
                    "JOIN (SELECT {table}_id AS id, scheme, value FROM external_id WHERE {table}_id IS NOT NULL) AS found \
                     ON found.scheme = wanted.scheme AND found.value = wanted.value"
                )),
        );
    }
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or_else(|| "SELECT 0::bigint AS index, 0::bigint AS id WHERE false".into());
    parts.fold(first, |union, part| union.then(" UNION ALL ").then(part))
}
