//! Bibliographic details of papers, and the papers without those that their citation needs.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE paper
            ADD COLUMN volume text CHECK (volume <> ''),
            ADD COLUMN issue text CHECK (issue <> ''),
            ADD COLUMN pages text CHECK (pages <> ''),
            ADD COLUMN article_number text CHECK (article_number <> ''),
            ADD COLUMN edition text CHECK (edition <> ''),
            ADD COLUMN publisher_name text CHECK (publisher_name <> ''),
            ADD COLUMN issns text[] NOT NULL DEFAULT '{}',
            ADD COLUMN isbns text[] NOT NULL DEFAULT '{}',
            ADD COLUMN keywords text[] NOT NULL DEFAULT '{}';
        CREATE INDEX paper_without_volume ON paper (id) WHERE type = 'ARTICLE' AND volume IS NULL AND issue IS NULL;
        CREATE INDEX paper_without_pages ON paper (id)
            WHERE type IN ('ARTICLE', 'CONFERENCE_PAPER', 'BOOK_CHAPTER') AND pages IS NULL AND article_number IS NULL;
        CREATE INDEX paper_without_publisher ON paper (id)
            WHERE type IN ('BOOK', 'BOOK_CHAPTER', 'THESIS', 'REPORT', 'DATASET') AND publisher_name IS NULL;";
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE paper DROP COLUMN volume, DROP COLUMN issue, DROP COLUMN pages, DROP COLUMN article_number,
            DROP COLUMN edition, DROP COLUMN publisher_name, DROP COLUMN issns, DROP COLUMN isbns, DROP COLUMN keywords;";
        execute(manager, &[sql]).await
    }
}
