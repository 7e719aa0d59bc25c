-- Queue the blocks of authors and names that come or go for author disambiguation.
CREATE TRIGGER outdates_new_identities AFTER INSERT ON authorship
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_identities();
CREATE TRIGGER outdates_former_identities AFTER DELETE ON authorship
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_identities();
CREATE TRIGGER outdates_newly_named AFTER INSERT ON researcher_name
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_identities();
CREATE TRIGGER outdates_formerly_named AFTER DELETE ON researcher_name
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outdate_identities();
