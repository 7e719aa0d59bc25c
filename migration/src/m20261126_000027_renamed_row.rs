//! Rows that get another block are noted one by one: joined as whole sets, whose sizes the planner does not know, each of
//! thousands that keep theirs was compared with all others.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        DROP FUNCTION outdate_renamed_identities() CASCADE;
        CREATE FUNCTION outdate_renamed_identity() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identity_pending
                SELECT block FROM (VALUES (OLD.block), (NEW.block)) AS either(block) WHERE block IS NOT NULL
                ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
        CREATE TRIGGER outdates_renamed_identities AFTER UPDATE ON authorship
            FOR EACH ROW WHEN (OLD.block IS DISTINCT FROM NEW.block) EXECUTE FUNCTION outdate_renamed_identity();
        CREATE TRIGGER outdates_renamed_people AFTER UPDATE ON researcher
            FOR EACH ROW WHEN (OLD.block IS DISTINCT FROM NEW.block) EXECUTE FUNCTION outdate_renamed_identity();
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        DROP FUNCTION outdate_renamed_identity() CASCADE;
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
        CREATE TRIGGER outdates_renamed_identities AFTER UPDATE ON authorship
            REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_renamed_identities();
        CREATE TRIGGER outdates_renamed_people AFTER UPDATE ON researcher
            REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_renamed_identities();
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
