//! Writes of neutral records: batched, transactional, idempotent.
//!
//! A record is known again by its source and its key there, and changed only where its digest has changed. All that
//! follows from a record (authorships, coauthors, counts) changes in the same transaction.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult};
use serde::Serialize;

use crate::error::Error;
use crate::model::record::Record;
use crate::model::source_order::SourceOrder;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, text_array};

/// Held by each batch, so that two imports at once do not make the same thing twice.
pub(crate) const WRITE_LOCK_KEY: i64 = 0x6163_6164_6469_7232;

/// A batch of so many records is a part of a large import.
const BULK_THRESHOLD_RECORDS: usize = 300;
/// In a large import the indexes of words gather more before they take it in, since the lists that a word has in them are written
/// again each time; the import's end ([`Store::settle`]) leaves nothing gathered. Searches read through what is gathered,
/// so that it has an end.
const BULK_IMPORT_SETTINGS: &str = "SET LOCAL gin_pending_list_limit = '32MB'; SET LOCAL work_mem = '64MB'";

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It made something new.
    Created,
    /// It changed something.
    Updated,
    /// It said nothing new.
    Unchanged,
}

/// What became of a batch of records.
#[derive(Debug, Default)]
pub struct BatchReport {
    /// Of each record, in order.
    pub effects: Vec<Option<Effect>>,
    /// What a person should know of a record, by its place in the batch.
    pub notes: Vec<(usize, String)>,
}

/// A batch under way.
pub(crate) struct UnitOfWork<'a> {
    pub(crate) transaction: &'a DatabaseTransaction,
    pub(crate) source: &'a str,
    /// Sources whose word counts before that of others, the first most.
    pub(crate) source_order: &'a SourceOrder,
    pub(crate) consortium_size: u32,
    pub(crate) report: BatchReport,
    pub(crate) dirty: crate::store::projections::search_index::DirtyEntities,
    /// Identity keys of spellings that came or went, and may decide over repairs of names.
    pub(crate) dirty_spellings: HashSet<String>,
    /// By what papers are found that may have versions now, or have others.
    pub(crate) dirty_works: crate::store::projections::work_versions::DirtyWorks,
}

impl Store {
    /// Writes records in one transaction: all of them, or none where this fails.
    ///
    /// # Errors
    /// Where the database refuses one of them or does not answer.
    pub async fn write_records(&self, source: &str, records: &[Record]) -> Result<BatchReport, Error> {
        let transaction = self.begin_write().await?;
        if records.len() >= BULK_THRESHOLD_RECORDS {
            transaction.execute_unprepared(BULK_IMPORT_SETTINGS).await?;
        }
        let mut batch = UnitOfWork::new(&transaction, source, self.consortium_size, records.len());
        batch.source_order = &self.source_order;
        batch.ingest_records(records).await?;
        if batch.report.effects.iter().any(|effect| matches!(effect, Some(Effect::Created | Effect::Updated))) {
            batch.invalidate_statistics().await?;
        }
        let written = batch.report;
        self.commit(transaction).await?;
        Ok(written)
    }

    /// Begins a transaction in which nobody else writes.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, Error> {
        let transaction = self.begin().await?;
        // A batch takes longer than a request may, and waits for the batch of another import. It finds everything by indexes:
        // plans are made once, in a new directory while its tables are empty, and would read them whole for ever.
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = off").await?;
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({WRITE_LOCK_KEY})")).await?;
        Ok(transaction)
    }
}

impl<'a> UnitOfWork<'a> {
    pub(crate) fn new(
        transaction: &'a DatabaseTransaction,
        source: &'a str,
        consortium_size: u32,
        records: usize,
    ) -> Self {
        let report = BatchReport { effects: vec![None; records], notes: Vec::new() };
        Self {
            transaction,
            source,
            source_order: SourceOrder::by_name(),
            consortium_size,
            report,
            dirty: crate::store::projections::search_index::DirtyEntities::default(),
            dirty_spellings: HashSet::new(),
            dirty_works: crate::store::projections::work_versions::DirtyWorks::default(),
        }
    }

    /// Organizations and topics first, then people, then papers: each may refer to what comes before.
    pub(crate) async fn ingest_records(&mut self, records: &[Record]) -> Result<(), Error> {
        let (mut organizations, mut topics, mut researchers, mut papers) = (vec![], vec![], vec![], vec![]);
        for (index, record) in records.iter().enumerate() {
            match record {
                Record::Organization(record) => organizations.push((index, record)),
                Record::Topic(record) => topics.push((index, record)),
                Record::Researcher(record) => researchers.push((index, record)),
                Record::Paper(record) => papers.push((index, record)),
            }
        }
        self.ingest_organizations(organizations).await?;
        for (index, record) in topics {
            self.ingest_topic(index, record).await?;
        }
        self.ingest_researchers(researchers).await?;
        self.ingest_papers(papers).await?;
        self.refresh_name_repairs().await?;
        self.refresh_work_versions().await?;
        self.reindex_dirty().await
    }

    pub(crate) fn record_effect(&mut self, index: usize, effect: Effect) {
        self.report.effects[index] = Some(effect);
    }

    pub(crate) fn add_note(&mut self, index: usize, note: String) {
        self.report.notes.push((index, note));
    }

    /// Has search look again at what people are called, once the batch ends.
    pub(crate) fn mark_dirty(&mut self, people: impl IntoIterator<Item = i64>) {
        self.dirty.insert(crate::store::reader::search::EntityType::Researcher, people);
    }

    pub(crate) async fn rows<T: FromQueryResult>(&self, sql: Sql) -> Result<Vec<T>, Error> {
        let rows = self.transaction.query_all_raw(sql.into_statement()).await?;
        rows.iter().map(|row| T::from_query_result(row, "").map_err(Error::from)).collect()
    }

    pub(crate) async fn execute(&self, sql: Sql) -> Result<(), Error> {
        self.transaction.execute_raw(sql.into_statement()).await?;
        Ok(())
    }

    /// Runs a statement over rows, which stand in it as `rows`: `INSERT … SELECT … FROM rows`.
    pub(crate) async fn execute_with_rows<T: Serialize>(
        &self,
        columns: &str,
        rows: &[T],
        statement: &str,
    ) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        self.execute(rows_cte(columns, rows)?.then(statement)).await
    }

    /// Ids for new rows of a table.
    pub(crate) async fn allocate_ids(&self, table: &str, amount: usize) -> Result<Vec<i64>, Error> {
        #[derive(FromQueryResult)]
        struct NewId {
            id: i64,
        }
        if amount == 0 {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT nextval('{table}_id_seq') AS id FROM generate_series(1, ?)");
        let rows = self.rows::<NewId>(Sql::with(&sql, i64::try_from(amount).unwrap_or(i64::MAX))).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// What the source said before: the digest and the thing of each of its keys.
    pub(crate) async fn find_source_records(
        &self,
        kind: &str,
        keys: &[String],
    ) -> Result<HashMap<String, StoredSourceRecord>, Error> {
        #[derive(FromQueryResult)]
        struct Row {
            key: String,
            digest: String,
            id: i64,
            is_of_former: bool,
        }
        let sql = format!(
            "SELECT key, encode(digest, 'hex') AS digest, {kind}_id AS id, is_of_former FROM source_record \
             WHERE {kind}_id IS NOT NULL AND source = ? AND key = ANY("
        );
        let sql = Sql::with(&sql, self.source).then_with("?)", text_array(keys.to_vec()));
        let rows = self.rows::<Row>(sql).await?;
        let known =
            |row: Row| (row.key, StoredSourceRecord { id: row.id, digest: row.digest, is_of_former: row.is_of_former });
        Ok(rows.into_iter().map(known).collect())
    }

    /// Remembers what the source says now.
    pub(crate) async fn upsert_source_records(&self, kind: &str, said: &[SourceRecordRow]) -> Result<(), Error> {
        let statement = format!(
            "INSERT INTO source_record (source, key, digest, told, {kind}_id) SELECT source, key, decode(digest, 'hex'), told, id FROM rows \
             ON CONFLICT (source, key) DO UPDATE SET digest = EXCLUDED.digest, told = EXCLUDED.told, researcher_id = EXCLUDED.researcher_id, \
             organization_id = EXCLUDED.organization_id, topic_id = EXCLUDED.topic_id, paper_id = EXCLUDED.paper_id"
        );
        self.execute_with_rows("source text, key text, digest text, told text[], id bigint", said, &statement).await
    }

    /// Adds ids of other schemes; one that names another thing already stays there, and is noted.
    pub(crate) async fn add_identifiers(&mut self, kind: &str, ids: Vec<ExternalIdRow>) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Taken {
            index: i64,
            scheme: String,
            value: String,
        }
        if ids.is_empty() {
            return Ok(());
        }
        let columns = "index bigint, id bigint, scheme text, value text";
        let insert = format!(
            "INSERT INTO external_id (scheme, value, {kind}_id) SELECT scheme, value, id FROM rows \
             ON CONFLICT (scheme, value) WHERE {kind}_id IS NOT NULL DO NOTHING"
        );
        self.execute_with_rows(columns, &ids, &insert).await?;
        let taken = format!(
            "SELECT rows.index, rows.scheme, rows.value FROM rows JOIN external_id AS held ON held.scheme = rows.scheme \
             AND held.value = rows.value AND held.{kind}_id IS NOT NULL WHERE held.{kind}_id <> rows.id"
        );
        for taken in self.rows::<Taken>(rows_cte(columns, &ids)?.then(taken)).await? {
            let note = format!("{} {} already names another {kind}; it was left there", taken.scheme, taken.value);
            self.add_note(usize::try_from(taken.index).unwrap_or_default(), note);
        }
        Ok(())
    }
}

/// `WITH rows AS (…)` over rows given as one JSON parameter.
pub(crate) fn rows_cte<T: Serialize>(columns: &str, rows: &[T]) -> Result<Sql, Error> {
    let json = serde_json::to_string(rows).map_err(Error::internal)?;
    let text = format!("WITH rows AS MATERIALIZED (SELECT * FROM json_to_recordset(?::text::json) AS row({columns})) ");
    Ok(Sql::with(&text, json))
}

/// What a source said of a thing before.
pub(crate) struct StoredSourceRecord {
    pub(crate) id: i64,
    pub(crate) digest: String,
    /// Whether it said it of somebody who was merged into this person.
    pub(crate) is_of_former: bool,
}

impl StoredSourceRecord {
    /// Whether others referred to it, and its own record has not come yet.
    pub(crate) fn is_placeholder(&self) -> bool {
        self.digest.is_empty()
    }
}

/// What a source says of a thing now.
#[derive(Serialize)]
pub(crate) struct SourceRecordRow {
    pub(crate) source: String,
    pub(crate) key: String,
    pub(crate) digest: String,
    /// The fields of which it says something; nothing where it repeats what other records say.
    pub(crate) told: Option<Vec<String>>,
    pub(crate) id: i64,
}

impl SourceRecordRow {
    pub(crate) fn new(source: &str, key: String, digest: String, told: Vec<String>, id: i64) -> Self {
        let told = Some(told).filter(|_| !key.starts_with(crate::store::ingest::exported_ids::EXPORTED_KEY_PREFIX));
        Self { source: source.to_owned(), key, digest, told, id }
    }

    /// That the thing of a key is known by what others said of it.
    pub(crate) fn placeholder(source: &str, key: String, id: i64) -> Self {
        Self { source: source.to_owned(), key, digest: String::new(), told: None, id }
    }
}

/// An id of another scheme for a thing.
#[derive(Serialize)]
pub(crate) struct ExternalIdRow {
    pub(crate) index: usize,
    pub(crate) id: i64,
    pub(crate) scheme: String,
    pub(crate) value: String,
}
