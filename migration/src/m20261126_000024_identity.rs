//! Who wrote what: by which evidence, and by whose decision.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        ALTER TABLE authorship
            -- As the paper's source gives them: an author's ORCID iD, and ids of other schemes as scheme:value.
            ADD COLUMN orcid text COLLATE "C" CHECK (orcid ~ '^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]$'),
            ADD COLUMN author_ids text[] COLLATE "C",
            -- What the family names share of those who may be one person; null until identities are resolved.
            ADD COLUMN block text COLLATE "C";
        CREATE INDEX authorship_block ON authorship (block);
        ALTER TABLE researcher ADD COLUMN block text COLLATE "C";
        CREATE INDEX researcher_block ON researcher (block);

        -- Why an author is taken for a researcher. An authorship that is not here was resolved by its name alone.
        CREATE TABLE authorship_resolution (
            authorship_id bigint PRIMARY KEY REFERENCES authorship ON DELETE CASCADE,
            method text NOT NULL CHECK (method IN ('DECISION', 'IDENTIFIER', 'EVIDENCE', 'NAME')),
            confidence real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
            -- [{"kind": "SHARED_COAUTHOR", "value": "Ida Brook"}]
            evidence jsonb NOT NULL CHECK (jsonb_typeof(evidence) = 'array')
        );

        -- What people decided. Nothing but an undoing changes a decision.
        CREATE TABLE identity_decision (
            -- Counted without gaps, which trials would leave in a sequence.
            id bigint PRIMARY KEY,
            kind text NOT NULL CHECK (kind IN ('MERGE', 'SPLIT')),
            -- The survivor; of a split who got the papers.
            researcher_id bigint NOT NULL,
            -- All whom it concerns.
            researcher_ids bigint[] NOT NULL,
            decided_at timestamptz NOT NULL DEFAULT now(),
            decided_by text,
            note text,
            undone_at timestamptz,
            undone_by text,
            -- Who they were, and all that an undoing needs: {"people": […], "paperCount": 3, "changes": […]}
            before jsonb NOT NULL
        );
        CREATE INDEX identity_decision_researcher ON identity_decision (researcher_id);
        CREATE INDEX identity_decision_researchers ON identity_decision USING gin (researcher_ids);

        -- Whom people decided an authorship to be of. It does not refer to the authorship, whose id stays the same when its paper
        -- is imported again; of one that its paper has no more the name tells where it comes back.
        CREATE TABLE identity_pin (
            authorship_id bigint PRIMARY KEY,
            paper_id bigint NOT NULL,
            name_as_published text NOT NULL,
            researcher_id bigint NOT NULL,
            -- Null where the decision was made in another directory, which exported its papers.
            decision_id bigint REFERENCES identity_decision
        );
        CREATE INDEX identity_pin_paper ON identity_pin (paper_id);
        CREATE INDEX identity_pin_researcher ON identity_pin (researcher_id);
        CREATE INDEX identity_pin_decision ON identity_pin (decision_id);

        -- Of somebody merged by a decision: whoever is called so is the survivor.
        ALTER TABLE former_identity ADD COLUMN name_key text COLLATE "C";
        CREATE INDEX former_identity_name_key ON former_identity (kind, name_key) WHERE name_key IS NOT NULL;
        -- Whether it is of somebody who was merged into the person: it adds to what the person has, and renames nobody.
        ALTER TABLE source_record ADD COLUMN is_of_former boolean NOT NULL DEFAULT false;
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP TABLE identity_pin; DROP TABLE identity_decision; DROP TABLE authorship_resolution; \
             ALTER TABLE former_identity DROP COLUMN name_key; ALTER TABLE source_record DROP COLUMN is_of_former; \
             ALTER TABLE researcher DROP COLUMN block; \
             ALTER TABLE authorship DROP COLUMN orcid, DROP COLUMN author_ids, DROP COLUMN block;";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
