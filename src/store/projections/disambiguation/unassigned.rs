//! Authorships that match no researcher, and merges of researchers who have nothing left.

use std::collections::HashSet;

use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait as _, FromQueryResult, IntoSimpleExpr as _, QueryFilter as _};

use crate::entity::authorship;
use crate::error::Error;
use crate::store::access::sql_fragment::{bigint_array, sql, text_array};
use crate::store::ingest::coauthor_pairs::coauthor_pairs_of;
use crate::store::ingest::merge_researchers::emptied::merge_emptied_researchers;
use crate::store::ingest::reassign_authorships::Reassignment;
use crate::store::projections::disambiguation::BlockAuthorship;
use crate::store::unit_of_work::{ProjectionEvent, UnitOfWork};

/// Removes the researchers from ambiguous authorships.
pub(super) async fn unassign(uow: &mut UnitOfWork<'_>, authorships: &[BlockAuthorship]) -> Result<(), Error> {
    if authorships.is_empty() {
        return Ok(());
    }
    let researchers: HashSet<i64> = authorships.iter().filter_map(|authorship| authorship.researcher_id).collect();
    let papers: Vec<i64> = authorships.iter().map(|authorship| authorship.paper_id).collect();
    uow.dirty.works.mark_ids(papers.iter().copied());
    let mut pairs = coauthor_pairs_of(uow, &papers).await?;
    authorship::Entity::update_many()
        .col_expr(authorship::Column::SameAsId, authorship::Column::ResearcherId.into_simple_expr())
        .set(authorship::ActiveModel { researcher_id: Set(None), ..Default::default() })
        .filter(authorship::COLUMN.id.eq_any(authorships.iter().map(|authorship| authorship.id)))
        .exec(uow.db())
        .await?;
    pairs.extend(coauthor_pairs_of(uow, &papers).await?);
    uow.notify(ProjectionEvent::AuthorsChanged { researchers: &researchers, pairs: &pairs }).await
}

/// Merges researchers who have only an unassigned authorship left into those of the same name on its paper.
pub(super) async fn merge_unassigned(uow: &mut UnitOfWork<'_>, authorships: &[BlockAuthorship]) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct UnassignedRow {
        id: i64,
        paper_id: i64,
        former_id: i64,
        researcher_id: i64,
    }
    let rows = uow
        .rows::<UnassignedRow>(sql!(
            "SELECT open.id, open.paper_id, open.same_as_id AS former_id, other.researcher_id FROM authorship AS open \
             JOIN authorship AS other ON other.paper_id = open.paper_id AND other.block = open.block \
             AND other.researcher_id <> open.same_as_id WHERE open.researcher_id IS NULL AND open.id = ANY(?) \
             ORDER BY open.id, other.list_order",
            bigint_array(authorships.iter().map(|authorship| authorship.id)),
        ))
        .await?;
    let moves: Vec<Reassignment> = rows
        .into_iter()
        .map(|UnassignedRow { id, paper_id, former_id, researcher_id }| Reassignment {
            authorship_id: id,
            paper_id,
            former_id: Some(former_id),
            researcher_id,
        })
        .collect();
    merge_emptied_researchers(uow, &moves).await
}

/// Merges researchers without papers into the one of the same name with most papers.
pub(super) async fn merge_orphans(uow: &mut UnitOfWork<'_>, names: &[String]) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct OrphanRow {
        id: i64,
        researcher_id: i64,
    }
    let rows = uow
        .rows::<OrphanRow>(sql!(
            "SELECT person.id, namesake.id AS researcher_id FROM researcher AS person \
             JOIN researcher_statistics AS counted ON counted.researcher_id = person.id AND counted.paper_count = 0 \
             CROSS JOIN LATERAL (SELECT other.id FROM researcher AS other \
             JOIN researcher_statistics AS known ON known.researcher_id = other.id WHERE other.block = person.block \
             AND other.sort_name = person.sort_name AND known.paper_count > 0 \
             ORDER BY known.paper_count DESC, other.id LIMIT 1) AS namesake WHERE person.block = ANY(?)",
            text_array(names.to_vec()),
        ))
        .await?;
    let moves: Vec<Reassignment> = rows
        .into_iter()
        .map(|OrphanRow { id, researcher_id }| Reassignment {
            authorship_id: 0,
            paper_id: 0,
            former_id: Some(id),
            researcher_id,
        })
        .collect();
    merge_emptied_researchers(uow, &moves).await
}
