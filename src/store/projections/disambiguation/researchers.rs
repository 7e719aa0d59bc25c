//! The people whom a look found: those who are new, the names by which all are shown, and their ids.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::ingest::researcher_matching::{Mention as Naming, People};
use crate::store::projections::disambiguation::Found;
use crate::store::projections::disambiguation::assignment::Claim;
use crate::store::unit_of_work::Batch;
use crate::text::names::{self, Form, NameParts};

impl Batch<'_> {
    /// Stores the people whom nobody is, and tells who each of all is now; nobody where a place stays open.
    pub(super) async fn new_people(&mut self, people: &[Found], claims: &[Claim]) -> Result<Vec<Option<i64>>, Error> {
        let new = people.iter().zip(claims).filter(|(_, claim)| **claim == Claim::New);
        let names = new.map(|(Found { mentions, .. }, _)| {
            let mut counted: BTreeMap<&str, i64> = BTreeMap::new();
            for mention in mentions {
                *counted.entry(&mention.name).or_default() += 1;
            }
            shown_name(counted.into_iter())
        });
        let names: Vec<&str> = names.collect();
        let parts = self.known_parts(&names).await?;
        let mut stored = People::default();
        let places: Vec<usize> = names
            .iter()
            .map(|name| {
                let parts = parts.get(*name).cloned().unwrap_or_else(|| names::split(name));
                let (given, family) = (parts.given.as_deref(), parts.family.as_deref());
                stored.add(&Naming { name, given, family, orcid: None }, names::identity_key(name))
            })
            .collect();
        self.store_people(&mut stored).await?;
        let mut places = places.into_iter();
        let id = |claim: &Claim| match claim {
            Claim::Open => None,
            Claim::Held(id) => Some(*id),
            Claim::New => places.next().and_then(|place| stored.id(place)),
        };
        Ok(claims.iter().map(id).collect())
    }

    /// The parts of names as sources told them of somebody of the same name.
    async fn known_parts(&self, names: &[&str]) -> Result<HashMap<String, NameParts>, Error> {
        #[derive(FromQueryResult)]
        struct Told {
            display_name: String,
            given_name: Option<String>,
            family_name: Option<String>,
        }
        let sql = "SELECT DISTINCT ON (display_name) display_name, given_name, family_name FROM researcher \
             WHERE name_key = ANY(?) ORDER BY display_name, id";
        let keys: HashSet<String> = names.iter().map(|name| names::identity_key(name)).collect();
        let rows = self.rows::<Told>(Sql::with(sql, texts(keys))).await?;
        let parts = |row: Told| (row.display_name, NameParts { given: row.given_name, family: row.family_name });
        Ok(rows.into_iter().map(parts).collect())
    }

    /// Shows people of whom no source has a record by the name that most of their papers have.
    pub(super) async fn rename_people(&mut self, named: &[Option<i64>]) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Written {
            id: i64,
            name: String,
            papers: i64,
        }
        #[derive(FromQueryResult)]
        struct Shown {
            id: i64,
            display_name: String,
        }
        // By all that somebody wrote: who has an ORCID iD may have names of several blocks.
        let sql = "SELECT authorship.researcher_id AS id, authorship.name, count(*) AS papers FROM authorship \
             WHERE authorship.researcher_id = ANY(?) \
             AND NOT EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = authorship.researcher_id \
             AND NOT starts_with(source_record.key, 'directory:')) \
             AND NOT EXISTS (SELECT FROM identity_pin WHERE identity_pin.researcher_id = authorship.researcher_id) \
             AND NOT EXISTS (SELECT FROM researcher_name WHERE researcher_name.researcher_id = authorship.researcher_id) \
             AND NOT EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = authorship.researcher_id) GROUP BY 1, 2";
        let mut written: HashMap<i64, Vec<(String, i64)>> = HashMap::new();
        for row in self.rows::<Written>(Sql::with(sql, ids(named.iter().flatten().copied()))).await? {
            written.entry(row.id).or_default().push((row.name, row.papers));
        }
        let wanted: HashMap<i64, &str> = written
            .iter()
            .map(|(id, names)| (*id, shown_name(names.iter().map(|(name, papers)| (name.as_str(), *papers)))))
            .collect();
        let sql = "SELECT id, display_name FROM researcher WHERE id = ANY(?)";
        let shown = self.rows::<Shown>(Sql::with(sql, ids(wanted.keys().copied()))).await?;
        let shown: Vec<Shown> = shown.into_iter().filter(|row| wanted[&row.id] != row.display_name).collect();
        let parts = self.known_parts(&shown.iter().map(|row| wanted[&row.id]).collect::<Vec<_>>()).await?;
        let renamed = |row: &Shown| {
            let name = wanted[&row.id];
            (row.id, name.to_owned(), parts.get(name).cloned().unwrap_or_else(|| names::split(name)))
        };
        self.show_as(shown.iter().map(renamed).collect()).await
    }

    /// Gives people the ids that their papers tell and nobody has.
    pub(super) async fn identify_people(&mut self, people: &[Found], named: &[Option<i64>]) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Id {
            id: i64,
            scheme: String,
            value: String,
        }
        let mut told: Vec<Id> = Vec::new();
        for (Found { mentions, .. }, id) in people.iter().zip(named) {
            let Some(id) = *id else { continue };
            let orcids = mentions.iter().filter_map(|mention| mention.orcid.clone()).collect::<HashSet<String>>();
            told.extend(orcids.into_iter().map(|value| Id { id, scheme: "orcid".to_owned(), value }));
            let others = mentions.iter().flat_map(|mention| &mention.author_ids).collect::<HashSet<&String>>();
            let others = others.into_iter().filter_map(|other| other.split_once(':'));
            told.extend(others.map(|(scheme, value)| Id { id, scheme: scheme.to_owned(), value: value.to_owned() }));
        }
        let columns = "id bigint, scheme text, value text";
        let (mut orcids, others): (Vec<Id>, Vec<Id>) = told.into_iter().partition(|id| id.scheme == "orcid");
        // Two authors of one paper may have been given the same: it stays where it was, else the first has it.
        let mut given = HashSet::new();
        orcids.retain(|id| given.insert(id.value.clone()));
        // Who had it before and has none of its papers any more gives it away.
        let release = "UPDATE researcher SET orcid = NULL FROM rows WHERE researcher.orcid = rows.value AND researcher.id <> rows.id \
             AND NOT EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
             AND NOT starts_with(source_record.key, 'directory:'))";
        self.with_rows(columns, &orcids, release).await?;
        let adopt = "UPDATE researcher SET orcid = rows.value, updated_at = now() FROM rows WHERE researcher.id = rows.id \
             AND researcher.orcid IS NULL AND NOT EXISTS (SELECT FROM researcher AS other WHERE other.orcid = rows.value)";
        self.with_rows(columns, &orcids, adopt).await?;
        let insert = "INSERT INTO external_id (scheme, value, researcher_id) SELECT DISTINCT ON (scheme, value) scheme, value, id FROM rows \
             ORDER BY scheme, value, id ON CONFLICT (scheme, value) WHERE researcher_id IS NOT NULL DO UPDATE \
             SET researcher_id = EXCLUDED.researcher_id WHERE NOT EXISTS (SELECT FROM source_record \
             WHERE source_record.researcher_id = external_id.researcher_id \
             AND NOT starts_with(source_record.key, 'directory:'))";
        self.with_rows(columns, &others, insert).await
    }
}

/// The name by which a person is shown, of several and how many papers have each: the full one that most have, of as many the
/// longest.
fn shown_name<'a>(names: impl Iterator<Item = (&'a str, i64)>) -> &'a str {
    let best = names.max_by_key(|(name, papers)| (Form::new(name).is_full(), *papers, name.chars().count(), *name));
    best.map_or("", |(name, _)| name)
}
