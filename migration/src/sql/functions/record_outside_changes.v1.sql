-- Trigger function: records what a writer outside the application changed, once, when its transaction ends.
CREATE FUNCTION record_outside_changes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF current_setting('directory.writer', true) IS DISTINCT FROM 'recorded' THEN
                PERFORM record_changes('MAINTENANCE', NULL);
                PERFORM set_config('directory.writer', 'recorded', true);
            END IF;
            RETURN NULL;
        END
        $$;
