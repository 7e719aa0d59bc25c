//! Health check of the database: one background task checks it for all readers, over a connection of its own. If that
//! connection fails, the check is repeated over a new one before the database counts as unreachable.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use migration::{FUNCTIONS, Migrator, MigratorTrait as _};
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Error as SqlxError};
use tokio::sync::watch;

use crate::store::Store;
use crate::store::access::probe;

/// Interval between health checks.
const HEALTH_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// The same while the database does not respond, since requests are rejected until it does.
const RECOVERY_CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Timeout of a health check, well above what a busy machine needs.
const HEALTH_CHECK_TIMEOUT: Duration = Duration::from_millis(1500);

/// Result of the last health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The database responds, and all migrations are applied.
    Healthy,
    /// The database responds, but migrations are pending.
    MigrationsPending,
    /// The database responds, but SQL functions of the directory are missing: a backup was not restored completely.
    FunctionsMissing,
    /// The database does not respond.
    Unreachable,
}

/// Shared view of the last health check.
#[derive(Clone, Debug)]
pub struct HealthMonitor(watch::Receiver<Health>);

impl HealthMonitor {
    /// Returns the result of the last health check.
    #[must_use]
    pub fn health(&self) -> Health {
        *self.0.borrow()
    }

    /// Returns when the database becomes unreachable.
    pub async fn wait_until_unreachable(&mut self) {
        if self.0.wait_for(|health| *health == Health::Unreachable).await.is_err() {
            // The sender is gone: the service is shutting down.
            std::future::pending::<()>().await;
        }
    }
}

impl Store {
    /// Starts the background health check, which stops when every [`HealthMonitor`] is dropped.
    #[must_use]
    pub fn monitor_health(&self) -> HealthMonitor {
        let (sender, receiver) = watch::channel(Health::Healthy);
        let store = self.clone();
        tokio::spawn(async move {
            let mut connection = None;
            let mut interval = HEALTH_CHECK_INTERVAL;
            loop {
                tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    () = sender.closed() => return,
                }
                let check = probe::ask(connection.take(), store.pool.servers(), check_health);
                let result = tokio::time::timeout(HEALTH_CHECK_TIMEOUT, check).await;
                let (health, missing_functions) = match result {
                    Ok(Ok((answer, kept))) => {
                        connection = Some(kept);
                        answer
                    }
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "the database health check failed");
                        (Health::Unreachable, Vec::new())
                    }
                    Err(_) => (Health::Unreachable, Vec::new()),
                };
                interval = match health {
                    Health::Unreachable => RECOVERY_CHECK_INTERVAL,
                    Health::Healthy | Health::MigrationsPending | Health::FunctionsMissing => HEALTH_CHECK_INTERVAL,
                };
                let changed = sender.send_if_modified(|current| std::mem::replace(current, health) != health);
                match health {
                    _ if !changed => {}
                    Health::Healthy => tracing::info!("the database connection is restored"),
                    Health::MigrationsPending => tracing::warn!("database migrations are pending"),
                    Health::FunctionsMissing => tracing::error!(
                        functions = missing_functions.join(", "),
                        "functions of the directory are missing in the database; if it was restored from a backup, restore it again \
                         and correct the errors that pg_restore or psql reports"
                    ),
                    Health::Unreachable => {
                        tracing::warn!("the database is unreachable; requests are rejected until it responds");
                    }
                }
            }
        });
        HealthMonitor(receiver)
    }
}

/// The number of applied migrations, and the functions of the directory that the role does not find.
const CHECK: &str = "SELECT count(*), array(SELECT name FROM unnest($1::text[]) AS name WHERE NOT EXISTS \
    (SELECT FROM pg_proc WHERE proname = name AND pg_function_is_visible(pg_proc.oid))) FROM seaql_migrations";

fn check_health(connection: &mut PgConnection) -> BoxFuture<'_, Result<(Health, Vec<String>), SqlxError>> {
    async {
        let check = sqlx::query_as(CHECK).bind(FUNCTIONS.as_slice()).fetch_one(connection).await;
        let (applied, missing): (i64, Vec<String>) = match check {
            Ok(found) => found,
            // The table does not exist.
            Err(SqlxError::Database(error)) if error.code().as_deref() == Some("42P01") => {
                return Ok((Health::MigrationsPending, Vec::new()));
            }
            Err(error) => return Err(error),
        };
        if usize::try_from(applied).unwrap_or(0) < Migrator::migrations().len() {
            return Ok((Health::MigrationsPending, Vec::new()));
        }
        Ok((if missing.is_empty() { Health::Healthy } else { Health::FunctionsMissing }, missing))
    }
    .boxed()
}
