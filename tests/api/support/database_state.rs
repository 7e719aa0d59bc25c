//! Dumps of every row, including IDs.

use super::database_dump::query_strings;

/// Tables that are not part of the directory's data: changes, migrations and decisions. An activity that is undone has
/// happened all the same.
const TABLES_SQL: &str = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' \
     AND relname NOT IN ('directory_change', 'seaql_migrations', 'identity_decision', 'identity_pending', 'change', 'change_pending', \
     'activity') ORDER BY relname";

/// Every row, one per line. Search entries are compared without their IDs, and unused search words are ignored.
pub async fn database_state(url: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for table in query_strings(url, TABLES_SQL).await {
        let (row, condition) = match table.as_str() {
            "search_entry" => ("to_jsonb(stored) - 'id'", "true"),
            "search_word" => ("to_jsonb(stored)", "entry_count <> 0"),
            // The version of the matching rules is stored when the first command starts, and that the feed is forked by a
            // restore.
            "setting" => ("to_jsonb(stored)", "name NOT IN ('paper_version_law', 'feed_forked')"),
            _ => ("to_jsonb(stored) - 'updated_at'", "true"),
        };
        let sql = format!("SELECT '{table} ' || ({row})::text FROM {table} AS stored WHERE {condition}");
        lines.extend(query_strings(url, &sql).await);
    }
    lines.sort_unstable();
    lines
}

/// Derived data that is inconsistent, one finding per line; empty if everything is consistent.
pub async fn find_inconsistencies(url: &str) -> Vec<String> {
    let papers = "SELECT 'papers of ' || slug FROM researcher JOIN researcher_statistics AS stored ON stored.researcher_id = researcher.id \
         WHERE (stored.paper_count, stored.first_year, stored.last_year) <> (SELECT count(*), \
         coalesce(min(nullif(publication_key / 10000, 0)), 0), coalesce(max(publication_key / 10000), 0) \
         FROM authorship WHERE authorship.researcher_id = researcher.id)";
    let pairs = "SELECT 'pair ' || coalesce(stored.researcher_id, computed.one) || ' ' || coalesce(stored.coauthor_id, computed.other) \
         FROM coauthorship AS stored FULL JOIN (SELECT mine.researcher_id AS one, theirs.researcher_id AS other, count(*) AS amount \
         FROM authorship AS mine JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id \
         AND theirs.researcher_id <> mine.researcher_id GROUP BY 1, 2) AS computed \
         ON computed.one = stored.researcher_id AND computed.other = stored.coauthor_id WHERE stored.paper_count IS DISTINCT FROM computed.amount";
    let coauthors = "SELECT 'coauthors of ' || researcher_id FROM researcher_statistics AS stored WHERE coauthor_count <> \
         (SELECT count(*) FROM coauthorship WHERE coauthorship.researcher_id = stored.researcher_id)";
    let popularity = "SELECT 'popularity of ' || text FROM search_entry JOIN researcher_statistics AS counted \
         ON counted.researcher_id = search_entry.researcher_id WHERE popularity <> paper_count";
    let names = "SELECT 'entry of ' || slug FROM researcher WHERE NOT EXISTS (SELECT FROM search_entry \
         WHERE search_entry.researcher_id = researcher.id AND text = display_name)";
    let words = "SELECT 'word ' || word FROM search_word WHERE entry_count <> (SELECT count(*) FROM search_entry \
         WHERE words @@ quote_literal(word)::tsquery)";
    let slugs =
        "SELECT 'slug ' || slug FROM researcher JOIN former_identity ON kind = 'researcher' AND former_slug = slug";
    let redirects = "SELECT 'redirect ' || former_slug FROM former_identity WHERE kind = 'researcher' \
         AND NOT EXISTS (SELECT FROM researcher WHERE id = survivor_id)";
    let day = |date: &str, unknown_month: &str, unknown_day: &str| {
        format!(
            "(CASE length({date}) WHEN 4 THEN {date} || '{unknown_month}' WHEN 7 THEN {date} || '{unknown_day}' ELSE {date} END)"
        )
    };
    let links = format!(
        "SELECT 'link ' || coalesce(stored.paper_id, computed.paper_id) || ' ' || coalesce(stored.organization_id, computed.organization_id) \
         FROM paper_organization AS stored FULL JOIN (SELECT paper_id, organization_id, bool_or(printed) AS printed, bool_or(NOT printed) AS held \
         FROM (SELECT paper_id, organization_id, true AS printed FROM authorship JOIN authorship_organization ON authorship_id = authorship.id \
         UNION ALL SELECT paper_id, organization_id, false FROM authorship JOIN paper ON paper.id = paper_id \
         JOIN affiliation ON affiliation.researcher_id = authorship.researcher_id \
         WHERE kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') AND {} >= coalesce(start_date, '') \
         AND {} <= coalesce({}, '9999-99-99') AND (end_date IS NOT NULL OR NOT has_ended)) AS link GROUP BY 1, 2) AS computed \
         ON computed.paper_id = stored.paper_id AND computed.organization_id = stored.organization_id \
         WHERE (stored.is_by_authorship, stored.is_by_membership) IS DISTINCT FROM (computed.printed, computed.held)",
        day("publication_date", "-99-99", "-99"),
        day("publication_date", "-00-00", "-00"),
        day("end_date", "-99-99", "-99"),
    );
    let pending = "SELECT 'pending ' || paper_id FROM paper_organization_pending";
    let all =
        [papers, pairs, coauthors, popularity, names, words, slugs, redirects, &links, pending].join(" UNION ALL ");
    let mut found = query_strings(url, &all).await;
    found.sort_unstable();
    found
}
