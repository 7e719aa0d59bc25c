//! Coauthor lists: shared papers counted by researcher, with the years of the first and last.

use crate::entity::researcher;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnProjection as _, column_projection};
use crate::store::access::sql_fragment::{Sql, sql};
use crate::store::reader::affiliation::AffiliationFilter;
use crate::store::reader::filter::YearRange;
use crate::store::reader::lookup::is_any_of_ids;
use crate::store::reader::page::{List, ListSource, SortDirection, SortKey, SortKeyType};
use crate::store::reader::topic::{has_topic_in, topics_with_narrower};

/// SQL that counts distinct works: versions of a work count once.
pub(crate) const COUNT_WORKS: &str = "count(DISTINCT coalesce(paper.version_of_id, paper.id))";

/// Filter on coauthors and on the papers that count. Conditions are combined with AND; `None` imposes no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CoauthorFilter {
    /// Coauthor is any of these researchers.
    pub ids: Option<Vec<i64>>,
    /// Paper was published in these years.
    pub publication_year: Option<YearRange>,
    /// Coauthor has an affiliation that matches all of this filter.
    pub affiliation: Option<AffiliationFilter>,
    /// Paper is on any of these topics or narrower ones.
    pub topic_ids: Option<Vec<i64>>,
    /// Minimum number of shared works.
    pub min_paper_count: Option<i32>,
    /// Maximum number of authors of a paper that counts. Default: the consortium size.
    pub max_authors_per_paper: Option<i32>,
}

impl CoauthorFilter {
    /// Returns the conditions on a paper that counts.
    pub(crate) fn paper_conditions(&self, store: &Store) -> Vec<Sql> {
        let max_authors = self.max_authors_per_paper.map_or(i64::from(store.consortium_size), i64::from);
        let mut conditions = vec![sql!("paper.author_count <= ?", max_authors)];
        if let Some(years) = self.publication_year {
            conditions.push(years.condition());
        }
        if let Some(topics) = &self.topic_ids {
            conditions.push(has_topic_in(topics_with_narrower(topics)));
        }
        conditions
    }

    /// Returns whether the stored pairs answer the filter. They count every paper up to the consortium size.
    pub(crate) fn uses_stored_pairs(&self) -> bool {
        self.publication_year.is_none() && self.topic_ids.is_none() && self.max_authors_per_paper.is_none()
    }
}

/// Sort fields of coauthors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoauthorOrder {
    /// Number of shared works.
    PaperCount,
    /// Year of the last shared paper.
    LastYear,
    /// Sort name of the coauthor.
    Name,
}

/// List of the coauthors of the parent, a researcher.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coauthors {
    /// Filter on the coauthors and papers.
    pub filter: CoauthorFilter,
    /// Sort field.
    pub order: CoauthorOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

/// Edge between two coauthors.
#[derive(Clone, Debug)]
pub struct CoauthorEdge {
    /// Number of shared works; versions of a work count once.
    pub paper_count: i32,
    /// Year of the first shared paper, versions included; 0 if no year is known.
    pub first_year: i32,
    /// Year of the last shared paper, versions included; 0 if no year is known.
    pub last_year: i32,
}

column_projection!(CoauthorEdge { | paper_count, first_year, last_year });

impl List for Coauthors {
    type Node = researcher::Model;
    type Edge = CoauthorEdge;
    const PAGE_QUERY: &'static str = "coauthors::page";
    const COUNT_QUERY: &'static str = "coauthors::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        Some(EntityType::Researcher)
    }

    fn is_batchable(&self, _: usize) -> bool {
        self.filter == CoauthorFilter::default() && self.order == CoauthorOrder::PaperCount
    }

    fn source(&self, store: &Store) -> ListSource {
        let pairs = if self.filter.uses_stored_pairs() {
            sql!("coauthorship AS pair")
        } else {
            sql!("(SELECT mine.researcher_id, theirs.researcher_id AS coauthor_id, ")
                .then(COUNT_WORKS)
                .then(
                    "::integer AS paper_count, coalesce(min(paper.publication_year), 0) AS first_year, \
                     coalesce(max(paper.publication_year), 0) AS last_year FROM authorship AS mine \
                     JOIN paper ON paper.id = mine.paper_id JOIN authorship AS theirs \
                     ON theirs.paper_id = mine.paper_id AND theirs.researcher_id <> mine.researcher_id \
                     WHERE mine.researcher_id = parent.key AND ",
                )
                .then(Sql::all(self.filter.paper_conditions(store)))
                .then(" GROUP BY mine.researcher_id, theirs.researcher_id) AS pair")
        };
        let mut conditions = vec![sql!("pair.researcher_id = parent.key")];
        if let Some(researchers) = &self.filter.ids {
            conditions.push(is_any_of_ids::<researcher::Model>("pair.coauthor_id", researchers));
        }
        if let Some(affiliation) = &self.filter.affiliation {
            conditions.push(affiliation.is_held_by("pair.coauthor_id", None));
        }
        if let Some(min_papers) = self.filter.min_paper_count {
            conditions.push(sql!("pair.paper_count >= ?", min_papers));
        }
        let key = match self.order {
            CoauthorOrder::PaperCount => SortKey::new("pair.paper_count", SortKeyType::Integer),
            CoauthorOrder::LastYear => SortKey::new("pair.last_year", SortKeyType::Integer),
            CoauthorOrder::Name => SortKey::new("researcher.sort_name", SortKeyType::Text),
        };
        ListSource {
            node_alias: "researcher",
            edge_columns: |selected| CoauthorEdge::select_list("pair", selected),
            from: pairs.then(" JOIN researcher ON researcher.id = pair.coauthor_id"),
            conditions,
            sort_keys: vec![key, SortKey::new("pair.coauthor_id", SortKeyType::Integer)],
            direction: self.direction,
        }
    }
}
