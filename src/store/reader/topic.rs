//! Topics: lists of them, what is narrower, and a person's.

use chrono::{DateTime, Utc};

use crate::entity::topic;
use crate::model::language::Languages;
use crate::store::Store;
use crate::store::access::column_projection::{Columns as _, columns};
use crate::store::access::sql_fragment::{Sql, texts};
use crate::store::reader::label_order;
use crate::store::reader::lookup::{is_one_of, survivors};
use crate::store::reader::page::{Key, KeyKind, List, OrderDirection, Parts, Plain, Source, nothing};
use crate::store::reader::search;
use crate::text::tokenizer::Query;

/// The ids that `roots` selects and, where asked, those of everything narrower. Cycles in the data end it.
pub(crate) fn or_narrower(roots: Sql, include_narrower: bool) -> Sql {
    if !include_narrower {
        return roots;
    }
    Sql::from("WITH RECURSIVE narrower(id) AS (").then(roots).then(
        " UNION SELECT topic_broader.topic_id FROM topic_broader \
             JOIN narrower ON narrower.id = topic_broader.broader_id) SELECT narrower.id FROM narrower",
    )
}

/// The ids of some topics and of everything narrower.
pub(crate) fn these_or_narrower(topics: &[i64]) -> Sql {
    or_narrower(survivors::<topic::Model>(topics), true)
}

/// Which topics; all conditions hold together, and an absent one is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TopicFilter {
    /// Any of these.
    pub ids: Option<Vec<i64>>,
    /// Of any of these vocabularies.
    pub schemes: Option<Vec<String>>,
    /// Anywhere below any of these.
    pub broader_ids: Option<Vec<i64>>,
    /// With a label that this finds.
    pub query: Option<Query>,
    /// Changed then or later.
    pub updated_since: Option<DateTime<Utc>>,
}

impl TopicFilter {
    fn conditions(&self) -> Vec<Sql> {
        let mut conditions = Vec::new();
        if let Some(numbers) = &self.ids {
            conditions.push(is_one_of::<topic::Model>("topic.id", numbers));
        }
        if let Some(schemes) = &self.schemes {
            conditions.push(Sql::with("topic.scheme = ANY(?)", texts(schemes.clone())));
        }
        if let Some(broader) = &self.broader_ids {
            let roots = Sql::from("SELECT topic_id FROM topic_broader WHERE ")
                .then(is_one_of::<topic::Model>("broader_id", broader));
            conditions.push(Sql::is_in("topic.id", or_narrower(roots, true)));
        }
        conditions.extend(self.query.as_ref().map(|query| search::is_found(search::Kind::Topic, query)));
        if let Some(since) = self.updated_since {
            conditions.push(Sql::with("topic.updated_at >= ?", since));
        }
        conditions
    }
}

/// By what topics are ordered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TopicOrder {
    /// As the list itself has them: a person's declared ones in their order, then by papers; a paper's in its order.
    Own,
    /// By the label in the best of these languages.
    Label(Languages),
    /// By the number of papers, as it was last counted; in a person's list, of that person's papers.
    PaperCount,
    /// By the number of people who declare it or have papers on it, as it was last counted.
    ResearcherCount,
    /// By the last change.
    UpdatedAt,
    /// By how well the filter's query matches.
    Relevance,
}

const STATISTICS: &str = " JOIN topic_statistics ON topic_statistics.topic_id = topic.id";

/// Which topics are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicScope {
    /// All.
    All,
    /// Those directly below the parent, a topic.
    Narrower,
    /// Those of the parent, a paper.
    Paper,
}

/// A list of topics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topics {
    /// Whose.
    pub scope: TopicScope,
    /// Which.
    pub filter: TopicFilter,
    /// By what.
    pub order: TopicOrder,
    /// Which way.
    pub direction: OrderDirection,
}

impl List for Topics {
    type Node = topic::Model;
    type Edge = Plain;

    fn is_quick(&self, _: usize) -> bool {
        self.scope == TopicScope::Paper && self.filter == TopicFilter::default()
    }

    fn source(&self, _: &Store) -> Source {
        let mut from = Sql::from("topic");
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
        let by = |key| vec![key, Key::new("topic.id", KeyKind::Integer)];
        // Both from one table, whose index has both.
        let counted = |count: &str| {
            vec![Key::new(count, KeyKind::Integer), Key::new("topic_statistics.topic_id", KeyKind::Integer)]
        };
        let keys = match (&self.order, self.scope) {
            (TopicOrder::Own, TopicScope::Paper) => by(Key::new("paper_topic.position", KeyKind::Integer)),
            (TopicOrder::Own, _) => vec![Key::new("topic.id", KeyKind::Integer)],
            (TopicOrder::Label(_), _) => vec![label_order::key(), label_order::id("topic")],
            (TopicOrder::PaperCount, _) => {
                from = from.then(STATISTICS);
                counted("topic_statistics.paper_count")
            }
            (TopicOrder::ResearcherCount, _) => {
                from = from.then(STATISTICS);
                counted("topic_statistics.researcher_count")
            }
            (TopicOrder::UpdatedAt, _) => by(Key::new("topic.updated_at", KeyKind::Timestamp)),
            (TopicOrder::Relevance, _) => {
                let query = self.filter.query.as_ref();
                from = from
                    .then(query.map_or_else(Sql::default, |query| search::by_relevance(search::Kind::Topic, query)));
                by(search::relevance())
            }
        };
        Source { node: "topic", edge: nothing, from, conditions, keys, direction: self.direction }
    }

    fn parts(&self) -> Option<Parts> {
        label_parts(&self.order)
    }
}

fn label_parts(order: &TopicOrder) -> Option<Parts> {
    match order {
        TopicOrder::Label(languages) => Some(label_order::parts("topic", "topic.id", languages)),
        TopicOrder::Own
        | TopicOrder::PaperCount
        | TopicOrder::ResearcherCount
        | TopicOrder::UpdatedAt
        | TopicOrder::Relevance => None,
    }
}

/// The topics of the parent, a researcher: those declared and those of the papers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResearcherTopics {
    /// By what.
    pub order: TopicOrder,
    /// Which way.
    pub direction: OrderDirection,
}

/// What ties a person to a topic.
#[derive(Clone, Debug)]
pub struct ResearcherTopicEdge {
    /// How many of the person's papers are on it.
    pub paper_count: i32,
    /// Whether the person declares it.
    pub is_declared: bool,
}

columns!(ResearcherTopicEdge { | paper_count, is_declared });

impl List for ResearcherTopics {
    type Node = topic::Model;
    type Edge = ResearcherTopicEdge;

    fn is_quick(&self, parents: usize) -> bool {
        // All topics of all of a person's papers are looked at.
        parents <= 50
    }

    fn source(&self, _: &Store) -> Source {
        let mut from = Sql::from(
            "(SELECT tie.topic_id, count(tie.paper_id)::integer AS paper_count, count(tie.position) > 0 AS is_declared, \
             min(tie.position) AS position \
             FROM (SELECT topic_id, NULL::bigint AS paper_id, position FROM researcher_topic WHERE researcher_id = parent.key \
             UNION ALL SELECT paper_topic.topic_id, paper_topic.paper_id, NULL FROM authorship \
             JOIN paper_topic ON paper_topic.paper_id = authorship.paper_id WHERE authorship.researcher_id = parent.key) AS tie \
             GROUP BY tie.topic_id) AS mine",
        );
        from = from.then(match &self.order {
            // One by one: they are few, and topics may be many.
            TopicOrder::Own | TopicOrder::Relevance | TopicOrder::PaperCount => {
                " CROSS JOIN LATERAL (SELECT * FROM topic WHERE topic.id = mine.topic_id OFFSET 0) AS topic"
            }
            TopicOrder::Label(_) | TopicOrder::ResearcherCount | TopicOrder::UpdatedAt => {
                " JOIN topic ON topic.id = mine.topic_id"
            }
        });
        let key = match &self.order {
            // Declared ones come before all others, which have larger ranks the fewer papers they have.
            // Nothing can be looked for in this list.
            TopicOrder::Own | TopicOrder::Relevance => {
                Key::new("coalesce(mine.position, 2000000000 - mine.paper_count)", KeyKind::Integer)
            }
            TopicOrder::Label(_) => label_order::key(),
            TopicOrder::PaperCount => Key::new("mine.paper_count", KeyKind::Integer),
            TopicOrder::ResearcherCount => {
                from = from.then(STATISTICS);
                Key::new("topic_statistics.researcher_count", KeyKind::Integer)
            }
            TopicOrder::UpdatedAt => Key::new("topic.updated_at", KeyKind::Timestamp),
        };
        Source {
            node: "topic",
            edge: |wanted| ResearcherTopicEdge::of("mine", wanted),
            from,
            conditions: Vec::new(),
            keys: vec![key, Key::new("topic.id", KeyKind::Integer)],
            direction: self.direction,
        }
    }

    fn parts(&self) -> Option<Parts> {
        label_parts(&self.order)
    }
}
