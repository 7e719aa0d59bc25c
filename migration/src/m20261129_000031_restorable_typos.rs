//! Function `similar_words` can be restored by a role that is no superuser, and is independent of the `search_path`.

use sea_orm_migration::prelude::*;

use crate::extensions::provide_extensions;
use crate::sql::{execute, function};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        provide_extensions(manager).await?;
        execute(manager, &[function!(similar_words v2)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        provide_extensions(manager).await?;
        // Only a superuser may set a parameter of an extension that is not loaded yet.
        let load = "SELECT similarity('', '');";
        execute(manager, &[load, "DROP FUNCTION similar_words;", function!(similar_words v1)]).await
    }
}
