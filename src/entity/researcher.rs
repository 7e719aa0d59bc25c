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
    pub orcid: Option<String>,
    pub headline: LocalizedText,
    pub biography: LocalizedText,
    pub portrait_url: Option<String>,
    pub homepage_url: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(has_many)]
    pub affiliations: HasMany<crate::entity::affiliation::Entity>,
    #[sea_orm(has_many)]
    pub authorships: HasMany<crate::entity::authorship::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
