//! How many coauthors a person has, kept beside the other counts: it is on every profile page, and the most prolific have a
//! thousand.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Whoever writes pairs need not think of it. Rows that an INSERT only updates are not among the new ones.
        let sql = r#"
        ALTER TABLE researcher_statistics ADD coauthor_count integer NOT NULL DEFAULT 0;
        UPDATE researcher_statistics SET coauthor_count = counted.amount
            FROM (SELECT researcher_id, count(*) AS amount FROM coauthorship GROUP BY researcher_id) AS counted
            WHERE counted.researcher_id = researcher_statistics.researcher_id;
        CREATE FUNCTION count_new_coauthors() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE researcher_statistics SET coauthor_count = coauthor_count + counted.amount
                FROM (SELECT researcher_id, count(*) AS amount FROM changed GROUP BY researcher_id) AS counted
                WHERE counted.researcher_id = researcher_statistics.researcher_id;
            RETURN NULL;
        END $$;
        CREATE FUNCTION count_former_coauthors() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE researcher_statistics SET coauthor_count = coauthor_count - counted.amount
                FROM (SELECT researcher_id, count(*) AS amount FROM changed GROUP BY researcher_id) AS counted
                WHERE counted.researcher_id = researcher_statistics.researcher_id;
            RETURN NULL;
        END $$;
        CREATE TRIGGER counts_new_coauthors AFTER INSERT ON coauthorship
            REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_new_coauthors();
        CREATE TRIGGER counts_former_coauthors AFTER DELETE ON coauthorship
            REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_former_coauthors();
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP FUNCTION count_new_coauthors() CASCADE; DROP FUNCTION count_former_coauthors() CASCADE;
            ALTER TABLE researcher_statistics DROP coauthor_count;";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
