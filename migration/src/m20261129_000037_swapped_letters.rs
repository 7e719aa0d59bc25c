//! Function `similar_words` finds words with two neighbouring letters in each other's place.

use sea_orm_migration::prelude::*;

use crate::extensions::provide_extensions;
use crate::sql::{execute, function};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        provide_extensions(manager).await?;
        execute(manager, &[function!(similar_words v3)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        provide_extensions(manager).await?;
        execute(manager, &[function!(similar_words v2)]).await
    }
}
