//! The fields that a record provides, by which source precedence is resolved field by field if records disagree.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null for records imported before: the next record overrides them, as before this migration.
        execute(manager, &["ALTER TABLE source_record ADD COLUMN told text[] COLLATE \"C\";"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, &["ALTER TABLE source_record DROP COLUMN told;"]).await
    }
}
