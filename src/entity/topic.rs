//! Topics of vocabularies.

use sea_orm::entity::prelude::*;

pub use crate::entity::columns::Names;
use crate::model::language::LocalizedText;

/// A row of `topic`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "topic")]
#[allow(missing_docs, reason = "the columns are explained in the migration and in the schema")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub slug: String,
    pub scheme: String,
    pub code: Option<String>,
    pub display_names: LocalizedText,
    pub names: Names,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
