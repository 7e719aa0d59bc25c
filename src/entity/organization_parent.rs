//! Parents of organizations.

use sea_orm::entity::prelude::*;

/// Row of `organization_parent`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_parent")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub child_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub parent_id: i64,
    #[sea_orm(belongs_to, relation_enum = "Child", from = "child_id", to = "id")]
    pub child: BelongsTo<crate::entity::organization::Entity>,
    #[sea_orm(belongs_to, relation_enum = "Parent", from = "parent_id", to = "id")]
    pub parent: BelongsTo<crate::entity::organization::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
