//! The change feed reports what is derived from other rows, and is searched by organization.

use sea_orm_migration::prelude::*;

use crate::changed_fields::{NotedFields, replace_deriving_triggers};
use crate::sql::{execute, function};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Most entities of a directory of papers belong to no organization, and are not in the index.
        let index =
            "CREATE INDEX change_organizations ON change USING gin (organizations) WHERE organizations <> '{}';";
        let functions = [
            function!(changes_in_organizations v1),
            function!(changes_other_names v1),
            "DROP FUNCTION record_changes(text, text);",
            function!(record_changes v2),
        ];
        execute(manager, &[index]).await?;
        execute(manager, &functions).await?;
        replace_deriving_triggers(manager, NotedFields::Derived).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace_deriving_triggers(manager, NotedFields::Stored).await?;
        let drop = "DROP FUNCTION record_changes(text, text); DROP FUNCTION changes_other_names(bigint, text, numeric); \
             DROP FUNCTION changes_in_organizations(text[]); DROP INDEX change_organizations;";
        execute(manager, &[drop, function!(record_changes v1)]).await
    }
}
