//! Commits whose acknowledgement is lost with the connection.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::store::access::sql_fragment::sql;
use crate::store::unit_of_work::UnitOfWork;

/// The outcome of a transaction that must not be repeated if it was committed, kept until its commit is acknowledged.
#[derive(Debug)]
pub(crate) struct UnacknowledgedCommit<T>(Mutex<Option<(String, T)>>);

impl<T> Default for UnacknowledgedCommit<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> UnacknowledgedCommit<T> {
    /// Keeps the outcome of a transaction that is about to be committed.
    pub(crate) async fn expect(&self, uow: &UnitOfWork<'_>, outcome: T) -> Result<(), Error> {
        let id = uow.tuples::<String>("SELECT pg_current_xact_id()::text".into()).await?.pop();
        let id = id.ok_or_else(|| Error::internal("a transaction without an id"))?;
        *self.lock() = Some((id, outcome));
        Ok(())
    }

    /// Returns whether an earlier attempt was committed after all. The write lock, which this one holds, guarantees that
    /// it has ended. Every transaction that changes the directory leaves its id in `directory_change`.
    pub(crate) async fn is_known(&self, uow: &UnitOfWork<'_>) -> Result<bool, Error> {
        let Some(id) = self.lock().as_ref().map(|(id, _)| id.clone()) else { return Ok(false) };
        let sql = sql!("SELECT EXISTS (SELECT FROM directory_change WHERE transaction = ?::text::xid8)", id);
        Ok(uow.tuples::<bool>(sql).await?.pop().unwrap_or_default())
    }

    /// Returns the outcome after the commit.
    pub(crate) fn acknowledge(self) -> Result<T, Error> {
        let kept = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        kept.map(|(_, outcome)| outcome).ok_or_else(|| Error::internal("a commit without an outcome"))
    }

    fn lock(&self) -> MutexGuard<'_, Option<(String, T)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
