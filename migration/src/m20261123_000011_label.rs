//! Labels by the language that a reader wants, so that lists in the order of a label are ranges of an index.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// A table of labels and its rows for what there is, by the rule of `LocalizedText::by_wanted`.
fn label_table_sql(table: &str) -> String {
    format!(
        r#"
        CREATE TABLE {table}_label (
            {table}_id bigint NOT NULL REFERENCES {table} ON DELETE CASCADE,
            -- A tag, a shorter form of one, or the empty text for readers of none of these.
            language text COLLATE "C" NOT NULL,
            -- As in {table}.sort_names, cut: an index entry has a limit.
            sort_name text COLLATE "C" NOT NULL,
            -- Those of all its rows but the last one: whoever wants one of these reads no other row.
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
        let connection = manager.get_connection();
        for table in ["organization", "topic"] {
            connection.execute_unprepared(&label_table_sql(table)).await?;
        }
        // It read every row of a list to order it.
        connection.execute_unprepared("DROP FUNCTION localized;").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP TABLE topic_label; DROP TABLE organization_label;").await?;
        // What came before used it.
        crate::m20261123_000001_localized_text::Migration.up(manager).await
    }
}
