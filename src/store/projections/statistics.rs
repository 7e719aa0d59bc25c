//! Counts of researchers and papers over hierarchies of organizations and topics, recomputed after an import and once a
//! day.

use futures_util::future;
use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait as _, FromQueryResult, QueryFilter as _};
use uuid::Uuid;

use crate::entity::setting;
use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, sql, text_array};
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::{Projection, ProjectionEvent, ProjectionFuture, TableScans, UnitOfWork};

/// The setting that has the day of the counts while they are up to date. They depend on it, since affiliations start and
/// end.
pub(crate) const TOTALS_DAY: &str = "totals_day";

/// Rows that are updated in one transaction.
const STEP_ROWS: usize = 2_000;

/// Counts that differ from the stored ones, and how they are stored.
struct Recount {
    /// Selects `id`, `researcher_count` and `paper_count` of what differs.
    select: &'static str,
    /// Stores the counts of `rows`.
    update: &'static str,
}

/// All counts; the search index has those before, by which it ranks organizations and topics.
const RECOUNTS: [Recount; 4] = [
    // The current researchers of each organization, including its descendants.
    Recount {
        select: "WITH RECURSIVE held(researcher_id, organization_id) AS (\
            SELECT researcher_id, organization_id FROM affiliation \
            WHERE kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') \
            AND starts_on <= CURRENT_DATE AND ends_on >= CURRENT_DATE \
            UNION SELECT held.researcher_id, organization_parent.parent_id FROM held \
            JOIN organization_parent ON organization_parent.child_id = held.organization_id), \
            counted AS (SELECT organization_id, count(*) AS people FROM held GROUP BY organization_id) \
            SELECT kept.organization_id AS id, coalesce(counted.people, 0) AS researcher_count, 0::bigint AS paper_count \
            FROM organization_statistics AS kept LEFT JOIN counted ON counted.organization_id = kept.organization_id \
            WHERE kept.researcher_count <> coalesce(counted.people, 0)",
        update: "UPDATE organization_statistics AS kept SET researcher_count = rows.researcher_count FROM rows \
            WHERE kept.organization_id = rows.id",
    },
    // The papers and researchers of each topic, including narrower topics. Only topics are expanded recursively.
    Recount {
        select: "WITH RECURSIVE above(topic_id, broader_id) AS (SELECT id, id FROM topic \
            UNION SELECT above.topic_id, topic_broader.broader_id FROM above \
            JOIN topic_broader ON topic_broader.topic_id = above.broader_id), \
            papers AS (SELECT above.broader_id AS topic_id, count(DISTINCT paper_topic.paper_id) AS amount FROM above \
            JOIN paper_topic ON paper_topic.topic_id = above.topic_id GROUP BY above.broader_id), \
            person AS (SELECT topic_id, researcher_id FROM researcher_topic \
            UNION SELECT paper_topic.topic_id, authorship.researcher_id FROM paper_topic \
            JOIN authorship ON authorship.paper_id = paper_topic.paper_id WHERE authorship.researcher_id IS NOT NULL), \
            people AS (SELECT above.broader_id AS topic_id, count(DISTINCT person.researcher_id) AS amount FROM above \
            JOIN person ON person.topic_id = above.topic_id GROUP BY above.broader_id) \
            SELECT kept.topic_id AS id, coalesce(people.amount, 0) AS researcher_count, \
            coalesce(papers.amount, 0) AS paper_count FROM topic_statistics AS kept \
            LEFT JOIN papers ON papers.topic_id = kept.topic_id LEFT JOIN people ON people.topic_id = kept.topic_id \
            WHERE (kept.paper_count, kept.researcher_count) <> (coalesce(papers.amount, 0), coalesce(people.amount, 0))",
        update: "UPDATE topic_statistics AS kept SET researcher_count = rows.researcher_count, \
            paper_count = rows.paper_count FROM rows WHERE kept.topic_id = rows.id",
    },
    Recount {
        select: "SELECT DISTINCT kept.organization_id AS id, kept.researcher_count::bigint AS researcher_count, \
            0::bigint AS paper_count FROM organization_statistics AS kept \
            JOIN search_entry ON search_entry.organization_id = kept.organization_id \
            WHERE kept.researcher_count <> search_entry.popularity",
        update: "UPDATE search_entry SET popularity = rows.researcher_count FROM rows \
            WHERE search_entry.organization_id = rows.id",
    },
    Recount {
        select: "SELECT DISTINCT kept.topic_id AS id, 0::bigint AS researcher_count, \
            kept.paper_count::bigint AS paper_count FROM topic_statistics AS kept \
            JOIN search_entry ON search_entry.topic_id = kept.topic_id \
            WHERE kept.paper_count <> search_entry.popularity",
        update: "UPDATE search_entry SET popularity = rows.paper_count FROM rows WHERE search_entry.topic_id = rows.id",
    },
];

/// Notes the affiliations that began or ended since the last day that was noted: nothing is written when the day comes.
const NOTE_CALENDAR_CHANGES: &str = "WITH turned AS (SELECT affiliation.id, researcher_id, organization_id, kind \
    FROM affiliation, setting WHERE setting.name = 'calendar_day' AND (starts_on > setting.value::date \
    AND starts_on <= CURRENT_DATE OR ends_on >= setting.value::date AND ends_on < CURRENT_DATE)) \
    INSERT INTO change_pending (kind, id, field, delta) SELECT 3, id, 'isCurrent', 1 FROM turned \
    UNION ALL SELECT DISTINCT 1, researcher_id, 'affiliations', 1 FROM turned \
    UNION ALL SELECT DISTINCT 1, researcher_id, 'headline', 1 FROM turned JOIN researcher ON researcher.id = researcher_id \
    WHERE kind = 'EMPLOYMENT' AND headline = '{}' \
    UNION ALL SELECT DISTINCT 2, organization_id, 'affiliations', 1 FROM turned";

json_row! {
    #[derive(FromQueryResult)]
    struct CountRow {
        id: i64,
        researcher_count: i64,
        paper_count: i64,
    }
}

/// `organization_statistics` and `topic_statistics`. A unit of work only invalidates them.
#[derive(Debug)]
pub(crate) struct HierarchyStatistics;

impl Projection for HierarchyStatistics {
    fn on_event<'u>(&'u self, uow: &'u mut UnitOfWork<'_>, event: ProjectionEvent<'u>) -> ProjectionFuture<'u> {
        uow.dirty.statistics |= matches!(event, ProjectionEvent::AuthorsChanged { .. });
        Box::pin(future::ready(Ok(())))
    }

    fn refresh<'u>(&'u self, uow: &'u mut UnitOfWork<'_>) -> ProjectionFuture<'u> {
        Box::pin(async move {
            if std::mem::take(&mut uow.dirty.statistics) { invalidate_statistics(uow).await } else { Ok(()) }
        })
    }
}

/// Has a row while the counts are up to date.
fn select_fresh() -> Sql {
    sql!("SELECT value FROM setting WHERE name = ? AND value = CURRENT_DATE::text", TOTALS_DAY)
}

async fn invalidate_statistics(uow: &UnitOfWork<'_>) -> Result<(), Error> {
    setting::Entity::delete_by_id(TOTALS_DAY).exec(uow.db()).await?;
    Ok(())
}

impl Store {
    /// Recomputes the counts over organizations and topics, unless they are from today and nothing was written since.
    /// Returns whether it did.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn refresh_statistics_if_stale(&self) -> Result<bool, Error> {
        self.retry(|| self.try_refresh_statistics()).await
    }

    async fn try_refresh_statistics(&self) -> Result<bool, Error> {
        if !self.execute(&select_fresh().into_statement()?, false).await?.is_empty() {
            return Ok(false);
        }
        // What is counted without the lock is outdated if a unit of work deletes the setting meanwhile.
        let Some((mark, day)) = self.begin_recount().await? else { return Ok(false) };
        for Recount { select, update } in RECOUNTS {
            let uow = UnitOfWork::begin_unlocked(self).await?;
            let counts = uow.rows::<CountRow>(select.into()).await?;
            uow.rollback().await?;
            for rows in counts.chunks(STEP_ROWS) {
                let uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
                uow.execute_with_rows(rows, update).await?;
                uow.commit().await?;
            }
        }
        let uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        setting::Entity::update_many()
            .set(setting::ActiveModel { value: Set(day), ..Default::default() })
            .filter(setting::COLUMN.name.eq(TOTALS_DAY))
            .filter(setting::COLUMN.value.eq(mark))
            .exec(uow.db())
            .await?;
        uow.commit().await?;
        Ok(true)
    }

    /// Marks the counts as being made, and records what the calendar changed. Returns the mark and the day for which they
    /// are made; `None` if they are up to date.
    async fn begin_recount(&self) -> Result<Option<(String, String)>, Error> {
        let uow = UnitOfWork::begin(self, TableScans::Allow).await?;
        if !uow.tuples::<String>(select_fresh()).await?.is_empty() {
            return Ok(None);
        }
        let mark = format!("since {}", Uuid::now_v7());
        uow.store_setting(TOTALS_DAY, &mark).await?;
        uow.execute_unprepared(NOTE_CALENDAR_CHANGES).await?;
        let today = uow.tuples::<String>("SELECT CURRENT_DATE::text".into()).await?.pop();
        let today = today.ok_or_else(|| Error::internal("a day without a date"))?;
        uow.store_setting("calendar_day", &today).await?;
        uow.commit().await?;
        Ok(Some((mark, today)))
    }

    /// Empties the pending lists of the search indexes and updates the planner's statistics, after many changes.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn finish_bulk_load(&self) -> Result<(), Error> {
        self.retry(|| self.try_finish_bulk_load()).await
    }

    async fn try_finish_bulk_load(&self) -> Result<(), Error> {
        let uow = UnitOfWork::begin_unlocked(self).await?;
        for index in ["search_entry_words", "search_entry_known", "search_abstract_words", "search_word_trigrams"] {
            uow.execute_unprepared(&format!("SELECT gin_clean_pending_list('{index}')")).await?;
        }
        // Named, since the role may not analyze the tables of others, such as the catalogs: each would be a warning.
        uow.execute_unprepared(&format!("ANALYZE {}", migration::TABLES.join(", "))).await?;
        uow.commit_unprojected().await
    }

    /// Updates the planner's statistics of tables that have doubled: on small tables, one index seems as good as
    /// another, and statements stay planned so while the tables grow.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn analyze_grown_tables(&self) -> Result<(), Error> {
        self.retry(|| self.try_analyze_grown_tables()).await
    }

    async fn try_analyze_grown_tables(&self) -> Result<(), Error> {
        let uow = UnitOfWork::begin_unlocked(self).await?;
        let grown = sql!(
            "SELECT pg_class.relname::text FROM pg_stat_user_tables JOIN pg_class ON pg_class.oid = relid \
             WHERE pg_table_is_visible(relid) AND pg_class.relname = ANY(?) \
             AND n_mod_since_analyze > greatest(1000, reltuples)",
            text_array(migration::TABLES.iter().map(ToString::to_string)),
        );
        let grown: Vec<(String,)> = uow.tuples(grown).await?;
        let grown: Vec<String> = grown.into_iter().map(|(table,)| table).collect();
        if !grown.is_empty() {
            uow.execute_unprepared(&format!("ANALYZE {}", grown.join(", "))).await?;
        }
        uow.commit_unprojected().await
    }
}
