//! Statistics of organizations and topics, including their descendants.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- Recomputed after an import and once a day. `setting` has the day for which they are valid, and none while
        -- they are stale.
        CREATE TABLE organization_statistics (
            organization_id bigint PRIMARY KEY REFERENCES organization ON DELETE CASCADE,
            -- Researchers currently at the organization or one of its descendants.
            researcher_count integer NOT NULL DEFAULT 0 CHECK (researcher_count >= 0)
        );
        INSERT INTO organization_statistics (organization_id) SELECT id FROM organization;
        CREATE INDEX organization_statistics_researcher_count ON organization_statistics (researcher_count, organization_id);

        CREATE TABLE topic_statistics (
            topic_id bigint PRIMARY KEY REFERENCES topic ON DELETE CASCADE,
            -- Papers on the topic or a narrower one.
            paper_count integer NOT NULL DEFAULT 0 CHECK (paper_count >= 0),
            -- Researchers who declare the topic or a narrower one, or have papers on it.
            researcher_count integer NOT NULL DEFAULT 0 CHECK (researcher_count >= 0)
        );
        INSERT INTO topic_statistics (topic_id) SELECT id FROM topic;
        CREATE INDEX topic_statistics_paper_count ON topic_statistics (paper_count, topic_id);
        CREATE INDEX topic_statistics_researcher_count ON topic_statistics (researcher_count, topic_id);
        "#;
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP TABLE topic_statistics; DROP TABLE organization_statistics; \
            DELETE FROM setting WHERE name = 'totals_day';";
        execute(manager, &[sql]).await
    }
}
