-- Trigger function: queues the papers of changed links between authorships and organizations for `paper_organization`.
CREATE FUNCTION queue_linked_papers() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO paper_organization_pending SELECT DISTINCT paper_id FROM authorship
                WHERE id = ANY(ARRAY(SELECT authorship_id FROM changed)) ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
