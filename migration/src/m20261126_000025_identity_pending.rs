//! Whose identities have to be looked at again.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- Blocks of names of whose authors or people something has changed since they were resolved.
        CREATE TABLE identity_pending (block text COLLATE "C" PRIMARY KEY);

        DO $$
        DECLARE changed text;
        BEGIN
            FOREACH changed IN ARRAY ARRAY['authorship_resolution', 'identity_decision', 'identity_pin', 'identity_pending'] LOOP
                EXECUTE format('CREATE TRIGGER notes_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION note_directory_change()', changed);
            END LOOP;
        END $$;

        CREATE FUNCTION outdate_identities() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identity_pending SELECT DISTINCT block FROM changed WHERE block IS NOT NULL ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
        CREATE FUNCTION outdate_renamed_identities() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identity_pending
                SELECT former.block FROM former JOIN changed USING (id)
                    WHERE former.block IS NOT NULL AND former.block IS DISTINCT FROM changed.block
                UNION SELECT changed.block FROM former JOIN changed USING (id)
                    WHERE changed.block IS NOT NULL AND former.block IS DISTINCT FROM changed.block
                ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
        CREATE TRIGGER outdates_new_identities AFTER INSERT ON authorship
            REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_identities();
        CREATE TRIGGER outdates_former_identities AFTER DELETE ON authorship
            REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_identities();
        CREATE TRIGGER outdates_renamed_identities AFTER UPDATE ON authorship
            REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_renamed_identities();
        CREATE TRIGGER outdates_renamed_people AFTER UPDATE ON researcher
            REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_renamed_identities();
        CREATE TRIGGER outdates_newly_named AFTER INSERT ON researcher_name
            REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_identities();
        CREATE TRIGGER outdates_formerly_named AFTER DELETE ON researcher_name
            REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_identities();
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP TRIGGER notes_change ON authorship_resolution; DROP TRIGGER notes_change ON identity_decision; \
             DROP TRIGGER notes_change ON identity_pin; DROP FUNCTION outdate_identities() CASCADE; DROP FUNCTION outdate_renamed_identities() CASCADE; \
             DROP TABLE identity_pending;";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
