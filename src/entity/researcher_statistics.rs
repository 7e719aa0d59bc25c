//! Counts of researchers.

use sea_orm::entity::prelude::*;

/// Row of `researcher_statistics`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "researcher_statistics")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub researcher_id: i64,
    pub paper_count: i32,
    pub work_count: i32,
    pub coauthor_count: i32,
    /// 0 if no year is known, like `last_year`.
    pub first_year: i32,
    pub last_year: i32,
    #[sea_orm(belongs_to, from = "researcher_id", to = "id")]
    pub researcher: BelongsTo<crate::entity::researcher::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
