//! Counts of researchers and papers over hierarchies of organizations and topics, recomputed after an import and once a
//! day.

use futures_util::future;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::sql;
use crate::store::unit_of_work::{Projection, ProjectionEvent, ProjectionFuture, TableScans, UnitOfWork};

/// Has a row while the counts are up to date. They depend on the day, since affiliations start and end.
const STATISTICS_FRESH: &str = "SELECT value FROM setting WHERE name = 'totals_day' AND value = CURRENT_DATE::text";

/// Counts the current researchers of each organization, including its descendants.
const COUNT_ORGANIZATION_RESEARCHERS: &str = "WITH RECURSIVE held(researcher_id, organization_id) AS (\
    SELECT researcher_id, organization_id FROM affiliation \
    WHERE kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') AND starts_on <= CURRENT_DATE AND ends_on >= CURRENT_DATE \
    UNION SELECT held.researcher_id, organization_parent.parent_id FROM held \
    JOIN organization_parent ON organization_parent.child_id = held.organization_id), \
    counted AS (SELECT organization_id, count(*) AS people FROM held GROUP BY organization_id) \
    UPDATE organization_statistics AS kept SET researcher_count = coalesce(counted.people, 0) FROM organization \
    LEFT JOIN counted ON counted.organization_id = organization.id \
    WHERE kept.organization_id = organization.id AND kept.researcher_count <> coalesce(counted.people, 0)";

/// Counts the papers and researchers of each topic, including narrower topics. Only topics are expanded recursively.
const COUNT_TOPIC_PAPERS_AND_RESEARCHERS: &str = "WITH RECURSIVE above(topic_id, broader_id) AS (SELECT id, id FROM topic \
    UNION SELECT above.topic_id, topic_broader.broader_id FROM above \
    JOIN topic_broader ON topic_broader.topic_id = above.broader_id), \
    papers AS (SELECT above.broader_id AS topic_id, count(DISTINCT paper_topic.paper_id) AS amount FROM above \
    JOIN paper_topic ON paper_topic.topic_id = above.topic_id GROUP BY above.broader_id), \
    person AS (SELECT topic_id, researcher_id FROM researcher_topic \
    UNION SELECT paper_topic.topic_id, authorship.researcher_id FROM paper_topic \
    JOIN authorship ON authorship.paper_id = paper_topic.paper_id WHERE authorship.researcher_id IS NOT NULL), \
    people AS (SELECT above.broader_id AS topic_id, count(DISTINCT person.researcher_id) AS amount FROM above \
    JOIN person ON person.topic_id = above.topic_id GROUP BY above.broader_id) \
    UPDATE topic_statistics AS kept SET paper_count = coalesce(papers.amount, 0), researcher_count = coalesce(people.amount, 0) \
    FROM topic LEFT JOIN papers ON papers.topic_id = topic.id LEFT JOIN people ON people.topic_id = topic.id \
    WHERE kept.topic_id = topic.id AND (kept.paper_count, kept.researcher_count) \
    <> (coalesce(papers.amount, 0), coalesce(people.amount, 0))";

/// Copies the counts to the search index, which ranks organizations and topics by them.
const UPDATE_POPULARITY: [&str; 2] = [
    "UPDATE search_entry SET popularity = kept.researcher_count FROM organization_statistics AS kept \
     WHERE kept.organization_id = search_entry.organization_id AND kept.researcher_count <> search_entry.popularity",
    "UPDATE search_entry SET popularity = kept.paper_count FROM topic_statistics AS kept \
     WHERE kept.topic_id = search_entry.topic_id AND kept.paper_count <> search_entry.popularity",
];

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

async fn invalidate_statistics(uow: &UnitOfWork<'_>) -> Result<(), Error> {
    uow.execute("DELETE FROM setting WHERE name = 'totals_day'".into()).await
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
        if !self.execute(&sql!(STATISTICS_FRESH).into_statement()?, false).await?.is_empty() {
            return Ok(false);
        }
        // Under the write lock, or changes of a concurrent unit of work would be missed.
        let uow = UnitOfWork::begin(self, TableScans::Allow).await?;
        if !uow.tuples::<String>(STATISTICS_FRESH.into()).await?.is_empty() {
            return Ok(false);
        }
        for statement in
            [COUNT_ORGANIZATION_RESEARCHERS, COUNT_TOPIC_PAPERS_AND_RESEARCHERS].into_iter().chain(UPDATE_POPULARITY)
        {
            uow.execute_unprepared(statement).await?;
        }
        uow.execute_unprepared(
            "INSERT INTO setting (name, value) VALUES ('totals_day', CURRENT_DATE::text) \
             ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
        )
        .await?;
        uow.commit().await?;
        Ok(true)
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
        uow.commit().await?;
        Ok(())
    }
}
