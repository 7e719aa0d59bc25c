-- Trigger function: queues the papers of the person of an updated affiliation for `paper_organization`.
CREATE FUNCTION queue_changed_member_papers() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO paper_organization_pending SELECT DISTINCT paper_id FROM authorship
                WHERE researcher_id = ANY(ARRAY[OLD.researcher_id, NEW.researcher_id]) ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
