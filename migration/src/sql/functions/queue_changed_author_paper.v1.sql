-- Trigger function: queues the paper of an updated authorship for `paper_organization`.
CREATE FUNCTION queue_changed_author_paper() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO paper_organization_pending VALUES (OLD.paper_id), (NEW.paper_id) ON CONFLICT DO NOTHING;
            RETURN NULL;
        END
        $$;
