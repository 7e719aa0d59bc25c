//! Records of sources as they were imported: exactly one of the ids is set.

use sea_orm::entity::prelude::*;

/// Row of `source_record`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "source_record")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub source: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub digest: Vec<u8>,
    pub researcher_id: Option<i64>,
    pub organization_id: Option<i64>,
    pub topic_id: Option<i64>,
    pub paper_id: Option<i64>,
    /// Whether the record is of a researcher who was merged into this one.
    pub is_of_former: bool,
    /// The fields that the record provides, if known.
    #[sea_orm(column_name = "told")]
    pub provided_fields: Option<Vec<String>>,
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
