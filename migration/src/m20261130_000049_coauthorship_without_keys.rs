//! Pairs of coauthors without foreign keys: only the service writes them, from authorships, which have foreign keys. The
//! two checks for each pair, and the index for deletions, took a sixth of the database time of an import of 20,000 papers.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function, trigger};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE coauthorship DROP CONSTRAINT coauthorship_researcher_id_fkey, \
             DROP CONSTRAINT coauthorship_coauthor_id_fkey; DROP INDEX coauthorship_coauthor;";
        execute(manager, &[sql, function!(delete_coauthors v1), trigger!(deletes_coauthors v1)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP FUNCTION delete_coauthors() CASCADE; \
             CREATE INDEX coauthorship_coauthor ON coauthorship (coauthor_id); \
             ALTER TABLE coauthorship ADD FOREIGN KEY (researcher_id) REFERENCES researcher ON DELETE CASCADE, \
             ADD FOREIGN KEY (coauthor_id) REFERENCES researcher ON DELETE CASCADE;";
        execute(manager, &[sql]).await
    }
}
