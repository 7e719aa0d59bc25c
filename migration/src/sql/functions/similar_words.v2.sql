-- Returns the words of `search_word` within an edit distance of `most`, nearest first, then most frequent first.
-- The body is parsed when the function is created: it refers to the extensions' operators and functions in whatever schema
-- they are. The threshold is set for the rest of the transaction, because only a superuser may restore a function with
-- SET pg_trgm.similarity_threshold; nothing else depends on it.
CREATE OR REPLACE FUNCTION similar_words(asked text, most integer) RETURNS TABLE (word text, distance integer)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT set_config('pg_trgm.similarity_threshold', '0.2', true);
        SELECT known.word, levenshtein_less_equal(known.word, asked, most) AS distance
        FROM search_word AS known
        WHERE known.word % asked AND known.entry_count > 0 AND known.word <> asked
            AND length(known.word) BETWEEN length(asked) - most AND length(asked) + most
            AND levenshtein_less_equal(known.word, asked, most) <= most
        ORDER BY 2, known.entry_count DESC, known.word
        LIMIT 50;
    END;
