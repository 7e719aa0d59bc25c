-- The rows of the feed whose entities belong to one of these organizations, or did. It is inlined, so that conditions on its
-- rows use the indexes.
CREATE FUNCTION changes_in_organizations(organization_ids text[]) RETURNS SETOF change LANGUAGE sql STABLE AS $$
        SELECT * FROM change WHERE organizations ?| organization_ids AND organizations <> '{}'
        $$;
