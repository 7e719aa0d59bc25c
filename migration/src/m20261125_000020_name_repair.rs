//! Repairs of damaged author names.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        ALTER TABLE authorship
            -- The repaired name, the rule that repaired it, and its confidence from 0 to 1.
            ADD COLUMN repair_value text CHECK (repair_value <> ''),
            ADD COLUMN repair_rule text,
            ADD COLUMN repair_confidence double precision CHECK (repair_confidence BETWEEN 0 AND 1),
            -- Whether the displayed name is the repaired one.
            ADD COLUMN is_repair_applied boolean,
            -- For an uncertain repair: the name key that confirms it if another author has it.
            ADD COLUMN suggestion_key text COLLATE "C",
            -- For a name that can confirm the repairs of others: its name key.
            ADD COLUMN confirming_key text COLLATE "C",
            ADD CHECK (num_nulls(repair_value, repair_rule, repair_confidence, is_repair_applied) IN (0, 4));
        CREATE INDEX authorship_suggestion_key ON authorship (suggestion_key) WHERE suggestion_key IS NOT NULL;
        CREATE INDEX authorship_confirming_key ON authorship (confirming_key) WHERE confirming_key IS NOT NULL;
        "#;
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE authorship DROP COLUMN repair_value, DROP COLUMN repair_rule, DROP COLUMN repair_confidence, \
             DROP COLUMN is_repair_applied, DROP COLUMN suggestion_key, DROP COLUMN confirming_key;";
        execute(manager, &[sql]).await
    }
}
