//! The history of decisions.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{DerivePartialModel, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::entity::identity_decision;
use crate::error::Error;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::Store;
use crate::store::curation::DecisionKind;
use crate::store::curation::error::DecisionError;
use crate::store::curation::reference::find_researchers;
use crate::store::ingest::merge_researchers::full_merge::ResearcherRef;
use crate::store::unit_of_work::UnitOfWork;

/// The role of a researcher in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecisionRole {
    /// The survivor of a merge.
    #[serde(rename = "SURVIVOR")]
    Survivor,
    /// A duplicate that was merged.
    #[serde(rename = "FORMER")]
    Former,
    /// The researcher who had the papers of a split.
    #[serde(rename = "SOURCE")]
    Source,
    /// The researcher who got them.
    #[serde(rename = "TARGET")]
    Target,
}

impl DecisionRole {
    /// Whether the researcher receives papers.
    pub(super) fn is_recipient(self) -> bool {
        matches!(self, Self::Survivor | Self::Target)
    }
}

/// A researcher affected by a decision, at the time of the decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecisionParty {
    /// The number behind the global id.
    pub id: i64,
    /// The slug.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// The role.
    pub role: DecisionRole,
}

impl DecisionParty {
    pub(super) fn new(party: &ResearcherRef, role: DecisionRole) -> Self {
        Self { id: party.id, slug: party.slug.clone(), name: party.display_name.clone(), role }
    }
}

/// A decision.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The decision's number.
    pub id: i64,
    /// The kind.
    pub kind: DecisionKind,
    /// The time of the decision.
    pub decided_at: DateTime<Utc>,
    /// The curator's name.
    pub decided_by: Option<String>,
    /// The reason.
    pub note: Option<String>,
    /// The time at which it was undone.
    pub undone_at: Option<DateTime<Utc>>,
    /// The name of the curator who undid it.
    pub undone_by: Option<String>,
    /// The number of papers that moved.
    pub paper_count: i64,
    /// The affected researchers.
    #[serde(serialize_with = "serialize_with_global_ids")]
    pub people: Vec<DecisionParty>,
}

/// Serializes researchers with their global ids.
fn serialize_with_global_ids<S: Serializer>(people: &[DecisionParty], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct SerializedParty<'a> {
        id: String,
        slug: &'a str,
        name: &'a str,
        role: DecisionRole,
    }
    serializer.collect_seq(people.iter().map(|researcher_id| SerializedParty {
        id: GlobalId { kind: NodeKind::Researcher, row_id: researcher_id.id }.to_string(),
        slug: &researcher_id.slug,
        name: &researcher_id.name,
        role: researcher_id.role,
    }))
}

/// A decision without the rows that it changed.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "identity_decision::Entity")]
struct DecisionRow {
    id: i64,
    kind: DecisionKind,
    decided_at: DateTime<Utc>,
    decided_by: Option<String>,
    note: Option<String>,
    undone_at: Option<DateTime<Utc>>,
    undone_by: Option<String>,
    #[sea_orm(from_expr = r#"Expr::cust("(before ->> 'paperCount')::bigint")"#)]
    paper_count: i64,
    #[sea_orm(from_expr = r#"Expr::cust("before -> 'people'")"#)]
    people: Value,
}

impl TryFrom<DecisionRow> for Decision {
    type Error = Error;

    fn try_from(row: DecisionRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            kind: row.kind,
            decided_at: row.decided_at,
            decided_by: row.decided_by,
            note: row.note,
            undone_at: row.undone_at,
            undone_by: row.undone_by,
            paper_count: row.paper_count,
            people: serde_json::from_value(row.people).map_err(Error::internal)?,
        })
    }
}

/// Decisions about a researcher and those who were merged into them.
fn concerns(researcher_id: i64) -> Expr {
    Expr::cust_with_values(
        "researcher_ids && (ARRAY[$1]::bigint[] || ARRAY(SELECT former_id FROM former_identity \
         WHERE kind = 'researcher' AND survivor_id = $1))",
        [researcher_id],
    )
}

impl Store {
    /// The decisions in chronological order. With a researcher, only those that affect the researcher or one merged
    /// into them.
    ///
    /// # Errors
    /// If no researcher has the key, or the database is unavailable.
    pub async fn list_decisions(&self, researcher: Option<&str>) -> Result<Vec<Decision>, DecisionError> {
        self.retry(|| self.try_list_decisions(researcher)).await
    }

    async fn try_list_decisions(&self, researcher: Option<&str>) -> Result<Vec<Decision>, DecisionError> {
        let uow = UnitOfWork::begin_read_only(self).await?;
        let mut decisions = identity_decision::Entity::find().order_by_asc(identity_decision::Column::Id);
        if let Some(key) = researcher {
            for researcher_id in find_researchers(&uow, &[key]).await? {
                decisions = decisions.filter(concerns(researcher_id));
            }
        }
        let rows = decisions.into_partial_model::<DecisionRow>().all(uow.db()).await?;
        uow.rollback().await?;
        Ok(rows.into_iter().map(Decision::try_from).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The words of roles and kinds are stored in `identity_decision`.
    #[test]
    fn stored_words_are_stable() {
        let roles = [DecisionRole::Survivor, DecisionRole::Former, DecisionRole::Source, DecisionRole::Target];
        assert_eq!(json!(roles), json!(["SURVIVOR", "FORMER", "SOURCE", "TARGET"]));
        assert_eq!(json!([DecisionKind::Merge, DecisionKind::Split]), json!(["MERGE", "SPLIT"]));
        let party = DecisionParty { id: 1, slug: "ida".to_owned(), name: "Ida".to_owned(), role: DecisionRole::Former };
        assert_eq!(json!(party), json!({"id": 1, "slug": "ida", "name": "Ida", "role": "FORMER"}));
    }
}
