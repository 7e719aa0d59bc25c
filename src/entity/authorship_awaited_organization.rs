//! Affiliations of authors with organizations that are not imported yet.

use sea_orm::entity::prelude::*;

/// Row of `authorship_awaited_organization`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "authorship_awaited_organization")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub authorship_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub ror: String,
    #[sea_orm(belongs_to, from = "authorship_id", to = "id")]
    pub authorship: BelongsTo<crate::entity::authorship::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
