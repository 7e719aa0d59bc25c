//! Researcher lists, filters and orders, and statistics of researchers.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::entity::{external_id, researcher, researcher_statistics};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnProjection as _, ColumnSet, column_projection};
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::keyed_rows::{KeyedRow, group_by_key};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::reader::affiliation::AffiliationFilter;
use crate::store::reader::filter::has_value;
use crate::store::reader::lookup::is_any_of_ids;
use crate::store::reader::organization;
use crate::store::reader::page::{List, ListSource, NoEdge, SortDirection, SortKey, SortKeyType, no_edge_columns};
use crate::store::reader::search;
use crate::store::reader::topic::{topics_with_narrower, with_narrower};
use crate::text::tokenizer::SearchTerms;

/// Filter on researchers. Conditions are combined with AND; `None` imposes no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResearcherFilter {
    /// Researcher is any of these.
    pub ids: Option<Vec<i64>>,
    /// Researcher has any of these ORCID iDs.
    pub orcids: Option<Vec<String>>,
    /// Researcher has an affiliation that matches all of this filter.
    pub affiliation: Option<AffiliationFilter>,
    /// Researcher declares, or has papers on, any of these topics or narrower ones.
    pub topic_ids: Option<Vec<i64>>,
    /// Researcher has a paper with any of these researchers.
    pub coauthor_ids: Option<Vec<i64>>,
    /// Researcher has (`true`) or lacks (`false`) an ORCID iD.
    pub has_orcid: Option<bool>,
    /// Researcher has or lacks papers.
    pub has_papers: Option<bool>,
    /// A name of the researcher matches this search.
    pub query: Option<SearchTerms>,
    /// Researcher was updated at or after this time.
    pub updated_since: Option<DateTime<Utc>>,
    /// Researcher matches all of these filters.
    pub and: Option<Vec<ResearcherFilter>>,
    /// Researcher matches any of these filters.
    pub or: Option<Vec<ResearcherFilter>>,
    /// Researcher does not match this filter.
    pub not: Option<Box<ResearcherFilter>>,
}

impl ResearcherFilter {
    fn conditions(&self) -> Vec<Sql> {
        let own = [
            self.ids.as_ref().map(|ids| is_any_of_ids::<researcher::Model>("researcher.id", ids)),
            self.orcids.as_ref().map(|orcids| has_any_orcid(orcids)),
            self.affiliation.as_ref().map(|affiliation| affiliation.is_held_by("researcher.id", None)),
            self.topic_ids.as_ref().map(|topics| has_any_topic(topics)),
            self.coauthor_ids.as_ref().map(|coauthors| has_any_coauthor(coauthors)),
            self.has_orcid.map(|expected| has_value(researcher::Column::Orcid, expected)),
            self.has_papers.map(has_papers),
            self.query.as_ref().map(|query| search::matches_query(EntityType::Researcher, query)),
            self.updated_since.map(|since| researcher::COLUMN.updated_at.gte(since).into()),
        ];
        let and = self.and.iter().flatten().map(Self::condition);
        let or = self.or.as_ref().map(|filters| Sql::any(filters.iter().map(Self::condition)));
        let not = self.not.as_ref().map(|filter| Sql::not(filter.condition()));
        own.into_iter().flatten().chain(and).chain(or).chain(not).collect()
    }

    fn condition(&self) -> Sql {
        Sql::all(self.conditions())
    }

    /// Returns whether a condition needs the statistics of researchers.
    fn uses_statistics(&self) -> bool {
        let mut others = self.and.iter().chain(&self.or).flatten().chain(self.not.as_deref());
        self.has_papers.is_some() || others.any(Self::uses_statistics)
    }
}

/// Returns the condition that a researcher has, or a merged one had, any of these ORCID iDs.
fn has_any_orcid(orcids: &[String]) -> Sql {
    let current = sql!("SELECT id FROM researcher WHERE ").then(researcher::COLUMN.orcid.eq_any(orcids.to_vec()));
    let previous =
        sql!("SELECT researcher_id FROM external_id WHERE researcher_id IS NOT NULL AND scheme = 'orcid' AND ")
            .then(external_id::COLUMN.value.eq_any(orcids.to_vec()));
    Sql::in_subquery("researcher.id", current.then(" UNION ALL ").then(previous))
}

/// Returns the condition that a researcher declares, or has papers on, any of these topics or narrower ones.
fn has_any_topic(topics: &[i64]) -> Sql {
    let declared = sql!("SELECT researcher_topic.researcher_id FROM researcher_topic WHERE ")
        .then(Sql::in_subquery("topic_id", topics_with_narrower(topics)));
    let of_papers = sql!(
        "SELECT authorship.researcher_id FROM paper_topic \
         JOIN authorship ON authorship.paper_id = paper_topic.paper_id WHERE "
    )
    .then(Sql::in_subquery("paper_topic.topic_id", topics_with_narrower(topics)));
    sql!("researcher.id IN (").then(declared).then(" UNION ").then(of_papers).then(")")
}

/// Returns the condition that a researcher has a paper with any of these researchers. Each pair is stored in both
/// directions.
fn has_any_coauthor(coauthors: &[i64]) -> Sql {
    let pairs = sql!("SELECT pair.coauthor_id FROM coauthorship AS pair WHERE ");
    let of_any = is_any_of_ids::<researcher::Model>("pair.researcher_id", coauthors);
    Sql::in_subquery("researcher.id", pairs.then(of_any))
}

/// Returns the condition that a researcher has (`true`) or lacks papers.
fn has_papers(expected: bool) -> Sql {
    if expected { "researcher_statistics.paper_count > 0" } else { "researcher_statistics.paper_count = 0" }.into()
}

/// Sort fields of researchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResearcherOrder {
    /// Name, family name first.
    Name,
    /// Number of papers; in a topic's list, of papers on the topic.
    PaperCount,
    /// Year of the last paper; researchers without a year sort as the earliest.
    LastPublicationYear,
    /// Time of the last update.
    UpdatedAt,
    /// Relevance to the filter's query.
    Relevance,
}

const STATISTICS_JOIN: &str = " JOIN researcher_statistics ON researcher_statistics.researcher_id = researcher.id";

impl ResearcherOrder {
    fn sort_key(self) -> SortKey {
        match self {
            Self::Name => SortKey::new("researcher.sort_name", SortKeyType::Text),
            Self::PaperCount => SortKey::new("researcher_statistics.paper_count", SortKeyType::Integer),
            Self::LastPublicationYear => SortKey::new("researcher_statistics.last_year", SortKeyType::Integer),
            Self::UpdatedAt => SortKey::new("researcher.updated_at", SortKeyType::Timestamp),
            Self::Relevance => search::relevance_key(),
        }
    }

    /// Returns the sort keys. Equally relevant researchers are sorted by number of papers.
    fn sort_keys(self) -> Vec<SortKey> {
        match self {
            Self::Relevance => vec![self.sort_key(), Self::PaperCount.sort_key(), self.id_key()],
            _ => vec![self.sort_key(), self.id_key()],
        }
    }

    /// Returns the joins of statistics and relevance, if the order or the filter needs them. With `counts_papers`, the
    /// list has a number of papers of its own to sort by.
    fn joins_sql(self, filter: &ResearcherFilter, counts_papers: bool) -> Sql {
        let is_by_statistics = match self {
            Self::Name | Self::UpdatedAt => false,
            Self::PaperCount => !counts_papers,
            Self::LastPublicationYear | Self::Relevance => true,
        };
        let statistics = if is_by_statistics || filter.uses_statistics() { STATISTICS_JOIN } else { "" };
        let query = filter.query.as_ref().filter(|_| self == Self::Relevance);
        Sql::from(statistics).then(search::relevance_join(EntityType::Researcher, query))
    }

    /// Returns the FROM clause.
    fn tables_sql(self, filter: &ResearcherFilter) -> Sql {
        sql!("researcher").then(self.joins_sql(filter, false))
    }

    /// Returns the sort key of the id, from the same table as the main key, so that one index has both.
    fn id_key(self) -> SortKey {
        match self {
            Self::PaperCount | Self::LastPublicationYear => {
                SortKey::new("researcher_statistics.researcher_id", SortKeyType::Integer)
            }
            Self::Name | Self::UpdatedAt | Self::Relevance => SortKey::new("researcher.id", SortKeyType::Integer),
        }
    }
}

/// List of researchers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Researchers {
    /// Filter on the researchers.
    pub filter: ResearcherFilter,
    /// Sort field.
    pub order: ResearcherOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

impl List for Researchers {
    type Node = researcher::Model;
    type Edge = NoEdge;
    const PAGE_QUERY: &'static str = "researchers::page";
    const COUNT_QUERY: &'static str = "researchers::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        None
    }

    fn source(&self, _: &Store) -> ListSource {
        ListSource {
            node_alias: "researcher",
            edge_columns: no_edge_columns,
            from: self.order.tables_sql(&self.filter),
            conditions: self.filter.conditions(),
            sort_keys: self.order.sort_keys(),
            direction: self.direction,
        }
    }
}

/// List of the researchers of the parent, an organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrganizationResearchers {
    /// Filter on their affiliation with the organization.
    pub affiliation: AffiliationFilter,
    /// Filter on the researchers.
    pub filter: ResearcherFilter,
    /// Sort field.
    pub order: ResearcherOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

impl List for OrganizationResearchers {
    type Node = researcher::Model;
    type Edge = NoEdge;
    const PAGE_QUERY: &'static str = "organization_researchers::page";
    const COUNT_QUERY: &'static str = "organization_researchers::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        Some(EntityType::Organization)
    }

    fn source(&self, _: &Store) -> ListSource {
        let organizations =
            organization::with_descendants("SELECT parent.key".into(), self.affiliation.include_descendants);
        let mut conditions = self.filter.conditions();
        conditions.push(self.affiliation.is_held_by("researcher.id", Some(organizations)));
        ListSource {
            node_alias: "researcher",
            edge_columns: no_edge_columns,
            from: self.order.tables_sql(&self.filter),
            conditions,
            sort_keys: self.order.sort_keys(),
            direction: self.direction,
        }
    }
}

/// List of the researchers of the parent, a topic: those who declare it and those with papers on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopicResearchers {
    /// Whether narrower topics count.
    pub include_narrower: bool,
    /// Filter on the researchers.
    pub filter: ResearcherFilter,
    /// Sort field.
    pub order: ResearcherOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

/// Edge between a topic and a researcher.
#[derive(Clone, Debug)]
pub struct TopicResearcherEdge {
    /// Number of the researcher's papers on the topic.
    pub paper_count: i32,
    /// Year of the last of these papers.
    pub last_year: Option<i32>,
}

column_projection!(TopicResearcherEdge { | paper_count, last_year });

impl List for TopicResearchers {
    type Node = researcher::Model;
    type Edge = TopicResearcherEdge;
    const PAGE_QUERY: &'static str = "topic_researchers::page";
    const COUNT_QUERY: &'static str = "topic_researchers::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        None
    }

    fn source(&self, _: &Store) -> ListSource {
        let topics = || with_narrower("SELECT parent.key".into(), self.include_narrower);
        let from = sql!(
            "(SELECT tie.researcher_id, count(tie.paper_id)::integer AS paper_count, \
             nullif(max(tie.publication_key) / 10000, 0) AS last_year \
             FROM (SELECT researcher_id, NULL::bigint AS paper_id, 0 AS publication_key FROM researcher_topic WHERE "
        )
        .then(Sql::in_subquery("topic_id", topics()))
        .then(
            " UNION SELECT authorship.researcher_id, authorship.paper_id, authorship.publication_key FROM paper_topic \
             JOIN authorship ON authorship.paper_id = paper_topic.paper_id WHERE authorship.researcher_id IS NOT NULL \
             AND ",
        )
        .then(Sql::in_subquery("paper_topic.topic_id", topics()))
        .then(") AS tie GROUP BY tie.researcher_id) AS tied JOIN researcher ON researcher.id = tied.researcher_id")
        .then(self.order.joins_sql(&self.filter, true));
        let keys = match self.order {
            ResearcherOrder::PaperCount => {
                vec![
                    SortKey::new("tied.paper_count", SortKeyType::Integer),
                    SortKey::new("researcher.id", SortKeyType::Integer),
                ]
            }
            order => order.sort_keys(),
        };
        ListSource {
            node_alias: "researcher",
            edge_columns: |selected| TopicResearcherEdge::select_list("tied", selected),
            from,
            conditions: self.filter.conditions(),
            sort_keys: keys,
            direction: self.direction,
        }
    }
}

/// Loader key of a researcher's statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResearcherStatisticsKey(pub i64);

impl LoaderKey for ResearcherStatisticsKey {
    const NAME: &'static str = "researcher::statistics";

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        Some(Self(id_of(EntityType::Researcher, self.0)))
    }
}

impl Loader<ResearcherStatisticsKey> for Store {
    type Value = Arc<researcher_statistics::Model>;

    async fn load(
        &self,
        keys: &[ResearcherStatisticsKey],
    ) -> Result<HashMap<ResearcherStatisticsKey, Self::Value>, Error> {
        let sql = sql!("SELECT ")
            .then(researcher_statistics::Model::select_list("counted", ColumnSet::ALL))
            .then(" FROM researcher_statistics AS counted WHERE counted.researcher_id ")
            .then(sql!("= ANY(?)", bigint_array(keys.iter().map(|key| key.0))));
        let rows = self.query_batched(ResearcherStatisticsKey::NAME, sql).await?;
        let statistics = rows.iter().map(|row| {
            let counts = researcher_statistics::Model::from_columns(&mut row.columns()?, ColumnSet::ALL)?;
            Ok((ResearcherStatisticsKey(counts.researcher_id), Arc::new(counts)))
        });
        statistics.collect()
    }
}

/// Loader key of a researcher's number of papers per year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PapersPerYearKey(pub i64);

/// Number of papers in a year.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct YearCount {
    /// Year.
    pub year: i32,
    /// Number of papers.
    pub count: i64,
}

impl LoaderKey for PapersPerYearKey {
    const NAME: &'static str = "researcher::papers_per_year";

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        Some(Self(id_of(EntityType::Researcher, self.0)))
    }
}

impl Loader<PapersPerYearKey> for Store {
    type Value = Vec<YearCount>;

    async fn load(&self, keys: &[PapersPerYearKey]) -> Result<HashMap<PapersPerYearKey, Self::Value>, Error> {
        // A researcher without dated papers has a row without a year.
        let sql = sql!(
            "SELECT researcher.id AS parent_key, counted.* FROM researcher LEFT JOIN LATERAL (\
             SELECT publication_key / 10000 AS year, count(*) AS count FROM authorship \
             WHERE authorship.researcher_id = researcher.id AND publication_key > 0 GROUP BY 1) AS counted ON true \
             WHERE researcher.id = ANY(?) ORDER BY 1, 2",
            bigint_array(keys.iter().map(|key| key.0)),
        );
        let rows = self.query_all::<KeyedRow<Option<YearCount>>>(PapersPerYearKey::NAME, sql).await?;
        let years = |rows: Vec<Option<YearCount>>| rows.into_iter().flatten().collect();
        Ok(group_by_key(rows).into_iter().map(|(id, rows)| (PapersPerYearKey(id), years(rows))).collect())
    }
}
