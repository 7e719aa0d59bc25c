//! Paper lists, filters and orders.

use chrono::{DateTime, Utc};
use sea_orm::ColumnTrait as _;

use crate::entity::{paper, researcher};
use crate::model::entity_type::EntityType;
use crate::model::record::PaperType;
use crate::store::Store;
use crate::store::access::column_projection::ColumnProjection as _;
use crate::store::access::sql_fragment::{Sql, sql};
use crate::store::reader::authorship::ResearcherPaperEdge;
use crate::store::reader::coauthorship::CoauthorFilter;
use crate::store::reader::filter::{YearRange, has_value};
use crate::store::reader::lookup::is_any_of_ids;
use crate::store::reader::organization::with_descendants;
use crate::store::reader::organization_link::{LinkedOrganizations, PaperOrganizationLinks};
use crate::store::reader::page::{
    List, ListSource, NoEdge, SizedSource, SortDirection, SortKey, SortKeyType, no_edge_columns,
};
use crate::store::reader::search;
use crate::store::reader::topic::{has_topic_in, topics_with_narrower, with_narrower};
use crate::text::tokenizer::SearchTerms;

/// Filter on papers. Conditions are combined with AND; `None` imposes no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PaperFilter {
    /// Paper is any of these.
    pub ids: Option<Vec<i64>>,
    /// Paper has any of these DOIs.
    pub dois: Option<Vec<String>>,
    /// Any of these researchers is an author.
    pub author_ids: Option<Vec<i64>>,
    /// Paper is linked to any of these organizations or their descendants.
    pub organizations: Option<LinkedOrganizations>,
    /// Paper is on any of these topics or narrower ones.
    pub topic_ids: Option<Vec<i64>>,
    /// Paper was published in these years.
    pub publication_year: Option<YearRange>,
    /// Paper is of any of these types.
    pub types: Option<Vec<PaperType>>,
    /// Paper appeared in any of these venues.
    pub venue_names: Option<Vec<String>>,
    /// Paper has (`true`) or lacks (`false`) an abstract that can be displayed.
    pub has_abstract: Option<bool>,
    /// Paper has or lacks a DOI.
    pub has_doi: Option<bool>,
    /// Paper is or is not retracted.
    pub is_retracted: Option<bool>,
    /// Paper is or is not a version of another paper.
    pub is_version: Option<bool>,
    /// Title or abstract matches this search.
    pub query: Option<SearchTerms>,
    /// Paper was updated at or after this time.
    pub updated_since: Option<DateTime<Utc>>,
    /// Paper matches all of these filters.
    pub and: Option<Vec<PaperFilter>>,
    /// Paper matches any of these filters.
    pub or: Option<Vec<PaperFilter>>,
    /// Paper does not match this filter.
    pub not: Option<Box<PaperFilter>>,
}

impl PaperFilter {
    fn conditions(&self) -> Vec<Sql> {
        let mut conditions = Vec::new();
        if let Some(ids) = &self.ids {
            conditions.push(is_any_of_ids::<paper::Model>("paper.id", ids));
        }
        if let Some(dois) = &self.dois {
            conditions.push(paper::COLUMN.doi.eq_any(dois.clone()).into());
        }
        if let Some(authors) = &self.author_ids {
            let by_authors = sql!("paper.id IN (SELECT by_author.paper_id FROM authorship AS by_author WHERE ");
            let by_author = is_any_of_ids::<researcher::Model>("by_author.researcher_id", authors);
            conditions.push(by_authors.then(by_author).then(")"));
        }
        conditions.extend(self.organizations.as_ref().map(LinkedOrganizations::condition));
        if let Some(topics) = &self.topic_ids {
            conditions.push(has_topic_in(topics_with_narrower(topics)));
        }
        if let Some(years) = self.publication_year {
            conditions.push(years.condition());
        }
        if let Some(types) = &self.types {
            conditions.push(paper::Column::PaperType.eq_any(types.iter().copied()).into());
        }
        if let Some(venues) = &self.venue_names {
            conditions.push(paper::COLUMN.venue_name.eq_any(venues.clone()).into());
        }
        let mut push_if = |expected: Option<bool>, if_true: &str, if_false: &str| match expected {
            Some(true) => conditions.push(if_true.into()),
            Some(false) => conditions.push(if_false.into()),
            None => {}
        };
        push_if(self.has_abstract, "paper.abstract_text <> '{}'", "paper.abstract_text = '{}'");
        push_if(self.is_retracted, "paper.is_retracted", "NOT paper.is_retracted");
        conditions.extend(self.has_doi.map(|has_doi| has_value(paper::Column::Doi, has_doi)));
        conditions.extend(self.is_version.map(|is_version| has_value(paper::Column::VersionOfId, is_version)));
        conditions.extend(self.query.as_ref().map(|query| search::matches_query(EntityType::Paper, query)));
        if let Some(since) = self.updated_since {
            conditions.push(paper::COLUMN.updated_at.gte(since).into());
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

/// Returns a query for the papers shared by both parents, one per work: the version of record if it is among them,
/// otherwise the latest version.
fn shared_works_sql(conditions: Vec<Sql>) -> Sql {
    sql!("SELECT DISTINCT ON (coalesce(paper.version_of_id, paper.id)) paper.id FROM authorship AS mine \
          JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id JOIN paper ON paper.id = mine.paper_id \
          WHERE mine.researcher_id = parent.key AND theirs.researcher_id = parent.other AND ")
    .then(Sql::all(conditions))
    .then(
        " ORDER BY coalesce(paper.version_of_id, paper.id), paper.version_of_id IS NOT NULL, paper.publication_key DESC, paper.id",
    )
}

/// Sort fields of papers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaperOrder {
    /// Publication date; unknown dates sort as the earliest.
    PublicationDate,
    /// Title.
    Title,
    /// Number of authors.
    AuthorCount,
    /// Time of the last update.
    UpdatedAt,
    /// Relevance to the filter's query.
    Relevance,
}

impl PaperOrder {
    fn sort_key(self) -> SortKey {
        match self {
            Self::PublicationDate => SortKey::new("paper.publication_key", SortKeyType::Integer),
            Self::Title => SortKey::new("paper.sort_title", SortKeyType::Text),
            Self::AuthorCount => SortKey::new("paper.author_count", SortKeyType::Integer),
            Self::UpdatedAt => SortKey::new("paper.updated_at", SortKeyType::Timestamp),
            Self::Relevance => search::relevance_key(),
        }
    }

    /// Returns the sort keys. Equally relevant papers are sorted by publication date.
    fn sort_keys(self) -> Vec<SortKey> {
        let id = SortKey::new("paper.id", SortKeyType::Integer);
        match self {
            Self::Relevance => vec![self.sort_key(), Self::PublicationDate.sort_key(), id],
            _ => vec![self.sort_key(), id],
        }
    }

    /// Returns the join of the relevance, if that is the sort field.
    fn relevance_join(self, filter: &PaperFilter) -> Sql {
        search::relevance_join(EntityType::Paper, filter.query.as_ref().filter(|_| self == Self::Relevance))
    }
}

/// Which papers are listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PaperScope {
    /// All papers.
    All,
    /// Papers linked to the parent, an organization.
    Organization {
        /// Whether descendants of the organization count.
        include_descendants: bool,
        /// Links that count.
        links: PaperOrganizationLinks,
    },
    /// Papers on the parent, a topic.
    Topic {
        /// Whether narrower topics count.
        include_narrower: bool,
    },
    /// Papers shared by both parents, researchers, that this filter counts: one paper per work.
    Shared(CoauthorFilter),
}

/// List of papers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Papers {
    /// Which papers are listed.
    pub scope: PaperScope,
    /// Filter on the papers.
    pub filter: PaperFilter,
    /// Sort field.
    pub order: PaperOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

impl Papers {
    /// Returns the source that reads these papers, with these conditions besides those of the filter.
    fn source_of(
        &self,
        papers: impl Into<Sql>,
        filter: &PaperFilter,
        conditions: impl IntoIterator<Item = Sql>,
    ) -> ListSource {
        ListSource {
            node_alias: "paper",
            edge_columns: no_edge_columns,
            from: papers.into().then(self.order.relevance_join(filter)),
            conditions: filter.conditions().into_iter().chain(conditions).collect(),
            sort_keys: self.order.sort_keys(),
            direction: self.direction,
        }
    }
}

impl List for Papers {
    type Node = paper::Model;
    type Edge = NoEdge;
    const PAGE_QUERY: &'static str = "papers::page";
    const COUNT_QUERY: &'static str = "papers::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        match self.scope {
            PaperScope::Organization { .. } => Some(EntityType::Organization),
            PaperScope::Shared(_) => Some(EntityType::Researcher),
            PaperScope::All | PaperScope::Topic { .. } => None,
        }
    }

    fn source(&self, store: &Store) -> ListSource {
        let condition = match &self.scope {
            PaperScope::All => None,
            PaperScope::Organization { include_descendants, links } => {
                Some(links.is_linked(with_descendants("SELECT parent.key".into(), *include_descendants)))
            }
            PaperScope::Topic { include_narrower } => {
                Some(has_topic_in(with_narrower("SELECT parent.key".into(), *include_narrower)))
            }
            PaperScope::Shared(coauthors) => {
                Some(Sql::in_subquery("paper.id", shared_works_sql(coauthors.paper_conditions(store))))
            }
        };
        self.source_of("paper", &self.filter, condition)
    }

    /// The organizations are those of the scope, or of the filter: an organization can have three papers or most of them.
    fn sized_source(&self, _: &Store) -> Option<SizedSource> {
        // Relevance is computed for all matches of the query in any case.
        if self.order == PaperOrder::Relevance {
            return None;
        }
        let mut filter = self.filter.clone();
        let (links, organizations) = match &self.scope {
            PaperScope::Organization { include_descendants, links } => {
                (*links, with_descendants("SELECT parent.key".into(), *include_descendants))
            }
            PaperScope::All => filter.organizations.take().map(|linked| (linked.links, linked.organizations()))?,
            PaperScope::Topic { .. } | PaperScope::Shared(_) => return None,
        };
        Some(SizedSource {
            is_small: links.are_few(organizations.clone()),
            small: self.source_of(links.linked_papers(organizations.clone()), &filter, None),
            large: self.source_of("paper", &filter, [links.checked_for_paper(organizations)]),
        })
    }
}

/// List of the papers of the parent, a researcher.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResearcherPapers {
    /// Filter on the papers.
    pub filter: PaperFilter,
    /// Sort field.
    pub order: PaperOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

impl List for ResearcherPapers {
    type Node = paper::Model;
    type Edge = ResearcherPaperEdge;
    const PAGE_QUERY: &'static str = "researcher_papers::page";
    const COUNT_QUERY: &'static str = "researcher_papers::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        Some(EntityType::Researcher)
    }

    fn is_batchable(&self, _: usize) -> bool {
        self.filter == PaperFilter::default() && self.order == PaperOrder::PublicationDate
    }

    fn source(&self, _: &Store) -> ListSource {
        let mut conditions = self.filter.conditions();
        conditions.push("own.researcher_id = parent.key".into());
        let keys = match self.order {
            // Both keys come from the authorship, so that the list is a range of its index.
            PaperOrder::PublicationDate => {
                vec![
                    SortKey::new("own.publication_key", SortKeyType::Integer),
                    SortKey::new("own.paper_id", SortKeyType::Integer),
                ]
            }
            order => order.sort_keys(),
        };
        ListSource {
            node_alias: "paper",
            edge_columns: |selected| ResearcherPaperEdge::select_list("own", selected),
            from: sql!("authorship AS own JOIN paper ON paper.id = own.paper_id")
                .then(self.order.relevance_join(&self.filter)),
            conditions,
            sort_keys: keys,
            direction: self.direction,
        }
    }
}
