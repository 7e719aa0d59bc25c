//! Papers.

use sea_orm::entity::prelude::*;

use crate::model::language::LocalizedText;
use crate::model::record::{AbstractCompleteness, PaperType};

/// Row of `paper`, without generated columns that only sort.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "paper")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub slug: String,
    pub title: String,
    pub translated_titles: LocalizedText,
    pub sort_title: String,
    pub abstract_text: LocalizedText,
    pub abstract_completeness: AbstractCompleteness,
    pub publication_date: Option<String>,
    pub publication_year: Option<i32>,
    #[sea_orm(column_name = "type")]
    pub paper_type: PaperType,
    pub venue_name: Option<String>,
    pub volume: Option<String>,
    pub issue: Option<String>,
    pub pages: Option<String>,
    pub article_number: Option<String>,
    pub edition: Option<String>,
    pub publisher_name: Option<String>,
    pub issns: Vec<String>,
    pub isbns: Vec<String>,
    pub keywords: Vec<String>,
    pub language: Option<String>,
    pub doi: Option<String>,
    pub shared_doi: Option<String>,
    pub arxiv_id: Option<String>,
    pub url: Option<String>,
    pub is_retracted: bool,
    pub author_count: i32,
    pub version_of_id: Option<i64>,
    pub version_basis: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(has_many)]
    pub authorships: HasMany<crate::entity::authorship::Entity>,
    #[sea_orm(has_many)]
    pub external_ids: HasMany<crate::entity::external_id::Entity>,
    #[sea_orm(has_many)]
    pub source_records: HasMany<crate::entity::source_record::Entity>,
    #[sea_orm(has_many, via = "paper_topic")]
    pub topics: HasMany<crate::entity::topic::Entity>,
    #[sea_orm(self_ref, relation_enum = "VersionOf", from = "version_of_id", to = "id")]
    pub version_of: BelongsTo<Option<Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
