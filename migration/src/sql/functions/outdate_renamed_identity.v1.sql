-- Trigger function, once per row: queues the old and the new block of a renamed author for author disambiguation.
CREATE FUNCTION outdate_renamed_identity() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identity_pending
                SELECT block FROM (VALUES (OLD.block), (NEW.block)) AS either(block) WHERE block IS NOT NULL
                ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
