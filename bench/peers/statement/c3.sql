SELECT (
    SELECT coalesce(json_agg(json_build_array(one1.display_name, one1.paper_count, (
        SELECT coalesce(json_agg(json_build_array(one2.display_name, one2.paper_count, (
            SELECT coalesce(json_agg(json_build_array(one3.display_name, one3.paper_count)), '[]')
            FROM (
                SELECT person.id, person.display_name, pair.paper_count
                FROM coauthorship AS pair JOIN researcher AS person ON person.id = pair.coauthor_id
                WHERE pair.researcher_id = one2.id
                ORDER BY pair.paper_count DESC, pair.coauthor_id DESC
                LIMIT 10
            ) AS one3
        ))), '[]')
        FROM (
            SELECT person.id, person.display_name, pair.paper_count
            FROM coauthorship AS pair JOIN researcher AS person ON person.id = pair.coauthor_id
            WHERE pair.researcher_id = one1.id
            ORDER BY pair.paper_count DESC, pair.coauthor_id DESC
            LIMIT 10
        ) AS one2
    ))), '[]')
    FROM (
        SELECT person.id, person.display_name, pair.paper_count
        FROM coauthorship AS pair JOIN researcher AS person ON person.id = pair.coauthor_id
        WHERE pair.researcher_id = key.id
        ORDER BY pair.paper_count DESC, pair.coauthor_id DESC
        LIMIT 10
    ) AS one1
)
FROM bench.key
WHERE key.sequence = :sequence AND key.position = :position;
