//! Facets: counts of a filtered list by topic, researcher, year and so on.
//!
//! All facets of a list, for all its parents, are one SQL query. Its length does not depend on the number of parents:
//! each kind of facet is counted once, and each loader key selects its part of the counts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::future::try_join_all;
use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::reader::affiliation::AffiliationFilter;
use crate::store::reader::organization::with_descendants;
use crate::store::reader::page::{List, ListSource, ParentKey, parent_is_gone};
use crate::store::reader::paper::{PaperOrder, PaperScope, Papers, ResearcherPapers};
use crate::store::reader::researcher::{OrganizationResearchers, Researchers, TopicResearchers};
use crate::store::reader::topic::with_narrower;

/// Property by which the items of a list are counted.
pub trait FacetKind: Copy + Debug + Ord + Hash + Send + Sync + 'static {
    /// List whose items are counted.
    type List: Clone + Debug + Eq + Hash + Send + Sync + 'static;
    /// Column of the item's id.
    const ID_COLUMN: &'static str;
    /// Name of the query in traces.
    const QUERY: &'static str;

    /// Returns the type of the list's parents if they can be merged; see [`List::mergeable_parent`].
    fn mergeable_parent(list: &Self::List) -> Option<EntityType>;
    /// Returns the source of the items to count.
    fn domain(list: &Self::List, store: &Store) -> FacetDomain;
    /// Returns how the items are grouped.
    fn grouping(self) -> FacetGrouping;
}

/// Source of the items to count.
pub struct FacetDomain {
    /// Source of the list, or an unordered equivalent.
    source: ListSource,
    /// Whether the source can contain an item more than once.
    has_duplicates: bool,
    /// Whether the list can be a large part of the directory, unlike that of one researcher.
    is_large: bool,
}

impl FacetDomain {
    fn from_list(source: ListSource, is_large: bool) -> Self {
        Self { source, has_duplicates: false, is_large }
    }

    /// Items reached through a join. Facets read the whole list, so joining the entities that several parents share is
    /// cheaper than a subquery per parent. `roots` is read as an array: the planner overestimates the rows of a
    /// recursive query and would scan whole tables.
    fn from_join(mut source: ListSource, join: &str, column: &str, roots: Sql) -> Self {
        source.from = source.from.then(join);
        source.conditions.push(Sql::in_subquery(column, roots));
        Self { source, has_duplicates: true, is_large: true }
    }
}

/// How items are grouped.
pub struct FacetGrouping {
    /// Column of the item that the grouping needs besides the id.
    source_column: Option<&'static str>,
    /// Query for a row of `parent` and `entry` for each item of `matched` and each value it counts for.
    members: Sql,
    /// Type of the value.
    value_type: FacetValueType,
}

enum FacetValueType {
    /// Id of an entity of this type.
    Entity(EntityType),
    /// Year; sorted by year, whereas all other values are sorted by count, descending.
    Year,
    Text,
}

/// Selection of a facet's values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FacetSelection {
    /// All values.
    All,
    /// The first _n_ values by count.
    First(u32),
    /// The values with these ids, including those with a count of 0; ids of no entity are ignored.
    Ids(Arc<[i64]>),
}

/// Loader key of a facet of a parent's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FacetKey<K: FacetKind> {
    /// Parent of the list.
    pub parent: ParentKey,
    /// List whose items are counted.
    pub list: K::List,
    /// Property by which they are counted.
    pub kind: K,
    /// Selection of the values.
    pub selection: FacetSelection,
}

/// Value of a facet and the number of items that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCount {
    /// Id of the entity, or the year; 0 for text values.
    pub number: i64,
    /// Text value; empty for other types.
    pub text: String,
    /// Number of items.
    pub count: i64,
}

/// Facets of paper lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaperFacet {
    /// Publication year; papers without a year are not counted.
    PublicationYears,
    /// Paper type.
    Types,
    /// Venue; papers without a venue are not counted.
    Venues,
    /// Topics of the paper itself, without broader ones.
    Topics,
    /// Resolved authors.
    Researchers,
    /// Organizations of the authors on the paper.
    Organizations,
}

/// Paper lists that have facets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FacetedPapers {
    /// Papers in any scope.
    Any(Arc<Papers>),
    /// Papers of a researcher.
    OfResearcher(Arc<ResearcherPapers>),
}

impl From<Arc<Papers>> for FacetedPapers {
    fn from(list: Arc<Papers>) -> Self {
        Self::Any(list)
    }
}

impl From<Arc<ResearcherPapers>> for FacetedPapers {
    fn from(list: Arc<ResearcherPapers>) -> Self {
        Self::OfResearcher(list)
    }
}

impl FacetKind for PaperFacet {
    type List = FacetedPapers;
    const ID_COLUMN: &'static str = "paper.id";
    const QUERY: &'static str = "papers::facets";

    fn mergeable_parent(list: &FacetedPapers) -> Option<EntityType> {
        match list {
            FacetedPapers::Any(papers) => papers.mergeable_parent(),
            FacetedPapers::OfResearcher(papers) => papers.mergeable_parent(),
        }
    }

    fn domain(list: &FacetedPapers, store: &Store) -> FacetDomain {
        let papers = match list {
            FacetedPapers::Any(papers) => papers,
            // Facets need no order; that of relevance would search once more for each parent.
            FacetedPapers::OfResearcher(papers) => {
                let papers = ResearcherPapers { order: PaperOrder::PublicationDate, ..ResearcherPapers::clone(papers) };
                return FacetDomain::from_list(papers.source(store), false);
            }
        };
        let all_scopes = || Papers { scope: PaperScope::All, ..Papers::clone(papers) }.source(store);
        let parent = || sql!("SELECT parent.key");
        match papers.scope {
            PaperScope::Organization { include_descendants, links } => {
                let mut source = all_scopes();
                source.conditions.push(links.condition());
                FacetDomain::from_join(
                    source,
                    " JOIN paper_organization AS link ON link.paper_id = paper.id",
                    "link.organization_id",
                    with_descendants(parent(), include_descendants),
                )
            }
            PaperScope::Topic { include_narrower } => FacetDomain::from_join(
                all_scopes(),
                " JOIN paper_topic AS subject ON subject.paper_id = paper.id",
                "subject.topic_id",
                with_narrower(parent(), include_narrower),
            ),
            PaperScope::All => FacetDomain::from_list(papers.source(store), true),
            PaperScope::Shared(_) => FacetDomain::from_list(papers.source(store), false),
        }
    }

    fn grouping(self) -> FacetGrouping {
        let (column, ties, entry) = match self {
            Self::PublicationYears => (
                Some("paper.publication_year"),
                "SELECT matched.parent, matched.publication_year AS entry FROM matched \
                 WHERE matched.publication_year IS NOT NULL",
                FacetValueType::Year,
            ),
            Self::Types => {
                (Some("paper.type"), "SELECT matched.parent, matched.type AS entry FROM matched", FacetValueType::Text)
            }
            Self::Venues => (
                Some("paper.venue_name"),
                "SELECT matched.parent, matched.venue_name AS entry FROM matched WHERE matched.venue_name IS NOT NULL",
                FacetValueType::Text,
            ),
            Self::Topics => (
                None,
                "SELECT matched.parent, paper_topic.topic_id AS entry FROM matched \
                 JOIN paper_topic ON paper_topic.paper_id = matched.id",
                FacetValueType::Entity(EntityType::Topic),
            ),
            // A researcher is at most one author of a paper.
            Self::Researchers => (
                None,
                "SELECT matched.parent, authorship.researcher_id AS entry FROM matched \
                 JOIN authorship ON authorship.paper_id = matched.id WHERE authorship.researcher_id IS NOT NULL",
                FacetValueType::Entity(EntityType::Researcher),
            ),
            Self::Organizations => (
                None,
                "SELECT DISTINCT matched.parent, matched.id, authorship_organization.organization_id AS entry \
                 FROM matched JOIN authorship ON authorship.paper_id = matched.id \
                 JOIN authorship_organization ON authorship_organization.authorship_id = authorship.id",
                FacetValueType::Entity(EntityType::Organization),
            ),
        };
        FacetGrouping { source_column: column, members: ties.into(), value_type: entry }
    }
}

/// Facets of researcher lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResearcherFacet {
    /// Organizations of current employments, memberships and invited positions.
    Organizations,
    /// Declared topics and topics of papers.
    Topics,
}

/// Researcher lists that have facets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FacetedResearchers {
    /// All researchers.
    Any(Arc<Researchers>),
    /// Researchers of an organization.
    OfOrganization(Arc<OrganizationResearchers>),
    /// Researchers of a topic.
    OfTopic(Arc<TopicResearchers>),
}

impl From<Arc<Researchers>> for FacetedResearchers {
    fn from(list: Arc<Researchers>) -> Self {
        Self::Any(list)
    }
}

impl From<Arc<OrganizationResearchers>> for FacetedResearchers {
    fn from(list: Arc<OrganizationResearchers>) -> Self {
        Self::OfOrganization(list)
    }
}

impl From<Arc<TopicResearchers>> for FacetedResearchers {
    fn from(list: Arc<TopicResearchers>) -> Self {
        Self::OfTopic(list)
    }
}

impl FacetKind for ResearcherFacet {
    type List = FacetedResearchers;
    const ID_COLUMN: &'static str = "researcher.id";
    const QUERY: &'static str = "researchers::facets";

    fn mergeable_parent(list: &FacetedResearchers) -> Option<EntityType> {
        match list {
            FacetedResearchers::Any(researchers) => researchers.mergeable_parent(),
            FacetedResearchers::OfOrganization(researchers) => researchers.mergeable_parent(),
            FacetedResearchers::OfTopic(researchers) => researchers.mergeable_parent(),
        }
    }

    fn domain(list: &FacetedResearchers, store: &Store) -> FacetDomain {
        let researchers = match list {
            FacetedResearchers::Any(researchers) => return FacetDomain::from_list(researchers.source(store), true),
            FacetedResearchers::OfTopic(researchers) => {
                return FacetDomain::from_list(researchers.source(store), true);
            }
            FacetedResearchers::OfOrganization(researchers) => researchers,
        };
        let all_researchers = Researchers {
            filter: researchers.filter.clone(),
            order: researchers.order,
            direction: researchers.direction,
        };
        let mut source = all_researchers.source(store);
        source.conditions.extend(researchers.affiliation.for_researchers().conditions());
        FacetDomain::from_join(
            source,
            " JOIN affiliation ON affiliation.researcher_id = researcher.id",
            "affiliation.organization_id",
            with_descendants("SELECT parent.key".into(), researchers.affiliation.include_descendants),
        )
    }

    fn grouping(self) -> FacetGrouping {
        match self {
            Self::Organizations => FacetGrouping {
                source_column: None,
                members: sql!(
                    "SELECT DISTINCT matched.parent, matched.id, affiliation.organization_id AS entry FROM matched \
                     JOIN affiliation ON affiliation.researcher_id = matched.id WHERE "
                )
                .then(Sql::all(AffiliationFilter::default().for_researchers().conditions())),
                value_type: FacetValueType::Entity(EntityType::Organization),
            },
            Self::Topics => FacetGrouping {
                source_column: None,
                members: "SELECT matched.parent, matched.id, researcher_topic.topic_id AS entry FROM matched \
                       JOIN researcher_topic ON researcher_topic.researcher_id = matched.id \
                       UNION SELECT matched.parent, matched.id, paper_topic.topic_id FROM matched \
                       JOIN authorship ON authorship.researcher_id = matched.id \
                       JOIN paper_topic ON paper_topic.paper_id = authorship.paper_id"
                    .into(),
                value_type: FacetValueType::Entity(EntityType::Topic),
            },
        }
    }
}

/// Union of the requirements of all loader keys for one facet.
#[derive(Default)]
struct FacetDemand {
    /// Number of values per parent, by count.
    first: Option<i64>,
    /// Values by id, each with the number of the parent.
    ids: BTreeSet<(i64, i64)>,
}

/// Branch of the query's UNION.
#[derive(Clone, Copy)]
struct FacetBranch<K> {
    kind: K,
    is_by_id: bool,
}

#[derive(FromQueryResult)]
struct FacetCountRow {
    branch: i32,
    parent: i64,
    number: i64,
    text: String,
    count: i64,
}

/// Rows of the query, indexed for the loader keys.
struct FacetCounts<K> {
    /// Parents that are gone.
    gone: HashSet<i64>,
    /// First values of a facet and parent, sorted.
    first: HashMap<(K, i64), Vec<FacetCount>>,
    /// Count by facet, parent and id.
    by_id: HashMap<(K, i64, i64), i64>,
}

/// Number of the branch with the parents that are gone.
const GONE_BRANCH: i32 = -1;

/// Returns the parents with their numbers (from 1), as an item of a FROM clause.
fn numbered_parents_sql(parents: &[ParentKey]) -> Sql {
    sql!(
        "unnest(?::bigint[], ?::bigint[]) WITH ORDINALITY AS parent(key, other, number)",
        bigint_array(parents.iter().map(|parent| parent.primary)),
        bigint_array(parents.iter().map(|parent| parent.secondary)),
    )
}

/// Returns the common table `matched`: the items of each parent's list with the parent's number (from 1), the id and
/// the columns for grouping.
fn matched_sql<K: FacetKind>(domain: FacetDomain, parents: &[ParentKey], kinds: impl Iterator<Item = K>) -> Sql {
    let FacetDomain { source, has_duplicates, is_large } = domain;
    let columns: Vec<&str> = kinds.filter_map(|kind| kind.grouping().source_column).collect();
    let columns = std::iter::once(K::ID_COLUMN).chain(columns).collect::<Vec<_>>().join(", ");
    Sql::from(if has_duplicates { "matched AS (SELECT DISTINCT" } else { "matched AS (SELECT" })
        .then(" parent.number AS parent, thing.* FROM ")
        .then(numbered_parents_sql(parents))
        .then(" CROSS JOIN LATERAL (SELECT ")
        .then(columns)
        .then(" FROM ")
        .then(source.from)
        .then(" WHERE ")
        .then(Sql::all(source.conditions))
        .then(if is_large { sql!(") AS thing)").counting_many_rows() } else { ") AS thing)".into() })
}

/// Returns the common table that counts one facet.
fn counted_sql(counted: &str, grouping: &FacetGrouping, demand: &FacetDemand) -> Sql {
    let members = Sql::from(format!("{counted} AS (SELECT tie.parent, tie.entry, count(*) AS count FROM ("))
        .then(grouping.members.clone())
        .then(") AS tie");
    let members = if demand.first.is_some() {
        members
    } else {
        let entity_ids: BTreeSet<i64> = demand.ids.iter().map(|(_, id)| *id).collect();
        members.then(sql!(" WHERE tie.entry = ANY(?)", bigint_array(entity_ids)))
    };
    members.then(" GROUP BY tie.parent, tie.entry)")
}

fn top_counts_sql(branch: usize, counted: &str, value_type: &FacetValueType, limit: i64) -> Sql {
    let (number, text, order) = match value_type {
        FacetValueType::Entity(_) => ("entry", "''", "count DESC, entry"),
        FacetValueType::Year => ("entry::bigint", "''", "entry"),
        FacetValueType::Text => ("0::bigint", "entry", "count DESC, entry COLLATE \"C\""),
    };
    Sql::with(
        &format!(
            "SELECT {branch} AS branch, parent, {number} AS number, {text} AS text, count, rank FROM (\
             SELECT *, row_number() OVER (PARTITION BY parent ORDER BY {order}) AS rank FROM {counted}) AS ranked \
             WHERE rank <= ?"
        ),
        limit,
    )
}

fn counts_by_id_sql(branch: usize, counted: &str, kind: EntityType, entity_ids: &BTreeSet<(i64, i64)>) -> Sql {
    let table = kind.table();
    Sql::from(format!(
        "SELECT {branch} AS branch, wanted.parent, wanted.id AS number, '' AS text, coalesce(counted.count, 0) AS count, \
         0::bigint AS rank FROM unnest("
    ))
    .then(sql!(
        "?::bigint[], ?::bigint[]) AS wanted(parent, id) ",
        bigint_array(entity_ids.iter().map(|(parent, _)| *parent)),
        bigint_array(entity_ids.iter().map(|(_, id)| *id)),
    ))
    .then(format!(
        "JOIN {table} ON {table}.id = wanted.id \
         LEFT JOIN {counted} AS counted ON counted.parent = wanted.parent AND counted.entry = wanted.id"
    ))
}

/// Returns the query for all facets of a list and the meaning of its branches.
fn facets_sql<K: FacetKind>(
    domain: FacetDomain,
    mergeable_parent: Option<EntityType>,
    parents: &[ParentKey],
    demand: &BTreeMap<K, FacetDemand>,
) -> (Sql, Vec<FacetBranch<K>>) {
    let mut tables = sql!("WITH ").then(matched_sql(domain, parents, demand.keys().copied()));
    let mut rows = Sql::default();
    let mut branches = Vec::new();
    for (index, (kind, demand)) in demand.iter().enumerate() {
        let (grouping, counted) = (kind.grouping(), format!("counted_{index}"));
        tables = tables.then(", ").then(counted_sql(&counted, &grouping, demand));
        if let Some(limit) = demand.first {
            rows = rows.then(union_separator(&branches)).then(top_counts_sql(
                branches.len(),
                &counted,
                &grouping.value_type,
                limit,
            ));
            branches.push(FacetBranch { kind: *kind, is_by_id: false });
        }
        if let FacetValueType::Entity(entity_type) = grouping.value_type
            && !demand.ids.is_empty()
        {
            rows = rows.then(union_separator(&branches)).then(counts_by_id_sql(
                branches.len(),
                &counted,
                entity_type,
                &demand.ids,
            ));
            branches.push(FacetBranch { kind: *kind, is_by_id: true });
        }
    }
    if let Some(kind) = mergeable_parent {
        let gone = format!(" UNION ALL SELECT {GONE_BRANCH}, parent.number, 0::bigint, '', 0::bigint, 0::bigint FROM ");
        rows = rows.then(gone).then(numbered_parents_sql(parents)).then(" WHERE ").then(parent_is_gone(kind));
    }
    (tables.then(" ").then(rows).then(" ORDER BY rank"), branches)
}

fn union_separator<K>(before: &[FacetBranch<K>]) -> &'static str {
    if before.is_empty() { "" } else { " UNION ALL " }
}

impl<K: FacetKind> FacetCounts<K> {
    fn from_rows(rows: Vec<FacetCountRow>, branches: &[FacetBranch<K>]) -> Self {
        let mut counts = Self { gone: HashSet::new(), first: HashMap::new(), by_id: HashMap::new() };
        for FacetCountRow { branch, parent, number, text, count } in rows {
            if branch == GONE_BRANCH {
                counts.gone.insert(parent);
            }
            let Some(branch) = usize::try_from(branch).ok().and_then(|branch| branches.get(branch)) else { continue };
            if branch.is_by_id {
                counts.by_id.insert((branch.kind, parent, number), count);
            } else {
                counts.first.entry((branch.kind, parent)).or_default().push(FacetCount { number, text, count });
            }
        }
        counts
    }

    fn select(&self, kind: K, parent: i64, which: &FacetSelection) -> Vec<FacetCount> {
        let first = |limit: usize| {
            self.first.get(&(kind, parent)).into_iter().flatten().take(limit).cloned().collect::<Vec<FacetCount>>()
        };
        match which {
            FacetSelection::All => first(usize::MAX),
            FacetSelection::First(limit) => first(*limit as usize),
            FacetSelection::Ids(ids) => {
                let ids: BTreeSet<i64> = ids.iter().copied().collect();
                let entry = |id| {
                    let count = *self.by_id.get(&(kind, parent, id))?;
                    Some(FacetCount { number: id, text: String::new(), count })
                };
                let mut entries: Vec<FacetCount> = ids.into_iter().filter_map(entry).collect();
                entries.sort_by_key(|entry| (Reverse(entry.count), entry.number));
                entries
            }
        }
    }
}

impl Store {
    /// Loads all facets of one list, except for parents that are gone.
    async fn load_facets<K: FacetKind>(
        &self,
        list: &K::List,
        keys: &[&FacetKey<K>],
    ) -> Result<Vec<(FacetKey<K>, Arc<Vec<FacetCount>>)>, Error> {
        let parents: Vec<ParentKey> = keys.iter().map(|key| key.parent).collect::<HashSet<_>>().into_iter().collect();
        let parent_numbers: HashMap<ParentKey, i64> = parents.iter().copied().zip(1..).collect();
        let parent_number = |key: &FacetKey<K>| parent_numbers.get(&key.parent).copied().unwrap_or_default();
        let mut demands: BTreeMap<K, FacetDemand> = BTreeMap::new();
        for key in keys {
            let demand = demands.entry(key.kind).or_default();
            match &key.selection {
                FacetSelection::All => demand.first = Some(i64::MAX),
                FacetSelection::First(first) => demand.first = demand.first.max(Some(i64::from(*first))),
                FacetSelection::Ids(ids) => demand.ids.extend(ids.iter().map(|id| (parent_number(key), *id))),
            }
        }
        demands.retain(|_, demand| demand.first.is_some() || !demand.ids.is_empty());
        let counts = if demands.is_empty() {
            FacetCounts::from_rows(Vec::new(), &[])
        } else {
            let (sql, branches) = facets_sql(K::domain(list, self), K::mergeable_parent(list), &parents, &demands);
            FacetCounts::from_rows(self.query_all(FacetKey::<K>::NAME, sql).await?, &branches)
        };
        let select =
            |key: &FacetKey<K>| (key.clone(), Arc::new(counts.select(key.kind, parent_number(key), &key.selection)));
        let remaining = keys.iter().filter(|key| !counts.gone.contains(&parent_number(key)));
        Ok(remaining.map(|key| select(key)).collect())
    }
}

impl<K: FacetKind> LoaderKey for FacetKey<K> {
    const NAME: &'static str = K::QUERY;

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        let kind = K::mergeable_parent(&self.list)?;
        Some(Self { parent: self.parent.with_ids(kind, id_of), ..self.clone() })
    }
}

impl<K: FacetKind> Loader<FacetKey<K>> for Store {
    type Value = Arc<Vec<FacetCount>>;

    async fn load(&self, keys: &[FacetKey<K>]) -> Result<HashMap<FacetKey<K>, Self::Value>, Error> {
        let mut lists: HashMap<&K::List, Vec<&FacetKey<K>>> = HashMap::new();
        for key in keys {
            lists.entry(&key.list).or_default().push(key);
        }
        let facets = lists.into_iter().map(async |(list, keys)| self.load_facets(list, &keys).await);
        Ok(try_join_all(facets).await?.into_iter().flatten().collect())
    }
}
