//! Index of words by popularity, so that a common prefix finds the most popular entities first.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- Papers have no popularity: short titles come first, and long ones are not indexed here.
        ALTER TABLE search_entry ADD known tsvector GENERATED ALWAYS AS (
            CASE WHEN paper_id IS NULL THEN known_words(words, search_kind(researcher_id, organization_id, topic_id)
                || width_bucket(popularity, ARRAY[1, 2, 4, 10, 30, 100, 300, 1000]))
            WHEN title_standing(word_count, letters) > 0 THEN known_words(words, 'p' || title_standing(word_count, letters))
            END) STORED;
        -- Small, because every look-up below reads the pending list that an import leaves.
        CREATE INDEX search_entry_known ON search_entry USING gin (known) WITH (gin_pending_list_limit = 512);
        CREATE INDEX search_entry_letters ON search_entry
            (search_kind(researcher_id, organization_id, topic_id), "left"(letters, 60));
        "#;
        let functions = [function!(search_kind v1), function!(known_words v1), function!(title_standing v1)];
        execute(manager, &functions).await?;
        execute(manager, &[sql, function!(best_known v1)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP FUNCTION best_known; DROP INDEX search_entry_letters; ALTER TABLE search_entry DROP known; \
             DROP FUNCTION title_standing; DROP FUNCTION known_words; DROP FUNCTION search_kind;";
        execute(manager, &[sql]).await
    }
}
