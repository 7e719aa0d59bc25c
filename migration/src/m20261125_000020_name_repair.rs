//! What was damaged in the published names of authors.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        ALTER TABLE authorship
            -- What the published name was before it was damaged, the rule that says so, and how sure it is, from 0 to 1.
            ADD COLUMN repair_value text CHECK (repair_value <> ''),
            ADD COLUMN repair_rule text,
            ADD COLUMN repair_confidence double precision CHECK (repair_confidence BETWEEN 0 AND 1),
            -- Whether the shown name is the repaired one.
            ADD COLUMN is_repair_applied boolean,
            -- Of a repair that is not certain, told or not: the spelling that confirms it where another name has it.
            ADD COLUMN suggestion_key text COLLATE "C",
            -- Of a name that may confirm others.
            ADD COLUMN confirming_key text COLLATE "C",
            ADD CHECK (num_nulls(repair_value, repair_rule, repair_confidence, is_repair_applied) IN (0, 4));
        CREATE INDEX authorship_suggestion_key ON authorship (suggestion_key) WHERE suggestion_key IS NOT NULL;
        CREATE INDEX authorship_confirming_key ON authorship (confirming_key) WHERE confirming_key IS NOT NULL;
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE authorship DROP COLUMN repair_value, DROP COLUMN repair_rule, DROP COLUMN repair_confidence, \
             DROP COLUMN is_repair_applied, DROP COLUMN suggestion_key, DROP COLUMN confirming_key;";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
