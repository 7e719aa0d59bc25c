-- Whether an entity exists, by the number of its kind.
CREATE FUNCTION is_in_directory(entity_kind integer, entity_id bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT CASE entity_kind
            WHEN 1 THEN EXISTS (SELECT FROM researcher WHERE id = entity_id)
            WHEN 2 THEN EXISTS (SELECT FROM organization WHERE id = entity_id)
            WHEN 3 THEN EXISTS (SELECT FROM affiliation WHERE id = entity_id)
            WHEN 4 THEN EXISTS (SELECT FROM topic WHERE id = entity_id)
            ELSE EXISTS (SELECT FROM paper WHERE id = entity_id) END
        $$;
