-- Trigger function: records the id of the current transaction in `directory_change`, and deletes the ids of
-- transactions that are older than every running one. See the migration 000014 for how readers use the set of ids.
CREATE FUNCTION note_directory_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO directory_change (transaction) VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
            IF FOUND THEN
                DELETE FROM directory_change WHERE transaction = ANY (ARRAY(
                    SELECT transaction FROM directory_change
                    WHERE transaction < pg_snapshot_xmin(pg_current_snapshot())
                    FOR UPDATE SKIP LOCKED));
            END IF;
            RETURN NULL;
        END $$;
