//! What transactions did that changed the directory, in the order of commits.

use sea_orm::entity::prelude::*;

use crate::model::activity::ActivityKind;

/// Row of `activity`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "activity")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub kind: ActivityKind,
    pub source: Option<String>,
    pub at: DateTimeUtc,
    pub position: i64,
}

impl ActiveModelBehavior for ActiveModel {}
