//! Data access: all SQL of the directory. See the modules for the layers.

pub mod access;
pub mod curation;
pub mod ingest;
pub mod projections;
pub mod reader;
pub mod unit_of_work;

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{DatabaseConnection, DbErr, FromQueryResult};

use crate::store::access::column_projection::{ColumnProjection, ColumnSet};
use crate::store::access::data_loader::DataLoader;
use crate::store::access::executor::{RequestConnections, StatementCounter};
use crate::store::access::replica::Replica;
use crate::store::access::revision::{Lsn, Revision, RevisionCache};
use crate::store::access::statement_batcher::{ResultRow, StatementBatcher};

/// Access to the directory's database.
#[derive(Clone, Debug)]
pub struct Store {
    database: DatabaseConnection,
    replicas: Arc<[Arc<Replica>]>,
    /// Read replica used by this request instead of the primary database.
    read_replica: Option<Arc<Replica>>,
    /// Papers with more authors than this are excluded from coauthorship unless a filter overrides it.
    consortium_size: u32,
    /// Source precedence, highest first.
    source_order: Arc<[String]>,
    statement_counter: StatementCounter,
    connections: RequestConnections,
    batcher: StatementBatcher,
    revision_cache: Arc<RevisionCache>,
}

impl Store {
    /// Creates a store for a connected database.
    #[must_use]
    pub fn new(database: DatabaseConnection, consortium_size: u32) -> Self {
        Self {
            database,
            replicas: Arc::new([]),
            read_replica: None,
            consortium_size,
            source_order: Arc::new([]),
            statement_counter: StatementCounter::default(),
            connections: RequestConnections::default(),
            batcher: StatementBatcher::default(),
            revision_cache: Arc::default(),
        }
    }

    /// Adds read replicas.
    #[must_use]
    pub fn with_replicas(self, replicas: impl IntoIterator<Item = DatabaseConnection>) -> Self {
        let replicas = replicas.into_iter().map(|database| Arc::new(Replica::new(database))).collect();
        Self { replicas, ..self }
    }

    /// Sets the source precedence, highest first: if records contradict each other, the source listed first wins.
    #[must_use]
    pub fn with_source_order(self, sources: impl IntoIterator<Item = String>) -> Self {
        Self { source_order: sources.into_iter().map(|source| source.trim().to_owned()).collect(), ..self }
    }

    /// Returns the read replicas.
    #[must_use]
    pub fn replicas(&self) -> &[Arc<Replica>] {
        &self.replicas
    }

    /// Returns a store for one request, with its own statement counter. If the current revision is known, the request
    /// reads from a replica that has replayed it and everything the client has seen. The primary database is used if
    /// that replica fails.
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

    /// Selects a replica that has replayed this position, round robin.
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

    /// Returns the counter of sent statements.
    #[must_use]
    pub fn statement_counter(&self) -> StatementCounter {
        self.statement_counter.clone()
    }

    /// Returns the maximum number of authors of papers that count as coauthorship by default.
    #[must_use]
    pub fn consortium_size(&self) -> u32 {
        self.consortium_size
    }

    /// Creates the data loader of a request.
    #[must_use]
    pub fn data_loader(&self) -> DataLoader {
        DataLoader::new(self.clone())
    }
}

/// Row with the key it belongs to.
struct KeyedRow<T> {
    key: i64,
    value: T,
}

impl<T: FromQueryResult> FromQueryResult for KeyedRow<T> {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self { key: row.try_get(prefix, "parent_key")?, value: T::from_query_result(row, prefix)? })
    }
}

/// Decodes a row whose first column is its key.
fn decode_keyed<T: ColumnProjection>(row: &ResultRow, selected: ColumnSet) -> Result<(i64, Arc<T>), DbErr> {
    let mut places = row.columns()?;
    Ok((places.next_value()?, Arc::new(T::from_columns(&mut places, selected)?)))
}

/// Groups rows by key, in order.
fn group_by_key<T>(rows: impl IntoIterator<Item = KeyedRow<T>>) -> HashMap<i64, Vec<T>> {
    let mut groups: HashMap<i64, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(row.key).or_default().push(row.value);
    }
    groups
}
