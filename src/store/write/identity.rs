//! Who is who, looked at again wherever something has changed: block by block, from all that the directory knows by then.
//!
//! What comes out of a block depends on what is known of its names, not on how it came in. People keep their ids as far as
//! they keep most of their papers.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Batch;
use super::claim::{Asked, Claim, Holder, claims};
use super::person::{Mention as Naming, People};
use super::relocate::Relocation;
use crate::error::Error;
use crate::identity::{Evidence, EvidenceKind, Known, Mention, Method, Person, Resolution, resolve};
use crate::names::{self, Form, Likeness, NameParts};
use crate::store::Store;
use crate::store::search::Kind;
use crate::store::sql::{Sql, ids, texts};

/// Authorships that are looked at in one transaction, as far as one block does not have more.
const MENTIONS: i64 = 12_000;
/// Blocks that are looked at in one transaction at most.
const BLOCKS: i64 = 2_000;
/// Authorships that get their block at once, where they have none yet.
const UNPLACED: i64 = 20_000;

/// What a look at identities came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Authorships that were looked at.
    pub authorships: usize,
    /// Those that have another researcher now.
    pub moved: usize,
    /// Researchers that are new.
    pub created: usize,
}

impl Store {
    /// Resolves all authorships again about which something has changed since they were resolved. `progress` is told of how
    /// many that is so far.
    ///
    /// # Errors
    /// Where the database does not answer. What was resolved before stays, and the same again goes on from there.
    pub async fn resolve_identities(&self, mut progress: impl FnMut(usize)) -> Result<Resolved, Error> {
        while self.place_unplaced().await? {}
        let mut all = Resolved::default();
        loop {
            let transaction = self.begin_batch().await?;
            let mut batch = Batch::new(&transaction, "", self.consortium_size, 0);
            let blocks = batch.pending_blocks().await?;
            if blocks.is_empty() {
                return Ok(all);
            }
            let resolved = batch.resolve_blocks(&blocks).await?;
            batch.execute(Sql::with("DELETE FROM identity_pending WHERE block = ANY(?)", texts(blocks))).await?;
            batch.settle_versions().await?;
            batch.index_touched().await?;
            if resolved.moved > 0 {
                batch.outdate_totals().await?;
            }
            self.commit(transaction).await?;
            all.authorships += resolved.authorships;
            all.moved += resolved.moved;
            all.created += resolved.created;
            progress(all.authorships);
        }
    }

    /// Has all authorships resolved again the next time, whether something has changed or not.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn outdate_identities(&self) -> Result<(), Error> {
        let transaction = self.begin_batch().await?;
        let batch = Batch::new(&transaction, "", self.consortium_size, 0);
        let all = "INSERT INTO identity_pending SELECT DISTINCT block FROM authorship WHERE block IS NOT NULL ON CONFLICT DO NOTHING";
        batch.execute(all.into()).await?;
        self.commit(transaction).await
    }

    /// Gives authorships and people their blocks that were written before there were blocks. Tells whether there were some.
    async fn place_unplaced(&self) -> Result<bool, Error> {
        #[derive(FromQueryResult)]
        struct Unplaced {
            id: i64,
            name: String,
        }
        let transaction = self.begin_batch().await?;
        let batch = Batch::new(&transaction, "", self.consortium_size, 0);
        let mut has_some = false;
        for (table, name) in [("researcher", "display_name"), ("authorship", "name")] {
            let sql = format!("SELECT id, {name} AS name FROM {table} WHERE block IS NULL ORDER BY id LIMIT ?");
            let rows = batch.rows::<Unplaced>(Sql::with(&sql, UNPLACED)).await?;
            has_some |= !rows.is_empty();
            let place = format!("UPDATE {table} SET block = placed.block FROM unnest(?::bigint[], ");
            let sql = Sql::with(&place, ids(rows.iter().map(|row| row.id)))
                .then_with("?::text[]) ", texts(rows.iter().map(|row| Form::new(&row.name).block)))
                .then(format!("AS placed(id, block) WHERE {table}.id = placed.id"));
            batch.execute(sql).await?;
        }
        self.commit(transaction).await?;
        Ok(has_some)
    }
}

/// An authorship as it is read.
#[derive(FromQueryResult)]
struct Row {
    id: i64,
    paper_id: i64,
    name: String,
    researcher_id: Option<i64>,
    orcid: Option<String>,
    author_ids: Option<Vec<String>>,
    block: String,
    affiliations: Vec<String>,
    venue_name: Option<String>,
    year: Option<i32>,
    sort_title: String,
    author_count: i32,
    decided: Option<i64>,
    organizations: Vec<i64>,
    topics: Vec<i64>,
}

/// The own record of a person.
#[derive(FromQueryResult)]
struct Recorded {
    id: i64,
    name: String,
    orcid: Option<String>,
    block: String,
    author_ids: Vec<String>,
    organizations: Vec<i64>,
}

/// The people of one block, and the authorships that their mentions are; a record of a person is none.
struct Block {
    mentions: Vec<Mention>,
    authorships: Vec<Option<Place>>,
}

/// One of the people whom a block was found to have.
struct Found {
    block: String,
    person: Person,
    places: Vec<Option<Place>>,
    mentions: Vec<Mention>,
}

#[derive(Clone, Copy)]
struct Place {
    id: i64,
    paper_id: i64,
    held_by: Option<i64>,
}

impl Batch<'_> {
    /// Has the names of a person looked at again.
    pub(super) async fn outdate_identity(&self, id: i64) -> Result<(), Error> {
        let sql = "INSERT INTO identity_pending SELECT block FROM researcher WHERE block IS NOT NULL AND id = ?";
        let sql = Sql::with(sql, id)
            .then_with(" UNION SELECT block FROM researcher_name WHERE researcher_id = ? ON CONFLICT DO NOTHING", id);
        self.execute(sql).await
    }

    async fn pending_blocks(&self) -> Result<Vec<String>, Error> {
        #[derive(FromQueryResult)]
        struct Pending {
            block: String,
            mentions: i64,
        }
        let sql = "SELECT block, (SELECT count(*) FROM authorship WHERE authorship.block = pending.block) AS mentions \
             FROM (SELECT block FROM identity_pending ORDER BY block LIMIT ?) AS pending ORDER BY block";
        let pending = self.rows::<Pending>(Sql::with(sql, BLOCKS)).await?;
        let mut mentions = 0;
        let taken = pending.into_iter().take_while(|row| {
            let is_first = mentions == 0;
            mentions += row.mentions.max(1);
            is_first || mentions <= MENTIONS
        });
        Ok(taken.map(|row| row.block).collect())
    }

    async fn resolve_blocks(&mut self, names: &[String]) -> Result<Resolved, Error> {
        let mut known = Known::default();
        let blocks = self.read_blocks(names, &mut known).await?;
        let mut people: Vec<Found> = Vec::new();
        for (block, Block { mentions, authorships }) in blocks {
            for person in resolve(&mentions, &known) {
                let places = person.members.iter().map(|member| authorships[*member]).collect();
                let mentions = person.members.iter().map(|member| mentions[*member].clone()).collect();
                people.push(Found { block: block.clone(), person, places, mentions });
            }
        }
        let claimed = self.claim(&people).await?;
        let named = self.new_people(&people, &claimed).await?;
        let (mut moves, mut left_open, mut explained) = (Vec::new(), Vec::new(), Vec::new());
        let mut authorships = 0;
        for (Found { person, places, .. }, researcher_id) in people.iter().zip(&named) {
            for (place, resolution) in places.iter().zip(&person.resolutions) {
                let Some(place) = place else { continue };
                authorships += 1;
                match researcher_id {
                    Some(researcher_id) if place.held_by != Some(*researcher_id) => moves.push(Relocation {
                        authorship_id: place.id,
                        paper_id: place.paper_id,
                        former_id: place.held_by,
                        researcher_id: *researcher_id,
                    }),
                    None if place.held_by.is_some() => left_open.push(*place),
                    _ => {}
                }
                if researcher_id.is_some() && resolution.method != Method::Decision {
                    explained.push((place.id, resolution));
                }
            }
        }
        // Who gives away an ORCID iD may have nothing left but a place to lead from.
        self.identify_people(&people, &named).await?;
        self.leave_open(&left_open).await?;
        self.relocate(&moves).await?;
        self.merge_left(&left_open).await?;
        self.rename_people(&named).await?;
        self.explain(&explained).await?;
        let created = claimed.iter().filter(|claim| **claim == Claim::New).count();
        Ok(Resolved { authorships, moved: moves.len() + left_open.len(), created })
    }

    async fn read_blocks(&self, names: &[String], known: &mut Known) -> Result<BTreeMap<String, Block>, Error> {
        let sql = "SELECT authorship.id, authorship.paper_id, authorship.name, authorship.researcher_id, authorship.orcid, \
             authorship.author_ids, authorship.block, authorship.affiliations_as_published AS affiliations, paper.venue_name, \
             paper.publication_year AS year, paper.sort_title, paper.author_count, \
             coalesce(former.survivor_id, pin.researcher_id) AS decided, \
             ARRAY(SELECT organization_id FROM authorship_organization WHERE authorship_id = authorship.id) AS organizations, \
             ARRAY(SELECT topic_id FROM paper_topic WHERE paper_topic.paper_id = authorship.paper_id) AS topics \
             FROM authorship JOIN paper ON paper.id = authorship.paper_id \
             LEFT JOIN identity_pin AS pin ON pin.authorship_id = authorship.id \
             LEFT JOIN former_identity AS former ON former.kind = 'researcher' AND former.former_id = pin.researcher_id \
             WHERE authorship.block = ANY(?) ORDER BY authorship.paper_id, authorship.list_order";
        let rows = self.rows::<Row>(Sql::with(sql, texts(names.to_vec()))).await?;
        let recorded = self.recorded(names).await?;
        let told = self.told_names(&rows).await?;
        let organizations = rows.iter().flat_map(|row| &row.organizations);
        let organizations = organizations.chain(recorded.iter().flat_map(|person| &person.organizations));
        let organizations = self.organization_names(organizations.copied().collect()).await?;
        let coauthors = self.coauthors(&rows, known).await?;
        let mut blocks: BTreeMap<String, Block> = BTreeMap::new();
        let mut add = |block: String, mention: Mention, place: Option<Place>| {
            let block = blocks.entry(block).or_insert_with(|| Block { mentions: Vec::new(), authorships: Vec::new() });
            block.mentions.push(mention);
            block.authorships.push(place);
        };
        for row in rows {
            let others = coauthors.get(&row.paper_id).map_or(&[][..], Vec::as_slice);
            let mention = Mention {
                paper: Some(row.paper_id),
                decided: row.decided,
                orcid: row.orcid,
                author_ids: row.author_ids.unwrap_or_default(),
                coauthors: others.iter().filter(|(id, _)| *id != row.id).map(|(_, number)| *number).collect(),
                organizations: row.organizations.iter().map(|id| known.organization(*id, &organizations[id])).collect(),
                affiliations: row.affiliations.iter().filter_map(|text| known.affiliation(text)).collect(),
                venue: row.venue_name.as_deref().map(|venue| known.venue(venue)),
                years: row.year.map(|year| (year, year)),
                topics: row.topics,
                stable_key: stable_key(&(&row.sort_title, row.year, &row.name))?,
                record_of: row.researcher_id.filter(|id| is_told(&told, *id, &row.name)),
                name: row.name,
            };
            add(row.block, mention, Some(Place { id: row.id, paper_id: row.paper_id, held_by: row.researcher_id }));
        }
        for person in recorded {
            let names = person.organizations.iter().map(|id| organizations[id].as_str());
            let mention = Mention {
                record_of: Some(person.id),
                orcid: person.orcid,
                author_ids: person.author_ids,
                affiliations: names.filter_map(|name| known.affiliation(name)).collect(),
                organizations: person
                    .organizations
                    .iter()
                    .map(|id| known.organization(*id, &organizations[id]))
                    .collect(),
                stable_key: stable_key(&person.name)?,
                name: person.name,
                ..Mention::default()
            };
            add(person.block, mention, None);
        }
        Ok(blocks)
    }

    /// The names that those who hold these authorships have by somebody's decision, or hide. What they hold under one is
    /// theirs: nobody is to be made of it who would show it.
    async fn told_names(&self, rows: &[Row]) -> Result<HashMap<i64, Vec<String>>, Error> {
        #[derive(FromQueryResult)]
        struct Told {
            researcher_id: i64,
            name: String,
        }
        let holders: HashSet<i64> = rows.iter().filter_map(|row| row.researcher_id).collect();
        let sql = Sql::with(
            "SELECT researcher_id, value AS name FROM researcher_name WHERE (use <> 'DISPLAY' OR source IS NULL) \
             AND researcher_id = ANY(?)",
            ids(holders.iter().copied()),
        )
        .then_with(
            " UNION SELECT researcher_id, display_name FROM name_decision WHERE display_name IS NOT NULL \
             AND researcher_id = ANY(?)",
            ids(holders),
        );
        let mut told: HashMap<i64, Vec<String>> = HashMap::new();
        for row in self.rows::<Told>(sql).await? {
            told.entry(row.researcher_id).or_default().push(row.name);
        }
        Ok(told)
    }

    /// The people of these blocks of whom a source has a record, or on whose name somebody decided; under each of the names
    /// that they have by a decision, or hide, where nobody else is known by it.
    async fn recorded(&self, names: &[String]) -> Result<Vec<Recorded>, Error> {
        let sql = "SELECT researcher.id, named.name, researcher.orcid, named.block, \
             ARRAY(SELECT scheme || ':' || value FROM external_id WHERE researcher_id = researcher.id) AS author_ids, \
             ARRAY(SELECT DISTINCT organization_id FROM affiliation WHERE researcher_id = researcher.id) AS organizations \
             FROM (SELECT id, display_name AS name, block FROM researcher WHERE block = ANY(?) \
             AND (EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
             AND NOT starts_with(source_record.key, 'directory:')) \
             OR EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id)) \
             UNION SELECT researcher_id, value, block FROM researcher_name \
             WHERE (use <> 'DISPLAY' OR source IS NULL) AND NOT EXISTS (SELECT FROM researcher AS namesake \
             WHERE namesake.name_key = researcher_name.name_key AND namesake.id <> researcher_name.researcher_id \
             AND (namesake.orcid IS NOT NULL OR EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = namesake.id \
             AND NOT starts_with(source_record.key, 'directory:')))) AND block = ";
        let sql = Sql::with(sql, texts(names.to_vec()))
            .then_with("ANY(?)) AS named JOIN researcher ON researcher.id = named.id ", texts(names.to_vec()))
            .then("ORDER BY researcher.name_key, researcher.id, named.name");
        self.rows(sql).await
    }

    async fn organization_names(&self, organizations: HashSet<i64>) -> Result<HashMap<i64, String>, Error> {
        #[derive(FromQueryResult)]
        struct Named {
            id: i64,
            name: String,
        }
        let sql = "SELECT id, coalesce(display_names ->> 'en', (SELECT value FROM jsonb_each_text(display_names) \
             ORDER BY key LIMIT 1)) AS name FROM organization WHERE id = ANY(?)";
        let rows = self.rows::<Named>(Sql::with(sql, ids(organizations))).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
    }

    /// The authors of papers that are small enough to tell who works with whom, by the ids of their authorships.
    async fn coauthors(&self, rows: &[Row], known: &mut Known) -> Result<HashMap<i64, Vec<(i64, u32)>>, Error> {
        #[derive(FromQueryResult)]
        struct Author {
            id: i64,
            paper_id: i64,
            name: String,
        }
        let size = i32::try_from(self.consortium_size).unwrap_or(i32::MAX);
        let papers: HashSet<i64> =
            rows.iter().filter(|row| (2..=size).contains(&row.author_count)).map(|row| row.paper_id).collect();
        let sql = "SELECT id, paper_id, name FROM authorship WHERE paper_id = ANY(?)";
        let mut coauthors: HashMap<i64, Vec<(i64, u32)>> = HashMap::new();
        for author in self.rows::<Author>(Sql::with(sql, ids(papers))).await? {
            coauthors.entry(author.paper_id).or_default().push((author.id, known.coauthor(&author.name)));
        }
        Ok(coauthors)
    }

    /// Who each of these people is, of those who are there.
    async fn claim(&self, people: &[Found]) -> Result<Vec<Claim>, Error> {
        let mentions = || people.iter().flat_map(|found| &found.mentions);
        let held = people.iter().flat_map(|found| found.places.iter().flatten()).filter_map(|place| place.held_by);
        let told = mentions().flat_map(|mention| mention.decided.into_iter().chain(mention.record_of));
        let sql = Sql::with(
            "SELECT researcher.id, researcher.orcid, researcher.block, \
             (EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
             AND NOT starts_with(source_record.key, 'directory:')) \
             OR EXISTS (SELECT FROM researcher_name WHERE researcher_name.researcher_id = researcher.id) \
             OR EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id)) AS is_recorded, \
             ARRAY(SELECT scheme || ':' || value FROM external_id WHERE external_id.researcher_id = researcher.id) AS author_ids \
             FROM researcher WHERE id IN (SELECT unnest(?::bigint[]) ",
            ids(held.chain(told).collect::<HashSet<i64>>()),
        )
        .then_with(
            "UNION SELECT id FROM researcher WHERE orcid = ANY(?) ",
            texts(mentions().filter_map(|mention| mention.orcid.clone()).collect::<HashSet<String>>()),
        )
        .then_with(
            "UNION SELECT researcher_id FROM external_id JOIN unnest(?::text[]) AS asked(id) \
             ON external_id.scheme = split_part(asked.id, ':', 1) AND external_id.value = substr(asked.id, strpos(asked.id, ':') + 1) \
             WHERE researcher_id IS NOT NULL)",
            texts(mentions().flat_map(|mention| mention.author_ids.iter().cloned()).collect::<HashSet<String>>()),
        );
        let holders: Vec<Holder> = self.rows(sql).await?;
        let asked: Vec<Asked<'_>> = people
            .iter()
            .map(|found| Asked {
                block: &found.block,
                person: &found.person,
                mentions: &found.mentions,
                held: found.places.iter().flatten().filter_map(|place| place.held_by).collect(),
            })
            .collect();
        Ok(claims(&asked, &holders))
    }

    /// Stores the people whom nobody is, and tells who each of all is now; nobody where a place stays open.
    async fn new_people(&mut self, people: &[Found], claims: &[Claim]) -> Result<Vec<Option<i64>>, Error> {
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
    async fn rename_people(&mut self, named: &[Option<i64>]) -> Result<(), Error> {
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
        #[derive(Serialize)]
        struct Rename {
            id: i64,
            display_name: String,
            given_name: Option<String>,
            family_name: Option<String>,
            sort_name: String,
            name_key: String,
            block: String,
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
        let renames: Vec<Rename> = shown
            .iter()
            .map(|row| {
                let name = wanted[&row.id];
                let parts = parts.get(name).cloned().unwrap_or_else(|| names::split(name));
                Rename {
                    id: row.id,
                    display_name: name.to_owned(),
                    sort_name: names::sort_key(name, &parts),
                    given_name: parts.given,
                    family_name: parts.family,
                    name_key: names::identity_key(name),
                    block: Form::new(name).block,
                }
            })
            .collect();
        self.touched.insert(Kind::Researcher, renames.iter().map(|row| row.id));
        let columns = "id bigint, display_name text, given_name text, family_name text, sort_name text, name_key text, block text";
        let update = "UPDATE researcher SET display_name = rows.display_name, given_name = rows.given_name, \
             family_name = rows.family_name, sort_name = rows.sort_name, name_key = rows.name_key, block = rows.block, \
             updated_at = now() FROM rows WHERE researcher.id = rows.id";
        self.with_rows(columns, &renames, update).await
    }

    /// Gives people the ids that their papers tell and nobody has.
    async fn identify_people(&mut self, people: &[Found], named: &[Option<i64>]) -> Result<(), Error> {
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

    /// Takes people away from places of whom nobody can tell whose they are.
    async fn leave_open(&mut self, places: &[Place]) -> Result<(), Error> {
        if places.is_empty() {
            return Ok(());
        }
        let people: HashSet<i64> = places.iter().filter_map(|place| place.held_by).collect();
        let papers: Vec<i64> = places.iter().map(|place| place.paper_id).collect();
        self.versions.insert_papers(papers.iter().copied());
        let mut pairs = self.pairs_of(&papers).await?;
        let leave = "UPDATE authorship SET same_as_id = researcher_id, researcher_id = NULL WHERE id = ANY(?)";
        self.execute(Sql::with(leave, ids(places.iter().map(|place| place.id)))).await?;
        pairs.extend(self.pairs_of(&papers).await?);
        self.recount_people(&people).await?;
        self.touched.counted.extend(people);
        self.recount_pairs(&pairs).await
    }

    /// Merges people of whom nothing but an open place is left into those who stand on its paper under the same name.
    async fn merge_left(&mut self, places: &[Place]) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Left {
            id: i64,
            paper_id: i64,
            former_id: i64,
            researcher_id: i64,
        }
        let sql = "SELECT open.id, open.paper_id, open.same_as_id AS former_id, other.researcher_id FROM authorship AS open \
             JOIN authorship AS other ON other.paper_id = open.paper_id AND other.block = open.block AND other.researcher_id <> open.same_as_id \
             WHERE open.researcher_id IS NULL AND open.id = ANY(?) ORDER BY open.id, other.list_order";
        let left = self.rows::<Left>(Sql::with(sql, ids(places.iter().map(|place| place.id)))).await?;
        let moves: Vec<Relocation> = left
            .into_iter()
            .map(|Left { id, paper_id, former_id, researcher_id }| Relocation {
                authorship_id: id,
                paper_id,
                former_id: Some(former_id),
                researcher_id,
            })
            .collect();
        self.merge_empty(&moves).await
    }

    /// Remembers why authors were taken for whom they are.
    async fn explain(&self, explained: &[(i64, &Resolution)]) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Explained {
            authorship_id: i64,
            method: &'static str,
            confidence: f32,
            evidence: Vec<Value>,
        }
        let rows: Vec<Explained> = explained
            .iter()
            .map(|(authorship_id, resolution)| Explained {
                authorship_id: *authorship_id,
                method: method_name(resolution.method),
                confidence: resolution.confidence,
                evidence: resolution.evidence.iter().map(evidence_json).collect(),
            })
            .collect();
        let upsert = "INSERT INTO authorship_resolution AS held (authorship_id, method, confidence, evidence) \
             SELECT authorship_id, method, confidence, evidence FROM rows ON CONFLICT (authorship_id) DO UPDATE \
             SET method = EXCLUDED.method, confidence = EXCLUDED.confidence, evidence = EXCLUDED.evidence \
             WHERE (held.method, held.confidence, held.evidence) IS DISTINCT FROM (EXCLUDED.method, EXCLUDED.confidence, EXCLUDED.evidence)";
        self.with_rows("authorship_id bigint, method text, confidence real, evidence jsonb", &rows, upsert).await
    }
}

/// Whether somebody has a name, in any form, by a decision or as one that is hidden.
fn is_told(told: &HashMap<i64, Vec<String>>, researcher_id: i64, name: &str) -> bool {
    let names = told.get(&researcher_id).map_or(&[][..], Vec::as_slice);
    names.iter().any(|told| names::compare(told, name).likeness >= Likeness::Compatible)
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Decision => "DECISION",
        Method::Identifier => "IDENTIFIER",
        Method::Evidence => "EVIDENCE",
        Method::Name => "NAME",
    }
}

fn evidence_json(evidence: &Evidence) -> Value {
    let kind = match evidence.kind {
        EvidenceKind::Decision => "DECISION",
        EvidenceKind::Orcid => "ORCID",
        EvidenceKind::AuthorId => "AUTHOR_ID",
        EvidenceKind::SharedCoauthor => "SHARED_COAUTHOR",
        EvidenceKind::SharedOrganization => "SHARED_ORGANIZATION",
        EvidenceKind::SharedVenue => "SHARED_VENUE",
        EvidenceKind::SharedTopic => "SHARED_TOPIC",
        EvidenceKind::CloseYears => "CLOSE_YEARS",
        EvidenceKind::SameName => "SAME_NAME",
        EvidenceKind::RareName => "RARE_NAME",
        EvidenceKind::NameVariant => "NAME_VARIANT",
    };
    match &evidence.value {
        Some(value) => json!({ "kind": kind, "value": value }),
        None => json!({ "kind": kind }),
    }
}

/// The name by which a person is shown, of several and how many papers have each: the full one that most have, of as many the
/// longest.
fn shown_name<'a>(names: impl Iterator<Item = (&'a str, i64)>) -> &'a str {
    let best = names.max_by_key(|(name, papers)| (Form::new(name).is_full(), *papers, name.chars().count(), *name));
    best.map_or("", |(name, _)| name)
}

/// What a mention has in common with itself whenever it is read, and whatever the ids of its paper are.
fn stable_key(value: &impl Serialize) -> Result<u64, Error> {
    let json = serde_json::to_vec(value).map_err(Error::internal)?;
    let digest = Sha256::digest(&json);
    Ok(digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte)))
}
