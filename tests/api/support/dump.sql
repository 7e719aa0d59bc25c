SELECT 'paper' AS kind, (to_jsonb(paper) - '{id,created_at,updated_at,version_of_id}'::text[]
    || jsonb_build_object('version_of', record.slug))::text AS line
    FROM paper LEFT JOIN paper AS record ON record.id = paper.version_of_id
UNION ALL SELECT 'researcher', (to_jsonb(researcher) - '{id,created_at,updated_at}'::text[]
    || to_jsonb(researcher_statistics) - 'researcher_id')::text
    FROM researcher JOIN researcher_statistics ON researcher_statistics.researcher_id = researcher.id
UNION ALL SELECT 'authorship', (to_jsonb(authorship) - '{id,paper_id,researcher_id,same_as_id}'::text[]
    || jsonb_build_object('paper', paper.slug, 'researcher', researcher.slug, 'organizations',
        ARRAY(SELECT organization.slug FROM authorship_organization JOIN organization ON organization.id = organization_id
            WHERE authorship_id = authorship.id ORDER BY slug), 'awaited_organizations',
        ARRAY(SELECT concat_ws(' ', ror, source, key) FROM authorship_awaited_organization WHERE authorship_id = authorship.id ORDER BY 1)))::text
    FROM authorship JOIN paper ON paper.id = paper_id LEFT JOIN researcher ON researcher.id = researcher_id
UNION ALL SELECT 'coauthorship', concat_ws(' ', one.slug, other.slug, paper_count, first_year, last_year)
    FROM coauthorship JOIN researcher AS one ON one.id = researcher_id JOIN researcher AS other ON other.id = coauthor_id
UNION ALL SELECT 'organization', (to_jsonb(organization) - '{id,created_at,updated_at}'::text[])::text FROM organization
UNION ALL SELECT 'parent', concat_ws(' ', child.slug, parent.slug) FROM organization_parent
    JOIN organization AS child ON child.id = child_id JOIN organization AS parent ON parent.id = parent_id
UNION ALL SELECT 'succession', concat_ws(' ', old.slug, new.slug) FROM organization_succession
    JOIN organization AS old ON old.id = predecessor_id JOIN organization AS new ON new.id = successor_id
UNION ALL SELECT 'topic', (to_jsonb(topic) - '{id,created_at,updated_at}'::text[])::text FROM topic
UNION ALL SELECT 'label', concat_ws(' ', organization.slug, language, sort_name, languages::text) FROM organization_label
    JOIN organization ON organization.id = organization_id
UNION ALL SELECT 'label', concat_ws(' ', topic.slug, language, sort_name, languages::text) FROM topic_label
    JOIN topic ON topic.id = topic_id
UNION ALL SELECT 'total', concat_ws(' ', organization.slug, researcher_count) FROM organization_statistics
    JOIN organization ON organization.id = organization_id
UNION ALL SELECT 'total', concat_ws(' ', topic.slug, paper_count, researcher_count) FROM topic_statistics
    JOIN topic ON topic.id = topic_id
UNION ALL SELECT 'affiliation', (to_jsonb(affiliation) - '{id,researcher_id,organization_id,created_at,updated_at}'::text[]
    || jsonb_build_object('researcher', researcher.slug, 'organization', organization.slug))::text
    FROM affiliation JOIN researcher ON researcher.id = researcher_id JOIN organization ON organization.id = organization_id
UNION ALL SELECT 'declared', concat_ws(' ', researcher.slug, topic.slug, position) FROM researcher_topic
    JOIN researcher ON researcher.id = researcher_id JOIN topic ON topic.id = topic_id
UNION ALL SELECT 'identifier', concat_ws(' ', external_id.scheme, value, researcher.slug, organization.slug, topic.slug, paper.slug)
    FROM external_id LEFT JOIN researcher ON researcher.id = researcher_id LEFT JOIN organization
    ON organization.id = organization_id LEFT JOIN topic ON topic.id = topic_id LEFT JOIN paper ON paper.id = paper_id
UNION ALL SELECT 'source_record', concat_ws(' ', source, key, encode(digest, 'hex'), researcher.slug, organization.slug, topic.slug,
    paper.slug) FROM source_record LEFT JOIN researcher ON researcher.id = researcher_id LEFT JOIN organization
    ON organization.id = organization_id LEFT JOIN topic ON topic.id = topic_id LEFT JOIN paper ON paper.id = paper_id
