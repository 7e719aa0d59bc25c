-- Returns the words of an entry, without stems, each with a prefix for kind and popularity: r4turing.
CREATE FUNCTION known_words(words tsvector, standing text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
        BEGIN
            RETURN (SELECT array_to_tsvector(array_agg(standing || word)) FROM unnest(tsvector_to_array(words)) AS word
                WHERE word NOT LIKE '%/%');
        END
        $$;
