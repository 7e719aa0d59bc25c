//! The text of a JSONB map by language tag that suits a reader, by the rule of `LocalizedText::best`.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        CREATE FUNCTION localized(texts jsonb, languages text[]) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT text.value
            FROM jsonb_each_text(texts) AS text
            LEFT JOIN LATERAL (
                SELECT wanted.rank, wanted.tag = text.key AS exact
                FROM unnest(languages) WITH ORDINALITY AS wanted(tag, rank)
                WHERE wanted.tag = text.key OR starts_with(text.key, wanted.tag || '-')
                ORDER BY wanted.rank
                LIMIT 1
            ) AS match ON true
            ORDER BY match.rank NULLS LAST, match.exact DESC, text.key = 'und' DESC, text.key COLLATE "C"
            LIMIT 1
        $$;
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP FUNCTION localized;").await?;
        Ok(())
    }
}
