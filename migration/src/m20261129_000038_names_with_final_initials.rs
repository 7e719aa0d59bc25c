//! Names that end in initials ("Brook I.M.") begin with the family name since this version: their blocking keys are
//! assigned again before authors are next disambiguated.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The last word of the name has at most four capital letters, perhaps with full stops or hyphens.
        let ends_in_initials = "block IS NOT NULL AND name ~ '[[:space:]]([[:upper:]][.-]*){1,4}$'";
        let forget = |table: &str, name: &str| {
            let affected = ends_in_initials.replace("name", name);
            format!(
                "INSERT INTO identity_pending SELECT DISTINCT block FROM {table} WHERE {affected} ON CONFLICT DO NOTHING; \
                 UPDATE {table} SET block = NULL WHERE {affected};"
            )
        };
        let (authors, people) = (forget("authorship", "name"), forget("researcher", "display_name"));
        execute(manager, &[authors.as_str(), people.as_str()]).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        // The keys are derived, and an older version keeps those that it finds.
        Ok(())
    }
}
