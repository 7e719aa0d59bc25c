//! The records of sources as they were imported: their keys, digests and provided fields, by which an import is
//! idempotent.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::access::sql_fragment::{sql, text_array};
use crate::store::reader::export::EXPORTED_KEY_PREFIX;
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;

/// A record of the source as it was imported before.
pub(crate) struct StoredSourceRecord {
    /// The entity that it describes.
    pub(crate) id: i64,
    /// The digest in hexadecimal; empty for a placeholder.
    pub(crate) digest: String,
    /// Whether it describes a researcher who was merged into this one.
    pub(crate) is_of_former: bool,
}

impl StoredSourceRecord {
    /// Whether other records refer to the entity, and its own record was not imported yet.
    pub(crate) fn is_placeholder(&self) -> bool {
        self.digest.is_empty()
    }
}

json_row! {
    /// A row of `source_record`.
    pub(crate) struct SourceRecordRow {
        source: String,
        key: String,
        digest: String,
        /// The fields that the record provides; none if it repeats other records.
        provided_fields as "told": Option<Vec<String>>,
        id: i64,
    }
}

impl SourceRecordRow {
    /// The row of an imported record.
    pub(crate) fn new(source: &str, key: String, digest: String, provided_fields: Vec<String>, id: i64) -> Self {
        let provided_fields = Some(provided_fields).filter(|_| !key.starts_with(EXPORTED_KEY_PREFIX));
        Self { source: source.to_owned(), key, digest, provided_fields, id }
    }

    /// The row of an entity to which records refer before its own record is imported.
    pub(crate) fn placeholder(source: &str, key: String, id: i64) -> Self {
        Self { source: source.to_owned(), key, digest: String::new(), provided_fields: None, id }
    }
}

/// The stored records of the source with these keys.
pub(crate) async fn find_source_records(
    uow: &UnitOfWork<'_>,
    kind: EntityType,
    keys: &[String],
) -> Result<HashMap<String, StoredSourceRecord>, Error> {
    #[derive(FromQueryResult)]
    struct SourceRecordQueryRow {
        key: String,
        digest: String,
        id: i64,
        is_of_former: bool,
    }
    let column = kind.reference_column();
    // One by one: a plan that was made while there were few records would read all of them.
    let sql = sql!("SELECT wanted.key, record.* FROM unnest(?::text[]) AS wanted(key) ", text_array(keys.to_vec()));
    let sql = sql.then(format!(
        "CROSS JOIN LATERAL (SELECT encode(digest, 'hex') AS digest, {column} AS id, is_of_former FROM source_record "
    ));
    let sql = sql.then(sql!("WHERE source = ? AND source_record.key = wanted.key ", uow.source()));
    let sql = sql.then(format!("AND {column} IS NOT NULL OFFSET 0) AS record"));
    let rows = uow.rows::<SourceRecordQueryRow>(sql).await?;
    let records = rows.into_iter().map(|SourceRecordQueryRow { key, digest, id, is_of_former }| {
        (key, StoredSourceRecord { id, digest, is_of_former })
    });
    Ok(records.collect())
}

/// Stores records of the source, replacing those with the same keys.
pub(crate) async fn upsert_source_records(
    uow: &UnitOfWork<'_>,
    kind: EntityType,
    records: &[SourceRecordRow],
) -> Result<(), Error> {
    let column = kind.reference_column();
    let statement = format!(
        "INSERT INTO source_record (source, key, digest, told, {column}) SELECT source, key, decode(digest, 'hex'), told, id FROM rows \
         ON CONFLICT (source, key) DO UPDATE SET digest = EXCLUDED.digest, told = EXCLUDED.told, researcher_id = EXCLUDED.researcher_id, \
         organization_id = EXCLUDED.organization_id, topic_id = EXCLUDED.topic_id, paper_id = EXCLUDED.paper_id"
    );
    uow.execute_with_rows(records, &statement).await
}
