//! Function `localized`: the text of a JSONB map by language tag that suits a reader.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, &[function!(localized v1)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, &["DROP FUNCTION localized;"]).await
    }
}
