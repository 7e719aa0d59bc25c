-- Moves the entities that a transaction changed to the end of the change feed. It is the last statement of the transaction,
-- which holds the write lock. Returns the position, or null if nothing changed.
CREATE FUNCTION record_changes(activity_kind text, activity_source text) RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE
            recorded_position bigint;
            recorded_activity bigint;
            recorded_at timestamptz;
        BEGIN
            IF NOT EXISTS (SELECT FROM change_pending) THEN
                RETURN NULL;
            END IF;
            IF feed_server() IS DISTINCT FROM (SELECT server FROM feed_epoch ORDER BY id DESC LIMIT 1)
                OR EXISTS (SELECT FROM setting WHERE name = 'feed_forked') THEN
                PERFORM begin_feed_epoch();
            END IF;
            recorded_position := nextval('change_position');
            recorded_activity := nextval('activity_id_seq');
            recorded_at := greatest(clock_timestamp(), (SELECT changed_at FROM change ORDER BY position DESC LIMIT 1));
            -- Materialized, and with subqueries that cannot be hashed: each entity is looked up once, by its key.
            -- A name on papers is noted as otherNames:Name, with the number of papers that were added.
            WITH changed AS MATERIALIZED (
                SELECT kind, id, field, sum(delta) AS delta FROM change_pending GROUP BY kind, id, field
                HAVING field = '*' OR sum(delta) <> 0
            ), net AS MATERIALIZED (
                SELECT kind, id, bool_or(field = '*') AS is_whole,
                    coalesce(jsonb_object_agg(split_part(field, ':', 1), recorded_position) FILTER (WHERE field <> '*'), '{}') AS fields
                FROM changed WHERE NOT starts_with(field, 'otherNames:') OR changes_other_names(id, substr(field, 12), delta)
                GROUP BY kind, id
            ), known AS MATERIALIZED (
                SELECT net.*, former.operation AS former_operation, former.survivor_id AS former_survivor_id,
                    former.visible_since, former.fields AS former_fields, coalesce(former.organizations, '{}') AS former_organizations,
                    CASE WHEN NOT net.is_whole AND former.operation IS NOT NULL THEN former.operation = 'V'
                        ELSE coalesce(CASE net.kind
                            WHEN 1 THEN (SELECT true FROM researcher WHERE researcher.id = net.id)
                            WHEN 2 THEN (SELECT true FROM organization WHERE organization.id = net.id)
                            WHEN 3 THEN (SELECT true FROM affiliation WHERE affiliation.id = net.id)
                            WHEN 4 THEN (SELECT true FROM topic WHERE topic.id = net.id)
                            ELSE (SELECT true FROM paper WHERE paper.id = net.id) END, false) END AS is_visible
                FROM net LEFT JOIN change AS former ON former.kind = net.kind AND former.id = net.id
            ), merged AS MATERIALIZED (
                SELECT known.*, CASE WHEN NOT is_visible THEN (SELECT survivor_id FROM former_identity AS redirect
                    WHERE redirect.former_id = known.id AND redirect.kind = CASE known.kind WHEN 1 THEN 'researcher'
                    WHEN 2 THEN 'organization' WHEN 4 THEN 'topic' WHEN 5 THEN 'paper' END) END AS survivor_id,
                    is_visible AND (is_whole OR former_operation IS DISTINCT FROM 'V') AS is_new
                FROM known
            ), stated AS MATERIALIZED (
                SELECT merged.*, CASE WHEN is_visible THEN 'V' WHEN survivor_id IS NULL THEN 'D' ELSE 'M' END AS operation,
                    CASE WHEN NOT is_visible THEN moved_organizations(former_organizations, '{}', recorded_position)
                        WHEN NOT is_new AND NOT fields ?| '{affiliations,organization,organizations}' THEN former_organizations
                        WHEN former_organizations <> '{}'
                        THEN moved_organizations(former_organizations, change_organizations(kind, id), recorded_position)
                        WHEN kind = 1 AND (SELECT true FROM affiliation WHERE researcher_id = merged.id LIMIT 1) IS NULL OR kind = 4 THEN '{}'
                        WHEN kind = 5 AND (SELECT true FROM paper_organization WHERE paper_id = merged.id LIMIT 1) IS NULL THEN '{}'
                        ELSE moved_organizations('{}', change_organizations(kind, id), recorded_position) END AS organizations
                FROM merged
            )
            INSERT INTO change AS kept (kind, id, position, visible_since, operation, survivor_id, changed_at, activity_id, organizations, fields)
            SELECT kind, id, recorded_position, CASE WHEN is_new THEN recorded_position ELSE visible_since END, operation,
                survivor_id, recorded_at, recorded_activity,
                organizations,
                CASE WHEN is_new OR NOT is_visible THEN '{}' ELSE former_fields || fields END
            FROM stated WHERE is_visible OR former_operation = 'V'
                OR former_operation IS NOT NULL AND (operation, survivor_id) IS DISTINCT FROM (former_operation, former_survivor_id)
            ORDER BY kind, id
            ON CONFLICT (kind, id) DO UPDATE SET position = EXCLUDED.position, visible_since = EXCLUDED.visible_since,
                operation = EXCLUDED.operation, survivor_id = EXCLUDED.survivor_id, changed_at = EXCLUDED.changed_at,
                activity_id = EXCLUDED.activity_id, organizations = EXCLUDED.organizations, fields = EXCLUDED.fields;
            IF FOUND THEN
                INSERT INTO activity (id, kind, source, at, position) OVERRIDING SYSTEM VALUE
                VALUES (recorded_activity, activity_kind, activity_source, recorded_at, recorded_position);
            ELSE
                recorded_position := NULL;
            END IF;
            DELETE FROM change_pending;
            RETURN recorded_position;
        END
        $$;
