-- The application records its changes itself, with their kind and source, in its last statement.
CREATE CONSTRAINT TRIGGER records_outside_changes AFTER INSERT ON change_pending DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (current_setting('directory.writer', true) IS DISTINCT FROM 'app')
    EXECUTE FUNCTION record_outside_changes();
