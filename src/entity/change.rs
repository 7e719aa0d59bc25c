//! The change feed: each entity at its last change.

use sea_orm::entity::prelude::*;

use crate::model::change::StoredOperation;

/// Row of `change`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub position: i64,
    pub visible_since: i64,
    pub operation: StoredOperation,
    pub survivor_id: Option<i64>,
    pub changed_at: DateTimeUtc,
    pub activity_id: i64,
    pub organizations: Json,
    pub fields: Json,
}

impl ActiveModelBehavior for ActiveModel {}
