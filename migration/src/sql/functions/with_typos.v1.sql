-- Returns a text search query that tolerates one typo (`one`) or two typos (`two`) in each word.
-- The unfinished word, usually the last one typed, also matches as a prefix.
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
