-- Returns how short a title is, from 3 (shortest) to 0 (long). Scripts without spaces have few words and many bytes.
CREATE FUNCTION title_standing(word_count smallint, letters text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT 3 - width_bucket(greatest(word_count, octet_length(letters) / 8), ARRAY[3, 5, 7])
        $$;
