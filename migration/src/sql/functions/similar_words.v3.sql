-- Returns the words of `search_word` within an edit distance of `most`, nearest first, then most frequent first.
-- Words with two neighbouring letters in each other's place come first, at a distance of one, and if there are any, all
-- others are at two. They are looked up one by one: they share few trigrams with a short word, and would be cut off.
-- The body is parsed when the function is created: it refers to the extensions' operators and functions in whatever schema
-- they are. The threshold is set for the rest of the transaction, because only a superuser may restore a function with
-- SET pg_trgm.similarity_threshold; nothing else depends on it.
CREATE OR REPLACE FUNCTION similar_words(asked text, most integer) RETURNS TABLE (word text, distance integer)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT set_config('pg_trgm.similarity_threshold', '0.2', true);
        WITH swapped AS MATERIALIZED (
            SELECT DISTINCT known.word, known.entry_count
            FROM generate_series(1, length(asked) - 1) AS place
            JOIN search_word AS known ON known.word = substr(asked, 1, place - 1) || substr(asked, place + 1, 1)
                || substr(asked, place, 1) || substr(asked, place + 2)
            WHERE known.entry_count > 0 AND known.word <> asked
        )
        SELECT near.word, CASE WHEN near.edits = 1 AND EXISTS (SELECT FROM swapped) THEN 2 ELSE greatest(near.edits, 1) END
        FROM (
            SELECT swapped.word, swapped.entry_count, 0 AS edits FROM swapped
            UNION ALL
            SELECT known.word, known.entry_count, levenshtein_less_equal(known.word, asked, most)
            FROM search_word AS known
            WHERE known.word % asked AND known.entry_count > 0 AND known.word <> asked
                AND length(known.word) BETWEEN length(asked) - most AND length(asked) + most
                AND levenshtein_less_equal(known.word, asked, most) <= most
                AND NOT EXISTS (SELECT FROM swapped WHERE swapped.word = known.word)
        ) AS near
        ORDER BY near.edits, near.entry_count DESC, near.word
        LIMIT 50;
    END;
