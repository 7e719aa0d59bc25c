//! How long activities are kept. A row of the feed is kept for ever.

use sea_orm::{EntityTrait as _, FromQueryResult, QueryFilter as _};

use crate::entity::activity;
use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::sql;
use crate::store::unit_of_work::UnitOfWork;

/// Days after which an activity without a person behind it is removed. What people decided is kept for ever.
const RETENTION_DAYS: i32 = 400;
/// Activities that one transaction looks at.
const STEP_ACTIVITIES: i64 = 1_000;

impl Store {
    /// Removes the activities of imports and maintenance that are older than 400 days, unless they are the last of an
    /// entity: the feed names their source. Returns how many were removed.
    ///
    /// # Errors
    /// If the database is unavailable. What was removed until then stays removed.
    pub async fn remove_old_activities(&self) -> Result<usize, Error> {
        let (mut removed, mut last) = (0, 0);
        while let Some((end, expired)) = self.expired_activities(last).await? {
            if !expired.is_empty() {
                removed += expired.len();
                self.retry(|| self.remove_activities(&expired)).await?;
            }
            last = end;
        }
        Ok(removed)
    }

    /// The last of the next old activities after an id, and those of them that are to be removed; `None` if the next one is
    /// not old. Activities are in the order of their ids, so that newer ones are not looked at.
    async fn expired_activities(&self, after: i64) -> Result<Option<(i64, Vec<i64>)>, Error> {
        #[derive(FromQueryResult)]
        struct ActivityRow {
            id: i64,
            is_expired: bool,
        }
        let sql = sql!(
            "SELECT next.id, next.kind IN ('IMPORT', 'RESOLVE', 'MAINTENANCE') \
             AND NOT EXISTS (SELECT FROM change WHERE change.position = next.position) AS is_expired \
             FROM (SELECT id, kind, at, position FROM activity WHERE id > ? ORDER BY id LIMIT ?) AS next \
             WHERE next.at < now() - make_interval(days => ?) ORDER BY next.id",
            after,
            STEP_ACTIVITIES,
            RETENTION_DAYS,
        );
        let rows = self.query_all::<ActivityRow>("changes::expired_activities", sql).await?;
        let end = rows.last().map(|row| row.id);
        Ok(end.map(|end| (end, rows.iter().filter(|row| row.is_expired).map(|row| row.id).collect())))
    }

    /// Nothing that is displayed refers to them, and they are not written again: this needs no write lock.
    async fn remove_activities(&self, ids: &[i64]) -> Result<(), Error> {
        let uow = UnitOfWork::begin_unlocked(self).await?;
        let expired = activity::COLUMN.id.eq_any(ids.iter().copied());
        activity::Entity::delete_many().filter(expired).exec(uow.db()).await?;
        uow.commit_unprojected().await
    }
}
