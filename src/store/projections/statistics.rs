//! Counts of people and papers over whole hierarchies: made together, after an import and once a day.

use sea_orm::ConnectionTrait as _;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::Sql;
use crate::store::unit_of_work::{Batch, WRITE_LOCK};

/// Whether the counts are of today and of everything written; affiliations begin and end by the calendar.
const HOLD: &str = "SELECT value FROM setting WHERE name = 'totals_day' AND value = CURRENT_DATE::text";

/// The people now at each organization or below it: each current affiliation counts for all that is above.
const OF_ORGANIZATIONS: &str = "WITH RECURSIVE held(researcher_id, organization_id) AS (\
    SELECT researcher_id, organization_id FROM affiliation \
    WHERE kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') AND starts_on <= CURRENT_DATE AND ends_on >= CURRENT_DATE \
    UNION SELECT held.researcher_id, organization_parent.parent_id FROM held \
    JOIN organization_parent ON organization_parent.child_id = held.organization_id), \
    counted AS (SELECT organization_id, count(*) AS people FROM held GROUP BY organization_id) \
    UPDATE organization_statistics AS kept SET researcher_count = coalesce(counted.people, 0) FROM organization \
    LEFT JOIN counted ON counted.organization_id = organization.id \
    WHERE kept.organization_id = organization.id AND kept.researcher_count <> coalesce(counted.people, 0)";

/// The papers on each topic or a narrower one, and the people who declare one of these or have papers on it. The closure
/// is over topics only.
const OF_TOPICS: &str = "WITH RECURSIVE above(topic_id, broader_id) AS (SELECT id, id FROM topic \
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

/// Search ranks organizations and topics by these counts too.
const POPULARITY: [&str; 2] = [
    "UPDATE search_entry SET popularity = kept.researcher_count FROM organization_statistics AS kept \
     WHERE kept.organization_id = search_entry.organization_id AND kept.researcher_count <> search_entry.popularity",
    "UPDATE search_entry SET popularity = kept.paper_count FROM topic_statistics AS kept \
     WHERE kept.topic_id = search_entry.topic_id AND kept.paper_count <> search_entry.popularity",
];

impl Batch<'_> {
    /// Says that the totals have to be counted again.
    pub(crate) async fn outdate_totals(&self) -> Result<(), Error> {
        self.execute("DELETE FROM setting WHERE name = 'totals_day'".into()).await
    }
}

impl Store {
    /// Counts the people of each organization, and the papers and people of each topic, unless that was done today and
    /// nothing was written since. Tells whether it had to.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn recount_totals(&self) -> Result<bool, Error> {
        let hold = || Sql::from(HOLD).statement();
        if !self.read(&hold(), false).await?.is_empty() {
            return Ok(false);
        }
        let transaction = self.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        // With the lock of writes: what a batch changes while this counts would be missed.
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({WRITE_LOCK})")).await?;
        if transaction.query_one_raw(hold()).await?.is_some() {
            return Ok(false);
        }
        for count in [OF_ORGANIZATIONS, OF_TOPICS].into_iter().chain(POPULARITY) {
            transaction.execute_unprepared(count).await?;
        }
        let remember = "INSERT INTO setting (name, value) VALUES ('totals_day', CURRENT_DATE::text) \
             ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value";
        transaction.execute_unprepared(remember).await?;
        self.commit(transaction).await?;
        Ok(true)
    }

    /// Tells Postgres what is there after many changes, so that its plans fit and its search indexes hold all that they
    /// put off.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn settle(&self) -> Result<(), Error> {
        let transaction = self.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        for index in ["search_entry_words", "search_entry_known", "search_abstract_words", "search_word_trigrams"] {
            transaction.execute_unprepared(&format!("SELECT gin_clean_pending_list('{index}')")).await?;
        }
        transaction.execute_unprepared("ANALYZE").await?;
        self.commit(transaction).await?;
        Ok(())
    }
}
