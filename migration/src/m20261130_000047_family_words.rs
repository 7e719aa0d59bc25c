//! How sources divide the names of authors into given and family name.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

// Before, only researchers had it. Their longer family names are kept; shorter ones follow from the rules for names.
const UP: &str = r"
        ALTER TABLE authorship ADD COLUMN family_words smallint;
        UPDATE authorship SET family_words = cardinality(string_to_array(researcher.family_name, ' ')) FROM researcher
            WHERE authorship.researcher_id = researcher.id AND researcher.family_name LIKE '% %'
            AND authorship.name = researcher.given_name || ' ' || researcher.family_name;";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, &[UP]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, &["ALTER TABLE authorship DROP COLUMN family_words"]).await
    }
}
