//! Change tracking: by table `directory_change`, a reader sees whether anything was written since it last looked.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function, trigger};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Each transaction that writes adds its id, and deletes the ids that are older than every running transaction.
        // Two reads of the same set of ids have seen the same state of the directory: a write adds an id that was never
        // there, and only a later write, whose own id is there instead, deletes it. Writers do not wait for each other,
        // as they would for a counter, and a replica has the set that belongs to its rows.
        let sql = r#"
        CREATE TABLE directory_change (
            transaction xid8 PRIMARY KEY
        );
        "#;
        execute(manager, &[sql, function!(note_directory_change v1), trigger!(directory_change v1)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // CASCADE drops the triggers of all tables.
        let sql = "DROP FUNCTION note_directory_change() CASCADE; DROP TABLE directory_change;";
        execute(manager, &[sql]).await
    }
}
