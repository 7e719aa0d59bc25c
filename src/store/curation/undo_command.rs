//! Undoing a decision.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde_json::Value;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::curation::error::{CurationError, DecisionError};
use crate::store::curation::researcher_summary::summarize_researchers;
use crate::store::curation::undo_log::{UndoLog, restore_rows};
use crate::store::curation::{DecisionKind, DecisionOutcome};
use crate::store::ingest::merge_researchers::emptied::find_empty_researchers;
use crate::store::ingest::merge_researchers::full_merge::{load_researcher_refs, merge_into};
use crate::store::reader::search::EntityType;
use crate::store::unit_of_work::{ProjectionEvent, UnitOfWork};

#[derive(FromQueryResult)]
struct UndoTargetRow {
    kind: String,
    researcher_ids: Vec<i64>,
    /// The survivor of a merge, or the researcher who had the papers of a split.
    remaining_id: Option<i64>,
    undone_at: Option<DateTime<Utc>>,
    undone_by: Option<String>,
    changes: Value,
}

/// Restores the rows that a decision changed, and marks it as undone.
pub(super) async fn undo_decision(
    uow: &mut UnitOfWork<'_>,
    decision: i64,
    by: Option<&str>,
) -> Result<DecisionOutcome, DecisionError> {
    let sql = "SELECT kind, researcher_ids, undone_at, undone_by, before -> 'changes' AS changes, \
         (SELECT (person ->> 'id')::bigint FROM jsonb_array_elements(before -> 'people') AS person \
         WHERE person ->> 'role' IN ('SOURCE', 'SURVIVOR') LIMIT 1) AS remaining_id \
         FROM identity_decision WHERE id = ?";
    let row = uow.rows::<UndoTargetRow>(Sql::with(sql, decision)).await?.pop();
    let row = row.ok_or(CurationError::UnknownDecision(decision))?;
    if let Some(undone_at) = row.undone_at {
        let by = row.undone_by.map(|by| format!(", by {by}")).unwrap_or_default();
        let undone_at = undone_at.format("%Y-%m-%d %H:%M").to_string();
        return Err(CurationError::AlreadyUndone { decision, undone_at, by }.into());
    }
    ensure_no_dependents(uow, decision, &row.researcher_ids).await?;
    let journal: UndoLog = serde_json::from_value(row.changes).map_err(Error::internal)?;
    let researcher_ids = &row.researcher_ids;

    let before = summarize_researchers(uow, researcher_ids).await?;
    restore_rows(uow, &journal).await?;
    for person in journal.created_researchers() {
        remove_created_researcher(uow, person, row.remaining_id).await?;
    }
    uow.mark_dirty(EntityType::Researcher, researcher_ids.iter().copied());
    let changed = "UPDATE researcher SET updated_at = statement_timestamp() WHERE id = ANY(?)";
    uow.execute(Sql::with(changed, bigint_array(researcher_ids.iter().copied()))).await?;
    let undone = Sql::with(
        "UPDATE identity_decision SET undone_at = statement_timestamp(), undone_by = ? WHERE ",
        by.map(ToOwned::to_owned),
    );
    uow.execute(undone.then_with("id = ?", decision)).await?;
    let after = summarize_researchers(uow, researcher_ids).await?;
    let kind = if row.kind == DecisionKind::Merge.as_str() { DecisionKind::Merge } else { DecisionKind::Split };
    Ok(DecisionOutcome { decision, kind, before, after, notes: Vec::new() })
}

/// Fails if later decisions affect the same researchers.
async fn ensure_no_dependents(
    uow: &UnitOfWork<'_>,
    decision: i64,
    researcher_ids: &[i64],
) -> Result<(), DecisionError> {
    let sql = Sql::with("SELECT id FROM identity_decision WHERE undone_at IS NULL AND id > ? AND ", decision)
        .then_with("researcher_ids && ? ORDER BY id DESC", bigint_array(researcher_ids.iter().copied()));
    let later: Vec<String> =
        uow.rows::<crate::store::curation::IdRow>(sql).await?.iter().map(|row| row.id.to_string()).collect();
    if later.is_empty() {
        return Ok(());
    }
    Err(CurationError::HasDependents { decision, later: later.join(", then ") }.into())
}

/// Deletes a researcher created by the decision. What was added since moves to the researcher they were split from.
async fn remove_created_researcher(uow: &mut UnitOfWork<'_>, person: i64, remaining: Option<i64>) -> Result<(), Error> {
    let is_empty = !find_empty_researchers(uow, [person]).await?.is_empty();
    let parties = load_researcher_refs(uow, &remaining.into_iter().chain([person]).collect::<Vec<_>>()).await?;
    match parties.as_slice() {
        [remaining, person] if !is_empty => merge_into(uow, remaining, std::slice::from_ref(person), false).await,
        _ => {
            uow.notify(ProjectionEvent::EntitiesRemoved { kind: EntityType::Researcher, ids: &[person] }).await?;
            uow.execute(Sql::with("DELETE FROM researcher WHERE id = ?", person)).await
        }
    }
}
