//! Data quality: what is missing, damaged or doubtful in the directory, counted, shown by examples, and told by sources and
//! organizations. What counts as an issue is in `quality/condition.rs`.

mod condition;
mod recount;

use std::any::type_name;
use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::reader::facet::Entry;
use crate::store::{Keyed, Store, grouped};
use crate::text::names::RepairRule;

pub use crate::store::reader::quality::recount::Miscounted;

/// What an issue is with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Subject {
    /// A paper.
    Paper,
    /// An author's place on a paper.
    Authorship,
    /// A person.
    Researcher,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Issue {
    /// A paper of which nobody knows the year.
    PaperWithoutYear,
    /// A paper without an abstract, not even a withheld one.
    PaperWithoutAbstract,
    /// A paper of whose abstract only the beginning is there.
    PaperWithTruncatedAbstract,
    /// A paper by nobody.
    PaperWithoutAuthors,
    /// A paper that only its sources' own keys identify.
    PaperWithoutIdentifier,
    /// A damaged name that is shown repaired.
    NameRepaired,
    /// A name that may be damaged, and is shown as published.
    NameRepairSuggested,
    /// An author who is no researcher yet.
    AuthorUnresolved,
    /// A person of several papers, of which one was given by the name alone.
    ResearcherByNameAlone,
    /// A person with papers over more than sixty years.
    ResearcherActiveTooLong,
    /// A person to whom papers give different ORCID iDs.
    ResearcherWithSeveralOrcids,
    /// A person employed in two countries for more than a year.
    ResearcherEmployedInTwoCountries,
    /// A person with no papers and no affiliations.
    ResearcherWithoutPapersAndAffiliations,
}

impl Issue {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 13] = [
        Self::PaperWithoutYear,
        Self::PaperWithoutAbstract,
        Self::PaperWithTruncatedAbstract,
        Self::PaperWithoutAuthors,
        Self::PaperWithoutIdentifier,
        Self::NameRepaired,
        Self::NameRepairSuggested,
        Self::AuthorUnresolved,
        Self::ResearcherByNameAlone,
        Self::ResearcherActiveTooLong,
        Self::ResearcherWithSeveralOrcids,
        Self::ResearcherEmployedInTwoCountries,
        Self::ResearcherWithoutPapersAndAffiliations,
    ];

    /// What it is with.
    #[must_use]
    pub fn subject(self) -> Subject {
        match self {
            Self::PaperWithoutYear
            | Self::PaperWithoutAbstract
            | Self::PaperWithTruncatedAbstract
            | Self::PaperWithoutAuthors
            | Self::PaperWithoutIdentifier => Subject::Paper,
            Self::NameRepaired | Self::NameRepairSuggested | Self::AuthorUnresolved => Subject::Authorship,
            Self::ResearcherByNameAlone
            | Self::ResearcherActiveTooLong
            | Self::ResearcherWithSeveralOrcids
            | Self::ResearcherEmployedInTwoCountries
            | Self::ResearcherWithoutPapersAndAffiliations => Subject::Researcher,
        }
    }
}

/// Of which part of the directory; all conditions hold together, and an absent one is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// From any of these sources.
    pub sources: Option<Vec<String>>,
    /// At any of these organizations.
    pub organization_ids: Option<Vec<i64>>,
    /// Or below them.
    pub include_descendants: bool,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Everything of a kind.
    All(Subject),
    /// That with which something is wrong.
    Issue(Issue),
}

impl Counted {
    fn subject(self) -> Subject {
        match self {
            Self::All(subject) => subject,
            Self::Issue(issue) => issue.subject(),
        }
    }
}

/// Asks how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountOf {
    /// Where.
    pub scope: Arc<Scope>,
    /// Of what.
    pub counted: Counted,
}

/// Asks for the ids of some with which something is wrong, by id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SamplesOf {
    /// Where.
    pub scope: Arc<Scope>,
    /// What is wrong.
    pub issue: Issue,
    /// So many at most.
    pub first: u32,
    /// Only those with a larger id.
    pub after: Option<i64>,
}

/// By what an issue divides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Division {
    /// By the names of sources.
    Sources,
    /// By the ids of organizations.
    Organizations,
}

/// Asks how an issue divides, most first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DivisionOf {
    /// Where.
    pub scope: Arc<Scope>,
    /// What is wrong.
    pub issue: Issue,
    /// By what.
    pub by: Division,
    /// So many entries at most.
    pub first: u32,
}

/// A source, and how many records came from it.
#[derive(Clone, Debug, FromQueryResult)]
#[allow(missing_docs, reason = "the names say it")]
pub struct SourceRecords {
    pub name: String,
    pub record_count: i64,
    pub researcher_count: i64,
    pub organization_count: i64,
    pub topic_count: i64,
    pub paper_count: i64,
}

/// How many names have damage of a kind.
#[derive(Clone, Debug, FromQueryResult)]
pub struct RepairCount {
    /// The kind.
    pub rule: RepairRule,
    /// Those shown repaired.
    pub applied: i64,
    /// Those for which a repair is only suggested.
    pub suggested: i64,
}

/// An example as text: of a place on a paper the paper's title, and the person who it was taken for.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Described {
    /// Its id.
    pub id: i64,
    /// The person's name or the paper's title.
    pub name: String,
    /// The slug of that.
    pub slug: String,
    /// The place on the paper, of an author.
    pub position: Option<i32>,
    /// Who the author was taken for.
    pub person_name: Option<String>,
    /// The slug of that person.
    pub person_slug: Option<String>,
}

#[derive(FromQueryResult)]
struct Amount {
    amount: i64,
}

#[derive(FromQueryResult)]
struct Sample {
    id: i64,
}

#[derive(FromQueryResult)]
struct Part {
    number: i64,
    text: String,
    amount: i64,
}

/// A key of which each asks within a scope.
trait Scoped {
    fn scope(&self) -> &Scope;
}

impl Scoped for CountOf {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl Scoped for SamplesOf {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl Scoped for DivisionOf {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// A statement of one part for each key, made of the key's place and the number of its scope; the part's rows begin with the
/// place.
fn union<K: Scoped>(keys: &[K], part: impl Fn(usize, usize, &K) -> Sql, order: &str) -> Sql {
    let mut scopes: Vec<&Scope> = Vec::new();
    let mut whole: Option<Sql> = None;
    for (place, key) in keys.iter().enumerate() {
        let number = scopes.iter().position(|scope| *scope == key.scope()).unwrap_or(scopes.len());
        if number == scopes.len() {
            scopes.push(key.scope());
        }
        let next = part(place, number, key);
        whole = Some(match whole {
            Some(whole) => whole.then(" UNION ALL ").then(next),
            None => next,
        });
    }
    crate::store::reader::quality::condition::belonging(scopes)
        .then("SELECT * FROM (")
        .then(whole.unwrap_or_default())
        .then(format!(") AS parts ORDER BY parent_key{order}"))
}

/// What was read for each key, by the key's place.
fn by_key<K: Clone + Eq + std::hash::Hash, T>(keys: &[K], rows: Vec<Keyed<T>>) -> HashMap<K, Vec<T>> {
    let mut groups = grouped(rows);
    (0_i64..).zip(keys).map(|(place, key)| (key.clone(), groups.remove(&place).unwrap_or_default())).collect()
}

impl Loader<CountOf> for Store {
    type Value = i64;

    async fn load(&self, keys: &[CountOf]) -> Result<HashMap<CountOf, i64>, Error> {
        let part = |place: usize, number: usize, key: &CountOf| {
            Sql::from(format!("SELECT {place}::bigint AS parent_key, count(*) AS amount FROM ("))
                .then(crate::store::reader::quality::condition::selected(&key.scope, number, key.counted, None))
                .then(") AS found")
        };
        let rows = self.rows::<Keyed<Amount>>(type_name::<CountOf>(), union(keys, part, "")).await?;
        let total = |amounts: Vec<Amount>| amounts.iter().map(|row| row.amount).sum();
        Ok(by_key(keys, rows).into_iter().map(|(key, amounts)| (key, total(amounts))).collect())
    }
}

impl Loader<SamplesOf> for Store {
    type Value = Arc<Vec<i64>>;

    async fn load(&self, keys: &[SamplesOf]) -> Result<HashMap<SamplesOf, Self::Value>, Error> {
        let part = |place: usize, number: usize, key: &SamplesOf| {
            Sql::from(format!("(SELECT {place}::bigint AS parent_key, found.id FROM ("))
                .then(crate::store::reader::quality::condition::selected(
                    &key.scope,
                    number,
                    Counted::Issue(key.issue),
                    key.after,
                ))
                .then(format!(") AS found ORDER BY found.id LIMIT {})", key.first))
        };
        let rows = self.rows::<Keyed<Sample>>(type_name::<SamplesOf>(), union(keys, part, ", id")).await?;
        let of = |samples: Vec<Sample>| Arc::new(samples.iter().map(|sample| sample.id).collect());
        Ok(by_key(keys, rows).into_iter().map(|(key, samples)| (key, of(samples))).collect())
    }
}

impl Loader<DivisionOf> for Store {
    type Value = Arc<Vec<Entry>>;

    async fn load(&self, keys: &[DivisionOf]) -> Result<HashMap<DivisionOf, Self::Value>, Error> {
        let part = |place: usize, number: usize, key: &DivisionOf| {
            let (id, text) = match key.by {
                Division::Sources => ("0::bigint", "part"),
                Division::Organizations => ("part", "''"),
            };
            Sql::from("(WITH found AS (")
                .then(crate::store::reader::quality::condition::selected(&key.scope, number, Counted::Issue(key.issue), None))
                .then(format!(
                    ") SELECT {place}::bigint AS parent_key, {id} AS number, {text} AS text, count(*) AS amount FROM ({}) AS ties \
                     GROUP BY part ORDER BY amount DESC, part LIMIT {})",
                    crate::store::reader::quality::condition::parts(key.issue.subject(), key.by),
                    key.first
                ))
        };
        let order = ", amount DESC, number, text";
        let rows = self.rows::<Keyed<Part>>(type_name::<DivisionOf>(), union(keys, part, order)).await?;
        let entry = |part: Part| Entry { number: part.number, text: part.text, count: part.amount };
        let of = |parts: Vec<Part>| Arc::new(parts.into_iter().map(entry).collect());
        Ok(by_key(keys, rows).into_iter().map(|(key, parts)| (key, of(parts))).collect())
    }
}

impl Store {
    /// The sources that records came from, most records first.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn sources(&self, first: u32) -> Result<Vec<SourceRecords>, Error> {
        let sql = "SELECT source AS name, count(*) AS record_count, count(researcher_id) AS researcher_count, \
             count(organization_id) AS organization_count, count(topic_id) AS topic_count, count(paper_id) AS paper_count \
             FROM source_record GROUP BY source ORDER BY record_count DESC, name LIMIT ?";
        self.rows("quality::sources", Sql::with(sql, i64::from(first))).await
    }

    /// How many names have damage of each kind, most first.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn repair_counts(&self, scope: &Scope) -> Result<Vec<RepairCount>, Error> {
        let counts = Sql::from(
            "SELECT repair_rule AS rule, count(*) FILTER (WHERE is_repair_applied) AS applied, \
             count(*) FILTER (WHERE NOT is_repair_applied) AS suggested FROM authorship WHERE repair_value IS NOT NULL AND ",
        )
        .then(crate::store::reader::quality::condition::within(scope, 0, Subject::Authorship))
        .then(" GROUP BY repair_rule ORDER BY count(*) DESC, repair_rule");
        self.rows("quality::repair_counts", crate::store::reader::quality::condition::belonging([scope]).then(counts))
            .await
    }

    /// Examples as text, by id. Published names are not among it: people may not want them shown.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn described(&self, subject: Subject, numbers: &[i64]) -> Result<Vec<Described>, Error> {
        let nobody = "NULL::integer AS position, NULL::text AS person_name, NULL::text AS person_slug";
        let sql = match subject {
            Subject::Paper => format!("SELECT id, title AS name, slug, {nobody} FROM paper"),
            Subject::Researcher => format!("SELECT id, display_name AS name, slug, {nobody} FROM researcher"),
            Subject::Authorship => {
                "SELECT * FROM (SELECT authorship.id, paper.title AS name, paper.slug, authorship.position, \
                 researcher.display_name AS person_name, researcher.slug AS person_slug FROM authorship \
                 JOIN paper ON paper.id = authorship.paper_id \
                 LEFT JOIN researcher ON researcher.id = authorship.researcher_id) AS authors"
                    .to_owned()
            }
        };
        let sql = Sql::from(sql).then_with(" WHERE id = ANY(?) ORDER BY id", ids(numbers.iter().copied()));
        self.rows("quality::described", sql).await
    }
}
