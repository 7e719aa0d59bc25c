//! Dumps of the database without IDs and timestamps: two directories are identical if their dumps are.

use sea_orm::{ConnectOptions, ConnectionTrait as _, DbBackend, Statement};

const DUMP_SQL: &str = "
    SELECT 'paper' AS kind, (to_jsonb(paper) - '{id,created_at,updated_at,version_of_id}'::text[]
        || jsonb_build_object('version_of', record.slug))::text AS line
        FROM paper LEFT JOIN paper AS record ON record.id = paper.version_of_id
    UNION ALL SELECT 'researcher', (to_jsonb(researcher) - '{id,created_at,updated_at}'::text[]
        || to_jsonb(researcher_statistics) - 'researcher_id')::text
        FROM researcher JOIN researcher_statistics ON researcher_statistics.researcher_id = researcher.id
    UNION ALL SELECT 'authorship', (to_jsonb(authorship) - '{id,paper_id,researcher_id,same_as_id}'::text[]
        || jsonb_build_object('paper', paper.slug, 'researcher', researcher.slug, 'organizations',
            ARRAY(SELECT organization.slug FROM authorship_organization JOIN organization ON organization.id = organization_id
                WHERE authorship_id = authorship.id ORDER BY slug)))::text
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
        ON organization.id = organization_id LEFT JOIN topic ON topic.id = topic_id LEFT JOIN paper ON paper.id = paper_id";

/// Runs a query and returns the first column of each row as text.
pub async fn query_strings(url: &str, sql: &str) -> Vec<String> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await.expect("a connection");
    let sql = format!("SELECT rows.found::text AS found FROM ({sql}) AS rows(found)");
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("rows");
    connection.close().await.expect("the end of the connection");
    rows.iter().map(|row| row.try_get("", "found").expect("a text")).collect()
}

/// The whole directory, one entity per line, sorted.
pub async fn dump_database(url: &str) -> Vec<String> {
    let mut lines = query_strings(url, &format!("SELECT kind || ' ' || line FROM ({DUMP_SQL}) AS entities")).await;
    lines.sort_unstable();
    lines
}

/// Asserts that two dumps are equal; on failure it shows the first differences.
pub fn assert_dumps_equal(left: &[String], right: &[String]) {
    let missing = |from: &[String], of: &[String]| -> Vec<String> {
        let there: std::collections::HashSet<&String> = from.iter().collect();
        of.iter().filter(|line| !there.contains(line)).take(5).cloned().collect()
    };
    assert!(left == right, "only left: {:#?}\nonly right: {:#?}", missing(right, left), missing(left, right));
}
