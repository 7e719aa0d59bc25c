//! Labels by requested language, so that a list sorted by label is a range of an index.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// SQL that creates and fills the label table of `organization` or `topic`, by the rule of
/// `LocalizedText::by_requested_tag`.
fn label_table_sql(table: &str) -> String {
    format!(
        r#"
        CREATE TABLE {table}_label (
            {table}_id bigint NOT NULL REFERENCES {table} ON DELETE CASCADE,
            -- A language tag, a prefix of one, or empty for readers of other languages.
            language text COLLATE "C" NOT NULL,
            -- From {table}.sort_names, truncated because index entries have a maximum size.
            sort_name text COLLATE "C" NOT NULL,
            -- The languages of all rows of this {table}, without the empty one. Readers of one of them use that row.
            languages text[] COLLATE "C" NOT NULL,
            PRIMARY KEY ({table}_id, language)
        );
        INSERT INTO {table}_label ({table}_id, language, sort_name, languages)
        SELECT id, language, sort_name,
            array_remove(array_agg(language) OVER (PARTITION BY id ORDER BY language
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), '')
        FROM (
            SELECT DISTINCT ON ({table}.id, form.language) {table}.id, form.language, left(text.value, 200) AS sort_name
            FROM {table}
            CROSS JOIN LATERAL jsonb_each_text({table}.sort_names) AS text(tag, value)
            CROSS JOIN LATERAL (
                SELECT '' COLLATE "C" AS language
                UNION ALL
                SELECT array_to_string(parts[:length], '-') COLLATE "C"
                FROM string_to_array(text.tag, '-') AS parts, generate_series(1, cardinality(parts)) AS length
            ) AS form
            ORDER BY {table}.id, form.language,
                CASE form.language WHEN '' THEN text.tag <> 'und' ELSE text.tag <> form.language END, text.tag COLLATE "C"
        ) AS label;
        CREATE INDEX {table}_label_sort_name ON {table}_label (language, sort_name, {table}_id);
        "#
    )
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["organization", "topic"] {
            execute(manager, &[&label_table_sql(table)]).await?;
        }
        // To sort a list, the function had to read all of its rows.
        execute(manager, &["DROP FUNCTION localized;"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = "DROP TABLE topic_label; DROP TABLE organization_label;";
        execute(manager, &[drop, function!(localized v1)]).await
    }
}
