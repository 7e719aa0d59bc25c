-- Trigger function: queues the papers of inserted or deleted authorships for `paper_organization`.
CREATE FUNCTION queue_author_papers() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO paper_organization_pending SELECT DISTINCT paper_id FROM changed ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
