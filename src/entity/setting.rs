//! The state of the directory as a whole, by name.

use sea_orm::entity::prelude::*;

/// Row of `setting`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "setting")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub value: String,
}

impl ActiveModelBehavior for ActiveModel {}
