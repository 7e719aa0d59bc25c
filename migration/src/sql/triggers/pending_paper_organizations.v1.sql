-- Queue the papers whose organizations may have changed. Updates are queued row by row, because most of them change
-- nothing that links depend on.
CREATE TRIGGER queues_new_authors AFTER INSERT ON authorship
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_author_papers();
CREATE TRIGGER queues_former_authors AFTER DELETE ON authorship
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_author_papers();
CREATE TRIGGER queues_changed_authors AFTER UPDATE ON authorship FOR EACH ROW
    WHEN ((OLD.paper_id, OLD.researcher_id, OLD.publication_key) IS DISTINCT FROM (NEW.paper_id, NEW.researcher_id, NEW.publication_key))
    EXECUTE FUNCTION queue_changed_author_paper();
CREATE TRIGGER queues_new_links AFTER INSERT ON authorship_organization
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_linked_papers();
CREATE TRIGGER queues_former_links AFTER DELETE ON authorship_organization
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_linked_papers();
CREATE TRIGGER queues_changed_links AFTER UPDATE ON authorship_organization
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_linked_papers();
CREATE TRIGGER queues_new_members AFTER INSERT ON affiliation
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_member_papers();
CREATE TRIGGER queues_former_members AFTER DELETE ON affiliation
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_member_papers();
CREATE TRIGGER queues_changed_members AFTER UPDATE ON affiliation FOR EACH ROW
    WHEN ((OLD.researcher_id, OLD.organization_id, OLD.kind, OLD.starts_on, OLD.ends_on)
        IS DISTINCT FROM (NEW.researcher_id, NEW.organization_id, NEW.kind, NEW.starts_on, NEW.ends_on))
    EXECUTE FUNCTION queue_changed_member_papers();
