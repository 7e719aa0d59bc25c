//! Coauthors and counts: what follows from authorships, and is kept in step with them.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait as _, FromQueryResult};

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::reader::coauthorship::WORKS;
use crate::store::unit_of_work::Batch;

/// The first and the last year of `authorship` rows, as stored: 0 is none.
const YEARS: &str =
    "coalesce(min(nullif(authorship.publication_key / 10000, 0)), 0), max(authorship.publication_key / 10000)";

/// Every pair of authors of the papers that make pairs, from both sides, before it is known which papers.
fn pairs_sql(counted: &str) -> Sql {
    Sql::from("SELECT mine.researcher_id, theirs.researcher_id, ").then(counted).then(
        ", coalesce(min(nullif(mine.publication_key / 10000, 0)), 0), max(mine.publication_key / 10000) \
         FROM paper JOIN authorship AS mine ON mine.paper_id = paper.id \
         JOIN authorship AS theirs ON theirs.paper_id = paper.id AND theirs.researcher_id <> mine.researcher_id ",
    )
}

impl Batch<'_> {
    /// Counts papers that were not there before, each as a work: versions are linked later.
    pub(crate) async fn count_new_papers(&self, papers: &[i64]) -> Result<(), Error> {
        if papers.is_empty() {
            return Ok(());
        }
        let statistics = Sql::from(
            "INSERT INTO researcher_statistics AS counted (researcher_id, paper_count, work_count, first_year, last_year) \
             SELECT researcher_id, count(*), count(*), ",
        )
        .then(YEARS)
        .then_with(
            " FROM authorship WHERE researcher_id IS NOT NULL AND paper_id = ANY(?) GROUP BY researcher_id ORDER BY researcher_id \
             ON CONFLICT (researcher_id) DO UPDATE SET paper_count = counted.paper_count + EXCLUDED.paper_count, \
             work_count = counted.work_count + EXCLUDED.work_count, \
             first_year = coalesce(least(nullif(counted.first_year, 0), nullif(EXCLUDED.first_year, 0)), 0), \
             last_year = greatest(counted.last_year, EXCLUDED.last_year)",
            ids(papers.iter().copied()),
        );
        self.execute(statistics).await?;
        let pairs = Sql::from("INSERT INTO coauthorship AS pair ")
            .then(pairs_sql("count(*)"))
            .then_with("WHERE paper.id = ANY(?) ", ids(papers.iter().copied()))
            .then_with("AND paper.author_count <= ? GROUP BY 1, 2 ORDER BY 1, 2 ", i64::from(self.consortium_size))
            .then(
                "ON CONFLICT (researcher_id, coauthor_id) DO UPDATE SET paper_count = pair.paper_count + EXCLUDED.paper_count, \
                 first_year = coalesce(least(nullif(pair.first_year, 0), nullif(EXCLUDED.first_year, 0)), 0), \
                 last_year = greatest(pair.last_year, EXCLUDED.last_year)",
            );
        self.execute(pairs).await
    }

    /// The pairs that these papers make now: to be counted again once the papers have changed.
    pub(crate) async fn pairs_of(&self, papers: &[i64]) -> Result<HashSet<(i64, i64)>, Error> {
        #[derive(FromQueryResult)]
        struct Pair {
            mine: i64,
            theirs: i64,
        }
        if papers.is_empty() {
            return Ok(HashSet::new());
        }
        let sql = Sql::with(
            "SELECT DISTINCT mine.researcher_id AS mine, theirs.researcher_id AS theirs FROM paper \
             JOIN authorship AS mine ON mine.paper_id = paper.id JOIN authorship AS theirs \
             ON theirs.paper_id = paper.id AND theirs.researcher_id <> mine.researcher_id WHERE paper.id = ANY(?)",
            ids(papers.iter().copied()),
        )
        .then_with(" AND paper.author_count <= ?", i64::from(self.consortium_size));
        Ok(self.rows::<Pair>(sql).await?.into_iter().map(|pair| (pair.mine, pair.theirs)).collect())
    }

    /// The people who wrote these papers now.
    pub(crate) async fn authors_of(&self, papers: &[i64]) -> Result<HashSet<i64>, Error> {
        Ok(self.authors_by_paper_of(papers).await?.into_iter().map(|(_, person)| person).collect())
    }

    /// These papers with the people who wrote them now.
    pub(crate) async fn authors_by_paper_of(&self, papers: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
        #[derive(FromQueryResult)]
        struct Author {
            paper_id: i64,
            researcher_id: i64,
        }
        if papers.is_empty() {
            return Ok(Vec::new());
        }
        let sql =
            "SELECT paper_id, researcher_id FROM authorship WHERE researcher_id IS NOT NULL AND paper_id = ANY(?)";
        let rows = self.rows::<Author>(Sql::with(sql, ids(papers.iter().copied()))).await?;
        Ok(rows.into_iter().map(|row| (row.paper_id, row.researcher_id)).collect())
    }

    /// Counts these people's papers again.
    pub(crate) async fn recount_people(&self, people: &HashSet<i64>) -> Result<(), Error> {
        if people.is_empty() {
            return Ok(());
        }
        let people = || ids(people.iter().copied());
        let none = "UPDATE researcher_statistics SET paper_count = 0, work_count = 0, first_year = 0, last_year = 0 WHERE researcher_id = ANY(?)";
        self.execute(Sql::with(none, people())).await?;
        let counted = Sql::from(
            "UPDATE researcher_statistics SET (paper_count, work_count, first_year, last_year) = (SELECT count(*), ",
        )
        .then(WORKS)
        .then(", ")
        .then(YEARS)
        .then(
            " FROM authorship JOIN paper ON paper.id = authorship.paper_id \
                 WHERE authorship.researcher_id = researcher_statistics.researcher_id) ",
        )
        .then_with(
            "WHERE researcher_id IN (SELECT researcher_id FROM authorship WHERE researcher_id = ANY(?))",
            people(),
        );
        self.execute(counted).await
    }

    /// Counts these pairs' papers again.
    pub(crate) async fn recount_pairs(&self, pairs: &HashSet<(i64, i64)>) -> Result<(), Error> {
        if pairs.is_empty() {
            return Ok(());
        }
        let listed = || {
            Sql::with("unnest(?::bigint[], ", ids(pairs.iter().map(|pair| pair.0)))
                .then_with("?::bigint[]) AS pair(mine, theirs)", ids(pairs.iter().map(|pair| pair.1)))
        };
        let delete = Sql::from("DELETE FROM coauthorship USING ")
            .then(listed())
            .then(" WHERE coauthorship.researcher_id = pair.mine AND coauthorship.coauthor_id = pair.theirs");
        self.execute(delete).await?;
        // Each person's papers once, whatever the number of their pairs.
        let people: HashSet<i64> = pairs.iter().map(|pair| pair.0).collect();
        let insert = Sql::from(
            "WITH together AS MATERIALIZED (SELECT mine.researcher_id, theirs.researcher_id AS coauthor_id, \
             coalesce(paper.version_of_id, paper.id) AS work_id, mine.publication_key / 10000 AS year \
             FROM authorship AS mine JOIN paper ON paper.id = mine.paper_id JOIN authorship AS theirs \
             ON theirs.paper_id = paper.id AND theirs.researcher_id <> mine.researcher_id ",
        )
        .then_with("WHERE mine.researcher_id = ANY(?) ", ids(people))
        .then_with("AND paper.author_count <= ?) ", i64::from(self.consortium_size))
        .then(
            "INSERT INTO coauthorship (researcher_id, coauthor_id, paper_count, first_year, last_year) \
             SELECT researcher_id, coauthor_id, count(DISTINCT work_id), coalesce(min(nullif(year, 0)), 0), max(year) \
             FROM together WHERE (researcher_id, coauthor_id) IN (SELECT pair.mine, pair.theirs FROM ",
        )
        .then(listed())
        .then(") GROUP BY 1, 2");
        self.execute(insert).await
    }
}

impl Store {
    /// Makes all stored pairs anew if they were made with another consortium size than the configured one. Tells
    /// whether it had to.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn keep_consortium_size(&self) -> Result<bool, Error> {
        #[derive(FromQueryResult)]
        struct Setting {
            value: String,
        }
        let size = self.consortium_size.to_string();
        let current = "SELECT value FROM setting WHERE name = 'consortium_size'";
        if self
            .row::<Setting>("coauthorship::consortium_size", current.into())
            .await?
            .is_some_and(|setting| setting.value == size)
        {
            return Ok(false);
        }
        let transaction = self.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        transaction
            .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({})", crate::store::unit_of_work::WRITE_LOCK))
            .await?;
        transaction.execute_unprepared("DELETE FROM coauthorship").await?;
        let pairs = Sql::from("INSERT INTO coauthorship ")
            .then(pairs_sql(WORKS))
            .then_with("WHERE paper.author_count <= ? GROUP BY 1, 2", i64::from(self.consortium_size));
        transaction.execute_raw(pairs.statement()).await?;
        let remember = "INSERT INTO setting (name, value) VALUES ('consortium_size', ?) \
             ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value";
        transaction.execute_raw(Sql::with(remember, size).statement()).await?;
        self.commit(transaction).await?;
        Ok(true)
    }
}
