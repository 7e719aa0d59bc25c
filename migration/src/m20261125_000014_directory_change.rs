//! Who changed the directory lately, for readers who must know whether anything did since they last looked.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Each transaction that changes a table leaves its number here, and takes away the numbers that no running
        // transaction is older than. Whoever sees the same set of numbers twice has seen the same directory twice: a change
        // adds a number that was never there, and only a later change, whose number is there instead, takes it away. No two
        // writers wait for each other, as they would for a counter; and a replica has the set that belongs to its rows.
        let sql = r#"
        CREATE TABLE directory_change (
            transaction xid8 PRIMARY KEY
        );
        CREATE FUNCTION note_directory_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO directory_change (transaction) VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
            IF FOUND THEN
                DELETE FROM directory_change WHERE transaction = ANY (ARRAY(
                    SELECT transaction FROM directory_change
                    WHERE transaction < pg_snapshot_xmin(pg_current_snapshot())
                    FOR UPDATE SKIP LOCKED));
            END IF;
            RETURN NULL;
        END $$;
        DO $$
        DECLARE changed text;
        BEGIN
            FOR changed IN
                SELECT format('%I', relname) FROM pg_class
                WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
                AND relname NOT IN ('directory_change', 'seaql_migrations')
            LOOP
                EXECUTE format('CREATE TRIGGER notes_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION note_directory_change()', changed);
            END LOOP;
        END $$;
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The triggers go with their function.
        let sql = "DROP FUNCTION note_directory_change() CASCADE; DROP TABLE directory_change;";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
