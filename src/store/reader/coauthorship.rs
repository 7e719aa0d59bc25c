//! Coauthors: who wrote with whom, how often and when.

use crate::entity::researcher;
use crate::store::Store;
use crate::store::access::column_projection::{Columns as _, columns};
use crate::store::access::sql_fragment::Sql;
use crate::store::reader::affiliation::AffiliationFilter;
use crate::store::reader::lookup::is_one_of;
use crate::store::reader::page::{Key, KeyKind, List, OrderDirection, Source};
use crate::store::reader::paper::{YearRange, on_topics};
use crate::store::reader::topic::these_or_narrower;

/// How many of the papers of some rows are works of their own: versions of one work count once.
pub(crate) const WORKS: &str = "count(DISTINCT coalesce(paper.version_of_id, paper.id))";

/// Which coauthors, and by which papers; all conditions hold together, and an absent one is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CoauthorFilter {
    /// Only these people.
    pub ids: Option<Vec<i64>>,
    /// By papers of these years.
    pub publication_year: Option<YearRange>,
    /// With an affiliation that passes all of this.
    pub affiliation: Option<AffiliationFilter>,
    /// By papers on any of these topics, or narrower.
    pub topic_ids: Option<Vec<i64>>,
    /// With at least so many papers together.
    pub min_paper_count: Option<i32>,
    /// By papers with at most so many authors; the consortium size where absent.
    pub max_authors_per_paper: Option<i32>,
}

impl CoauthorFilter {
    /// What holds of a paper that counts.
    pub(crate) fn paper_conditions(&self, store: &Store) -> Vec<Sql> {
        let most = self.max_authors_per_paper.map_or(i64::from(store.consortium_size), i64::from);
        let mut conditions = vec![Sql::with("paper.author_count <= ?", most)];
        if let Some(years) = self.publication_year {
            conditions.push(years.condition());
        }
        if let Some(topics) = &self.topic_ids {
            conditions.push(on_topics(these_or_narrower(topics)));
        }
        conditions
    }

    /// Whether the stored pairs answer it: they count every paper up to the consortium size.
    fn counts_all_papers(&self) -> bool {
        self.publication_year.is_none() && self.topic_ids.is_none() && self.max_authors_per_paper.is_none()
    }
}

/// By what coauthors are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoauthorOrder {
    /// By the number of papers together.
    PaperCount,
    /// By the year of the last of them.
    LastYear,
    /// By the coauthor's name.
    Name,
}

/// The coauthors of the parent, a researcher.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coauthors {
    /// Which.
    pub filter: CoauthorFilter,
    /// By what.
    pub order: CoauthorOrder,
    /// Which way.
    pub direction: OrderDirection,
}

/// What ties two people.
#[derive(Clone, Debug)]
pub struct CoauthorEdge {
    /// How many works they wrote together: versions of one count once.
    pub paper_count: i32,
    /// The year of the first, versions among them; 0 where none has a year.
    pub first_year: i32,
    /// The year of the last, likewise.
    pub last_year: i32,
}

columns!(CoauthorEdge { | paper_count, first_year, last_year });

impl List for Coauthors {
    type Node = researcher::Model;
    type Edge = CoauthorEdge;

    fn is_quick(&self, _: usize) -> bool {
        self.filter == CoauthorFilter::default() && self.order == CoauthorOrder::PaperCount
    }

    fn source(&self, store: &Store) -> Source {
        let pairs = if self.filter.counts_all_papers() {
            Sql::from("coauthorship AS pair")
        } else {
            Sql::from("(SELECT mine.researcher_id, theirs.researcher_id AS coauthor_id, ").then(WORKS).then(
                "::integer AS paper_count, \
                 coalesce(min(paper.publication_year), 0) AS first_year, coalesce(max(paper.publication_year), 0) AS last_year \
                 FROM authorship AS mine JOIN paper ON paper.id = mine.paper_id \
                 JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id AND theirs.researcher_id <> mine.researcher_id \
                 WHERE mine.researcher_id = parent.key AND ",
            )
            .then(Sql::all(self.filter.paper_conditions(store)))
            .then(" GROUP BY mine.researcher_id, theirs.researcher_id) AS pair")
        };
        let mut conditions = vec![Sql::from("pair.researcher_id = parent.key")];
        if let Some(people) = &self.filter.ids {
            conditions.push(is_one_of::<researcher::Model>("pair.coauthor_id", people));
        }
        if let Some(affiliation) = &self.filter.affiliation {
            conditions.push(Sql::from("pair.coauthor_id IN (").then(affiliation.people()).then(")"));
        }
        if let Some(least) = self.filter.min_paper_count {
            conditions.push(Sql::with("pair.paper_count >= ?", least));
        }
        let key = match self.order {
            CoauthorOrder::PaperCount => Key::new("pair.paper_count", KeyKind::Integer),
            CoauthorOrder::LastYear => Key::new("pair.last_year", KeyKind::Integer),
            CoauthorOrder::Name => Key::new("researcher.sort_name", KeyKind::Text),
        };
        Source {
            node: "researcher",
            edge: |wanted| CoauthorEdge::of("pair", wanted),
            from: pairs.then(" JOIN researcher ON researcher.id = pair.coauthor_id"),
            conditions,
            keys: vec![key, Key::new("pair.coauthor_id", KeyKind::Integer)],
            direction: self.direction,
        }
    }
}
