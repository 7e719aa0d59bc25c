//! Texts that distinguish entities of the same name in suggestions.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{DbErr, FromQueryResult, QueryResult};

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::reader::authorship::join_resolved_researcher;
use crate::store::reader::search::EntityRef;

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
