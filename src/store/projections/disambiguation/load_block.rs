//! What is known of the names of some blocks, as it is compared.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::disambiguation::{Known, Mention};
use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::projections::disambiguation::{Block, Place};
use crate::store::unit_of_work::Batch;
use crate::text::names::{self, Likeness};

/// An authorship as it is read.
#[derive(FromQueryResult)]
struct Row {
    id: i64,
    paper_id: i64,
    name: String,
    researcher_id: Option<i64>,
    /// Of one that was merged the survivor's.
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

impl Batch<'_> {
    pub(super) async fn read_blocks(
        &self,
        names: &[String],
        known: &mut Known,
    ) -> Result<BTreeMap<String, Block>, Error> {
        let sql = "SELECT authorship.id, authorship.paper_id, authorship.name, authorship.researcher_id, \
             coalesce((SELECT owner.orcid FROM external_id JOIN researcher AS owner ON owner.id = external_id.researcher_id \
             WHERE external_id.researcher_id IS NOT NULL AND external_id.scheme = 'orcid' AND external_id.value = authorship.orcid), \
             authorship.orcid) AS orcid, \
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
                stable_key: stable_key(&(&row.sort_title, row.year, &row.venue_name, row.author_count, &row.name))?,
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
}

/// Whether somebody has a name, in any form, by a decision or as one that is hidden.
fn is_told(told: &HashMap<i64, Vec<String>>, researcher_id: i64, name: &str) -> bool {
    let names = told.get(&researcher_id).map_or(&[][..], Vec::as_slice);
    names.iter().any(|told| names::compare(told, name).likeness >= Likeness::Compatible)
}

/// What a mention has in common with itself whenever it is read, and whatever the ids of its paper are.
fn stable_key(value: &impl Serialize) -> Result<u64, Error> {
    let json = serde_json::to_vec(value).map_err(Error::internal)?;
    let digest = Sha256::digest(&json);
    Ok(digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte)))
}
