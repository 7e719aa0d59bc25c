SELECT json_agg(
    CASE requested.type WHEN 'Paper'
        THEN (SELECT json_build_array(title, publication_year) FROM paper WHERE paper.id = requested.id)
        ELSE (SELECT json_build_array(display_name, slug) FROM researcher WHERE researcher.id = requested.id)
    END ORDER BY requested.position)
FROM bench.key
CROSS JOIN LATERAL unnest(key.ids, key.types) WITH ORDINALITY AS requested(id, type, position)
WHERE key.sequence = :sequence AND key.position = :position;
