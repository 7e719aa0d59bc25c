//! Broader topics of topics.

use sea_orm::entity::prelude::*;

/// Row of `topic_broader`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "topic_broader")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub topic_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub broader_id: i64,
    #[sea_orm(belongs_to, relation_enum = "Topic", from = "topic_id", to = "id")]
    pub topic: BelongsTo<crate::entity::topic::Entity>,
    #[sea_orm(belongs_to, relation_enum = "Broader", from = "broader_id", to = "id")]
    pub broader: BelongsTo<crate::entity::topic::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
