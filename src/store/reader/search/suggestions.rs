//! Autocomplete suggestions.

use sea_orm::{DbErr, FromQueryResult, QueryResult};

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::reader::search::words::{all_words_tsquery, kind_condition, prefix_word, quote_lexeme};
use crate::store::reader::search::{EntityRef, KIND_AND_ID_COLUMNS, MAX_SHORT_QUERY_WORDS};
use crate::text::tokenizer::{SearchTerms, folded_letters};

/// Number of entries from which on a one-word prefix is looked up among the most popular only.
const COMMON_PREFIX_ENTRIES: i64 = 200;

/// Same limit for the rarest of several words; the other words are checked on its entries.
const COMMON_PREFIX_ENTRIES_OF_MANY_WORDS: i64 = 3_000;

/// Maximum number of entries read for fuzzy matches of many words.
const MAX_FUZZY_ENTRIES: i64 = 3_000;

/// Returns the letter that `search_kind` uses for a type.
fn search_code(kind: EntityType) -> &'static str {
    match kind {
        EntityType::Researcher => "r",
        EntityType::Organization => "o",
        EntityType::Topic => "t",
        EntityType::Paper => "p",
    }
}

/// Autocomplete suggestion.
#[derive(Clone, Debug)]
pub struct SuggestedEntity {
    /// Suggested entity.
    pub hit: EntityRef,
    /// Name that matches the prefix, or the display name if that name is hidden.
    pub text: String,
    /// Whether the text is the display name.
    pub is_display_name: bool,
}

impl FromQueryResult for SuggestedEntity {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self {
            hit: EntityRef::from_query_result(row, prefix)?,
            text: row.try_get(prefix, "text")?,
            is_display_name: row.try_get::<i16>(prefix, "weight")? == 0,
        })
    }
}

impl Store {
    /// Returns entities with a name that contains each word of the query as a prefix, most popular first.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn suggest_entities(
        &self,
        query: &SearchTerms,
        kinds: &[EntityType],
        limit: i64,
    ) -> Result<Vec<SuggestedEntity>, Error> {
        if !query.has_terms() || kinds.is_empty() {
            return Ok(Vec::new());
        }
        self.query_all("search::suggestions", suggestions_sql(query, kinds, limit)).await
    }
}

fn suggestions_sql(query: &SearchTerms, kinds: &[EntityType], limit: i64) -> Sql {
    let prefix = |word: &str| format!("'{word}':*");
    let prefix_query = all_words_tsquery(query.terms.iter(), prefix);
    let exact_query = all_words_tsquery(query.terms.iter(), quote_lexeme);
    // Looks up the rarest word and checks the others on its entries. The frequency of a word is the sum over its forms;
    // the frequency of a form is that of its longest part.
    let (mut word_numbers, mut lexemes, mut queries) = (Vec::new(), Vec::new(), Vec::new());
    for (number, forms) in (0_i64..).zip(&query.terms) {
        for longest in forms.iter().filter_map(|form| form.iter().max_by_key(|word| word.len())) {
            word_numbers.push(number);
            lexemes.push(longest.clone());
            queries.push(all_words_tsquery(std::iter::once(forms), prefix));
        }
    }
    let letters = folded_letters(&query.text);
    let columns = "researcher_id, organization_id, topic_id, paper_id";
    let entry = format!(
        "{}, entry.text, entry.letters, entry.words, entry.weight, entry.popularity",
        columns.split(", ").map(|column| format!("entry.{column}")).collect::<Vec<_>>().join(", ")
    );
    let kind_filter = kind_condition(kinds, "entry");
    let has_several_words = query.terms.len() > 1 || query.terms.iter().flatten().any(|form| form.len() > 1);
    let common_prefix_entries =
        if has_several_words { COMMON_PREFIX_ENTRIES_OF_MANY_WORDS } else { COMMON_PREFIX_ENTRIES };
    // Several words are also matched as the beginning of a title.
    let title = (has_several_words && kinds.contains(&EntityType::Paper)).then(|| letters.clone());
    let best_known = |title: Option<String>, words: Sql, passes: Sql| {
        sql!("best_known(?, ?::text::tsquery, ?, ", letters.clone(), exact_query.clone(), title)
            .then(words)
            .then(", ")
            .then(passes)
            .then(sql!(", ?, ?) AS entry ", text_array(kinds.iter().map(|kind| search_code(*kind))), limit))
    };
    let every_word = sql!("?::text::tsquery", prefix_query.clone());
    // No prefix matches: tolerate typos.
    let distinct_words: Vec<String> = query.distinct_terms().into_iter().map(ToOwned::to_owned).collect();
    let word_count = distinct_words.len();
    let fuzzy = if query.terms.len() > MAX_SHORT_QUERY_WORDS {
        Sql::from(format!("search_entry AS entry WHERE entry.words @@ guessed.two AND {kind_filter} "))
            .then(sql!("LIMIT ?", MAX_FUZZY_ENTRIES))
    } else {
        sql!("LATERAL ").then(best_known(None, "guessed.two".into(), "guessed.two".into()))
    };
    sql!(
        "WITH typed AS MATERIALIZED (SELECT typed.query, sum(coalesce(known.amount, 0)) AS amount \
         FROM unnest(?::bigint[], ?::text[], ",
        bigint_array(word_numbers),
        text_array(lexemes),
    )
    .then_with(
        // Each word counts for at least one name, so this many words suffice to show that a prefix is common.
        "?::text[]) AS typed(number, word, query) CROSS JOIN LATERAL (SELECT sum(entry_count) AS amount FROM \
         (SELECT entry_count FROM search_word WHERE search_word.word >= typed.word \
         AND search_word.word < typed.word || U&'\\+10FFFF' AND entry_count > 0 ",
        text_array(queries),
    )
    .then(sql!(
        "LIMIT ?) AS counted) AS known GROUP BY typed.number, typed.query ORDER BY amount \
         LIMIT 2), rarest AS MATERIALIZED (SELECT query::tsquery, amount FROM typed ORDER BY amount \
         LIMIT 1), begun AS MATERIALIZED (",
        common_prefix_entries + 1,
    ))
    .then(format!(
        "SELECT {entry} FROM search_entry AS entry WHERE entry.words @@ (SELECT query FROM rarest) AND {kind_filter} "
    ))
    .then(sql!(
        "AND (SELECT amount FROM rarest) <= ? AND ts_match_vq(entry.words, ?::text::tsquery) ",
        common_prefix_entries,
        prefix_query,
    ))
    .then(format!("UNION ALL SELECT {entry} FROM "))
    // Looks up the two rarest words and checks the others: reading the entries of many common words would be slow.
    .then(best_known(title, "(SELECT string_agg(query, ' & ')::tsquery FROM typed)".into(), every_word))
    .then(sql!(
        "WHERE (SELECT amount FROM rarest) > ?), guessed AS MATERIALIZED (SELECT (with_typos(?::text::tsquery, ?, \
         ?)).* WHERE NOT EXISTS (SELECT FROM begun)), ",
        common_prefix_entries,
        exact_query.clone(),
        text_array(distinct_words),
        prefix_word(query),
    ))
    .then(format!("near AS (SELECT {entry} FROM guessed CROSS JOIN "))
    .then(fuzzy)
    .then("), ")
    .then("ranked AS (SELECT *, CASE WHEN letters = ")
    .then(sql!(
        "? THEN 0 WHEN starts_with(letters, ?) OR ts_match_vq(words, \
         ?::text::tsquery) THEN 1 ELSE 2 END * 10 + weight AS rank FROM (SELECT * FROM begun UNION ALL SELECT * \
         FROM near) AS entry), ",
        letters.clone(),
        letters,
        exact_query,
    ))
    .then(format!("best AS (SELECT DISTINCT ON ({columns}) * FROM ranked ORDER BY {columns}, rank) "))
    .then(format!("SELECT {KIND_AND_ID_COLUMNS}, text, weight FROM best ORDER BY rank, popularity DESC, 1, 2 "))
    .then(sql!("LIMIT ?", limit))
    .with_custom_plan()
    .with_search_words(word_count)
}
