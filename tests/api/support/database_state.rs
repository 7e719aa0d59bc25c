//! Dumps of every row, including IDs.

use super::database_dump::query_strings;

/// Tables that are not part of the directory's data: changes, migrations and decisions.
const TABLES_SQL: &str = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' \
     AND relname NOT IN ('directory_change', 'seaql_migrations', 'identity_decision', 'identity_pending') ORDER BY relname";

/// Every row, one per line. Search entries are compared without their IDs, and unused search words are ignored.
pub async fn database_state(url: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for table in query_strings(url, TABLES_SQL).await {
        let (row, condition) = match table.as_str() {
            "search_entry" => ("to_jsonb(kept) - 'id'", "true"),
            "search_word" => ("to_jsonb(kept)", "entry_count <> 0"),
            // The version of the matching rules is stored when the first command starts.
            "setting" => ("to_jsonb(kept)", "name <> 'paper_version_law'"),
            _ => ("to_jsonb(kept) - 'updated_at'", "true"),
        };
        let sql = format!("SELECT '{table} ' || ({row})::text FROM {table} AS kept WHERE {condition}");
        lines.extend(query_strings(url, &sql).await);
    }
    lines.sort_unstable();
    lines
}

/// Derived data that is inconsistent, one finding per line; empty if everything is consistent.
pub async fn find_inconsistencies(url: &str) -> Vec<String> {
    let papers = "SELECT 'papers of ' || slug FROM researcher JOIN researcher_statistics AS kept ON kept.researcher_id = researcher.id \
         WHERE (kept.paper_count, kept.first_year, kept.last_year) <> (SELECT count(*), \
         coalesce(min(nullif(publication_key / 10000, 0)), 0), coalesce(max(publication_key / 10000), 0) \
         FROM authorship WHERE authorship.researcher_id = researcher.id)";
    let pairs = "SELECT 'pair ' || coalesce(kept.researcher_id, made.one) || ' ' || coalesce(kept.coauthor_id, made.other) \
         FROM coauthorship AS kept FULL JOIN (SELECT mine.researcher_id AS one, theirs.researcher_id AS other, count(*) AS amount \
         FROM authorship AS mine JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id \
         AND theirs.researcher_id <> mine.researcher_id GROUP BY 1, 2) AS made \
         ON made.one = kept.researcher_id AND made.other = kept.coauthor_id WHERE kept.paper_count IS DISTINCT FROM made.amount";
    let coauthors = "SELECT 'coauthors of ' || researcher_id FROM researcher_statistics AS kept WHERE coauthor_count <> \
         (SELECT count(*) FROM coauthorship WHERE coauthorship.researcher_id = kept.researcher_id)";
    let popularity = "SELECT 'popularity of ' || text FROM search_entry JOIN researcher_statistics AS counted \
         ON counted.researcher_id = search_entry.researcher_id WHERE popularity <> paper_count";
    let names = "SELECT 'entry of ' || slug FROM researcher WHERE NOT EXISTS (SELECT FROM search_entry \
         WHERE search_entry.researcher_id = researcher.id AND text = display_name)";
    let words = "SELECT 'word ' || word FROM search_word WHERE entry_count <> (SELECT count(*) FROM search_entry \
         WHERE words @@ quote_literal(word)::tsquery)";
    let slugs =
        "SELECT 'slug ' || slug FROM researcher JOIN former_identity ON kind = 'researcher' AND former_slug = slug";
    let leads = "SELECT 'lead ' || former_slug FROM former_identity WHERE kind = 'researcher' \
         AND NOT EXISTS (SELECT FROM researcher WHERE id = survivor_id)";
    let all = [papers, pairs, coauthors, popularity, names, words, slugs, leads].join(" UNION ALL ");
    query_strings(url, &all).await
}
