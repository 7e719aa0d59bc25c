-- Queue the old and the new block of renamed authors and researchers: one call per row whose block differs.
CREATE TRIGGER outdates_renamed_identities AFTER UPDATE ON authorship
    FOR EACH ROW WHEN (OLD.block IS DISTINCT FROM NEW.block) EXECUTE FUNCTION outdate_renamed_identity();
CREATE TRIGGER outdates_renamed_people AFTER UPDATE ON researcher
    FOR EACH ROW WHEN (OLD.block IS DISTINCT FROM NEW.block) EXECUTE FUNCTION outdate_renamed_identity();
