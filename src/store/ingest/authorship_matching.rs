//! Matching of the authors of a record to the authorships that the paper had before.
//!
//! A match is by name at any position, or by another form of the name if a decision pins the authorship, or else by
//! position. A matched authorship keeps its id and its pin, and under the same name its researcher.

use std::collections::{HashMap, HashSet};

use sea_orm::{EntityTrait as _, FromQueryResult, QueryFilter as _};
use serde_json::Value;

use crate::entity::authorship;
use crate::error::Error;
use crate::model::record::AuthorRecord;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::ingest::disambiguation_queue::queue_orcid_blocks;
use crate::store::ingest::exported_ids::claim_ids;
use crate::store::ingest::name_repair::RepairedAuthor;
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;
use crate::text::names::{self, NameSimilarity};

/// The authorship that an author of a record gets.
#[derive(Debug, Default)]
pub(crate) struct AuthorshipSlot {
    pub id: i64,
    /// The position that the source provides.
    pub position: Option<u32>,
    /// The rank in the list of authors.
    pub list_order: i32,
    /// The researcher to whom a decision pins it.
    pub decided_researcher_id: Option<i64>,
    /// The researcher who had it under the same name.
    pub same_name_researcher_id: Option<i64>,
    /// The researcher who had it under any name.
    pub previous_researcher_id: Option<i64>,
    /// Whether it is pinned, but its name is not compatible with the pinned one.
    pub has_conflicting_name: bool,
    resolution: Option<StoredResolution>,
}

/// Why an author was matched to a researcher.
#[derive(Clone, Debug)]
struct StoredResolution {
    method: String,
    confidence: f32,
    evidence: Value,
}

/// An authorship before the update, or a pinned one that the paper no longer has.
#[derive(Debug, FromQueryResult)]
struct PreviousAuthorship {
    id: i64,
    paper_id: i64,
    list_order: Option<i32>,
    name_as_published: String,
    name: Option<String>,
    researcher_id: Option<i64>,
    confirming_key: Option<String>,
    decided: Option<i64>,
    method: Option<String>,
    confidence: Option<f32>,
    evidence: Option<Value>,
}

impl PreviousAuthorship {
    fn has_name_key(&self, key: &str) -> bool {
        [Some(&self.name_as_published), self.name.as_ref()]
            .into_iter()
            .flatten()
            .any(|name| names::name_key(name) == key)
    }
}

/// Whether two names may be those of one person.
fn are_names_compatible(one: &str, other: &str) -> bool {
    names::compare_names(one, other).similarity >= NameSimilarity::Compatible
}

/// The position and the rank of each author. Authors without a position, or with a duplicate one, come after the
/// others.
fn assign_list_orders(authors: &[AuthorRecord]) -> Result<Vec<(Option<u32>, i32)>, Error> {
    let mut last = authors.iter().filter_map(|author| author.position).max().unwrap_or_default();
    let mut taken = HashSet::new();
    let mut order = |author: &AuthorRecord| {
        let position = author.position.filter(|position| taken.insert(*position));
        let order = position.unwrap_or_else(|| {
            last = last.saturating_add(1);
            last
        });
        let order =
            i32::try_from(order).map_err(|_| Error::BadUserInput("an author position is too large".to_owned()))?;
        Ok((position, order))
    };
    authors.iter().map(&mut order).collect()
}

/// An author of the record.
struct IncomingAuthor<'a> {
    list_order: i32,
    name: &'a str,
    /// The keys of the published and the repaired name.
    keys: Vec<String>,
}

/// The index of the previous authorship that each author matches.
fn match_authorships(new: &[IncomingAuthor<'_>], former: &[PreviousAuthorship]) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; new.len()];
    let mut free: HashSet<usize> = (0..former.len()).collect();
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    let mut by_order: HashMap<i32, usize> = HashMap::new();
    for (index, slot) in former.iter().enumerate() {
        if let Some(order) = slot.list_order {
            by_order.insert(order, index);
        }
        for name in [Some(&slot.name_as_published), slot.name.as_ref()].into_iter().flatten() {
            let named = by_key.entry(names::name_key(name)).or_default();
            if named.last() != Some(&index) {
                named.push(index);
            }
        }
    }
    // In this order: same name and position, same name, another form of a pinned name, same position.
    for (found, new) in found.iter_mut().zip(new) {
        let here = by_order.get(&new.list_order).copied();
        *found = here.filter(|index| new.keys.iter().any(|key| former[*index].has_name_key(key)) && free.remove(index));
    }
    for (found, new) in found.iter_mut().zip(new).filter(|(found, _)| found.is_none()) {
        let named = new.keys.iter().filter_map(|key| by_key.get(key)).flatten();
        *found = named.copied().find(|index| free.remove(index));
    }
    let decided: Vec<usize> = (0..former.len()).filter(|index| former[*index].decided.is_some()).collect();
    for (found, new) in found.iter_mut().zip(new).filter(|(found, _)| found.is_none()) {
        let here = by_order.get(&new.list_order).copied().filter(|index| decided.contains(index));
        let mut candidates = here.into_iter().chain(decided.iter().copied());
        *found = candidates.find(|index| {
            free.contains(index)
                && are_names_compatible(new.name, &former[*index].name_as_published)
                && free.remove(index)
        });
    }
    for (found, new) in found.iter_mut().zip(new).filter(|(found, _)| found.is_none()) {
        *found = by_order.get(&new.list_order).copied().filter(|index| free.remove(index));
    }
    found
}

/// The researchers of authorships, each once on a paper. One who had an authorship before has precedence over others.
pub(crate) fn dedupe_researchers(slots: &[(&AuthorshipSlot, i64, Option<i64>)]) -> Vec<Option<i64>> {
    let mut given: Vec<Option<i64>> = vec![None; slots.len()];
    let mut present: HashSet<(i64, i64)> = HashSet::new();
    for keeps in [true, false] {
        for (given, (slot, paper_id, researcher_id)) in given.iter_mut().zip(slots) {
            let is_kept = researcher_id.is_some() && slot.previous_researcher_id == *researcher_id;
            if is_kept == keeps {
                *given = researcher_id.filter(|id| present.insert((*paper_id, *id)));
            }
        }
    }
    given
}

/// Deletes the authorships of the papers, and returns the authorship that each author of the records gets. `papers` are
/// `true` if they exist already; `authors` are those of all papers in order.
pub(crate) async fn assign_slots(
    uow: &mut UnitOfWork<'_>,
    papers: &[(i64, bool, &[AuthorRecord])],
    authors: &[RepairedAuthor<'_>],
) -> Result<Vec<AuthorshipSlot>, Error> {
    let replaced: Vec<i64> = papers.iter().filter(|(_, is_there, _)| *is_there).map(|(id, ..)| *id).collect();
    let mut former: HashMap<i64, Vec<PreviousAuthorship>> = HashMap::new();
    if !replaced.is_empty() {
        for slot in load_previous_authorships(uow, &replaced).await? {
            uow.dirty.spellings.extend(slot.confirming_key.clone());
            former.entry(slot.paper_id).or_default().push(slot);
        }
        queue_orcid_blocks(uow, &replaced).await?;
        authorship::Entity::delete_many().filter(authorship::COLUMN.paper_id.eq_any(replaced)).exec(uow.db()).await?;
    }
    let mut named = authors.iter();
    let mut slots = Vec::with_capacity(authors.len());
    for (paper_id, _, records) in papers {
        let former = former.remove(paper_id).unwrap_or_default();
        let ranks = assign_list_orders(records)?;
        let named: Vec<_> = named.by_ref().take(records.len()).collect();
        let new = ranks.iter().zip(&named).map(|((_, list_order), author)| IncomingAuthor {
            list_order: *list_order,
            name: &author.name.name,
            keys: author.identity_keys(),
        });
        let new: Vec<IncomingAuthor<'_>> = new.collect();
        for (((position, list_order), author), matched_index) in
            ranks.into_iter().zip(named).zip(match_authorships(&new, &former))
        {
            let slot = AuthorshipSlot { position, list_order, ..AuthorshipSlot::default() };
            slots.push(matched_index.map_or(slot, |index| carry_over(&former[index], author, position, list_order)));
        }
    }
    // The id from the exporting directory is reused if it is free.
    let new = slots.iter().zip(authors).filter(|(slot, _)| slot.id == 0);
    let wanted: Vec<Option<i64>> = new.map(|(_, author)| author.record.id).collect();
    let mut new_ids = claim_ids(uow, "authorship", &wanted).await?.into_iter();
    for slot in slots.iter_mut().filter(|slot| slot.id == 0) {
        slot.id = new_ids.next().ok_or_else(|| Error::internal("no id for an authorship"))?.id;
    }
    Ok(slots)
}

/// The authorships of papers, and the pinned ones that they no longer have.
async fn load_previous_authorships(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<Vec<PreviousAuthorship>, Error> {
    let sql = sql!(
        "SELECT held.id, held.paper_id, held.list_order, held.name_as_published, held.name, held.researcher_id, \
         held.confirming_key, decided.id AS decided, resolution.method, resolution.confidence, resolution.evidence \
         FROM (SELECT id, paper_id, list_order, name_as_published, name, researcher_id, confirming_key \
         FROM authorship WHERE paper_id = ANY(?) UNION ALL SELECT authorship_id, paper_id, NULL, name_as_published, \
         NULL, NULL, NULL FROM identity_pin WHERE paper_id = ANY(?) AND NOT EXISTS (SELECT FROM authorship \
         WHERE authorship.id = identity_pin.authorship_id)) AS held \
         LEFT JOIN identity_pin AS pin ON pin.authorship_id = held.id \
         LEFT JOIN former_identity AS former ON former.kind = 'researcher' AND former.former_id = pin.researcher_id \
         LEFT JOIN researcher AS decided ON decided.id = coalesce(former.survivor_id, pin.researcher_id) \
         LEFT JOIN authorship_resolution AS resolution ON resolution.authorship_id = held.id \
         ORDER BY held.paper_id, held.list_order, held.id",
        bigint_array(papers.iter().copied()),
        bigint_array(papers.iter().copied()),
    );
    uow.rows(sql).await
}

/// Restores why authors were matched to the researchers they still have, and which were pinned.
pub(crate) async fn restore_resolutions(
    uow: &UnitOfWork<'_>,
    slots: &[(&AuthorshipSlot, Option<i64>)],
) -> Result<(), Error> {
    json_row! {
        struct Row<'a> {
            authorship_id: i64,
            method: &'a str,
            confidence: f32,
            evidence: &'a Value,
        }
    }
    let unchanged = slots.iter().filter(|(slot, researcher_id)| slot.previous_researcher_id == *researcher_id);
    let rows: Vec<Row<'_>> = unchanged
        .filter_map(|(slot, _)| slot.resolution.as_ref().map(|resolution| (slot.id, resolution)))
        .map(|(authorship_id, StoredResolution { method, confidence, evidence })| Row {
            authorship_id,
            method,
            confidence: *confidence,
            evidence,
        })
        .collect();
    let insert = "INSERT INTO authorship_resolution (authorship_id, method, confidence, evidence) \
         SELECT authorship_id, method, confidence, evidence FROM rows";
    uow.execute_with_rows(&rows, insert).await?;
    let decided = slots.iter().filter(|(slot, _)| slot.decided_researcher_id.is_some()).map(|(slot, _)| slot.id);
    mark_resolved_by_decision(uow, decided.collect()).await
}

/// Marks pinned authorships as resolved by decision.
pub(crate) async fn mark_resolved_by_decision(uow: &UnitOfWork<'_>, authorships: Vec<i64>) -> Result<(), Error> {
    if authorships.is_empty() {
        return Ok(());
    }
    uow.execute(sql!(
        "INSERT INTO authorship_resolution (authorship_id, method, confidence, evidence) \
         SELECT pin.authorship_id, 'DECISION', 1, jsonb_build_array(jsonb_build_object('kind', 'DECISION', 'value', \
         pin.decision_id::text)) FROM identity_pin AS pin JOIN authorship ON authorship.id = pin.authorship_id \
         WHERE pin.authorship_id = ANY(?) ON CONFLICT (authorship_id) \
         DO UPDATE SET method = EXCLUDED.method, confidence = EXCLUDED.confidence, evidence = EXCLUDED.evidence",
        bigint_array(authorships),
    ))
    .await
}

/// The slot of a matched authorship.
fn carry_over(
    former: &PreviousAuthorship,
    author: &RepairedAuthor<'_>,
    position: Option<u32>,
    list_order: i32,
) -> AuthorshipSlot {
    let name_key = names::name_key(&author.name.name);
    let is_same_name = former.name.as_ref().is_some_and(|name| names::name_key(name) == name_key);
    let resolution = former.method.clone().zip(former.confidence).zip(former.evidence.clone());
    AuthorshipSlot {
        id: former.id,
        position,
        list_order,
        decided_researcher_id: former.decided,
        same_name_researcher_id: former.researcher_id.filter(|_| is_same_name),
        previous_researcher_id: former.researcher_id,
        has_conflicting_name: former.decided.is_some()
            && !are_names_compatible(&author.name.name, &former.name_as_published),
        resolution: resolution.map(|((method, confidence), evidence)| StoredResolution {
            method,
            confidence,
            evidence,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn former(names: &[(&str, Option<i32>)]) -> Vec<PreviousAuthorship> {
        let slot = |(id, (name, list_order)): (i64, &(&str, Option<i32>))| PreviousAuthorship {
            id,
            paper_id: 1,
            list_order: *list_order,
            name_as_published: (*name).to_owned(),
            name: list_order.map(|_| (*name).to_owned()),
            researcher_id: None,
            confirming_key: None,
            decided: None,
            method: None,
            confidence: None,
            evidence: None,
        };
        (0..).zip(names).map(slot).collect()
    }

    fn matched(new: &[&str], former: &[PreviousAuthorship]) -> Vec<Option<usize>> {
        let new = (1..).zip(new).map(|(list_order, name)| IncomingAuthor {
            list_order,
            name,
            keys: vec![names::name_key(name)],
        });
        match_authorships(&new.collect::<Vec<_>>(), former)
    }

    #[test]
    fn authorships_that_match() {
        let two = former(&[("Ida Brook", Some(1)), ("Tom Ford", Some(2))]);
        assert_eq!(matched(&["Ida Brook", "Tom Ford"], &two), [Some(0), Some(1)]);
        assert_eq!(matched(&["Uma Lee", "Ida Brook", "Tom Ford"], &two), [None, Some(0), Some(1)]);
        assert_eq!(matched(&["Tom Ford", "Ida Brook"], &two), [Some(1), Some(0)]);
        assert_eq!(matched(&["I. Brook", "Tom Ford"], &two), [Some(0), Some(1)]);
        assert_eq!(matched(&["I. Brook", "T. Ford", "Uma Lee"], &two), [Some(0), Some(1), None]);
        assert_eq!(matched(&["Tom Ford"], &two), [Some(1)]);
        let twice = former(&[("Wei Xu", Some(1)), ("Wei Xu", Some(2))]);
        assert_eq!(matched(&["Uma Lee", "Wei Xu", "Wei Xu"], &twice), [None, Some(1), Some(0)]);
        // A pin follows another form of the name.
        let mut decided = former(&[("Uma Lee", Some(1)), ("Wei Xu", Some(2))]);
        decided[1].decided = Some(7);
        assert_eq!(matched(&["W. Xu", "Ben Oak"], &decided), [Some(1), None]);
        // A pinned authorship that the paper no longer has matches by name only.
        let gone = former(&[("Ida Brook", Some(1)), ("Tom Ford", None)]);
        assert_eq!(matched(&["Ida Brook", "Tom Ford"], &gone), [Some(0), Some(1)]);
        assert_eq!(matched(&["Ida Brook", "Uma Lee"], &gone), [Some(0), None]);
    }

    #[test]
    fn positions_and_ranks() {
        let author = |position| AuthorRecord { position, ..AuthorRecord::default() };
        let found =
            assign_list_orders(&[author(None), author(Some(2)), author(Some(2)), author(Some(1))]).expect("orders");
        assert_eq!(found, [(None, 3), (Some(2), 2), (None, 4), (Some(1), 1)]);
        assert!(assign_list_orders(&[author(Some(u32::MAX)), author(None)]).is_err());
    }
}
