//! External identifiers of entities: exactly one of the ids is set.

use sea_orm::entity::prelude::*;

/// Row of `external_id`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "external_id")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub scheme: String,
    pub value: String,
    pub researcher_id: Option<i64>,
    pub organization_id: Option<i64>,
    pub topic_id: Option<i64>,
    pub paper_id: Option<i64>,
    /// Whether a record of the researcher has the identifier, not only papers.
    pub is_told: bool,
    #[sea_orm(belongs_to, from = "researcher_id", to = "id")]
    pub researcher: BelongsTo<Option<crate::entity::researcher::Entity>>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id")]
    pub organization: BelongsTo<Option<crate::entity::organization::Entity>>,
    #[sea_orm(belongs_to, from = "topic_id", to = "id")]
    pub topic: BelongsTo<Option<crate::entity::topic::Entity>>,
    #[sea_orm(belongs_to, from = "paper_id", to = "id")]
    pub paper: BelongsTo<Option<crate::entity::paper::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
