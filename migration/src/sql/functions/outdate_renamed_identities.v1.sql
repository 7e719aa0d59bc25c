-- Trigger function, once per statement: queues the old and the new block of updated rows for author disambiguation.
-- Superseded by outdate_renamed_identity: the planner does not know the sizes of transition tables, so that it joined
-- thousands of unchanged rows by a nested loop.
CREATE FUNCTION outdate_renamed_identities() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identity_pending
                SELECT former.block FROM former JOIN changed USING (id)
                    WHERE former.block IS NOT NULL AND former.block IS DISTINCT FROM changed.block
                UNION SELECT changed.block FROM former JOIN changed USING (id)
                    WHERE changed.block IS NOT NULL AND former.block IS DISTINCT FROM changed.block
                ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
