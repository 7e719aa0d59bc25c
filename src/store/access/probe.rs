//! Questions about the state of a database server, over a connection apart from the pool, so that they do not wait behind
//! statements.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, select_ok};
use sea_orm::sqlx;
use sea_orm::sqlx::postgres::PgConnection;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::database::Servers;
use crate::store::access::executor::with_new_session;

/// How long a kept connection may take before a new one is tried too: it may be dead without a sign, if a firewall has
/// forgotten it.
const PATIENCE: Duration = Duration::from_millis(500);

/// A question, which must not change anything.
pub(crate) type Question<T> = fn(&mut PgConnection) -> BoxFuture<'_, Result<T, sqlx::Error>>;

/// Asks a question over a kept connection, if there is one. If that fails or takes long, asks again over a new one, since
/// the end of one connection says nothing about the server. Returns the answer, and the connection to keep.
///
/// If dropped, the connection is closed with its pending question.
pub(crate) async fn ask<T: Send>(
    kept: Option<PgConnection>,
    servers: &Servers,
    question: Question<T>,
) -> Result<(T, PgConnection), sqlx::Error> {
    let ask_anew = || with_new_session(move || async move { ask_on(servers.connect().await?, question).await });
    let Some(kept) = kept else { return ask_anew().await };
    let failed = Notify::new();
    let first = async { ask_on(kept, question).await.inspect_err(|_| failed.notify_one()) };
    let second = async {
        // Elapsed or failed: the next step is the same.
        let _ = timeout(PATIENCE, failed.notified()).await;
        ask_anew().await
    };
    let (answer, _other) = select_ok([first.boxed(), second.boxed()]).await?;
    Ok(answer)
}

async fn ask_on<T>(mut connection: PgConnection, question: Question<T>) -> Result<(T, PgConnection), sqlx::Error> {
    Ok((question(&mut connection).await?, connection))
}
