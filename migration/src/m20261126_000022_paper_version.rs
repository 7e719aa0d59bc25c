//! Versions of one work, such as a preprint and the journal article it became.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        ALTER TABLE paper
            -- The version of record, which itself has none: a work is one paper and all papers that refer to it.
            ADD COLUMN version_of_id bigint REFERENCES paper ON DELETE SET NULL CHECK (version_of_id <> id),
            -- Why it is a version. A manual link would be a third value, which recomputation leaves alone.
            ADD COLUMN version_basis text CHECK (version_basis IN ('DOI', 'TITLE')),
            -- A DOI that a source states for this paper, and that belongs to another paper.
            ADD COLUMN shared_doi text COLLATE "C" CHECK (shared_doi <> doi),
            ADD CHECK (version_of_id IS NULL OR version_basis IS NOT NULL);
        CREATE INDEX paper_version_of ON paper (version_of_id) WHERE version_of_id IS NOT NULL;
        CREATE INDEX paper_shared_doi ON paper (shared_doi) WHERE shared_doi IS NOT NULL;
        -- Few papers are versions. Without these indexes, lists of versions would scan all other papers.
        CREATE INDEX paper_version_publication_key ON paper (publication_key, id) WHERE version_of_id IS NOT NULL;
        CREATE INDEX paper_version_sort_title ON paper (sort_title, id) WHERE version_of_id IS NOT NULL;
        CREATE INDEX paper_version_author_count ON paper (author_count, id) WHERE version_of_id IS NOT NULL;
        CREATE INDEX paper_version_updated_at ON paper (updated_at, id) WHERE version_of_id IS NOT NULL;

        -- Number of works: papers with all versions of a work counted once.
        ALTER TABLE researcher_statistics ADD work_count integer NOT NULL DEFAULT 0 CHECK (work_count >= 0);
        UPDATE researcher_statistics SET work_count = paper_count WHERE paper_count <> 0;
        "#;
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE researcher_statistics DROP work_count; \
             ALTER TABLE paper DROP version_of_id, DROP version_basis, DROP shared_doi; \
             DELETE FROM setting WHERE name = 'paper_version_law';";
        execute(manager, &[sql]).await
    }
}
