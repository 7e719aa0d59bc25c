//! Full-text search, ranked by relevance, and autocomplete suggestions.
//!
//! Names, titles and labels are looked up as folded words (`search_entry`), and abstracts as words (`search_abstract`).
//! Typos are tolerated, and the last word is treated as a prefix, only if few entities match exactly: fewer than
//! [`MIN_EXACT_HITS`], or none for a query of many words.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sea_orm::{DbErr, FromQueryResult, QueryResult};

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnCursor, ColumnProjection, ColumnSet};
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::reader::authorship::join_resolved_researcher;
use crate::store::reader::identifier_column::IdentifierColumn;
use crate::store::reader::page::{List, ListSource, SortDirection, SortKey, SortKeyType, no_edge_columns};
use crate::text::tokenizer::SearchTerms;

/// Returns the letter that `search_kind` uses for a type.
fn search_code(kind: EntityType) -> &'static str {
    match kind {
        EntityType::Researcher => "r",
        EntityType::Organization => "o",
        EntityType::Topic => "t",
        EntityType::Paper => "p",
    }
}

/// Parses a text as each identifier that a type has a column for. Returns the canonical forms of those that match.
#[must_use]
pub fn parse_identifiers(kind: EntityType, text: &str) -> Vec<(IdentifierColumn, String)> {
    IdentifierColumn::of(kind).iter().filter_map(|column| Some((*column, column.canonical(text)?))).collect()
}

/// Number of exact hits from which on no fuzzy match is tried.
const MIN_EXACT_HITS: i32 = 20;
/// Number of words above which a query is taken for a title: fuzzy matches are tried only if nothing matches exactly.
const MAX_SHORT_QUERY_WORDS: usize = 3;
/// Number of entries from which on a one-word prefix is looked up among the most popular only.
const COMMON_PREFIX_ENTRIES: i64 = 200;
/// Same limit for the rarest of several words; the other words are checked on its entries.
const COMMON_PREFIX_ENTRIES_OF_MANY_WORDS: i64 = 3_000;
/// Maximum number of entries read for fuzzy matches of many words.
const MAX_FUZZY_ENTRIES: i64 = 3_000;

fn quote_lexeme(word: &str) -> String {
    // Words are letters and digits: nothing to escape.
    format!("'{word}'")
}

/// Returns a `tsquery` that requires all words, each in any of its forms.
fn all_words_tsquery<'a>(words: impl Iterator<Item = &'a Vec<Vec<String>>>, lexeme: impl Fn(&str) -> String) -> String {
    let form = |form: &Vec<String>| {
        let lexemes: Vec<String> = form.iter().map(|word| lexeme(word)).collect();
        format!("({})", lexemes.join(" & "))
    };
    let any = |forms: &Vec<Vec<String>>| {
        let forms: Vec<String> = forms.iter().map(form).collect();
        format!("({})", forms.join(" | "))
    };
    words.map(any).collect::<Vec<_>>().join(" & ")
}

fn is_initial(forms: &[Vec<String>]) -> bool {
    matches!(forms, [form] if matches!(form.as_slice(), [word] if word.len() == 1))
}

/// Returns the last word if it may be incomplete, otherwise an empty string.
fn prefix_word(query: &SearchTerms) -> String {
    let forms = query.terms.last().filter(|forms| forms.len() == 1);
    forms.and_then(|forms| forms.first()?.last().cloned()).unwrap_or_default()
}

fn kind_condition(kinds: &[EntityType], alias: &str) -> String {
    let conditions: Vec<String> =
        kinds.iter().map(|kind| format!("{alias}.{} IS NOT NULL", kind.reference_column())).collect();
    match kinds.len() {
        0 => "false".to_owned(),
        4 => "true".to_owned(),
        _ => format!("({})", conditions.join(" OR ")),
    }
}

/// Returns a query for the matches: `researcher_id`, `organization_id`, `topic_id`, `paper_id` (one of them not null),
/// `rank` (smaller is better) and `popularity`. An entity can occur several times.
fn matches_sql(query: &SearchTerms, kinds: &[EntityType]) -> Sql {
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
    let letters = crate::text::tokenizer::folded_letters(&query.text);
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

/// Returns the join of the relevance of each row, as `found.rank`; empty without a query.
pub(crate) fn relevance_join(kind: EntityType, query: Option<&SearchTerms>) -> Sql {
    let Some(query) = query else { return Sql::default() };
    Sql::from(format!(" JOIN (SELECT {} AS id, min(rank) AS rank FROM (", kind.reference_column()))
        .then(matches_sql(query, &[kind]))
        .then(format!(") AS match GROUP BY 1) AS found ON found.id = {}.id", kind.table()))
}

/// Returns the sort key of relevance; larger is better.
pub(crate) fn relevance_key() -> SortKey {
    SortKey::new("(- found.rank)", SortKeyType::Integer)
}

/// Returns the condition that the entity of a row matches a query.
pub(crate) fn matches_query(kind: EntityType, query: &SearchTerms) -> Sql {
    Sql::from(format!("{}.id IN (SELECT {} FROM (", kind.table(), kind.reference_column()))
        .then(matches_sql(query, &[kind]))
        .then(") AS match)")
}

/// List of search results of several entity types, most relevant first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchResults {
    /// Search query.
    pub query: SearchTerms,
    /// Entity types to search.
    pub kinds: Vec<EntityType>,
}

/// Reference to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntityRef {
    /// Type of the entity.
    pub kind: EntityType,
    /// Id of the entity.
    pub id: i64,
}

impl ColumnProjection for EntityRef {
    const OPTIONAL_COLUMNS: &'static [&'static str] = &[];

    fn select_list(table: &str, _: ColumnSet) -> String {
        format!("{table}.kind, {table}.id")
    }

    fn from_columns(places: &mut ColumnCursor<'_>, _: ColumnSet) -> Result<Self, DbErr> {
        Self::from_row(places.next_value()?, places.next_value()?)
    }
}

impl FromQueryResult for EntityRef {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Self::from_row(row.try_get(prefix, "kind")?, row.try_get(prefix, "id")?)
    }
}

impl EntityRef {
    fn from_row(index: i64, id: i64) -> Result<Self, DbErr> {
        let kind = usize::try_from(index).ok().and_then(|index| EntityType::ALL.get(index));
        let kind = *kind.ok_or_else(|| DbErr::Type(format!("{index} is not the index of an entity type")))?;
        Ok(Self { kind, id })
    }
}

/// SQL for the index of the type in [`EntityType::ALL`] and the id, from a row with a column per type.
const KIND_AND_ID_COLUMNS: &str = "CASE WHEN researcher_id IS NOT NULL THEN 0 WHEN organization_id IS NOT NULL THEN 1 \
     WHEN topic_id IS NOT NULL THEN 2 ELSE 3 END::bigint AS kind, coalesce(researcher_id, organization_id, topic_id, paper_id) AS id";

impl List for SearchResults {
    type Node = EntityRef;
    type Edge = crate::store::reader::page::NoEdge;
    const PAGE_QUERY: &'static str = "search::page";
    const COUNT_QUERY: &'static str = "search::count";

    fn source(&self, _: &Store) -> ListSource {
        let from = Sql::from(format!(
            "(SELECT {KIND_AND_ID_COLUMNS}, min(rank)::bigint AS rank, max(popularity)::bigint AS popularity FROM ("
        ))
        .then(matches_sql(&self.query, &self.kinds))
        .then(") AS match GROUP BY researcher_id, organization_id, topic_id, paper_id) AS hit");
        ListSource {
            node_alias: "hit",
            edge_columns: no_edge_columns,
            from,
            conditions: Vec::new(),
            sort_keys: vec![
                SortKey::new("hit.rank", SortKeyType::Integer),
                SortKey::new("(- hit.popularity)", SortKeyType::Integer),
                SortKey::new("hit.kind", SortKeyType::Integer),
                SortKey::new("hit.id", SortKeyType::Integer),
            ],
            direction: SortDirection::Ascending,
        }
    }
}

/// Search field of search-only names. Its text is the display name, so that the hidden name is never shown.
pub(crate) const SEARCH_ONLY_FIELD: &str = "searchOnlyNames";

/// Loader key of the displayable texts through which a search found an entity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatchedTextsKey {
    /// Entity that was found.
    pub hit: EntityRef,
    /// Query that found it.
    pub query: Arc<SearchTerms>,
}

/// Indexed text of an entity.
#[derive(Clone, Debug, FromQueryResult)]
pub struct MatchedText {
    /// Field of the text: `name`, `otherNames`, `label:fr`, `acronym`, `title`, `abstract:en`.
    pub field: String,
    /// Text.
    pub text: String,
    /// Stems shared with the query.
    pub stems: Vec<String>,
}

struct MatchedTextRow {
    hit: EntityRef,
    matched_text: MatchedText,
}

impl FromQueryResult for MatchedTextRow {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self {
            hit: EntityRef::from_query_result(row, prefix)?,
            matched_text: MatchedText::from_query_result(row, prefix)?,
        })
    }
}

impl LoaderKey for MatchedTextsKey {
    const NAME: &'static str = "search::matched_texts";
}

impl Loader<MatchedTextsKey> for Store {
    type Value = Arc<Vec<MatchedText>>;

    async fn load(&self, keys: &[MatchedTextsKey]) -> Result<HashMap<MatchedTextsKey, Self::Value>, Error> {
        let mut hits: HashMap<&Arc<SearchTerms>, Vec<EntityRef>> = HashMap::new();
        for key in keys {
            hits.entry(&key.query).or_default().push(key.hit);
        }
        let mut texts: HashMap<MatchedTextsKey, Vec<MatchedText>> = HashMap::new();
        for (query, hits) in hits {
            for row in self.query_all::<MatchedTextRow>(MatchedTextsKey::NAME, matched_texts_sql(query, &hits)).await? {
                texts
                    .entry(MatchedTextsKey { hit: row.hit, query: Arc::clone(query) })
                    .or_default()
                    .push(row.matched_text);
            }
        }
        Ok(texts.into_iter().map(|(key, entries)| (key, Arc::new(entries))).collect())
    }
}

fn matched_texts_sql(query: &SearchTerms, hits: &[EntityRef]) -> Sql {
    let ids_of = |kind: EntityType| bigint_array(hits.iter().filter(|hit| hit.kind == kind).map(|hit| hit.id));
    let stems = |words: &str| {
        format!(
            "ARRAY(SELECT split_part(lexeme, '/', 1) FROM unnest(tsvector_to_array({words})) AS lexeme \
             WHERE lexeme LIKE '%/%' AND lexeme IN (SELECT unnest(stems) FROM asked)) AS stems"
        )
    };
    let mut sql = sql!(
        "WITH asked AS MATERIALIZED (SELECT stems(?, NULL) AS stems) SELECT * FROM (",
        text_array(query.distinct_terms()),
    );
    for kind in EntityType::ALL {
        let (index, column, stems) = (kind as usize, kind.reference_column(), stems("words"));
        let entries = format!(
            "SELECT {index}::bigint AS kind, {column} AS id, field, text, {stems}, weight FROM search_entry \
             WHERE {column} = ANY(?) AND field <> '{SEARCH_ONLY_FIELD}' UNION ALL "
        );
        sql = sql.then_with(&entries, ids_of(kind));
    }
    let abstracts = format!(
        "SELECT 3, paper.id, CASE text.key WHEN 'und' THEN 'abstract' ELSE 'abstract:' || text.key END, text.value, {}, 3 \
         FROM paper CROSS JOIN LATERAL jsonb_each_text(paper.abstract_text) AS text \
         JOIN search_abstract ON search_abstract.paper_id = paper.id AND search_abstract.language = text.key \
         WHERE paper.id = ANY(?)) AS entry ORDER BY weight, field",
        stems("search_abstract.words")
    );
    sql.then_with(&abstracts, ids_of(EntityType::Paper))
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
    let letters = crate::text::tokenizer::folded_letters(&query.text);
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

/// Loader key of a disambiguation hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SearchHintKey(pub EntityRef);

/// Text that distinguishes an entity from others of the same name.
#[derive(Clone, Debug, FromQueryResult)]
pub struct SearchHint {
    /// For a researcher, the current organization; for a topic, a broader topic.
    pub names: Option<LocalizedText>,
    /// For a researcher without organization, the latest paper; for an organization, the city; for a paper, the first
    /// author's displayed name.
    pub text: Option<String>,
    /// For an organization, the country; for a paper, the year.
    pub more: Option<String>,
    /// For a paper, the number of authors.
    pub author_count: i32,
}

struct SearchHintRow {
    hit: EntityRef,
    hint: SearchHint,
}

impl FromQueryResult for SearchHintRow {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self { hit: EntityRef::from_query_result(row, prefix)?, hint: SearchHint::from_query_result(row, prefix)? })
    }
}

const HINT_SQL: [&str; 4] = [
    "SELECT 0::bigint AS kind, asked.id, place.display_names AS names, latest.title AS text, NULL AS more, 0 AS author_count \
     FROM unnest(?::bigint[]) AS asked(id) LEFT JOIN LATERAL (SELECT organization.display_names FROM affiliation \
     JOIN organization ON organization.id = affiliation.organization_id WHERE affiliation.researcher_id = asked.id \
     AND affiliation.kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') \
     AND affiliation.starts_on <= CURRENT_DATE AND affiliation.ends_on >= CURRENT_DATE \
     ORDER BY affiliation.is_primary DESC, affiliation.kind, affiliation.starts_on DESC, affiliation.id LIMIT 1) AS place ON true \
     LEFT JOIN LATERAL (SELECT paper.title FROM authorship JOIN paper ON paper.id = authorship.paper_id \
     WHERE authorship.researcher_id = asked.id ORDER BY authorship.publication_key DESC, authorship.paper_id DESC LIMIT 1) \
     AS latest ON place.display_names IS NULL",
    "SELECT 1, id, NULL, city, country_code, 0 FROM organization WHERE id = ANY(?)",
    "SELECT 2, asked.id, above.display_names, NULL, NULL, 0 FROM unnest(?::bigint[]) AS asked(id) \
     JOIN LATERAL (SELECT topic.display_names FROM topic_broader JOIN topic ON topic.id = topic_broader.broader_id \
     WHERE topic_broader.topic_id = asked.id ORDER BY topic.id LIMIT 1) AS above ON true",
    concat!(
        "SELECT 3, paper.id, NULL, first.name, paper.publication_year::text, paper.author_count FROM paper \
         LEFT JOIN LATERAL (SELECT coalesce(resolved.display_name, authorship.name) AS name FROM (SELECT * FROM authorship \
         WHERE paper_id = paper.id ORDER BY list_order LIMIT 1) AS authorship",
        join_resolved_researcher!("authorship"),
        ") AS first ON true \
         WHERE paper.id = ANY(?)"
    ),
];

impl LoaderKey for SearchHintKey {
    const NAME: &'static str = "search::hints";
}

impl Loader<SearchHintKey> for Store {
    type Value = Arc<SearchHint>;

    async fn load(&self, keys: &[SearchHintKey]) -> Result<HashMap<SearchHintKey, Self::Value>, Error> {
        let mut sql = sql!("");
        for (kind, hints) in EntityType::ALL.into_iter().zip(HINT_SQL) {
            let of = bigint_array(keys.iter().filter(|key| key.0.kind == kind).map(|key| key.0.id));
            sql = sql.then(if kind == EntityType::Researcher { "" } else { " UNION ALL " }).then_with(hints, of);
        }
        let rows = self.query_all::<SearchHintRow>(SearchHintKey::NAME, sql).await?;
        Ok(rows.into_iter().map(|row| (SearchHintKey(row.hit), Arc::new(row.hint))).collect())
    }
}
