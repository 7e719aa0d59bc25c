//! Renamed rows are queued for disambiguation one by one. The triggers per statement joined transition tables whose
//! sizes the planner does not know, and compared thousands of unchanged rows with all others.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function, trigger};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = "DROP FUNCTION outdate_renamed_identities() CASCADE;";
        execute(manager, &[drop, function!(outdate_renamed_identity v1), trigger!(renamed_blocks v2)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = "DROP FUNCTION outdate_renamed_identity() CASCADE;";
        execute(manager, &[drop, function!(outdate_renamed_identities v1), trigger!(renamed_blocks v1)]).await
    }
}
