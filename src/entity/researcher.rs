//! Researchers.

use sea_orm::entity::prelude::*;

use crate::model::language::LocalizedText;

/// Row of `researcher`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "researcher")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub slug: String,
    pub display_name: String,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub other_names: Vec<String>,
    pub search_only_names: Vec<String>,
    /// Names that sources provide.
    pub told_names: Vec<String>,
    /// Normalized forms of hidden names, which must not be displayed.
    pub hidden_forms: Option<Vec<String>>,
    pub withholds_published_name: bool,
    pub sort_name: String,
    pub name_key: String,
    pub block: Option<String>,
    pub orcid: Option<String>,
    pub headline: LocalizedText,
    pub biography: LocalizedText,
    pub portrait_url: Option<String>,
    pub homepage_url: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(has_many)]
    pub affiliations: HasMany<crate::entity::affiliation::Entity>,
    #[sea_orm(has_many, relation_enum = "Authorship", via_rel = "Researcher")]
    pub authorships: HasMany<crate::entity::authorship::Entity>,
    #[sea_orm(has_many)]
    pub external_ids: HasMany<crate::entity::external_id::Entity>,
    #[sea_orm(has_many)]
    pub names: HasMany<crate::entity::researcher_name::Entity>,
    #[sea_orm(has_many)]
    pub source_records: HasMany<crate::entity::source_record::Entity>,
    #[sea_orm(has_one)]
    pub name_decision: HasOne<crate::entity::name_decision::Entity>,
    #[sea_orm(has_one)]
    pub statistics: HasOne<crate::entity::researcher_statistics::Entity>,
    #[sea_orm(has_many, via = "researcher_topic")]
    pub topics: HasMany<crate::entity::topic::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
