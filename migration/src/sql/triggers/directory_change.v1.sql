-- Record every change of every table that exists. Later tables get the same trigger from `track_changes` in sql.rs.
DO $$
DECLARE changed text;
BEGIN
    FOR changed IN
        SELECT format('%I', relname) FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
        AND relname NOT IN ('directory_change', 'seaql_migrations')
    LOOP
        EXECUTE format('CREATE TRIGGER notes_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
            FOR EACH STATEMENT EXECUTE FUNCTION note_directory_change()', changed);
    END LOOP;
END $$;
