-- Returns the search entries to rank, in three steps:
-- 1. entries whose letters are exactly those typed;
-- 2. entries that match `query` and `passes`, most popular entities first, until `most` entities have a main name that
--    begins with what was typed, or three times as many entities are found; at most 3,000 entries per level of
--    popularity, unordered;
-- 3. if fewer are found, papers whose title begins with `title`, then papers with long titles.
CREATE FUNCTION best_known(typed text, whole tsquery, title text, query tsquery, passes tsquery, kinds text[], most bigint)
    RETURNS SETOF search_entry LANGUAGE plpgsql STABLE ROWS 50
    -- The planner prefers a sequential scan for results of this size.
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
