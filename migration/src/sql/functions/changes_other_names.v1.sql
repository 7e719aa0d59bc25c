-- Whether a name is new or gone among those on the papers of a researcher, after this many papers with it were added.
CREATE FUNCTION changes_other_names(researcher bigint, printed_name text, added numeric) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT CASE WHEN added < 0 THEN NOT EXISTS (SELECT FROM authorship
                WHERE authorship.researcher_id = researcher AND authorship.name = printed_name AND repair_value IS NULL)
            ELSE (SELECT count(*) FROM (SELECT FROM authorship WHERE authorship.researcher_id = researcher
                AND authorship.name = printed_name AND repair_value IS NULL LIMIT added::bigint + 1) AS same) <= added END
        $$;
