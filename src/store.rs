//! All SQL: finders, lists, batch loaders and writes, one file per concept.

pub mod access;
pub mod curation;
pub mod ingest;
pub mod projections;
pub mod reader;
pub mod unit_of_work;

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{DatabaseConnection, DbErr, FromQueryResult};

use crate::model::source_order::SourceOrder;
use crate::store::access::column_projection::{ColumnProjection, ColumnSet};
use crate::store::access::data_loader::DataLoader;
use crate::store::access::executor::{RequestConnections, StatementCounter};
use crate::store::access::replica::Replica;
use crate::store::access::revision::{Lsn, Revision, RevisionCache};
use crate::store::access::statement_batcher::{ResultRow, StatementBatcher};

/// The directory's contents.
#[derive(Clone, Debug)]
pub struct Store {
    database: DatabaseConnection,
    replicas: Arc<[Arc<Replica>]>,
    /// The one that a request reads from instead of the database itself.
    read_replica: Option<Arc<Replica>>,
    /// Papers with more authors than this make no coauthors unless a filter asks for them.
    consortium_size: u32,
    /// Source precedence of records that are written.
    source_order: Arc<SourceOrder>,
    statement_counter: StatementCounter,
    connections: RequestConnections,
    batcher: StatementBatcher,
    revision_cache: Arc<RevisionCache>,
}

impl Store {
    /// The contents of a connected database.
    #[must_use]
    pub fn new(database: DatabaseConnection, consortium_size: u32) -> Self {
        Self {
            database,
            replicas: Arc::new([]),
            read_replica: None,
            consortium_size,
            source_order: Arc::default(),
            statement_counter: StatementCounter::default(),
            connections: RequestConnections::default(),
            batcher: StatementBatcher::default(),
            revision_cache: Arc::default(),
        }
    }

    /// The same contents, which requests may also read from these copies of the database.
    #[must_use]
    pub fn with_replicas(self, replicas: impl IntoIterator<Item = DatabaseConnection>) -> Self {
        let replicas = replicas.into_iter().map(|database| Arc::new(Replica::new(database))).collect();
        Self { replicas, ..self }
    }

    /// Sets the source precedence of records that are written; by default sources are ordered by name.
    #[must_use]
    pub fn with_source_order(self, order: SourceOrder) -> Self {
        Self { source_order: Arc::new(order), ..self }
    }

    /// The copies that requests may read from.
    #[must_use]
    pub fn replicas(&self) -> &[Arc<Replica>] {
        &self.replicas
    }

    /// The same contents for one request, whose statements are counted for it alone. Where the directory's
    /// moment is known it reads from a copy that has all of it and all that the client has seen, and goes back to the
    /// database itself only where that copy fails.
    pub async fn for_request(&self, moment: Option<&Revision>, seen: Option<Lsn>) -> Self {
        let reads_from = match moment {
            Some(moment) => self.select_replica(moment.lsn.max(seen.unwrap_or(moment.lsn))).await,
            None => None,
        };
        Self {
            statement_counter: self.statement_counter.per_request(),
            connections: self.connections.for_request(),
            batcher: StatementBatcher::for_request(),
            read_replica: reads_from,
            ..self.clone()
        }
    }

    /// A copy that has all up to a position; they take turns.
    async fn select_replica(&self, position: Lsn) -> Option<Arc<Replica>> {
        let number = self.replicas.len();
        let requests: u64 = self.replicas.iter().map(|replica| replica.request_count()).sum();
        let first = usize::try_from(requests).unwrap_or_default().checked_rem(number)?;
        for replica in self.replicas.iter().cycle().skip(first).take(number) {
            if replica.select_if_replayed(position).await {
                return Some(Arc::clone(replica));
            }
        }
        None
    }

    /// How many statements were sent.
    #[must_use]
    pub fn statement_counter(&self) -> StatementCounter {
        self.statement_counter.clone()
    }

    /// The size above which a paper makes no coauthors by default.
    #[must_use]
    pub fn consortium_size(&self) -> u32 {
        self.consortium_size
    }

    /// The batches of one request.
    #[must_use]
    pub fn data_loader(&self) -> DataLoader {
        DataLoader::new(self.clone())
    }
}

/// A row that says for which key it was asked.
struct KeyedRow<T> {
    key: i64,
    value: T,
}

impl<T: FromQueryResult> FromQueryResult for KeyedRow<T> {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self { key: row.try_get(prefix, "parent_key")?, value: T::from_query_result(row, prefix)? })
    }
}

/// The same, read by places: the key first.
fn decode_keyed<T: ColumnProjection>(row: &ResultRow, selected: ColumnSet) -> Result<(i64, Arc<T>), DbErr> {
    let mut places = row.columns()?;
    Ok((places.next_value()?, Arc::new(T::from_columns(&mut places, selected)?)))
}

/// The rows of each key, in the order they came.
fn group_by_key<T>(rows: impl IntoIterator<Item = KeyedRow<T>>) -> HashMap<i64, Vec<T>> {
    let mut groups: HashMap<i64, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(row.key).or_default().push(row.value);
    }
    groups
}
