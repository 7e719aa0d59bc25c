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
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::reader::affiliation::AffiliationFilter;
use crate::store::reader::organization::or_below;
use crate::store::reader::page::{List as _, Parent, Source};
use crate::store::reader::paper::{PaperScope, Papers, ResearcherPapers};
use crate::store::reader::researcher::{OrganizationResearchers, Researchers, TopicResearchers};
use crate::store::reader::topic::or_narrower;

/// By what the things of a list are counted.
pub trait Kind: Copy + Debug + Ord + Hash + Send + Sync + 'static {
    /// The lists that are counted so.
    type List: Clone + Debug + Eq + Hash + Send + Sync + 'static;
    /// The id of a list's thing.
    const ID: &'static str;

    /// Where a list's things come from.
    fn things(list: &Self::List, store: &Store) -> Things;
    /// How they are counted.
    fn counting(self) -> Counting;
}

/// Where the things to be counted come from.
pub struct Things {
    /// A list's own source, or one without regard to its order.
    source: Source,
    /// Whether it has a thing once for each way to come to it.
    repeats: bool,
}

impl Things {
    fn listed(source: Source) -> Self {
        Self { source, repeats: false }
    }

    /// Things that a join leads to. Nothing here is read page by page, so that what many parents have in common need
    /// not be sought for each of them, as a subquery in the conditions would be. The ids of what is below or narrower
    /// are `roots` as an array: of a recursion the planner expects so many rows that it reads whole tables.
    fn joined(mut source: Source, join: &str, column: &str, roots: Sql) -> Self {
        source.from = source.from.then(join);
        source.conditions.push(Sql::is_in(column, roots));
        Self { source, repeats: true }
    }
}

/// How things are counted.
pub struct Counting {
    /// What is read of each thing beside its id.
    column: Option<&'static str>,
    /// A row of `parent` and `entry` for each thing of `matched` and each entry that it counts for.
    ties: Sql,
    /// What an entry is.
    entry: EntryKind,
}

enum EntryKind {
    /// A row of this table.
    Thing(&'static str),
    /// A year; years are in order, where all else has most first.
    Year,
    Text,
}

/// A part of a facet's entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// All.
    All,
    /// So many, most first.
    First(u32),
    /// Those with these ids: what exists of them, also where nothing counts for it.
    These(Arc<[i64]>),
}

/// Asks for a facet of a parent's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FacetOf<K: Kind> {
    /// Whose.
    pub parent: Parent,
    /// Which list.
    pub list: K::List,
    /// By what it is counted.
    pub kind: K,
    /// What of the counts.
    pub which: Which,
}

/// How many things of a list count for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
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
pub enum PaperList {
    /// Of any scope.
    Any(Arc<Papers>),
    /// A researcher's.
    OfResearcher(Arc<ResearcherPapers>),
}

impl From<Arc<Papers>> for PaperList {
    fn from(list: Arc<Papers>) -> Self {
        Self::Any(list)
    }
}

impl From<Arc<ResearcherPapers>> for PaperList {
    fn from(list: Arc<ResearcherPapers>) -> Self {
        Self::OfResearcher(list)
    }
}

impl Kind for PaperFacet {
    type List = PaperList;
    const ID: &'static str = "paper.id";

    fn things(list: &PaperList, store: &Store) -> Things {
        let papers = match list {
            PaperList::Any(papers) => papers,
            PaperList::OfResearcher(papers) => return Things::listed(papers.source(store)),
        };
        let of_any_scope = || Papers { scope: PaperScope::All, ..Papers::clone(papers) }.source(store);
        let parent = || Sql::from("SELECT parent.key");
        match papers.scope {
            PaperScope::Organization { include_descendants } => Things::joined(
                of_any_scope(),
                " JOIN authorship AS there ON there.paper_id = paper.id \
                 JOIN authorship_organization AS place ON place.authorship_id = there.id",
                "place.organization_id",
                or_below(parent(), include_descendants),
            ),
            PaperScope::Topic { include_narrower } => Things::joined(
                of_any_scope(),
                " JOIN paper_topic AS subject ON subject.paper_id = paper.id",
                "subject.topic_id",
                or_narrower(parent(), include_narrower),
            ),
            PaperScope::All | PaperScope::Shared(_) => Things::listed(papers.source(store)),
        }
    }

    fn counting(self) -> Counting {
        let (column, ties, entry) = match self {
            Self::PublicationYears => (
                Some("paper.publication_year"),
                "SELECT matched.parent, matched.publication_year AS entry FROM matched \
                 WHERE matched.publication_year IS NOT NULL",
                EntryKind::Year,
            ),
            Self::Types => {
                (Some("paper.type"), "SELECT matched.parent, matched.type AS entry FROM matched", EntryKind::Text)
            }
            Self::Venues => (
                Some("paper.venue_name"),
                "SELECT matched.parent, matched.venue_name AS entry FROM matched WHERE matched.venue_name IS NOT NULL",
                EntryKind::Text,
            ),
            Self::Topics => (
                None,
                "SELECT matched.parent, paper_topic.topic_id AS entry FROM matched \
                 JOIN paper_topic ON paper_topic.paper_id = matched.id",
                EntryKind::Thing("topic"),
            ),
            // One person is one author of a paper.
            Self::Researchers => (
                None,
                "SELECT matched.parent, authorship.researcher_id AS entry FROM matched \
                 JOIN authorship ON authorship.paper_id = matched.id WHERE authorship.researcher_id IS NOT NULL",
                EntryKind::Thing("researcher"),
            ),
            Self::Organizations => (
                None,
                "SELECT DISTINCT matched.parent, matched.id, authorship_organization.organization_id AS entry \
                 FROM matched JOIN authorship ON authorship.paper_id = matched.id \
                 JOIN authorship_organization ON authorship_organization.authorship_id = authorship.id",
                EntryKind::Thing("organization"),
            ),
        };
        Counting { column, ties: ties.into(), entry }
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
pub enum ResearcherList {
    /// Anybody.
    Any(Arc<Researchers>),
    /// An organization's.
    OfOrganization(Arc<OrganizationResearchers>),
    /// A topic's.
    OfTopic(Arc<TopicResearchers>),
}

impl From<Arc<Researchers>> for ResearcherList {
    fn from(list: Arc<Researchers>) -> Self {
        Self::Any(list)
    }
}

impl From<Arc<OrganizationResearchers>> for ResearcherList {
    fn from(list: Arc<OrganizationResearchers>) -> Self {
        Self::OfOrganization(list)
    }
}

impl From<Arc<TopicResearchers>> for ResearcherList {
    fn from(list: Arc<TopicResearchers>) -> Self {
        Self::OfTopic(list)
    }
}

impl Kind for ResearcherFacet {
    type List = ResearcherList;
    const ID: &'static str = "researcher.id";

    fn things(list: &ResearcherList, store: &Store) -> Things {
        let people = match list {
            ResearcherList::Any(people) => return Things::listed(people.source(store)),
            ResearcherList::OfTopic(people) => return Things::listed(people.source(store)),
            ResearcherList::OfOrganization(people) => people,
        };
        let anywhere = Researchers { filter: people.filter.clone(), order: people.order, direction: people.direction };
        let mut source = anywhere.source(store);
        source.conditions.extend(people.affiliation.of_people().conditions());
        Things::joined(
            source,
            " JOIN affiliation ON affiliation.researcher_id = researcher.id",
            "affiliation.organization_id",
            or_below("SELECT parent.key".into(), people.affiliation.include_descendants),
        )
    }

    fn counting(self) -> Counting {
        match self {
            Self::Organizations => Counting {
                column: None,
                ties: Sql::from(
                    "SELECT DISTINCT matched.parent, matched.id, affiliation.organization_id AS entry FROM matched \
                     JOIN affiliation ON affiliation.researcher_id = matched.id WHERE ",
                )
                .then(Sql::all(AffiliationFilter::default().of_people().conditions())),
                entry: EntryKind::Thing("organization"),
            },
            Self::Topics => Counting {
                column: None,
                ties: "SELECT matched.parent, matched.id, researcher_topic.topic_id AS entry FROM matched \
                       JOIN researcher_topic ON researcher_topic.researcher_id = matched.id \
                       UNION SELECT matched.parent, matched.id, paper_topic.topic_id FROM matched \
                       JOIN authorship ON authorship.researcher_id = matched.id \
                       JOIN paper_topic ON paper_topic.paper_id = authorship.paper_id"
                    .into(),
                entry: EntryKind::Thing("topic"),
            },
        }
    }
}

/// What all the asked facets of one kind need.
#[derive(Default)]
struct Asked {
    /// So many of each parent's entries.
    first: Option<i64>,
    /// The entries with these ids, each with the number of the parent.
    these: BTreeSet<(i64, i64)>,
}

/// One of the parts of a statement's rows.
#[derive(Clone, Copy)]
struct Branch<K> {
    kind: K,
    is_of_these: bool,
}

#[derive(FromQueryResult)]
struct CountRow {
    branch: i32,
    parent: i64,
    number: i64,
    text: String,
    count: i64,
}

/// The entries of a statement, as the asked facets take their parts of them.
struct Counts<K> {
    /// The first ones of a kind and parent, in order.
    first: HashMap<(K, i64), Vec<Entry>>,
    /// The count of one of a kind, parent and id.
    these: HashMap<(K, i64, i64), i64>,
}

/// The things of each parent's list, as `matched`: the parent's number from 1, the id, and what the counting needs.
fn matched_sql<K: Kind>(things: Things, parents: &[Parent], kinds: impl Iterator<Item = K>) -> Sql {
    let Things { source, repeats } = things;
    let columns: Vec<&str> = kinds.filter_map(|kind| kind.counting().column).collect();
    let columns = std::iter::once(K::ID).chain(columns).collect::<Vec<_>>().join(", ");
    Sql::from(if repeats { "matched AS (SELECT DISTINCT" } else { "matched AS (SELECT" })
        .then(" parent.number AS parent, thing.* FROM unnest(")
        .then_with("?::bigint[], ", ids(parents.iter().map(|parent| parent.key)))
        .then_with("?::bigint[]) WITH ORDINALITY ", ids(parents.iter().map(|parent| parent.other)))
        .then("AS parent(key, other, number) CROSS JOIN LATERAL (SELECT ")
        .then(columns)
        .then(" FROM ")
        .then(source.from)
        .then(" WHERE ")
        .then(Sql::all(source.conditions))
        .then(") AS thing)")
}

/// The counts of a kind, as the table `counted`.
fn counted_sql(counted: &str, counting: &Counting, asked: &Asked) -> Sql {
    let ties = Sql::from(format!("{counted} AS (SELECT tie.parent, tie.entry, count(*) AS count FROM ("))
        .then(counting.ties.clone())
        .then(") AS tie");
    let ties = if asked.first.is_some() {
        ties
    } else {
        let these: BTreeSet<i64> = asked.these.iter().map(|(_, id)| *id).collect();
        ties.then_with(" WHERE tie.entry = ANY(?)", ids(these))
    };
    ties.then(" GROUP BY tie.parent, tie.entry)")
}

fn first_sql(branch: usize, counted: &str, entry: &EntryKind, first: i64) -> Sql {
    let (number, text, order) = match entry {
        EntryKind::Thing(_) => ("entry", "''", "count DESC, entry"),
        EntryKind::Year => ("entry::bigint", "''", "entry"),
        EntryKind::Text => ("0::bigint", "entry", "count DESC, entry COLLATE \"C\""),
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

fn these_sql(branch: usize, counted: &str, table: &str, these: &BTreeSet<(i64, i64)>) -> Sql {
    Sql::from(format!(
        "SELECT {branch} AS branch, wanted.parent, wanted.id AS number, '' AS text, coalesce(counted.count, 0) AS count, \
         0::bigint AS rank FROM unnest("
    ))
    .then_with("?::bigint[], ", ids(these.iter().map(|(parent, _)| *parent)))
    .then_with("?::bigint[]) AS wanted(parent, id) ", ids(these.iter().map(|(_, id)| *id)))
    .then(format!(
        "JOIN {table} ON {table}.id = wanted.id \
         LEFT JOIN {counted} AS counted ON counted.parent = wanted.parent AND counted.entry = wanted.id"
    ))
}

/// The statement for all that is asked of a list, and what each branch of its rows is.
fn facets_sql<K: Kind>(things: Things, parents: &[Parent], asked: &BTreeMap<K, Asked>) -> (Sql, Vec<Branch<K>>) {
    let mut tables = Sql::from("WITH ").then(matched_sql(things, parents, asked.keys().copied()));
    let mut rows = Sql::default();
    let mut branches = Vec::new();
    for (index, (kind, asked)) in asked.iter().enumerate() {
        let (counting, counted) = (kind.counting(), format!("counted_{index}"));
        tables = tables.then(", ").then(counted_sql(&counted, &counting, asked));
        if let Some(first) = asked.first {
            rows = rows.then(union(&branches)).then(first_sql(branches.len(), &counted, &counting.entry, first));
            branches.push(Branch { kind: *kind, is_of_these: false });
        }
        if let EntryKind::Thing(table) = counting.entry
            && !asked.these.is_empty()
        {
            rows = rows.then(union(&branches)).then(these_sql(branches.len(), &counted, table, &asked.these));
            branches.push(Branch { kind: *kind, is_of_these: true });
        }
    }
    (tables.then(" ").then(rows).then(" ORDER BY rank"), branches)
}

fn union<K>(before: &[Branch<K>]) -> &'static str {
    if before.is_empty() { "" } else { " UNION ALL " }
}

impl<K: Kind> Counts<K> {
    fn of(rows: Vec<CountRow>, branches: &[Branch<K>]) -> Self {
        let mut counts = Self { first: HashMap::new(), these: HashMap::new() };
        for CountRow { branch, parent, number, text, count } in rows {
            let Some(branch) = usize::try_from(branch).ok().and_then(|branch| branches.get(branch)) else { continue };
            if branch.is_of_these {
                counts.these.insert((branch.kind, parent, number), count);
            } else {
                counts.first.entry((branch.kind, parent)).or_default().push(Entry { number, text, count });
            }
        }
        counts
    }

    fn take(&self, kind: K, parent: i64, which: &Which) -> Vec<Entry> {
        let first = |most: usize| {
            self.first.get(&(kind, parent)).into_iter().flatten().take(most).cloned().collect::<Vec<Entry>>()
        };
        match which {
            Which::All => first(usize::MAX),
            Which::First(most) => first(*most as usize),
            Which::These(these) => {
                let these: BTreeSet<i64> = these.iter().copied().collect();
                let entry = |id| {
                    let count = *self.these.get(&(kind, parent, id))?;
                    Some(Entry { number: id, text: String::new(), count })
                };
                let mut entries: Vec<Entry> = these.into_iter().filter_map(entry).collect();
                entries.sort_by_key(|entry| (Reverse(entry.count), entry.number));
                entries
            }
        }
    }
}

impl Store {
    /// Answers what is asked of one list.
    async fn facets_of<K: Kind>(
        &self,
        list: &K::List,
        keys: &[&FacetOf<K>],
    ) -> Result<Vec<(FacetOf<K>, Arc<Vec<Entry>>)>, Error> {
        let parents: Vec<Parent> = keys.iter().map(|key| key.parent).collect::<HashSet<_>>().into_iter().collect();
        let numbers: HashMap<Parent, i64> = parents.iter().copied().zip(1..).collect();
        let number = |key: &FacetOf<K>| numbers.get(&key.parent).copied().unwrap_or_default();
        let mut asked: BTreeMap<K, Asked> = BTreeMap::new();
        for key in keys {
            let asked = asked.entry(key.kind).or_default();
            match &key.which {
                Which::All => asked.first = Some(i64::MAX),
                Which::First(first) => asked.first = asked.first.max(Some(i64::from(*first))),
                Which::These(these) => asked.these.extend(these.iter().map(|id| (number(key), *id))),
            }
        }
        asked.retain(|_, asked| asked.first.is_some() || !asked.these.is_empty());
        let counts = if asked.is_empty() {
            Counts::of(Vec::new(), &[])
        } else {
            let (sql, branches) = facets_sql(K::things(list, self), &parents, &asked);
            Counts::of(self.rows(type_name::<FacetOf<K>>(), sql).await?, &branches)
        };
        let answer = |key: &FacetOf<K>| (key.clone(), Arc::new(counts.take(key.kind, number(key), &key.which)));
        Ok(keys.iter().map(|key| answer(key)).collect())
    }
}

impl<K: Kind> Loader<FacetOf<K>> for Store {
    type Value = Arc<Vec<Entry>>;

    async fn load(&self, keys: &[FacetOf<K>]) -> Result<HashMap<FacetOf<K>, Self::Value>, Error> {
        let mut lists: HashMap<&K::List, Vec<&FacetOf<K>>> = HashMap::new();
        for key in keys {
            lists.entry(&key.list).or_default().push(key);
        }
        let facets = lists.into_iter().map(async |(list, keys)| self.facets_of(list, &keys).await);
        Ok(try_join_all(facets).await?.into_iter().flatten().collect())
    }
}
