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
mod write_blocks;

use sea_orm::FromQueryResult;

use crate::disambiguation::{AuthorCluster, Mention, Vocabulary, cluster_mentions};
use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::projections::disambiguation::doubtful_identifiers::DoubtfulIdentifiers;
use crate::store::projections::disambiguation::load_block::load_blocks;
use crate::store::projections::disambiguation::write_blocks::{begin_step, directory_state, write_blocks};
use crate::store::unit_of_work::step_size::StepSize;
use crate::store::unit_of_work::{TableScans, UnitOfWork};
use crate::text::names::NameForm;

/// Authorships that are disambiguated at once, unless a single block has more: at first, at least, at most.
const STEP_MENTIONS: [i64; 3] = [3_000, 250, 12_000];
/// Authorships that are moved in one transaction: at first, at least, at most.
const STEP_MOVES: [i64; 3] = [300, 50, 3_000];
/// How often blocks are read without the write lock, if there are concurrent writes each time.
const UNLOCKED_ATTEMPTS: u32 = 2;
/// Blocks that are disambiguated at once.
const MAX_TRANSACTION_BLOCKS: i64 = 2_000;
/// Blocks whose mentions are counted first; twice as many each time if more are to be disambiguated.
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
        let mut sizes = StepSizes::default();
        let mut steps: u32 = 0;
        while let Some((report, next_sizes)) = self.retry(|| self.disambiguate_next_blocks(sizes)).await? {
            sizes = next_sizes;
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

    /// Disambiguates the next queued blocks. Returns `None` if there are none, else also the sizes of the next steps.
    ///
    /// The blocks are read and clustered without the write lock, and again after a concurrent write; under the lock after
    /// [`UNLOCKED_ATTEMPTS`].
    async fn disambiguate_next_blocks(
        &self,
        sizes: StepSizes,
    ) -> Result<Option<(DisambiguationReport, StepSizes)>, Error> {
        for _ in 0..UNLOCKED_ATTEMPTS {
            let reader = UnitOfWork::begin_read_only(self).await?;
            reader.avoid_table_scans().await?;
            let state = directory_state(&reader).await?;
            let prepared = prepare_blocks(&reader, sizes.mentions.items()).await?;
            reader.rollback().await?;
            let Some(prepared) = prepared else { return Ok(None) };
            let writer = begin_step(self).await?;
            if directory_state(&writer).await? == state {
                return write_blocks(self, writer, &prepared, sizes).await.map(Some);
            }
        }
        let writer = begin_step(self).await?;
        match prepare_blocks(&writer, sizes.mentions.items()).await? {
            Some(prepared) => write_blocks(self, writer, &prepared, sizes).await.map(Some),
            None => Ok(None),
        }
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

/// How much is done in a step.
#[derive(Clone, Copy, Debug)]
struct StepSizes {
    mentions: StepSize,
    moves: StepSize,
}

impl Default for StepSizes {
    fn default() -> Self {
        let size = |[initial, minimum, maximum]: [i64; 3]| StepSize::new(initial, minimum, maximum);
        Self { mentions: size(STEP_MENTIONS), moves: size(STEP_MOVES) }
    }
}

/// The clusters of queued blocks, which are to be written.
struct PreparedBlocks {
    names: Vec<String>,
    doubtful: DoubtfulIdentifiers,
    clusters: Vec<ResolvedCluster>,
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

/// Reads and clusters the next queued blocks. Returns `None` if there are none.
async fn prepare_blocks(uow: &UnitOfWork<'_>, max_mentions: i64) -> Result<Option<PreparedBlocks>, Error> {
    let names = load_pending_blocks(uow, max_mentions).await?;
    if names.is_empty() {
        return Ok(None);
    }
    let mut vocabulary = Vocabulary::default();
    let (blocks, doubtful) = load_blocks(uow, &names, &mut vocabulary).await?;
    let mut clusters = Vec::new();
    for (block, LoadedBlock { mentions, authorships }) in blocks {
        for cluster in cluster_mentions(&mentions, &vocabulary) {
            let authorships = cluster.members.iter().map(|member| authorships[*member]).collect();
            let mentions = cluster.members.iter().map(|member| mentions[*member].clone()).collect();
            clusters.push(ResolvedCluster { block: block.clone(), cluster, authorships, mentions });
        }
    }
    Ok(Some(PreparedBlocks { names, doubtful, clusters }))
}
