//! Topics of controlled vocabularies.

use sea_orm::entity::prelude::*;

use crate::model::language::LocalizedText;
use crate::model::record::NameRecords;

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
    pub concept_uri: Option<String>,
    pub display_names: LocalizedText,
    pub sort_names: LocalizedText,
    pub names: NameRecords,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(has_many)]
    pub external_ids: HasMany<crate::entity::external_id::Entity>,
    #[sea_orm(has_many)]
    pub source_records: HasMany<crate::entity::source_record::Entity>,
    #[sea_orm(has_many, via = "paper_topic")]
    pub papers: HasMany<crate::entity::paper::Entity>,
    #[sea_orm(has_many, via = "researcher_topic")]
    pub researchers: HasMany<crate::entity::researcher::Entity>,
    #[sea_orm(self_ref, via = "topic_broader", from = "Topic", to = "Broader")]
    pub broader: HasMany<Entity>,
    #[sea_orm(self_ref, via = "topic_broader", reverse)]
    pub narrower: HasMany<Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
