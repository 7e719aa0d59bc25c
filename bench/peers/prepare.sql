-- Objects that the peers need in addition to the tables of the service, in a separate schema.
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;

-- The sequence of keys to request, generated before the measurement and the same for all peers. Each query reads only the
-- columns that it needs.
CREATE TABLE bench.key (
    sequence integer NOT NULL,
    position integer NOT NULL,
    id bigint,
    sort_name text COLLATE "C",
    ids bigint[],
    types text[],
    PRIMARY KEY (sequence, position)
);

-- The English value, or the one that the service falls back to.
CREATE FUNCTION bench.english(texts jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(texts ->> 'en', texts ->> 'und',
        (SELECT value FROM jsonb_each_text(texts) ORDER BY key COLLATE "C" LIMIT 1))
$$;

-- The topics of a researcher: declared topics first, then topics of papers. PostGraphile cannot derive this from foreign
-- keys.
CREATE FUNCTION bench.researcher_works_on(person researcher) RETURNS SETOF topic LANGUAGE sql STABLE AS $$
    SELECT topic.*
    FROM (
        SELECT link.topic_id, count(link.paper_id) AS paper_count, min(link.position) AS position
        FROM (
            SELECT topic_id, NULL::bigint AS paper_id, position FROM researcher_topic WHERE researcher_id = person.id
            UNION ALL
            SELECT paper_topic.topic_id, paper_topic.paper_id, NULL
            FROM authorship JOIN paper_topic ON paper_topic.paper_id = authorship.paper_id
            WHERE authorship.researcher_id = person.id
        ) AS link
        GROUP BY link.topic_id
    ) AS ranked
    JOIN topic ON topic.id = ranked.topic_id
    ORDER BY coalesce(ranked.position, 2000000000 - ranked.paper_count), topic.id
$$;
