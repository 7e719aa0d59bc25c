-- Keep `researcher_statistics.coauthor_count` equal to the number of pairs in `coauthorship`.
-- Rows that INSERT ... ON CONFLICT only updates are not in the transition table.
CREATE TRIGGER counts_new_coauthors AFTER INSERT ON coauthorship
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_new_coauthors();
CREATE TRIGGER counts_former_coauthors AFTER DELETE ON coauthorship
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_former_coauthors();
