//! Affiliations of authors with organizations that are not imported yet, and authors with another person's ORCID iD.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, track_changes};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- Organizations of authors that are not imported yet. They are linked together with the organization.
        CREATE TABLE authorship_awaited_organization (
            authorship_id bigint NOT NULL REFERENCES authorship ON DELETE CASCADE,
            ror text COLLATE "C" NOT NULL,
            PRIMARY KEY (authorship_id, ror)
        );
        CREATE INDEX authorship_awaited_organization_ror ON authorship_awaited_organization (ror);

        -- Whether the source gives another person's ORCID iD. Derived when authors are disambiguated.
        ALTER TABLE authorship ADD COLUMN is_orcid_doubtful boolean NOT NULL DEFAULT false;
        CREATE INDEX authorship_orcid_doubtful ON authorship (id) WHERE is_orcid_doubtful;
        DROP INDEX authorship_orcid;
        CREATE INDEX authorship_orcid ON authorship (researcher_id, orcid) WHERE orcid IS NOT NULL AND NOT is_orcid_doubtful;
        CREATE INDEX authorship_orcid_use ON authorship (orcid, block) WHERE orcid IS NOT NULL;
        -- Names of several blocks are looked at again.
        INSERT INTO identity_pending SELECT DISTINCT block FROM authorship WHERE block IS NOT NULL AND orcid IN (
            SELECT orcid FROM authorship WHERE orcid IS NOT NULL GROUP BY orcid HAVING count(DISTINCT block) > 1)
            ON CONFLICT DO NOTHING;
        "#;
        execute(manager, &[sql]).await?;
        track_changes(manager, &["authorship_awaited_organization"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP TABLE authorship_awaited_organization; DROP INDEX authorship_orcid_use; DROP INDEX authorship_orcid; \
             ALTER TABLE authorship DROP COLUMN is_orcid_doubtful; \
             CREATE INDEX authorship_orcid ON authorship (researcher_id, orcid) WHERE orcid IS NOT NULL;";
        execute(manager, &[sql]).await
    }
}
