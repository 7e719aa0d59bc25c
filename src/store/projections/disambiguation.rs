//! Who is who, looked at again wherever something has changed: block by block, from all that the directory knows by then.
//!
//! What comes out of a block depends on what is known of its names, not on how it came in. People keep their ids as far as
//! they keep most of their papers.

pub(crate) mod assignment;
mod load_block;
mod researchers;
mod unassigned;

use std::collections::HashSet;

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::disambiguation::{Evidence, Known, Mention, Method, Person, Resolution, resolve};
use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::ingest::reassign_authorships::Relocation;
use crate::store::projections::disambiguation::assignment::{Asked, Claim, Holder, claims};
use crate::store::unit_of_work::Batch;
use crate::text::names::Form;

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
    pub(crate) async fn outdate_identity(&self, id: i64) -> Result<(), Error> {
        let sql = "INSERT INTO identity_pending SELECT block FROM researcher WHERE block IS NOT NULL AND id = ?";
        let sql = Sql::with(sql, id)
            .then_with(" UNION SELECT block FROM researcher_name WHERE researcher_id = ? ON CONFLICT DO NOTHING", id);
        self.execute(sql).await
    }

    /// Has it looked at again who wrote these papers.
    pub(crate) async fn outdate_authors(&self, papers: &[i64]) -> Result<(), Error> {
        if papers.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO identity_pending SELECT DISTINCT block FROM authorship WHERE block IS NOT NULL AND paper_id = ANY(?) \
             ON CONFLICT DO NOTHING";
        self.execute(Sql::with(sql, ids(papers.iter().copied()))).await
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
        self.merge_forsaken(names).await?;
        self.rename_people(&named).await?;
        self.explain(&explained).await?;
        let created = claimed.iter().filter(|claim| **claim == Claim::New).count();
        Ok(Resolved { authorships, moved: moves.len() + left_open.len(), created })
    }

    /// Who each of these people is, of those who are there.
    async fn claim(&self, people: &[Found]) -> Result<Vec<Claim>, Error> {
        let mentions = || people.iter().flat_map(|found| &found.mentions);
        let held = people.iter().flat_map(|found| found.places.iter().flatten()).filter_map(|place| place.held_by);
        let told = mentions().flat_map(|mention| mention.decided.into_iter().chain(mention.record_of));
        let sql = Sql::with(
            "SELECT researcher.id, researcher.orcid, researcher.block, \
             EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
             AND NOT starts_with(source_record.key, 'directory:')) AS is_recorded, \
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

    /// Remembers why authors were taken for whom they are.
    async fn explain(&self, explained: &[(i64, &Resolution)]) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Explained<'a> {
            authorship_id: i64,
            method: Method,
            confidence: f32,
            evidence: &'a [Evidence],
        }
        let rows: Vec<Explained<'_>> = explained
            .iter()
            .map(|(authorship_id, resolution)| Explained {
                authorship_id: *authorship_id,
                method: resolution.method,
                confidence: resolution.confidence,
                evidence: &resolution.evidence,
            })
            .collect();
        let upsert = "INSERT INTO authorship_resolution AS held (authorship_id, method, confidence, evidence) \
             SELECT authorship_id, method, confidence, evidence FROM rows ON CONFLICT (authorship_id) DO UPDATE \
             SET method = EXCLUDED.method, confidence = EXCLUDED.confidence, evidence = EXCLUDED.evidence \
             WHERE (held.method, held.confidence, held.evidence) IS DISTINCT FROM (EXCLUDED.method, EXCLUDED.confidence, EXCLUDED.evidence)";
        self.with_rows("authorship_id bigint, method text, confidence real, evidence jsonb", &rows, upsert).await
    }
}
