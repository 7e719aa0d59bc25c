//! Triggers that note which fields of which entities a transaction changes, whatever writes.

use sea_orm_migration::prelude::*;

use crate::changed_fields::{create_triggers, drop_triggers};
use crate::sql::{execute, trigger};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_triggers(manager).await?;
        execute(manager, &[trigger!(records_outside_changes v1)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_triggers(manager).await?;
        execute(manager, &["DROP TRIGGER records_outside_changes ON change_pending;"]).await
    }
}
