//! Search: what a typed text finds, best first, and what it may be the beginning of.
//!
//! Names, titles and labels are looked up as folded words (`search_entry`), abstracts with them (`search_abstract`).
//! Only where fewer than [`ENOUGH`] things match as typed, or none matches a query of many words, are typos forgiven and is the last word taken for a beginning.

use std::any::type_name;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sea_orm::{DbErr, FromQueryResult, QueryResult};

use crate::error::Error;
use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::model::language::LocalizedText;
use crate::store::Store;
use crate::store::access::column_projection::{Columns, Places, Selected};
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::reader::authorship::joins_resolved;
use crate::store::reader::page::{Key, KeyKind, List, OrderDirection, Source, nothing};
use crate::text::tokenizer::Query;

/// What a search can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// People.
    Researcher,
    /// Organizations.
    Organization,
    /// Topics.
    Topic,
    /// Papers.
    Paper,
}

impl Kind {
    /// All of them, in the order in which they come where nothing else tells them apart.
    pub const ALL: [Self; 4] = [Self::Researcher, Self::Organization, Self::Topic, Self::Paper];

    /// The table.
    #[must_use]
    pub fn table(self) -> &'static str {
        match self {
            Self::Researcher => "researcher",
            Self::Organization => "organization",
            Self::Topic => "topic",
            Self::Paper => "paper",
        }
    }

    /// The column that refers to it.
    #[must_use]
    pub fn column(self) -> &'static str {
        match self {
            Self::Researcher => "researcher_id",
            Self::Organization => "organization_id",
            Self::Topic => "topic_id",
            Self::Paper => "paper_id",
        }
    }

    /// Its letter, as `search_kind` has it.
    fn letter(self) -> &'static str {
        match self {
            Self::Researcher => "r",
            Self::Organization => "o",
            Self::Topic => "t",
            Self::Paper => "p",
        }
    }

    /// The columns of the identifiers that somebody may paste, each with the canonical form where the text is one.
    #[must_use]
    pub fn identifiers(self, text: &str) -> Vec<(&'static str, String)> {
        let orcid = || text.parse::<Orcid>().ok().map(|id| ("orcid", id.to_string()));
        let ror = || text.parse::<Ror>().ok().map(|id| ("ror", id.to_string()));
        let doi = || text.parse::<Doi>().ok().map(|id| ("doi", id.to_string()));
        let arxiv = || text.parse::<ArxivId>().ok().map(|id| ("arxiv_id", id.to_string()));
        match self {
            Self::Researcher => orcid().into_iter().collect(),
            Self::Organization => ror().into_iter().collect(),
            Self::Topic => Vec::new(),
            Self::Paper => doi().into_iter().chain(arxiv()).collect(),
        }
    }
}

/// Where at least so many things match as typed, nothing is guessed.
const ENOUGH: i32 = 20;
/// Of a query of more words than this, nothing is guessed where anything at all matches: it is a title.
const FEW_WORDS: usize = 3;
/// A beginning that more names than this share is looked for among the best known.
const COMMON: i64 = 200;
/// The same of the least common of several: what it finds is checked for the others.
const COMMON_OF_SEVERAL: i64 = 3_000;
/// So many at most are read where typos of many words are forgiven.
const MOST_GUESSED: i64 = 3_000;

fn quoted(word: &str) -> String {
    // Words are letters and digits: there is nothing to escape.
    format!("'{word}'")
}

/// A text search query: all of the words, each in any of its forms.
fn all_words<'a>(words: impl Iterator<Item = &'a Vec<Vec<String>>>, lexeme: impl Fn(&str) -> String) -> String {
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

/// The word that may not be typed to its end.
fn unfinished(query: &Query) -> String {
    let forms = query.words.last().filter(|forms| forms.len() == 1);
    forms.and_then(|forms| forms.first()?.last().cloned()).unwrap_or_default()
}

fn kind_conditions(kinds: &[Kind], alias: &str) -> String {
    let conditions: Vec<String> = kinds.iter().map(|kind| format!("{alias}.{} IS NOT NULL", kind.column())).collect();
    match kinds.len() {
        0 => "false".to_owned(),
        4 => "true".to_owned(),
        _ => format!("({})", conditions.join(" OR ")),
    }
}

/// What matches a query: rows of `researcher_id`, `organization_id`, `topic_id`, `paper_id` (all but one null), `rank`
/// (smallest is best) and `popularity`; a thing may be there several times.
fn matches(query: &Query, kinds: &[Kind]) -> Sql {
    let nothing = "SELECT NULL::bigint AS researcher_id, NULL::bigint AS organization_id, NULL::bigint AS topic_id, \
         NULL::bigint AS paper_id, 0 AS rank, 0 AS popularity WHERE false";
    let mut strict = Sql::from(nothing).planned_for_values();
    for kind in kinds {
        for (column, value) in kind.identifiers(&query.text) {
            let ids = Kind::ALL.map(|other| if other == *kind { "id" } else { "NULL" }).join(", ");
            let owner = format!(" UNION ALL SELECT {ids}, -1, 0 FROM {} WHERE {column} = ?", kind.table());
            strict = strict.then_with(&owner, value.clone());
            if *kind == Kind::Researcher {
                let ids = ids.replace("id", kind.column());
                let owner = format!(
                    " UNION ALL SELECT {ids}, -1, 0 FROM external_id WHERE researcher_id IS NOT NULL \
                     AND scheme = '{column}' AND value = ?"
                );
                strict = strict.then_with(&owner, value);
            }
        }
    }
    if !query.has_words() {
        return strict;
    }
    // Initials are in too many names to look up: they are checked on what the other words find.
    let has_long = query.words.iter().any(|forms| !is_initial(forms));
    let long = query.words.iter().filter(|forms| !has_long || !is_initial(forms));
    let selective = all_words(long.clone(), quoted);
    let has_initials = has_long && query.words.iter().any(|forms| is_initial(forms));
    let initials = all_words(query.words.iter().filter(|forms| is_initial(forms)), |word| format!("'{word}':*"));
    let different: BTreeSet<String> = long.flatten().flatten().cloned().collect();
    let last = unfinished(query);
    let and_initials = |alias: &str| {
        if has_initials {
            Sql::with(&format!(" AND ts_match_vq({alias}.words, ?::text::tsquery)"), initials.clone())
        } else {
            Sql::from("")
        }
    };
    let (words, long_words) = (query.words.len(), query.words.iter().filter(|forms| !is_initial(forms)).count());
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    // How close what matches as typed is: the same text, the same letters, the same words in another order, the same
    // but for initials, the beginning, the words among others, their stems. Of names that are not people's, those with
    // the fewest other words come first.
    let letters = crate::text::tokenizer::letters(&query.text);
    let rank = Sql::with("CASE WHEN lower(entry.text) = ? THEN 0 ", query.text.to_lowercase())
        .then_with("WHEN entry.letters = ? THEN 1 ", letters.clone())
        .then_with("WHEN NOT ts_match_vq(entry.words, ?::text::tsquery) THEN 6 ", selective.clone())
        .then_with("WHEN entry.word_count <= ? THEN 2 ", count(words))
        .then_with("WHEN entry.long_word_count <= ?", count(if long_words > 1 { long_words } else { 0 }))
        .then_with(
            " THEN 3 WHEN entry.researcher_id IS NOT NULL OR starts_with(entry.letters, ?) THEN 4 ELSE 5 END * 100 ",
            letters,
        )
        .then("+ entry.weight * 10 + CASE WHEN entry.researcher_id IS NULL ")
        .then_with("THEN least(greatest(entry.long_word_count - ?, 0), 9) ELSE 0 END", count(long_words));
    let columns = "researcher_id, organization_id, topic_id, paper_id";
    let of_kinds = kind_conditions(kinds, "entry");
    strict = strict
        .then(format!(" UNION ALL SELECT {columns}, "))
        .then(rank)
        .then(", entry.popularity FROM search_entry AS entry WHERE entry.words @@ (SELECT query FROM typed) AND ")
        .then(of_kinds.clone())
        .then(and_initials("entry"));
    if kinds.contains(&Kind::Paper) {
        strict = strict
            .then(
                " UNION ALL SELECT NULL, NULL, NULL, paper_id, 700, abstract.popularity FROM search_abstract AS abstract \
                 WHERE abstract.words @@ (SELECT query FROM typed)",
            )
            .then(and_initials("abstract"));
    }
    Sql::with("WITH typed AS MATERIALIZED (SELECT with_stems(?::text::tsquery, ", selective.clone())
        .then_with("?) AS query), strict AS MATERIALIZED (", texts(different.clone()))
        .then(strict)
        .then_with("), guessed AS MATERIALIZED (SELECT (with_typos(?::text::tsquery, ", selective)
        .then_with("?, ", texts(different))
        .then_with("?)).*", last)
        .then_with(
            &format!(" WHERE (SELECT count(*) FROM (SELECT DISTINCT {columns} FROM strict LIMIT {ENOUGH}) AS found) < ?) "),
            if words > FEW_WORDS { 1 } else { ENOUGH },
        )
        .then(format!("SELECT {columns}, rank, popularity FROM strict UNION ALL SELECT {columns}, "))
        .then(
            "CASE WHEN ts_match_vq(entry.words, guessed.one) THEN 800 ELSE 900 END + entry.weight * 10, entry.popularity \
             FROM guessed CROSS JOIN search_entry AS entry WHERE entry.words @@ guessed.two AND ",
        )
        .then(of_kinds)
        .then(and_initials("entry"))
}

/// Joins how well each row matches, as `found.rank`.
pub(crate) fn by_relevance(kind: Kind, query: &Query) -> Sql {
    Sql::from(format!(" JOIN (SELECT {} AS id, min(rank) AS rank FROM (", kind.column()))
        .then(matches(query, &[kind]))
        .then(format!(") AS match GROUP BY 1) AS found ON found.id = {}.id", kind.table()))
}

/// The key of an order by relevance: the largest is the best.
pub(crate) fn relevance() -> Key {
    Key::new("(- found.rank)", KeyKind::Integer)
}

/// The condition that a row's id is of something that matches.
pub(crate) fn is_found(kind: Kind, query: &Query) -> Sql {
    Sql::from(format!("{}.id IN (SELECT {} FROM (", kind.table(), kind.column()))
        .then(matches(query, &[kind]))
        .then(") AS match)")
}

/// What a query finds among things of some kinds, best first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Search {
    /// What is looked for.
    pub query: Query,
    /// Among which kinds.
    pub kinds: Vec<Kind>,
}

/// Something found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hit {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: i64,
}

impl Columns for Hit {
    const NAMES: &'static [&'static str] = &[];

    fn of(table: &str, _: Selected) -> String {
        format!("{table}.kind, {table}.id")
    }

    fn read(places: &mut Places<'_>, _: Selected) -> Result<Self, DbErr> {
        Self::new(places.read()?, places.read()?)
    }
}

impl FromQueryResult for Hit {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Self::new(row.try_get(prefix, "kind")?, row.try_get(prefix, "id")?)
    }
}

impl Hit {
    fn new(number: i64, id: i64) -> Result<Self, DbErr> {
        let kind = usize::try_from(number).ok().and_then(|number| Kind::ALL.get(number));
        let kind = *kind.ok_or_else(|| DbErr::Type(format!("{number} is no kind of thing")))?;
        Ok(Self { kind, id })
    }
}

/// Of a row with a column for each kind: the place of its kind in [`Kind::ALL`], and its id.
const KIND_AND_ID: &str = "CASE WHEN researcher_id IS NOT NULL THEN 0 WHEN organization_id IS NOT NULL THEN 1 \
     WHEN topic_id IS NOT NULL THEN 2 ELSE 3 END::bigint AS kind, coalesce(researcher_id, organization_id, topic_id, paper_id) AS id";

impl List for Search {
    type Node = Hit;
    type Edge = crate::store::reader::page::Plain;

    fn source(&self, _: &Store) -> Source {
        let from = Sql::from(format!(
            "(SELECT {KIND_AND_ID}, min(rank)::bigint AS rank, max(popularity)::bigint AS popularity FROM ("
        ))
        .then(matches(&self.query, &self.kinds))
        .then(") AS match GROUP BY researcher_id, organization_id, topic_id, paper_id) AS hit");
        Source {
            node: "hit",
            edge: nothing,
            from,
            conditions: Vec::new(),
            keys: vec![
                Key::new("hit.rank", KeyKind::Integer),
                Key::new("(- hit.popularity)", KeyKind::Integer),
                Key::new("hit.kind", KeyKind::Integer),
                Key::new("hit.id", KeyKind::Integer),
            ],
            direction: OrderDirection::Ascending,
        }
    }
}

/// The field of names that find a person and are shown nowhere: in the place of their text stands the name that is shown.
pub(crate) const SEARCH_ONLY: &str = "searchOnlyNames";

/// Asks for the texts that something is found by, and that may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntriesOf {
    /// What was found.
    pub hit: Hit,
    /// By which query.
    pub query: Arc<Query>,
}

/// A text that something is found by.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Entry {
    /// What it is: `name`, `otherNames`, `label:fr`, `acronym`, `title`, `abstract:en`.
    pub field: String,
    /// The text.
    pub text: String,
    /// The stems that it shares with the query.
    pub stems: Vec<String>,
}

struct HitEntry {
    hit: Hit,
    entry: Entry,
}

impl FromQueryResult for HitEntry {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self { hit: Hit::from_query_result(row, prefix)?, entry: Entry::from_query_result(row, prefix)? })
    }
}

impl Loader<EntriesOf> for Store {
    type Value = Arc<Vec<Entry>>;

    async fn load(&self, keys: &[EntriesOf]) -> Result<HashMap<EntriesOf, Self::Value>, Error> {
        let mut hits: HashMap<&Arc<Query>, Vec<Hit>> = HashMap::new();
        for key in keys {
            hits.entry(&key.query).or_default().push(key.hit);
        }
        let mut found: HashMap<EntriesOf, Vec<Entry>> = HashMap::new();
        for (query, hits) in hits {
            for row in self.rows::<HitEntry>(type_name::<EntriesOf>(), entries_sql(query, &hits)).await? {
                found.entry(EntriesOf { hit: row.hit, query: Arc::clone(query) }).or_default().push(row.entry);
            }
        }
        Ok(found.into_iter().map(|(key, entries)| (key, Arc::new(entries))).collect())
    }
}

fn entries_sql(query: &Query, hits: &[Hit]) -> Sql {
    let of = |kind: Kind| ids(hits.iter().filter(|hit| hit.kind == kind).map(|hit| hit.id));
    let stems = |words: &str| {
        format!(
            "ARRAY(SELECT split_part(lexeme, '/', 1) FROM unnest(tsvector_to_array({words})) AS lexeme \
             WHERE lexeme LIKE '%/%' AND lexeme IN (SELECT unnest(stems) FROM asked)) AS stems"
        )
    };
    let mut sql = Sql::with(
        "WITH asked AS MATERIALIZED (SELECT stems(?, NULL) AS stems) SELECT * FROM (",
        texts(query.different_words()),
    );
    for kind in Kind::ALL {
        let (number, column, stems) = (kind as usize, kind.column(), stems("words"));
        let entries = format!(
            "SELECT {number}::bigint AS kind, {column} AS id, field, text, {stems}, weight FROM search_entry \
             WHERE {column} = ANY(?) AND field <> '{SEARCH_ONLY}' UNION ALL "
        );
        sql = sql.then_with(&entries, of(kind));
    }
    let abstracts = format!(
        "SELECT 3, paper.id, CASE text.key WHEN 'und' THEN 'abstract' ELSE 'abstract:' || text.key END, text.value, {}, 3 \
         FROM paper CROSS JOIN LATERAL jsonb_each_text(paper.abstract_text) AS text \
         JOIN search_abstract ON search_abstract.paper_id = paper.id AND search_abstract.language = text.key \
         WHERE paper.id = ANY(?)) AS entry ORDER BY weight, field",
        stems("search_abstract.words")
    );
    sql.then_with(&abstracts, of(Kind::Paper))
}

/// What a typed text may be the beginning of.
#[derive(Clone, Debug)]
pub struct Suggested {
    /// What it is.
    pub hit: Hit,
    /// The name that begins so; where that is not to be shown, the one that is.
    pub text: String,
    /// Whether that is the name that is shown, not another one.
    pub is_shown_name: bool,
}

impl FromQueryResult for Suggested {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self {
            hit: Hit::from_query_result(row, prefix)?,
            text: row.try_get(prefix, "text")?,
            is_shown_name: row.try_get::<i16>(prefix, "weight")? == 0,
        })
    }
}

impl Store {
    /// The things whose names have words that begin with each word of a query, best known first.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn suggestions(&self, query: &Query, kinds: &[Kind], most: i64) -> Result<Vec<Suggested>, Error> {
        if !query.has_words() || kinds.is_empty() {
            return Ok(Vec::new());
        }
        self.rows("search::suggestions", suggestions_sql(query, kinds, most)).await
    }
}

fn suggestions_sql(query: &Query, kinds: &[Kind], most: i64) -> Sql {
    let begins = |word: &str| format!("'{word}':*");
    let all = all_words(query.words.iter(), begins);
    let whole = all_words(query.words.iter(), quoted);
    // The word that fewest names have is looked up, the others are checked on what it finds. A word of several forms is
    // as common as its forms together, a form as its longest part.
    let (mut numbers, mut lexemes, mut queries) = (Vec::new(), Vec::new(), Vec::new());
    for (number, forms) in (0_i64..).zip(&query.words) {
        for longest in forms.iter().filter_map(|form| form.iter().max_by_key(|word| word.len())) {
            numbers.push(number);
            lexemes.push(longest.clone());
            queries.push(all_words(std::iter::once(forms), begins));
        }
    }
    let letters = crate::text::tokenizer::letters(&query.text);
    let columns = "researcher_id, organization_id, topic_id, paper_id";
    let entry = format!(
        "{}, entry.text, entry.letters, entry.words, entry.weight, entry.popularity",
        columns.split(", ").map(|column| format!("entry.{column}")).collect::<Vec<_>>().join(", ")
    );
    let of_kinds = kind_conditions(kinds, "entry");
    let is_of_several = query.words.len() > 1 || query.words.iter().flatten().any(|form| form.len() > 1);
    let common = if is_of_several { COMMON_OF_SEVERAL } else { COMMON };
    // Who types several words of a title types those that it begins with.
    let title = (is_of_several && kinds.contains(&Kind::Paper)).then(|| letters.clone());
    let best_known = |title: Option<String>, words: Sql, passes: Sql| {
        Sql::with("best_known(?, ", letters.clone())
            .then_with("?::text::tsquery, ", whole.clone())
            .then_with("?, ", title)
            .then(words)
            .then(", ")
            .then(passes)
            .then_with(", ?, ", texts(kinds.iter().map(|kind| kind.letter())))
            .then_with("?) AS entry ", most)
    };
    let every = Sql::with("?::text::tsquery", all.clone());
    // Nothing begins so: perhaps a typo.
    let different: Vec<String> = query.different_words().into_iter().map(ToOwned::to_owned).collect();
    let near = if query.words.len() > FEW_WORDS {
        Sql::from(format!("search_entry AS entry WHERE entry.words @@ guessed.two AND {of_kinds} "))
            .then_with("LIMIT ?", MOST_GUESSED)
    } else {
        Sql::from("LATERAL ").then(best_known(None, "guessed.two".into(), "guessed.two".into()))
    };
    Sql::with(
        "WITH typed AS MATERIALIZED (SELECT typed.query, sum(coalesce(known.amount, 0)) AS amount FROM unnest(?::bigint[], ",
        ids(numbers),
    )
    .then_with("?::text[], ", texts(lexemes))
    .then_with(
        // Each word counts for one name at least: so many words are enough to tell that a beginning is common.
        "?::text[]) AS typed(number, word, query) CROSS JOIN LATERAL (SELECT sum(entry_count) AS amount FROM \
         (SELECT entry_count FROM search_word WHERE search_word.word >= typed.word \
         AND search_word.word < typed.word || U&'\\+10FFFF' AND entry_count > 0 ",
        texts(queries),
    )
    .then_with("LIMIT ?) AS counted) AS known GROUP BY typed.number, typed.query ORDER BY amount LIMIT 2), ", common + 1)
    .then("rarest AS MATERIALIZED (SELECT query::tsquery, amount FROM typed ORDER BY amount LIMIT 1), ")
    .then("begun AS MATERIALIZED (")
    .then(format!("SELECT {entry} FROM search_entry AS entry WHERE entry.words @@ (SELECT query FROM rarest) AND {of_kinds} "))
    .then_with("AND (SELECT amount FROM rarest) <= ? ", common)
    .then_with("AND ts_match_vq(entry.words, ?::text::tsquery) ", all)
    .then(format!("UNION ALL SELECT {entry} FROM "))
    // Two words are looked for, the others checked: many common ones would each be read as a whole.
    .then(best_known(title, "(SELECT string_agg(query, ' & ')::tsquery FROM typed)".into(), every))
    .then_with("WHERE (SELECT amount FROM rarest) > ?), ", common)
    .then_with("guessed AS MATERIALIZED (SELECT (with_typos(?::text::tsquery, ", whole.clone())
    .then_with("?, ", texts(different))
    .then_with("?)).* WHERE NOT EXISTS (SELECT FROM begun)), ", unfinished(query))
    .then(format!("near AS (SELECT {entry} FROM guessed CROSS JOIN ")).then(near).then("), ")
    .then("ranked AS (SELECT *, CASE WHEN letters = ")
    .then_with("? THEN 0 WHEN starts_with(letters, ", letters.clone())
    .then_with("?) OR ts_match_vq(words, ", letters)
    .then_with("?::text::tsquery) THEN 1 ELSE 2 END * 10 + weight AS rank FROM (SELECT * FROM begun UNION ALL SELECT * FROM near) AS entry), ", whole)
    .then(format!("best AS (SELECT DISTINCT ON ({columns}) * FROM ranked ORDER BY {columns}, rank) "))
    .then(format!("SELECT {KIND_AND_ID}, text, weight FROM best ORDER BY rank, popularity DESC, 1, 2 "))
    .then_with("LIMIT ?", most)
    .planned_for_values()
}

/// Asks for what tells something from its namesakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HintOf(pub Hit);

/// What tells something from its namesakes.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Hint {
    /// Of a person the organization, of a topic the one above.
    pub names: Option<LocalizedText>,
    /// Of a person without organization the latest paper, of an organization the city, of a paper the first author as shown.
    pub text: Option<String>,
    /// Of an organization the country, of a paper the year.
    pub more: Option<String>,
    /// Of a paper the number of authors.
    pub author_count: i32,
}

struct HitHint {
    hit: Hit,
    hint: Hint,
}

impl FromQueryResult for HitHint {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self { hit: Hit::from_query_result(row, prefix)?, hint: Hint::from_query_result(row, prefix)? })
    }
}

const HINTS: [&str; 4] = [
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
        joins_resolved!("authorship"),
        ") AS first ON true \
         WHERE paper.id = ANY(?)"
    ),
];

impl Loader<HintOf> for Store {
    type Value = Arc<Hint>;

    async fn load(&self, keys: &[HintOf]) -> Result<HashMap<HintOf, Self::Value>, Error> {
        let mut sql = Sql::from("");
        for (kind, hints) in Kind::ALL.into_iter().zip(HINTS) {
            let of = ids(keys.iter().filter(|key| key.0.kind == kind).map(|key| key.0.id));
            sql = sql.then(if kind == Kind::Researcher { "" } else { " UNION ALL " }).then_with(hints, of);
        }
        let rows = self.rows::<HitHint>(type_name::<HintOf>(), sql).await?;
        Ok(rows.into_iter().map(|row| (HintOf(row.hit), Arc::new(row.hint))).collect())
    }
}
