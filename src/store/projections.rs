//! Projections: data that is derived from other rows, kept consistent with them and can be rebuilt from them.

pub(crate) mod coauthorship;
pub mod disambiguation;
pub(crate) mod labels;
pub(crate) mod name_repairs;
pub(crate) mod paper_organizations;
pub(crate) mod restored;
pub(crate) mod search_index;
pub(crate) mod statistics;
pub(crate) mod work_versions;

use std::time::Duration;

use crate::error::Error;
use crate::store::Store;
use crate::store::projections::coauthorship::CoauthorCounts;
use crate::store::projections::labels::Labels;
use crate::store::projections::name_repairs::NameRepairs;
use crate::store::projections::paper_organizations::PaperOrganizations;
use crate::store::projections::search_index::SearchIndex;
use crate::store::projections::statistics::HierarchyStatistics;
use crate::store::projections::work_versions::WorkVersions;
use crate::store::unit_of_work::step_size::StepSize;
use crate::store::unit_of_work::{Projection, TableScans, UnitOfWork};

/// All projections, in the order in which a unit of work refreshes them: one may change rows that a later one depends
/// on.
pub(crate) const ALL: &[&dyn Projection] =
    &[&Labels, &CoauthorCounts, &NameRepairs, &WorkVersions, &PaperOrganizations, &SearchIndex, &HierarchyStatistics];

/// Where a rebuild goes on: the table, for a projection of several, and the last id.
#[derive(Clone, Copy, Debug, Default)]
struct RebuildPosition {
    table: usize,
    id: i64,
}

/// A projection that is rebuilt when it was made by other rules than today's.
trait Rebuild {
    /// The row of `setting` with the version of the rules that it was made by.
    const SETTING: &'static str;
    /// Rows that one transaction makes anew: at first, at least, at most.
    const STEP: [i64; 3];

    /// The version of the rules of today.
    fn version(store: &Store) -> String;

    /// Makes the next rows after a position anew, at most so many. Returns the position of the last; `None` if there were
    /// none. What others write between two steps is made by the rules of today.
    fn rebuild_step(
        uow: &mut UnitOfWork<'_>,
        after: RebuildPosition,
        max_rows: i64,
    ) -> impl Future<Output = Result<Option<RebuildPosition>, Error>> + Send;
}

/// Makes all rows of a projection anew in the transaction.
async fn rebuild_all<P: Rebuild>(uow: &mut UnitOfWork<'_>) -> Result<(), Error> {
    let [_, _, max_rows] = P::STEP;
    let mut position = RebuildPosition::default();
    while let Some(next) = P::rebuild_step(uow, position, max_rows).await? {
        position = next;
    }
    Ok(())
}

impl Store {
    /// Rebuilds a projection if its stored version differs, in transactions that hold the write lock for a short time each.
    /// Returns whether it did. If it is interrupted, the next start begins again.
    async fn rebuild_if_stale<P: Rebuild>(&self) -> Result<bool, Error> {
        let version = P::version(self);
        if self.retry(|| self.read_setting(P::SETTING)).await?.as_ref() == Some(&version) {
            return Ok(false);
        }
        // A standby refuses this write, which is then repeated until it is promoted; a step may have nothing to write.
        self.retry(|| self.store_version(P::SETTING, "")).await?;
        let [initial, minimum, maximum] = P::STEP;
        let (mut step, mut position) = (StepSize::new(initial, minimum, maximum), RebuildPosition::default());
        while let Some((next, held)) = self.retry(|| self.try_rebuild_step::<P>(position, step.items())).await? {
            step.adapt(held);
            position = next;
        }
        self.retry(|| self.store_version(P::SETTING, &version)).await?;
        Ok(true)
    }

    /// One step of a rebuild. Returns the position after it, and how long the write lock was held.
    async fn try_rebuild_step<P: Rebuild>(
        &self,
        after: RebuildPosition,
        max_rows: i64,
    ) -> Result<Option<(RebuildPosition, Duration)>, Error> {
        let mut uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        let locked_at = uow.locked_at();
        let next = P::rebuild_step(&mut uow, after, max_rows).await?;
        uow.commit().await?;
        Ok(next.map(|next| (next, locked_at.elapsed())))
    }

    /// Stores the version of the rules by which everything is made; empty while some of it is not.
    async fn store_version(&self, setting: &str, version: &str) -> Result<(), Error> {
        let uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        uow.store_setting(setting, version).await?;
        uow.commit().await?;
        Ok(())
    }
}
