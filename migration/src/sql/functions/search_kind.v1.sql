-- Returns the kind of entity that a search entry names: r(esearcher), o(rganization), t(opic) or p(aper).
CREATE FUNCTION search_kind(researcher_id bigint, organization_id bigint, topic_id bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN researcher_id IS NOT NULL THEN 'r' WHEN organization_id IS NOT NULL THEN 'o'
                WHEN topic_id IS NOT NULL THEN 't' ELSE 'p' END
        $$;
