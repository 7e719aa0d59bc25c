-- Trigger function: refuses TRUNCATE, which would delete entities without their tombstones.
CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the table % cannot be truncated: the change feed would not have the deletions', TG_TABLE_NAME
                USING ERRCODE = 'feature_not_supported', HINT = 'Use DELETE.';
        END
        $$;
