-- Trigger function: deletes the coauthor pairs of deleted researchers, which are stored in both directions.
CREATE FUNCTION delete_coauthors() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            WITH parted AS (
                DELETE FROM coauthorship WHERE researcher_id = ANY(ARRAY(SELECT id FROM former))
                RETURNING researcher_id, coauthor_id
            )
            DELETE FROM coauthorship USING parted
                WHERE coauthorship.researcher_id = parted.coauthor_id AND coauthorship.coauthor_id = parted.researcher_id;
            RETURN NULL;
        END $$;
