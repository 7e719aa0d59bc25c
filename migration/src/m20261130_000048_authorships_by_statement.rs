//! The change feed notes the updates of authorships once per statement.

use sea_orm_migration::prelude::*;

use crate::changed_fields::{NotedFields, replace_authorship_triggers};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace_authorship_triggers(manager, NotedFields::ByStatement).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace_authorship_triggers(manager, NotedFields::Shown).await
    }
}
