-- Begins an epoch of the change feed: what was recorded after the current end is not known to have happened.
CREATE FUNCTION begin_feed_epoch() RETURNS bigint LANGUAGE sql AS $$
        DELETE FROM setting WHERE name = 'feed_forked';
        INSERT INTO feed_epoch (epoch, parent, fork_position, server, began_at)
        VALUES (('x' || left(replace(gen_random_uuid()::text, '-', ''), 8) || right(gen_random_uuid()::text, 8))::bit(64)::bigint,
            (SELECT epoch FROM feed_epoch ORDER BY id DESC LIMIT 1),
            (SELECT coalesce(max(position), 0) FROM change), feed_server(), clock_timestamp())
        RETURNING epoch
        $$;
