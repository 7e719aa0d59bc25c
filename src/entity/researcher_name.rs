//! Other names of researchers, by source; without a source, they were decided.

use sea_orm::entity::prelude::*;

use crate::model::record::NameUse;

/// Row of `researcher_name`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "researcher_name")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub researcher_id: i64,
    pub value: String,
    #[sea_orm(column_name = "use")]
    pub name_use: NameUse,
    pub name_key: String,
    pub block: String,
    pub source: Option<String>,
    pub record_key: Option<String>,
    #[sea_orm(belongs_to, from = "researcher_id", to = "id")]
    pub researcher: BelongsTo<crate::entity::researcher::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
