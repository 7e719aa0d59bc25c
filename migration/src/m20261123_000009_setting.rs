//! Settings and rule versions from which derived rows were computed.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        CREATE TABLE setting (
            name text PRIMARY KEY,
            value text NOT NULL
        );
        INSERT INTO setting (name, value) VALUES ('consortium_size', '100');
        "#;
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, &["DROP TABLE setting;"]).await
    }
}
