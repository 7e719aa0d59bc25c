//! The history of decisions.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, DerivePartialModel, EntityTrait as _, FromJsonQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use serde::{Deserialize, Serialize, Serializer};

use crate::entity::{former_identity, identity_decision};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::Store;
use crate::store::curation::DecisionKind;
use crate::store::curation::error::DecisionError;
use crate::store::curation::reference::find_researchers;
use crate::store::ingest::merge_researchers::full_merge::ResearcherRef;
use crate::store::unit_of_work::UnitOfWork;

/// The role of a researcher in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DecisionRole {
    /// The survivor of a merge.
    Survivor,
    /// A duplicate that was merged.
    Former,
    /// The researcher who had the papers of a split.
    Source,
    /// The researcher who got them.
    Target,
}

impl DecisionRole {
    /// Whether the researcher receives papers.
    pub(super) fn is_recipient(self) -> bool {
        matches!(self, Self::Survivor | Self::Target)
    }
}

/// A researcher affected by a decision, at the time of the decision.
#[derive(Clone, Debug, Serialize, Deserialize, FromJsonQueryResult)]
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

/// A decision, without the rows that it changed.
#[derive(Clone, Debug, Serialize, DerivePartialModel)]
#[sea_orm(entity = "identity_decision::Entity")]
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
    #[sea_orm(from_expr = r#"Expr::cust("(before ->> 'paperCount')::bigint")"#)]
    pub paper_count: i64,
    /// The affected researchers.
    #[sea_orm(from_expr = r#"Expr::cust("before -> 'people'")"#)]
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
    serializer.collect_seq(people.iter().map(|party| SerializedParty {
        id: GlobalId { kind: NodeKind::Researcher, row_id: party.id }.to_string(),
        slug: &party.slug,
        name: &party.name,
        role: party.role,
    }))
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
            let mut researchers = find_researchers(&uow, &[key]).await?;
            researchers.extend(find_former_ids(&uow, &researchers).await?);
            decisions = decisions.filter(identity_decision::COLUMN.researcher_ids.overlap(researchers));
        }
        let decisions = decisions.into_partial_model().all(uow.db()).await?;
        uow.rollback().await?;
        Ok(decisions)
    }
}

/// The ids of researchers who were merged into these.
async fn find_former_ids(uow: &UnitOfWork<'_>, survivors: &[i64]) -> Result<Vec<i64>, Error> {
    let former = former_identity::Entity::find()
        .select_only()
        .column(former_identity::Column::FormerId)
        .filter(former_identity::Column::Kind.eq(EntityType::Researcher))
        .filter(former_identity::COLUMN.survivor_id.eq_any(survivors.iter().copied()));
    Ok(former.into_tuple().all(uow.db()).await?)
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
