//! How records of sources become rows: matching, source precedence, names, papers and authorships.
//!
//! An import is idempotent: a record is identified by its source and key, and skipped if its digest did not change.

pub(crate) mod authorship;
pub(crate) mod authorship_matching;
pub(crate) mod authorship_organizations;
pub mod backup;
pub(crate) mod coauthor_pairs;
pub(crate) mod disambiguation_queue;
pub(crate) mod entity_names;
pub(crate) mod exported_ids;
pub(crate) mod identifiers;
pub(crate) mod merge_organizations;
pub(crate) mod merge_researchers;
pub(crate) mod name_repair;
pub(crate) mod name_visibility;
pub(crate) mod organization;
pub(crate) mod paper;
pub(crate) mod reassign_authorships;
pub(crate) mod researcher;
pub(crate) mod researcher_matching;
pub(crate) mod researcher_restore;
pub(crate) mod shared_doi;
pub(crate) mod slug;
pub(crate) mod source_precedence;
pub(crate) mod source_records;
pub(crate) mod topic;
pub(crate) mod topic_codes;

use crate::error::Error;
use crate::model::record::Record;
use crate::store::Store;
use crate::store::ingest::organization::ingest_organizations;
use crate::store::ingest::paper::ingest_papers;
use crate::store::ingest::researcher::ingest_researchers;
use crate::store::ingest::topic::ingest_topics;
use crate::store::unit_of_work::{BatchReport, TableScans, UnitOfWork};

/// A batch of this many records is taken for a part of a bulk import.
const BULK_THRESHOLD_RECORDS: usize = 300;
/// Larger pending lists for the search indexes (GIN) during a bulk import, which rewrites the posting list of a common
/// word less often. [`Store::finish_bulk_load`] empties them; searches scan them, so they need a limit.
const BULK_IMPORT_SETTINGS: &str = "SET LOCAL gin_pending_list_limit = '32MB'; SET LOCAL work_mem = '64MB'";

impl Store {
    /// Writes records in one transaction: all of them, or none if it fails.
    ///
    /// # Errors
    /// If the database rejects a record, or is unavailable for longer than the transaction is repeated.
    pub async fn write_records(&self, source: &str, records: &[Record]) -> Result<BatchReport, Error> {
        self.retry(|| self.try_write_records(source, records)).await
    }

    async fn try_write_records(&self, source: &str, records: &[Record]) -> Result<BatchReport, Error> {
        let mut uow = UnitOfWork::begin(self, TableScans::Avoid).await?.for_batch(source, records.len());
        if records.len() >= BULK_THRESHOLD_RECORDS {
            uow.execute_unprepared(BULK_IMPORT_SETTINGS).await?;
        }
        ingest_records(&mut uow, records).await?;
        uow.commit().await
    }
}

/// Writes organizations and topics, then researchers, then papers: each may refer to those before.
async fn ingest_records(uow: &mut UnitOfWork<'_>, records: &[Record]) -> Result<(), Error> {
    let (mut organizations, mut topics, mut researchers, mut papers) = (vec![], vec![], vec![], vec![]);
    for (index, record) in records.iter().enumerate() {
        match record {
            Record::Organization(record) => organizations.push((index, record)),
            Record::Topic(record) => topics.push((index, record)),
            Record::Researcher(record) => researchers.push((index, record)),
            Record::Paper(record) => papers.push((index, record)),
        }
    }
    ingest_organizations(uow, organizations).await?;
    ingest_topics(uow, topics).await?;
    ingest_researchers(uow, researchers).await?;
    ingest_papers(uow, papers).await
}
