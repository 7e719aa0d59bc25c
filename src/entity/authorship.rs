//! Authorships: the authors of papers.

use sea_orm::entity::prelude::*;

use crate::text::names::RepairRule;

/// Row of `authorship`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "authorship")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub paper_id: i64,
    pub list_order: i32,
    pub position: Option<i32>,
    pub name_as_published: String,
    pub name: String,
    pub researcher_id: Option<i64>,
    pub is_corresponding: Option<bool>,
    pub equal_contribution_group: Option<i32>,
    pub affiliations_as_published: Vec<String>,
    pub publication_key: i32,
    pub repair_value: Option<String>,
    pub repair_rule: Option<RepairRule>,
    pub repair_confidence: Option<f64>,
    pub is_repair_applied: Option<bool>,
    pub suggestion_key: Option<String>,
    pub confirming_key: Option<String>,
    pub same_as_id: Option<i64>,
    pub orcid: Option<String>,
    pub author_ids: Option<Vec<String>>,
    pub block: Option<String>,
    pub is_orcid_doubtful: bool,
    /// Those of `author_ids` that are another person's.
    pub doubtful_ids: Option<Vec<String>>,
    /// How many words of `name` are the family name, if the source says so.
    pub family_words: Option<i16>,
    #[sea_orm(belongs_to, from = "paper_id", to = "id")]
    pub paper: BelongsTo<crate::entity::paper::Entity>,
    #[sea_orm(belongs_to, relation_enum = "Researcher", from = "researcher_id", to = "id")]
    pub researcher: BelongsTo<Option<crate::entity::researcher::Entity>>,
    #[sea_orm(belongs_to, relation_enum = "SameAs", from = "same_as_id", to = "id")]
    pub same_as: BelongsTo<Option<crate::entity::researcher::Entity>>,
    #[sea_orm(has_one)]
    pub resolution: HasOne<crate::entity::authorship_resolution::Entity>,
    #[sea_orm(has_one)]
    pub pin: HasOne<crate::entity::identity_pin::Entity>,
    #[sea_orm(has_many, via = "authorship_organization")]
    pub organizations: HasMany<crate::entity::organization::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
