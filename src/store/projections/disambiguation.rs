//! Author disambiguation: clusters the authorships of a block of similar names again after something about them
//! changed.
//!
//! The result depends on the stored data about the names of the block, not on the order of imports. Researchers keep
//! their ids as long as they keep most of their papers.

pub(crate) mod assignment;
mod doubtful_identifiers;
mod load_block;
mod researchers;
mod unassigned;

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::{EntityTrait as _, FromQueryResult, QueryFilter as _};

use crate::disambiguation::{
    AuthorCluster, Evidence, MatchExplanation, MatchMethod, Mention, Vocabulary, cluster_mentions,
};
use crate::entity::identity_pending;
use crate::error::Error;
use crate::model::activity::ActivityKind;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::ingest::merge_researchers::emptied::reassign_and_merge_emptied;
use crate::store::ingest::reassign_authorships::Reassignment;
use crate::store::projections::disambiguation::assignment::{Assignment, Cluster, ExistingResearcher, assign_clusters};
use crate::store::projections::disambiguation::load_block::load_blocks;
use crate::store::projections::disambiguation::researchers::{
    add_researcher_identifiers, create_missing_researchers, update_majority_names,
};
use crate::store::projections::disambiguation::unassigned::{merge_orphans, merge_unassigned, unassign};
use crate::store::reader::export::has_source_record;
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::step_size::StepSize;
use crate::store::unit_of_work::{TableScans, UnitOfWork};
use crate::text::names::NameForm;

/// Authorships that are disambiguated in one transaction, unless a single block has more: at first, at least, at most.
const STEP_MENTIONS: [i64; 3] = [3_000, 250, 12_000];
/// Blocks that are disambiguated in one transaction.
const MAX_TRANSACTION_BLOCKS: i64 = 2_000;
/// Blocks whose mentions are counted first; twice as many each time if more fit into the transaction.
const PENDING_BLOCKS: i64 = 100;
/// Authorships that are assigned a block in one transaction.
const UNBLOCKED_CHUNK_ROWS: i64 = 4_000;

/// The result of a disambiguation run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisambiguationReport {
    /// Authorships in the blocks.
    pub authorships: usize,
    /// Authorships whose researcher changed.
    pub moved: usize,
    /// Researchers that were created.
    pub created: usize,
}

impl Store {
    /// Disambiguates the authors of all queued blocks. `progress` receives the number of authorships so far.
    ///
    /// # Errors
    /// If the database is unavailable. Blocks that were done are committed; a second run resumes.
    pub async fn disambiguate_authors(&self, mut progress: impl FnMut(usize)) -> Result<DisambiguationReport, Error> {
        while self.retry(|| self.assign_missing_blocks()).await? {}
        let mut total = DisambiguationReport::default();
        let [initial, minimum, maximum] = STEP_MENTIONS;
        let mut step = StepSize::new(initial, minimum, maximum);
        let mut steps: u32 = 0;
        while let Some((report, held)) = self.retry(|| self.disambiguate_next_blocks(step.items())).await? {
            step.adapt(held);
            steps += 1;
            if steps > 1 && steps.is_power_of_two() {
                self.retry(|| self.analyze_redirects()).await?;
            }
            total.authorships += report.authorships;
            total.moved += report.moved;
            total.created += report.created;
            progress(total.authorships);
        }
        Ok(total)
    }

    /// Disambiguates the next queued blocks in one transaction. Returns `None` if there are none.
    /// Also returns how long the write lock was held.
    async fn disambiguate_next_blocks(
        &self,
        max_mentions: i64,
    ) -> Result<Option<(DisambiguationReport, Duration)>, Error> {
        let mut uow = UnitOfWork::begin(self, TableScans::Avoid).await?.for_activity(ActivityKind::Resolve);
        let blocks = load_pending_blocks(&uow, max_mentions).await?;
        if blocks.is_empty() {
            return Ok(None);
        }
        let report = disambiguate_blocks(&mut uow, &blocks).await?;
        identity_pending::Entity::delete_many()
            .filter(identity_pending::COLUMN.block.eq_any(blocks))
            .exec(uow.db())
            .await?;
        uow.dirty.statistics |= report.moved > 0;
        let locked_at = uow.locked_at();
        uow.commit().await?;
        Ok(Some((report, locked_at.elapsed())))
    }

    /// Updates the planner's statistics of the redirects, which merges fill. Statements that were planned while there were
    /// none would read all of them.
    async fn analyze_redirects(&self) -> Result<(), Error> {
        let uow = UnitOfWork::begin_unlocked(self).await?;
        uow.execute_unprepared("ANALYZE former_identity").await?;
        uow.commit_unprojected().await
    }

    /// Queues all blocks, so that the next run disambiguates all authors.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn queue_all_blocks(&self) -> Result<(), Error> {
        self.retry(|| self.try_queue_all_blocks()).await
    }

    async fn try_queue_all_blocks(&self) -> Result<(), Error> {
        let uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        let all = "INSERT INTO identity_pending SELECT DISTINCT block FROM authorship WHERE block IS NOT NULL ON CONFLICT DO NOTHING";
        uow.execute(all.into()).await?;
        uow.commit().await?;
        Ok(())
    }

    /// Assigns blocks to a chunk of authorships and researchers that have none, because the rules changed, and queues the
    /// blocks. Returns whether there were any.
    async fn assign_missing_blocks(&self) -> Result<bool, Error> {
        #[derive(FromQueryResult)]
        struct UnblockedRow {
            id: i64,
            name: String,
        }
        let uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        let mut has_some = false;
        for (table, name) in [("researcher", "display_name"), ("authorship", "name")] {
            let sql = format!("SELECT id, {name} AS name FROM {table} WHERE block IS NULL ORDER BY id LIMIT ?");
            let rows = uow.rows::<UnblockedRow>(Sql::with(&sql, UNBLOCKED_CHUNK_ROWS)).await?;
            has_some |= !rows.is_empty();
            let blocks = || text_array(rows.iter().map(|row| NameForm::new(&row.name).blocking_key));
            uow.execute(sql!(
                "INSERT INTO identity_pending SELECT DISTINCT unnest(?::text[]) ON CONFLICT DO NOTHING",
                blocks(),
            ))
            .await?;
            let update = format!("UPDATE {table} SET block = placed.block FROM unnest(?::bigint[], ");
            let sql = Sql::with(&update, bigint_array(rows.iter().map(|row| row.id)))
                .then(sql!("?::text[]) ", blocks()))
                .then(format!("AS placed(id, block) WHERE {table}.id = placed.id"));
            uow.execute(sql).await?;
        }
        uow.commit().await?;
        Ok(has_some)
    }
}

/// The mentions of one block, each with its authorship; none for a researcher's own record.
struct LoadedBlock {
    mentions: Vec<Mention>,
    authorships: Vec<Option<BlockAuthorship>>,
}

/// A cluster of mentions of one block, with their authorships.
struct ResolvedCluster {
    block: String,
    cluster: AuthorCluster,
    authorships: Vec<Option<BlockAuthorship>>,
    mentions: Vec<Mention>,
}

#[derive(Clone, Copy)]
struct BlockAuthorship {
    id: i64,
    paper_id: i64,
    researcher_id: Option<i64>,
}

/// The next queued blocks, as many as fit into one transaction.
async fn load_pending_blocks(uow: &UnitOfWork<'_>, max_mentions: i64) -> Result<Vec<String>, Error> {
    #[derive(FromQueryResult)]
    struct PendingBlockRow {
        block: String,
        mentions: i64,
    }
    let (mut blocks, mut mentions) = (Vec::new(), 0);
    let (mut offset, mut amount) = (0, PENDING_BLOCKS);
    // Counting the mentions of blocks that do not fit would cost more than another statement.
    while offset < MAX_TRANSACTION_BLOCKS {
        amount = amount.min(MAX_TRANSACTION_BLOCKS - offset);
        let pending = sql!(
            "SELECT block, (SELECT count(*) FROM authorship WHERE authorship.block = pending.block) AS mentions \
             FROM (SELECT block FROM identity_pending ORDER BY block LIMIT ? OFFSET ?) AS pending ORDER BY block",
            amount,
            offset,
        );
        let pending = uow.rows::<PendingBlockRow>(pending).await?;
        let is_last = pending.len() < usize::try_from(amount).unwrap_or(usize::MAX);
        for row in pending {
            // Each block counts as one mention at least.
            mentions += row.mentions.max(1);
            if mentions > max_mentions && !blocks.is_empty() {
                return Ok(blocks);
            }
            blocks.push(row.block);
        }
        if is_last {
            break;
        }
        (offset, amount) = (offset + amount, amount * 2);
    }
    Ok(blocks)
}

/// Clusters the authors of blocks, and moves their authorships to the researchers of the clusters.
async fn disambiguate_blocks(uow: &mut UnitOfWork<'_>, names: &[String]) -> Result<DisambiguationReport, Error> {
    let mut vocabulary = Vocabulary::default();
    let blocks = load_blocks(uow, names, &mut vocabulary).await?;
    let mut clusters: Vec<ResolvedCluster> = Vec::new();
    for (block, LoadedBlock { mentions, authorships }) in blocks {
        for cluster in cluster_mentions(&mentions, &vocabulary) {
            let authorships = cluster.members.iter().map(|member| authorships[*member]).collect();
            let mentions = cluster.members.iter().map(|member| mentions[*member].clone()).collect();
            clusters.push(ResolvedCluster { block: block.clone(), cluster, authorships, mentions });
        }
    }
    let assignments = assign_existing_researchers(uow, &clusters).await?;
    let researcher_ids = create_missing_researchers(uow, &clusters, &assignments).await?;
    let (mut moves, mut unassigned, mut explanations) = (Vec::new(), Vec::new(), Vec::new());
    let mut authorship_count = 0;
    for (ResolvedCluster { cluster, authorships, .. }, researcher_id) in clusters.iter().zip(&researcher_ids) {
        for (authorship, resolution) in authorships.iter().zip(&cluster.explanations) {
            let Some(authorship) = authorship else { continue };
            authorship_count += 1;
            match researcher_id {
                Some(researcher_id) if authorship.researcher_id != Some(*researcher_id) => moves.push(Reassignment {
                    authorship_id: authorship.id,
                    paper_id: authorship.paper_id,
                    former_id: authorship.researcher_id,
                    researcher_id: *researcher_id,
                }),
                None if authorship.researcher_id.is_some() => unassigned.push(*authorship),
                _ => {}
            }
            if researcher_id.is_some() && resolution.method != MatchMethod::Decision {
                explanations.push((authorship.id, resolution));
            }
        }
    }
    // Identifiers first: a researcher who loses an ORCID iD may have nothing left, and is merged.
    add_researcher_identifiers(uow, &clusters, &researcher_ids).await?;
    unassign(uow, &unassigned).await?;
    reassign_and_merge_emptied(uow, &moves).await?;
    queue_vacated_places(uow, &moves).await?;
    merge_unassigned(uow, &unassigned).await?;
    merge_orphans(uow, names).await?;
    // A researcher who loses papers may have been named by them.
    let former =
        moves.iter().map(|row| row.former_id).chain(unassigned.iter().map(|authorship| authorship.researcher_id));
    let renamed: HashSet<i64> = former.chain(researcher_ids).flatten().collect();
    update_majority_names(uow, &renamed).await?;
    store_resolutions(uow, &explanations).await?;
    let created = assignments.iter().filter(|assignment| **assignment == Assignment::New).count();
    Ok(DisambiguationReport { authorships: authorship_count, moved: moves.len() + unassigned.len(), created })
}

/// Queues authors who were left open because the researcher had another authorship of the paper, which is somebody
/// else's now.
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
async fn store_resolutions(uow: &UnitOfWork<'_>, explanations: &[(i64, &MatchExplanation)]) -> Result<(), Error> {
    json_row! {
        struct ResolutionRow<'a> {
            authorship_id: i64,
            method: MatchMethod,
            confidence: f32,
            evidence: &'a [Evidence],
        }
    }
    let rows: Vec<ResolutionRow<'_>> = explanations
        .iter()
        .map(|(authorship_id, resolution)| ResolutionRow {
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
    uow.execute_with_rows(&rows, upsert).await
}
