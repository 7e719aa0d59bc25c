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

use crate::error::Error;
use crate::store::Store;
use crate::store::projections::coauthorship::CoauthorCounts;
use crate::store::projections::labels::Labels;
use crate::store::projections::name_repairs::NameRepairs;
use crate::store::projections::paper_organizations::PaperOrganizations;
use crate::store::projections::search_index::SearchIndex;
use crate::store::projections::statistics::HierarchyStatistics;
use crate::store::projections::work_versions::WorkVersions;
use crate::store::unit_of_work::{Projection, TableScans, UnitOfWork};

/// All projections, in the order in which a unit of work refreshes them: one may change rows that a later one depends
/// on.
pub(crate) const ALL: &[&dyn Projection] =
    &[&Labels, &CoauthorCounts, &NameRepairs, &WorkVersions, &PaperOrganizations, &SearchIndex, &HierarchyStatistics];

/// A projection that is rebuilt when it was made by other rules than today's.
trait Rebuild {
    /// The row of `setting` with the version of the rules that it was made by.
    const SETTING: &'static str;
    /// Whether the rebuild scans whole tables.
    const SCANS: TableScans;

    /// The version of the rules of today.
    fn version(store: &Store) -> String;

    /// Makes all rows anew.
    fn rebuild(uow: &mut UnitOfWork<'_>) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Store {
    /// Rebuilds a projection if its stored version differs. Returns whether it did.
    async fn rebuild_if_stale<P: Rebuild>(&self) -> Result<bool, Error> {
        self.retry(|| self.try_rebuild_if_stale::<P>()).await
    }

    async fn try_rebuild_if_stale<P: Rebuild>(&self) -> Result<bool, Error> {
        let version = P::version(self);
        if self.read_setting(P::SETTING).await?.as_ref() == Some(&version) {
            return Ok(false);
        }
        let mut uow = UnitOfWork::begin(self, P::SCANS).await?;
        P::rebuild(&mut uow).await?;
        uow.store_setting(P::SETTING, &version).await?;
        uow.commit().await?;
        Ok(true)
    }

    /// Stores the version of the rules by which a rebuild of several transactions has made everything.
    async fn finish_rebuild(&self, setting: &str, version: &str) -> Result<(), Error> {
        let uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        uow.store_setting(setting, version).await?;
        uow.commit().await?;
        Ok(())
    }
}
