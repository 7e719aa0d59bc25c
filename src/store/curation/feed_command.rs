//! Forks of the change feed that nothing shows, which an operator declares.

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;
use crate::store::unit_of_work::{TableScans, UnitOfWork};

impl Store {
    /// Begins an epoch of the change feed: readers that have read beyond its current end start again. Returns that end.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn begin_feed_epoch(&self) -> Result<i64, Error> {
        self.retry(|| self.try_begin_feed_epoch()).await
    }

    async fn try_begin_feed_epoch(&self) -> Result<i64, Error> {
        #[derive(FromQueryResult)]
        struct ForkRow {
            fork_position: i64,
        }
        let uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        uow.execute_unprepared("SELECT begin_feed_epoch()").await?;
        let last = "SELECT fork_position FROM feed_epoch ORDER BY id DESC LIMIT 1";
        let row = uow.rows::<ForkRow>(last.into()).await?.pop();
        uow.commit().await?;
        Ok(row.map(|row| row.fork_position).unwrap_or_default())
    }
}
