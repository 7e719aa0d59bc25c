//! Whether the database answers, asked for all requests by one, over a connection of its own.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::watch;

use super::Store;

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(500);
/// How long it may take to answer, which is far more than it needs on a busy machine.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The latest answer, for any number of readers.
#[derive(Clone, Debug)]
pub struct Pulse(watch::Receiver<bool>);

impl Pulse {
    /// Whether the database answered when it was last asked.
    #[must_use]
    pub fn is_there(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when the database is found not to answer.
    pub async fn lost(&mut self) {
        if self.0.wait_for(|is_there| !is_there).await.is_err() {
            // Nobody asks any more: the service ends.
            std::future::pending::<()>().await;
        }
    }
}

impl Store {
    /// Begins to ask, for as long as somebody listens.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        let (teller, listener) = watch::channel(true);
        let store = self.clone();
        tokio::spawn(async move {
            let mut connection = None;
            loop {
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = teller.closed() => return,
                }
                let asked = tokio::time::timeout(PATIENCE, store.is_there(&mut connection)).await;
                let is_there = match asked {
                    Ok(Ok(())) => true,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "the database was asked");
                        false
                    }
                    Err(_) => false,
                };
                if !is_there {
                    connection = None;
                }
                let changed = teller.send_if_modified(|known| std::mem::replace(known, is_there) != is_there);
                match (changed, is_there) {
                    (true, true) => tracing::info!("the database is there again"),
                    (true, false) => tracing::warn!("the database does not answer; requests are refused until it does"),
                    (false, _) => {}
                }
            }
        });
        Pulse(listener)
    }

    async fn is_there(&self, connection: &mut Option<PgConnection>) -> Result<(), sea_orm::SqlxError> {
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.database.get_postgres_connection_pool().connect_options().connect().await?,
        };
        open.ping().await?;
        *connection = Some(open);
        Ok(())
    }
}
