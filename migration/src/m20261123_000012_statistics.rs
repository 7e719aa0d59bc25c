//! What is counted of organizations and of topics, over all that is below them.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- Counted together after an import and once a day: `setting` has the day for which they hold, and no day until they do.
        CREATE TABLE organization_statistics (
            organization_id bigint PRIMARY KEY REFERENCES organization ON DELETE CASCADE,
            -- People there or below now.
            researcher_count integer NOT NULL DEFAULT 0 CHECK (researcher_count >= 0)
        );
        INSERT INTO organization_statistics (organization_id) SELECT id FROM organization;
        CREATE INDEX organization_statistics_researcher_count ON organization_statistics (researcher_count, organization_id);

        CREATE TABLE topic_statistics (
            topic_id bigint PRIMARY KEY REFERENCES topic ON DELETE CASCADE,
            -- Papers on it or a narrower one.
            paper_count integer NOT NULL DEFAULT 0 CHECK (paper_count >= 0),
            -- People who declare it or a narrower one, or have papers on it.
            researcher_count integer NOT NULL DEFAULT 0 CHECK (researcher_count >= 0)
        );
        INSERT INTO topic_statistics (topic_id) SELECT id FROM topic;
        CREATE INDEX topic_statistics_paper_count ON topic_statistics (paper_count, topic_id);
        CREATE INDEX topic_statistics_researcher_count ON topic_statistics (researcher_count, topic_id);
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP TABLE topic_statistics; DROP TABLE organization_statistics; \
            DELETE FROM setting WHERE name = 'totals_day';";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
