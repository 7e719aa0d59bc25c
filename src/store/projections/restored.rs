//! Rebuilds every derived table after a backup was restored, which has none of their rows.

use std::collections::HashSet;

use sea_orm::{EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use crate::entity::{researcher, setting};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, sql};
use crate::store::projections::coauthorship::{CoauthorCounts, recount_researchers};
use crate::store::projections::search_index::SearchIndex;
use crate::store::projections::{Rebuild as _, rebuild_all};
use crate::store::reader::backup::{FORKED_SETTING, RESTORED_SETTING};
use crate::store::unit_of_work::{ProjectionEvent, TableScans, UnitOfWork};

/// Entities whose rows are made at once.
const REBUILD_CHUNK_ROWS: u64 = 10_000;

impl Store {
    /// Rebuilds the derived tables if a backup was restored and they are not rebuilt yet. Returns whether it did.
    ///
    /// # Errors
    /// If the database is unavailable. The next start, or the next command, repeats it.
    pub async fn rebuild_derived_if_restored(&self) -> Result<bool, Error> {
        if self.read_setting(RESTORED_SETTING).await?.is_none() {
            return Ok(false);
        }
        // The planner knows nothing of the new rows.
        self.finish_bulk_load().await?;
        self.retry(|| self.try_rebuild_derived()).await?;
        self.finish_bulk_load().await?;
        Ok(true)
    }

    async fn try_rebuild_derived(&self) -> Result<(), Error> {
        let mut uow = UnitOfWork::begin(self, TableScans::Allow).await?;
        uow.write_without_feed().await?;
        rebuild_derived_tables(&mut uow).await?;
        uow.store_setting(CoauthorCounts::SETTING, &CoauthorCounts::version(self)).await?;
        uow.store_setting(SearchIndex::SETTING, &SearchIndex::version(self)).await?;
        setting::Entity::delete_by_id(RESTORED_SETTING).exec(uow.db()).await?;
        // The counts over hierarchies depend on the day and are recomputed by `refresh_statistics_if_stale`.
        uow.dirty.statistics = true;
        uow.refresh_projections().await?;
        continue_feed(&uow).await?;
        uow.commit().await?;
        Ok(())
    }
}

/// Continues the feed after the last restored change, in an epoch of its own: the directory from which the backup is may
/// have recorded other changes since. The feed of a backup that is older than the feed was filled before papers had
/// organizations.
async fn continue_feed(uow: &UnitOfWork<'_>) -> Result<(), Error> {
    uow.execute_unprepared(
        "SELECT setval('change_position', greatest(max(position), 1), max(position) IS NOT NULL) FROM change; \
         UPDATE change SET organizations = moved_organizations('{}', change_organizations(kind, id), position) \
         WHERE kind = 5 AND operation = 'V' AND organizations = '{}' \
         AND EXISTS (SELECT FROM paper_organization WHERE paper_id = change.id)",
    )
    .await?;
    uow.store_setting(FORKED_SETTING, "an epoch of the change feed begins with the next change").await
}

/// Makes the rows of all tables in `migration::DERIVED_TABLES`; those of `directory_change` are written by triggers.
async fn rebuild_derived_tables(uow: &mut UnitOfWork<'_>) -> Result<(), Error> {
    uow.execute_unprepared(
        "DELETE FROM coauthorship; DELETE FROM researcher_statistics; DELETE FROM organization_statistics; \
         DELETE FROM topic_statistics; DELETE FROM organization_label; DELETE FROM topic_label; \
         INSERT INTO researcher_statistics (researcher_id) SELECT id FROM researcher; \
         INSERT INTO organization_statistics (organization_id) SELECT id FROM organization; \
         INSERT INTO topic_statistics (topic_id) SELECT id FROM topic; \
         INSERT INTO paper_organization_pending SELECT id FROM paper ON CONFLICT DO NOTHING",
    )
    .await?;
    for kind in [EntityType::Organization, EntityType::Topic] {
        rebuild_labels(uow, kind).await?;
    }
    recount_all_researchers(uow).await?;
    rebuild_all::<CoauthorCounts>(uow).await?;
    rebuild_all::<SearchIndex>(uow).await
}

async fn rebuild_labels(uow: &mut UnitOfWork<'_>, kind: EntityType) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct SortNamesRow {
        id: i64,
        sort_names: LocalizedText,
    }
    let table = kind.table();
    let mut last = 0;
    loop {
        let sql = Sql::with(&format!("SELECT id, sort_names FROM {table} WHERE id > ? ORDER BY id "), last);
        let rows = uow.rows::<SortNamesRow>(sql.then(sql!("LIMIT ?", REBUILD_CHUNK_ROWS.cast_signed()))).await?;
        let Some(highest) = rows.last() else { return Ok(()) };
        last = highest.id;
        let sort_names: Vec<(i64, &LocalizedText)> = rows.iter().map(|row| (row.id, &row.sort_names)).collect();
        uow.notify(ProjectionEvent::SortNamesChanged { kind, sort_names: &sort_names }).await?;
    }
}

async fn recount_all_researchers(uow: &UnitOfWork<'_>) -> Result<(), Error> {
    let mut last = 0;
    loop {
        let researchers = researcher::Entity::find()
            .select_only()
            .column(researcher::Column::Id)
            .filter(researcher::COLUMN.id.gt(last))
            .order_by_asc(researcher::Column::Id)
            .limit(REBUILD_CHUNK_ROWS);
        let researchers: Vec<i64> = researchers.into_tuple().all(uow.db()).await?;
        let Some(highest) = researchers.last() else { return Ok(()) };
        last = *highest;
        recount_researchers(uow, &researchers.into_iter().collect::<HashSet<i64>>()).await?;
    }
}
