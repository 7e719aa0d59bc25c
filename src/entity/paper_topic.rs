//! Topics of papers.

use sea_orm::entity::prelude::*;

/// Row of `paper_topic`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "paper_topic")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub paper_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub topic_id: i64,
    pub position: i32,
    #[sea_orm(belongs_to, from = "paper_id", to = "id")]
    pub paper: BelongsTo<crate::entity::paper::Entity>,
    #[sea_orm(belongs_to, from = "topic_id", to = "id")]
    pub topic: BelongsTo<crate::entity::topic::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
