-- Stands in for foreign keys of `coauthorship`.
CREATE TRIGGER deletes_coauthors AFTER DELETE ON researcher
    REFERENCING OLD TABLE AS former FOR EACH STATEMENT EXECUTE FUNCTION delete_coauthors();
