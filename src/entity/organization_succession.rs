//! Successors of organizations.

use sea_orm::entity::prelude::*;

/// Row of `organization_succession`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_succession")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub predecessor_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub successor_id: i64,
    #[sea_orm(belongs_to, relation_enum = "Predecessor", from = "predecessor_id", to = "id")]
    pub predecessor: BelongsTo<crate::entity::organization::Entity>,
    #[sea_orm(belongs_to, relation_enum = "Successor", from = "successor_id", to = "id")]
    pub successor: BelongsTo<crate::entity::organization::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
