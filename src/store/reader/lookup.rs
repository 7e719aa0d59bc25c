//! Lookup of entities by client-provided keys: id, slug, ORCID iD, DOI, ROR id or any other identifier.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::try_join;

use crate::entity::{affiliation, organization, paper, researcher, topic};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnProjection, ColumnSet};
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::keyed_rows::decode_keyed;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::reader::authorship::{RedactedAuthorship, join_resolved_researcher};
use crate::store::reader::identifier_column::IdentifierColumn;

/// Table whose rows can be looked up.
pub trait LookupTable: ColumnProjection + Send + Sync + 'static {
    /// Name of the table.
    const NAME: &'static str;
    /// Name of the query by id in traces.
    const BY_ID_QUERY: &'static str;
    /// Name of the query by client-provided key in traces.
    const BY_KEY_QUERY: &'static str;
    /// Whether rows have slugs and external identifiers, and can be merged.
    const IS_ENTITY: bool;
    /// Columns that hold an identifier each.
    const IDENTIFIER_COLUMNS: &'static [IdentifierColumn];
    /// Identifier columns whose values of merged entities are kept in `external_id`, under the column's name.
    const MERGED_IDENTIFIER_COLUMNS: &'static [IdentifierColumn] = &[];
    /// Joins from the table, aliased `node`, to the other tables with columns of it.
    const JOINS: &'static str = "";
}

macro_rules! lookup_table {
    ($model:ty, $name:literal, $is_entity:literal, $identifiers:expr $(, merged: $merged:expr)? $(, joins: $joins:expr)?) => {
        impl LookupTable for $model {
            const NAME: &'static str = $name;
            const BY_ID_QUERY: &'static str = concat!($name, "::by_id");
            const BY_KEY_QUERY: &'static str = concat!($name, "::by_key");
            const IS_ENTITY: bool = $is_entity;
            const IDENTIFIER_COLUMNS: &'static [IdentifierColumn] = $identifiers;
            $(const MERGED_IDENTIFIER_COLUMNS: &'static [IdentifierColumn] = $merged;)?
            $(const JOINS: &'static str = $joins;)?
        }
    };
}

lookup_table!(researcher::Model, "researcher", true, &[IdentifierColumn::Orcid], merged: &[IdentifierColumn::Orcid]);
lookup_table!(organization::Model, "organization", true, &[IdentifierColumn::Ror]);
lookup_table!(topic::Model, "topic", true, &[]);
lookup_table!(paper::Model, "paper", true, &[IdentifierColumn::Doi, IdentifierColumn::ArxivId]);
lookup_table!(affiliation::Model, "affiliation", false, &[]);
lookup_table!(RedactedAuthorship, "authorship", false, &[], joins: join_resolved_researcher!("node"));

/// Loader key of a row by an id from the directory itself. If the entity was merged since the id was read, the key
/// resolves to the survivor.
pub struct ById<M>(i64, ColumnSet, PhantomData<fn() -> M>);

impl<M> ById<M> {
    /// Key of all columns of the row.
    #[must_use]
    pub fn new(id: i64) -> Self {
        Self::with_columns(id, ColumnSet::ALL)
    }

    /// Key of some columns of the row.
    #[must_use]
    pub fn with_columns(id: i64, selected: ColumnSet) -> Self {
        Self(id, selected, PhantomData)
    }
}

/// Key provided by a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LookupKey {
    /// Numeric id of a global id; ids of merged entities resolve to the surviving one.
    Id(i64),
    /// Current or previous slug.
    Slug(String),
    /// Canonical identifier in a column of its own.
    Column(IdentifierColumn, String),
    /// Identifier of any other scheme.
    ExternalId {
        /// Scheme, in lower case.
        scheme: String,
        /// Identifier.
        value: String,
    },
}

impl LookupKey {
    /// Returns the key of an identifier that has a column of its own; `None` if the text is not such an identifier.
    #[must_use]
    pub fn identifier(column: IdentifierColumn, text: &str) -> Option<Self> {
        column.canonical(text).map(|identifier| Self::Column(column, identifier))
    }
}

/// Loader key of a row by a client-provided key.
pub struct ByLookupKey<M>(Arc<LookupKey>, ColumnSet, PhantomData<fn() -> M>);

impl<M> ByLookupKey<M> {
    /// Key of all columns of the row.
    #[must_use]
    pub fn new(key: LookupKey) -> Self {
        Self::with_columns(key, ColumnSet::ALL)
    }

    /// Key of some columns of the row.
    #[must_use]
    pub fn with_columns(key: LookupKey, selected: ColumnSet) -> Self {
        Self(Arc::new(key), selected, PhantomData)
    }
}

// Derived implementations would require the same traits of `M`.
impl<M> Clone for ById<M> {
    fn clone(&self) -> Self {
        Self::with_columns(self.0, self.1)
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
impl<M> Clone for ByLookupKey<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), self.1, PhantomData)
    }
}
impl<M> PartialEq for ByLookupKey<M> {
    fn eq(&self, other: &Self) -> bool {
        (&self.0, self.1) == (&other.0, other.1)
    }
}
impl<M> Eq for ByLookupKey<M> {}
impl<M> Hash for ByLookupKey<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0, self.1).hash(state);
    }
}

impl<M: LookupTable> LoaderKey for ById<M> {
    const NAME: &'static str = M::BY_ID_QUERY;
}

impl<M: LookupTable> LoaderKey for ByLookupKey<M> {
    const NAME: &'static str = M::BY_KEY_QUERY;
}

impl<M: LookupTable> Loader<ById<M>> for Store {
    type Value = Arc<M>;

    async fn load(&self, keys: &[ById<M>]) -> Result<HashMap<ById<M>, Arc<M>>, Error> {
        // A row can be requested several times, with different columns.
        let selected = keys.iter().fold(ColumnSet::NONE, |all, key| all.union(key.1));
        let rows = self.load_current_by_ids::<M>(ById::<M>::NAME, keys.iter().map(|key| key.0), selected).await?;
        Ok(keys.iter().filter_map(|key| Some((key.clone(), Arc::clone(rows.get(&key.0)?)))).collect())
    }
}

impl<M: LookupTable> Loader<ByLookupKey<M>> for Store {
    type Value = Arc<M>;

    async fn load(&self, keys: &[ByLookupKey<M>]) -> Result<HashMap<ByLookupKey<M>, Arc<M>>, Error> {
        let selected = keys.iter().fold(ColumnSet::NONE, |all, key| all.union(key.1));
        let row_id = |key: &ByLookupKey<M>| if let LookupKey::Id(row_id) = *key.0 { Some(row_id) } else { None };
        let other_keys: Vec<&LookupKey> = keys.iter().filter(|key| row_id(key).is_none()).map(|key| &*key.0).collect();
        let query_name = ByLookupKey::<M>::NAME;
        let (rows_by_id, rows_by_key) = try_join(
            self.load_current_by_ids::<M>(query_name, keys.iter().filter_map(row_id), selected),
            self.load_by_keys::<M>(query_name, &other_keys, selected),
        )
        .await?;
        let row = |key: &ByLookupKey<M>| match row_id(key) {
            Some(row_id) => rows_by_id.get(&row_id),
            None => rows_by_key.get(&key.0),
        };
        Ok(keys.iter().filter_map(|key| Some((key.clone(), Arc::clone(row(key)?)))).collect())
    }
}

impl Store {
    /// Returns the rows with these ids.
    async fn load_by_ids<M: LookupTable>(
        &self,
        query_name: &'static str,
        row_ids: impl Iterator<Item = i64>,
        selected: ColumnSet,
    ) -> Result<HashMap<i64, Arc<M>>, Error> {
        let row_ids: HashSet<i64> = row_ids.collect();
        if row_ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (table, columns, joins) = (M::NAME, M::select_list("node", selected), M::JOINS);
        let sql = format!("SELECT node.id, {columns} FROM {table} AS node{joins} WHERE node.id = ANY(?)");
        let rows = self.query_batched(query_name, Sql::with(&sql, bigint_array(row_ids))).await?;
        rows.iter().map(|row| Ok(decode_keyed(row, selected)?)).collect()
    }

    /// Returns the rows with these ids; the ids of merged entities return the surviving row.
    async fn load_current_by_ids<M: LookupTable>(
        &self,
        query_name: &'static str,
        row_ids: impl Iterator<Item = i64> + Clone,
        selected: ColumnSet,
    ) -> Result<HashMap<i64, Arc<M>>, Error> {
        let mut rows = self.load_by_ids::<M>(query_name, row_ids.clone(), selected).await?;
        if M::IS_ENTITY {
            // Most ids exist; the others may belong to merged entities. Current ids are looked up too, in case a merge was
            // undone meanwhile.
            let absent: HashSet<i64> = row_ids.filter(|row_id| !rows.contains_key(row_id)).collect();
            let keys: Vec<LookupKey> = absent.into_iter().map(LookupKey::Id).collect();
            let survivors = self.load_by_keys::<M>(query_name, &keys.iter().collect::<Vec<_>>(), selected).await?;
            rows.extend(survivors.into_iter().filter_map(|(key, row)| match key {
                LookupKey::Id(row_id) => Some((row_id, row)),
                _ => None,
            }));
        }
        Ok(rows)
    }

    /// Returns the rows that the keys refer to, found by the index of each type of key.
    async fn load_by_keys<M: LookupTable>(
        &self,
        query_name: &'static str,
        keys: &[&LookupKey],
        selected: ColumnSet,
    ) -> Result<HashMap<LookupKey, Arc<M>>, Error> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let mut rows = HashMap::with_capacity(keys.len());
        for row in &self.query_batched(query_name, lookup_sql::<M>(keys, selected)).await? {
            let (index, model) = decode_keyed(row, selected)?;
            if let Some(key) = usize::try_from(index).ok().and_then(|index| keys.get(index)) {
                rows.insert((*key).clone(), model);
            }
        }
        Ok(rows)
    }
}

impl Store {
    /// Returns the survivors of those of these entities that were merged.
    pub(crate) async fn survivors(
        &self,
        ids: &BTreeSet<(EntityType, i64)>,
    ) -> Result<HashMap<(EntityType, i64), i64>, Error> {
        let sql = sql!(
            "SELECT former.kind, former.former_id, former.survivor_id FROM unnest(?::text[], ?::bigint[]) AS asked(kind, id) \
             JOIN former_identity AS former ON former.kind = asked.kind AND former.former_id = asked.id",
            text_array(ids.iter().map(|(kind, _)| kind.table().to_owned())),
            bigint_array(ids.iter().map(|(_, id)| *id)),
        );
        let rows: Vec<(EntityType, i64, i64)> = self.query_tuples("lookup::survivors", sql).await?;
        Ok(rows.into_iter().map(|(kind, former, survivor)| ((kind, former), survivor)).collect())
    }
}

/// Returns a query for these ids, with the ids of merged entities replaced by the surviving ones.
pub(crate) fn resolve_merged_ids<M: LookupTable>(row_ids: &[i64]) -> Sql {
    let previous_ids = format!(
        "?::bigint[]) AS asked(id) LEFT JOIN former_identity AS former \
         ON former.kind = '{}' AND former.former_id = asked.id",
        M::NAME
    );
    sql!("SELECT coalesce(former.survivor_id, asked.id) FROM unnest(")
        .then_with(&previous_ids, bigint_array(row_ids.iter().copied()))
}

/// Returns the condition that a column is one of these ids. The ids are evaluated once, so that an index is used.
pub(crate) fn is_any_of_ids<M: LookupTable>(column: &str, row_ids: &[i64]) -> Sql {
    Sql::in_subquery(column, resolve_merged_ids::<M>(row_ids))
}

/// Returns one query for keys of all types.
fn lookup_sql<M: LookupTable>(keys: &[&LookupKey], selected: ColumnSet) -> Sql {
    Sql::from(format!("SELECT hit.index, {} FROM (", M::select_list("node", selected)))
        .then(lookup_ids_sql::<M>(keys.iter().copied()))
        .then(format!(") AS hit(index, id) JOIN {table} AS node ON node.id = hit.id{}", M::JOINS, table = M::NAME))
}

/// Returns a query for the ids that keys refer to, each with the index of its key. Each type of key uses its own index.
pub(crate) fn lookup_ids_sql<'a, M: LookupTable>(keys: impl IntoIterator<Item = &'a LookupKey>) -> Sql {
    let (mut row_ids, mut slugs, mut external_ids) = (Vec::new(), Vec::new(), Vec::new());
    let mut columns: BTreeMap<IdentifierColumn, Vec<(i64, &str)>> = BTreeMap::new();
    for (index, key) in (0_i64..).zip(keys) {
        match key {
            LookupKey::Id(row_id) => row_ids.push((index, *row_id)),
            LookupKey::Slug(slug) => slugs.push((index, slug.as_str())),
            LookupKey::Column(column, value) => columns.entry(*column).or_default().push((index, value)),
            LookupKey::ExternalId { scheme, value } => external_ids.push((index, scheme.as_str(), value.as_str())),
        }
    }
    let mut branches = Vec::new();
    if !row_ids.is_empty() {
        branches.extend(matches_of_row_ids::<M>(&row_ids));
    }
    if !slugs.is_empty() {
        branches.extend(matches_of_slugs::<M>(&slugs));
    }
    for (column, values) in columns.into_iter().filter(|(column, _)| M::IDENTIFIER_COLUMNS.contains(column)) {
        branches.extend(matches_of_column::<M>(column, &values));
    }
    if !external_ids.is_empty() {
        branches.push(matches_of_external_ids::<M>(&external_ids));
    }
    let mut branches = branches.into_iter();
    let first = branches.next().unwrap_or_else(|| "SELECT 0::bigint AS index, 0::bigint AS id WHERE false".into());
    branches.fold(first, |union, branch| union.then(" UNION ALL ").then(branch))
}

/// Returns the start of a query for the matches of keys, `wanted(index, …)`, among the rows of `found`.
fn select_matches(indexes: impl Iterator<Item = i64>, values: Sql) -> Sql {
    sql!("SELECT wanted.index, found.id FROM unnest(?::bigint[], ", bigint_array(indexes)).then(values).then(" JOIN ")
}

/// Returns the start of a query for the matches of texts.
fn select_text_matches(keys: &[(i64, &str)]) -> Sql {
    let values = sql!("?::text[]) AS wanted(index, key)", text_array(keys.iter().map(|(_, text)| *text)));
    select_matches(keys.iter().map(|(index, _)| *index), values)
}

fn matches_of_row_ids<M: LookupTable>(keys: &[(i64, i64)]) -> Vec<Sql> {
    let table = M::NAME;
    let values = sql!("?::bigint[]) AS wanted(index, key)", bigint_array(keys.iter().map(|(_, row_id)| *row_id)));
    let matches = select_matches(keys.iter().map(|(index, _)| *index), values);
    let current = matches.clone().then(format!("{table} AS found ON found.id = wanted.key"));
    let previous = format!(
        "(SELECT survivor_id AS id, former_id FROM former_identity WHERE kind = '{table}') AS found \
         ON found.former_id = wanted.key"
    );
    std::iter::once(current).chain(M::IS_ENTITY.then(|| matches.then(previous))).collect()
}

fn matches_of_slugs<M: LookupTable>(keys: &[(i64, &str)]) -> [Sql; 2] {
    let (table, matches) = (M::NAME, select_text_matches(keys));
    let current = matches.clone().then(format!("{table} AS found ON found.slug = wanted.key"));
    let previous = matches.then(format!(
        "(SELECT survivor_id AS id, former_slug FROM former_identity WHERE kind = '{table}' \
         UNION ALL SELECT id, slug FROM former_slug WHERE kind = '{table}') AS found ON found.former_slug = wanted.key"
    ));
    [current, previous]
}

fn matches_of_column<M: LookupTable>(column: IdentifierColumn, keys: &[(i64, &str)]) -> Vec<Sql> {
    let (table, name, matches) = (M::NAME, column.name(), select_text_matches(keys));
    let merged = M::MERGED_IDENTIFIER_COLUMNS.contains(&column).then(|| {
        matches.clone().then(format!(
            "(SELECT {table}_id AS id, value FROM external_id WHERE {table}_id IS NOT NULL \
             AND scheme = '{name}') AS found ON found.value = wanted.key"
        ))
    });
    merged.into_iter().chain([matches.then(format!("{table} AS found ON found.{name} = wanted.key"))]).collect()
}

fn matches_of_external_ids<M: LookupTable>(keys: &[(i64, &str, &str)]) -> Sql {
    let table = M::NAME;
    let values = sql!(
        "?::text[], ?::text[]) AS wanted(index, scheme, value)",
        text_array(keys.iter().map(|(_, scheme, _)| *scheme)),
        text_array(keys.iter().map(|(.., value)| *value)),
    );
    select_matches(keys.iter().map(|(index, ..)| *index), values).then(format!(
        "(SELECT {table}_id AS id, scheme, value FROM external_id WHERE {table}_id IS NOT NULL) AS found \
         ON found.scheme = wanted.scheme AND found.value = wanted.value"
    ))
}
