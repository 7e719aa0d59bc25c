-- Returns the stems of words in one language, or in every language that Postgres has a stemmer for if `language` is
-- NULL. Each stem is followed by its language tag: learn/en.
CREATE FUNCTION stems(words text[], language text) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
            SELECT coalesce(array_agg(DISTINCT lexeme || '/' || dictionary.language), '{}')
            FROM (VALUES ('da', 'danish_stem'), ('de', 'german_stem'), ('en', 'english_stem'), ('es', 'spanish_stem'),
                ('fi', 'finnish_stem'), ('fr', 'french_stem'), ('hu', 'hungarian_stem'), ('it', 'italian_stem'),
                ('nb', 'norwegian_stem'), ('nl', 'dutch_stem'), ('no', 'norwegian_stem'), ('pt', 'portuguese_stem'),
                ('ro', 'romanian_stem'), ('ru', 'russian_stem'), ('sv', 'swedish_stem'), ('tr', 'turkish_stem'))
                AS dictionary(language, name)
            CROSS JOIN unnest(words) AS word
            CROSS JOIN LATERAL unnest(ts_lexize(dictionary.name::regdictionary, word)) AS lexeme
            WHERE $2 IS NULL OR dictionary.language = split_part(lower($2), '-', 1)
        $$;
