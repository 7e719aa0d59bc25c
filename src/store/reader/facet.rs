//! Facets: how the whole of a filtered list divides by topic, person, year and so on.
//!
//! All facets asked of a list, for all its parents, are one statement. Its length does not depend on how many there are:
//! it counts by each kind of facet once, and what was asked for takes its part of the counts.

use std::any::type_name;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::future::try_join_all;
use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::reader::affiliation::AffiliationFilter;
use crate::store::reader::organization::with_descendants;
use crate::store::reader::page::{List as _, ListSource, ParentKey};
use crate::store::reader::paper::{PaperScope, Papers, ResearcherPapers};
use crate::store::reader::researcher::{OrganizationResearchers, Researchers, TopicResearchers};
use crate::store::reader::topic::with_narrower;

/// By what the things of a list are counted.
pub trait FacetKind: Copy + Debug + Ord + Hash + Send + Sync + 'static {
    /// The lists that are counted so.
    type List: Clone + Debug + Eq + Hash + Send + Sync + 'static;
    /// The id of a list's thing.
    const ID_COLUMN: &'static str;

    /// Where a list's things come from.
    fn domain(list: &Self::List, store: &Store) -> FacetDomain;
    /// How they are counted.
    fn grouping(self) -> FacetGrouping;
}

/// Where the things to be counted come from.
pub struct FacetDomain {
    /// A list's own source, or one without regard to its order.
    source: ListSource,
    /// Whether it has a thing once for each way to come to it.
    has_duplicates: bool,
}

impl FacetDomain {
    fn from_list(source: ListSource) -> Self {
        Self { source, has_duplicates: false }
    }

    /// Things that a join leads to. Nothing here is read page by page, so that what many parents have in common need
    /// not be sought for each of them, as a subquery in the conditions would be. The ids of what is below or narrower
    /// are `roots` as an array: of a recursion the planner expects so many rows that it reads whole tables.
    fn from_join(mut source: ListSource, join: &str, column: &str, roots: Sql) -> Self {
        source.from = source.from.then(join);
        source.conditions.push(Sql::in_subquery(column, roots));
        Self { source, has_duplicates: true }
    }
}

/// How things are counted.
pub struct FacetGrouping {
    /// What is read of each thing beside its id.
    source_column: Option<&'static str>,
    /// A row of `parent` and `entry` for each thing of `matched` and each entry that it counts for.
    members: Sql,
    /// What an entry is.
    value_type: FacetValueType,
}

enum FacetValueType {
    /// A row of this table.
    Entity(&'static str),
    /// A year; years are in order, where all else has most first.
    Year,
    Text,
}

/// A part of a facet's entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FacetSelection {
    /// All.
    All,
    /// So many, most first.
    First(u32),
    /// Those with these ids: what exists of them, also where nothing counts for it.
    Ids(Arc<[i64]>),
}

/// Asks for a facet of a parent's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FacetKey<K: FacetKind> {
    /// Whose.
    pub parent: ParentKey,
    /// Which list.
    pub list: K::List,
    /// By what it is counted.
    pub kind: K,
    /// What of the counts.
    pub selection: FacetSelection,
}

/// How many things of a list count for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCount {
    /// Its id, or the year; 0 where it is a text.
    pub number: i64,
    /// The text; empty where it is none.
    pub text: String,
    /// How many things.
    pub count: i64,
}

/// By what papers are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaperFacet {
    /// By the year they appeared; those without a year are in none.
    PublicationYears,
    /// By what kind of work they are.
    Types,
    /// By their venues; those without one are in none.
    Venues,
    /// By their own topics.
    Topics,
    /// By their authors, as far as resolved.
    Researchers,
    /// By where their authors were.
    Organizations,
}

/// Papers that can be counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FacetedPapers {
    /// Of any scope.
    Any(Arc<Papers>),
    /// A researcher's.
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

    fn domain(list: &FacetedPapers, store: &Store) -> FacetDomain {
        let papers = match list {
            FacetedPapers::Any(papers) => papers,
            FacetedPapers::OfResearcher(papers) => return FacetDomain::from_list(papers.source(store)),
        };
        let of_any_scope = || Papers { scope: PaperScope::All, ..Papers::clone(papers) }.source(store);
        let parent = || Sql::from("SELECT parent.key");
        match papers.scope {
            PaperScope::Organization { include_descendants } => FacetDomain::from_join(
                of_any_scope(),
                " JOIN authorship AS there ON there.paper_id = paper.id \
                 JOIN authorship_organization AS place ON place.authorship_id = there.id",
                "place.organization_id",
                with_descendants(parent(), include_descendants),
            ),
            PaperScope::Topic { include_narrower } => FacetDomain::from_join(
                of_any_scope(),
                " JOIN paper_topic AS subject ON subject.paper_id = paper.id",
                "subject.topic_id",
                with_narrower(parent(), include_narrower),
            ),
            PaperScope::All | PaperScope::Shared(_) => FacetDomain::from_list(papers.source(store)),
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
                FacetValueType::Entity("topic"),
            ),
            // One person is one author of a paper.
            Self::Researchers => (
                None,
                "SELECT matched.parent, authorship.researcher_id AS entry FROM matched \
                 JOIN authorship ON authorship.paper_id = matched.id WHERE authorship.researcher_id IS NOT NULL",
                FacetValueType::Entity("researcher"),
            ),
            Self::Organizations => (
                None,
                "SELECT DISTINCT matched.parent, matched.id, authorship_organization.organization_id AS entry \
                 FROM matched JOIN authorship ON authorship.paper_id = matched.id \
                 JOIN authorship_organization ON authorship_organization.authorship_id = authorship.id",
                FacetValueType::Entity("organization"),
            ),
        };
        FacetGrouping { source_column: column, members: ties.into(), value_type: entry }
    }
}

/// By what people are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResearcherFacet {
    /// By where they work, belong or are invited now.
    Organizations,
    /// By the topics that they declare or have papers on.
    Topics,
}

/// People who can be counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FacetedResearchers {
    /// Anybody.
    Any(Arc<Researchers>),
    /// An organization's.
    OfOrganization(Arc<OrganizationResearchers>),
    /// A topic's.
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

    fn domain(list: &FacetedResearchers, store: &Store) -> FacetDomain {
        let people = match list {
            FacetedResearchers::Any(people) => return FacetDomain::from_list(people.source(store)),
            FacetedResearchers::OfTopic(people) => return FacetDomain::from_list(people.source(store)),
            FacetedResearchers::OfOrganization(people) => people,
        };
        let anywhere = Researchers { filter: people.filter.clone(), order: people.order, direction: people.direction };
        let mut source = anywhere.source(store);
        source.conditions.extend(people.affiliation.for_researchers().conditions());
        FacetDomain::from_join(
            source,
            " JOIN affiliation ON affiliation.researcher_id = researcher.id",
            "affiliation.organization_id",
            with_descendants("SELECT parent.key".into(), people.affiliation.include_descendants),
        )
    }

    fn grouping(self) -> FacetGrouping {
        match self {
            Self::Organizations => FacetGrouping {
                source_column: None,
                members: Sql::from(
                    "SELECT DISTINCT matched.parent, matched.id, affiliation.organization_id AS entry FROM matched \
                     JOIN affiliation ON affiliation.researcher_id = matched.id WHERE ",
                )
                .then(Sql::all(AffiliationFilter::default().for_researchers().conditions())),
                value_type: FacetValueType::Entity("organization"),
            },
            Self::Topics => FacetGrouping {
                source_column: None,
                members: "SELECT matched.parent, matched.id, researcher_topic.topic_id AS entry FROM matched \
                       JOIN researcher_topic ON researcher_topic.researcher_id = matched.id \
                       UNION SELECT matched.parent, matched.id, paper_topic.topic_id FROM matched \
                       JOIN authorship ON authorship.researcher_id = matched.id \
                       JOIN paper_topic ON paper_topic.paper_id = authorship.paper_id"
                    .into(),
                value_type: FacetValueType::Entity("topic"),
            },
        }
    }
}

/// What all the asked facets of one kind need.
#[derive(Default)]
struct FacetDemand {
    /// So many of each parent's entries.
    first: Option<i64>,
    /// The entries with these ids, each with the number of the parent.
    ids: BTreeSet<(i64, i64)>,
}

/// One of the parts of a statement's rows.
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

/// The entries of a statement, as the asked facets take their parts of them.
struct FacetCounts<K> {
    /// The first ones of a kind and parent, in order.
    first: HashMap<(K, i64), Vec<FacetCount>>,
    /// The count of one of a kind, parent and id.
    by_id: HashMap<(K, i64, i64), i64>,
}

/// The things of each parent's list, as `matched`: the parent's number from 1, the id, and what the counting needs.
fn matched_sql<K: FacetKind>(things: FacetDomain, parents: &[ParentKey], kinds: impl Iterator<Item = K>) -> Sql {
    let FacetDomain { source, has_duplicates: repeats } = things;
    let columns: Vec<&str> = kinds.filter_map(|kind| kind.grouping().source_column).collect();
    let columns = std::iter::once(K::ID_COLUMN).chain(columns).collect::<Vec<_>>().join(", ");
    Sql::from(if repeats { "matched AS (SELECT DISTINCT" } else { "matched AS (SELECT" })
        .then(" parent.number AS parent, thing.* FROM unnest(")
        .then_with("?::bigint[], ", bigint_array(parents.iter().map(|parent| parent.primary)))
        .then_with("?::bigint[]) WITH ORDINALITY ", bigint_array(parents.iter().map(|parent| parent.secondary)))
        .then("AS parent(key, other, number) CROSS JOIN LATERAL (SELECT ")
        .then(columns)
        .then(" FROM ")
        .then(source.from)
        .then(" WHERE ")
        .then(Sql::all(source.conditions))
        .then(") AS thing)")
}

/// The counts of a kind, as the table `counted`.
fn counted_sql(counted: &str, counting: &FacetGrouping, asked: &FacetDemand) -> Sql {
    let ties = Sql::from(format!("{counted} AS (SELECT tie.parent, tie.entry, count(*) AS count FROM ("))
        .then(counting.members.clone())
        .then(") AS tie");
    let ties = if asked.first.is_some() {
        ties
    } else {
        let these: BTreeSet<i64> = asked.ids.iter().map(|(_, id)| *id).collect();
        ties.then_with(" WHERE tie.entry = ANY(?)", bigint_array(these))
    };
    ties.then(" GROUP BY tie.parent, tie.entry)")
}

fn top_counts_sql(branch: usize, counted: &str, entry: &FacetValueType, first: i64) -> Sql {
    let (number, text, order) = match entry {
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
        first,
    )
}

fn counts_by_id_sql(branch: usize, counted: &str, table: &str, these: &BTreeSet<(i64, i64)>) -> Sql {
    Sql::from(format!(
        "SELECT {branch} AS branch, wanted.parent, wanted.id AS number, '' AS text, coalesce(counted.count, 0) AS count, \
         0::bigint AS rank FROM unnest("
    ))
    .then_with("?::bigint[], ", bigint_array(these.iter().map(|(parent, _)| *parent)))
    .then_with("?::bigint[]) AS wanted(parent, id) ", bigint_array(these.iter().map(|(_, id)| *id)))
    .then(format!(
        "JOIN {table} ON {table}.id = wanted.id \
         LEFT JOIN {counted} AS counted ON counted.parent = wanted.parent AND counted.entry = wanted.id"
    ))
}

/// The statement for all that is asked of a list, and what each branch of its rows is.
fn facets_sql<K: FacetKind>(
    things: FacetDomain,
    parents: &[ParentKey],
    asked: &BTreeMap<K, FacetDemand>,
) -> (Sql, Vec<FacetBranch<K>>) {
    let mut tables = Sql::from("WITH ").then(matched_sql(things, parents, asked.keys().copied()));
    let mut rows = Sql::default();
    let mut branches = Vec::new();
    for (index, (kind, asked)) in asked.iter().enumerate() {
        let (counting, counted) = (kind.grouping(), format!("counted_{index}"));
        tables = tables.then(", ").then(counted_sql(&counted, &counting, asked));
        if let Some(first) = asked.first {
            rows = rows.then(union_separator(&branches)).then(top_counts_sql(
                branches.len(),
                &counted,
                &counting.value_type,
                first,
            ));
            branches.push(FacetBranch { kind: *kind, is_by_id: false });
        }
        if let FacetValueType::Entity(table) = counting.value_type
            && !asked.ids.is_empty()
        {
            rows = rows.then(union_separator(&branches)).then(counts_by_id_sql(
                branches.len(),
                &counted,
                table,
                &asked.ids,
            ));
            branches.push(FacetBranch { kind: *kind, is_by_id: true });
        }
    }
    (tables.then(" ").then(rows).then(" ORDER BY rank"), branches)
}

fn union_separator<K>(before: &[FacetBranch<K>]) -> &'static str {
    if before.is_empty() { "" } else { " UNION ALL " }
}

impl<K: FacetKind> FacetCounts<K> {
    fn from_rows(rows: Vec<FacetCountRow>, branches: &[FacetBranch<K>]) -> Self {
        let mut counts = Self { first: HashMap::new(), by_id: HashMap::new() };
        for FacetCountRow { branch, parent, number, text, count } in rows {
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
        let first = |most: usize| {
            self.first.get(&(kind, parent)).into_iter().flatten().take(most).cloned().collect::<Vec<FacetCount>>()
        };
        match which {
            FacetSelection::All => first(usize::MAX),
            FacetSelection::First(most) => first(*most as usize),
            FacetSelection::Ids(these) => {
                let these: BTreeSet<i64> = these.iter().copied().collect();
                let entry = |id| {
                    let count = *self.by_id.get(&(kind, parent, id))?;
                    Some(FacetCount { number: id, text: String::new(), count })
                };
                let mut entries: Vec<FacetCount> = these.into_iter().filter_map(entry).collect();
                entries.sort_by_key(|entry| (Reverse(entry.count), entry.number));
                entries
            }
        }
    }
}

impl Store {
    /// Answers what is asked of one list.
    async fn load_facets<K: FacetKind>(
        &self,
        list: &K::List,
        keys: &[&FacetKey<K>],
    ) -> Result<Vec<(FacetKey<K>, Arc<Vec<FacetCount>>)>, Error> {
        let parents: Vec<ParentKey> = keys.iter().map(|key| key.parent).collect::<HashSet<_>>().into_iter().collect();
        let numbers: HashMap<ParentKey, i64> = parents.iter().copied().zip(1..).collect();
        let number = |key: &FacetKey<K>| numbers.get(&key.parent).copied().unwrap_or_default();
        let mut asked: BTreeMap<K, FacetDemand> = BTreeMap::new();
        for key in keys {
            let asked = asked.entry(key.kind).or_default();
            match &key.selection {
                FacetSelection::All => asked.first = Some(i64::MAX),
                FacetSelection::First(first) => asked.first = asked.first.max(Some(i64::from(*first))),
                FacetSelection::Ids(these) => asked.ids.extend(these.iter().map(|id| (number(key), *id))),
            }
        }
        asked.retain(|_, asked| asked.first.is_some() || !asked.ids.is_empty());
        let counts = if asked.is_empty() {
            FacetCounts::from_rows(Vec::new(), &[])
        } else {
            let (sql, branches) = facets_sql(K::domain(list, self), &parents, &asked);
            FacetCounts::from_rows(self.query_all(type_name::<FacetKey<K>>(), sql).await?, &branches)
        };
        let answer = |key: &FacetKey<K>| (key.clone(), Arc::new(counts.select(key.kind, number(key), &key.selection)));
        Ok(keys.iter().map(|key| answer(key)).collect())
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
