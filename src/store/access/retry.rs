//! Retry of transactions that failed for a transient reason: a deadlock, a lock held by another session, a restart or a
//! failover of the database.

use std::time::{Duration, Instant};

use crate::error::{Error, Transience};
use crate::store::Store;

/// Maximum number of attempts if others are in the way: with the pauses, about 15 s and the attempts themselves.
pub const MAX_CONTENDED_ATTEMPTS: u32 = 10;
/// How long to wait for a database that does not respond, or does not accept writes. A failover takes up to 30 s.
pub const MAX_OUTAGE: Duration = Duration::from_secs(60);
/// The pause before the second attempt. Each further pause is twice as long, up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(3);

/// Lifts the timeouts that the role or the server may set: a transaction takes longer than a request may, and waits for
/// another import. `transaction_timeout` exists since Postgres 17.
pub(crate) const UNLIMITED_TRANSACTION: &str = "SELECT set_config(name, '0', true) FROM unnest(ARRAY['statement_timeout', \
    'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout']) AS name \
    WHERE current_setting(name, true) IS NOT NULL";

/// What an operation may fail with.
pub(crate) trait StoreFailure {
    /// The error of the database; `None` if the operation was rejected for another reason.
    fn database_error(&self) -> Option<&Error>;
}

impl StoreFailure for Error {
    fn database_error(&self) -> Option<&Error> {
        Some(self)
    }
}

impl Store {
    /// Repeats a transaction, all of it, until it succeeds, fails for good, or the bounds are reached:
    /// [`MAX_CONTENDED_ATTEMPTS`], and [`MAX_OUTAGE`] spent in pauses and in vain attempts to connect. Returns the last
    /// error then.
    ///
    /// A transaction whose commit is not acknowledged may be repeated although it was committed: it must be idempotent,
    /// or use [`UnacknowledgedCommit`](crate::store::unit_of_work::unacknowledged_commit).
    pub(crate) async fn retry<T, E: StoreFailure, F: Future<Output = Result<T, E>>>(
        &self,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, E> {
        let (mut contended_attempts, mut outage, mut pause) = (0, Duration::ZERO, FIRST_PAUSE);
        loop {
            let started_at = Instant::now();
            let failure = match attempt().await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let Some(error) = failure.database_error() else { return Err(failure) };
            let is_exhausted = match error.transience() {
                None => return Err(failure),
                Some(Transience::Contended) => {
                    contended_attempts += 1;
                    contended_attempts >= MAX_CONTENDED_ATTEMPTS
                }
                Some(Transience::Unconnected) => {
                    outage += started_at.elapsed();
                    outage >= MAX_OUTAGE
                }
                Some(Transience::Disconnected) => outage >= MAX_OUTAGE,
                Some(Transience::ReadOnly) => {
                    self.close_idle_transaction_connections();
                    outage >= MAX_OUTAGE
                }
            };
            if is_exhausted {
                return Err(failure);
            }
            let error = describe_cause(error);
            tracing::warn!(error, pause_ms = pause.as_millis(), "a transaction was rolled back; it is repeated");
            tokio::time::sleep(pause).await;
            outage += pause;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Closes the connections that past transactions left: after a failover, they may lead to a server that has become a
    /// standby.
    fn close_idle_transaction_connections(&self) {
        let pool = self.database.get_postgres_connection_pool();
        while let Some(mut connection) = pool.try_acquire() {
            connection.close_on_drop();
        }
    }
}

/// Says why an operation failed, with all causes, and how long it was repeated.
#[must_use]
pub fn describe_failure(error: &Error) -> String {
    let text = describe_cause(error);
    match error.transience() {
        None => text,
        Some(Transience::Contended) => format!("{text}; gave up after {MAX_CONTENDED_ATTEMPTS} attempts"),
        Some(_) => format!("{text}; gave up after {} seconds", MAX_OUTAGE.as_secs()),
    }
}

fn describe_cause(error: &Error) -> String {
    // For a command, the advice of the message for clients, to retry in a few seconds, is wrong.
    let mut text = if let Error::Unavailable(cause) = error { cause.to_string() } else { error.to_string() };
    let mut cause = std::error::Error::source(error);
    if matches!(error, Error::Unavailable(_)) {
        cause = cause.and_then(std::error::Error::source);
    }
    while let Some(next) = cause {
        let message = next.to_string();
        // Some errors repeat their cause.
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = next.source();
    }
    text
}
