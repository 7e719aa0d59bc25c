//! Identifiers that sources give with the names of several people: finds those that are another person's, and records
//! them at the authorships, where the data-quality report counts them.
//!
//! Identifiers are written as `scheme:value`, ORCID iDs too.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::FromQueryResult;

use crate::disambiguation::{IdentifiedName, NamePair, SharedIdentifier, are_compatible};
use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, sql, text_array};
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::{json_row, rows_cte};
use crate::text::names::NameForm;

const ORCID_PREFIX: &str = "orcid:";

/// An ORCID iD as `scheme:value`.
pub(super) fn qualified_orcid(orcid: &str) -> String {
    format!("{ORCID_PREFIX}{orcid}")
}

/// What is doubtful about identifiers.
#[derive(Debug, Default)]
pub(super) struct DoubtfulIdentifiers {
    /// The names with which an identifier is doubtful, by identifier.
    names: HashMap<String, HashSet<String>>,
    /// The blocks whose researchers have no right to an identifier by their papers.
    released: HashSet<(String, String)>,
    /// What is not recorded as it is.
    changed: Vec<DoubtRow>,
}

impl DoubtfulIdentifiers {
    /// Whether the identifier is doubtful with this name.
    pub(super) fn contains(&self, identifier: &str, name: &str) -> bool {
        self.names.get(identifier).is_some_and(|names| names.contains(name))
    }

    /// Whether researchers of this block lost the identifier.
    pub(super) fn is_released(&self, identifier: &str, block: &str) -> bool {
        self.released.contains(&(identifier.to_owned(), block.to_owned()))
    }

    /// Records the doubts. If that changes something about a name of another block than these, the block is queued.
    /// Researchers lose an identifier that they have from authorships with which it is doubtful.
    pub(super) async fn record(&self, uow: &UnitOfWork<'_>, blocks: &[String]) -> Result<(), Error> {
        record_doubts(uow, &self.changed, blocks).await?;
        release_identifiers(uow, &self.released).await
    }
}

/// A name that authors with an identifier have.
#[derive(FromQueryResult)]
struct IdentifierUseRow {
    identifier: String,
    name: String,
    block: String,
    paper_count: i64,
    /// Whether all authorships, and whether any, are recorded as doubtful.
    are_doubtful: bool,
    is_any_doubtful: bool,
    /// Whether a decision assigned one of them to the researcher with the identifier.
    is_decided: bool,
}

/// An identifier with what is known of it.
#[derive(Default)]
struct IdentifierUses {
    names: Vec<IdentifierUseRow>,
    shared: SharedIdentifier,
}

/// Finds the doubtful ones of these identifiers.
pub(super) async fn find_doubtful_identifiers(
    uow: &UnitOfWork<'_>,
    identifiers: HashSet<String>,
) -> Result<DoubtfulIdentifiers, Error> {
    let uses = load_shared_identifiers(uow, identifiers).await?;
    let pairs = load_rival_coauthors(uow, &uses).await?;
    let mut doubtful = DoubtfulIdentifiers::default();
    for (identifier, uses) in &uses {
        let names = uses.shared.doubtful_names(pairs.get(identifier).map_or(&[], Vec::as_slice));
        let is_doubtful = |row: &&IdentifierUseRow| names.contains(row.name.as_str());
        doubtful.changed.extend(uses.names.iter().filter_map(|row| {
            let is_doubtful = is_doubtful(&row);
            let is_recorded = if is_doubtful { row.are_doubtful } else { !row.is_any_doubtful };
            let doubt = || DoubtRow { identifier: identifier.clone(), name: row.name.clone(), is_doubtful };
            (!is_recorded).then(doubt)
        }));
        let trusted: HashSet<&str> =
            uses.names.iter().filter(|row| !is_doubtful(row)).map(|row| row.block.as_str()).collect();
        let doubted: BTreeSet<&str> = uses.names.iter().filter(is_doubtful).map(|row| row.block.as_str()).collect();
        let doubted = doubted.into_iter().filter(|block| !trusted.contains(block));
        doubtful.released.extend(doubted.map(|block| (identifier.clone(), block.to_owned())));
        if !names.is_empty() {
            doubtful.names.insert(identifier.clone(), names.into_iter().map(ToOwned::to_owned).collect());
        }
    }
    Ok(doubtful)
}

/// The uses of those of the identifiers that names of several blocks have, or that are recorded as doubtful. Names of
/// one block have something in common.
async fn load_shared_identifiers(
    uow: &UnitOfWork<'_>,
    identifiers: HashSet<String>,
) -> Result<BTreeMap<String, IdentifierUses>, Error> {
    #[derive(FromQueryResult)]
    struct OwnerNameRow {
        identifier: String,
        name: String,
    }
    let mut by_identifier: BTreeMap<String, IdentifierUses> = BTreeMap::new();
    let (orcids, others): (Vec<String>, Vec<String>) =
        identifiers.into_iter().partition(|identifier| identifier.starts_with(ORCID_PREFIX));
    for (sql, asked) in [(ORCID_USES_SQL, orcids), (OTHER_USES_SQL, others)] {
        if asked.is_empty() {
            continue;
        }
        for row in uow.rows::<IdentifierUseRow>(Sql::with(sql, text_array(asked))).await? {
            let uses = by_identifier.entry(row.identifier.clone()).or_default();
            let paper_count = usize::try_from(row.paper_count).unwrap_or_default();
            uses.shared.names.push(IdentifiedName { name: row.name.clone(), paper_count });
            if row.is_decided {
                uses.shared.owner_names.push(row.name.clone());
            }
            uses.names.push(row);
        }
    }
    if by_identifier.is_empty() {
        return Ok(by_identifier);
    }
    for row in uow.rows::<OwnerNameRow>(sql!(OWNERS_SQL, text_array(by_identifier.keys().cloned()))).await? {
        by_identifier.entry(row.identifier).or_default().shared.owner_names.push(row.name);
    }
    Ok(by_identifier)
}

/// The uses of shared ORCID iDs.
const ORCID_USES_SQL: &str = "WITH shared AS MATERIALIZED (SELECT asked.orcid FROM \
     (SELECT substr(id, 7) AS orcid FROM unnest(?::text[]) AS named(id)) AS asked \
     WHERE (SELECT count(*) FROM (SELECT block FROM authorship WHERE authorship.orcid = asked.orcid \
     UNION SELECT block FROM researcher WHERE researcher.orcid = asked.orcid \
     UNION SELECT researcher.block FROM external_id JOIN researcher ON researcher.id = external_id.researcher_id \
     WHERE external_id.scheme = 'orcid' AND external_id.value = asked.orcid AND external_id.researcher_id IS NOT NULL) AS named) > 1 \
     OR EXISTS (SELECT FROM authorship WHERE authorship.orcid = asked.orcid AND is_orcid_doubtful)) \
     SELECT 'orcid:' || shared.orcid AS identifier, authorship.name, authorship.block, count(DISTINCT paper_id) AS paper_count, \
     bool_and(is_orcid_doubtful) AS are_doubtful, bool_or(is_orcid_doubtful) AS is_any_doubtful, \
     bool_or(EXISTS (SELECT FROM identity_pin AS pin JOIN researcher ON researcher.id = pin.researcher_id \
     WHERE pin.authorship_id = authorship.id AND researcher.orcid = shared.orcid)) AS is_decided \
     FROM shared JOIN authorship ON authorship.orcid = shared.orcid WHERE authorship.block IS NOT NULL \
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

/// The uses of shared identifiers of other schemes.
const OTHER_USES_SQL: &str = "WITH used AS MATERIALIZED (SELECT asked.id AS identifier, authorship.id AS authorship_id, \
     authorship.name, authorship.block, authorship.paper_id, coalesce(asked.id = ANY(authorship.doubtful_ids), false) AS is_doubtful \
     FROM unnest(?::text[]) AS asked(id) JOIN authorship ON authorship.author_ids @> ARRAY[asked.id] \
     WHERE authorship.author_ids IS NOT NULL AND authorship.block IS NOT NULL), \
     shared AS (SELECT identifier FROM used GROUP BY identifier HAVING count(DISTINCT block) > 1 OR bool_or(is_doubtful) \
     OR min(block) <> (SELECT researcher.block FROM external_id JOIN researcher ON researcher.id = external_id.researcher_id \
     WHERE external_id.scheme = split_part(identifier, ':', 1) AND external_id.value = substr(identifier, strpos(identifier, ':') + 1) \
     AND external_id.researcher_id IS NOT NULL)) \
     SELECT identifier, name, block, count(DISTINCT paper_id) AS paper_count, bool_and(is_doubtful) AS are_doubtful, \
     bool_or(is_doubtful) AS is_any_doubtful, bool_or(EXISTS (SELECT FROM identity_pin AS pin JOIN external_id AS held \
     ON held.researcher_id = pin.researcher_id WHERE pin.authorship_id = used.authorship_id \
     AND held.scheme = split_part(identifier, ':', 1) AND held.value = substr(identifier, strpos(identifier, ':') + 1))) AS is_decided \
     FROM used JOIN shared USING (identifier) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

/// The names of people whose own record has the identifier. The record of an ORCID iD has a key that is made of it.
const OWNERS_SQL: &str = "SELECT DISTINCT asked.id AS identifier, named.name FROM unnest(?::text[]) AS asked(id) \
     CROSS JOIN LATERAL (SELECT split_part(asked.id, ':', 1) AS scheme, substr(asked.id, strpos(asked.id, ':') + 1) AS value) AS parts \
     CROSS JOIN LATERAL (SELECT id, false AS is_told FROM researcher WHERE parts.scheme = 'orcid' AND researcher.orcid = parts.value \
     UNION SELECT researcher_id, is_told FROM external_id WHERE external_id.scheme = parts.scheme AND external_id.value = parts.value \
     AND researcher_id IS NOT NULL) AS held JOIN source_record ON source_record.researcher_id = held.id \
     AND CASE WHEN parts.scheme = 'orcid' THEN source_record.key = 'researcher:' || parts.value ELSE held.is_told END \
     JOIN researcher ON researcher.id = held.id \
     CROSS JOIN LATERAL (SELECT researcher.display_name AS name UNION SELECT unnest(researcher.told_names) \
     UNION SELECT unnest(researcher.other_names) UNION SELECT value FROM researcher_name WHERE researcher_id = researcher.id) \
     AS named ORDER BY 1, 2";

/// The coauthors among the rivals for each identifier, wherever they publish together, under any form of their names.
async fn load_rival_coauthors(
    uow: &UnitOfWork<'_>,
    uses: &BTreeMap<String, IdentifierUses>,
) -> Result<HashMap<String, Vec<NamePair>>, Error> {
    json_row! {
        struct RivalRow<'a> {
            identifier: &'a str,
            /// Which of the two groups has names of `block`.
            side: i32,
            block: String,
            other_block: String,
        }
    }
    #[derive(FromQueryResult)]
    struct PairRow {
        identifier: String,
        side: i32,
        name: String,
        coauthor: String,
        identified_count: i64,
    }
    let blocks =
        |group: &[&str]| -> BTreeSet<String> { group.iter().map(|name| NameForm::new(name).blocking_key).collect() };
    let mut rivals: HashMap<&str, [Vec<&str>; 2]> = HashMap::new();
    let mut asked = Vec::new();
    for (identifier, uses) in uses {
        let Some(groups) = uses.shared.rivals() else { continue };
        for (side, group, others) in [(0, &groups[0], &groups[1]), (1, &groups[1], &groups[0])] {
            let other_blocks = blocks(others);
            asked.extend(blocks(group).iter().flat_map(|block| {
                other_blocks.iter().map(move |other_block| RivalRow {
                    identifier,
                    side,
                    block: block.clone(),
                    other_block: other_block.clone(),
                })
            }));
        }
        rivals.insert(identifier, groups);
    }
    let mut pairs: HashMap<String, Vec<NamePair>> = HashMap::new();
    if asked.is_empty() {
        return Ok(pairs);
    }
    let sql = rows_cte(&asked)?.then(
        "SELECT rows.identifier, rows.side, one.name, other.name AS coauthor, \
         count(DISTINCT one.paper_id) FILTER (WHERE 'orcid:' || one.orcid = rows.identifier \
         OR rows.identifier = ANY(one.author_ids)) AS identified_count FROM rows \
         JOIN authorship AS one ON one.block = rows.block JOIN authorship AS other ON other.paper_id = one.paper_id \
         AND other.block = rows.other_block AND other.id <> one.id GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
    );
    for row in uow.rows::<PairRow>(sql).await? {
        // A block has names of other people, too.
        let is_rival = rivals.get(row.identifier.as_str()).is_some_and(|[one, other]| {
            let (group, others) = if row.side == 0 { (one, other) } else { (other, one) };
            let is_of = |group: &[&str], name: &str| group.iter().any(|known| are_compatible(known, name));
            is_of(group, &row.name) && is_of(others, &row.coauthor)
        });
        if is_rival {
            let identified_count = usize::try_from(row.identified_count).unwrap_or_default();
            let pair = NamePair { name: row.name, coauthor: row.coauthor, identified_count };
            pairs.entry(row.identifier).or_default().push(pair);
        }
    }
    Ok(pairs)
}

json_row! {
    #[derive(Debug)]
    struct DoubtRow {
        identifier: String,
        name: String,
        is_doubtful: bool,
    }
}

/// Records changed doubts at the authorships, and queues their blocks unless they are being disambiguated.
async fn record_doubts(uow: &UnitOfWork<'_>, changed: &[DoubtRow], blocks: &[String]) -> Result<(), Error> {
    let queue = "INSERT INTO identity_pending SELECT DISTINCT block FROM changed WHERE block IS NOT NULL AND block <> ALL (?) \
         ON CONFLICT DO NOTHING";
    let (orcids, others): (Vec<&DoubtRow>, Vec<&DoubtRow>) =
        changed.iter().partition(|row| row.identifier.starts_with(ORCID_PREFIX));
    if !orcids.is_empty() {
        let sql = rows_cte(&orcids)?
            .then(
                ", changed AS (UPDATE authorship SET is_orcid_doubtful = rows.is_doubtful FROM rows \
                 WHERE authorship.orcid = substr(rows.identifier, 7) AND authorship.name = rows.name \
                 AND authorship.is_orcid_doubtful <> rows.is_doubtful RETURNING authorship.block) ",
            )
            .then_with(queue, text_array(blocks.to_vec()));
        uow.execute(sql).await?;
    }
    // One at a time, since an author has several.
    for row in others {
        let sql = rows_cte(&[row])?
            .then(
                ", changed AS (UPDATE authorship SET doubtful_ids = (SELECT array_agg(id ORDER BY id) \
                 FROM unnest(authorship.author_ids) AS own(id) WHERE \
                 CASE WHEN id = rows.identifier THEN rows.is_doubtful ELSE id = ANY(authorship.doubtful_ids) END) \
                 FROM rows WHERE authorship.author_ids IS NOT NULL \
                 AND authorship.author_ids @> ARRAY[rows.identifier] AND authorship.name = rows.name \
                 AND coalesce(rows.identifier = ANY(authorship.doubtful_ids), false) <> rows.is_doubtful \
                 RETURNING authorship.block) ",
            )
            .then_with(queue, text_array(blocks.to_vec()));
        uow.execute(sql).await?;
    }
    Ok(())
}

json_row! {
    struct ReleaseRow<'a> {
        identifier: &'a str,
        block: &'a str,
    }
}

/// Takes identifiers from researchers with a doubted name, unless a record of theirs has it, or decisions assigned their
/// papers.
async fn release_identifiers(uow: &UnitOfWork<'_>, released: &HashSet<(String, String)>) -> Result<(), Error> {
    let (orcids, others): (Vec<ReleaseRow<'_>>, Vec<ReleaseRow<'_>>) = released
        .iter()
        .map(|(identifier, block)| ReleaseRow { identifier, block })
        .partition(|row| row.identifier.starts_with(ORCID_PREFIX));
    let release = "UPDATE researcher SET orcid = NULL, updated_at = statement_timestamp() FROM rows \
         WHERE researcher.orcid = substr(rows.identifier, 7) AND researcher.block = rows.block \
         AND NOT EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
         AND source_record.key = 'researcher:' || researcher.orcid) \
         AND NOT EXISTS (SELECT FROM identity_pin WHERE identity_pin.researcher_id = researcher.id)";
    uow.execute_with_rows(&orcids, release).await?;
    let release = "DELETE FROM external_id USING rows, researcher WHERE researcher.id = external_id.researcher_id \
         AND external_id.scheme = split_part(rows.identifier, ':', 1) \
         AND external_id.value = substr(rows.identifier, strpos(rows.identifier, ':') + 1) AND researcher.block = rows.block \
         AND NOT external_id.is_told \
         AND NOT EXISTS (SELECT FROM identity_pin WHERE identity_pin.researcher_id = researcher.id)";
    uow.execute_with_rows(&others, release).await
}
