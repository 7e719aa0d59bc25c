SELECT json_agg(json_build_object(
    'name', person.display_name,
    'affiliations', (
        SELECT coalesce(json_agg(json_build_array(kind, bench.english(display_names))), '[]')
        FROM (
            SELECT affiliation.kind, organization.display_names
            FROM affiliation JOIN organization ON organization.id = affiliation.organization_id
            WHERE affiliation.researcher_id = (person.entry).id
            ORDER BY affiliation.is_primary DESC, (affiliation.starts_on <= CURRENT_DATE AND affiliation.ends_on >= CURRENT_DATE) DESC,
                affiliation.starts_on DESC, affiliation.id DESC
            LIMIT 10
        ) AS affiliation
    ),
    'topics', (
        SELECT coalesce(json_agg(bench.english(display_names)), '[]')
        FROM (SELECT topic.display_names FROM bench.researcher_works_on(person.entry) AS topic LIMIT 10) AS topic
    )
))
FROM bench.key
CROSS JOIN LATERAL (
    SELECT researcher AS entry, researcher.display_name
    FROM researcher
    WHERE (researcher.sort_name, researcher.id) > (key.sort_name, key.id)
    ORDER BY researcher.sort_name, researcher.id
    LIMIT 50
) AS person
WHERE key.sequence = :sequence AND key.position = :position;
