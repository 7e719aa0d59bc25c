//! Names of authors that were damaged on their way. What is certain is repaired when the author is written. A suggestion is
//! taken while another name in the directory has its spelling, whichever of the two came first: each batch looks again at
//! the suggestions whose spelling it wrote or took away.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde::Serialize;

use crate::error::Error;
use crate::model::identifier::Orcid;
use crate::model::record::{AuthorRecord, ResearcherRecord};
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::ingest::reassign_authorships::Relocation;
use crate::store::ingest::researcher_matching::Mention;
use crate::store::unit_of_work::Batch;
use crate::text::names::{self, Mended, Repair, RepairRule};

/// How names are mended now; names mended otherwise are looked at again at the next start.
const VERSION: &str = "1";
/// So many authors are read at once where all are looked at.
const CHUNK: i64 = 5_000;

/// An author of a record, with the name that the directory shows.
pub(crate) struct Author<'a> {
    pub record: &'a AuthorRecord,
    pub named: Named,
    parts: Parts,
}

/// What the directory makes of a published name.
pub(crate) struct Named {
    /// The name that it shows.
    pub name: String,
    /// What it tells of damage, and whether that is repaired in the name.
    pub repair: Option<Repair>,
    pub is_applied: bool,
    pub suggestion_key: Option<String>,
    pub confirming_key: Option<String>,
}

impl Named {
    fn new(mended: Mended, is_confirmed: bool) -> Self {
        let (suggestion_key, confirming_key) = (mended.suggestion_key(), mended.confirming_key());
        let told = mended.told().cloned();
        let (name, repair) = match mended.suggestion.filter(|_| is_confirmed) {
            Some(suggestion) => (suggestion.value.clone(), Some(suggestion.confirmed())),
            None => (mended.name, told),
        };
        let is_applied = repair.as_ref().is_some_and(|repair| repair.value == name);
        Self { name, repair, is_applied, suggestion_key, confirming_key }
    }

    /// Whether its suggestion, if it has one, is the name that is shown.
    fn has_taken(name: &str, suggestion_key: Option<&str>) -> bool {
        suggestion_key == Some(names::identity_key(name).as_str())
    }
}

/// Given name and family name as a source tells them; neither where it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parts {
    given: Option<String>,
    family: Option<String>,
}

impl<'a> Author<'a> {
    fn new(record: &'a AuthorRecord, mended: Mended, is_confirmed: bool) -> Self {
        let named = Named::new(mended, is_confirmed);
        let parts = Parts { given: record.given_name.clone(), family: record.family_name.clone() };
        Self { record, parts: parts.renamed(&record.name, &named.name), named }
    }

    /// The identity keys of the published name and of the shown one.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys = vec![names::identity_key(&self.record.name), names::identity_key(&self.named.name)];
        keys.dedup();
        keys
    }

    pub(crate) fn mention(&self) -> Mention<'_> {
        self.parts.mention(&self.named.name, self.record.orcid.as_ref())
    }
}

impl Parts {
    /// The parts of the same name in another spelling: as many words in each. Where that cannot be, the name tells.
    fn renamed(self, from: &str, to: &str) -> Self {
        let (from, to) = (names::clean(from), names::clean(to));
        if from == to {
            return self;
        }
        let clean = |part: &Option<String>| part.as_deref().map(names::clean).unwrap_or_default();
        let (given, family) = (clean(&self.given), clean(&self.family));
        let words: Vec<&str> = to.split(' ').collect();
        let is_in_order = from.strip_prefix(&given).is_some_and(|rest| rest.trim_start().starts_with(&family));
        if given.is_empty() || family.is_empty() || !is_in_order || words.len() != from.split(' ').count() {
            return Self::default();
        }
        let place = given.split(' ').count();
        let end = place + family.split(' ').count();
        let part = |words: Option<&[&str]>| words.map(|words| words.join(" "));
        Self { given: part(words.get(..place)), family: part(words.get(place..end)) }
    }

    fn mention<'a>(&'a self, name: &'a str, orcid: Option<&'a Orcid>) -> Mention<'a> {
        Mention { name, given: self.given.as_deref(), family: self.family.as_deref(), orcid }
    }
}

/// The name of a person's own record, and its parts, with what is certain repaired.
pub(crate) fn repaired(record: &ResearcherRecord) -> (String, Option<String>, Option<String>) {
    let name = names::mend(&record.name).name;
    let parts = Parts { given: record.given_name.clone(), family: record.family_name.clone() };
    let Parts { given, family } = parts.renamed(&record.name, &name);
    (name, given, family)
}

/// An authorship whose shown name changes.
struct Rename {
    authorship_id: i64,
    paper_id: i64,
    researcher_id: Option<i64>,
    from: String,
    to: String,
}

/// Somebody who was known by a name that changes.
#[derive(FromQueryResult)]
struct Renamed {
    id: i64,
    display_name: String,
    name_key: String,
    given_name: Option<String>,
    family_name: Option<String>,
    orcid: Option<String>,
    /// Whether a source has a record of the person, or somebody's decision, which says what they are called.
    is_recorded: bool,
    /// Whether people decided what the person wrote, which no name changes.
    is_pinned: bool,
    /// Whether somebody decided what they are called.
    is_name_decided: bool,
}

#[derive(Serialize)]
struct RepairRow {
    id: i64,
    name: String,
    repair_value: Option<String>,
    repair_rule: Option<RepairRule>,
    repair_confidence: Option<f64>,
    is_repair_applied: Option<bool>,
    suggestion_key: Option<String>,
    confirming_key: Option<String>,
    block: String,
}

const REPAIR_COLUMNS: &str = "id bigint, name text, repair_value text, repair_rule text, repair_confidence double precision, \
     is_repair_applied boolean, suggestion_key text, confirming_key text, block text";

impl RepairRow {
    fn new(id: i64, named: Named) -> Self {
        let Named { name, repair, is_applied, suggestion_key, confirming_key } = named;
        Self {
            id,
            block: names::Form::new(&name).block,
            name,
            repair_rule: repair.as_ref().map(|repair| repair.rule),
            repair_confidence: repair.as_ref().map(|repair| repair.confidence),
            is_repair_applied: repair.as_ref().map(|_| is_applied),
            repair_value: repair.map(|repair| repair.value),
            suggestion_key,
            confirming_key,
        }
    }
}

impl Batch<'_> {
    /// The authors of records, with what is certain repaired in their names, and what the directory confirms.
    pub(crate) async fn named<'a>(
        &mut self,
        records: impl Iterator<Item = &'a AuthorRecord>,
    ) -> Result<Vec<Author<'a>>, Error> {
        let mended: Vec<_> = records.map(|record| (record, names::mend(&record.name))).collect();
        let spellings: HashSet<String> = mended.iter().filter_map(|(_, mended)| mended.confirming_key()).collect();
        let asked = mended.iter().filter_map(|(_, mended)| mended.suggestion_key());
        let confirmed = self.confirmed(asked.collect()).await?;
        let authors = mended.into_iter().map(|(record, mended)| {
            let key = mended.suggestion_key();
            Author::new(record, mended, key.is_some_and(|key| confirmed.contains(&key) || spellings.contains(&key)))
        });
        let authors = authors.collect();
        self.spellings.extend(spellings);
        Ok(authors)
    }

    /// Those of the suggested spellings that a name of the directory has: an author's, or a person's by a record of theirs, or
    /// by somebody's decision.
    async fn confirmed(&self, keys: HashSet<String>) -> Result<HashSet<String>, Error> {
        #[derive(FromQueryResult)]
        struct Found {
            key: String,
        }
        if keys.is_empty() {
            return Ok(HashSet::new());
        }
        let sql = Sql::with("SELECT asked.key FROM unnest(?::text[]) AS asked(key) WHERE ", texts(keys)).then(
            "EXISTS (SELECT FROM authorship WHERE authorship.confirming_key = asked.key) \
             OR EXISTS (SELECT FROM researcher_name WHERE researcher_name.name_key = asked.key) \
             OR EXISTS (SELECT FROM researcher JOIN source_record ON source_record.researcher_id = researcher.id \
             AND NOT starts_with(source_record.key, 'directory:') WHERE researcher.name_key = asked.key) \
             OR EXISTS (SELECT FROM former_identity WHERE kind = 'researcher' AND former_identity.name_key = asked.key)",
        );
        Ok(self.rows::<Found>(sql).await?.into_iter().map(|row| row.key).collect())
    }

    /// Takes the suggestions whose spelling the batch brought, and takes back those whose spelling it took away.
    pub(crate) async fn settle_repairs(&mut self) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Waiting {
            id: i64,
            paper_id: i64,
            name_as_published: String,
            name: String,
            researcher_id: Option<i64>,
            suggestion_key: String,
        }
        let spellings = std::mem::take(&mut self.spellings);
        if spellings.is_empty() {
            return Ok(());
        }
        let sql = Sql::with(
            "SELECT id, paper_id, name_as_published, name, researcher_id, suggestion_key FROM authorship WHERE suggestion_key = ANY(?) ORDER BY id",
            texts(spellings),
        );
        let waiting = self.rows::<Waiting>(sql).await?;
        let confirmed = self.confirmed(waiting.iter().map(|row| row.suggestion_key.clone()).collect()).await?;
        let (mut rows, mut renames) = (Vec::new(), Vec::new());
        for waiting in waiting {
            let is_confirmed = confirmed.contains(&waiting.suggestion_key);
            if is_confirmed != Named::has_taken(&waiting.name, Some(&waiting.suggestion_key)) {
                let mended = names::mend(&waiting.name_as_published);
                let row = RepairRow::new(waiting.id, Named::new(mended, is_confirmed));
                renames.push(Rename {
                    authorship_id: waiting.id,
                    paper_id: waiting.paper_id,
                    researcher_id: waiting.researcher_id,
                    from: waiting.name,
                    to: row.name.clone(),
                });
                rows.push(row);
            }
        }
        self.store_repairs(&rows).await?;
        self.rename(renames).await
    }

    async fn store_repairs(&self, rows: &[RepairRow]) -> Result<(), Error> {
        let update = ", named AS (UPDATE authorship SET name = rows.name, repair_value = rows.repair_value, \
             repair_rule = rows.repair_rule, repair_confidence = rows.repair_confidence, \
             is_repair_applied = rows.is_repair_applied, suggestion_key = rows.suggestion_key, \
             confirming_key = rows.confirming_key, block = rows.block FROM rows WHERE authorship.id = rows.id) \
             UPDATE paper SET updated_at = now() WHERE id IN (SELECT paper_id FROM authorship AS held JOIN rows ON rows.id = held.id \
             WHERE (held.name, held.repair_value) IS DISTINCT FROM (rows.name, rows.repair_value))";
        self.with_rows(REPAIR_COLUMNS, rows, update).await
    }

    /// Brings the people behind authorships in step with their names: who was known by the old name is known by the new
    /// one, which may be somebody who is there.
    async fn rename(&mut self, renames: Vec<Rename>) -> Result<(), Error> {
        // Who shares a paper's authors by name may be another now: a version, or somebody who wrote with them.
        let papers: Vec<i64> = renames.iter().map(|rename| rename.paper_id).collect();
        self.outdate_authors(&papers).await?;
        self.versions.insert_papers(papers);
        let people: HashSet<i64> = renames.iter().filter_map(|rename| rename.researcher_id).collect();
        if people.is_empty() {
            return Ok(());
        }
        let sql = Sql::with(
            "SELECT id, display_name, name_key, given_name, family_name, orcid, \
             EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
             AND NOT starts_with(source_record.key, 'directory:')) \
             OR EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id) AS is_recorded, \
             EXISTS (SELECT FROM identity_pin WHERE identity_pin.researcher_id = researcher.id) AS is_pinned, \
             EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id \
             AND display_name IS NOT NULL) AS is_name_decided FROM researcher WHERE id = ANY(?)",
            ids(people),
        );
        let people: HashMap<i64, Renamed> =
            self.rows::<Renamed>(sql).await?.into_iter().map(|person| (person.id, person)).collect();

        // By their ORCID iD people are who they are, however they are called, and by a decision what they are called.
        let is_known_otherwise =
            |person: &Renamed| person.is_name_decided || (person.is_recorded && person.orcid.is_some());
        let mut whole: BTreeMap<i64, String> = BTreeMap::new();
        let mut respelled: BTreeMap<i64, (String, String)> = BTreeMap::new();
        let mut moved: Vec<(i64, i64, &Renamed, String)> = Vec::new();
        for rename in renames {
            let Some(person) = rename.researcher_id.and_then(|id| people.get(&id)) else { continue };
            let (from, to) = (names::identity_key(&rename.from), names::identity_key(&rename.to));
            if person.name_key != from || is_known_otherwise(person) {
                continue;
            }
            if from == to || person.is_pinned {
                respelled.insert(person.id, (rename.from, rename.to));
            } else if person.orcid.is_some() {
                whole.insert(person.id, rename.to);
            } else {
                moved.push((rename.authorship_id, rename.paper_id, person, rename.to));
            }
        }
        for (id, (from, to)) in respelled {
            let Some(person) = people.get(&id).filter(|person| !person.is_recorded && person.display_name == from)
            else {
                continue;
            };
            self.respell(person, &to).await?;
        }
        // An ORCID iD takes all that its owner wrote along.
        for (authorship_id, paper_id, person_id) in self.places_of(whole.keys().copied().collect()).await? {
            if let Some((person, to)) = people.get(&person_id).zip(whole.get(&person_id)) {
                moved.push((authorship_id, paper_id, person, to.clone()));
            }
        }
        self.move_authorships(moved).await
    }

    async fn places_of(&self, people: Vec<i64>) -> Result<Vec<(i64, i64, i64)>, Error> {
        #[derive(FromQueryResult)]
        struct Place {
            id: i64,
            paper_id: i64,
            researcher_id: i64,
        }
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "SELECT id, paper_id, researcher_id FROM authorship WHERE researcher_id = ANY(?) ORDER BY id";
        let rows = self.rows::<Place>(Sql::with(sql, ids(people))).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.paper_id, row.researcher_id)).collect())
    }

    /// Gives somebody another spelling of their name.
    async fn respell(&mut self, person: &Renamed, name: &str) -> Result<(), Error> {
        let parts = Parts { given: person.given_name.clone(), family: person.family_name.clone() };
        let parts = parts.renamed(&person.display_name, name).mention(name, None).parts();
        self.show_as(vec![(person.id, name.to_owned(), parts)]).await
    }

    /// Moves authorships to those whom their new names mean.
    async fn move_authorships(&mut self, moved: Vec<(i64, i64, &Renamed, String)>) -> Result<(), Error> {
        if moved.is_empty() {
            return Ok(());
        }
        let former: HashSet<i64> = moved.iter().map(|(_, _, person, _)| person.id).collect();
        let without = "UPDATE researcher SET orcid = NULL WHERE orcid IS NOT NULL AND id = ANY(?)";
        self.execute(Sql::with(without, ids(former))).await?;
        let orcids: Vec<Option<Orcid>> =
            moved.iter().map(|(_, _, person, _)| person.orcid.as_ref()?.parse().ok()).collect();
        let parts: Vec<Parts> = moved
            .iter()
            .map(|(_, _, person, to)| {
                let parts = Parts { given: person.given_name.clone(), family: person.family_name.clone() };
                parts.renamed(&person.display_name, to)
            })
            .collect();
        let mentions: Vec<Mention<'_>> = moved
            .iter()
            .zip(&parts)
            .zip(&orcids)
            .map(|(((.., to), parts), orcid)| parts.mention(to, orcid.as_ref()))
            .collect();
        let mut people = self.people(&mentions, &[]).await?;
        let places: Vec<usize> = mentions.iter().map(|mention| people.resolve(mention)).collect();
        self.store_people(&mut people).await?;
        let moves: Vec<Relocation> = moved
            .iter()
            .zip(places)
            .filter_map(|((authorship_id, paper_id, person, _), place)| {
                let researcher_id = people.id(place)?;
                Some(Relocation {
                    authorship_id: *authorship_id,
                    paper_id: *paper_id,
                    former_id: Some(person.id),
                    researcher_id,
                })
            })
            .collect();
        self.relocate(&moves).await
    }
}

impl Store {
    /// Looks again at all names of authors, if they were mended in another way than they would be now. Tells whether it had
    /// to.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn keep_name_repairs(&self) -> Result<bool, Error> {
        #[derive(FromQueryResult)]
        struct Setting {
            value: String,
        }
        #[derive(FromQueryResult)]
        struct Held {
            id: i64,
            paper_id: i64,
            name_as_published: String,
            name: String,
            researcher_id: Option<i64>,
            repair_value: Option<String>,
            suggestion_key: Option<String>,
        }
        let current = "SELECT value FROM setting WHERE name = 'name_repair_version'";
        if self.row::<Setting>("repair::version", current.into()).await?.is_some_and(|setting| setting.value == VERSION)
        {
            return Ok(false);
        }
        let transaction = self.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        transaction
            .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({})", crate::store::unit_of_work::WRITE_LOCK))
            .await?;
        let mut batch = Batch::new(&transaction, "", self.consortium_size, 0);
        let mut last = 0;
        loop {
            let sql = Sql::with(
                "SELECT id, paper_id, name_as_published, name, researcher_id, repair_value, suggestion_key FROM authorship \
                 WHERE id > ? ORDER BY id ",
                last,
            );
            let found = batch.rows::<Held>(sql.then_with("LIMIT ?", CHUNK)).await?;
            let Some(end) = found.last() else { break };
            last = end.id;
            let (mut rows, mut renames) = (Vec::new(), Vec::new());
            for held in found {
                let mended = names::mend(&held.name_as_published);
                // A suggestion that was taken stays so until it is seen whether its spelling is there.
                let is_taken = Named::has_taken(&held.name, mended.suggestion_key().as_deref());
                let row = RepairRow::new(held.id, Named::new(mended, is_taken));
                batch.spellings.extend(row.suggestion_key.iter().chain(&row.confirming_key).cloned());
                if row.name != held.name {
                    renames.push(Rename {
                        authorship_id: held.id,
                        paper_id: held.paper_id,
                        researcher_id: held.researcher_id,
                        from: held.name,
                        to: row.name.clone(),
                    });
                }
                let is_told = row.repair_value.is_some() || held.repair_value.is_some();
                if is_told || row.confirming_key.is_some() || row.suggestion_key != held.suggestion_key {
                    rows.push(row);
                }
            }
            batch.store_repairs(&rows).await?;
            batch.rename(renames).await?;
        }
        batch.settle_repairs().await?;
        batch.settle_versions().await?;
        batch.index_touched().await?;
        batch.outdate_totals().await?;
        let remember = "INSERT INTO setting (name, value) VALUES ('name_repair_version', ?) \
             ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value";
        transaction.execute_raw(Sql::with(remember, VERSION).statement()).await?;
        self.commit(transaction).await?;
        Ok(true)
    }
}
