//! Which fields a source's record says something of: where several contradict each other, the word of one of them counts,
//! whichever came last.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Of records that were written before, nobody knows: whatever comes next counts, as it did.
        manager
            .get_connection()
            .execute_unprepared("ALTER TABLE source_record ADD COLUMN told text[] COLLATE \"C\";")
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("ALTER TABLE source_record DROP COLUMN told;").await?;
        Ok(())
    }
}
