//! Health check of the database: one background task checks it for all readers, over a connection of its own.

use std::time::Duration;

use migration::{Migrator, MigratorTrait as _};
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, ConnectOptions as _};
use tokio::sync::watch;

use crate::store::Store;

/// Interval between health checks.
const HEALTH_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Timeout of a health check, well above what a busy machine needs.
const HEALTH_CHECK_TIMEOUT: Duration = Duration::from_millis(1500);

/// Result of the last health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The database responds, and all migrations are applied.
    Healthy,
    /// The database responds, but migrations are pending.
    MigrationsPending,
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
            loop {
                tokio::select! {
                    () = tokio::time::sleep(HEALTH_CHECK_INTERVAL) => {}
                    () = sender.closed() => return,
                }
                let result = tokio::time::timeout(HEALTH_CHECK_TIMEOUT, store.check_health(&mut connection)).await;
                let health = match result {
                    Ok(Ok(health)) => health,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "the database health check failed");
                        Health::Unreachable
                    }
                    Err(_) => Health::Unreachable,
                };
                if health == Health::Unreachable {
                    connection = None;
                }
                let changed = sender.send_if_modified(|current| std::mem::replace(current, health) != health);
                match health {
                    _ if !changed => {}
                    Health::Healthy => tracing::info!("the database connection is restored"),
                    Health::MigrationsPending => tracing::warn!("database migrations are pending"),
                    Health::Unreachable => {
                        tracing::warn!("the database is unreachable; requests are rejected until it responds");
                    }
                }
            }
        });
        HealthMonitor(receiver)
    }

    async fn check_health(&self, connection: &mut Option<PgConnection>) -> Result<Health, sea_orm::SqlxError> {
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.database.get_postgres_connection_pool().connect_options().connect().await?,
        };
        let applied = sqlx::query_scalar("SELECT count(*) FROM seaql_migrations").fetch_one(&mut open).await;
        let health = match applied {
            Ok(applied) if usize::try_from(applied).unwrap_or(0) >= Migrator::migrations().len() => Health::Healthy,
            // The table does not exist.
            Err(sea_orm::SqlxError::Database(error)) if error.code().as_deref() == Some("42P01") => {
                Health::MigrationsPending
            }
            Ok::<i64, _>(_) => Health::MigrationsPending,
            Err(error) => return Err(error),
        };
        *connection = Some(open);
        Ok(health)
    }
}
