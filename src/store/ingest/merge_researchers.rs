//! Merging researchers: the one place where a researcher is deleted in favour of another and redirects to them.
//!
//! [`merge_researchers`] is the primitive. [`full_merge`] moves everything of a researcher first, for decisions;
//! [`emptied`] merges researchers who have nothing left after their authorships moved; [`hidden_namesakes`] merges
//! researchers known only by papers under another researcher's hidden name.

pub(crate) mod emptied;
pub(crate) mod full_merge;
pub(crate) mod hidden_namesakes;

use sea_orm::{EntityTrait as _, QueryFilter as _};

use crate::entity::researcher;
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::{ProjectionEvent, UnitOfWork};

json_row! {
    /// A researcher who is merged into another.
    #[derive(Clone, Debug)]
    pub(crate) struct ResearcherMerge {
        pub former_id: i64,
        pub survivor_id: i64,
        /// The name key of the former, if records under it are to match the survivor.
        pub name_key: Option<String>,
    }
}

/// Deletes researchers who have nothing left, and redirects their ids and slugs to the survivors.
pub(crate) async fn merge_researchers(uow: &mut UnitOfWork<'_>, merges: &[ResearcherMerge]) -> Result<(), Error> {
    if merges.is_empty() {
        return Ok(());
    }
    let former: Vec<i64> = merges.iter().map(|row| row.former_id).collect();
    let unassigned =
        "UPDATE authorship SET same_as_id = rows.survivor_id FROM rows WHERE authorship.same_as_id = rows.former_id";
    uow.execute_with_rows(merges, unassigned).await?;
    uow.notify(ProjectionEvent::EntitiesRemoved { kind: EntityType::Researcher, ids: &former }).await?;
    let redirect = ", moved AS (UPDATE former_identity SET survivor_id = rows.survivor_id FROM rows \
         WHERE former_identity.kind = 'researcher' AND former_identity.survivor_id = rows.former_id), \
         led AS (UPDATE former_slug SET id = rows.survivor_id FROM rows \
         WHERE former_slug.kind = 'researcher' AND former_slug.id = rows.former_id) \
         INSERT INTO former_identity (kind, former_id, former_slug, survivor_id, name_key) \
         SELECT 'researcher', researcher.id, researcher.slug, rows.survivor_id, rows.name_key \
         FROM rows JOIN researcher ON researcher.id = rows.former_id";
    uow.execute_with_rows(merges, redirect).await?;
    researcher::Entity::delete_many().filter(researcher::COLUMN.id.eq_any(former)).exec(uow.db()).await?;
    Ok(())
}
