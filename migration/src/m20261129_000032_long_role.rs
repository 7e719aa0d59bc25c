//! The titles of a role are compared by their hash: an index entry has at most 2,704 bytes, a job description has more.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE affiliation DROP CONSTRAINT affiliation_same;
            CREATE UNIQUE INDEX affiliation_same ON affiliation
                (researcher_id, organization_id, kind, start_date, jsonb_hash_extended(role_title, 0)) NULLS NOT DISTINCT;";
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP INDEX affiliation_same;
            ALTER TABLE affiliation ADD CONSTRAINT affiliation_same
                UNIQUE NULLS NOT DISTINCT (researcher_id, organization_id, kind, start_date, role_title);";
        execute(manager, &[sql]).await
    }
}
