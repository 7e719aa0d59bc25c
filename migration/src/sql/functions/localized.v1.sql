-- Returns the text of a JSONB map (language tag to text) that suits a list of preferred languages best.
-- Same rule as `LocalizedText::best_match` in src/model/language.rs.
CREATE FUNCTION localized(texts jsonb, languages text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT text.value
            FROM jsonb_each_text(texts) AS text
            LEFT JOIN LATERAL (
                SELECT wanted.rank, wanted.tag = text.key AS exact
                FROM unnest(languages) WITH ORDINALITY AS wanted(tag, rank)
                WHERE wanted.tag = text.key OR starts_with(text.key, wanted.tag || '-')
                ORDER BY wanted.rank
                LIMIT 1
            ) AS match ON true
            ORDER BY match.rank NULLS LAST, match.exact DESC, text.key = 'und' DESC, text.key COLLATE "C"
            LIMIT 1
        $$;
