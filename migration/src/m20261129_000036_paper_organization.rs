//! The organizations of each paper, by the affiliations on it and by the people who were affiliated when it appeared.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function, track_changes, trigger};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = r#"
        -- Derived: `is_by_authorship` from authorship_organization, `is_by_membership` from the affiliations of the
        -- authors. The unit of work that changes these computes the papers in paper_organization_pending again.
        CREATE TABLE paper_organization (
            paper_id bigint NOT NULL REFERENCES paper ON DELETE CASCADE,
            organization_id bigint NOT NULL REFERENCES organization ON DELETE CASCADE,
            is_by_authorship boolean NOT NULL,
            is_by_membership boolean NOT NULL,
            CHECK (is_by_authorship OR is_by_membership)
        );
        CREATE TABLE paper_organization_pending (paper_id bigint PRIMARY KEY);
        INSERT INTO paper_organization (paper_id, organization_id, is_by_authorship, is_by_membership)
        SELECT paper_id, organization_id, bool_or(is_by_authorship), bool_or(NOT is_by_authorship) FROM (
            SELECT authorship.paper_id, authorship_organization.organization_id, true AS is_by_authorship
            FROM authorship JOIN authorship_organization ON authorship_organization.authorship_id = authorship.id
            UNION ALL
            SELECT authorship.paper_id, affiliation.organization_id, false
            FROM authorship JOIN affiliation ON affiliation.researcher_id = authorship.researcher_id
            CROSS JOIN LATERAL (SELECT authorship.publication_key / 10000 AS year,
                authorship.publication_key / 100 % 100 AS month, authorship.publication_key % 100 AS day) AS published
            WHERE affiliation.kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') AND published.year > 0
            AND affiliation.ends_on >= make_date(published.year, greatest(published.month, 1), greatest(published.day, 1))
            AND affiliation.starts_on <= CASE WHEN published.month = 0 THEN make_date(published.year, 12, 31)
                WHEN published.day = 0 THEN (make_date(published.year, published.month, 1) + interval '1 month')::date - 1
                ELSE make_date(published.year, published.month, published.day) END
        ) AS link GROUP BY paper_id, organization_id;
        ALTER TABLE paper_organization ADD PRIMARY KEY (paper_id, organization_id)
            INCLUDE (is_by_authorship, is_by_membership);
        CREATE INDEX paper_organization_organization ON paper_organization (organization_id, paper_id)
            INCLUDE (is_by_authorship, is_by_membership);
        "#;
        execute(manager, &[tables]).await?;
        track_changes(manager, &["paper_organization", "paper_organization_pending"]).await?;
        let functions = [
            function!(queue_author_papers v1),
            function!(queue_changed_author_paper v1),
            function!(queue_linked_papers v1),
            function!(queue_member_papers v1),
            function!(queue_changed_member_papers v1),
        ];
        execute(manager, &functions).await?;
        execute(manager, &[trigger!(pending_paper_organizations v1)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // CASCADE drops the triggers.
        let sql = "DROP FUNCTION queue_author_papers() CASCADE; DROP FUNCTION queue_changed_author_paper() CASCADE; \
             DROP FUNCTION queue_linked_papers() CASCADE; DROP FUNCTION queue_member_papers() CASCADE; \
             DROP FUNCTION queue_changed_member_papers() CASCADE; \
             DROP TABLE paper_organization_pending; DROP TABLE paper_organization;";
        execute(manager, &[sql]).await
    }
}
