-- A number of 63 bits for a value, so that the difference of two is one of 64.
CREATE FUNCTION change_hash(value text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT coalesce(hashtextextended(value, 0) >> 1, 0)
        $$;
