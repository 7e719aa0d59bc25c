//! Writes records of topics, and creates topics that other records refer to.

use sea_orm::{EntityTrait as _, QueryFilter as _, QuerySelect as _};

use crate::entity::{topic, topic_broader};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::model::record::digest::record_digest;
use crate::model::record::{NameKind, NameRecord, TopicRecord, TopicReference};
use crate::store::access::sql_fragment::sql;
use crate::store::ingest::entity_names::{choose_display_names, fold_sort_names};
use crate::store::ingest::exported_ids::{
    ImportedEntity, claim_ids, exported_record_key, map_exported_ids, requested_slug, restore_provenance,
};
use crate::store::ingest::identifiers::{ExternalIdRow, add_identifiers};
use crate::store::ingest::slug::{allocate_slug, rename_placeholders};
use crate::store::ingest::source_precedence::load_field_precedence;
use crate::store::ingest::source_records::{
    SourceRecordRow, StoredSourceRecord, find_source_records, upsert_source_records,
};
use crate::store::ingest::topic_codes::{TopicCodes, stored_uri};
use crate::store::reader::export::is_exported_key;
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::{Effect, ProjectionEvent, UnitOfWork};
use crate::text::bounded_key::bounded_key;
use crate::text::names;

/// The fields of a topic for which sources may disagree.
const NAMES: &str = "names";
const BROADER: &str = "broader";

json_row! {
    struct TopicUpsertRow<'a> {
        id: i64,
        slug: String,
        scheme: &'a str,
        code: Option<&'a str>,
        concept_uri: Option<String>,
        display_names: LocalizedText,
        sort_names: LocalizedText,
        names: &'a [NameRecord],
    }
}

/// Writes the records of topics of a batch, each with its index in it.
pub(crate) async fn ingest_topics(uow: &mut UnitOfWork<'_>, records: Vec<(usize, &TopicRecord)>) -> Result<(), Error> {
    let mut codes = TopicCodes::load(uow, records.iter().map(|(_, record)| *record)).await?;
    for (index, record) in records {
        let record = codes.assign(uow, record).await?;
        ingest_topic(uow, index, &record).await?;
    }
    codes.store_uris(uow).await
}

async fn ingest_topic(uow: &mut UnitOfWork<'_>, index: usize, record: &TopicRecord) -> Result<(), Error> {
    let label = record.names.first().map(|name| name.value.clone()).unwrap_or_default();
    let key = match (&record.exported, &record.code) {
        (Some(exported), _) => exported_record_key(EntityType::Topic, exported.id),
        (None, Some(code)) => bounded_key(format!("topic:{}:{code}", record.scheme)),
        (None, None) => bounded_key(format!("topic:{}:{}", record.scheme, names::fold(&label))),
    };
    let digest = record_digest(record).map_err(Error::internal)?;
    let stored_record = find_source_records(uow, EntityType::Topic, std::slice::from_ref(&key)).await?.remove(&key);
    if stored_record.as_ref().is_some_and(|stored_record| stored_record.digest == digest) {
        uow.record_effect(index, Effect::Unchanged);
        return Ok(());
    }
    let mut labels = LocalizedText::default();
    for name in &record.names {
        labels.insert(name.language.as_ref().and_then(|tag| tag.parse().ok()).as_ref(), name.value.clone());
    }
    let reference = TopicReference {
        id: record.exported.as_ref().map(|exported| exported.id),
        slug: record.slug.clone(),
        uri: record.uri.clone(),
        ..TopicReference::new(record.scheme.clone(), record.code.clone(), labels)
    };
    // A topic that another record only referred to is created by its own record.
    let is_awaited = stored_record.as_ref().is_some_and(StoredSourceRecord::is_placeholder);
    let existing = match stored_record {
        Some(stored_record) => Some(stored_record.id),
        None => find_topic(uow, &reference).await?,
    };
    let id = match existing {
        Some(id) => {
            let slug = requested_slug(record.slug.as_deref(), &label, EntityType::Topic);
            rename_placeholders(uow, EntityType::Topic, &[(id, slug)]).await?;
            id
        }
        None => create_topic(uow, &reference, Some(index)).await?,
    };
    let display = choose_display_names(&record.names);
    let row = TopicUpsertRow {
        id,
        slug: String::new(),
        scheme: &record.scheme,
        code: record.code.as_deref(),
        concept_uri: None,
        sort_names: fold_sort_names(&display),
        display_names: display,
        names: &record.names,
    };
    let update = "UPDATE topic SET display_names = rows.display_names, sort_names = rows.sort_names, names = rows.names, \
         code = coalesce(rows.code, topic.code), updated_at = statement_timestamp() FROM rows WHERE topic.id = rows.id";
    let precedence =
        load_field_precedence(uow, EntityType::Topic, [(id, key.as_str())]).await?.remove(&id).unwrap_or_default();
    if !record.names.is_empty() && precedence.wins(NAMES) {
        uow.execute_with_rows(std::slice::from_ref(&row), update).await?;
        uow.notify(ProjectionEvent::SortNamesChanged { kind: EntityType::Topic, sort_names: &[(id, &row.sort_names)] })
            .await?;
        uow.mark_dirty(EntityType::Topic, [id]);
    }
    let is_omitted = record.broader.is_empty() && precedence.is_provided(BROADER);
    let broader: &[TopicReference] = if precedence.wins(BROADER) && !is_omitted {
        topic_broader::Entity::delete_many().filter(topic_broader::COLUMN.topic_id.eq(id)).exec(uow.db()).await?;
        &record.broader
    } else {
        &[]
    };
    for broader in broader {
        let broader = find_or_create_topic(uow, broader).await?;
        if broader != id && add_broader(uow, id, broader).await? {
            // Which of the statements is wrong is unknown, and must not depend on the order of imports.
            uow.add_note(index, format!("the topic '{label}' is above itself, by records of several files or imports"));
        }
    }
    let provided_fields = [(NAMES, record.names.is_empty()), (BROADER, record.broader.is_empty())];
    let provided_fields = provided_fields
        .into_iter()
        .filter(|(_, is_empty)| !is_empty)
        .map(|(field, _)| field)
        .map(ToOwned::to_owned)
        .collect();
    let source_record = SourceRecordRow::new(uow.source(), key, digest, provided_fields, id);
    upsert_source_records(uow, EntityType::Topic, &[source_record]).await?;
    if let Some(exported) = &record.exported {
        restore_provenance(uow, EntityType::Topic, &[ImportedEntity { id, exported }]).await?;
    }
    uow.record_effect(index, if existing.is_some() && !is_awaited { Effect::Updated } else { Effect::Created });
    Ok(())
}

/// Adds a broader topic. Returns whether that closes a cycle.
async fn add_broader(uow: &UnitOfWork<'_>, id: i64, broader: i64) -> Result<bool, Error> {
    let sql = sql!(
        "WITH RECURSIVE above(id) AS (SELECT ?::bigint UNION SELECT parent.broader_id FROM above \
         JOIN topic_broader AS parent ON parent.topic_id = above.id) INSERT INTO topic_broader (topic_id, broader_id) \
         VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING EXISTS (SELECT FROM above \
         WHERE above.id = topic_broader.topic_id)",
        broader,
        id,
        broader,
    );
    Ok(uow.tuples::<bool>(sql).await?.contains(&true))
}

/// The referenced topic, created if there is none.
pub(crate) async fn find_or_create_topic(uow: &mut UnitOfWork<'_>, reference: &TopicReference) -> Result<i64, Error> {
    match find_topic(uow, reference).await? {
        Some(id) => Ok(id),
        None => create_topic(uow, reference, None).await,
    }
}

/// Finds a topic by scheme and code, or one without a code by any label in the same language.
async fn find_topic(uow: &UnitOfWork<'_>, reference: &TopicReference) -> Result<Option<i64>, Error> {
    if let Some(exported) = reference.id
        && let Some(id) = map_exported_ids(uow, EntityType::Topic, [exported]).await?.remove(&exported)
    {
        return Ok(Some(id));
    }
    if let Some(code) = &reference.code {
        let coded = topic::Entity::find()
            .select_only()
            .column(topic::Column::Id)
            .filter(topic::COLUMN.scheme.eq(reference.scheme.as_str()))
            .filter(topic::COLUMN.code.eq(code.as_str()));
        return Ok(coded.into_tuple().all(uow.db()).await?.pop());
    }
    for (tag, label) in reference.labels.iter() {
        let name = if tag == "und" {
            serde_json::json!([{ "value": label }])
        } else {
            serde_json::json!([{ "value": label, "language": tag }])
        };
        let mut sql =
            sql!("SELECT id FROM topic WHERE scheme = ? AND names @> ?::jsonb", reference.scheme.clone(), name);
        if reference.id.is_some() {
            // Topics exported by one directory are distinct, regardless of their labels.
            sql = sql
                .then(sql!(
                    " AND NOT EXISTS (SELECT FROM source_record WHERE topic_id = topic.id AND source = ?",
                    uow.source(),
                ))
                .then(concat!(" AND ", is_exported_key!("key"), ")"));
        }
        if let Some(id) = uow.tuples(sql.then(" ORDER BY id LIMIT 1")).await?.pop() {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Creates a topic, for the record at an index of the batch if there is one.
async fn create_topic(
    uow: &mut UnitOfWork<'_>,
    reference: &TopicReference,
    index: Option<usize>,
) -> Result<i64, Error> {
    let names: Vec<NameRecord> = reference
        .labels
        .iter()
        .map(|(tag, value)| NameRecord {
            value: value.to_owned(),
            language: (tag != "und").then(|| tag.to_owned()),
            kind: NameKind::Label,
        })
        .collect();
    let display = if reference.labels.is_empty() {
        LocalizedText::new(None, reference.code.clone().unwrap_or_default())
    } else {
        reference.labels.clone()
    };
    let label = display.iter().next().map(|(_, label)| label.to_owned()).unwrap_or_default();
    let wanted = requested_slug(reference.slug.as_deref(), &label, EntityType::Topic);
    let slug = allocate_slug(uow, EntityType::Topic, &wanted).await?;
    let assigned = claim_ids(uow, EntityType::Topic.table(), &[reference.id]).await?.pop();
    let assigned = assigned.ok_or_else(|| Error::internal("no id for a topic"))?;
    let id = assigned.id;
    if let (Some(index), Some(exported), true) = (index, reference.id, assigned.is_substitute) {
        uow.add_note(index, format!("the id {exported} is taken; the entity has the id {id} here"));
    }
    let row = TopicUpsertRow {
        id,
        slug,
        scheme: &reference.scheme,
        code: reference.code.as_deref(),
        concept_uri: reference.uri.as_deref().map(stored_uri),
        sort_names: fold_sort_names(&display),
        display_names: display,
        names: &names,
    };
    let insert = ", topics AS (INSERT INTO topic (id, slug, scheme, code, concept_uri, display_names, sort_names, names) \
         SELECT id, slug, scheme, code, concept_uri, display_names, sort_names, names FROM rows RETURNING id) \
         INSERT INTO topic_statistics (topic_id) SELECT id FROM topics";
    uow.execute_with_rows(std::slice::from_ref(&row), insert).await?;
    uow.notify(ProjectionEvent::SortNamesChanged { kind: EntityType::Topic, sort_names: &[(id, &row.sort_names)] })
        .await?;
    uow.mark_dirty(EntityType::Topic, [id]);
    if let Some(code) = &reference.code {
        let scheme = reference.scheme.to_lowercase();
        add_identifiers(uow, EntityType::Topic, vec![ExternalIdRow { index: 0, id, scheme, value: code.clone() }])
            .await?;
    }
    if let Some(exported) = reference.id {
        upsert_source_records(
            uow,
            EntityType::Topic,
            &[SourceRecordRow::placeholder(uow.source(), exported_record_key(EntityType::Topic, exported), id)],
        )
        .await?;
    }
    Ok(id)
}
