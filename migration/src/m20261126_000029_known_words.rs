//! The words of names by how well known what they name is, so that a common beginning finds the best known first.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = r#"
        CREATE FUNCTION search_kind(researcher_id bigint, organization_id bigint, topic_id bigint) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN researcher_id IS NOT NULL THEN 'r' WHEN organization_id IS NOT NULL THEN 'o'
                WHEN topic_id IS NOT NULL THEN 't' ELSE 'p' END
        $$;

        -- Each word, but for stems, behind a letter for the kind and a digit for how well known: r4turing.
        CREATE FUNCTION known_words(words tsvector, standing text) RETURNS tsvector
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
        BEGIN
            RETURN (SELECT array_to_tsvector(array_agg(standing || word)) FROM unnest(tsvector_to_array(words)) AS word
                WHERE word NOT LIKE '%/%');
        END
        $$;

        -- How short a title is; 0 is long. Scripts without spaces have few words and many bytes.
        CREATE FUNCTION title_standing(word_count smallint, letters text) RETURNS integer
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT 3 - width_bucket(greatest(word_count, octet_length(letters) / 8), ARRAY[3, 5, 7])
        $$;

        -- Nobody counts how well known a paper is: short titles come first, and long ones are not in this.
        ALTER TABLE search_entry ADD known tsvector GENERATED ALWAYS AS (
            CASE WHEN paper_id IS NULL THEN known_words(words, search_kind(researcher_id, organization_id, topic_id)
                || width_bucket(popularity, ARRAY[1, 2, 4, 10, 30, 100, 300, 1000]))
            WHEN title_standing(word_count, letters) > 0 THEN known_words(words, 'p' || title_standing(word_count, letters))
            END) STORED;
        -- What an import has put off is read by each of the lookups below.
        CREATE INDEX search_entry_known ON search_entry USING gin (known) WITH (gin_pending_list_limit = 512);
        CREATE INDEX search_entry_letters ON search_entry
            (search_kind(researcher_id, organization_id, topic_id), "left"(letters, 60));

        -- The names with the letters typed and no others; then those that the query finds and that pass, of the best known
        -- things first, until enough begin so or enough are found. Then, where fewer begin so, papers that begin with
        -- `title`, and where fewer are found at all, papers with long titles. Of one standing
        -- 3,000 names are read at most, in no order.
        CREATE FUNCTION best_known(typed text, whole tsquery, title text, query tsquery, passes tsquery, kinds text[], most bigint)
        RETURNS SETOF search_entry LANGUAGE plpgsql STABLE ROWS 50
        -- Of so many rows at most, Postgres would rather read the table.
        SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
        DECLARE
            entry search_entry;
            standing text;
            step tsquery;
            thing text;
            last_thing text;
            last_begun text;
            things bigint := 0;
            begun bigint := 0;
        BEGIN
            RETURN QUERY SELECT * FROM search_entry WHERE search_kind(researcher_id, organization_id, topic_id) = ANY(kinds)
                AND "left"(letters, 60) = "left"(typed, 60) AND letters = typed LIMIT 3000;
            FOREACH standing IN ARRAY string_to_array('rot8 rot7 rot6 rot5 rot4 rot3 rot2 rot1 rot0 p3 p2 p1', ' ') LOOP
                EXIT WHEN begun >= most OR things >= 3 * most;
                -- The query with each word as known_words has it.
                SELECT string_agg('(' || regexp_replace(query::text, '''([^'']+)''', '''' || kind || "right"(standing, 1) || '\1''', 'g')
                    || ')', ' | ')::tsquery INTO step FROM unnest(kinds) AS kind WHERE strpos(standing, kind) > 0;
                CONTINUE WHEN step IS NULL;
                -- In this order the names of a thing stand together, so that it is counted once.
                FOR entry IN SELECT * FROM (
                    SELECT * FROM search_entry WHERE known @@ step AND ts_match_vq(words, passes) LIMIT 3000) AS few
                    ORDER BY researcher_id, organization_id, topic_id, paper_id
                LOOP
                    RETURN NEXT entry;
                    thing := search_kind(entry.researcher_id, entry.organization_id, entry.topic_id)
                        || coalesce(entry.researcher_id, entry.organization_id, entry.topic_id, entry.paper_id);
                    IF thing IS DISTINCT FROM last_thing THEN
                        things := things + 1;
                        last_thing := thing;
                    END IF;
                    IF thing IS DISTINCT FROM last_begun AND entry.weight = 0
                        AND (starts_with(entry.letters, typed) OR ts_match_vq(entry.words, whole))
                    THEN
                        begun := begun + 1;
                        last_begun := thing;
                    END IF;
                END LOOP;
            END LOOP;
            IF begun < most AND title IS NOT NULL THEN
                RETURN QUERY SELECT * FROM search_entry WHERE search_kind(researcher_id, organization_id, topic_id) = 'p'
                    AND "left"(letters, 60) >= "left"(title, 60) AND "left"(letters, 60) < "left"(title, 60) || U&'\+10FFFF'
                    AND starts_with(letters, title) ORDER BY "left"(letters, 60) LIMIT most;
            END IF;
            IF things < most AND 'p' = ANY(kinds) THEN
                RETURN QUERY SELECT * FROM search_entry WHERE words @@ query AND ts_match_vq(words, passes)
                    AND known IS NULL AND paper_id IS NOT NULL LIMIT 3000;
            END IF;
        END
        $$;
        "#;
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DROP FUNCTION best_known; DROP INDEX search_entry_letters; ALTER TABLE search_entry DROP known; \
             DROP FUNCTION title_standing; DROP FUNCTION known_words; DROP FUNCTION search_kind;";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
