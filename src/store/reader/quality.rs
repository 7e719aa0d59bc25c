//! Data quality: counts missing, damaged and suspicious data, with examples, in total and by source and organization.
//! Issues are defined in `quality/issue_sql.rs`.

mod issue_sql;
mod statistics_check;

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::keyed_rows::{KeyedRow, group_by_key};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::reader::facet::FacetCount;
use crate::text::names::RepairRule;

pub use crate::store::reader::quality::statistics_check::StatisticsMismatch;

/// Type of entity affected by an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IssueSubject {
    /// A paper.
    Paper,
    /// An authorship.
    Authorship,
    /// A researcher.
    Researcher,
}

/// Kind of data-quality issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DataIssue {
    /// Paper without a publication year.
    PaperWithoutYear,
    /// Paper without an abstract, not even a restricted one.
    PaperWithoutAbstract,
    /// Paper with a truncated abstract.
    PaperWithTruncatedAbstract,
    /// Paper without authors.
    PaperWithoutAuthors,
    /// Paper identified only by keys of its sources.
    PaperWithoutIdentifier,
    /// Article without a volume and an issue.
    PaperWithoutVolume,
    /// Article, conference paper or chapter without pages and article number.
    PaperWithoutPages,
    /// Book, chapter, thesis, report or dataset without a publisher.
    PaperWithoutPublisher,
    /// Damaged name that is displayed repaired.
    NameRepaired,
    /// Possibly damaged name that is displayed as published.
    NameRepairSuggested,
    /// Author not resolved to a researcher.
    AuthorUnresolved,
    /// Author with another person's ORCID iD or other identifier.
    AuthorWithDoubtfulOrcid,
    /// Researcher with several papers, one of them from a name-only match.
    ResearcherByNameAlone,
    /// Researcher with papers spanning more than 60 years.
    ResearcherActiveTooLong,
    /// Researcher whose papers have different ORCID iDs.
    ResearcherWithSeveralOrcids,
    /// Researcher employed in two countries at once for more than a year.
    ResearcherEmployedInTwoCountries,
    /// Researcher without papers and affiliations.
    ResearcherWithoutPapersAndAffiliations,
}

impl DataIssue {
    /// All kinds, in reporting order.
    pub const ALL: [Self; 17] = [
        Self::PaperWithoutYear,
        Self::PaperWithoutAbstract,
        Self::PaperWithTruncatedAbstract,
        Self::PaperWithoutAuthors,
        Self::PaperWithoutIdentifier,
        Self::PaperWithoutVolume,
        Self::PaperWithoutPages,
        Self::PaperWithoutPublisher,
        Self::NameRepaired,
        Self::NameRepairSuggested,
        Self::AuthorUnresolved,
        Self::AuthorWithDoubtfulOrcid,
        Self::ResearcherByNameAlone,
        Self::ResearcherActiveTooLong,
        Self::ResearcherWithSeveralOrcids,
        Self::ResearcherEmployedInTwoCountries,
        Self::ResearcherWithoutPapersAndAffiliations,
    ];

    /// Returns the type of the affected entities.
    #[must_use]
    pub fn subject(self) -> IssueSubject {
        match self {
            Self::PaperWithoutYear
            | Self::PaperWithoutAbstract
            | Self::PaperWithTruncatedAbstract
            | Self::PaperWithoutAuthors
            | Self::PaperWithoutIdentifier
            | Self::PaperWithoutVolume
            | Self::PaperWithoutPages
            | Self::PaperWithoutPublisher => IssueSubject::Paper,
            Self::NameRepaired | Self::NameRepairSuggested | Self::AuthorUnresolved | Self::AuthorWithDoubtfulOrcid => {
                IssueSubject::Authorship
            }
            Self::ResearcherByNameAlone
            | Self::ResearcherActiveTooLong
            | Self::ResearcherWithSeveralOrcids
            | Self::ResearcherEmployedInTwoCountries
            | Self::ResearcherWithoutPapersAndAffiliations => IssueSubject::Researcher,
        }
    }
}

/// Part of the directory to check. Conditions are combined with AND; `None` imposes no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IssueScope {
    /// Data from any of these sources.
    pub sources: Option<Vec<String>>,
    /// Data at any of these organizations.
    pub organization_ids: Option<Vec<i64>>,
    /// Whether descendants of these organizations are included.
    pub include_descendants: bool,
}

/// What to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IssueCountTarget {
    /// All entities of a type.
    All(IssueSubject),
    /// Entities with this issue.
    Issue(DataIssue),
}

impl IssueCountTarget {
    fn subject(self) -> IssueSubject {
        match self {
            Self::All(subject) => subject,
            Self::Issue(issue) => issue.subject(),
        }
    }
}

/// Loader key of a count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssueCountKey {
    /// Part of the directory.
    pub scope: Arc<IssueScope>,
    /// What to count.
    pub counted: IssueCountTarget,
}

/// Loader key of the ids of affected entities, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssueSamplesKey {
    /// Part of the directory.
    pub scope: Arc<IssueScope>,
    /// Kind of issue.
    pub issue: DataIssue,
    /// Maximum number of ids.
    pub first: u32,
    /// Only ids greater than this.
    pub after: Option<i64>,
}

/// Property by which an issue is broken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IssueBreakdown {
    /// Name of the source.
    Sources,
    /// Id of the organization.
    Organizations,
}

/// Loader key of the breakdown of an issue, sorted by count, descending.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssueBreakdownKey {
    /// Part of the directory.
    pub scope: Arc<IssueScope>,
    /// Kind of issue.
    pub issue: DataIssue,
    /// Property to break down by.
    pub by: IssueBreakdown,
    /// Maximum number of values.
    pub first: u32,
}

/// Source and the number of its records.
#[derive(Clone, Debug, FromQueryResult)]
#[allow(missing_docs, reason = "the names are self-explanatory")]
pub struct SourceRecordCounts {
    pub name: String,
    pub record_count: i64,
    pub researcher_count: i64,
    pub organization_count: i64,
    pub topic_count: i64,
    pub paper_count: i64,
}

/// Number of names with one kind of damage.
#[derive(Clone, Debug, FromQueryResult)]
pub struct RepairRuleCount {
    /// Kind of damage.
    pub rule: RepairRule,
    /// Number of names displayed repaired.
    pub applied: i64,
    /// Number of names with only a suggested repair.
    pub suggested: i64,
}

/// Affected entity for display. An authorship is described by the paper's title and the resolved researcher.
#[derive(Clone, Debug, FromQueryResult)]
pub struct DescribedSample {
    /// Id of the entity.
    pub id: i64,
    /// Display name of the researcher or title of the paper.
    pub name: String,
    /// Slug of the researcher or paper.
    pub slug: String,
    /// Author position, of an authorship.
    pub position: Option<i32>,
    /// Display name of the resolved researcher, of an authorship.
    pub person_name: Option<String>,
    /// Slug of the resolved researcher.
    pub person_slug: Option<String>,
}

#[derive(FromQueryResult)]
struct IssueCountRow {
    amount: i64,
}

#[derive(FromQueryResult)]
struct IssueSampleRow {
    id: i64,
}

#[derive(FromQueryResult)]
struct IssueBreakdownRow {
    number: i64,
    text: String,
    amount: i64,
}

/// Loader key with a scope.
trait HasScope {
    fn scope(&self) -> &IssueScope;
}

impl HasScope for IssueCountKey {
    fn scope(&self) -> &IssueScope {
        &self.scope
    }
}

impl HasScope for IssueSamplesKey {
    fn scope(&self) -> &IssueScope {
        &self.scope
    }
}

impl HasScope for IssueBreakdownKey {
    fn scope(&self) -> &IssueScope {
        &self.scope
    }
}

/// Returns the UNION of one branch per key, built from the index of the key and the number of its scope. The rows of a
/// branch start with the index.
fn union_sql<K: HasScope>(keys: &[K], branch: impl Fn(usize, usize, &K) -> Sql, order: &str) -> Sql {
    let mut scopes: Vec<&IssueScope> = Vec::new();
    let mut union: Option<Sql> = None;
    for (index, key) in keys.iter().enumerate() {
        let scope_number = scopes.iter().position(|scope| *scope == key.scope()).unwrap_or(scopes.len());
        if scope_number == scopes.len() {
            scopes.push(key.scope());
        }
        let next = branch(index, scope_number, key);
        union = Some(match union {
            Some(union) => union.then(" UNION ALL ").then(next),
            None => next,
        });
    }
    issue_sql::scope_ctes(scopes)
        .counting_many_rows()
        .then("SELECT * FROM (")
        .then(union.unwrap_or_default())
        .then(format!(") AS parts ORDER BY parent_key{order}"))
}

/// Groups rows by loader key, from the index of the key.
fn group_by_loader_key<K: Clone + Eq + std::hash::Hash, T>(keys: &[K], rows: Vec<KeyedRow<T>>) -> HashMap<K, Vec<T>> {
    let mut groups = group_by_key(rows);
    (0_i64..).zip(keys).map(|(index, key)| (key.clone(), groups.remove(&index).unwrap_or_default())).collect()
}

impl LoaderKey for IssueCountKey {
    const NAME: &'static str = "quality::count";
}

impl Loader<IssueCountKey> for Store {
    type Value = i64;

    async fn load(&self, keys: &[IssueCountKey]) -> Result<HashMap<IssueCountKey, i64>, Error> {
        let branch = |index: usize, scope_number: usize, key: &IssueCountKey| {
            Sql::from(format!("SELECT {index}::bigint AS parent_key, count(*) AS amount FROM ("))
                .then(issue_sql::selected_ids_sql(&key.scope, scope_number, key.counted, None))
                .then(") AS found")
        };
        let rows = self.query_all::<KeyedRow<IssueCountRow>>(IssueCountKey::NAME, union_sql(keys, branch, "")).await?;
        let total = |amounts: Vec<IssueCountRow>| amounts.iter().map(|row| row.amount).sum();
        Ok(group_by_loader_key(keys, rows).into_iter().map(|(key, amounts)| (key, total(amounts))).collect())
    }
}

impl LoaderKey for IssueSamplesKey {
    const NAME: &'static str = "quality::samples";
}

impl Loader<IssueSamplesKey> for Store {
    type Value = Arc<Vec<i64>>;

    async fn load(&self, keys: &[IssueSamplesKey]) -> Result<HashMap<IssueSamplesKey, Self::Value>, Error> {
        let branch = |index: usize, scope_number: usize, key: &IssueSamplesKey| {
            Sql::from(format!("(SELECT {index}::bigint AS parent_key, found.id FROM ("))
                .then(issue_sql::selected_ids_sql(
                    &key.scope,
                    scope_number,
                    IssueCountTarget::Issue(key.issue),
                    key.after,
                ))
                .then(format!(") AS found ORDER BY found.id LIMIT {})", key.first))
        };
        let rows =
            self.query_all::<KeyedRow<IssueSampleRow>>(IssueSamplesKey::NAME, union_sql(keys, branch, ", id")).await?;
        let ids = |samples: Vec<IssueSampleRow>| Arc::new(samples.iter().map(|sample| sample.id).collect());
        Ok(group_by_loader_key(keys, rows).into_iter().map(|(key, samples)| (key, ids(samples))).collect())
    }
}

impl LoaderKey for IssueBreakdownKey {
    const NAME: &'static str = "quality::breakdown";
}

impl Loader<IssueBreakdownKey> for Store {
    type Value = Arc<Vec<FacetCount>>;

    async fn load(&self, keys: &[IssueBreakdownKey]) -> Result<HashMap<IssueBreakdownKey, Self::Value>, Error> {
        let branch = |index: usize, scope_number: usize, key: &IssueBreakdownKey| {
            let (id, text) = match key.by {
                IssueBreakdown::Sources => ("0::bigint", "part"),
                IssueBreakdown::Organizations => ("part", "''"),
            };
            sql!("(WITH found AS (")
                .then(issue_sql::selected_ids_sql(
                    &key.scope,
                    scope_number,
                    IssueCountTarget::Issue(key.issue),
                    None,
                ))
                .then(format!(
                    ") SELECT {index}::bigint AS parent_key, {id} AS number, {text} AS text, count(*) AS amount FROM ({}) AS ties \
                     GROUP BY part ORDER BY amount DESC, part LIMIT {})",
                    issue_sql::breakdown_sql(key.issue.subject(), key.by),
                    key.first
                ))
        };
        let order = ", amount DESC, number, text";
        let rows = self
            .query_all::<KeyedRow<IssueBreakdownRow>>(IssueBreakdownKey::NAME, union_sql(keys, branch, order))
            .await?;
        let count = |row: IssueBreakdownRow| FacetCount { number: row.number, text: row.text, count: row.amount };
        let counts = |rows: Vec<IssueBreakdownRow>| Arc::new(rows.into_iter().map(count).collect());
        Ok(group_by_loader_key(keys, rows).into_iter().map(|(key, rows)| (key, counts(rows))).collect())
    }
}

impl Store {
    /// Returns the sources with the number of their records, most records first.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn source_record_counts(&self, first: u32) -> Result<Vec<SourceRecordCounts>, Error> {
        self.query_all(
            "quality::sources",
            sql!(
                "SELECT source AS name, count(*) AS record_count, count(researcher_id) AS researcher_count, \
                 count(organization_id) AS organization_count, count(topic_id) AS topic_count, \
                 count(paper_id) AS paper_count FROM source_record GROUP BY source ORDER BY record_count DESC, name \
                 LIMIT ?",
                i64::from(first),
            )
            .counting_many_rows(),
        )
        .await
    }

    /// Returns the number of damaged names by kind of damage, most first.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn name_repair_counts(&self, scope: &IssueScope) -> Result<Vec<RepairRuleCount>, Error> {
        let counts = sql!(
            "SELECT repair_rule AS rule, count(*) FILTER (WHERE is_repair_applied) AS applied, \
             count(*) FILTER (WHERE NOT is_repair_applied) AS suggested FROM authorship \
             WHERE repair_value IS NOT NULL AND "
        )
        .then(issue_sql::scope_condition(scope, 0, IssueSubject::Authorship))
        .then(" GROUP BY repair_rule ORDER BY count(*) DESC, repair_rule")
        .counting_many_rows();
        self.query_all("quality::repair_counts", issue_sql::scope_ctes([scope]).then(counts)).await
    }

    /// Describes affected entities, in order of id. Published names are omitted, because they can be suppressed.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn describe_samples(
        &self,
        subject: IssueSubject,
        numbers: &[i64],
    ) -> Result<Vec<DescribedSample>, Error> {
        let no_author = "NULL::integer AS position, NULL::text AS person_name, NULL::text AS person_slug";
        let sql = match subject {
            IssueSubject::Paper => format!("SELECT id, title AS name, slug, {no_author} FROM paper"),
            IssueSubject::Researcher => format!("SELECT id, display_name AS name, slug, {no_author} FROM researcher"),
            IssueSubject::Authorship => {
                "SELECT * FROM (SELECT authorship.id, paper.title AS name, paper.slug, authorship.position, \
                 researcher.display_name AS person_name, researcher.slug AS person_slug FROM authorship \
                 JOIN paper ON paper.id = authorship.paper_id \
                 LEFT JOIN researcher ON researcher.id = authorship.researcher_id) AS authors"
                    .to_owned()
            }
        };
        let sql = Sql::from(sql).then(sql!(" WHERE id = ANY(?) ORDER BY id", bigint_array(numbers.iter().copied())));
        self.query_all("quality::described", sql).await
    }
}
