//! Forks of the change feed that nothing shows, which an operator declares.

use sea_orm::{EntityTrait as _, QueryOrder as _, QuerySelect as _};

use crate::entity::feed_epoch;
use crate::error::Error;
use crate::store::Store;
use crate::store::unit_of_work::unacknowledged_commit::UnacknowledgedCommit;
use crate::store::unit_of_work::{TableScans, UnitOfWork};

impl Store {
    /// Begins an epoch of the change feed: readers that have read beyond its current end start again. Returns that end.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn begin_feed_epoch(&self) -> Result<i64, Error> {
        let commit = UnacknowledgedCommit::default();
        self.retry(|| self.try_begin_feed_epoch(&commit)).await?;
        commit.acknowledge()
    }

    async fn try_begin_feed_epoch(&self, commit: &UnacknowledgedCommit<i64>) -> Result<(), Error> {
        let uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        if commit.is_known(&uow).await? {
            return Ok(());
        }
        uow.execute_unprepared("SELECT begin_feed_epoch()").await?;
        let last = feed_epoch::Entity::find().select_only().column(feed_epoch::Column::ForkPosition);
        let position = last.order_by_desc(feed_epoch::Column::Id).into_tuple().one(uow.db()).await?;
        let position = position.ok_or_else(|| Error::internal("the change feed has no epoch"))?;
        commit.expect(&uow, position).await?;
        uow.commit().await.map(drop)
    }
}
