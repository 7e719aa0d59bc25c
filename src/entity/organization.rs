//! Organizations.

use sea_orm::entity::prelude::*;

use crate::model::language::LocalizedText;
use crate::model::record::NameRecords;

/// Row of `organization`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organization")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub slug: String,
    pub ror: Option<String>,
    pub display_names: LocalizedText,
    pub sort_names: LocalizedText,
    pub names: NameRecords,
    pub types: Vec<String>,
    pub status: String,
    pub country_code: Option<String>,
    pub city: Option<String>,
    pub homepage_url: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(has_many)]
    pub affiliations: HasMany<crate::entity::affiliation::Entity>,
    #[sea_orm(has_many)]
    pub external_ids: HasMany<crate::entity::external_id::Entity>,
    #[sea_orm(has_many)]
    pub source_records: HasMany<crate::entity::source_record::Entity>,
    #[sea_orm(self_ref, via = "organization_parent", from = "Child", to = "Parent")]
    pub parents: HasMany<Entity>,
    #[sea_orm(self_ref, via = "organization_parent", reverse)]
    pub children: HasMany<Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
