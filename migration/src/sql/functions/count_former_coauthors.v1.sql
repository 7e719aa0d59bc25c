-- Trigger function: subtracts deleted coauthor pairs from `researcher_statistics.coauthor_count`.
CREATE FUNCTION count_former_coauthors() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE researcher_statistics SET coauthor_count = coauthor_count - counted.amount
                FROM (SELECT researcher_id, count(*) AS amount FROM changed GROUP BY researcher_id) AS counted
                WHERE counted.researcher_id = researcher_statistics.researcher_id;
            RETURN NULL;
        END $$;
