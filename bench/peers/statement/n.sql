SELECT json_agg(
    CASE asked.type WHEN 'Paper'
        THEN (SELECT json_build_array(title, publication_year) FROM paper WHERE paper.id = asked.id)
        ELSE (SELECT json_build_array(display_name, slug) FROM researcher WHERE researcher.id = asked.id)
    END ORDER BY asked.place)
FROM bench.key
CROSS JOIN LATERAL unnest(key.ids, key.types) WITH ORDINALITY AS asked(id, type, place)
WHERE key.sequence = :sequence AND key.position = :position;
