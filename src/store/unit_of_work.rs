//! The unit of work: one transaction under the write lock, in which records, curation decisions and derived data are
//! written.
//!
//! A unit of work collects what it changed and refreshes every registered [`Projection`] before it is committed. Code
//! that changes rows reports the change here and does not name the projections that depend on it.

use std::collections::HashSet;
use std::fmt::Debug;
use std::time::Instant;

use futures_util::future::{self, BoxFuture};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveEnum as _, ConnectionTrait as _, DatabaseTransaction, EntityTrait as _, FromQueryResult, TryGetableMany,
};

use crate::entity::setting;
use crate::error::Error;
use crate::model::activity::ActivityKind;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::model::source_order::SourceOrder;
use crate::store::Store;
use crate::store::access::retry::UNLIMITED_TRANSACTION;
use crate::store::access::sql_fragment::{Sql, sql};
use crate::store::unit_of_work::dirty::DirtyEntities;
use crate::store::unit_of_work::json_rows::{JsonRow, rows_cte};

mod activity_retention;
pub(crate) mod dirty;
pub(crate) mod json_rows;
mod shown_authors;
pub(crate) mod step_size;
pub(crate) mod unacknowledged_commit;

/// Key of the advisory lock that serializes writers, so that two imports do not create the same entity twice.
pub const WRITE_LOCK_KEY: i64 = 0x6163_6164_6469_7232;

/// The setting of a transaction that tells the database's triggers who writes: `app` has the lock and records its changes
/// itself, `restore` does not record them.
const WRITER: &str = "directory.writer";

/// Makes a transaction independent of `default_transaction_isolation`. Each statement sees what was committed before it, as
/// the code expects of statements after the write lock. `default_transaction_read_only` is respected: a provider sets it
/// when the disk is almost full.
const READ_COMMITTED: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// The effect of a record on the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// An entity was created.
    Created,
    /// An entity was updated.
    Updated,
    /// The record was stored before, with the same digest.
    Unchanged,
}

/// The result of writing a batch of records.
#[derive(Debug, Default)]
pub struct BatchReport {
    /// The effect of each record, in the order of the batch.
    pub effects: Vec<Option<Effect>>,
    /// Warnings, each with the index of its record in the batch.
    pub notes: Vec<(usize, String)>,
    /// Whether another writer waited for the write lock when the batch was committed.
    pub is_awaited: bool,
}

/// Whether the planner may scan whole tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableScans {
    /// Rows are found by indexes. Generic plans may be made while the tables of a new directory are empty, and would
    /// scan them for as long as the connection lives.
    Avoid,
    /// For work that reads whole tables.
    Allow,
}

/// A statement, with the semicolon that separates it from the next.
const NO_TABLE_SCANS: &str = "SET LOCAL enable_seqscan = off;";

/// The result of one step of a [`Projection`].
pub(crate) type ProjectionFuture<'u> = BoxFuture<'u, Result<(), Error>>;

/// A change that projections may have to apply before the next statement of the transaction.
#[derive(Clone, Copy)]
pub(crate) enum ProjectionEvent<'u> {
    /// Papers were inserted with their authors.
    PapersInserted(&'u [i64]),
    /// Authorships were inserted, deleted or moved to other researchers.
    AuthorsChanged {
        /// The researchers who had or have one of the authorships.
        researchers: &'u HashSet<i64>,
        /// The pairs of coauthors on the papers before and after, in both directions.
        pairs: &'u HashSet<(i64, i64)>,
    },
    /// The folded names of organizations or topics were written.
    SortNamesChanged {
        /// The type of the entities: organizations or topics.
        kind: EntityType,
        /// The names of each id.
        sort_names: &'u [(i64, &'u LocalizedText)],
    },
    /// Entities are about to be deleted.
    EntitiesRemoved {
        /// The type of the entities.
        kind: EntityType,
        /// Their ids.
        ids: &'u [i64],
    },
}

/// Data that is derived from other rows and kept consistent with them in the same transaction.
///
/// All projections stand in one list, which the store registers and [`UnitOfWork::commit`] refreshes in order.
pub(crate) trait Projection: Debug + Sync {
    /// Applies a change that cannot wait for the commit. The default does nothing.
    fn on_event<'u>(&'u self, uow: &'u mut UnitOfWork<'_>, event: ProjectionEvent<'u>) -> ProjectionFuture<'u> {
        let _ = (uow, event);
        Box::pin(future::ready(Ok(())))
    }

    /// Refreshes what depends on the entities marked in [`UnitOfWork::dirty`], and unmarks them. Does nothing if none
    /// is marked. The default does nothing.
    fn refresh<'u>(&'u self, uow: &'u mut UnitOfWork<'_>) -> ProjectionFuture<'u> {
        let _ = uow;
        Box::pin(future::ready(Ok(())))
    }
}

/// One transaction with what it changed so far. Dropping it rolls the transaction back.
pub(crate) struct UnitOfWork<'s> {
    store: &'s Store,
    transaction: DatabaseTransaction,
    source: &'s str,
    activity: ActivityKind,
    /// When it took the write lock.
    locked_at: Instant,
    report: BatchReport,
    /// What the projections have to refresh.
    pub(crate) dirty: DirtyEntities,
}

impl<'s> UnitOfWork<'s> {
    /// Begins a transaction under the write lock. The caller runs in [`Store::retry`].
    pub(crate) async fn begin(store: &'s Store, scans: TableScans) -> Result<UnitOfWork<'s>, Error> {
        let mut uow = Self::begin_unlocked(store).await?;
        let settings = match scans {
            TableScans::Avoid => NO_TABLE_SCANS,
            TableScans::Allow => "",
        };
        let lock = format!("SELECT pg_advisory_xact_lock({WRITE_LOCK_KEY})");
        uow.execute_unprepared(&format!("{settings} {lock}; SELECT set_config('{WRITER}', 'app', true)")).await?;
        uow.locked_at = Instant::now();
        Ok(uow)
    }

    /// Begins a transaction that may write, without the write lock, for maintenance.
    pub(crate) async fn begin_unlocked(store: &'s Store) -> Result<UnitOfWork<'s>, Error> {
        let uow = Self::new(store, store.begin().await?);
        uow.execute_unprepared(&format!("{READ_COMMITTED}; {UNLIMITED_TRANSACTION}")).await?;
        Ok(uow)
    }

    /// Begins a transaction without the write lock, for reads only, all of the same state.
    pub(crate) async fn begin_read_only(store: &'s Store) -> Result<UnitOfWork<'s>, Error> {
        Ok(Self::new(store, store.begin_snapshot().await?))
    }

    /// Finds rows by indexes from now on.
    pub(crate) async fn avoid_table_scans(&self) -> Result<(), Error> {
        self.execute_unprepared(NO_TABLE_SCANS).await
    }

    fn new(store: &'s Store, transaction: DatabaseTransaction) -> Self {
        let (report, dirty) = (BatchReport::default(), DirtyEntities::default());
        let activity = ActivityKind::Maintenance;
        Self { store, transaction, source: "", activity, locked_at: Instant::now(), report, dirty }
    }

    /// The same unit of work, for a batch of records of one source.
    pub(crate) fn for_batch(self, source: &'s str, record_count: usize) -> Self {
        let report = BatchReport { effects: vec![None; record_count], ..BatchReport::default() };
        Self { source, activity: ActivityKind::Import, report, ..self }
    }

    /// The same unit of work, for what it does besides writing records.
    pub(crate) fn for_activity(self, activity: ActivityKind) -> Self {
        Self { activity, ..self }
    }

    /// Does not record what is written from now on: the rows of a backup, among which is the feed that they belong to.
    pub(crate) async fn write_without_feed(&self) -> Result<(), Error> {
        self.execute_unprepared(&format!("SELECT set_config('{WRITER}', 'restore', true)")).await
    }

    /// When it took the write lock.
    pub(crate) fn locked_at(&self) -> Instant {
        self.locked_at
    }

    /// The source of the records; empty if none are written.
    pub(crate) fn source(&self) -> &'s str {
        self.source
    }

    /// Sources with precedence over others, highest first.
    pub(crate) fn source_order(&self) -> &'s SourceOrder {
        self.store.source_order()
    }

    /// Papers with more authors are excluded from coauthorship.
    pub(crate) fn consortium_size(&self) -> u32 {
        self.store.consortium_size()
    }

    /// Reports the effect of the record at an index of the batch.
    pub(crate) fn record_effect(&mut self, index: usize, effect: Effect) {
        self.dirty.statistics |= effect != Effect::Unchanged;
        self.report.effects[index] = Some(effect);
    }

    /// Adds a warning about the record at an index of the batch.
    pub(crate) fn add_note(&mut self, index: usize, note: String) {
        self.report.notes.push((index, note));
    }

    /// Marks entities whose names or texts may have changed.
    pub(crate) fn mark_dirty(&mut self, kind: EntityType, ids: impl IntoIterator<Item = i64>) {
        self.dirty.entities.entry(kind).or_default().extend(ids);
    }

    /// Applies a change to all projections that cannot wait for the commit.
    pub(crate) async fn notify(&mut self, event: ProjectionEvent<'_>) -> Result<(), Error> {
        for projection in self.store.projections() {
            projection.on_event(self, event).await?;
        }
        Ok(())
    }

    /// Refreshes all projections. Needed before the commit only by code that reads them.
    pub(crate) async fn refresh_projections(&mut self) -> Result<(), Error> {
        for projection in self.store.projections() {
            projection.refresh(self).await?;
        }
        Ok(())
    }

    /// Refreshes all projections, records what changed in the feed, and commits.
    pub(crate) async fn commit(mut self) -> Result<BatchReport, Error> {
        self.refresh_projections().await?;
        self.record_changes().await?;
        self.report.is_awaited = !self.report.effects.is_empty() && self.is_awaited().await?;
        self.store.commit(self.transaction).await?;
        let held_ms = u64::try_from(self.locked_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(held_ms, activity = self.activity.to_value(), "released the write lock");
        Ok(self.report)
    }

    /// Commits without refreshing the projections or recording changes: the schema may be older than they are, and they are
    /// rebuilt later; or nothing was written.
    pub(crate) async fn commit_unprojected(self) -> Result<(), Error> {
        self.store.commit(self.transaction).await
    }

    /// Commits, or rolls back in a dry run, in which the projections are refreshed all the same.
    pub(crate) async fn finish(mut self, dry_run: bool) -> Result<(), Error> {
        if dry_run {
            self.refresh_projections().await?;
            return self.rollback().await;
        }
        self.commit().await.map(drop)
    }

    /// Whether another writer waits for the write lock. Asked before the commit, after which the other has it.
    async fn is_awaited(&self) -> Result<bool, Error> {
        let sql = sql!(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objsubid = 1 \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND (classid::bigint << 32) + objid::bigint = ?)",
            WRITE_LOCK_KEY,
        );
        Ok(self.tuples::<bool>(sql).await?.contains(&true))
    }

    /// Moves the entities that changed to the end of the feed. The last statement, so that the positions of the feed are in
    /// the order of commits. Triggers have noted what changed: see `migration::changed_fields`.
    async fn record_changes(&self) -> Result<(), Error> {
        self.note_shown_authors().await?;
        let source = Some(self.source).filter(|source| !source.is_empty()).map(ToOwned::to_owned);
        self.execute(sql!("SELECT record_changes(?::text, ?::text)", self.activity.to_value(), source)).await
    }

    /// Rolls the transaction back.
    pub(crate) async fn rollback(self) -> Result<(), Error> {
        Ok(self.transaction.rollback().await?)
    }

    /// The transaction, in which SeaORM executes statements: `Entity::find().one(uow.db())`.
    pub(crate) fn db(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// The rows of a query.
    pub(crate) async fn rows<T: FromQueryResult>(&self, sql: Sql) -> Result<Vec<T>, Error> {
        let rows = self.transaction.query_all_raw(sql.into_statement()?).await?;
        rows.iter().map(|row| T::from_query_result(row, "").map_err(Error::from)).collect()
    }

    /// The rows as values of their only column, or as tuples of their columns in order.
    pub(crate) async fn tuples<T: TryGetableMany>(&self, sql: Sql) -> Result<Vec<T>, Error> {
        let rows = self.transaction.query_all_raw(sql.into_statement()?).await?;
        rows.iter().map(|row| row.try_get_many_by_index().map_err(Error::from)).collect()
    }

    /// Executes a statement.
    pub(crate) async fn execute(&self, sql: Sql) -> Result<(), Error> {
        self.transaction.execute_raw(sql.into_statement()?).await?;
        Ok(())
    }

    /// Executes statements without parameters, as text.
    pub(crate) async fn execute_unprepared(&self, sql: &str) -> Result<(), Error> {
        self.transaction.execute_unprepared(sql).await?;
        Ok(())
    }

    /// Executes a statement over rows, which it refers to as `rows`: `INSERT … SELECT … FROM rows`. Does nothing
    /// without rows.
    pub(crate) async fn execute_with_rows<T: JsonRow>(&self, rows: &[T], statement: &str) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        self.execute(rows_cte(rows)?.then(statement)).await
    }

    /// New ids from the sequence of a table.
    pub(crate) async fn allocate_ids(&self, table: &str, count: usize) -> Result<Vec<i64>, Error> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT nextval('{table}_id_seq') AS id FROM generate_series(1, ?)");
        self.tuples(Sql::with(&sql, i64::try_from(count).unwrap_or(i64::MAX))).await
    }

    /// Stores a value under a name in the table `setting`.
    pub(crate) async fn store_setting(&self, name: &str, value: &str) -> Result<(), Error> {
        let setting = setting::ActiveModel { name: Set(name.to_owned()), value: Set(value.to_owned()) };
        let replace = OnConflict::column(setting::Column::Name).update_column(setting::Column::Value).to_owned();
        setting::Entity::insert(setting).on_conflict(replace).exec_without_returning(&self.transaction).await?;
        Ok(())
    }
}
