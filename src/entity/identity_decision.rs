//! Decisions of curators: merges and splits of researchers.

use sea_orm::entity::prelude::*;

use crate::model::decision::DecisionKind;

/// Row of `identity_decision`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_decision")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub kind: DecisionKind,
    /// The researcher who gets the papers.
    pub researcher_id: i64,
    pub researcher_ids: Vec<i64>,
    pub decided_at: DateTimeUtc,
    pub decided_by: Option<String>,
    pub note: Option<String>,
    pub undone_at: Option<DateTimeUtc>,
    pub undone_by: Option<String>,
    /// The researchers, and the rows that the decision changed.
    pub before: Json,
    #[sea_orm(has_many)]
    pub pins: HasMany<crate::entity::identity_pin::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
