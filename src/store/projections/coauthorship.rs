//! Paper counts of researchers and pairs of coauthors, derived from authorships and updated with them.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use crate::entity::researcher;
use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::projections::{Rebuild, RebuildPosition};
use crate::store::reader::coauthorship::COUNT_WORKS;
use crate::store::unit_of_work::{Projection, ProjectionEvent, ProjectionFuture, UnitOfWork};

/// `researcher_statistics` and `coauthorship`.
#[derive(Debug)]
pub(crate) struct CoauthorCounts;

impl Projection for CoauthorCounts {
    fn on_event<'u>(&'u self, uow: &'u mut UnitOfWork<'_>, event: ProjectionEvent<'u>) -> ProjectionFuture<'u> {
        Box::pin(async move {
            match event {
                ProjectionEvent::PapersInserted(papers) => count_new_papers(uow, papers).await,
                ProjectionEvent::AuthorsChanged { researchers, pairs } => recount(uow, researchers, pairs).await,
                _ => Ok(()),
            }
        })
    }
}

impl Rebuild for CoauthorCounts {
    const SETTING: &'static str = "consortium_size";
    const STEP: [i64; 3] = [500, 20, 10_000];

    fn version(store: &Store) -> String {
        store.consortium_size().to_string()
    }

    /// The pairs of the next researchers and others with higher ids, in both directions.
    async fn rebuild_step(
        uow: &mut UnitOfWork<'_>,
        after: RebuildPosition,
        max_rows: i64,
    ) -> Result<Option<RebuildPosition>, Error> {
        let researchers = researcher::Entity::find()
            .select_only()
            .column(researcher::Column::Id)
            .filter(researcher::COLUMN.id.gt(after.id))
            .order_by_asc(researcher::Column::Id)
            .limit(max_rows.unsigned_abs());
        let researchers: Vec<i64> = researchers.into_tuple().all(uow.db()).await?;
        let Some(last) = researchers.last().copied() else { return Ok(None) };
        let ids = || bigint_array(researchers.iter().copied());
        // A pair that is left over in one direction only goes, too.
        let former = sql!(
            "WITH parted AS (DELETE FROM coauthorship AS pair WHERE researcher_id = ANY(?) AND (coauthor_id > researcher_id \
             OR NOT EXISTS (SELECT FROM coauthorship AS reverse WHERE reverse.researcher_id = pair.coauthor_id \
             AND reverse.coauthor_id = pair.researcher_id)) RETURNING researcher_id, coauthor_id) \
             DELETE FROM coauthorship AS reverse USING parted WHERE reverse.researcher_id = parted.coauthor_id \
             AND reverse.coauthor_id = parted.researcher_id",
            ids(),
        );
        uow.execute(former).await?;
        let pairs = sql!(
            "INSERT INTO coauthorship (researcher_id, coauthor_id, paper_count, first_year, last_year) \
             SELECT direction.*, paper_count, first_year, last_year FROM ("
        )
        .then(pair_counts_sql(COUNT_WORKS))
        .then(sql!(
            "WHERE mine.researcher_id = ANY(?) AND theirs.researcher_id > mine.researcher_id AND paper.author_count <= ? \
             GROUP BY 1, 2) AS pair(mine, theirs, paper_count, first_year, last_year), \
             LATERAL (VALUES (mine, theirs), (theirs, mine)) AS direction(researcher_id, coauthor_id)",
            ids(),
            i64::from(uow.consortium_size()),
        ));
        uow.execute(pairs).await?;
        Ok(Some(RebuildPosition { id: last, ..after }))
    }
}

/// Counts the papers of these researchers and pairs again.
async fn recount(uow: &UnitOfWork<'_>, researchers: &HashSet<i64>, pairs: &HashSet<(i64, i64)>) -> Result<(), Error> {
    recount_researchers(uow, researchers).await?;
    recount_coauthor_pairs(uow, pairs).await
}

/// The first and the last year of `authorship` rows; 0 for none, as stored.
const YEAR_RANGE_SQL: &str = "coalesce(min(nullif(authorship.publication_key / 10000, 0)), 0), coalesce(max(authorship.publication_key / 10000), 0)";

/// The pairs of authors of papers, in both directions, without a condition on the papers.
fn pair_counts_sql(counted: &str) -> Sql {
    sql!("SELECT mine.researcher_id, theirs.researcher_id, ").then(counted).then(
        ", coalesce(min(nullif(mine.publication_key / 10000, 0)), 0), max(mine.publication_key / 10000) FROM paper \
         JOIN authorship AS mine ON mine.paper_id = paper.id JOIN authorship AS theirs ON theirs.paper_id = paper.id \
         AND theirs.researcher_id <> mine.researcher_id ",
    )
}

/// Adds inserted papers to the counts of their authors, each as a work of its own: versions are linked later.
async fn count_new_papers(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<(), Error> {
    if papers.is_empty() {
        return Ok(());
    }
    let statistics = sql!(
        "INSERT INTO researcher_statistics AS counted (researcher_id, paper_count, work_count, first_year, last_year) \
         SELECT researcher_id, count(*), count(*), "
    )
    .then(YEAR_RANGE_SQL)
    .then(sql!(
        " FROM authorship WHERE researcher_id IS NOT NULL AND paper_id = ANY(?) GROUP BY researcher_id \
         ORDER BY researcher_id ON CONFLICT (researcher_id) \
         DO UPDATE SET paper_count = counted.paper_count + EXCLUDED.paper_count, \
         work_count = counted.work_count + EXCLUDED.work_count, \
         first_year = coalesce(least(nullif(counted.first_year, 0), nullif(EXCLUDED.first_year, 0)), 0), \
         last_year = greatest(counted.last_year, EXCLUDED.last_year)",
        bigint_array(papers.iter().copied()),
    ));
    uow.execute(statistics).await?;
    let pairs = sql!("INSERT INTO coauthorship AS pair ").then(pair_counts_sql("count(*)")).then(sql!(
        "WHERE paper.id = ANY(?) AND paper.author_count <= ? GROUP BY 1, 2 ORDER BY 1, 2 \
         ON CONFLICT (researcher_id, coauthor_id) DO UPDATE SET paper_count = pair.paper_count + \
         EXCLUDED.paper_count, first_year = coalesce(least(nullif(pair.first_year, 0), nullif(EXCLUDED.first_year, \
         0)), 0), last_year = greatest(pair.last_year, EXCLUDED.last_year)",
        bigint_array(papers.iter().copied()),
        i64::from(uow.consortium_size()),
    ));
    uow.execute(pairs).await
}

/// Counts the papers of these researchers again.
pub(super) async fn recount_researchers(uow: &UnitOfWork<'_>, researcher_ids: &HashSet<i64>) -> Result<(), Error> {
    if researcher_ids.is_empty() {
        return Ok(());
    }
    let counted =
        sql!("UPDATE researcher_statistics SET (paper_count, work_count, first_year, last_year) = (SELECT count(*), ")
            .then(COUNT_WORKS)
            .then(", ")
            .then(YEAR_RANGE_SQL)
            .then(
                " FROM authorship JOIN paper ON paper.id = authorship.paper_id \
                 WHERE authorship.researcher_id = researcher_statistics.researcher_id) ",
            )
            .then(sql!("WHERE researcher_id = ANY(?)", bigint_array(researcher_ids.iter().copied())));
    uow.execute(counted).await
}

/// Counts the papers of these pairs again, in both directions.
pub(super) async fn recount_coauthor_pairs(uow: &UnitOfWork<'_>, pairs: &HashSet<(i64, i64)>) -> Result<(), Error> {
    if pairs.is_empty() {
        return Ok(());
    }
    let pairs: BTreeSet<(i64, i64)> = pairs.iter().map(|&(one, other)| (one.min(other), one.max(other))).collect();
    // The papers of the one with fewer are looked up among those of the other. Subqueries with OFFSET and LIMIT keep the
    // planner, which cannot estimate them, from reading whole tables. What has not changed is not written.
    let recounted = sql!(
        "WITH pairs AS MATERIALIZED (SELECT CASE WHEN is_one THEN one ELSE other END AS mine, \
         CASE WHEN is_one THEN other ELSE one END AS theirs FROM (SELECT pair.*, \
         coalesce((SELECT paper_count FROM researcher_statistics WHERE researcher_id = one), 0) \
         <= coalesce((SELECT paper_count FROM researcher_statistics WHERE researcher_id = other), 0) AS is_one \
         FROM unnest(?::bigint[], ?::bigint[]) AS pair(one, other) OFFSET 0) AS pair), \
         together AS MATERIALIZED (SELECT mine, theirs, own.paper_id, own.year FROM pairs \
         CROSS JOIN LATERAL (SELECT paper_id, publication_key / 10000 AS year FROM authorship \
         WHERE researcher_id = mine OFFSET 0) AS own \
         CROSS JOIN LATERAL (SELECT FROM authorship \
         WHERE researcher_id = theirs AND paper_id = own.paper_id LIMIT 1) AS shared), \
         counted AS (SELECT mine, theirs, ",
        bigint_array(pairs.iter().map(|pair| pair.0)),
        bigint_array(pairs.iter().map(|pair| pair.1)),
    )
    .then(COUNT_WORKS)
    .then(sql!(
        " AS paper_count, \
         coalesce(min(nullif(year, 0)), 0) AS first_year, max(year) AS last_year FROM together \
         CROSS JOIN LATERAL (SELECT id, version_of_id FROM paper \
         WHERE id = together.paper_id AND author_count <= ? LIMIT 1) AS paper GROUP BY 1, 2), \
         recounted AS MATERIALIZED (SELECT direction.*, paper_count, first_year, last_year \
         FROM pairs LEFT JOIN counted USING (mine, theirs), \
         LATERAL (VALUES (mine, theirs), (theirs, mine)) AS direction(researcher_id, coauthor_id)), \
         parted AS (DELETE FROM coauthorship USING recounted WHERE recounted.paper_count IS NULL \
         AND coauthorship.researcher_id = recounted.researcher_id AND coauthorship.coauthor_id = recounted.coauthor_id) \
         INSERT INTO coauthorship AS pair (researcher_id, coauthor_id, paper_count, first_year, last_year) \
         SELECT * FROM recounted WHERE paper_count IS NOT NULL ORDER BY researcher_id, coauthor_id \
         ON CONFLICT (researcher_id, coauthor_id) DO UPDATE SET paper_count = EXCLUDED.paper_count, \
         first_year = EXCLUDED.first_year, last_year = EXCLUDED.last_year \
         WHERE (pair.paper_count, pair.first_year, pair.last_year) \
         IS DISTINCT FROM (EXCLUDED.paper_count, EXCLUDED.first_year, EXCLUDED.last_year)",
        i64::from(uow.consortium_size()),
    ));
    uow.execute(recounted).await
}

impl Store {
    /// Rebuilds all pairs of coauthors if they were counted with another consortium size. Returns whether it did.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn rebuild_coauthorship_if_stale(&self) -> Result<bool, Error> {
        self.rebuild_if_stale::<CoauthorCounts>().await
    }
}
