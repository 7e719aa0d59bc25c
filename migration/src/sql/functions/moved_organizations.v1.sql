-- The organizations of an entity after a change: null for those that it belongs to, and for those that it belonged to, the
-- position at which it left.
CREATE FUNCTION moved_organizations(former jsonb, current bigint[], change_position bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
        SELECT coalesce(jsonb_object_agg(organization, left_at), '{}') FROM (
            SELECT unnest(current)::text AS organization, NULL::bigint AS left_at
            UNION ALL SELECT key, coalesce(value #>> '{}', change_position::text)::bigint
            FROM jsonb_each(former) WHERE key <> ALL (current::text[])) AS organization
        $$;
