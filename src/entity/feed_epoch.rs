//! The epochs of the change feed: the time between two forks.

use sea_orm::entity::prelude::*;

/// Row of `feed_epoch`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "feed_epoch")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub epoch: i64,
    pub parent: Option<i64>,
    pub fork_position: i64,
    pub server: String,
    pub began_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
