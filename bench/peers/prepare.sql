-- What the peers need beside the directory's own tables, in a schema of its own.
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;

-- Which key is asked for when: made before measuring, the same for all peers. Each query has the columns that it needs.
CREATE TABLE bench.key (
    sequence integer NOT NULL,
    position integer NOT NULL,
    id bigint,
    sort_name text COLLATE "C",
    ids bigint[],
    types text[],
    PRIMARY KEY (sequence, position)
);

-- A text in English, else as the service falls back.
CREATE FUNCTION bench.english(texts jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(texts ->> 'en', texts ->> 'und',
        (SELECT value FROM jsonb_each_text(texts) ORDER BY key COLLATE "C" LIMIT 1))
$$;

-- What a person works on: topics declared, then those of papers. PostGraphile has no relation that could say this.
CREATE FUNCTION bench.researcher_works_on(person researcher) RETURNS SETOF topic LANGUAGE sql STABLE AS $$
    SELECT topic.*
    FROM (
        SELECT tie.topic_id, count(tie.paper_id) AS paper_count, min(tie.position) AS position
        FROM (
            SELECT topic_id, NULL::bigint AS paper_id, position FROM researcher_topic WHERE researcher_id = person.id
            UNION ALL
            SELECT paper_topic.topic_id, paper_topic.paper_id, NULL
            FROM authorship JOIN paper_topic ON paper_topic.paper_id = authorship.paper_id
            WHERE authorship.researcher_id = person.id
        ) AS tie
        GROUP BY tie.topic_id
    ) AS mine
    JOIN topic ON topic.id = mine.topic_id
    ORDER BY coalesce(mine.position, 2000000000 - mine.paper_count), topic.id
$$;
