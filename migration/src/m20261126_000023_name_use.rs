//! Names that people chose: what other names are for, what was decided of a name, and the addresses that former names made.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- All of these but told_names follow from the tables below, and from the name that is shown.
        ALTER TABLE researcher
            -- The public forms of the name that sources tell; other_names has those of them that are shown.
            ADD COLUMN told_names text[] NOT NULL DEFAULT '{}',
            ADD COLUMN search_only_names text[] NOT NULL DEFAULT '{}',
            -- What a text shows a hidden name by: folded words and initials that only hidden names have, and '*' where no
            -- published name is shown. Null where nothing is hidden.
            ADD COLUMN hidden_forms text[],
            ADD COLUMN withholds_published_name boolean NOT NULL DEFAULT false;
        UPDATE researcher SET told_names = other_names WHERE other_names <> '{}';

        -- Of a place that was left open because the person has another one on the paper: whose name it shows.
        ALTER TABLE authorship ADD COLUMN same_as_id bigint REFERENCES researcher ON DELETE SET NULL;
        CREATE INDEX authorship_same_as ON authorship (same_as_id) WHERE same_as_id IS NOT NULL;

        -- Other names with their uses: those that people decided on, and those that records hide.
        CREATE TABLE researcher_name (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            researcher_id bigint NOT NULL REFERENCES researcher ON DELETE CASCADE,
            value text NOT NULL CHECK (value <> ''),
            use text NOT NULL CHECK (use IN ('DISPLAY', 'SEARCH_ONLY', 'PRIVATE')),
            name_key text COLLATE "C" NOT NULL,
            -- The record that says so, as source_record has it; null where somebody decided it.
            source text COLLATE "C",
            record_key text COLLATE "C",
            CHECK (num_nulls(source, record_key) IN (0, 2))
        );
        CREATE INDEX researcher_name_of ON researcher_name (researcher_id, id);
        CREATE INDEX researcher_name_name_key ON researcher_name (name_key);
        CREATE INDEX researcher_name_record ON researcher_name (source, record_key) WHERE source IS NOT NULL;

        -- What somebody decided of the name that is shown. No import changes it.
        CREATE TABLE name_decision (
            researcher_id bigint PRIMARY KEY REFERENCES researcher ON DELETE CASCADE,
            display_name text CHECK (display_name <> ''),
            given_name text CHECK (given_name <> ''),
            family_name text CHECK (family_name <> ''),
            withholds_published_name boolean,
            decided_at timestamptz NOT NULL DEFAULT now()
        );

        -- Addresses made of names that changed: they lead on, and are told nowhere.
        CREATE TABLE former_slug (
            kind text NOT NULL CHECK (kind IN ('researcher', 'organization', 'topic', 'paper')),
            slug text COLLATE "C" NOT NULL,
            id bigint NOT NULL,
            PRIMARY KEY (kind, slug)
        );
        CREATE INDEX former_slug_id ON former_slug (kind, id);

        CREATE TRIGGER notes_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON researcher_name
            FOR EACH STATEMENT EXECUTE FUNCTION note_directory_change();
        CREATE TRIGGER notes_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON name_decision
            FOR EACH STATEMENT EXECUTE FUNCTION note_directory_change();
        CREATE TRIGGER notes_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON former_slug
            FOR EACH STATEMENT EXECUTE FUNCTION note_directory_change();
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP TABLE former_slug; DROP TABLE name_decision; DROP TABLE researcher_name; \
             ALTER TABLE authorship DROP COLUMN same_as_id; \
             ALTER TABLE researcher DROP COLUMN told_names, DROP COLUMN search_only_names, DROP COLUMN hidden_forms, \
             DROP COLUMN withholds_published_name;";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
