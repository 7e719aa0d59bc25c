//! Affiliations of researchers with organizations.

use sea_orm::entity::prelude::*;

use crate::model::language::LocalizedText;
use crate::model::record::AffiliationKind;

/// Row of `affiliation`, without its generated columns.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "affiliation")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub researcher_id: i64,
    pub organization_id: i64,
    pub kind: AffiliationKind,
    pub role_title: LocalizedText,
    pub department_name: LocalizedText,
    pub start_date: Option<String>,
    pub end_date: Option<String>,
    pub has_ended: bool,
    pub is_primary: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "researcher_id", to = "id")]
    pub researcher: BelongsTo<crate::entity::researcher::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id")]
    pub organization: BelongsTo<crate::entity::organization::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
