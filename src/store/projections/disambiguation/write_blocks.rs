//! Writes the clusters of blocks: moves authorships to their researchers, in short transactions with optimistic concurrency
//! control.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sea_orm::{EntityTrait as _, QueryFilter as _};

use crate::disambiguation::{Evidence, MatchExplanation, MatchMethod};
use crate::entity::identity_pending;
use crate::error::Error;
use crate::model::activity::ActivityKind;
use crate::store::Store;
use crate::store::access::sql_fragment::{bigint_array, sql, text_array};
use crate::store::ingest::merge_researchers::emptied::{choose_successors, merge_emptied_into};
use crate::store::ingest::reassign_authorships::{Reassignment, find_pinned, move_authorships};
use crate::store::projections::disambiguation::assignment::{Assignment, Cluster, ExistingResearcher, assign_clusters};
use crate::store::projections::disambiguation::researchers::{
    add_researcher_identifiers, create_missing_researchers, update_majority_names,
};
use crate::store::projections::disambiguation::unassigned::{merge_orphans, merge_unassigned, unassign};
use crate::store::projections::disambiguation::{
    BlockAuthorship, DisambiguationReport, PreparedBlocks, ResolvedCluster, StepSizes,
};
use crate::store::reader::export::has_source_record;
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::step_size;
use crate::store::unit_of_work::{TableScans, UnitOfWork};

/// Begins a transaction under the write lock.
pub(super) async fn begin_step(store: &Store) -> Result<UnitOfWork<'_>, Error> {
    Ok(UnitOfWork::begin(store, TableScans::Avoid).await?.for_activity(ActivityKind::Resolve))
}

/// The state of the directory. If it is the same in two transactions, there was no write in between: every transaction that
/// writes records its id.
pub(super) async fn directory_state(uow: &UnitOfWork<'_>) -> Result<String, Error> {
    let ids = "SELECT coalesce(string_agg(transaction::text, ' ' ORDER BY transaction), '') FROM directory_change";
    Ok(uow.tuples::<(String,)>(ids.into()).await?.pop().map_or_else(String::new, |(ids,)| ids))
}

/// Commits a step. Returns how long it held the write lock.
async fn commit_step(uow: UnitOfWork<'_>) -> Result<Duration, Error> {
    let locked_at = uow.locked_at();
    uow.commit().await?;
    Ok(locked_at.elapsed())
}

/// Writes clusters, in several transactions if many authorships move. After a concurrent write between two of them, the
/// blocks stay queued, since what was read is out of date.
pub(super) async fn write_blocks(
    store: &Store,
    mut uow: UnitOfWork<'_>,
    prepared: &PreparedBlocks,
    mut sizes: StepSizes,
) -> Result<(DisambiguationReport, StepSizes), Error> {
    prepared.doubtful.record(&uow, &prepared.names).await?;
    let changes = BlockChanges::begin(&mut uow, &prepared.clusters).await?;
    let successors = choose_successors(&changes.moves);
    let mut report = DisambiguationReport { created: changes.created, ..DisambiguationReport::default() };
    report.moved = changes.unassigned.len();
    let mut is_first = true;
    let (mut done, mut resolutions) = (0, changes.resolutions.as_slice());
    loop {
        let is_long = |uow: &UnitOfWork<'_>| step_size::is_long(uow.locked_at().elapsed());
        // What precedes the moves is a step of its own if it took long, and so is what follows them.
        let amount = if is_long(&uow) { 0 } else { sizes.moves.items() };
        let (next, later) = split_between_papers(&changes.moves[done..], amount);
        move_authorships(&mut uow, next).await?;
        merge_emptied_into(&mut uow, next, &successors).await?;
        queue_vacated_places(&uow, next).await?;
        done += next.len();
        let is_written = |resolution: &Resolution<'_>| resolution.move_index < done || later.is_empty();
        let (written, unwritten) = resolutions.split_at(resolutions.partition_point(is_written));
        store_resolutions(&uow, written).await?;
        report.moved += next.len();
        uow.dirty.statistics |= report.moved > 0;
        resolutions = unwritten;
        let state = if later.is_empty() && !is_long(&uow) {
            changes.finish(&mut uow, &prepared.names).await?;
            None
        } else {
            Some(directory_state(&uow).await?)
        };
        let held = commit_step(uow).await?;
        match (next.is_empty(), later.is_empty()) {
            // It is the mentions that took long, not the moves.
            (true, _) | (_, true) if is_first => sizes.mentions.adapt(held),
            (false, false) => sizes.moves.adapt(held),
            _ => {}
        }
        let Some(state) = state else {
            report.authorships = changes.authorship_count;
            return Ok((report, sizes));
        };
        is_first = false;
        uow = begin_step(store).await?;
        if directory_state(&uow).await? != state {
            update_majority_names(&mut uow, &changes.renamed).await?;
            commit_step(uow).await?;
            return Ok((report, sizes));
        }
    }
}

/// The first of these moves, in which all of a paper are together, and the others. They are not separated: two authors may
/// swap.
fn split_between_papers(moves: &[Reassignment], amount: i64) -> (&[Reassignment], &[Reassignment]) {
    let amount = usize::try_from(amount).unwrap_or(usize::MAX).min(moves.len());
    let (next, later) = moves.split_at(amount);
    let of_last = later.iter().take_while(|row| next.last().is_some_and(|last| last.paper_id == row.paper_id));
    moves.split_at(amount + of_last.count())
}

/// Why an author was matched to a researcher.
struct Resolution<'p> {
    authorship_id: i64,
    paper_id: i64,
    /// The index of the first move of its paper.
    move_index: usize,
    explanation: &'p MatchExplanation,
}

/// Puts all moves of a paper where its first one is, and the resolutions of the paper, too.
fn move_papers_together(moves: &mut [Reassignment], resolutions: &mut [Resolution<'_>]) {
    let mut places: HashMap<i64, usize> = HashMap::new();
    for row in moves.iter() {
        let place = places.len();
        places.entry(row.paper_id).or_insert(place);
    }
    moves.sort_by_key(|row| places.get(&row.paper_id).copied());
    let mut indexes: HashMap<i64, usize> = HashMap::new();
    for (index, row) in moves.iter().enumerate() {
        indexes.entry(row.paper_id).or_insert(index);
    }
    for resolution in resolutions.iter_mut() {
        resolution.move_index = indexes.get(&resolution.paper_id).copied().unwrap_or_default();
    }
    resolutions.sort_by_key(|resolution| resolution.move_index);
}

/// What the clusters of blocks change.
struct BlockChanges<'p> {
    /// All of a paper are together.
    moves: Vec<Reassignment>,
    /// In the order of the moves.
    resolutions: Vec<Resolution<'p>>,
    /// Those whose researcher is uncertain.
    unassigned: Vec<BlockAuthorship>,
    /// The researchers whose names may change.
    renamed: HashSet<i64>,
    authorship_count: usize,
    created: usize,
}

impl<'p> BlockChanges<'p> {
    /// Finds what the clusters change. Creates missing researchers, assigns identifiers, and unassigns the authorships of
    /// ambiguous clusters.
    async fn begin(uow: &mut UnitOfWork<'_>, clusters: &'p [ResolvedCluster]) -> Result<Self, Error> {
        let assignments = assign_existing_researchers(uow, clusters).await?;
        let researcher_ids = create_missing_researchers(uow, clusters, &assignments).await?;
        let (mut moves, mut unassigned, mut resolutions) = (Vec::new(), Vec::new(), Vec::new());
        let mut authorship_count = 0;
        for (ResolvedCluster { cluster, authorships, .. }, researcher_id) in clusters.iter().zip(&researcher_ids) {
            for (authorship, explanation) in authorships.iter().zip(&cluster.explanations) {
                let Some(BlockAuthorship { id: authorship_id, paper_id, researcher_id: former_id }) = *authorship
                else {
                    continue;
                };
                authorship_count += 1;
                match *researcher_id {
                    Some(researcher_id) if former_id != Some(researcher_id) => {
                        moves.push(Reassignment { authorship_id, paper_id, former_id, researcher_id });
                    }
                    None if former_id.is_some() => unassigned.extend(*authorship),
                    _ => {}
                }
                if researcher_id.is_some() && explanation.method != MatchMethod::Decision {
                    resolutions.push(Resolution { authorship_id, paper_id, move_index: 0, explanation });
                }
            }
        }
        let pinned = find_pinned(uow, &moves).await?;
        // A researcher who loses papers may have been named by them.
        let former = moves.iter().map(|row| row.former_id).chain(unassigned.iter().map(|row| row.researcher_id));
        let renamed = former.chain(researcher_ids.iter().copied()).flatten().collect();
        moves.retain(|row| !pinned.contains(&row.authorship_id));
        move_papers_together(&mut moves, &mut resolutions);
        // Before the moves: a researcher who loses an ORCID iD may have nothing left, and is merged.
        add_researcher_identifiers(uow, clusters, &researcher_ids).await?;
        unassign(uow, &unassigned).await?;
        let created = assignments.iter().filter(|assignment| **assignment == Assignment::New).count();
        Ok(Self { moves, resolutions, unassigned, renamed, authorship_count, created })
    }

    /// Merges who has nothing left, names researchers after their papers, and takes the blocks from the queue.
    async fn finish(&self, uow: &mut UnitOfWork<'_>, blocks: &[String]) -> Result<(), Error> {
        merge_unassigned(uow, &self.unassigned).await?;
        merge_orphans(uow, blocks).await?;
        update_majority_names(uow, &self.renamed).await?;
        identity_pending::Entity::delete_many()
            .filter(identity_pending::COLUMN.block.eq_any(blocks.iter().cloned()))
            .exec(uow.db())
            .await?;
        Ok(())
    }
}

/// Queues authors who were left unassigned because the researcher had another authorship of the paper, which is now
/// another researcher's.
async fn queue_vacated_places(uow: &UnitOfWork<'_>, moves: &[Reassignment]) -> Result<(), Error> {
    let moves: Vec<&Reassignment> = moves.iter().filter(|row| row.former_id.is_some()).collect();
    let queue = "INSERT INTO identity_pending SELECT DISTINCT open.block FROM rows JOIN authorship AS open \
         ON open.paper_id = rows.paper_id AND open.same_as_id = rows.former_id AND open.researcher_id IS NULL \
         WHERE open.block IS NOT NULL AND NOT EXISTS (SELECT FROM authorship AS other \
         WHERE other.paper_id = rows.paper_id AND other.researcher_id = rows.former_id) ON CONFLICT DO NOTHING";
    uow.execute_with_rows(&moves, queue).await
}

/// Assigns clusters to existing researchers.
async fn assign_existing_researchers(
    uow: &UnitOfWork<'_>,
    clusters: &[ResolvedCluster],
) -> Result<Vec<Assignment>, Error> {
    let mentions = || clusters.iter().flat_map(|cluster| &cluster.mentions);
    let current = clusters
        .iter()
        .flat_map(|cluster| cluster.authorships.iter().flatten())
        .filter_map(|authorship| authorship.researcher_id);
    let named_ids =
        mentions().flat_map(|mention| mention.decided_researcher_id.into_iter().chain(mention.recorded_researcher_id));
    let sql = sql!(
        concat!(
            "SELECT researcher.id, researcher.orcid, researcher.block, ",
            has_source_record!("researcher.id"),
            " AS is_recorded, ARRAY(SELECT scheme || ':' || value FROM external_id \
             WHERE external_id.researcher_id = researcher.id) AS author_ids FROM researcher \
             WHERE id IN (SELECT unnest(?::bigint[]) UNION SELECT id FROM researcher WHERE orcid = ANY(?) \
             UNION SELECT researcher_id FROM external_id JOIN unnest(?::text[]) AS asked(id) \
             ON external_id.scheme = split_part(asked.id, ':', 1) \
             AND external_id.value = substr(asked.id, strpos(asked.id, ':') + 1) WHERE researcher_id IS NOT NULL)"
        ),
        bigint_array(current.chain(named_ids).collect::<HashSet<i64>>()),
        text_array(mentions().filter_map(|mention| mention.orcid.clone()).collect::<HashSet<String>>()),
        text_array(mentions().flat_map(|mention| mention.author_ids.iter().cloned()).collect::<HashSet<String>>()),
    );
    let existing: Vec<ExistingResearcher> = uow.rows(sql).await?;
    let candidates: Vec<Cluster<'_>> = clusters
        .iter()
        .map(|cluster| Cluster {
            block: &cluster.block,
            is_unresolved: cluster.cluster.is_unresolved,
            mentions: &cluster.mentions,
            current_researcher_ids: cluster
                .authorships
                .iter()
                .flatten()
                .filter_map(|authorship| authorship.researcher_id)
                .collect(),
        })
        .collect();
    Ok(assign_clusters(&candidates, &existing))
}

/// Stores why authors were matched to their researchers.
async fn store_resolutions(uow: &UnitOfWork<'_>, resolutions: &[Resolution<'_>]) -> Result<(), Error> {
    json_row! {
        struct ResolutionRow<'a> {
            authorship_id: i64,
            method: MatchMethod,
            confidence: f32,
            evidence: &'a [Evidence],
        }
    }
    let rows: Vec<ResolutionRow<'_>> = resolutions
        .iter()
        .map(|Resolution { authorship_id, explanation, .. }| ResolutionRow {
            authorship_id: *authorship_id,
            method: explanation.method,
            confidence: explanation.confidence,
            evidence: &explanation.evidence,
        })
        .collect();
    let upsert = "INSERT INTO authorship_resolution AS held (authorship_id, method, confidence, evidence) \
             SELECT authorship_id, method, confidence, evidence FROM rows ON CONFLICT (authorship_id) DO UPDATE \
             SET method = EXCLUDED.method, confidence = EXCLUDED.confidence, evidence = EXCLUDED.evidence \
             WHERE (held.method, held.confidence, held.evidence) IS DISTINCT FROM (EXCLUDED.method, EXCLUDED.confidence, EXCLUDED.evidence)";
    uow.execute_with_rows(&rows, upsert).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papers_are_not_divided_between_steps() {
        let row = |authorship_id: i64, paper_id: i64| Reassignment {
            authorship_id,
            paper_id,
            former_id: None,
            researcher_id: 1,
        };
        let mut moves = [row(1, 30), row(2, 10), row(3, 20), row(4, 30), row(5, 20), row(6, 30)];
        let explanation = MatchExplanation { method: MatchMethod::Decision, confidence: 1.0, evidence: Vec::new() };
        let resolution =
            |paper_id: i64| Resolution { authorship_id: paper_id, paper_id, move_index: 0, explanation: &explanation };
        let mut resolutions = [resolution(20), resolution(30), resolution(40)];
        move_papers_together(&mut moves, &mut resolutions);
        let authorships = |moves: &[Reassignment]| moves.iter().map(|row| row.authorship_id).collect::<Vec<i64>>();
        assert_eq!(authorships(&moves), [1, 4, 6, 2, 3, 5]);
        let places = resolutions.map(|resolution| (resolution.paper_id, resolution.move_index));
        assert_eq!(places, [(30, 0), (40, 0), (20, 4)]);
        for (amount, expected) in [(0, 0), (1, 3), (3, 3), (4, 4), (5, 6), (6, 6), (9, 6)] {
            let (next, later) = split_between_papers(&moves, amount);
            assert_eq!((next.len(), later.len()), (expected, 6 - expected), "{amount}");
        }
    }
}
