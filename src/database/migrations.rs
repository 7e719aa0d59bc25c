//! Migrations, which one process at a time applies.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use migration::{DERIVED_TABLES, Migrator, MigratorTrait as _, TABLES};
use sea_orm::sqlx::postgres::{PgConnection, PgPoolOptions};
use sea_orm::sqlx::{self, Row as _};
use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    Statement, TransactionTrait as _,
};

use crate::database::{DatabaseError, Servers, startup_checks};

/// The key of the advisory lock that serializes migrations of several processes.
const MIGRATION_LOCK_KEY: i64 = 0x6163_6164_6469_7231;
/// Interval between attempts to take the lock.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(200);
/// How long the lock is waited for before the log says so.
const LOCK_REPORT_AFTER: Duration = Duration::from_secs(5);

/// A command on the migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationAction {
    /// Apply all pending migrations.
    Up,
    /// Revert the last migration.
    Down,
    /// Change nothing.
    Status,
    /// Apply or revert migrations of an empty database until this many are applied.
    EmptyTo(usize),
}

/// Returns the names of the migrations that are not applied.
///
/// # Errors
/// If the database has migrations of a newer version of the program.
pub(super) async fn pending(connection: &mut PgConnection) -> Result<Vec<String>, DatabaseError> {
    let applied = applied(connection).await?;
    let known: Vec<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    if let Some(unknown) = applied.iter().filter(|name| !known.contains(name)).max() {
        return Err(DatabaseError::NewerSchema(unknown.clone()));
    }
    Ok(known.into_iter().filter(|name| !applied.contains(name)).collect())
}

async fn applied(connection: &mut PgConnection) -> Result<HashSet<String>, sqlx::Error> {
    let exists =
        sqlx::raw_sql("SELECT to_regclass('seaql_migrations') IS NOT NULL").fetch_one(&mut *connection).await?;
    if !exists.try_get::<bool, _>(0)? {
        return Ok(HashSet::new());
    }
    let rows = sqlx::raw_sql("SELECT version FROM seaql_migrations").fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// Applies or reverts migrations, after waiting for another process that does.
///
/// # Errors
/// If a migration fails, the database cannot be changed, or the other process takes longer than `lock_timeout`.
pub(super) async fn run(
    connection: &mut PgConnection,
    servers: &Servers,
    action: MigrationAction,
    lock_timeout: Duration,
) -> Result<(), DatabaseError> {
    if let Some(reason) = startup_checks::read_only_reason(connection).await? {
        return Err(DatabaseError::ReadOnly(reason));
    }
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(servers.options());
    let database = DatabaseConnection::from(pool);
    // One transaction holds the lock and makes the changes: a pooler may give each transaction another session, so that a
    // lock of the session would be lost.
    // The role's own default may be a level at which the migrations of another process would not be seen.
    let (isolation, access) = (Some(IsolationLevel::ReadCommitted), Some(AccessMode::ReadWrite));
    let transaction = database.begin_with_config(isolation, access).await.map_err(DatabaseError::Setup)?;
    let unlimited = "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0; \
         SET LOCAL statement_timeout = 0";
    transaction.execute_unprepared(unlimited).await.map_err(DatabaseError::Setup)?;
    take_lock(&transaction, lock_timeout).await?;
    let migrated = match action {
        MigrationAction::Up => Migrator::up(&transaction, None).await,
        MigrationAction::Down => Migrator::down(&transaction, Some(1)).await,
        MigrationAction::Status => Ok(()),
        MigrationAction::EmptyTo(wanted) => migrate_empty(&transaction, wanted).await?,
    };
    migrated.map_err(DatabaseError::Setup)?;
    transaction.commit().await.map_err(DatabaseError::Setup)?;
    database.close().await.map_err(DatabaseError::Setup)
}

/// Applies or reverts the migrations of an empty database until this many are applied. The inner result is that of a
/// migration.
async fn migrate_empty(transaction: &DatabaseTransaction, wanted: usize) -> Result<Result<(), DbErr>, DatabaseError> {
    if let Some(table) = first_with_rows(transaction).await.map_err(DatabaseError::Setup)? {
        return Err(DatabaseError::NotEmpty(table));
    }
    let applied = Migrator::get_applied_migrations(transaction).await.map_err(DatabaseError::Setup)?.len();
    let steps = |count: usize| u32::try_from(count).ok();
    Ok(match wanted.checked_sub(applied) {
        Some(0) => Ok(()),
        Some(missing) => Migrator::up(transaction, steps(missing)).await,
        None => Migrator::down(transaction, steps(applied - wanted)).await,
    })
}

/// A table with rows that no other table gives.
async fn first_with_rows(transaction: &DatabaseTransaction) -> Result<Option<String>, DbErr> {
    // A new database has settings and an epoch of the change feed, and the queue of disambiguation may be left from rows
    // that were deleted.
    let has_some = ["setting", "identity_pending", "feed_epoch"];
    let is_data = |name: &&str| !DERIVED_TABLES.contains(name) && !has_some.contains(name);
    for table in TABLES.into_iter().filter(is_data) {
        let exists = format!("SELECT to_regclass('{table}') IS NOT NULL");
        let has_rows = format!("SELECT EXISTS (SELECT FROM {table})");
        if is_true(transaction, exists).await? && is_true(transaction, has_rows).await? {
            return Ok(Some(table.to_owned()));
        }
    }
    Ok(None)
}

async fn is_true(transaction: &DatabaseTransaction, sql: String) -> Result<bool, DbErr> {
    let row = transaction.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}

async fn take_lock(transaction: &DatabaseTransaction, lock_timeout: Duration) -> Result<(), DatabaseError> {
    let started_at = Instant::now();
    let mut is_reported = false;
    loop {
        let locked = format!("SELECT pg_try_advisory_xact_lock({MIGRATION_LOCK_KEY})");
        if is_true(transaction, locked).await.map_err(DatabaseError::Setup)? {
            return Ok(());
        }
        let waited = started_at.elapsed();
        if waited >= lock_timeout {
            return Err(DatabaseError::MigrationLocked { holder: lock_holder(transaction).await, waited });
        }
        if waited >= LOCK_REPORT_AFTER && !is_reported {
            is_reported = true;
            let holder = lock_holder(transaction).await;
            tracing::warn!(%holder, seconds = lock_timeout.as_secs(), "waiting for the migrations of another process");
        }
        tokio::time::sleep(LOCK_RETRY_INTERVAL).await;
    }
}

/// Describes the session that holds the lock.
async fn lock_holder(transaction: &DatabaseTransaction) -> String {
    let sql = format!(
        "SELECT format('process %s%s of role %s, since %s', pid, ' at ' || client_addr, usename, \
         to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS TZ')) \
         FROM pg_locks JOIN pg_stat_activity USING (pid) \
         WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = {MIGRATION_LOCK_KEY} \
         AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    let row = transaction.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    let holder = row.map(|row| row.and_then(|row| row.try_get_by_index(0).ok()));
    holder.ok().flatten().unwrap_or_else(|| "another process".to_owned())
}
