//! Decisions on the names of researchers.

use sea_orm::entity::prelude::*;

/// Row of `name_decision`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "name_decision")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub researcher_id: i64,
    pub display_name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub withholds_published_name: Option<bool>,
    pub decided_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "researcher_id", to = "id")]
    pub researcher: BelongsTo<crate::entity::researcher::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
