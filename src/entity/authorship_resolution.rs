//! How authorships were assigned to researchers.

use sea_orm::entity::prelude::*;

/// Row of `authorship_resolution`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "authorship_resolution")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub authorship_id: i64,
    pub method: String,
    pub confidence: f32,
    pub evidence: Json,
    #[sea_orm(belongs_to, from = "authorship_id", to = "id")]
    pub authorship: BelongsTo<crate::entity::authorship::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
