//! Merges of researchers known only by papers under another researcher's hidden name.

use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use crate::entity::researcher;
use crate::error::Error;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::access::sql_fragment::{bigint_array, sql, text_array};
use crate::store::ingest::merge_researchers::emptied::reassign_and_merge_emptied;
use crate::store::ingest::name_visibility::load_names;
use crate::store::ingest::reassign_authorships::Reassignment;
use crate::store::reader::export::has_source_record;
use crate::store::unit_of_work::UnitOfWork;
use crate::text::names;

/// Merges researchers who are known only by papers under a hidden name of this one. Returns the remaining researchers
/// who are displayed under one.
pub(crate) async fn merge_hidden_namesakes(uow: &mut UnitOfWork<'_>, id: i64) -> Result<Vec<GlobalId>, Error> {
    let hidden = load_names(uow, id).await?.visible()?.hidden_names;
    let keys: Vec<String> = hidden.iter().map(|name| names::name_key(name)).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let sql = sql!(
        concat!(
            "SELECT authorship.id AS authorship_id, paper_id, researcher.id AS former_id, ?::bigint AS researcher_id \
             FROM researcher JOIN authorship ON authorship.researcher_id = researcher.id \
             WHERE researcher.orcid IS NULL AND researcher.name_key = ANY(?) AND researcher.id <> ALL(?) AND NOT ",
            has_source_record!("researcher.id"),
            " AND NOT EXISTS (SELECT FROM external_id WHERE external_id.researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM affiliation WHERE affiliation.researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM researcher_topic WHERE researcher_topic.researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM researcher_name WHERE researcher_name.researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id) ORDER BY 1"
        ),
        id,
        text_array(keys.clone()),
        bigint_array([id]),
    );
    let moves = uow.rows::<Reassignment>(sql).await?;
    if !moves.is_empty() {
        reassign_and_merge_emptied(uow, &moves).await?;
    }
    let others = researcher::Entity::find()
        .select_only()
        .column(researcher::Column::Id)
        .filter(researcher::COLUMN.name_key.eq_any(keys))
        .filter(researcher::COLUMN.id.ne(id))
        .order_by_asc(researcher::Column::Id);
    let others: Vec<i64> = others.into_tuple().all(uow.db()).await?;
    Ok(others.into_iter().map(|row_id| GlobalId { kind: NodeKind::Researcher, row_id }).collect())
}
