//! Author disambiguation: evidence, manual decisions, and the authorships that decisions pin.
//!
//! The change triggers of these tables are created by the next migration. A new migration calls `track_changes` itself.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        ALTER TABLE authorship
            -- As stated by the paper's source: the author's ORCID iD, and identifiers of other schemes as scheme:value.
            ADD COLUMN orcid text COLLATE "C" CHECK (orcid ~ '^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]$'),
            ADD COLUMN author_ids text[] COLLATE "C",
            -- Blocking key, derived from the family name. Null until the authorship is disambiguated.
            ADD COLUMN block text COLLATE "C";
        CREATE INDEX authorship_block ON authorship (block);
        ALTER TABLE researcher ADD COLUMN block text COLLATE "C";
        CREATE INDEX researcher_block ON researcher (block);

        -- Why an author was matched with a researcher. An authorship without a row was matched by its name only.
        CREATE TABLE authorship_resolution (
            authorship_id bigint PRIMARY KEY REFERENCES authorship ON DELETE CASCADE,
            method text NOT NULL CHECK (method IN ('DECISION', 'IDENTIFIER', 'EVIDENCE', 'NAME')),
            confidence real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
            -- [{"kind": "SHARED_COAUTHOR", "value": "Ida Brook"}]
            evidence jsonb NOT NULL CHECK (jsonb_typeof(evidence) = 'array')
        );

        -- Manual decisions. Only undoing changes a decision.
        CREATE TABLE identity_decision (
            -- Numbered without gaps. A sequence would have gaps after dry runs.
            id bigint PRIMARY KEY,
            kind text NOT NULL CHECK (kind IN ('MERGE', 'SPLIT')),
            -- Merge: the survivor. Split: the researcher who received the papers.
            researcher_id bigint NOT NULL,
            -- All researchers involved.
            researcher_ids bigint[] NOT NULL,
            decided_at timestamptz NOT NULL DEFAULT now(),
            decided_by text,
            note text,
            undone_at timestamptz,
            undone_by text,
            -- The researchers before the decision, and the undo log: {"people": […], "paperCount": 3, "changes": […]}
            before jsonb NOT NULL
        );
        CREATE INDEX identity_decision_researcher ON identity_decision (researcher_id);
        CREATE INDEX identity_decision_researchers ON identity_decision USING gin (researcher_ids);

        -- Authorships assigned to a researcher by a decision. No foreign key to authorship: its id stays the same when
        -- the paper is imported again, and if the authorship disappears, its name identifies it when it comes back.
        CREATE TABLE identity_pin (
            authorship_id bigint PRIMARY KEY,
            paper_id bigint NOT NULL,
            name_as_published text NOT NULL,
            researcher_id bigint NOT NULL,
            -- Null if the decision was made in another directory and came with an export.
            decision_id bigint REFERENCES identity_decision
        );
        CREATE INDEX identity_pin_paper ON identity_pin (paper_id);
        CREATE INDEX identity_pin_researcher ON identity_pin (researcher_id);
        CREATE INDEX identity_pin_decision ON identity_pin (decision_id);

        -- For a researcher merged by a decision: authors of this name are the survivor.
        ALTER TABLE former_identity ADD COLUMN name_key text COLLATE "C";
        CREATE INDEX former_identity_name_key ON former_identity (kind, name_key) WHERE name_key IS NOT NULL;
        -- Whether the record is of a researcher merged into this one. It adds data and does not rename the survivor.
        ALTER TABLE source_record ADD COLUMN is_of_former boolean NOT NULL DEFAULT false;
        "#;
        execute(manager, &[sql]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP TABLE identity_pin; DROP TABLE identity_decision; DROP TABLE authorship_resolution; \
             ALTER TABLE former_identity DROP COLUMN name_key; ALTER TABLE source_record DROP COLUMN is_of_former; \
             ALTER TABLE researcher DROP COLUMN block; \
             ALTER TABLE authorship DROP COLUMN orcid, DROP COLUMN author_ids, DROP COLUMN block;";
        execute(manager, &[sql]).await
    }
}
