//! Organizations of authors that another directory's export refers to by its ID, before their own record is imported.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        ALTER TABLE authorship_awaited_organization
            DROP CONSTRAINT authorship_awaited_organization_pkey,
            ALTER COLUMN ror DROP NOT NULL,
            -- The record that is awaited, in place of a ROR ID.
            ADD COLUMN source text COLLATE "C",
            ADD COLUMN key text COLLATE "C",
            ADD CHECK (num_nonnulls(ror, key) = 1 AND num_nonnulls(ror, source) = 1),
            ADD CONSTRAINT authorship_awaited_organization_same UNIQUE NULLS NOT DISTINCT (authorship_id, ror, source, key);
        CREATE INDEX authorship_awaited_organization_key ON authorship_awaited_organization (source, key) WHERE key IS NOT NULL;
        "#;
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DELETE FROM authorship_awaited_organization WHERE ror IS NULL; \
             ALTER TABLE authorship_awaited_organization DROP COLUMN source, DROP COLUMN key, ALTER COLUMN ror SET NOT NULL, \
             ADD PRIMARY KEY (authorship_id, ror);";
        execute(manager, &[sql]).await
    }
}
