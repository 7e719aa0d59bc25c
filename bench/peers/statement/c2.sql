SELECT (
    SELECT coalesce(json_agg(json_build_array(one1.display_name, one1.paper_count, (
        SELECT coalesce(json_agg(json_build_array(one2.display_name, one2.paper_count, (
            SELECT coalesce(json_agg(json_build_array(paper.title, paper.publication_year)), '[]')
            FROM (
                SELECT paper.title, paper.publication_year
                FROM authorship AS own JOIN paper ON paper.id = own.paper_id
                WHERE own.researcher_id = one2.id
                ORDER BY own.publication_key DESC, own.paper_id DESC
                LIMIT 5
            ) AS paper
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
