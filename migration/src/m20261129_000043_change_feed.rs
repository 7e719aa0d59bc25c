//! The change feed: each entity at its last change, in the order of commits.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, function, track_changes};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = r#"
        -- Drawn under the write lock, once a transaction: the order of positions is the order of commits.
        CREATE SEQUENCE change_position;
        -- One row per entity, never deleted. `kind` is 1 for a researcher, 2 for an organization, 3 for an affiliation, 4 for
        -- a topic, 5 for a paper; `operation` V for visible, D for deleted, H for hidden, M for merged. `fields` has the position at which each field last changed since the entity
        -- became visible. `organizations` has null for those that the entity belongs to, and the position at which it left
        -- the others. `changed_at` is monotone in the position.
        CREATE TABLE change (
            kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 5),
            id bigint NOT NULL,
            position bigint NOT NULL,
            visible_since bigint NOT NULL,
            operation text NOT NULL CHECK (operation IN ('V', 'D', 'H', 'M')),
            survivor_id bigint,
            changed_at timestamptz NOT NULL,
            activity_id bigint NOT NULL,
            organizations jsonb NOT NULL DEFAULT '{}',
            fields jsonb NOT NULL DEFAULT '{}',
            PRIMARY KEY (kind, id)
        ) WITH (fillfactor = 80);
        -- What one transaction did.
        CREATE TABLE activity (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind text NOT NULL,
            source text,
            at timestamptz NOT NULL,
            position bigint NOT NULL
        );
        -- The feed between two forks: a restore, or a failover that lost commits. Each epoch shares everything up to
        -- `fork_position` with its parent, the row before.
        CREATE TABLE feed_epoch (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            epoch bigint NOT NULL UNIQUE,
            parent bigint,
            fork_position bigint NOT NULL,
            server text NOT NULL,
            began_at timestamptz NOT NULL
        );
        -- What the current transaction changed so far; empty otherwise.
        CREATE UNLOGGED TABLE change_pending (
            kind smallint NOT NULL,
            id bigint NOT NULL,
            field text NOT NULL,
            delta numeric NOT NULL
        ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
        "#;
        execute(manager, &[tables]).await?;
        track_changes(manager, &["change", "activity", "feed_epoch", "change_pending"]).await?;
        let functions = [
            function!(take_write_lock v1),
            function!(refuse_truncate v1),
            function!(change_hash v1),
            function!(feed_server v1),
            function!(begin_feed_epoch v1),
            function!(change_organizations v1),
            function!(moved_organizations v1),
            function!(is_in_directory v1),
            function!(record_changes v1),
            function!(record_outside_changes v1),
        ];
        execute(manager, &functions).await?;
        let fill = r#"
        INSERT INTO setting (name, value) VALUES ('secret', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));
        SELECT begin_feed_epoch();
        WITH entity AS (
            SELECT 1 AS kind, id FROM researcher UNION ALL SELECT 2, id FROM organization UNION ALL SELECT 3, id FROM affiliation
            UNION ALL SELECT 4, id FROM topic UNION ALL SELECT 5, id FROM paper
        ), belonging AS (
            SELECT 1 AS kind, researcher_id AS id, organization_id FROM affiliation
            WHERE kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') AND starts_on <= CURRENT_DATE AND ends_on >= CURRENT_DATE
            UNION SELECT 2, id, id FROM organization UNION ALL SELECT 3, id, organization_id FROM affiliation
            UNION ALL SELECT 5, paper_id, organization_id FROM paper_organization
        ), organizations AS (
            SELECT kind, id, jsonb_object_agg(organization_id, NULL) AS organizations FROM belonging GROUP BY kind, id
        ), merged AS (
            SELECT CASE kind WHEN 'researcher' THEN 1 WHEN 'organization' THEN 2 WHEN 'topic' THEN 4 ELSE 5 END AS kind,
                former_id AS id, survivor_id FROM former_identity
        ), started AS (
            SELECT nextval('change_position') AS position, nextval('activity_id_seq') AS activity_id, clock_timestamp() AS at
            WHERE EXISTS (SELECT FROM entity) OR EXISTS (SELECT FROM merged)
        ), noted AS (
            INSERT INTO activity (id, kind, at, position) OVERRIDING SYSTEM VALUE SELECT activity_id, 'MAINTENANCE', at, position FROM started
        )
        INSERT INTO change (kind, id, position, visible_since, operation, survivor_id, changed_at, activity_id, organizations)
        SELECT kind, id, position, position, 'V', NULL, at, activity_id, coalesce(organizations, '{}')
        FROM started, entity LEFT JOIN organizations USING (kind, id)
        UNION ALL SELECT kind, id, position, position, 'M', survivor_id, at, activity_id, '{}' FROM started, merged
        WHERE NOT EXISTS (SELECT FROM entity WHERE entity.kind = merged.kind AND entity.id = merged.id)
        ORDER BY kind, id;
        CREATE UNIQUE INDEX change_feed ON change (position, kind, id);
        CREATE INDEX change_kind_feed ON change (kind, position, id);
        "#;
        execute(manager, &[fill]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP TABLE change_pending; DROP TABLE feed_epoch; DROP TABLE activity; DROP TABLE change; \
             DROP SEQUENCE change_position; DROP FUNCTION record_outside_changes(); DROP FUNCTION record_changes(text, text); \
             DROP FUNCTION is_in_directory(integer, bigint); DROP FUNCTION moved_organizations(jsonb, bigint[], bigint); \
             DROP FUNCTION change_organizations(integer, bigint); DROP FUNCTION begin_feed_epoch(); \
             DROP FUNCTION feed_server(); DROP FUNCTION change_hash(text); DROP FUNCTION refuse_truncate(); \
             DROP FUNCTION take_write_lock(); DELETE FROM setting WHERE name IN ('secret', 'calendar_day', 'feed_forked');";
        execute(manager, &[sql]).await
    }
}
