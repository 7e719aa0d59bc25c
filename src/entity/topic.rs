//! Topics of controlled vocabularies.

use sea_orm::entity::prelude::*;

pub use crate::entity::column_types::NameRecords;
use crate::model::language::LocalizedText;

/// Row of `topic`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "topic")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub slug: String,
    pub scheme: String,
    pub code: Option<String>,
    pub display_names: LocalizedText,
    pub names: NameRecords,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
