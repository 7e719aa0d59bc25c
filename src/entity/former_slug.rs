//! Redirects from former slugs.

use sea_orm::entity::prelude::*;

/// Row of `former_slug`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "former_slug")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: crate::model::entity_type::EntityType,
    #[sea_orm(primary_key, auto_increment = false)]
    pub slug: String,
    pub id: i64,
}

impl ActiveModelBehavior for ActiveModel {}
