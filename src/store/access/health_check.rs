//! Whether the database answers, asked for all requests by one, over a connection of its own.

use std::time::Duration;

use migration::{Migrator, MigratorTrait as _};
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, ConnectOptions as _};
use tokio::sync::watch;

use crate::store::Store;

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(500);
/// How long it may take to answer, which is far more than it needs on a busy machine.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What the database answered when it was last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is there, with all tables.
    Good,
    /// It is there, but misses migrations.
    NotMigrated,
    /// It does not answer.
    Gone,
}

/// The latest answer, for any number of readers.
#[derive(Clone, Debug)]
pub struct Pulse(watch::Receiver<Health>);

impl Pulse {
    /// What the database answered when it was last asked.
    #[must_use]
    pub fn health(&self) -> Health {
        *self.0.borrow()
    }

    /// Ends when the database is found not to answer.
    pub async fn lost(&mut self) {
        if self.0.wait_for(|health| *health == Health::Gone).await.is_err() {
            // Nobody asks any more: the service ends.
            std::future::pending::<()>().await;
        }
    }
}

impl Store {
    /// Begins to ask, for as long as somebody listens.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        let (teller, listener) = watch::channel(Health::Good);
        let store = self.clone();
        tokio::spawn(async move {
            let mut connection = None;
            loop {
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = teller.closed() => return,
                }
                let asked = tokio::time::timeout(PATIENCE, store.ask(&mut connection)).await;
                let health = match asked {
                    Ok(Ok(health)) => health,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "the database was asked");
                        Health::Gone
                    }
                    Err(_) => Health::Gone,
                };
                if health == Health::Gone {
                    connection = None;
                }
                let changed = teller.send_if_modified(|known| std::mem::replace(known, health) != health);
                match health {
                    _ if !changed => {}
                    Health::Good => tracing::info!("the database is there again"),
                    Health::NotMigrated => tracing::warn!("the database misses migrations"),
                    Health::Gone => tracing::warn!("the database does not answer; requests are refused until it does"),
                }
            }
        });
        Pulse(listener)
    }

    async fn ask(&self, connection: &mut Option<PgConnection>) -> Result<Health, sea_orm::SqlxError> {
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.database.get_postgres_connection_pool().connect_options().connect().await?,
        };
        let applied = sqlx::query_scalar("SELECT count(*) FROM seaql_migrations").fetch_one(&mut open).await;
        let health = match applied {
            Ok(applied) if usize::try_from(applied).unwrap_or(0) >= Migrator::migrations().len() => Health::Good,
            // No such table.
            Err(sea_orm::SqlxError::Database(error)) if error.code().as_deref() == Some("42P01") => Health::NotMigrated,
            Ok::<i64, _>(_) => Health::NotMigrated,
            Err(error) => return Err(error),
        };
        *connection = Some(open);
        Ok(health)
    }
}
