//! Queue of blocks that author disambiguation has to process.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function, track_changes, trigger, untrack_changes};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- Blocks with authors or researchers that changed since they were last disambiguated.
        CREATE TABLE identity_pending (block text COLLATE "C" PRIMARY KEY);
        "#;
        execute(manager, &[sql]).await?;
        let tables = ["authorship_resolution", "identity_decision", "identity_pin", "identity_pending"];
        track_changes(manager, &tables).await?;
        execute(manager, &[function!(outdate_identities v1), function!(outdate_renamed_identities v1)]).await?;
        execute(manager, &[trigger!(pending_blocks v1), trigger!(renamed_blocks v1)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        untrack_changes(manager, &["authorship_resolution", "identity_decision", "identity_pin"]).await?;
        let sql = "DROP FUNCTION outdate_identities() CASCADE; DROP FUNCTION outdate_renamed_identities() CASCADE; \
             DROP TABLE identity_pending;";
        execute(manager, &[sql]).await
    }
}
