//! Redirects from merged entities to their survivors.

use sea_orm::entity::prelude::*;

/// Row of `former_identity`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "former_identity")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: crate::model::entity_type::EntityType,
    #[sea_orm(primary_key, auto_increment = false)]
    pub former_id: i64,
    pub former_slug: String,
    pub survivor_id: i64,
    pub name_key: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
