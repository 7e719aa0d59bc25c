//! Papers: lists of them, everybody's and each one's.

use chrono::{DateTime, Utc};

use crate::entity::paper;
use crate::entity::researcher;
use crate::model::record::PaperType;
use crate::store::Store;
use crate::store::access::column_projection::Columns as _;
use crate::store::access::sql_fragment::{Sql, texts};
use crate::store::reader::authorship::OwnAuthorship;
use crate::store::reader::coauthorship::CoauthorFilter;
use crate::store::reader::lookup::{is_one_of, survivors};
use crate::store::reader::organization;
use crate::store::reader::page::{Key, KeyKind, List, OrderDirection, Plain, Source, nothing};
use crate::store::reader::search;
use crate::store::reader::topic::{or_narrower, these_or_narrower};
use crate::text::tokenizer::Query;

/// Years, both ends included; a paper without a year is in no range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct YearRange {
    /// From this year.
    pub from: Option<i32>,
    /// To this year.
    pub to: Option<i32>,
}

impl YearRange {
    pub(crate) fn condition(self) -> Sql {
        let from = self.from.map(|year| Sql::with("paper.publication_year >= ?", year));
        let to = self.to.map(|year| Sql::with("paper.publication_year <= ?", year));
        Sql::all([Some("paper.publication_year IS NOT NULL".into()), from, to].into_iter().flatten())
    }
}

/// Which papers; all conditions hold together, and an absent one is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PaperFilter {
    /// Any of these.
    pub ids: Option<Vec<i64>>,
    /// With any of these DOIs.
    pub dois: Option<Vec<String>>,
    /// By any of these people.
    pub author_ids: Option<Vec<i64>>,
    /// With an author who was at any of these organizations, or below.
    pub organization_ids: Option<Vec<i64>>,
    /// On any of these topics, or narrower.
    pub topic_ids: Option<Vec<i64>>,
    /// In these years.
    pub publication_year: Option<YearRange>,
    /// Of any of these types.
    pub types: Option<Vec<PaperType>>,
    /// In any of these venues.
    pub venue_names: Option<Vec<String>>,
    /// With or without an abstract to show.
    pub has_abstract: Option<bool>,
    /// With or without a DOI.
    pub has_doi: Option<bool>,
    /// Retracted or not.
    pub is_retracted: Option<bool>,
    /// A version of another paper or not.
    pub is_version: Option<bool>,
    /// With a title or an abstract that this finds.
    pub query: Option<Query>,
    /// Changed then or later.
    pub updated_since: Option<DateTime<Utc>>,
    /// Those that pass each of these.
    pub and: Option<Vec<PaperFilter>>,
    /// Those that pass any of these.
    pub or: Option<Vec<PaperFilter>>,
    /// Those that do not pass this.
    pub not: Option<Box<PaperFilter>>,
}

impl PaperFilter {
    fn conditions(&self) -> Vec<Sql> {
        let mut conditions = Vec::new();
        if let Some(numbers) = &self.ids {
            conditions.push(is_one_of::<paper::Model>("paper.id", numbers));
        }
        if let Some(dois) = &self.dois {
            conditions.push(Sql::with("paper.doi = ANY(?)", texts(dois.clone())));
        }
        if let Some(authors) = &self.author_ids {
            let theirs = Sql::from("paper.id IN (SELECT by_author.paper_id FROM authorship AS by_author WHERE ");
            let by_author = is_one_of::<researcher::Model>("by_author.researcher_id", authors);
            conditions.push(theirs.then(by_author).then(")"));
        }
        if let Some(organizations) = &self.organization_ids {
            let named = survivors::<crate::entity::organization::Model>(organizations);
            conditions.push(written_at(organization::or_below(named, true)));
        }
        if let Some(topics) = &self.topic_ids {
            conditions.push(on_topics(these_or_narrower(topics)));
        }
        if let Some(years) = self.publication_year {
            conditions.push(years.condition());
        }
        if let Some(types) = &self.types {
            let words =
                types.iter().filter_map(|kind| serde_json::to_value(kind).ok()?.as_str().map(ToOwned::to_owned));
            conditions.push(Sql::with("paper.type = ANY(?)", texts(words.collect::<Vec<String>>())));
        }
        if let Some(venues) = &self.venue_names {
            conditions.push(Sql::with("paper.venue_name = ANY(?)", texts(venues.clone())));
        }
        let mut whether = |wanted: Option<bool>, holds: &str, fails: &str| match wanted {
            Some(true) => conditions.push(holds.into()),
            Some(false) => conditions.push(fails.into()),
            None => {}
        };
        whether(self.has_abstract, "paper.abstract_text <> '{}'", "paper.abstract_text = '{}'");
        whether(self.has_doi, "paper.doi IS NOT NULL", "paper.doi IS NULL");
        whether(self.is_retracted, "paper.is_retracted", "NOT paper.is_retracted");
        whether(self.is_version, "paper.version_of_id IS NOT NULL", "paper.version_of_id IS NULL");
        conditions.extend(self.query.as_ref().map(|query| search::is_found(search::Kind::Paper, query)));
        if let Some(since) = self.updated_since {
            conditions.push(Sql::with("paper.updated_at >= ?", since));
        }
        conditions.extend(self.and.iter().flatten().map(Self::condition));
        conditions.extend(self.or.as_ref().map(|filters| Sql::any(filters.iter().map(Self::condition))));
        conditions.extend(self.not.as_ref().map(|filter| Sql::not(filter.condition())));
        conditions
    }

    pub(crate) fn condition(&self) -> Sql {
        Sql::all(self.conditions())
    }
}

fn written_at(organizations: Sql) -> Sql {
    Sql::from(
        "paper.id IN (SELECT there.paper_id FROM authorship_organization \
         JOIN authorship AS there ON there.id = authorship_organization.authorship_id \
         WHERE ",
    )
    .then(Sql::is_in("authorship_organization.organization_id", organizations))
    .then(")")
}

/// The papers that the two parents wrote together, of each work one: the version of record where it is among them, else the
/// latest.
fn shared_works(conditions: Vec<Sql>) -> Sql {
    Sql::from(
        "SELECT DISTINCT ON (coalesce(paper.version_of_id, paper.id)) paper.id FROM authorship AS mine \
         JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id JOIN paper ON paper.id = mine.paper_id \
         WHERE mine.researcher_id = parent.key AND theirs.researcher_id = parent.other AND ",
    )
    .then(Sql::all(conditions))
    .then(
        " ORDER BY coalesce(paper.version_of_id, paper.id), paper.version_of_id IS NOT NULL, paper.publication_key DESC, paper.id",
    )
}

pub(crate) fn on_topics(topics: Sql) -> Sql {
    Sql::from("paper.id IN (SELECT paper_topic.paper_id FROM paper_topic WHERE ")
        .then(Sql::is_in("paper_topic.topic_id", topics))
        .then(")")
}

/// By what papers are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaperOrder {
    /// By the day they appeared; unknown days are the earliest.
    PublicationDate,
    /// By the title.
    Title,
    /// By the number of authors.
    AuthorCount,
    /// By the last change.
    UpdatedAt,
    /// By how well the filter's query matches.
    Relevance,
}

impl PaperOrder {
    fn key(self) -> Key {
        match self {
            Self::PublicationDate => Key::new("paper.publication_key", KeyKind::Integer),
            Self::Title => Key::new("paper.sort_title", KeyKind::Text),
            Self::AuthorCount => Key::new("paper.author_count", KeyKind::Integer),
            Self::UpdatedAt => Key::new("paper.updated_at", KeyKind::Timestamp),
            Self::Relevance => search::relevance(),
        }
    }

    /// The keys; later papers come first among what matches as well.
    fn keys(self) -> Vec<Key> {
        let id = Key::new("paper.id", KeyKind::Integer);
        match self {
            Self::Relevance => vec![self.key(), Self::PublicationDate.key(), id],
            _ => vec![self.key(), id],
        }
    }

    /// How well each paper matches, where that is the order.
    fn relevance(self, filter: &PaperFilter) -> Sql {
        let query = filter.query.as_ref().filter(|_| self == Self::Relevance);
        query.map_or_else(Sql::default, |query| search::by_relevance(search::Kind::Paper, query))
    }
}

/// Whose papers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PaperScope {
    /// All.
    All,
    /// Those with an author at the parent, an organization.
    Organization {
        /// Or below it.
        include_descendants: bool,
    },
    /// Those on the parent, a topic.
    Topic {
        /// Or a narrower one.
        include_narrower: bool,
    },
    /// Those that the two parents, researchers, wrote together and that this filter counts, one for each work.
    Shared(CoauthorFilter),
}

/// A list of papers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Papers {
    /// Whose.
    pub scope: PaperScope,
    /// Which.
    pub filter: PaperFilter,
    /// By what.
    pub order: PaperOrder,
    /// Which way.
    pub direction: OrderDirection,
}

impl List for Papers {
    type Node = paper::Model;
    type Edge = Plain;

    fn source(&self, store: &Store) -> Source {
        let from = Sql::from("paper").then(self.order.relevance(&self.filter));
        let mut conditions = self.filter.conditions();
        match &self.scope {
            PaperScope::All => {}
            PaperScope::Organization { include_descendants } => {
                conditions.push(written_at(organization::or_below("SELECT parent.key".into(), *include_descendants)));
            }
            PaperScope::Topic { include_narrower } => {
                conditions.push(on_topics(or_narrower("SELECT parent.key".into(), *include_narrower)));
            }
            PaperScope::Shared(coauthors) => {
                conditions.push(Sql::is_in("paper.id", shared_works(coauthors.paper_conditions(store))));
            }
        }
        Source { node: "paper", edge: nothing, from, conditions, keys: self.order.keys(), direction: self.direction }
    }
}

/// The papers of the parent, a researcher.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResearcherPapers {
    /// Which.
    pub filter: PaperFilter,
    /// By what.
    pub order: PaperOrder,
    /// Which way.
    pub direction: OrderDirection,
}

impl List for ResearcherPapers {
    type Node = paper::Model;
    type Edge = OwnAuthorship;

    fn is_quick(&self, _: usize) -> bool {
        self.filter == PaperFilter::default() && self.order == PaperOrder::PublicationDate
    }

    fn source(&self, _: &Store) -> Source {
        let mut conditions = self.filter.conditions();
        conditions.push("own.researcher_id = parent.key".into());
        let keys = match self.order {
            // Both from the authorship: the list is then a range of its index.
            PaperOrder::PublicationDate => {
                vec![Key::new("own.publication_key", KeyKind::Integer), Key::new("own.paper_id", KeyKind::Integer)]
            }
            order => order.keys(),
        };
        Source {
            node: "paper",
            edge: |wanted| OwnAuthorship::of("own", wanted),
            from: Sql::from("authorship AS own JOIN paper ON paper.id = own.paper_id")
                .then(self.order.relevance(&self.filter)),
            conditions,
            keys,
            direction: self.direction,
        }
    }
}
