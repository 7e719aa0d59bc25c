//! Moves authorships to other researchers, with the counts that depend on them.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::unit_of_work::{ProjectionEvent, UnitOfWork};

/// An authorship that moves to another researcher.
#[derive(Clone, Debug, Serialize, FromQueryResult)]
pub(crate) struct Reassignment {
    pub authorship_id: i64,
    pub paper_id: i64,
    /// The researcher who has the authorship; none if it is unassigned.
    pub former_id: Option<i64>,
    /// The researcher who receives it.
    pub researcher_id: i64,
}

/// An authorship of a researcher.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct HeldAuthorship {
    pub id: i64,
    pub paper_id: i64,
    pub researcher_id: i64,
    pub name: String,
    pub orcid: Option<String>,
}

const COLUMNS: &str = "authorship_id bigint, paper_id bigint, former_id bigint, researcher_id bigint";

/// The authorships of these researchers.
pub(crate) async fn load_authorships_of(
    uow: &UnitOfWork<'_>,
    researchers: &[i64],
) -> Result<Vec<HeldAuthorship>, Error> {
    let sql =
        "SELECT id, paper_id, researcher_id, name, orcid FROM authorship WHERE researcher_id = ANY(?) ORDER BY id";
    uow.rows(Sql::with(sql, bigint_array(researchers.iter().copied()))).await
}

/// The authorships among these moves that a decision pins to a researcher.
pub(crate) async fn find_pinned(uow: &UnitOfWork<'_>, moves: &[Reassignment]) -> Result<HashSet<i64>, Error> {
    #[derive(FromQueryResult)]
    struct PinnedRow {
        authorship_id: i64,
    }
    let sql = "SELECT authorship_id FROM identity_pin WHERE authorship_id = ANY(?)";
    let pinned = uow.rows::<PinnedRow>(Sql::with(sql, bigint_array(moves.iter().map(|row| row.authorship_id)))).await?;
    Ok(pinned.into_iter().map(|row| row.authorship_id).collect())
}

/// Moves authorships, pinned or not, and updates what depends on them. A researcher is on a paper once: a second
/// authorship is left unassigned. Researchers without any authorship left stay.
pub(crate) async fn move_authorships(uow: &mut UnitOfWork<'_>, moves: &[Reassignment]) -> Result<(), Error> {
    if moves.is_empty() {
        return Ok(());
    }
    let papers: HashSet<i64> = moves.iter().map(|row| row.paper_id).collect();
    uow.dirty.works.mark_ids(papers.iter().copied());
    let researchers: HashSet<i64> =
        moves.iter().flat_map(|row| row.former_id.into_iter().chain([row.researcher_id])).collect();
    let mut pairs = coauthor_pairs_at(uow, moves).await?;
    // Two authors of a paper may swap: both authorships are cleared before one is assigned.
    let mut by_paper: HashMap<i64, Vec<i64>> = HashMap::new();
    for row in moves {
        by_paper.entry(row.paper_id).or_default().push(row.authorship_id);
    }
    let together = by_paper.into_values().filter(|authorships| authorships.len() > 1).flatten();
    let leave = "UPDATE authorship SET researcher_id = NULL, same_as_id = NULL WHERE num_nonnulls(researcher_id, same_as_id) > 0 AND id = ANY(?)";
    uow.execute(Sql::with(leave, bigint_array(together))).await?;
    let enter = "UPDATE authorship SET researcher_id = entering.researcher_id, same_as_id = NULL \
         FROM (SELECT DISTINCT ON (paper_id, researcher_id) * \
         FROM rows ORDER BY paper_id, researcher_id, authorship_id) AS entering WHERE authorship.id = entering.authorship_id \
         AND NOT EXISTS (SELECT FROM authorship AS other WHERE other.paper_id = entering.paper_id \
         AND other.researcher_id = entering.researcher_id)";
    uow.execute_with_rows(COLUMNS, moves, enter).await?;
    let leave_open = "UPDATE authorship SET researcher_id = NULL, same_as_id = rows.researcher_id FROM rows \
         WHERE authorship.id = rows.authorship_id AND authorship.researcher_id IS DISTINCT FROM rows.researcher_id";
    uow.execute_with_rows(COLUMNS, moves, leave_open).await?;
    pairs.extend(coauthor_pairs_at(uow, moves).await?);
    uow.notify(ProjectionEvent::AuthorsChanged { researchers: &researchers, pairs: &pairs }).await?;
    let changed = "UPDATE researcher SET updated_at = statement_timestamp() WHERE id = ANY(?)";
    uow.execute(Sql::with(changed, bigint_array(researchers.iter().copied()))).await?;
    uow.execute(Sql::with(
        "UPDATE paper SET updated_at = statement_timestamp() WHERE id = ANY(?)",
        bigint_array(papers),
    ))
    .await
}

/// The pairs that the researchers of these authorships make on their papers, in both directions.
async fn coauthor_pairs_at(uow: &UnitOfWork<'_>, moves: &[Reassignment]) -> Result<HashSet<(i64, i64)>, Error> {
    #[derive(FromQueryResult)]
    struct PairRow {
        mine: i64,
        theirs: i64,
    }
    let sql = Sql::with(
        "SELECT DISTINCT mine.researcher_id AS mine, theirs.researcher_id AS theirs FROM authorship AS mine \
         JOIN paper ON paper.id = mine.paper_id JOIN authorship AS theirs \
         ON theirs.paper_id = paper.id AND theirs.researcher_id <> mine.researcher_id WHERE mine.id = ANY(?)",
        bigint_array(moves.iter().map(|row| row.authorship_id)),
    )
    .then_with(" AND paper.author_count <= ?", i64::from(uow.consortium_size()));
    let pairs = uow.rows::<PairRow>(sql).await?;
    Ok(pairs.into_iter().flat_map(|pair| [(pair.mine, pair.theirs), (pair.theirs, pair.mine)]).collect())
}
