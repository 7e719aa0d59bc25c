//! URIs of topics, which distinguish topics with the same code.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- The URI of the concept without its protocol, or as much of it as fits into an index. Null if no vocabulary told.
        ALTER TABLE topic ADD COLUMN concept_uri text COLLATE "C" CHECK (concept_uri <> '');
        CREATE UNIQUE INDEX topic_concept_uri ON topic (scheme, concept_uri);
        "#;
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, &["ALTER TABLE topic DROP COLUMN concept_uri"]).await
    }
}
