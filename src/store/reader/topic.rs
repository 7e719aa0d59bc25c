//! Topic lists, filters and orders, and narrower topics.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::entity::topic;
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LanguagePreferences;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnProjection as _, column_projection};
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::reader::label_order;
use crate::store::reader::lookup::{is_any_of_ids, resolve_merged_ids};
use crate::store::reader::page::{
    List, ListSource, MergePartitions, NoEdge, SortDirection, SortKey, SortKeyType, no_edge_columns,
};
use crate::store::reader::search;
use crate::text::tokenizer::SearchTerms;

/// Returns a query for the ids that `roots` selects and, if requested, all narrower topics. Terminates on cycles in the
/// data.
pub(crate) fn with_narrower(roots: Sql, include_narrower: bool) -> Sql {
    if !include_narrower {
        return roots;
    }
    sql!("WITH RECURSIVE narrower(id) AS (").then(roots).then(
        " UNION SELECT topic_broader.topic_id FROM topic_broader \
         JOIN narrower ON narrower.id = topic_broader.broader_id) SELECT narrower.id FROM narrower",
    )
}

/// Returns a query for the ids of these topics and all narrower ones.
pub(crate) fn topics_with_narrower(topics: &[i64]) -> Sql {
    with_narrower(resolve_merged_ids::<topic::Model>(topics), true)
}

/// Returns the condition that a paper is on any of these topics.
pub(crate) fn has_topic_in(topics: Sql) -> Sql {
    sql!("paper.id IN (SELECT paper_topic.paper_id FROM paper_topic WHERE ")
        .then(Sql::in_subquery("paper_topic.topic_id", topics))
        .then(")")
}

/// Filter on topics. Conditions are combined with AND; `None` imposes no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TopicFilter {
    /// Topic is any of these.
    pub ids: Option<Vec<i64>>,
    /// Topic belongs to any of these vocabularies.
    pub schemes: Option<Vec<String>>,
    /// Topic is narrower than any of these, at any depth.
    pub broader_ids: Option<Vec<i64>>,
    /// A label of the topic matches this search.
    pub query: Option<SearchTerms>,
    /// Topic was updated at or after this time.
    pub updated_since: Option<DateTime<Utc>>,
}

impl TopicFilter {
    fn conditions(&self) -> Vec<Sql> {
        let mut conditions = Vec::new();
        if let Some(ids) = &self.ids {
            conditions.push(is_any_of_ids::<topic::Model>("topic.id", ids));
        }
        if let Some(schemes) = &self.schemes {
            conditions.push(topic::COLUMN.scheme.eq_any(schemes.clone()).into());
        }
        if let Some(broader) = &self.broader_ids {
            let roots = sql!("SELECT topic_id FROM topic_broader WHERE ")
                .then(is_any_of_ids::<topic::Model>("broader_id", broader));
            conditions.push(Sql::in_subquery("topic.id", with_narrower(roots, true)));
        }
        conditions.extend(self.query.as_ref().map(|query| search::matches_query(EntityType::Topic, query)));
        if let Some(since) = self.updated_since {
            conditions.push(topic::COLUMN.updated_at.gte(since).into());
        }
        conditions
    }
}

/// Sort fields of topics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TopicOrder {
    /// Natural order of the list. Of a researcher: declared topics in their order, then by number of papers. Of a
    /// paper: its own order.
    Own,
    /// Label in the best match of these languages.
    Label(LanguagePreferences),
    /// Number of papers, as last computed; in a researcher's list, of that researcher's papers.
    PaperCount,
    /// Number of researchers who declare it or have papers on it, as last computed.
    ResearcherCount,
    /// Time of the last update.
    UpdatedAt,
    /// Relevance to the filter's query.
    Relevance,
}

const STATISTICS_JOIN: &str = " JOIN topic_statistics ON topic_statistics.topic_id = topic.id";

/// Which topics are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicScope {
    /// All topics.
    All,
    /// Topics directly narrower than the parent, a topic.
    Narrower,
    /// Topics of the parent, a paper.
    Paper,
}

/// List of topics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topics {
    /// Which topics are listed.
    pub scope: TopicScope,
    /// Filter on the topics.
    pub filter: TopicFilter,
    /// Sort field.
    pub order: TopicOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

impl List for Topics {
    type Node = topic::Model;
    type Edge = NoEdge;
    const PAGE_QUERY: &'static str = "topics::page";
    const COUNT_QUERY: &'static str = "topics::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        None
    }

    fn is_batchable(&self, _: usize) -> bool {
        self.scope == TopicScope::Paper && self.filter == TopicFilter::default()
    }

    fn source(&self, _: &Store) -> ListSource {
        let mut from = sql!("topic");
        let mut conditions = self.filter.conditions();
        match self.scope {
            TopicScope::All => {}
            TopicScope::Narrower => {
                from = from.then(" JOIN topic_broader ON topic_broader.topic_id = topic.id");
                conditions.push("topic_broader.broader_id = parent.key".into());
            }
            TopicScope::Paper => {
                from = from.then(" JOIN paper_topic ON paper_topic.topic_id = topic.id");
                conditions.push("paper_topic.paper_id = parent.key".into());
            }
        }
        let keys_by = |key| vec![key, SortKey::new("topic.id", SortKeyType::Integer)];
        // Both keys come from one table, so that one index has both.
        let count_keys = |count: &str| {
            vec![
                SortKey::new(count, SortKeyType::Integer),
                SortKey::new("topic_statistics.topic_id", SortKeyType::Integer),
            ]
        };
        let keys = match (&self.order, self.scope) {
            (TopicOrder::Own, TopicScope::Paper) => keys_by(SortKey::new("paper_topic.position", SortKeyType::Integer)),
            (TopicOrder::Own, _) => vec![SortKey::new("topic.id", SortKeyType::Integer)],
            (TopicOrder::Label(_), _) => {
                vec![label_order::label_sort_key(), label_order::label_id_key(EntityType::Topic)]
            }
            (TopicOrder::PaperCount, _) => {
                from = from.then(STATISTICS_JOIN);
                count_keys("topic_statistics.paper_count")
            }
            (TopicOrder::ResearcherCount, _) => {
                from = from.then(STATISTICS_JOIN);
                count_keys("topic_statistics.researcher_count")
            }
            (TopicOrder::UpdatedAt, _) => keys_by(SortKey::new("topic.updated_at", SortKeyType::Timestamp)),
            (TopicOrder::Relevance, _) => {
                from = from.then(search::relevance_join(EntityType::Topic, self.filter.query.as_ref()));
                keys_by(search::relevance_key())
            }
        };
        ListSource {
            node_alias: "topic",
            edge_columns: no_edge_columns,
            from,
            conditions,
            sort_keys: keys,
            direction: self.direction,
        }
    }

    fn merge_partitions(&self) -> Option<MergePartitions> {
        label_order_partitions(&self.order)
    }
}

fn label_order_partitions(order: &TopicOrder) -> Option<MergePartitions> {
    match order {
        TopicOrder::Label(languages) => Some(label_order::label_partitions(EntityType::Topic, "topic.id", languages)),
        TopicOrder::Own
        | TopicOrder::PaperCount
        | TopicOrder::ResearcherCount
        | TopicOrder::UpdatedAt
        | TopicOrder::Relevance => None,
    }
}

/// List of the topics of the parent, a researcher: declared topics and topics of papers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResearcherTopics {
    /// Sort field.
    pub order: TopicOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

/// Edge between a researcher and a topic.
#[derive(Clone, Debug)]
pub struct ResearcherTopicEdge {
    /// Number of the researcher's papers on the topic.
    pub paper_count: i32,
    /// Whether the researcher declares the topic.
    pub is_declared: bool,
}

column_projection!(ResearcherTopicEdge { | paper_count, is_declared });

impl List for ResearcherTopics {
    type Node = topic::Model;
    type Edge = ResearcherTopicEdge;
    const PAGE_QUERY: &'static str = "researcher_topics::page";
    const COUNT_QUERY: &'static str = "researcher_topics::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        Some(EntityType::Researcher)
    }

    fn is_batchable(&self, parents: usize) -> bool {
        // Reads all topics of all papers of each researcher.
        parents <= 50
    }

    fn source(&self, _: &Store) -> ListSource {
        let mut from = sql!(
            "(SELECT tie.topic_id, count(tie.paper_id)::integer AS paper_count, \
             count(tie.position) > 0 AS is_declared, min(tie.position) AS position \
             FROM (SELECT topic_id, NULL::bigint AS paper_id, position FROM researcher_topic \
             WHERE researcher_id = parent.key UNION ALL SELECT paper_topic.topic_id, paper_topic.paper_id, NULL \
             FROM authorship JOIN paper_topic ON paper_topic.paper_id = authorship.paper_id \
             WHERE authorship.researcher_id = parent.key) AS tie GROUP BY tie.topic_id) AS mine"
        );
        from = from.then(match &self.order {
            // Looks up topics one by one: a researcher has few, the table may have many.
            TopicOrder::Own | TopicOrder::Relevance | TopicOrder::PaperCount => {
                " CROSS JOIN LATERAL (SELECT * FROM topic WHERE topic.id = mine.topic_id OFFSET 0) AS topic"
            }
            TopicOrder::Label(_) | TopicOrder::ResearcherCount | TopicOrder::UpdatedAt => {
                " JOIN topic ON topic.id = mine.topic_id"
            }
        });
        let key = match &self.order {
            // Declared topics sort first. Other topics get a larger rank the fewer papers they have.
            // Relevance does not apply: this list has no search.
            TopicOrder::Own | TopicOrder::Relevance => {
                SortKey::new("coalesce(mine.position, 2000000000 - mine.paper_count)", SortKeyType::Integer)
            }
            TopicOrder::Label(_) => label_order::label_sort_key(),
            TopicOrder::PaperCount => SortKey::new("mine.paper_count", SortKeyType::Integer),
            TopicOrder::ResearcherCount => {
                from = from.then(STATISTICS_JOIN);
                SortKey::new("topic_statistics.researcher_count", SortKeyType::Integer)
            }
            TopicOrder::UpdatedAt => SortKey::new("topic.updated_at", SortKeyType::Timestamp),
        };
        ListSource {
            node_alias: "topic",
            edge_columns: |selected| ResearcherTopicEdge::select_list("mine", selected),
            from,
            conditions: Vec::new(),
            sort_keys: vec![key, SortKey::new("topic.id", SortKeyType::Integer)],
            direction: self.direction,
        }
    }

    fn merge_partitions(&self) -> Option<MergePartitions> {
        label_order_partitions(&self.order)
    }
}

/// Loader key of the counts of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicStatisticsKey(pub i64);

/// The counts of a topic, as last computed.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct TopicStatistics {
    /// Row id of the topic.
    pub topic_id: i64,
    /// Researchers who declare the topic or a narrower one, or have papers on it.
    pub researcher_count: i32,
    /// Papers on the topic or a narrower one.
    pub paper_count: i32,
}

impl LoaderKey for TopicStatisticsKey {
    const NAME: &'static str = "topic::statistics";
}

impl Loader<TopicStatisticsKey> for Store {
    type Value = TopicStatistics;

    async fn load(&self, keys: &[TopicStatisticsKey]) -> Result<HashMap<TopicStatisticsKey, Self::Value>, Error> {
        let sql = sql!(
            "SELECT topic_id, researcher_count, paper_count FROM topic_statistics WHERE topic_id = ANY(?)",
            bigint_array(keys.iter().map(|key| key.0)),
        );
        let rows = self.query_all::<TopicStatistics>(TopicStatisticsKey::NAME, sql).await?;
        Ok(rows.into_iter().map(|row| (TopicStatisticsKey(row.topic_id), row)).collect())
    }
}
