//! Identifiers of authors, other than ORCID iDs, that are another person's.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- Those of author_ids that are another person's, sorted. Derived when authors are disambiguated.
        ALTER TABLE authorship ADD COLUMN doubtful_ids text[] COLLATE "C" CHECK (doubtful_ids <> '{}');
        -- Every lookup would read a list of pending entries.
        CREATE INDEX authorship_author_ids ON authorship USING gin (author_ids) WITH (fastupdate = off)
            WHERE author_ids IS NOT NULL;
        CREATE INDEX authorship_doubtful_ids ON authorship (id) WHERE doubtful_ids IS NOT NULL;
        -- Whether a record of the researcher has the identifier, not only papers.
        ALTER TABLE external_id ADD COLUMN is_told boolean NOT NULL DEFAULT false;
        UPDATE external_id SET is_told = true WHERE scheme <> 'orcid' AND researcher_id IN (SELECT researcher_id
            FROM source_record WHERE researcher_id IS NOT NULL AND NOT starts_with(key, 'directory:'));
        -- Names of several blocks are looked at again.
        INSERT INTO identity_pending SELECT DISTINCT unnest(blocks) FROM (SELECT array_agg(DISTINCT block) AS blocks
            FROM authorship CROSS JOIN unnest(author_ids) AS own(id) WHERE block IS NOT NULL
            GROUP BY own.id HAVING count(DISTINCT block) > 1) AS shared ON CONFLICT DO NOTHING;
        "#;
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP INDEX authorship_author_ids; ALTER TABLE authorship DROP COLUMN doubtful_ids; \
             ALTER TABLE external_id DROP COLUMN is_told;";
        execute(manager, &[sql]).await
    }
}
