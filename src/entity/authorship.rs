//! Authorships: the authors of papers.

use sea_orm::entity::prelude::*;

/// Row of `authorship`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "authorship")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub paper_id: i64,
    pub position: Option<i32>,
    pub name_as_published: String,
    pub name: String,
    pub researcher_id: Option<i64>,
    pub is_corresponding: Option<bool>,
    pub equal_contribution_group: Option<i32>,
    pub affiliations_as_published: Vec<String>,
    #[sea_orm(belongs_to, from = "paper_id", to = "id")]
    pub paper: BelongsTo<crate::entity::paper::Entity>,
    #[sea_orm(belongs_to, from = "researcher_id", to = "id")]
    pub researcher: BelongsTo<Option<crate::entity::researcher::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
