-- Adds synthetic organizations to a directory of papers: one with 20 faculties of 10 institutes each, at which a sixth of
-- the people are, and 400 others. Most people have a dated employment, 2 of 5 a second affiliation, and 4 of 5
-- authorships during one of these name its organization.
SELECT setseed(0.5);
BEGIN;
INSERT INTO organization (slug, display_names, names, sort_names)
SELECT 'synthetic-' || number, jsonb_build_object('en', 'Synthetic ' || number), jsonb_build_array(jsonb_build_object(
    'value', 'Synthetic ' || number, 'kind', 'DISPLAY', 'language', 'en')), jsonb_build_object('en', 'synthetic ' || number)
FROM generate_series(1, 621) AS number;
CREATE TEMP TABLE numbered AS SELECT id, substr(slug, 11)::integer AS number FROM organization WHERE slug LIKE 'synthetic-%';
INSERT INTO organization_statistics SELECT id, 0 FROM numbered ON CONFLICT DO NOTHING;
INSERT INTO organization_parent (child_id, parent_id)
SELECT child.id, parent.id FROM numbered AS child JOIN numbered AS parent ON parent.number = CASE
    WHEN child.number BETWEEN 2 AND 21 THEN 1 WHEN child.number BETWEEN 22 AND 221 THEN 2 + (child.number - 22) / 10 END;
CREATE TEMP TABLE held AS SELECT id AS researcher_id, kind, random() AS pick, random() AS chance,
    CASE WHEN random() < 0.17 THEN 1 + floor(random() * 221)::integer ELSE 222 + floor(400 * random() * random())::integer END AS number,
    1985 + floor(random() * 36)::integer AS year
FROM researcher, (VALUES ('EMPLOYMENT'), ('MEMBERSHIP'), ('EDUCATION')) AS each(kind);
INSERT INTO affiliation (researcher_id, organization_id, kind, start_date, end_date)
SELECT researcher_id, numbered.id, kind, CASE WHEN kind <> 'MEMBERSHIP' OR chance < 0.5 THEN year::text END,
    CASE WHEN chance >= 0.5 THEN (year + 3 + floor(chance * 20)::integer)::text END
FROM held JOIN numbered USING (number) WHERE kind = 'EMPLOYMENT' OR pick < 0.4 ON CONFLICT DO NOTHING;
INSERT INTO authorship_organization (authorship_id, organization_id)
SELECT DISTINCT ON (authorship.id) authorship.id, affiliation.organization_id FROM authorship
JOIN affiliation ON affiliation.researcher_id = authorship.researcher_id
WHERE starts_on <= make_date(greatest(publication_key / 10000, 1), 12, 31)
AND ends_on >= make_date(greatest(publication_key / 10000, 1), 1, 1) AND random() < 0.8;
-- The next unit of work, the daily recount at the latest, computes the links of these papers: here when the service starts.
DELETE FROM setting WHERE name = 'totals_day';
COMMIT;
