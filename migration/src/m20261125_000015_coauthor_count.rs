//! Number of coauthors, stored with the other statistics: every profile page shows it, and counting would read a
//! thousand rows for the most prolific researchers.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function, trigger};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        ALTER TABLE researcher_statistics ADD coauthor_count integer NOT NULL DEFAULT 0;
        UPDATE researcher_statistics SET coauthor_count = counted.amount
            FROM (SELECT researcher_id, count(*) AS amount FROM coauthorship GROUP BY researcher_id) AS counted
            WHERE counted.researcher_id = researcher_statistics.researcher_id;
        "#;
        let functions = [function!(count_new_coauthors v1), function!(count_former_coauthors v1)];
        execute(manager, &[sql]).await?;
        execute(manager, &functions).await?;
        execute(manager, &[trigger!(coauthor_count v1)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP FUNCTION count_new_coauthors() CASCADE; DROP FUNCTION count_former_coauthors() CASCADE;
            ALTER TABLE researcher_statistics DROP coauthor_count;";
        execute(manager, &[sql]).await
    }
}
