-- Queues the papers of people whose affiliations were updated, row by row; the others are in pending_paper_organizations.
CREATE TRIGGER queues_changed_members AFTER UPDATE ON affiliation FOR EACH ROW
    WHEN ((OLD.researcher_id, OLD.organization_id, OLD.kind, OLD.starts_on, OLD.ends_on)
        IS DISTINCT FROM (NEW.researcher_id, NEW.organization_id, NEW.kind, NEW.starts_on, NEW.ends_on))
    EXECUTE FUNCTION queue_changed_member_papers();
