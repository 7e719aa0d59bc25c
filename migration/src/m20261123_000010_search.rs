//! What can be found by its words, and the words there are.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        -- Both come with Postgres (package postgresql-contrib where it is one of its own) and need no superuser.
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;

        -- Each name, title and label as search compares it. Follows from the thing it names and changes with it.
        CREATE TABLE search_entry (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            researcher_id bigint REFERENCES researcher ON DELETE CASCADE,
            organization_id bigint REFERENCES organization ON DELETE CASCADE,
            topic_id bigint REFERENCES topic ON DELETE CASCADE,
            paper_id bigint REFERENCES paper ON DELETE CASCADE,
            -- As highlights name it: name, otherNames, label:fr, acronym, title.
            field text NOT NULL,
            text text NOT NULL,
            -- The folded letters without what separates words.
            letters text COLLATE "C" NOT NULL,
            -- Folded words and, where the language is known, their stems with its tag: learn/en.
            words tsvector NOT NULL,
            word_count smallint NOT NULL,
            -- Without initials.
            long_word_count smallint NOT NULL,
            -- 0 for what is shown, 1 for acronyms, 2 for other names.
            weight smallint NOT NULL,
            -- Papers of people and topics, people of organizations; for papers the year, below all of these.
            popularity integer NOT NULL DEFAULT 0,
            CHECK (num_nonnulls(researcher_id, organization_id, topic_id, paper_id) = 1)
        ) WITH (fillfactor = 85);
        CREATE INDEX search_entry_words ON search_entry USING gin (words);
        CREATE INDEX search_entry_researcher ON search_entry (researcher_id) WHERE researcher_id IS NOT NULL;
        CREATE INDEX search_entry_organization ON search_entry (organization_id) WHERE organization_id IS NOT NULL;
        CREATE INDEX search_entry_topic ON search_entry (topic_id) WHERE topic_id IS NOT NULL;
        CREATE INDEX search_entry_paper ON search_entry (paper_id) WHERE paper_id IS NOT NULL;

        -- The words of papers' titles and abstracts together.
        CREATE TABLE search_abstract (
            paper_id bigint NOT NULL REFERENCES paper ON DELETE CASCADE,
            language text COLLATE "C" NOT NULL,
            words tsvector NOT NULL,
            popularity integer NOT NULL DEFAULT 0,
            PRIMARY KEY (paper_id, language)
        );
        CREATE INDEX search_abstract_words ON search_abstract USING gin (words);

        -- The vocabulary of search_entry, for typos and to know how common a beginning is.
        CREATE TABLE search_word (
            word text COLLATE "C" PRIMARY KEY,
            entry_count integer NOT NULL
        ) WITH (fillfactor = 75);
        CREATE INDEX search_word_trigrams ON search_word USING gin (word gin_trgm_ops);

        -- The stems of words in a language, or in all that Postgres has a dictionary of, each with the language's tag.
        CREATE FUNCTION stems(words text[], language text) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
            SELECT coalesce(array_agg(DISTINCT lexeme || '/' || dictionary.language), '{}')
            FROM (VALUES ('da', 'danish_stem'), ('de', 'german_stem'), ('en', 'english_stem'), ('es', 'spanish_stem'),
                ('fi', 'finnish_stem'), ('fr', 'french_stem'), ('hu', 'hungarian_stem'), ('it', 'italian_stem'),
                ('nb', 'norwegian_stem'), ('nl', 'dutch_stem'), ('no', 'norwegian_stem'), ('pt', 'portuguese_stem'),
                ('ro', 'romanian_stem'), ('ru', 'russian_stem'), ('sv', 'swedish_stem'), ('tr', 'turkish_stem'))
                AS dictionary(language, name)
            CROSS JOIN unnest(words) AS word
            CROSS JOIN LATERAL unnest(ts_lexize(dictionary.name::regdictionary, word)) AS lexeme
            WHERE $2 IS NULL OR dictionary.language = split_part(lower($2), '-', 1)
        $$;

        -- A query that takes the stems of its words too.
        CREATE FUNCTION with_stems(typed tsquery, words text[]) RETURNS tsquery LANGUAGE plpgsql STABLE AS $$
        DECLARE
            word text;
            forms text;
        BEGIN
            FOREACH word IN ARRAY words LOOP
                SELECT string_agg(quote_literal(stem), ' | ') INTO forms FROM unnest(stems(ARRAY[word], NULL)) AS stem;
                IF forms IS NOT NULL THEN
                    typed := ts_rewrite(typed, quote_literal(word)::tsquery, (quote_literal(word) || ' | ' || forms)::tsquery);
                END IF;
            END LOOP;
            RETURN typed;
        END
        $$;

        -- Words of the vocabulary that are at most so many letters away, nearest and most common first.
        CREATE FUNCTION similar_words(asked text, most integer) RETURNS TABLE (word text, distance integer)
        LANGUAGE sql STABLE SET pg_trgm.similarity_threshold = 0.2 AS $$
            SELECT known.word, levenshtein_less_equal(known.word, asked, most) AS distance
            FROM search_word AS known
            WHERE known.word % asked AND known.entry_count > 0 AND known.word <> asked
                AND length(known.word) BETWEEN length(asked) - most AND length(asked) + most
                AND levenshtein_less_equal(known.word, asked, most) <= most
            ORDER BY 2, known.entry_count DESC, known.word
            LIMIT 50
        $$;

        -- A query that takes words with a typo, or with two, for its own; the last one may be the beginning of a word.
        CREATE FUNCTION with_typos(typed tsquery, words text[], unfinished text, OUT one tsquery, OUT two tsquery)
        LANGUAGE plpgsql STABLE AS $$
        DECLARE
            asked text;
            beginning text;
            near text;
            far text;
        BEGIN
            one := typed;
            two := typed;
            FOREACH asked IN ARRAY words LOOP
                SELECT string_agg(' | ' || quote_literal(similar_word.word), '') FILTER (WHERE similar_word.distance = 1),
                    string_agg(' | ' || quote_literal(similar_word.word), '')
                INTO near, far
                FROM similar_words(asked, CASE WHEN length(asked) > 4 THEN 2 ELSE 1 END) AS similar_word
                WHERE length(asked) > 3;
                beginning := quote_literal(asked) || CASE WHEN asked = unfinished THEN ':*' ELSE '' END;
                one := ts_rewrite(one, quote_literal(asked)::tsquery, (beginning || coalesce(near, ''))::tsquery);
                two := ts_rewrite(two, quote_literal(asked)::tsquery, (beginning || coalesce(far, ''))::tsquery);
            END LOOP;
        END
        $$;
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP FUNCTION with_typos; DROP FUNCTION similar_words; DROP FUNCTION with_stems; DROP FUNCTION stems; \
             DROP TABLE search_word; DROP TABLE search_abstract; DROP TABLE search_entry;";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
