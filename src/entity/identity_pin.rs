//! Authorships that a decision assigned to a researcher.

use sea_orm::entity::prelude::*;

/// Row of `identity_pin`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_pin")]
#[allow(missing_docs, reason = "the migration and the GraphQL schema document the columns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub authorship_id: i64,
    pub paper_id: i64,
    pub name_as_published: String,
    pub researcher_id: i64,
    pub decision_id: Option<i64>,
    // A decision outlives the authorship, which the next import of the paper creates again.
    #[sea_orm(belongs_to, skip_fk, from = "authorship_id", to = "id")]
    pub authorship: BelongsTo<crate::entity::authorship::Entity>,
    #[sea_orm(belongs_to, from = "decision_id", to = "id")]
    pub decision: BelongsTo<Option<crate::entity::identity_decision::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
