-- Returns a text search query in which each of the words also matches its stems.
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
