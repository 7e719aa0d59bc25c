//! What people decided so far.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::error::Error;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::Store;
use crate::store::access::sql_fragment::Sql;
use crate::store::curation::DecisionKind;
use crate::store::curation::error::DecisionError;
use crate::store::curation::merge_researcher::ResearcherRef;
use crate::store::unit_of_work::UnitOfWork;

/// What somebody is in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecisionRole {
    /// Of a merge, who remains.
    #[serde(rename = "SURVIVOR")]
    Survivor,
    /// Of a merge, who was the same person.
    #[serde(rename = "FORMER")]
    Former,
    /// Of a split, whose the papers were.
    #[serde(rename = "SOURCE")]
    Source,
    /// Of a split, whose they are.
    #[serde(rename = "TARGET")]
    Target,
}

impl DecisionRole {
    /// Whether it is whom the decision gives something.
    pub(super) fn is_recipient(self) -> bool {
        matches!(self, Self::Survivor | Self::Target)
    }
}

/// Somebody whom a decision concerns, as they were when it was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecisionParty {
    /// The number of their id.
    pub id: i64,
    /// Their slug.
    pub slug: String,
    /// Their name.
    pub name: String,
    /// What they are in it.
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
    /// Its number.
    pub id: i64,
    /// What was decided.
    pub kind: DecisionKind,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// By whom.
    pub decided_by: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// When it was undone.
    pub undone_at: Option<DateTime<Utc>>,
    /// Who undid it.
    pub undone_by: Option<String>,
    /// How many papers went to another researcher.
    pub paper_count: i64,
    /// Whom it concerns.
    #[serde(serialize_with = "serialize_with_global_ids")]
    pub people: Vec<DecisionParty>,
}

/// Ids as the API gives them.
fn serialize_with_global_ids<S: Serializer>(people: &[DecisionParty], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        id: String,
        slug: &'a str,
        name: &'a str,
        role: DecisionRole,
    }
    serializer.collect_seq(people.iter().map(|person| Shown {
        id: GlobalId { kind: NodeKind::Researcher, row_id: person.id }.to_string(),
        slug: &person.slug,
        name: &person.name,
        role: person.role,
    }))
}

#[derive(FromQueryResult)]
struct DecisionRow {
    id: i64,
    kind: String,
    decided_at: DateTime<Utc>,
    decided_by: Option<String>,
    note: Option<String>,
    undone_at: Option<DateTime<Utc>>,
    undone_by: Option<String>,
    paper_count: i64,
    people: Value,
}

impl TryFrom<DecisionRow> for Decision {
    type Error = Error;

    fn try_from(row: DecisionRow) -> Result<Self, Error> {
        let kind = [DecisionKind::Merge, DecisionKind::Split].into_iter().find(|kind| kind.as_str() == row.kind);
        Ok(Self {
            id: row.id,
            kind: kind.ok_or_else(|| Error::internal(format!("decision {} is of the kind {}", row.id, row.kind)))?,
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

impl Store {
    /// What was decided, in the order of time; of one researcher, if one is named, also what was decided of those who are this
    /// person by now.
    ///
    /// # Errors
    /// Where nobody has the key, and where the database does not answer.
    pub async fn list_decisions(&self, researcher: Option<&str>) -> Result<Vec<Decision>, DecisionError> {
        let transaction = self.begin().await?;
        let batch = UnitOfWork::new(&transaction, "", self.consortium_size(), 0);
        let mut sql = Sql::from(
            "SELECT id, kind, decided_at, decided_by, note, undone_at, undone_by, \
             (before ->> 'paperCount')::bigint AS paper_count, before -> 'people' AS people FROM identity_decision",
        );
        if let Some(key) = researcher {
            for person in batch.find_researchers(&[key]).await? {
                sql = sql
                    .then_with(" WHERE researcher_ids && (ARRAY[?]::bigint[] || ARRAY(SELECT former_id ", person)
                    .then_with("FROM former_identity WHERE kind = 'researcher' AND survivor_id = ?))", person);
            }
        }
        let rows = batch.rows::<DecisionRow>(sql.then(" ORDER BY id")).await?;
        transaction.rollback().await.map_err(Error::from)?;
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
