//! Which papers are versions of one work, such as a preprint and what became of it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        ALTER TABLE paper
            -- The version of record, which is never a version itself: a work is one paper and those that point to it.
            ADD COLUMN version_of_id bigint REFERENCES paper ON DELETE SET NULL CHECK (version_of_id <> id),
            -- What tells that it is one. A link that somebody makes by hand would be another word here, and stay.
            ADD COLUMN version_basis text CHECK (version_basis IN ('DOI', 'TITLE')),
            -- A DOI that a source gives the paper, and that another paper has.
            ADD COLUMN shared_doi text COLLATE "C" CHECK (shared_doi <> doi),
            ADD CHECK (version_of_id IS NULL OR version_basis IS NOT NULL);
        CREATE INDEX paper_version_of ON paper (version_of_id) WHERE version_of_id IS NOT NULL;
        CREATE INDEX paper_shared_doi ON paper (shared_doi) WHERE shared_doi IS NOT NULL;
        -- Versions are few: their own lists would otherwise pass over all other papers.
        CREATE INDEX paper_version_publication_key ON paper (publication_key, id) WHERE version_of_id IS NOT NULL;
        CREATE INDEX paper_version_sort_title ON paper (sort_title, id) WHERE version_of_id IS NOT NULL;
        CREATE INDEX paper_version_author_count ON paper (author_count, id) WHERE version_of_id IS NOT NULL;
        CREATE INDEX paper_version_updated_at ON paper (updated_at, id) WHERE version_of_id IS NOT NULL;

        -- The papers of a person with versions of one work counted once.
        ALTER TABLE researcher_statistics ADD work_count integer NOT NULL DEFAULT 0 CHECK (work_count >= 0);
        UPDATE researcher_statistics SET work_count = paper_count WHERE paper_count <> 0;
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE researcher_statistics DROP work_count; \
             ALTER TABLE paper DROP version_of_id, DROP version_basis, DROP shared_doi; \
             DELETE FROM setting WHERE name = 'paper_version_law';";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
