//! Partial indexes for data-quality checks: each has only the affected rows, so that counting them reads nothing else.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        CREATE INDEX paper_without_year ON paper (id) WHERE publication_date IS NULL;
        CREATE INDEX paper_without_abstract ON paper (id) WHERE abstract_completeness = 'ABSENT';
        CREATE INDEX paper_with_truncated_abstract ON paper (id) WHERE abstract_completeness = 'TRUNCATED';
        CREATE INDEX paper_without_authors ON paper (id) WHERE author_count = 0;
        CREATE INDEX paper_without_identifier ON paper (id) WHERE doi IS NULL AND shared_doi IS NULL AND arxiv_id IS NULL;
        CREATE INDEX authorship_repaired ON authorship (is_repair_applied, id) INCLUDE (repair_rule) WHERE repair_value IS NOT NULL;
        CREATE INDEX authorship_unresolved ON authorship (id) WHERE researcher_id IS NULL;
        CREATE INDEX authorship_orcid ON authorship (researcher_id, orcid) WHERE orcid IS NOT NULL;
        CREATE INDEX authorship_resolution_doubtful ON authorship_resolution (authorship_id)
            WHERE method = 'NAME' AND confidence < 0.8;
        CREATE INDEX researcher_statistics_long ON researcher_statistics (researcher_id)
            WHERE first_year > 0 AND last_year - first_year > 60;
        "#;
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP INDEX paper_without_year, paper_without_abstract, paper_with_truncated_abstract, paper_without_authors, \
             paper_without_identifier, authorship_repaired, authorship_unresolved, authorship_orcid, \
             authorship_resolution_doubtful, researcher_statistics_long;";
        execute(manager, &[sql]).await
    }
}
