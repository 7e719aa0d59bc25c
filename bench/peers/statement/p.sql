SELECT json_build_object(
    'name', researcher.display_name,
    'slug', researcher.slug,
    'affiliations', (
        SELECT coalesce(json_agg(json_build_array(kind, start_date, end_date, bench.english(role_title), bench.english(display_names))), '[]')
        FROM (
            SELECT affiliation.kind, affiliation.start_date, affiliation.end_date, affiliation.role_title, organization.display_names
            FROM affiliation JOIN organization ON organization.id = affiliation.organization_id
            WHERE affiliation.researcher_id = researcher.id
            ORDER BY affiliation.is_primary DESC, (affiliation.starts_on <= CURRENT_DATE AND affiliation.ends_on >= CURRENT_DATE) DESC,
                affiliation.starts_on DESC, affiliation.id DESC
            LIMIT 10
        ) AS affiliation
    ),
    'topics', (
        SELECT coalesce(json_agg(bench.english(display_names)), '[]')
        FROM (SELECT topic.display_names FROM bench.researcher_works_on(researcher) AS topic LIMIT 10) AS topic
    ),
    'statistics', json_build_array(
        statistics.paper_count,
        (SELECT count(*) FROM coauthorship WHERE coauthorship.researcher_id = researcher.id),
        nullif(statistics.first_year, 0),
        nullif(statistics.last_year, 0)
    ),
    'papers', (
        SELECT coalesce(json_agg(json_build_array(title, publication_year, venue_name, bench.english(abstract_text), (
            SELECT coalesce(json_agg(author.name), '[]')
            FROM (
                SELECT coalesce(person.display_name, authorship.name) AS name
                FROM authorship LEFT JOIN researcher AS person ON person.id = authorship.researcher_id
                WHERE authorship.paper_id = paper.id
                ORDER BY authorship.list_order
                LIMIT 10
            ) AS author
        ))), '[]')
        FROM (
            SELECT paper.id, paper.title, paper.publication_year, paper.venue_name, paper.abstract_text
            FROM authorship AS own JOIN paper ON paper.id = own.paper_id
            WHERE own.researcher_id = researcher.id
            ORDER BY own.publication_key DESC, own.paper_id DESC
            LIMIT 10
        ) AS paper
    ),
    'coauthors', (
        SELECT coalesce(json_agg(json_build_array(display_name, paper_count)), '[]')
        FROM (
            SELECT person.display_name, pair.paper_count
            FROM coauthorship AS pair JOIN researcher AS person ON person.id = pair.coauthor_id
            WHERE pair.researcher_id = researcher.id
            ORDER BY pair.paper_count DESC, pair.coauthor_id DESC
            LIMIT 10
        ) AS coauthor
    )
)
FROM bench.key
JOIN researcher ON researcher.id = key.id
JOIN researcher_statistics AS statistics ON statistics.researcher_id = researcher.id
WHERE key.sequence = :sequence AND key.position = :position;
