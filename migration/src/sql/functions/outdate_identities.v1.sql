-- Trigger function: queues the blocks of inserted or deleted rows for author disambiguation.
CREATE FUNCTION outdate_identities() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identity_pending SELECT DISTINCT block FROM changed WHERE block IS NOT NULL ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
