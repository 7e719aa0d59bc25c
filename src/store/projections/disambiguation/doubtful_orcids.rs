//! ORCID iDs that sources give with the names of several people: finds those that are somebody else's, and records them
//! at the authorships, where the data-quality report counts them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::disambiguation::{IdentifiedName, NamePair, SharedIdentifier, are_compatible};
use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, text_array};
use crate::store::unit_of_work::{UnitOfWork, rows_cte};
use crate::text::names::NameForm;

/// What is doubtful about ORCID iDs.
#[derive(Debug, Default)]
pub(super) struct DoubtfulOrcids {
    /// The names with which an ORCID iD is doubtful, by ORCID iD.
    names: HashMap<String, HashSet<String>>,
    /// The blocks whose researchers have no right to an ORCID iD by their papers.
    released: HashSet<(String, String)>,
}

impl DoubtfulOrcids {
    /// Whether the ORCID iD is doubtful with this name.
    pub(super) fn contains(&self, orcid: &str, name: &str) -> bool {
        self.names.get(orcid).is_some_and(|names| names.contains(name))
    }

    /// Whether researchers of this block lost the ORCID iD.
    pub(super) fn is_released(&self, orcid: &str, block: &str) -> bool {
        self.released.contains(&(orcid.to_owned(), block.to_owned()))
    }
}

/// A name that authors with an ORCID iD have.
#[derive(FromQueryResult)]
struct OrcidUseRow {
    orcid: String,
    name: String,
    block: String,
    paper_count: i64,
    /// Whether all authorships, and whether any, are recorded as doubtful.
    are_doubtful: bool,
    is_any_doubtful: bool,
    /// Whether a decision assigned one of them to the researcher with the ORCID iD.
    is_decided: bool,
}

/// An ORCID iD with what is known of it.
#[derive(Default)]
struct OrcidUses {
    names: Vec<OrcidUseRow>,
    shared: SharedIdentifier,
}

/// Finds the doubtful ones of these ORCID iDs, and records them. If that changes something about a name of another
/// block, the block is queued. Researchers lose an ORCID iD that they have from authorships with which it is doubtful.
pub(super) async fn refresh_doubtful_orcids(
    uow: &UnitOfWork<'_>,
    orcids: HashSet<String>,
    blocks: &[String],
) -> Result<DoubtfulOrcids, Error> {
    let uses = load_shared_orcids(uow, orcids).await?;
    let pairs = load_rival_coauthors(uow, &uses).await?;
    let mut doubtful = DoubtfulOrcids::default();
    let (mut changed, mut released) = (Vec::new(), Vec::new());
    for (orcid, uses) in &uses {
        let names = uses.shared.doubtful_names(pairs.get(orcid).map_or(&[], Vec::as_slice));
        let is_doubtful = |row: &&OrcidUseRow| names.contains(row.name.as_str());
        changed.extend(uses.names.iter().filter_map(|row| {
            let is_doubtful = is_doubtful(&row);
            let is_recorded = if is_doubtful { row.are_doubtful } else { !row.is_any_doubtful };
            (!is_recorded).then_some(DoubtRow { orcid, name: &row.name, is_doubtful })
        }));
        let trusted: HashSet<&str> =
            uses.names.iter().filter(|row| !is_doubtful(row)).map(|row| row.block.as_str()).collect();
        let doubted: BTreeSet<&str> = uses.names.iter().filter(is_doubtful).map(|row| row.block.as_str()).collect();
        let doubted = doubted.into_iter().filter(|block| !trusted.contains(block));
        released.extend(doubted.map(|block| ReleaseRow { orcid, block }));
        if !names.is_empty() {
            doubtful.names.insert(orcid.clone(), names.into_iter().map(ToOwned::to_owned).collect());
        }
    }
    record_doubts(uow, &changed, blocks).await?;
    release_orcids(uow, &released).await?;
    doubtful.released = released.iter().map(|row| (row.orcid.to_owned(), row.block.to_owned())).collect();
    Ok(doubtful)
}

/// The uses of those of the ORCID iDs that names of several blocks have, or that are recorded as doubtful. Names of one
/// block have something in common.
async fn load_shared_orcids(
    uow: &UnitOfWork<'_>,
    orcids: HashSet<String>,
) -> Result<BTreeMap<String, OrcidUses>, Error> {
    #[derive(FromQueryResult)]
    struct OwnerNameRow {
        orcid: String,
        name: String,
    }
    let mut by_orcid: BTreeMap<String, OrcidUses> = BTreeMap::new();
    if orcids.is_empty() {
        return Ok(by_orcid);
    }
    let sql = "WITH shared AS MATERIALIZED (SELECT asked.orcid FROM unnest(?::text[]) AS asked(orcid) \
         WHERE (SELECT count(*) FROM (SELECT block FROM authorship WHERE authorship.orcid = asked.orcid \
         UNION SELECT block FROM researcher WHERE researcher.orcid = asked.orcid \
         UNION SELECT researcher.block FROM external_id JOIN researcher ON researcher.id = external_id.researcher_id \
         WHERE external_id.scheme = 'orcid' AND external_id.value = asked.orcid AND external_id.researcher_id IS NOT NULL) AS named) > 1 \
         OR EXISTS (SELECT FROM authorship WHERE authorship.orcid = asked.orcid AND is_orcid_doubtful)) \
         SELECT shared.orcid, authorship.name, authorship.block, count(DISTINCT paper_id) AS paper_count, \
         bool_and(is_orcid_doubtful) AS are_doubtful, bool_or(is_orcid_doubtful) AS is_any_doubtful, \
         bool_or(EXISTS (SELECT FROM identity_pin AS pin JOIN researcher ON researcher.id = pin.researcher_id \
         WHERE pin.authorship_id = authorship.id AND researcher.orcid = shared.orcid)) AS is_decided \
         FROM shared JOIN authorship ON authorship.orcid = shared.orcid WHERE authorship.block IS NOT NULL \
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    for row in uow.rows::<OrcidUseRow>(Sql::with(sql, text_array(orcids))).await? {
        let uses = by_orcid.entry(row.orcid.clone()).or_default();
        let paper_count = usize::try_from(row.paper_count).unwrap_or_default();
        uses.shared.names.push(IdentifiedName { name: row.name.clone(), paper_count });
        if row.is_decided {
            uses.shared.owner_names.push(row.name.clone());
        }
        uses.names.push(row);
    }
    if by_orcid.is_empty() {
        return Ok(by_orcid);
    }
    // A record that the iD identifies has a key that is made of it.
    let sql = "SELECT DISTINCT asked.orcid, named.name FROM unnest(?::text[]) AS asked(orcid) \
         CROSS JOIN LATERAL (SELECT id FROM researcher WHERE researcher.orcid = asked.orcid \
         UNION SELECT researcher_id FROM external_id WHERE external_id.scheme = 'orcid' AND external_id.value = asked.orcid \
         AND researcher_id IS NOT NULL) AS held JOIN source_record ON source_record.researcher_id = held.id \
         AND source_record.key = 'researcher:' || asked.orcid JOIN researcher ON researcher.id = held.id \
         CROSS JOIN LATERAL (SELECT researcher.display_name AS name UNION SELECT unnest(researcher.told_names) \
         UNION SELECT unnest(researcher.other_names) UNION SELECT value FROM researcher_name WHERE researcher_id = researcher.id) \
         AS named ORDER BY 1, 2";
    for row in uow.rows::<OwnerNameRow>(Sql::with(sql, text_array(by_orcid.keys().cloned()))).await? {
        by_orcid.entry(row.orcid).or_default().shared.owner_names.push(row.name);
    }
    Ok(by_orcid)
}

/// The coauthors among the rivals for each ORCID iD, wherever they publish together.
async fn load_rival_coauthors(
    uow: &UnitOfWork<'_>,
    uses: &BTreeMap<String, OrcidUses>,
) -> Result<HashMap<String, Vec<NamePair>>, Error> {
    #[derive(Serialize)]
    struct RivalRow<'a> {
        orcid: &'a str,
        name: &'a str,
        block: String,
        other_block: String,
    }
    #[derive(FromQueryResult)]
    struct PairRow {
        orcid: String,
        name: String,
        coauthor: String,
        identified_count: i64,
    }
    let block = |name: &str| NameForm::new(name).blocking_key;
    let mut rivals: HashMap<&str, [Vec<&str>; 2]> = HashMap::new();
    let mut asked = Vec::new();
    for (orcid, uses) in uses {
        let Some(groups) = uses.shared.rivals() else { continue };
        for (group, others) in [(&groups[0], &groups[1]), (&groups[1], &groups[0])] {
            let other_blocks: BTreeSet<String> = others.iter().map(|name| block(name)).collect();
            for name in group {
                let row = |other_block: &String| RivalRow {
                    orcid,
                    name,
                    block: block(name),
                    other_block: other_block.clone(),
                };
                asked.extend(other_blocks.iter().map(row));
            }
        }
        rivals.insert(orcid, groups);
    }
    let mut pairs: HashMap<String, Vec<NamePair>> = HashMap::new();
    if asked.is_empty() {
        return Ok(pairs);
    }
    let sql = rows_cte("orcid text, name text, block text, other_block text", &asked)?.then(
        "SELECT rows.orcid, one.name, other.name AS coauthor, \
         count(DISTINCT one.paper_id) FILTER (WHERE one.orcid = rows.orcid) AS identified_count \
         FROM rows JOIN authorship AS one ON one.block = rows.block AND one.name = rows.name \
         JOIN authorship AS other ON other.paper_id = one.paper_id AND other.block = rows.other_block \
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    );
    for row in uow.rows::<PairRow>(sql).await? {
        // The block has other names than the rival's.
        let is_rival = rivals.get(row.orcid.as_str()).is_some_and(|groups| {
            let others = if groups[0].contains(&row.name.as_str()) { &groups[1] } else { &groups[0] };
            others.iter().any(|other| are_compatible(other, &row.coauthor))
        });
        if is_rival {
            let identified_count = usize::try_from(row.identified_count).unwrap_or_default();
            let pair = NamePair { name: row.name, coauthor: row.coauthor, identified_count };
            pairs.entry(row.orcid).or_default().push(pair);
        }
    }
    Ok(pairs)
}

#[derive(Serialize)]
struct DoubtRow<'a> {
    orcid: &'a str,
    name: &'a str,
    is_doubtful: bool,
}

/// Records changed doubts at the authorships, and queues their blocks unless they are being disambiguated.
async fn record_doubts(uow: &UnitOfWork<'_>, changed: &[DoubtRow<'_>], blocks: &[String]) -> Result<(), Error> {
    if changed.is_empty() {
        return Ok(());
    }
    let sql = rows_cte("orcid text, name text, is_doubtful boolean", changed)?.then_with(
        ", changed AS (UPDATE authorship SET is_orcid_doubtful = rows.is_doubtful FROM rows \
         WHERE authorship.orcid = rows.orcid AND authorship.name = rows.name \
         AND authorship.is_orcid_doubtful <> rows.is_doubtful RETURNING authorship.block) \
         INSERT INTO identity_pending SELECT DISTINCT block FROM changed WHERE block IS NOT NULL AND block <> ALL (?) \
         ON CONFLICT DO NOTHING",
        text_array(blocks.to_vec()),
    );
    uow.execute(sql).await
}

#[derive(Serialize)]
struct ReleaseRow<'a> {
    orcid: &'a str,
    block: &'a str,
}

/// Takes ORCID iDs from researchers with a doubted name, unless a record of theirs has it, or decisions assigned their
/// papers.
async fn release_orcids(uow: &UnitOfWork<'_>, released: &[ReleaseRow<'_>]) -> Result<(), Error> {
    let release = "UPDATE researcher SET orcid = NULL, updated_at = statement_timestamp() FROM rows \
         WHERE researcher.orcid = rows.orcid AND researcher.block = rows.block \
         AND NOT EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
         AND source_record.key = 'researcher:' || rows.orcid) \
         AND NOT EXISTS (SELECT FROM identity_pin WHERE identity_pin.researcher_id = researcher.id)";
    uow.execute_with_rows("orcid text, block text", released, release).await
}
