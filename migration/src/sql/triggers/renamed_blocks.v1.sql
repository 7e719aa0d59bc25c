-- Queue the old and the new block of renamed authors and researchers: one call per statement. Superseded by v2.
CREATE TRIGGER outdates_renamed_identities AFTER UPDATE ON authorship
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_renamed_identities();
CREATE TRIGGER outdates_renamed_people AFTER UPDATE ON researcher
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_renamed_identities();
