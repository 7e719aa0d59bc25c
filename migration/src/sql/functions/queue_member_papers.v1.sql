-- Trigger function: queues the papers of people with inserted or deleted affiliations for `paper_organization`.
CREATE FUNCTION queue_member_papers() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO paper_organization_pending SELECT DISTINCT paper_id FROM authorship
                WHERE researcher_id = ANY(ARRAY(SELECT researcher_id FROM changed)) ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
