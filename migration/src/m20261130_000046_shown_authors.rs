//! The change feed reports the authors of a paper only if what is shown of one changed.

use sea_orm_migration::prelude::*;

use crate::changed_fields::{NotedFields, replace_researcher_triggers};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace_researcher_triggers(manager, NotedFields::Shown).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace_researcher_triggers(manager, NotedFields::Derived).await
    }
}
