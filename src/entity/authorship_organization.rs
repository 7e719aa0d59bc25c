//! Organizations with which authors are affiliated on a paper.

use sea_orm::entity::prelude::*;

/// Row of `authorship_organization`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "authorship_organization")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub authorship_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: i64,
    #[sea_orm(belongs_to, from = "authorship_id", to = "id")]
    pub authorship: BelongsTo<crate::entity::authorship::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id")]
    pub organization: BelongsTo<crate::entity::organization::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
