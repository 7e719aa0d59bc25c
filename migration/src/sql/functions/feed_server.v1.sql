-- The server and the timeline of its log: they differ after a restore to another server and after a failover.
CREATE FUNCTION feed_server() RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            RETURN (SELECT system_identifier::text FROM pg_control_system()) || ' '
                || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
        EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_function THEN
            -- Not every service of others tells; the operator then declares a fork.
            RETURN 'unknown';
        END
        $$;
