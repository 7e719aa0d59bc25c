//! The full-text search index, its vocabulary and its functions.

use sea_orm_migration::prelude::*;

use crate::extensions::provide_extensions;
use crate::sql::{execute, function};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- The search index: every name, title and label, normalized. Derived from the entity it names, and updated with
        -- it.
        CREATE TABLE search_entry (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            researcher_id bigint REFERENCES researcher ON DELETE CASCADE,
            organization_id bigint REFERENCES organization ON DELETE CASCADE,
            topic_id bigint REFERENCES topic ON DELETE CASCADE,
            paper_id bigint REFERENCES paper ON DELETE CASCADE,
            -- The field's name in search highlights: name, otherNames, label:fr, acronym, title.
            field text NOT NULL,
            text text NOT NULL,
            -- Folded letters and digits, without separators.
            letters text COLLATE "C" NOT NULL,
            -- Folded words and, if the language is known, their stems with its tag: learn/en.
            words tsvector NOT NULL,
            word_count smallint NOT NULL,
            -- Words of more than one letter.
            long_word_count smallint NOT NULL,
            -- 0: displayed name, 1: acronym, 2: other name.
            weight smallint NOT NULL,
            -- Researchers and topics: number of papers. Organizations: number of researchers. Papers: derived from the
            -- year, always lower.
            popularity integer NOT NULL DEFAULT 0,
            CHECK (num_nonnulls(researcher_id, organization_id, topic_id, paper_id) = 1)
        ) WITH (fillfactor = 85);
        CREATE INDEX search_entry_words ON search_entry USING gin (words);
        CREATE INDEX search_entry_researcher ON search_entry (researcher_id) WHERE researcher_id IS NOT NULL;
        CREATE INDEX search_entry_organization ON search_entry (organization_id) WHERE organization_id IS NOT NULL;
        CREATE INDEX search_entry_topic ON search_entry (topic_id) WHERE topic_id IS NOT NULL;
        CREATE INDEX search_entry_paper ON search_entry (paper_id) WHERE paper_id IS NOT NULL;

        -- The words of a paper's title and abstract.
        CREATE TABLE search_abstract (
            paper_id bigint NOT NULL REFERENCES paper ON DELETE CASCADE,
            language text COLLATE "C" NOT NULL,
            words tsvector NOT NULL,
            popularity integer NOT NULL DEFAULT 0,
            PRIMARY KEY (paper_id, language)
        );
        CREATE INDEX search_abstract_words ON search_abstract USING gin (words);

        -- The vocabulary of search_entry, used for typo tolerance and to estimate the frequency of a prefix.
        CREATE TABLE search_word (
            word text COLLATE "C" PRIMARY KEY,
            entry_count integer NOT NULL
        ) WITH (fillfactor = 75);
        CREATE INDEX search_word_trigrams ON search_word USING gin (word gin_trgm_ops);
        "#;
        let functions =
            [function!(stems v1), function!(with_stems v1), function!(similar_words v1), function!(with_typos v1)];
        provide_extensions(manager).await?;
        execute(manager, &[sql]).await?;
        execute(manager, &functions).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP FUNCTION with_typos; DROP FUNCTION similar_words; DROP FUNCTION with_stems; DROP FUNCTION stems; \
             DROP TABLE search_word; DROP TABLE search_abstract; DROP TABLE search_entry;";
        execute(manager, &[sql]).await
    }
}
