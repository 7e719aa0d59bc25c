//! Researchers: lists of them, and what is counted of each.

use std::any::type_name;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::entity::researcher;
use crate::error::Error;
use crate::store::access::column_projection::{Columns as _, Selected, columns};
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::reader::affiliation::AffiliationFilter;
use crate::store::reader::lookup::is_one_of;
use crate::store::reader::organization;
use crate::store::reader::page::{Key, KeyKind, List, OrderDirection, Plain, Source, nothing};
use crate::store::reader::search;
use crate::store::reader::topic::{or_narrower, these_or_narrower};
use crate::store::{Keyed, Store, grouped, placed};
use crate::text::tokenizer::Query;

/// Which people; all conditions hold together, and an absent one is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResearcherFilter {
    /// Any of these.
    pub ids: Option<Vec<i64>>,
    /// With any of these ORCID iDs.
    pub orcids: Option<Vec<String>>,
    /// With an affiliation that passes all of this.
    pub affiliation: Option<AffiliationFilter>,
    /// Who declare, or have papers on, any of these topics or narrower ones.
    pub topic_ids: Option<Vec<i64>>,
    /// With or without an ORCID iD.
    pub has_orcid: Option<bool>,
    /// With or without papers.
    pub has_papers: Option<bool>,
    /// With a name that this finds.
    pub query: Option<Query>,
    /// Changed then or later.
    pub updated_since: Option<DateTime<Utc>>,
    /// Who pass each of these.
    pub and: Option<Vec<ResearcherFilter>>,
    /// Who pass any of these.
    pub or: Option<Vec<ResearcherFilter>>,
    /// Who do not pass this.
    pub not: Option<Box<ResearcherFilter>>,
}

impl ResearcherFilter {
    fn conditions(&self) -> Vec<Sql> {
        let mut conditions = Vec::new();
        if let Some(numbers) = &self.ids {
            conditions.push(is_one_of::<researcher::Model>("researcher.id", numbers));
        }
        if let Some(orcids) = &self.orcids {
            let own = Sql::with("SELECT id FROM researcher WHERE orcid = ANY(?)", texts(orcids.clone()));
            let former = "SELECT researcher_id FROM external_id WHERE researcher_id IS NOT NULL AND scheme = 'orcid' \
                 AND value = ANY(?)";
            let owners = own.then(" UNION ALL ").then_with(former, texts(orcids.clone()));
            conditions.push(Sql::is_in("researcher.id", owners));
        }
        if let Some(affiliation) = &self.affiliation {
            conditions.push(Sql::from("researcher.id IN (").then(affiliation.people()).then(")"));
        }
        if let Some(topics) = &self.topic_ids {
            conditions.push(
                Sql::from("researcher.id IN (SELECT researcher_topic.researcher_id FROM researcher_topic WHERE ")
                    .then(Sql::is_in("topic_id", these_or_narrower(topics)))
                    .then(
                        " UNION SELECT authorship.researcher_id FROM paper_topic \
                         JOIN authorship ON authorship.paper_id = paper_topic.paper_id WHERE ",
                    )
                    .then(Sql::is_in("paper_topic.topic_id", these_or_narrower(topics)))
                    .then(")"),
            );
        }
        match self.has_orcid {
            Some(true) => conditions.push("researcher.orcid IS NOT NULL".into()),
            Some(false) => conditions.push("researcher.orcid IS NULL".into()),
            None => {}
        }
        match self.has_papers {
            Some(true) => conditions.push("researcher_statistics.paper_count > 0".into()),
            Some(false) => conditions.push("researcher_statistics.paper_count = 0".into()),
            None => {}
        }
        conditions.extend(self.query.as_ref().map(|query| search::is_found(search::Kind::Researcher, query)));
        if let Some(since) = self.updated_since {
            conditions.push(Sql::with("researcher.updated_at >= ?", since));
        }
        conditions.extend(self.and.iter().flatten().map(Self::condition));
        conditions.extend(self.or.as_ref().map(|filters| Sql::any(filters.iter().map(Self::condition))));
        conditions.extend(self.not.as_ref().map(|filter| Sql::not(filter.condition())));
        conditions
    }

    fn condition(&self) -> Sql {
        Sql::all(self.conditions())
    }

    /// Whether a condition is about what is counted of a person.
    fn looks_at_counts(&self) -> bool {
        let mut others = self.and.iter().chain(&self.or).flatten().chain(self.not.as_deref());
        self.has_papers.is_some() || others.any(Self::looks_at_counts)
    }
}

/// By what people are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResearcherOrder {
    /// By name, family name first.
    Name,
    /// By the number of papers; in a topic's list, of papers on the topic.
    PaperCount,
    /// By the year of the last paper; nobody's year is the earliest.
    LastPublicationYear,
    /// By the last change.
    UpdatedAt,
    /// By how well the filter's query matches.
    Relevance,
}

const STATISTICS: &str = " JOIN researcher_statistics ON researcher_statistics.researcher_id = researcher.id";

impl ResearcherOrder {
    fn key(self) -> Key {
        match self {
            Self::Name => Key::new("researcher.sort_name", KeyKind::Text),
            Self::PaperCount => Key::new("researcher_statistics.paper_count", KeyKind::Integer),
            Self::LastPublicationYear => Key::new("researcher_statistics.last_year", KeyKind::Integer),
            Self::UpdatedAt => Key::new("researcher.updated_at", KeyKind::Timestamp),
            Self::Relevance => search::relevance(),
        }
    }

    /// The keys; those with more papers come first among what matches as well.
    fn keys(self) -> Vec<Key> {
        match self {
            Self::Relevance => vec![self.key(), Self::PaperCount.key(), self.id()],
            _ => vec![self.key(), self.id()],
        }
    }

    /// People with what is counted of them, where that is needed, and how well each matches where that is the order.
    fn from(self, filter: &ResearcherFilter) -> Sql {
        let counts = match self {
            Self::Name | Self::UpdatedAt => filter.looks_at_counts(),
            Self::PaperCount | Self::LastPublicationYear | Self::Relevance => true,
        };
        Sql::from("researcher").then(if counts { STATISTICS } else { "" }).then(self.relevance(filter))
    }

    fn relevance(self, filter: &ResearcherFilter) -> Sql {
        let query = filter.query.as_ref().filter(|_| self == Self::Relevance);
        query.map_or_else(Sql::default, |query| search::by_relevance(search::Kind::Researcher, query))
    }

    /// The id from the table of the order's key, whose index has both.
    fn id(self) -> Key {
        match self {
            Self::PaperCount | Self::LastPublicationYear => {
                Key::new("researcher_statistics.researcher_id", KeyKind::Integer)
            }
            Self::Name | Self::UpdatedAt | Self::Relevance => Key::new("researcher.id", KeyKind::Integer),
        }
    }
}

/// A list of people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Researchers {
    /// Which.
    pub filter: ResearcherFilter,
    /// By what.
    pub order: ResearcherOrder,
    /// Which way.
    pub direction: OrderDirection,
}

impl List for Researchers {
    type Node = researcher::Model;
    type Edge = Plain;

    fn source(&self, _: &Store) -> Source {
        Source {
            node: "researcher",
            edge: nothing,
            from: self.order.from(&self.filter),
            conditions: self.filter.conditions(),
            keys: self.order.keys(),
            direction: self.direction,
        }
    }
}

/// The people of the parent, an organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrganizationResearchers {
    /// What their affiliation there passes.
    pub affiliation: AffiliationFilter,
    /// Which people.
    pub filter: ResearcherFilter,
    /// By what.
    pub order: ResearcherOrder,
    /// Which way.
    pub direction: OrderDirection,
}

impl List for OrganizationResearchers {
    type Node = researcher::Model;
    type Edge = Plain;

    fn source(&self, _: &Store) -> Source {
        let mut conditions = self.filter.conditions();
        conditions.push(
            Sql::from("researcher.id IN (")
                .then(self.affiliation.people())
                .then(" AND ")
                .then(Sql::is_in(
                    "affiliation.organization_id",
                    organization::or_below("SELECT parent.key".into(), self.affiliation.include_descendants),
                ))
                .then(")"),
        );
        Source {
            node: "researcher",
            edge: nothing,
            from: self.order.from(&self.filter),
            conditions,
            keys: self.order.keys(),
            direction: self.direction,
        }
    }
}

/// The people of the parent, a topic: those who declare it and those with papers on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopicResearchers {
    /// Whether narrower topics count too.
    pub include_narrower: bool,
    /// Which people.
    pub filter: ResearcherFilter,
    /// By what.
    pub order: ResearcherOrder,
    /// Which way.
    pub direction: OrderDirection,
}

/// What ties a person to a topic.
#[derive(Clone, Debug)]
pub struct TopicResearcherEdge {
    /// How many of the person's papers are on it.
    pub paper_count: i32,
    /// The year of the last of these.
    pub last_year: Option<i32>,
}

columns!(TopicResearcherEdge { | paper_count, last_year });

impl List for TopicResearchers {
    type Node = researcher::Model;
    type Edge = TopicResearcherEdge;

    fn source(&self, _: &Store) -> Source {
        let topics = || or_narrower("SELECT parent.key".into(), self.include_narrower);
        let from = Sql::from(
            "(SELECT tie.researcher_id, count(tie.paper_id)::integer AS paper_count, \
             nullif(max(tie.publication_key) / 10000, 0) AS last_year \
             FROM (SELECT researcher_id, NULL::bigint AS paper_id, 0 AS publication_key FROM researcher_topic WHERE ",
        )
        .then(Sql::is_in("topic_id", topics()))
        .then(
            " UNION SELECT authorship.researcher_id, authorship.paper_id, authorship.publication_key FROM paper_topic \
             JOIN authorship ON authorship.paper_id = paper_topic.paper_id \
             WHERE authorship.researcher_id IS NOT NULL AND ",
        )
        .then(Sql::is_in("paper_topic.topic_id", topics()))
        .then(") AS tie GROUP BY tie.researcher_id) AS tied JOIN researcher ON researcher.id = tied.researcher_id")
        .then(STATISTICS)
        .then(self.order.relevance(&self.filter));
        let keys = match self.order {
            ResearcherOrder::PaperCount => {
                vec![Key::new("tied.paper_count", KeyKind::Integer), Key::new("researcher.id", KeyKind::Integer)]
            }
            order => order.keys(),
        };
        Source {
            node: "researcher",
            edge: |wanted| TopicResearcherEdge::of("tied", wanted),
            from,
            conditions: self.filter.conditions(),
            keys,
            direction: self.direction,
        }
    }
}

/// Asks for what is counted of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatisticsOf(pub i64);

/// What is counted of a person.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Papers, versions of the same work among them.
    pub paper_count: i32,
    /// Works, each of whose versions is one paper.
    pub work_count: i32,
    /// People with whom there are papers of at most the consortium size.
    pub coauthor_count: i32,
    /// Year of the first paper with a year; 0 where none has one.
    pub first_year: i32,
    /// Year of the last, likewise.
    pub last_year: i32,
}

columns!(Statistics { | paper_count, work_count, coauthor_count, first_year, last_year });

impl Loader<StatisticsOf> for Store {
    type Value = Arc<Statistics>;

    async fn load(&self, keys: &[StatisticsOf]) -> Result<HashMap<StatisticsOf, Self::Value>, Error> {
        let sql = Sql::from("SELECT counted.researcher_id, ")
            .then(Statistics::of("counted", Selected::ALL))
            .then(" FROM researcher_statistics AS counted WHERE counted.researcher_id ")
            .then_with("= ANY(?)", ids(keys.iter().map(|key| key.0)));
        let rows = self.quick_results(type_name::<StatisticsOf>(), sql).await?;
        let found = rows.iter().map(|row| placed(row, Selected::ALL).map(|(id, counted)| (StatisticsOf(id), counted)));
        Ok(found.collect::<Result<_, _>>()?)
    }
}

/// Asks for a person's papers by year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PapersPerYearOf(pub i64);

/// How many papers a year has.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct YearCount {
    /// The year.
    pub year: i32,
    /// The number of papers.
    pub count: i64,
}

impl Loader<PapersPerYearOf> for Store {
    type Value = Vec<YearCount>;

    async fn load(&self, keys: &[PapersPerYearOf]) -> Result<HashMap<PapersPerYearOf, Self::Value>, Error> {
        let sql = Sql::with(
            "SELECT researcher_id AS parent_key, publication_key / 10000 AS year, count(*) AS count FROM authorship \
             WHERE researcher_id = ANY(?) AND publication_key > 0 GROUP BY 1, 2 ORDER BY 1, 2",
            ids(keys.iter().map(|key| key.0)),
        );
        let years = grouped(self.rows::<Keyed<YearCount>>(type_name::<PapersPerYearOf>(), sql).await?);
        Ok(years.into_iter().map(|(id, years)| (PapersPerYearOf(id), years)).collect())
    }
}
