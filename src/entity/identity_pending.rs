//! The blocks of names to disambiguate again.

use sea_orm::entity::prelude::*;

/// Row of `identity_pending`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_pending")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub block: String,
}

impl ActiveModelBehavior for ActiveModel {}
