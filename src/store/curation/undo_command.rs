//! What people decided is undone.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde_json::Value;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::curation::error::{DecisionError, Refusal};
use crate::store::curation::undo_log::Journal;
use crate::store::curation::{DecisionKind, Outcome};
use crate::store::reader::search::Kind;
use crate::store::unit_of_work::Batch;

#[derive(FromQueryResult)]
struct Row {
    kind: String,
    researcher_ids: Vec<i64>,
    /// Who had the papers of a split, or survived.
    remaining_id: Option<i64>,
    undone_at: Option<DateTime<Utc>>,
    undone_by: Option<String>,
    changes: Value,
}

impl Batch<'_> {
    pub(super) async fn undo(&mut self, decision: i64, by: Option<&str>) -> Result<Outcome, DecisionError> {
        let sql = "SELECT kind, researcher_ids, undone_at, undone_by, before -> 'changes' AS changes, \
             (SELECT (person ->> 'id')::bigint FROM jsonb_array_elements(before -> 'people') AS person \
             WHERE person ->> 'role' IN ('SOURCE', 'SURVIVOR') LIMIT 1) AS remaining_id \
             FROM identity_decision WHERE id = ?";
        let row = self.rows::<Row>(Sql::with(sql, decision)).await?.pop();
        let row = row.ok_or(Refusal::UnknownDecision(decision))?;
        if let Some(undone_at) = row.undone_at {
            let by = row.undone_by.map(|by| format!(", by {by}")).unwrap_or_default();
            let undone_at = undone_at.format("%Y-%m-%d %H:%M").to_string();
            return Err(Refusal::AlreadyUndone { decision, undone_at, by }.into());
        }
        self.nothing_builds_upon(decision, &row.researcher_ids).await?;
        let journal: Journal = serde_json::from_value(row.changes).map_err(Error::internal)?;
        let people = &row.researcher_ids;

        let before = self.describe_people(people).await?;
        self.restore(&journal).await?;
        for person in journal.new_people() {
            self.remove(person, row.remaining_id).await?;
        }
        self.touch_people(people.iter().copied());
        let changed = "UPDATE researcher SET updated_at = now() WHERE id = ANY(?)";
        self.execute(Sql::with(changed, ids(people.iter().copied()))).await?;
        let undone = Sql::with(
            "UPDATE identity_decision SET undone_at = now(), undone_by = ? WHERE ",
            by.map(ToOwned::to_owned),
        );
        self.execute(undone.then_with("id = ?", decision)).await?;
        let after = self.describe_people(people).await?;
        let kind = if row.kind == DecisionKind::Merge.code() { DecisionKind::Merge } else { DecisionKind::Split };
        tracing::info!(decision, by = by.unwrap_or_default(), "a decision was undone");
        Ok(Outcome { decision, kind, before, after, notes: Vec::new() })
    }

    async fn nothing_builds_upon(&self, decision: i64, people: &[i64]) -> Result<(), DecisionError> {
        let sql = Sql::with("SELECT id FROM identity_decision WHERE undone_at IS NULL AND id > ? AND ", decision)
            .then_with("researcher_ids && ? ORDER BY id DESC", ids(people.iter().copied()));
        let later: Vec<String> =
            self.rows::<crate::store::curation::Numbered>(sql).await?.iter().map(|row| row.id.to_string()).collect();
        if later.is_empty() {
            return Ok(());
        }
        Err(Refusal::BuiltUpon { decision, later: later.join(", then ") }.into())
    }

    /// Takes away somebody who came by a decision. What came to them since goes to the one they were split from.
    async fn remove(&mut self, person: i64, heir: Option<i64>) -> Result<(), Error> {
        let is_empty = !self.without_anything([person]).await?.is_empty();
        let parties = self.parties(&heir.into_iter().chain([person]).collect::<Vec<_>>()).await?;
        match parties.as_slice() {
            [heir, person] if !is_empty => self.take_over(heir, std::slice::from_ref(person), false).await,
            _ => {
                self.forget(Kind::Researcher, vec![person]).await?;
                self.execute(Sql::with("DELETE FROM researcher WHERE id = ?", person)).await
            }
        }
    }
}
