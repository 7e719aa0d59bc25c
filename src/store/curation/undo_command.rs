//! Undoing a decision.

use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use crate::entity::{identity_decision, researcher, statement_timestamp};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::curation::error::{CurationError, DecisionError};
use crate::store::curation::remove_source::delete_entities;
use crate::store::curation::researcher_summary::summarize_researchers;
use crate::store::curation::undo_log::restore_rows;
use crate::store::curation::{BeforeDecision, DecisionOutcome, DecisionRole};
use crate::store::ingest::merge_researchers::emptied::find_empty_researchers;
use crate::store::ingest::merge_researchers::full_merge::{load_researcher_refs, merge_into};
use crate::store::unit_of_work::UnitOfWork;

/// Restores the rows that a decision changed, and marks it as undone.
pub(super) async fn undo_decision(
    uow: &mut UnitOfWork<'_>,
    decision: i64,
    by: Option<&str>,
) -> Result<DecisionOutcome, DecisionError> {
    let row = identity_decision::Entity::find_by_id(decision).one(uow.db()).await?;
    let row = row.ok_or(CurationError::UnknownDecision(decision))?;
    if let Some(undone_at) = row.undone_at {
        let by = row.undone_by.map(|by| format!(", by {by}")).unwrap_or_default();
        let undone_at = undone_at.format("%Y-%m-%d %H:%M").to_string();
        return Err(CurationError::AlreadyUndone { decision, undone_at, by }.into());
    }
    ensure_no_dependents(uow, decision, &row.researcher_ids).await?;
    let BeforeDecision { parties, changes: undo_log, .. } =
        serde_json::from_value(row.before).map_err(Error::internal)?;
    let remaining = parties.iter().find(|party| matches!(party.role, DecisionRole::Source | DecisionRole::Survivor));
    let researcher_ids = &row.researcher_ids;

    let before = summarize_researchers(uow, researcher_ids).await?;
    restore_rows(uow, &undo_log).await?;
    for person in undo_log.created_researchers() {
        remove_created_researcher(uow, decision, person, remaining.map(|party| party.id)).await?;
    }
    uow.mark_dirty(EntityType::Researcher, researcher_ids.iter().copied());
    researcher::Entity::update_many()
        .col_expr(researcher::Column::UpdatedAt, statement_timestamp())
        .filter(researcher::COLUMN.id.eq_any(researcher_ids.iter().copied()))
        .exec(uow.db())
        .await?;
    identity_decision::Entity::update_many()
        .set(identity_decision::ActiveModel { undone_by: Set(by.map(ToOwned::to_owned)), ..Default::default() })
        .col_expr(identity_decision::Column::UndoneAt, statement_timestamp())
        .filter(identity_decision::COLUMN.id.eq(decision))
        .exec(uow.db())
        .await?;
    let after = summarize_researchers(uow, researcher_ids).await?;
    Ok(DecisionOutcome { decision, kind: row.kind, before, after, notes: Vec::new() })
}

/// Fails if later decisions affect the same researchers.
async fn ensure_no_dependents(
    uow: &UnitOfWork<'_>,
    decision: i64,
    researcher_ids: &[i64],
) -> Result<(), DecisionError> {
    let later = identity_decision::Entity::find()
        .select_only()
        .column(identity_decision::Column::Id)
        .filter(identity_decision::COLUMN.undone_at.is_null())
        .filter(identity_decision::COLUMN.id.gt(decision))
        .filter(identity_decision::COLUMN.researcher_ids.overlap(researcher_ids.to_vec()))
        .order_by_desc(identity_decision::Column::Id);
    let later: Vec<i64> = later.into_tuple().all(uow.db()).await?;
    if later.is_empty() {
        return Ok(());
    }
    Err(CurationError::HasDependents {
        decision,
        later: later.iter().map(ToString::to_string).collect::<Vec<_>>().join(", then "),
    }
    .into())
}

/// Deletes a researcher created by the decision. What was added since moves to the researcher they were split from.
async fn remove_created_researcher(
    uow: &mut UnitOfWork<'_>,
    decision: i64,
    created: i64,
    remaining: Option<i64>,
) -> Result<(), DecisionError> {
    if !find_empty_researchers(uow, [created]).await?.is_empty() {
        return Ok(delete_entities(uow, EntityType::Researcher, &[created]).await?);
    }
    let parties = load_researcher_refs(uow, &remaining.into_iter().chain([created]).collect::<Vec<_>>()).await?;
    let find = |id: i64| parties.iter().find(|party| party.id == id);
    // An import may have merged them into another researcher since.
    let Some(created) = find(created) else { return Ok(()) };
    let Some(remaining) = remaining.and_then(find) else {
        return Err(CurationError::SourceMissing { decision, created: created.label() }.into());
    };
    Ok(merge_into(uow, remaining, std::slice::from_ref(created), false).await?)
}
