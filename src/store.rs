//! Data access: all SQL of the directory, in layers.
//!
//! [`access`] executes statements, [`changes`] is the change feed, [`reader`] queries, [`unit_of_work`] is a write transaction, [`ingest`] writes
//! imported records, [`projections`] maintains derived data, and [`curation`] records manual decisions.

pub mod access;
pub mod changes;
pub mod curation;
pub mod ingest;
pub mod projections;
pub mod reader;
pub mod unit_of_work;

use std::sync::Arc;

use sea_orm::DatabaseConnection;

use crate::database::DatabasePool;
use crate::model::source_order::SourceOrder;
use crate::store::access::connection_pool::ConnectionPool;
use crate::store::access::data_loader::DataLoader;
use crate::store::access::executor::{RequestConnections, StatementCounter};
use crate::store::access::replica::Replica;
use crate::store::access::revision::{Revision, RevisionCache};
use crate::store::access::statement_batcher::StatementBatcher;
use crate::store::access::work_class::WorkClasses;
use crate::store::changes::tailer::ChangeTailer;
use crate::store::unit_of_work::Projection;

/// Access to the directory's database.
#[derive(Clone, Debug)]
pub struct Store {
    /// For transactions; other statements use `pool`.
    database: DatabaseConnection,
    pool: ConnectionPool,
    replicas: Arc<[Arc<Replica>]>,
    /// Read replica used by this request instead of the primary database, with the request's connections to it.
    read_replica: Option<(Arc<Replica>, RequestConnections)>,
    /// Papers with more authors than this are excluded from coauthorship unless a filter overrides it.
    consortium_size: u32,
    /// Source precedence of records that are written.
    source_order: Arc<SourceOrder>,
    /// The projections that every unit of work refreshes, in order.
    projections: &'static [&'static dyn Projection],
    statement_counter: StatementCounter,
    connections: RequestConnections,
    batcher: StatementBatcher,
    work_classes: WorkClasses,
    revision_cache: Arc<RevisionCache>,
    change_tailer: Arc<ChangeTailer>,
}

impl Store {
    /// Creates a store for a connected database. Connections are opened on the current Tokio runtime.
    #[must_use]
    pub fn new(database: &DatabasePool, consortium_size: u32) -> Self {
        let pool = ConnectionPool::new(database);
        Self {
            work_classes: WorkClasses::new(pool.max_connections()),
            database: database.connection.clone(),
            connections: RequestConnections::unlimited(pool.clone()),
            pool,
            replicas: Arc::new([]),
            read_replica: None,
            consortium_size,
            source_order: Arc::default(),
            projections: projections::ALL,
            statement_counter: StatementCounter::default(),
            batcher: StatementBatcher::default(),
            revision_cache: Arc::default(),
            change_tailer: Arc::default(),
        }
    }

    /// Adds read replicas.
    #[must_use]
    pub fn with_replicas<'a>(self, replicas: impl IntoIterator<Item = &'a DatabasePool>) -> Self {
        let replicas = replicas.into_iter().map(|database| Arc::new(Replica::new(database))).collect();
        Self { replicas, ..self }
    }

    /// Sets the source precedence: if records contradict each other, the source that ranks first wins. By default
    /// sources rank by name.
    #[must_use]
    pub fn with_source_order(self, order: SourceOrder) -> Self {
        Self { source_order: Arc::new(order), ..self }
    }

    /// Returns the read replicas.
    #[must_use]
    pub fn replicas(&self) -> &[Arc<Replica>] {
        &self.replicas
    }

    /// Returns a store for one request, with its own statement counter. If the current revision is known, the request
    /// reads from a replica that has replayed it. The primary database is used if that replica fails.
    pub async fn for_request(&self, revision: Option<&Revision>) -> Self {
        let read_replica = match revision {
            Some(revision) => self.select_replica(revision).await,
            None => None,
        };
        let connect = |replica: Arc<Replica>| {
            let connections = RequestConnections::for_request(replica.pool().clone());
            (replica, connections)
        };
        Self {
            statement_counter: self.statement_counter.per_request(),
            connections: RequestConnections::for_request(self.pool.clone()),
            batcher: StatementBatcher::for_request(),
            work_classes: self.work_classes.for_request(),
            read_replica: read_replica.map(connect),
            ..self.clone()
        }
    }

    /// Returns a store for work that outlives the request.
    pub(crate) fn without_request(&self) -> Self {
        Self {
            connections: RequestConnections::unlimited(self.pool.clone()),
            batcher: StatementBatcher::default(),
            read_replica: None,
            ..self.clone()
        }
    }

    /// Returns what follows the change feed for the subscribers of this instance.
    pub(crate) fn change_tailer(&self) -> &Arc<ChangeTailer> {
        &self.change_tailer
    }

    /// Selects a replica that has replayed this revision, round robin.
    async fn select_replica(&self, revision: &Revision) -> Option<Arc<Replica>> {
        let count = self.replicas.len();
        let requests: u64 = self.replicas.iter().map(|replica| replica.request_count()).sum();
        let first = usize::try_from(requests).unwrap_or_default().checked_rem(count)?;
        for replica in self.replicas.iter().cycle().skip(first).take(count) {
            if replica.select_if_replayed(revision).await {
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

    /// Sources with precedence over others, highest first.
    pub(crate) fn source_order(&self) -> &SourceOrder {
        &self.source_order
    }

    /// The projections that every unit of work refreshes, in order.
    pub(crate) fn projections(&self) -> &'static [&'static dyn Projection] {
        self.projections
    }

    /// Creates the data loader of a request.
    #[must_use]
    pub fn data_loader(&self) -> DataLoader {
        DataLoader::new(self.clone())
    }
}
