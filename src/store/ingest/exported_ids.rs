//! Records exported by a directory: their entities keep their ids if these are free, and references by id are mapped.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::record::ExportMetadata;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::ingest::slug::slug_of_text;
use crate::store::ingest::source_records::find_source_records;
use crate::store::reader::export::{EXPORTED_KEY_PREFIX, is_exported_key};
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;
use crate::text::bounded_key::bounded_key;

/// Maximum id that is reused. Sequences continue after the largest id, so larger ones could exhaust them.
const MAX_EXPORTED_ID: i64 = 1 << 48;
/// Maximum length of a slug that is used unchanged.
const MAX_SLUG_BYTES: usize = 120;

/// The key of an exported record in its source.
pub(crate) fn exported_record_key(kind: EntityType, id: i64) -> String {
    format!("{EXPORTED_KEY_PREFIX}{}:{id}", kind.table())
}

/// The entity of an exported record.
pub(crate) struct ImportedEntity<'a> {
    pub id: i64,
    pub exported: &'a ExportMetadata,
}

/// The id of a new row.
#[derive(Clone, Copy)]
pub(crate) struct AssignedId {
    pub id: i64,
    /// Whether the requested id is taken.
    pub is_substitute: bool,
}

json_row! {
    struct FormerIdentityRow<'a> {
        former_id: i64,
        former_slug: &'a str,
        survivor_id: i64,
        name_key: Option<String>,
    }
}

json_row! {
    /// A source record of the exporting directory.
    struct ExportedSourceRecordRow<'a> {
        source: &'a str,
        key: String,
        digest: &'a str,
        provided_fields as "told": Option<&'a [String]>,
        id: i64,
        is_of_former: bool,
    }
}

/// The requested slug if it is well-formed, else one made from the text.
pub(crate) fn requested_slug(requested_ids: Option<&str>, text: &str, kind: EntityType) -> String {
    let is_slug = |slug: &&str| {
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        slug.len() <= MAX_SLUG_BYTES && slug.split('-').all(is_part)
    };
    match requested_ids.filter(is_slug) {
        Some(slug) => slug.to_owned(),
        None => slug_of_text(requested_ids.unwrap_or(text), kind),
    }
}

/// The ids here of the entities that had these ids in the exporting directory.
pub(crate) async fn map_exported_ids(
    uow: &UnitOfWork<'_>,
    kind: EntityType,
    exported: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, i64>, Error> {
    let keys: HashMap<String, i64> = exported.into_iter().map(|id| (exported_record_key(kind, id), id)).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let requested_ids: Vec<String> = keys.keys().cloned().collect();
    let stored = find_source_records(uow, kind, &requested_ids).await?;
    Ok(keys.into_iter().filter_map(|(key, id)| Some((id, stored.get(&key)?.id))).collect())
}

/// Ids for new rows: the requested id if it is free.
pub(crate) async fn claim_ids(
    uow: &UnitOfWork<'_>,
    table: &str,
    requested_ids: &[Option<i64>],
) -> Result<Vec<AssignedId>, Error> {
    let requested: HashSet<i64> =
        requested_ids.iter().flatten().copied().filter(|id| (1..=MAX_EXPORTED_ID).contains(id)).collect();
    let mut free = requested.clone();
    if let Some(largest) = requested.iter().max() {
        let taken = Sql::from(format!("SELECT id FROM {table} WHERE "))
            .then(sql!("id = ANY(?) ", bigint_array(requested.iter().copied())))
            .then(format!("UNION SELECT former_id FROM former_identity WHERE kind = '{table}' AND "))
            .then(sql!("former_id = ANY(?)", bigint_array(requested.iter().copied())));
        // A deleted authorship may still be pinned by a decision.
        let taken = match table {
            "authorship" => taken.then(sql!(
                " UNION SELECT authorship_id FROM identity_pin WHERE authorship_id = ANY(?)",
                bigint_array(requested.iter().copied()),
            )),
            _ => taken,
        };
        for id in uow.tuples(taken).await? {
            free.remove(&id);
        }
        let advance_sequence =
            format!("SELECT setval('{table}_id_seq', greatest(last_value, ?)) AS id FROM {table}_id_seq");
        uow.execute(Sql::with(&advance_sequence, *largest)).await?;
    }
    // If two rows request the same id, the second gets another.
    let mut new_ids = uow.allocate_ids(table, requested_ids.len() - free.len()).await?.into_iter();
    let assign = |requested_ids: &Option<i64>| match requested_ids.filter(|id| free.remove(id)) {
        Some(id) => Ok(AssignedId { id, is_substitute: false }),
        None => {
            let id = new_ids.next().ok_or_else(|| Error::internal(format!("no id for a row of {table}")))?;
            Ok(AssignedId { id, is_substitute: requested_ids.is_some() })
        }
    };
    requested_ids.iter().map(assign).collect()
}

/// Warns that an entity got another id than the requested one.
pub(crate) fn note_substituted_id(
    uow: &mut UnitOfWork<'_>,
    index: usize,
    exported: Option<&ExportMetadata>,
    claimed: AssignedId,
) {
    if let Some(exported) = exported.filter(|_| claimed.is_substitute) {
        let note = format!("the id {} is taken; the entity has the id {} here", exported.id, claimed.id);
        uow.add_note(index, note);
    }
}

/// Stores the provenance of exported entities: the ids of entities merged into them, and their source records.
pub(crate) async fn restore_provenance(
    uow: &UnitOfWork<'_>,
    kind: EntityType,
    entities: &[ImportedEntity<'_>],
) -> Result<(), Error> {
    let (table, column) = (kind.table(), kind.reference_column());
    let former = entities.iter().flat_map(|entity| {
        let row = |former| (former, entity.id);
        entity.exported.merged.iter().map(row)
    });
    let former: Vec<FormerIdentityRow<'_>> = former
        .filter(|(former, _)| (1..=MAX_EXPORTED_ID).contains(&former.id))
        .map(|(former, survivor_id)| FormerIdentityRow {
            former_id: former.id,
            former_slug: &former.slug,
            survivor_id,
            name_key: former.name_key.clone().map(bounded_key),
        })
        .collect();
    if let Some(largest) = former.iter().map(|row| row.former_id).max() {
        // Existing entities keep their ids and slugs.
        let insert = format!(
            "INSERT INTO former_identity (kind, former_id, former_slug, survivor_id, name_key) \
             SELECT '{table}', former_id, former_slug, survivor_id, name_key FROM rows \
             WHERE NOT EXISTS (SELECT FROM {table} WHERE {table}.id = former_id OR {table}.slug = former_slug) \
             ON CONFLICT DO NOTHING"
        );
        uow.execute_with_rows(&former, &insert).await?;
        let advance_sequence = format!("SELECT setval('{table}_id_seq', greatest(last_value, ?)) FROM {table}_id_seq");
        uow.execute(Sql::with(&advance_sequence, largest)).await?;
    }
    // A source key with the prefix of exported records would identify another entity.
    let is_digest = |text: &str| text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let record = entities.iter().flat_map(|entity| entity.exported.sources.iter().map(|record| (entity.id, record)));
    let record: Vec<ExportedSourceRecordRow<'_>> = record
        .filter(|(_, record)| !record.key.starts_with(EXPORTED_KEY_PREFIX) && is_digest(&record.digest))
        .map(|(id, record)| ExportedSourceRecordRow {
            source: &record.source,
            key: bounded_key(record.key.clone()),
            digest: &record.digest,
            provided_fields: record.provided_fields.as_deref(),
            id,
            is_of_former: record.is_of_former,
        })
        .collect();
    let insert = format!(
        "INSERT INTO source_record (source, key, digest, told, {column}, is_of_former) \
         SELECT source, key, decode(digest, 'hex'), told, id, is_of_former FROM rows \
         ON CONFLICT DO NOTHING"
    );
    uow.execute_with_rows(&record, &insert).await
}

/// The name keys and ORCID iDs, of those given, that researchers here have. Names of researchers exported by this
/// source do not count.
pub(crate) async fn find_present_researchers(
    uow: &UnitOfWork<'_>,
    name_keys: Vec<String>,
    orcids: Vec<String>,
) -> Result<(HashSet<String>, HashSet<String>), Error> {
    #[derive(FromQueryResult)]
    struct Row {
        name_key: String,
        orcid: Option<String>,
        is_exported: bool,
    }
    let sql = sql!(
        "SELECT name_key, orcid, EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = researcher.id \
         AND source_record.source = ? ",
        uow.source(),
    )
    .then(concat!("AND ", is_exported_key!("source_record.key"), ") AS is_exported FROM researcher "))
    .then(sql!("WHERE name_key = ANY(?) OR orcid = ANY(?)", text_array(name_keys), text_array(orcids)));
    let (mut names, mut orcids) = (HashSet::new(), HashSet::new());
    for row in uow.rows::<Row>(sql).await? {
        orcids.extend(row.orcid);
        if !row.is_exported {
            names.insert(row.name_key);
        }
    }
    Ok((names, orcids))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requested_slugs() {
        let long = format!("{}-2", "a".repeat(80));
        assert_eq!(requested_slug(Some(&long), "x", EntityType::Paper), long);
        assert_eq!(requested_slug(Some("Ida Brook"), "x", EntityType::Paper), "ida-brook");
        assert_eq!(requested_slug(Some("a--b"), "x", EntityType::Paper), "a-b");
        assert_eq!(requested_slug(None, "On weirs", EntityType::Paper), "on-weirs");
    }
}
