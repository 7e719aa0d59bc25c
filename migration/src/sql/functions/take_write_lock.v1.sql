-- Trigger function: takes the write lock for a writer outside the application, and says so in `directory.writer`.
CREATE FUNCTION take_write_lock() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                RAISE EXCEPTION 'the directory cannot be written to in a transaction that is %', current_setting('transaction_isolation')
                    USING ERRCODE = 'invalid_transaction_state',
                    DETAIL = 'Its snapshot may be older than the write lock, so that it does not see what was written before.',
                    HINT = 'Begin the transaction with: BEGIN ISOLATION LEVEL READ COMMITTED';
            END IF;
            PERFORM pg_advisory_xact_lock(7017559728182620722);
            PERFORM set_config('directory.writer', 'locked', true);
            RETURN NULL;
        END
        $$;
