//! Moves authorships to other researchers, with the counts that depend on them.

use std::collections::{HashMap, HashSet};

use sea_orm::ActiveValue::Set;
use sea_orm::{
    DerivePartialModel, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::entity::{authorship, identity_pin, paper, researcher, statement_timestamp};
use crate::error::Error;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::{ProjectionEvent, UnitOfWork};

json_row! {
    /// An authorship that moves to another researcher.
    #[derive(Clone, Debug, FromQueryResult)]
    pub(crate) struct Reassignment {
        pub authorship_id: i64,
        pub paper_id: i64,
        /// The researcher who has the authorship; none if it is unassigned.
        pub former_id: Option<i64>,
        /// The researcher who receives it.
        pub researcher_id: i64,
    }
}

/// An authorship of a researcher.
#[derive(Clone, Debug, DerivePartialModel)]
#[sea_orm(entity = "authorship::Entity")]
pub(crate) struct HeldAuthorship {
    pub id: i64,
    pub paper_id: i64,
    pub researcher_id: i64,
    pub name: String,
    pub orcid: Option<String>,
    pub is_orcid_doubtful: bool,
}

impl HeldAuthorship {
    /// The ORCID iD, unless it is probably another person's.
    pub(crate) fn own_orcid(&self) -> Option<&String> {
        self.orcid.as_ref().filter(|_| !self.is_orcid_doubtful)
    }
}

/// The authorships of these researchers.
pub(crate) async fn load_authorships_of(
    uow: &UnitOfWork<'_>,
    researchers: &[i64],
) -> Result<Vec<HeldAuthorship>, Error> {
    let held = authorship::Entity::find()
        .filter(authorship::COLUMN.researcher_id.eq_any(researchers.iter().copied()))
        .order_by_asc(authorship::Column::Id);
    Ok(held.into_partial_model().all(uow.db()).await?)
}

/// The authorships among these moves that a decision pins to a researcher.
pub(crate) async fn find_pinned(uow: &UnitOfWork<'_>, moves: &[Reassignment]) -> Result<HashSet<i64>, Error> {
    if moves.is_empty() {
        return Ok(HashSet::new());
    }
    let pinned = identity_pin::Entity::find()
        .select_only()
        .column(identity_pin::Column::AuthorshipId)
        .filter(identity_pin::COLUMN.authorship_id.eq_any(moves.iter().map(|row| row.authorship_id)));
    Ok(pinned.into_tuple::<i64>().all(uow.db()).await?.into_iter().collect())
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
    let together: Vec<i64> = by_paper.into_values().filter(|authorships| authorships.len() > 1).flatten().collect();
    if !together.is_empty() {
        authorship::Entity::update_many()
            .set(authorship::ActiveModel { researcher_id: Set(None), same_as_id: Set(None), ..Default::default() })
            .filter(authorship::COLUMN.researcher_id.is_not_null().or(authorship::COLUMN.same_as_id.is_not_null()))
            .filter(authorship::COLUMN.id.eq_any(together))
            .exec(uow.db())
            .await?;
    }
    let enter = "UPDATE authorship SET researcher_id = entering.researcher_id, same_as_id = NULL \
         FROM (SELECT DISTINCT ON (paper_id, researcher_id) * \
         FROM rows ORDER BY paper_id, researcher_id, authorship_id) AS entering WHERE authorship.id = entering.authorship_id \
         AND NOT EXISTS (SELECT FROM authorship AS other WHERE other.paper_id = entering.paper_id \
         AND other.researcher_id = entering.researcher_id)";
    uow.execute_with_rows(moves, enter).await?;
    let leave_open = "UPDATE authorship SET researcher_id = NULL, same_as_id = rows.researcher_id FROM rows \
         WHERE authorship.id = rows.authorship_id AND authorship.researcher_id IS DISTINCT FROM rows.researcher_id";
    uow.execute_with_rows(moves, leave_open).await?;
    pairs.extend(coauthor_pairs_at(uow, moves).await?);
    uow.notify(ProjectionEvent::AuthorsChanged { researchers: &researchers, pairs: &pairs }).await?;
    researcher::Entity::update_many()
        .col_expr(researcher::Column::UpdatedAt, statement_timestamp())
        .filter(researcher::COLUMN.id.eq_any(researchers.iter().copied()))
        .exec(uow.db())
        .await?;
    paper::Entity::update_many()
        .col_expr(paper::Column::UpdatedAt, statement_timestamp())
        .filter(paper::COLUMN.id.eq_any(papers))
        .exec(uow.db())
        .await?;
    Ok(())
}

/// The pairs that the researchers of these authorships make on their papers, in both directions.
async fn coauthor_pairs_at(uow: &UnitOfWork<'_>, moves: &[Reassignment]) -> Result<HashSet<(i64, i64)>, Error> {
    #[derive(FromQueryResult)]
    struct PairRow {
        mine: i64,
        theirs: i64,
    }
    let sql = sql!(
        "SELECT DISTINCT mine.researcher_id AS mine, theirs.researcher_id AS theirs FROM authorship AS mine \
         JOIN paper ON paper.id = mine.paper_id JOIN authorship AS theirs ON theirs.paper_id = paper.id \
         AND theirs.researcher_id <> mine.researcher_id WHERE mine.id = ANY(?) AND paper.author_count <= ?",
        bigint_array(moves.iter().map(|row| row.authorship_id)),
        i64::from(uow.consortium_size()),
    );
    let pairs = uow.rows::<PairRow>(sql).await?;
    Ok(pairs.into_iter().flat_map(|pair| [(pair.mine, pair.theirs), (pair.theirs, pair.mine)]).collect())
}
