//! Loads the mentions of blocks: authorships and records of researchers with their evidence.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{EntityTrait as _, FromQueryResult, QueryFilter as _, QuerySelect as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::disambiguation::{Mention, Vocabulary};
use crate::entity::authorship;
use crate::error::Error;
use crate::store::access::sql_fragment::{bigint_array, sql, text_array};
use crate::store::projections::disambiguation::doubtful_identifiers::{
    DoubtfulIdentifiers, find_doubtful_identifiers, qualified_orcid,
};
use crate::store::projections::disambiguation::{BlockAuthorship, LoadedBlock};
use crate::store::reader::export::has_source_record;
use crate::store::unit_of_work::UnitOfWork;
use crate::text::names::{self, NameSimilarity};

/// An authorship with its evidence.
#[derive(FromQueryResult)]
struct MentionRow {
    id: i64,
    paper_id: i64,
    name: String,
    researcher_id: Option<i64>,
    /// The survivor's ORCID iD if that of the authorship was merged.
    orcid: Option<String>,
    /// The ORCID iD that the source gives.
    stated_orcid: Option<String>,
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

/// A researcher with a record.
#[derive(FromQueryResult)]
struct RecordedResearcherRow {
    id: i64,
    name: String,
    orcid: Option<String>,
    block: String,
    author_ids: Vec<String>,
    organizations: Vec<i64>,
}

/// The mentions of these blocks, and which of their identifiers are doubtful.
pub(super) async fn load_blocks(
    uow: &UnitOfWork<'_>,
    names: &[String],
    vocabulary: &mut Vocabulary,
) -> Result<(BTreeMap<String, LoadedBlock>, DoubtfulIdentifiers), Error> {
    let rows = uow
        .rows::<MentionRow>(sql!(
            "SELECT authorship.id, authorship.paper_id, authorship.name, authorship.researcher_id, \
             coalesce((SELECT owner.orcid FROM external_id JOIN researcher AS owner \
             ON owner.id = external_id.researcher_id WHERE external_id.researcher_id IS NOT NULL \
             AND external_id.scheme = 'orcid' AND external_id.value = authorship.orcid), authorship.orcid) AS orcid, \
             authorship.orcid AS stated_orcid, authorship.author_ids, authorship.block, \
             authorship.affiliations_as_published AS affiliations, paper.venue_name, paper.publication_year AS year, \
             paper.sort_title, paper.author_count, coalesce(former.survivor_id, pin.researcher_id) AS decided, \
             ARRAY(SELECT organization_id FROM authorship_organization \
             WHERE authorship_id = authorship.id) AS organizations, ARRAY(SELECT topic_id FROM paper_topic \
             WHERE paper_topic.paper_id = authorship.paper_id) AS topics FROM authorship \
             JOIN paper ON paper.id = authorship.paper_id LEFT JOIN identity_pin AS pin \
             ON pin.authorship_id = authorship.id LEFT JOIN former_identity AS former ON former.kind = 'researcher' \
             AND former.former_id = pin.researcher_id WHERE authorship.block = ANY(?) \
             ORDER BY authorship.paper_id, authorship.list_order",
            text_array(names.to_vec()),
        ))
        .await?;
    let recorded = load_recorded_researchers(uow, names).await?;
    let stated = rows.iter().filter_map(|row| row.stated_orcid.as_ref());
    let orcids = stated.chain(recorded.iter().filter_map(|researcher| researcher.orcid.as_ref()));
    let stated = rows.iter().filter_map(|row| row.author_ids.as_ref()).flatten();
    let others = stated.chain(recorded.iter().flat_map(|researcher| &researcher.author_ids)).cloned();
    let identifiers = orcids.map(|orcid| qualified_orcid(orcid)).chain(others).collect();
    let doubtful = find_doubtful_identifiers(uow, identifiers).await?;
    let decided_names = load_decided_names(uow, &rows).await?;
    let organizations = rows.iter().flat_map(|row| &row.organizations);
    let organizations = organizations.chain(recorded.iter().flat_map(|researcher| &researcher.organizations));
    let organizations = load_organization_names(uow, organizations.copied().collect()).await?;
    let coauthors = load_coauthors(uow, &rows, vocabulary).await?;
    let mut blocks: BTreeMap<String, LoadedBlock> = BTreeMap::new();
    let mut add = |block: String, mention: Mention, authorship: Option<BlockAuthorship>| {
        let block =
            blocks.entry(block).or_insert_with(|| LoadedBlock { mentions: Vec::new(), authorships: Vec::new() });
        block.mentions.push(mention);
        block.authorships.push(authorship);
    };
    for row in rows {
        let others = coauthors.get(&row.paper_id).map_or(&[][..], Vec::as_slice);
        let is_doubtful =
            row.stated_orcid.as_ref().is_some_and(|orcid| doubtful.contains(&qualified_orcid(orcid), &row.name));
        let author_ids = row.author_ids.into_iter().flatten().filter(|id| !doubtful.contains(id, &row.name)).collect();
        let mention = Mention {
            paper: Some(row.paper_id),
            decided_researcher_id: row.decided,
            orcid: row.orcid.filter(|_| !is_doubtful),
            author_ids,
            coauthors: others.iter().filter(|(id, _)| *id != row.id).map(|(_, number)| *number).collect(),
            organizations: row
                .organizations
                .iter()
                .map(|id| vocabulary.intern_organization(*id, &organizations[id]))
                .collect(),
            affiliations: row.affiliations.iter().filter_map(|text| vocabulary.intern_affiliation(text)).collect(),
            venue: row.venue_name.as_deref().map(|venue| vocabulary.intern_venue(venue)),
            years: row.year.map(|year| (year, year)),
            topics: row.topics,
            stable_key: stable_key(&(&row.sort_title, row.year, &row.venue_name, row.author_count, &row.name))?,
            recorded_researcher_id: row.researcher_id.filter(|id| has_decided_name(&decided_names, *id, &row.name)),
            name: row.name,
        };
        add(
            row.block,
            mention,
            Some(BlockAuthorship { id: row.id, paper_id: row.paper_id, researcher_id: row.researcher_id }),
        );
    }
    for researcher in recorded {
        let names = researcher.organizations.iter().map(|id| organizations[id].as_str());
        let mention = Mention {
            recorded_researcher_id: Some(researcher.id),
            orcid: researcher.orcid.filter(|orcid| !doubtful.is_released(&qualified_orcid(orcid), &researcher.block)),
            author_ids: researcher
                .author_ids
                .into_iter()
                .filter(|id| !doubtful.is_released(id, &researcher.block))
                .collect(),
            affiliations: names.filter_map(|name| vocabulary.intern_affiliation(name)).collect(),
            organizations: researcher
                .organizations
                .iter()
                .map(|id| vocabulary.intern_organization(*id, &organizations[id]))
                .collect(),
            stable_key: stable_key(&researcher.name)?,
            name: researcher.name,
            ..Mention::default()
        };
        add(researcher.block, mention, None);
    }
    Ok((blocks, doubtful))
}

/// The decided and hidden names of the researchers of these authorships. Authorships under one of them stay theirs,
/// since a new researcher would be displayed under it.
async fn load_decided_names(uow: &UnitOfWork<'_>, rows: &[MentionRow]) -> Result<HashMap<i64, Vec<String>>, Error> {
    #[derive(FromQueryResult)]
    struct DecidedNameRow {
        researcher_id: i64,
        name: String,
    }
    let researchers: HashSet<i64> = rows.iter().filter_map(|row| row.researcher_id).collect();
    let sql = sql!(
        "SELECT researcher_id, value AS name FROM researcher_name WHERE (use <> 'DISPLAY' OR source IS NULL) \
         AND researcher_id = ANY(?) UNION SELECT researcher_id, display_name FROM name_decision \
         WHERE display_name IS NOT NULL AND researcher_id = ANY(?)",
        bigint_array(researchers.iter().copied()),
        bigint_array(researchers),
    );
    let mut decided_names: HashMap<i64, Vec<String>> = HashMap::new();
    for row in uow.rows::<DecidedNameRow>(sql).await? {
        decided_names.entry(row.researcher_id).or_default().push(row.name);
    }
    Ok(decided_names)
}

/// The researchers of these blocks with a record or a decided name, once for each decided and hidden name that no other
/// researcher has.
async fn load_recorded_researchers(
    uow: &UnitOfWork<'_>,
    names: &[String],
) -> Result<Vec<RecordedResearcherRow>, Error> {
    let sql = sql!(
        concat!(
            "SELECT researcher.id, named.name, researcher.orcid, named.block, ARRAY(SELECT scheme || ':' || value \
             FROM external_id WHERE researcher_id = researcher.id) AS author_ids, ARRAY(SELECT DISTINCT \
             organization_id FROM affiliation WHERE researcher_id = researcher.id) AS organizations \
             FROM (SELECT id, display_name AS name, block FROM researcher WHERE block = ANY(?) AND (",
            has_source_record!("researcher.id"),
            " OR EXISTS (SELECT FROM name_decision WHERE name_decision.researcher_id = researcher.id)) \
             UNION SELECT researcher_id, value, block FROM researcher_name WHERE (use <> 'DISPLAY' OR source IS NULL) \
             AND NOT EXISTS (SELECT FROM researcher AS namesake WHERE namesake.name_key = researcher_name.name_key \
             AND namesake.id <> researcher_name.researcher_id AND (namesake.orcid IS NOT NULL OR ",
            has_source_record!("namesake.id"),
            ")) AND block = ANY(?)) AS named \
             JOIN researcher ON researcher.id = named.id ORDER BY researcher.name_key, researcher.id, named.name"
        ),
        text_array(names.to_vec()),
        text_array(names.to_vec()),
    );
    uow.rows(sql).await
}

/// The names of organizations, in English if there is one.
async fn load_organization_names(
    uow: &UnitOfWork<'_>,
    organizations: HashSet<i64>,
) -> Result<HashMap<i64, String>, Error> {
    #[derive(FromQueryResult)]
    struct OrganizationNameRow {
        id: i64,
        name: String,
    }
    let rows = uow
        .rows::<OrganizationNameRow>(sql!(
            "SELECT id, coalesce(display_names ->> 'en', (SELECT value FROM jsonb_each_text(display_names) \
             ORDER BY key LIMIT 1)) AS name FROM organization WHERE id = ANY(?)",
            bigint_array(organizations),
        ))
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// The coauthors on papers up to the consortium size, with the ids of their authorships.
async fn load_coauthors(
    uow: &UnitOfWork<'_>,
    rows: &[MentionRow],
    vocabulary: &mut Vocabulary,
) -> Result<HashMap<i64, Vec<(i64, u32)>>, Error> {
    let size = i32::try_from(uow.consortium_size()).unwrap_or(i32::MAX);
    let papers: HashSet<i64> =
        rows.iter().filter(|row| (2..=size).contains(&row.author_count)).map(|row| row.paper_id).collect();
    let mut coauthors: HashMap<i64, Vec<(i64, u32)>> = HashMap::new();
    let authors = authorship::Entity::find()
        .select_only()
        .columns([authorship::Column::Id, authorship::Column::PaperId, authorship::Column::Name])
        .filter(authorship::COLUMN.paper_id.eq_any(papers));
    for (id, paper_id, name) in authors.into_tuple::<(i64, i64, String)>().all(uow.db()).await? {
        coauthors.entry(paper_id).or_default().push((id, vocabulary.intern_coauthor(&name)));
    }
    Ok(coauthors)
}

/// Whether a form of the name is a decided or hidden name of the researcher.
fn has_decided_name(decided_names: &HashMap<i64, Vec<String>>, researcher_id: i64, name: &str) -> bool {
    let names = decided_names.get(&researcher_id).map_or(&[][..], Vec::as_slice);
    names.iter().any(|decided_names| names::compare_names(decided_names, name).similarity >= NameSimilarity::Compatible)
}

/// A key of a mention that does not depend on ids.
fn stable_key(value: &impl Serialize) -> Result<u64, Error> {
    let json = serde_json::to_vec(value).map_err(Error::internal)?;
    let digest = Sha256::digest(&json);
    Ok(digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte)))
}
