//! The texts through which a search found an entity.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{DbErr, FromQueryResult, QueryResult};

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::reader::search::EntityRef;
use crate::text::tokenizer::SearchTerms;

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
