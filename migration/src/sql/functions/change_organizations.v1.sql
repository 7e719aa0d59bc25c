-- The organizations that an entity of the change feed belongs to today.
CREATE FUNCTION change_organizations(entity_kind integer, entity_id bigint) RETURNS bigint[] LANGUAGE sql STABLE AS $$
        SELECT CASE entity_kind
            WHEN 1 THEN ARRAY(SELECT DISTINCT organization_id FROM affiliation WHERE researcher_id = entity_id
                AND kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION')
                AND starts_on <= CURRENT_DATE AND ends_on >= CURRENT_DATE)
            WHEN 2 THEN ARRAY[entity_id]
            WHEN 3 THEN ARRAY(SELECT organization_id FROM affiliation WHERE id = entity_id)
            WHEN 5 THEN ARRAY(SELECT organization_id FROM paper_organization WHERE paper_id = entity_id)
            ELSE '{}'::bigint[] END
        $$;
