//! The search index: the words of each name, title, label and abstract.

use std::collections::HashSet;

use sea_orm::FromQueryResult;
use serde_json::Value;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::model::record::{NameKind, NameRecord};
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::projections::{Rebuild, RebuildPosition};
use crate::store::reader::search::SEARCH_ONLY_FIELD;
use crate::store::unit_of_work::json_rows::{json_row, rows_cte};
use crate::store::unit_of_work::{Projection, ProjectionEvent, ProjectionFuture, UnitOfWork};
use crate::text::tokenizer;

/// Version of the rules; an index made by other rules is rebuilt at the next start.
const SEARCH_INDEX_VERSION: &str = "1";

json_row! {
    /// A row of `search_entry`: a name, title or label.
    struct SearchEntryRow {
        id: i64,
        field: String,
        text: String,
        letters: String,
        words: Vec<String>,
        language: Option<String>,
        word_count: i16,
        long_word_count: i16,
        weight: i16,
    }
}

impl SearchEntryRow {
    fn new(id: i64, field: &str, language: Option<&str>, text: &str, weight: i16) -> Self {
        let all = tokenizer::tokenize(text);
        let is_long = |word: &&tokenizer::Word| word.joined().chars().nth(1).is_some();
        let field = language.map_or_else(|| field.to_owned(), |language| format!("{field}:{language}"));
        Self {
            id,
            field,
            letters: tokenizer::folded_letters(text),
            words: tokenizer::index_terms(text),
            language: language.map(ToOwned::to_owned),
            long_word_count: i16::try_from(all.iter().filter(is_long).count()).unwrap_or(i16::MAX),
            word_count: i16::try_from(all.len()).unwrap_or(i16::MAX),
            text: text.to_owned(),
            weight,
        }
    }
}

json_row! {
    /// A row of `search_abstract`: an abstract in one language.
    struct SearchAbstractRow {
        id: i64,
        language: String,
        words: Vec<String>,
    }
}

/// An entity of any type, with the texts that are indexed.
#[derive(FromQueryResult)]
struct IndexedEntity {
    id: i64,
    name: Option<String>,
    other_names: Option<Vec<String>>,
    search_only_names: Option<Vec<String>>,
    names: Option<Value>,
    display_names: Option<LocalizedText>,
    language: Option<String>,
    abstracts: Option<LocalizedText>,
}

impl IndexedEntity {
    fn search_entries(&self) -> Vec<SearchEntryRow> {
        let mut entries = Vec::new();
        if let Some(name) = &self.name {
            let field = if self.abstracts.is_some() { "title" } else { "name" };
            let mut entry = SearchEntryRow::new(self.id, field, None, name, 0);
            entry.language.clone_from(&self.language);
            entries.push(entry);
        }
        for name in self.other_names.iter().flatten() {
            entries.push(SearchEntryRow::new(self.id, "otherNames", None, name, 2));
        }
        for name in self.search_only_names.iter().flatten() {
            let text = self.name.clone().unwrap_or_default();
            entries.push(SearchEntryRow { text, ..SearchEntryRow::new(self.id, SEARCH_ONLY_FIELD, None, name, 2) });
        }
        let names: Vec<NameRecord> =
            self.names.as_ref().and_then(|names| serde_json::from_value(names.clone()).ok()).unwrap_or_default();
        for name in &names {
            let (field, weight) = match name.kind {
                NameKind::Display | NameKind::Label => ("label", 0),
                NameKind::Acronym => ("acronym", 1),
                NameKind::Alias => ("alias", 2),
            };
            entries.push(SearchEntryRow::new(self.id, field, name.language.as_deref(), &name.value, weight));
        }
        let field = if self.name.is_some() { "title" } else { "label" };
        for (tag, text) in self.display_names.iter().flat_map(LocalizedText::iter) {
            entries.push(SearchEntryRow::new(self.id, field, (tag != "und").then_some(tag), text, 0));
        }
        // A text that is the same in several languages is one entry; one without words cannot be found.
        entries.sort_by_key(|entry| entry.weight);
        let mut seen = HashSet::new();
        entries.retain(|entry| {
            !entry.words.is_empty() && seen.insert((entry.letters.clone(), entry.text.clone(), entry.weight == 1))
        });
        entries
    }

    fn search_abstracts(&self) -> Vec<SearchAbstractRow> {
        let title = self.name.as_deref().unwrap_or_default();
        let texts = self.abstracts.iter().flat_map(LocalizedText::iter);
        let of = |(tag, text): (&str, &str)| SearchAbstractRow {
            id: self.id,
            language: tag.to_owned(),
            words: tokenizer::index_terms(&format!("{title}\n{text}")),
        };
        texts.map(of).collect()
    }
}

/// The query for the [`IndexedEntity`] rows of a type, by ids, and the expression of their popularity.
fn indexed_entities_sql(kind: EntityType) -> (&'static str, &'static str) {
    match kind {
        EntityType::Researcher => (
            "SELECT id, display_name AS name, other_names, search_only_names, NULL::jsonb AS names, NULL::jsonb AS display_names, \
             NULL AS language, NULL::jsonb AS abstracts FROM researcher WHERE id = ANY(?)",
            "SELECT paper_count FROM researcher_statistics WHERE researcher_id = rows.id",
        ),
        EntityType::Organization => (
            "SELECT id, NULL AS name, NULL::text[] AS other_names, NULL::text[] AS search_only_names, names, display_names, \
             NULL AS language, NULL::jsonb AS abstracts FROM organization WHERE id = ANY(?)",
            "SELECT researcher_count FROM organization_statistics WHERE organization_id = rows.id",
        ),
        EntityType::Topic => (
            "SELECT id, NULL AS name, NULL::text[] AS other_names, NULL::text[] AS search_only_names, names, display_names, \
             NULL AS language, NULL::jsonb AS abstracts FROM topic WHERE id = ANY(?)",
            "SELECT paper_count FROM topic_statistics WHERE topic_id = rows.id",
        ),
        EntityType::Paper => (
            "SELECT id, title AS name, NULL::text[] AS other_names, NULL::text[] AS search_only_names, NULL::jsonb AS names, \
             translated_titles AS display_names, language, abstract_text AS abstracts FROM paper WHERE id = ANY(?)",
            "SELECT coalesce(publication_year, 0) - 10000 FROM paper WHERE id = rows.id",
        ),
    }
}

/// `search_entry`, `search_abstract` and their vocabulary `search_word`.
#[derive(Debug)]
pub(crate) struct SearchIndex;

impl Projection for SearchIndex {
    fn on_event<'u>(&'u self, uow: &'u mut UnitOfWork<'_>, event: ProjectionEvent<'u>) -> ProjectionFuture<'u> {
        Box::pin(async move {
            match event {
                ProjectionEvent::AuthorsChanged { researchers, .. } => {
                    uow.dirty.recounted_researchers.extend(researchers);
                    Ok(())
                }
                ProjectionEvent::EntitiesRemoved { kind, ids } => remove_search_entries(uow, kind, ids).await,
                _ => Ok(()),
            }
        })
    }

    fn refresh<'u>(&'u self, uow: &'u mut UnitOfWork<'_>) -> ProjectionFuture<'u> {
        Box::pin(reindex_dirty(uow))
    }
}

impl Rebuild for SearchIndex {
    const SETTING: &'static str = "search_version";
    const STEP: [i64; 3] = [500, 20, 2_000];

    fn version(_: &Store) -> String {
        SEARCH_INDEX_VERSION.to_owned()
    }

    /// The entries of the next entities; the tables are numbered as in [`EntityType::ALL`].
    async fn rebuild_step(
        uow: &mut UnitOfWork<'_>,
        after: RebuildPosition,
        max_rows: i64,
    ) -> Result<Option<RebuildPosition>, Error> {
        let mut position = after;
        while let Some(kind) = EntityType::ALL.get(position.table) {
            let sql = Sql::with(&format!("SELECT id FROM {} WHERE id > ? ORDER BY id ", kind.table()), position.id);
            let entities: Vec<i64> = uow.tuples(sql.then(sql!("LIMIT ?", max_rows))).await?;
            if let Some(last) = entities.last().copied() {
                reindex(uow, *kind, entities).await?;
                return Ok(Some(RebuildPosition { id: last, ..position }));
            }
            position = RebuildPosition { table: position.table + 1, id: 0 };
        }
        uow.execute("DELETE FROM search_word WHERE entry_count <= 0".into()).await?;
        Ok(None)
    }
}

/// Indexes the dirty entities again, and ranks the researchers whose papers were counted again.
async fn reindex_dirty(uow: &mut UnitOfWork<'_>) -> Result<(), Error> {
    let entities = std::mem::take(&mut uow.dirty.entities);
    let recounted = std::mem::take(&mut uow.dirty.recounted_researchers);
    for (kind, ids) in &entities {
        reindex(uow, *kind, ids.iter().copied().collect()).await?;
    }
    let no_papers = HashSet::new();
    let papers = entities.get(&EntityType::Paper).unwrap_or(&no_papers);
    if papers.is_empty() && recounted.is_empty() {
        return Ok(());
    }
    let popularity = sql!(
        "UPDATE search_entry SET popularity = counted.paper_count FROM researcher_statistics AS counted \
         WHERE counted.researcher_id = search_entry.researcher_id AND counted.paper_count <> search_entry.popularity \
         AND search_entry.researcher_id IN (SELECT unnest(?::bigint[]) UNION SELECT researcher_id FROM authorship \
         WHERE paper_id = ANY(?))",
        bigint_array(recounted),
        bigint_array(papers.iter().copied()),
    );
    uow.execute(popularity).await
}

/// Deletes the entries of entities, and subtracts their words from the vocabulary.
async fn remove_search_entries(uow: &UnitOfWork<'_>, kind: EntityType, entities: &[i64]) -> Result<(), Error> {
    let sql = format!(
        "WITH old AS (DELETE FROM search_entry WHERE {} = ANY(?) RETURNING words), \
         gone AS (SELECT word, count(*) AS amount FROM old, unnest(tsvector_to_array(words)) AS word \
         WHERE word NOT LIKE '%/%' GROUP BY word) \
         UPDATE search_word SET entry_count = entry_count - gone.amount FROM gone WHERE search_word.word = gone.word",
        kind.reference_column()
    );
    uow.execute(Sql::with(&sql, bigint_array(entities.iter().copied()))).await
}

/// Replaces the entries of entities.
async fn reindex(uow: &UnitOfWork<'_>, kind: EntityType, entities: Vec<i64>) -> Result<(), Error> {
    let (select, popularity) = indexed_entities_sql(kind);
    let column = kind.reference_column();
    let found = uow.rows::<IndexedEntity>(Sql::with(select, bigint_array(entities.iter().copied()))).await?;
    let entries: Vec<SearchEntryRow> = found.iter().flat_map(IndexedEntity::search_entries).collect();
    // One statement deletes and inserts, so that the vocabulary is updated by the difference.
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
    let sql = rows_cte(&entries)?.then_with(&replace, bigint_array(entities.iter().copied()));
    uow.execute(sql).await?;
    if kind == EntityType::Paper {
        let abstracts: Vec<SearchAbstractRow> = found.iter().flat_map(IndexedEntity::search_abstracts).collect();
        uow.execute(sql!("DELETE FROM search_abstract WHERE paper_id = ANY(?)", bigint_array(entities))).await?;
        let insert = format!(
            "INSERT INTO search_abstract (paper_id, language, words, popularity) \
             SELECT rows.id, language, array_to_tsvector(words || stems(words, coalesce(language, ''))), ({popularity}) FROM rows"
        );
        uow.execute_with_rows(&abstracts, &insert).await?;
    }
    Ok(())
}

impl Store {
    /// Rebuilds the search index if it was made by another version of its rules. Returns whether it did.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn rebuild_search_index_if_stale(&self) -> Result<bool, Error> {
        self.rebuild_if_stale::<SearchIndex>().await
    }
}
