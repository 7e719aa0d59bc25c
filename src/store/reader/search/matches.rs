//! The query for the entities that match a search, and their ranks.

use std::collections::BTreeSet;

use crate::model::entity_type::EntityType;
use crate::store::access::sql_fragment::{Sql, sql, text_array};
use crate::store::reader::search::words::{all_words_tsquery, is_initial, kind_condition, prefix_word, quote_lexeme};
use crate::store::reader::search::{MAX_SHORT_QUERY_WORDS, parse_identifiers};
use crate::text::tokenizer::{SearchTerms, folded_letters};

/// Number of exact hits from which on no fuzzy match is tried.
pub(super) const MIN_EXACT_HITS: i32 = 20;

/// Returns a query for the matches: `researcher_id`, `organization_id`, `topic_id`, `paper_id` (one of them not null),
/// `rank` (smaller is better) and `popularity`. An entity can occur several times.
pub(super) fn matches_sql(query: &SearchTerms, kinds: &[EntityType]) -> Sql {
    let mut exact = sql!(
        "SELECT NULL::bigint AS researcher_id, NULL::bigint AS organization_id, NULL::bigint AS topic_id, \
         NULL::bigint AS paper_id, 0 AS rank, 0 AS popularity WHERE false"
    )
    .with_custom_plan();
    for kind in kinds {
        for (column, value) in parse_identifiers(*kind, &query.text) {
            let column = column.name();
            let ids = EntityType::ALL.map(|other| if other == *kind { "id" } else { "NULL" }).join(", ");
            let owner = format!(" UNION ALL SELECT {ids}, -1, 0 FROM {} WHERE {column} = ?", kind.table());
            exact = exact.then_with(&owner, value.clone());
            if *kind == EntityType::Researcher {
                let ids = ids.replace("id", kind.reference_column());
                let owner = format!(
                    " UNION ALL SELECT {ids}, -1, 0 FROM external_id WHERE researcher_id IS NOT NULL \
                     AND scheme = '{column}' AND value = ?"
                );
                exact = exact.then_with(&owner, value);
            }
        }
    }
    if !query.has_terms() {
        return exact;
    }
    // Too many names contain initials to look them up; they are checked on the hits of the other words.
    let has_long = query.terms.iter().any(|forms| !is_initial(forms));
    let long_words = query.terms.iter().filter(|forms| !has_long || !is_initial(forms));
    let selective = all_words_tsquery(long_words.clone(), quote_lexeme);
    let has_initials = has_long && query.terms.iter().any(|forms| is_initial(forms));
    let initials =
        all_words_tsquery(query.terms.iter().filter(|forms| is_initial(forms)), |word| format!("'{word}':*"));
    let distinct_words: BTreeSet<String> = long_words.flatten().flatten().cloned().collect();
    exact = exact.with_search_words(distinct_words.len());
    let prefix = prefix_word(query);
    let and_initials = |alias: &str| {
        if has_initials {
            Sql::with(&format!(" AND ts_match_vq({alias}.words, ?::text::tsquery)"), initials.clone())
        } else {
            sql!("")
        }
    };
    let (words, long_words) = (query.terms.len(), query.terms.iter().filter(|forms| !is_initial(forms)).count());
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    // Rank of exact hits: same text, same letters, same words in another order, same but for initials, prefix, words
    // among others, stems. Among names of organizations and topics and among titles, fewer additional words rank
    // higher.
    let letters = folded_letters(&query.text);
    let rank = sql!(
        "CASE WHEN lower(entry.text) = ? THEN 0 WHEN entry.letters = ? THEN 1 WHEN NOT ts_match_vq(entry.words, \
         ?::text::tsquery) THEN 6 WHEN entry.word_count <= ? THEN 2 WHEN entry.long_word_count <= ? THEN 3 \
         WHEN entry.researcher_id IS NOT NULL OR starts_with(entry.letters, \
         ?) THEN 4 ELSE 5 END * 100 + entry.weight * 10 + CASE WHEN entry.researcher_id IS NULL THEN \
         least(greatest(entry.long_word_count - ?, 0), 9) ELSE 0 END",
        query.text.to_lowercase(),
        letters.clone(),
        selective.clone(),
        count(words),
        count(if long_words > 1 { long_words } else { 0 }),
        letters,
        count(long_words),
    );
    let columns = "researcher_id, organization_id, topic_id, paper_id";
    let kind_filter = kind_condition(kinds, "entry");
    exact = exact
        .then(format!(" UNION ALL SELECT {columns}, "))
        .then(rank)
        .then(", entry.popularity FROM search_entry AS entry WHERE entry.words @@ (SELECT query FROM typed) AND ")
        .then(kind_filter.clone())
        .then(and_initials("entry"));
    if kinds.contains(&EntityType::Paper) {
        exact = exact
            .then(
                " UNION ALL SELECT NULL, NULL, NULL, paper_id, 700, abstract.popularity \
                 FROM search_abstract AS abstract WHERE abstract.words @@ (SELECT query FROM typed)",
            )
            .then(and_initials("abstract"));
    }
    sql!(
        "WITH typed AS MATERIALIZED (SELECT with_stems(?::text::tsquery, ?) AS query), strict AS MATERIALIZED (",
        selective.clone(),
        text_array(distinct_words.clone()),
    )
        .then(exact)
        .then(sql!(
            "), guessed AS MATERIALIZED (SELECT (with_typos(?::text::tsquery, ?, ?)).*",
            selective,
            text_array(distinct_words),
            prefix,
        ))
        .then_with(
            &format!(" WHERE (SELECT count(*) FROM (SELECT DISTINCT {columns} FROM strict LIMIT {MIN_EXACT_HITS}) AS found) < ?) "),
            if words > MAX_SHORT_QUERY_WORDS { 1 } else { MIN_EXACT_HITS },
        )
        .then(format!("SELECT {columns}, rank, popularity FROM strict UNION ALL SELECT {columns}, "))
        .then(
            "CASE WHEN ts_match_vq(entry.words, guessed.one) THEN 800 ELSE 900 END + entry.weight * 10, \
             entry.popularity FROM guessed CROSS JOIN search_entry AS entry WHERE entry.words @@ guessed.two AND ",
        )
        .then(kind_filter)
        .then(and_initials("entry"))
}
