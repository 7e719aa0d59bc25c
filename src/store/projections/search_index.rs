//! What search finds things by: each name, title, label and abstract as words. Follows from the things themselves and
//! changes in the same transaction.

use std::collections::{BTreeMap, HashSet};

use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::model::language::LocalizedText;
use crate::model::record::{Name, NameKind};
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::reader::search::{Kind, SEARCH_ONLY};
use crate::store::unit_of_work::Batch;
use crate::text::tokenizer;

/// How entries are made now; entries made otherwise are made anew at the next start.
const VERSION: &str = "1";
/// So many things are read at once where all are made anew.
const CHUNK: i64 = 2_000;

/// What a batch changed, and what search has to follow.
#[derive(Default)]
pub(crate) struct Touched {
    /// Things whose names or texts may be others now.
    pub things: BTreeMap<Kind, HashSet<i64>>,
    /// People whose papers were counted again.
    pub counted: HashSet<i64>,
}

impl Touched {
    pub(crate) fn insert(&mut self, kind: Kind, ids: impl IntoIterator<Item = i64>) {
        self.things.entry(kind).or_default().extend(ids);
    }
}

/// A name or a title on its way into the index.
#[derive(Serialize)]
struct Entry {
    id: i64,
    field: String,
    text: String,
    letters: String,
    words: Vec<String>,
    language: Option<String>,
    word_count: usize,
    long_word_count: usize,
    weight: i16,
}

impl Entry {
    fn new(id: i64, field: &str, language: Option<&str>, text: &str, weight: i16) -> Self {
        let all = tokenizer::words(text);
        let is_long = |word: &&tokenizer::Word| word.joined().chars().nth(1).is_some();
        let field = language.map_or_else(|| field.to_owned(), |language| format!("{field}:{language}"));
        Self {
            id,
            field,
            letters: tokenizer::letters(text),
            words: tokenizer::index_words(text),
            language: language.map(ToOwned::to_owned),
            long_word_count: all.iter().filter(is_long).count().min(i16::MAX as usize),
            word_count: all.len().min(i16::MAX as usize),
            text: text.to_owned(),
            weight,
        }
    }
}

const ENTRY_COLUMNS: &str = "id bigint, field text, text text, letters text, words text[], language text, word_count smallint, \
     long_word_count smallint, weight smallint";

/// A paper's abstract in one language, on its way into the index.
#[derive(Serialize)]
struct Abstract {
    id: i64,
    language: String,
    words: Vec<String>,
}

/// A row of any kind with all that it is found by.
#[derive(FromQueryResult)]
struct Thing {
    id: i64,
    name: Option<String>,
    other_names: Option<Vec<String>>,
    search_only_names: Option<Vec<String>>,
    names: Option<Value>,
    display_names: Option<LocalizedText>,
    language: Option<String>,
    abstracts: Option<LocalizedText>,
}

impl Thing {
    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        if let Some(name) = &self.name {
            let field = if self.abstracts.is_some() { "title" } else { "name" };
            let mut entry = Entry::new(self.id, field, None, name, 0);
            entry.language.clone_from(&self.language);
            entries.push(entry);
        }
        for name in self.other_names.iter().flatten() {
            entries.push(Entry::new(self.id, "otherNames", None, name, 2));
        }
        for name in self.search_only_names.iter().flatten() {
            let text = self.name.clone().unwrap_or_default();
            entries.push(Entry { text, ..Entry::new(self.id, SEARCH_ONLY, None, name, 2) });
        }
        let names: Vec<Name> =
            self.names.as_ref().and_then(|names| serde_json::from_value(names.clone()).ok()).unwrap_or_default();
        for name in &names {
            let (field, weight) = match name.kind {
                NameKind::Display | NameKind::Label => ("label", 0),
                NameKind::Acronym => ("acronym", 1),
                NameKind::Alias => ("alias", 2),
            };
            entries.push(Entry::new(self.id, field, name.language.as_deref(), &name.value, weight));
        }
        let field = if self.name.is_some() { "title" } else { "label" };
        for (tag, text) in self.display_names.iter().flat_map(LocalizedText::iter) {
            entries.push(Entry::new(self.id, field, (tag != "und").then_some(tag), text, 0));
        }
        // The same letters in several languages are one entry, and one without any cannot be found.
        entries.sort_by_key(|entry| entry.weight);
        let mut seen = HashSet::new();
        entries.retain(|entry| {
            !entry.words.is_empty() && seen.insert((entry.letters.clone(), entry.text.clone(), entry.weight == 1))
        });
        entries
    }

    fn abstracts(&self) -> Vec<Abstract> {
        let title = self.name.as_deref().unwrap_or_default();
        let texts = self.abstracts.iter().flat_map(LocalizedText::iter);
        let of = |(tag, text): (&str, &str)| Abstract {
            id: self.id,
            language: tag.to_owned(),
            words: tokenizer::index_words(&format!("{title}\n{text}")),
        };
        texts.map(of).collect()
    }
}

/// What a kind is found by, as [`Thing`] has it, of the ids that the parameter lists; and how popular each is.
fn things_sql(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Researcher => (
            "SELECT id, display_name AS name, other_names, search_only_names, NULL::jsonb AS names, NULL::jsonb AS display_names, \
             NULL AS language, NULL::jsonb AS abstracts FROM researcher WHERE id = ANY(?)",
            "SELECT paper_count FROM researcher_statistics WHERE researcher_id = rows.id",
        ),
        Kind::Organization => (
            "SELECT id, NULL AS name, NULL::text[] AS other_names, NULL::text[] AS search_only_names, names, display_names, \
             NULL AS language, NULL::jsonb AS abstracts FROM organization WHERE id = ANY(?)",
            "SELECT researcher_count FROM organization_statistics WHERE organization_id = rows.id",
        ),
        Kind::Topic => (
            "SELECT id, NULL AS name, NULL::text[] AS other_names, NULL::text[] AS search_only_names, names, display_names, \
             NULL AS language, NULL::jsonb AS abstracts FROM topic WHERE id = ANY(?)",
            "SELECT paper_count FROM topic_statistics WHERE topic_id = rows.id",
        ),
        Kind::Paper => (
            "SELECT id, title AS name, NULL::text[] AS other_names, NULL::text[] AS search_only_names, NULL::jsonb AS names, \
             translated_titles AS display_names, language, abstract_text AS abstracts FROM paper WHERE id = ANY(?)",
            "SELECT coalesce(publication_year, 0) - 10000 FROM paper WHERE id = rows.id",
        ),
    }
}

impl Batch<'_> {
    /// Brings search in step with what the batch changed.
    pub(crate) async fn index_touched(&mut self) -> Result<(), Error> {
        let touched = std::mem::take(&mut self.touched);
        for (kind, things) in &touched.things {
            self.index(*kind, things.iter().copied().collect()).await?;
        }
        let no_papers = HashSet::new();
        let papers = touched.things.get(&Kind::Paper).unwrap_or(&no_papers);
        if papers.is_empty() && touched.counted.is_empty() {
            return Ok(());
        }
        let popularity = Sql::with(
            "UPDATE search_entry SET popularity = counted.paper_count FROM researcher_statistics AS counted \
             WHERE counted.researcher_id = search_entry.researcher_id AND counted.paper_count <> search_entry.popularity \
             AND search_entry.researcher_id IN (SELECT unnest(?::bigint[])",
            ids(touched.counted),
        )
        .then_with(
            " UNION SELECT researcher_id FROM authorship WHERE paper_id = ANY(?))",
            ids(papers.iter().copied()),
        );
        self.execute(popularity).await
    }

    /// Takes away the entries of things that go.
    pub(crate) async fn forget(&self, kind: Kind, things: Vec<i64>) -> Result<(), Error> {
        let sql = format!(
            "WITH old AS (DELETE FROM search_entry WHERE {} = ANY(?) RETURNING words), \
             gone AS (SELECT word, count(*) AS amount FROM old, unnest(tsvector_to_array(words)) AS word \
             WHERE word NOT LIKE '%/%' GROUP BY word) \
             UPDATE search_word SET entry_count = entry_count - gone.amount FROM gone WHERE search_word.word = gone.word",
            kind.column()
        );
        self.execute(Sql::with(&sql, ids(things))).await
    }

    /// Makes the entries of some things anew.
    async fn index(&self, kind: Kind, things: Vec<i64>) -> Result<(), Error> {
        let (select, popularity) = things_sql(kind);
        let column = kind.column();
        let found = self.rows::<Thing>(Sql::with(select, ids(things.iter().copied()))).await?;
        let entries: Vec<Entry> = found.iter().flat_map(Thing::entries).collect();
        // What was there and what is there now, in one statement, so that the vocabulary counts the difference.
        let replace = format!(
            ", old AS (DELETE FROM search_entry WHERE {column} = ANY(?) RETURNING words), \
             new AS (INSERT INTO search_entry ({column}, field, text, letters, words, word_count, long_word_count, weight, popularity) \
             SELECT rows.id, field, text, letters, array_to_tsvector(words || stems(words, coalesce(language, ''))), word_count, \
             long_word_count, weight, coalesce(({popularity}), 0) FROM rows) \
             INSERT INTO search_word AS known (word, entry_count) SELECT word, sum(amount) FROM ( \
             SELECT unnest(words) AS word, 1 AS amount FROM rows UNION ALL \
             SELECT unnest(tsvector_to_array(words)), -1 FROM old) AS changed WHERE word NOT LIKE '%/%' \
             GROUP BY word HAVING sum(amount) <> 0 ORDER BY word \
             ON CONFLICT (word) DO UPDATE SET entry_count = known.entry_count + EXCLUDED.entry_count"
        );
        let sql = crate::store::unit_of_work::rows_sql(ENTRY_COLUMNS, &entries)?
            .then_with(&replace, ids(things.iter().copied()));
        self.execute(sql).await?;
        if kind == Kind::Paper {
            let abstracts: Vec<Abstract> = found.iter().flat_map(Thing::abstracts).collect();
            let delete = "DELETE FROM search_abstract WHERE paper_id = ANY(?)";
            self.execute(Sql::with(delete, ids(things))).await?;
            let insert = format!(
                "INSERT INTO search_abstract (paper_id, language, words, popularity) \
                 SELECT rows.id, language, array_to_tsvector(words || stems(words, coalesce(language, ''))), ({popularity}) FROM rows"
            );
            self.with_rows("id bigint, language text, words text[]", &abstracts, &insert).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Makes all that search finds things by anew, if it was made in another way than it would be now. Tells whether it
    /// had to.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn keep_search_index(&self) -> Result<bool, Error> {
        #[derive(FromQueryResult)]
        struct Setting {
            value: String,
        }
        #[derive(FromQueryResult)]
        struct Found {
            id: i64,
        }
        let current = "SELECT value FROM setting WHERE name = 'search_version'";
        if self.row::<Setting>("search::version", current.into()).await?.is_some_and(|setting| setting.value == VERSION)
        {
            return Ok(false);
        }
        let transaction = self.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        transaction
            .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({})", crate::store::unit_of_work::WRITE_LOCK))
            .await?;
        transaction
            .execute_unprepared("DELETE FROM search_entry; DELETE FROM search_abstract; DELETE FROM search_word")
            .await?;
        let batch = Batch::new(&transaction, "", self.consortium_size, 0);
        for kind in Kind::ALL {
            let mut last = 0;
            loop {
                let sql = Sql::with(&format!("SELECT id FROM {} WHERE id > ? ORDER BY id ", kind.table()), last);
                let things: Vec<i64> =
                    batch.rows::<Found>(sql.then_with("LIMIT ?", CHUNK)).await?.into_iter().map(|row| row.id).collect();
                let Some(highest) = things.last() else { break };
                last = *highest;
                batch.index(kind, things).await?;
            }
        }
        let remember = "INSERT INTO setting (name, value) VALUES ('search_version', ?) \
             ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value";
        transaction.execute_raw(Sql::with(remember, VERSION).statement()).await?;
        self.commit(transaction).await?;
        Ok(true)
    }
}
