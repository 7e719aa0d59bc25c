//! Writes of topics, and topics that others refer to.

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::model::language::LocalizedText;
use crate::model::record::digest::record_digest;
use crate::model::record::{NameKind, NameRecord, TopicRecord, TopicReference};
use crate::store::access::sql_fragment::Sql;
use crate::store::ingest::exported_ids::{EXPORTED_KEY_PREFIX, ImportedEntity, exported_record_key, requested_slug};
use crate::store::reader::search::EntityType;
use crate::store::unit_of_work::{Effect, ExternalIdRow, SourceRecordRow, StoredSourceRecord, UnitOfWork};
use crate::text::names;

/// The fields of a topic of which records may say different things.
const NAMES: &str = "names";
const BROADER: &str = "broader";

#[derive(FromQueryResult)]
struct TopicIdRow {
    id: i64,
}

#[derive(Serialize)]
struct TopicUpsertRow<'a> {
    id: i64,
    slug: String,
    scheme: &'a str,
    code: Option<&'a str>,
    display_names: LocalizedText,
    sort_names: LocalizedText,
    names: &'a [NameRecord],
}

const COLUMNS: &str =
    "id bigint, slug text, scheme text, code text, display_names jsonb, sort_names jsonb, names jsonb";

/// The name to show in each language: the source's display name, else its first label there. Aliases and acronyms show
/// only where there is nothing else at all.
pub(crate) fn choose_display_names(names: &[NameRecord]) -> LocalizedText {
    let mut display = LocalizedText::default();
    let mut add = |name: &NameRecord| {
        let language = name.language.as_ref().and_then(|tag| tag.parse().ok());
        display.insert(language.as_ref(), name.value.clone());
    };
    let of_kind = |kind| names.iter().filter(move |name| name.kind == kind);
    // What comes later replaces what came before: labels from the last to the first, then the display name.
    of_kind(NameKind::Label).rev().for_each(&mut add);
    of_kind(NameKind::Display).rev().for_each(&mut add);
    if display.is_empty() {
        let other = of_kind(NameKind::Alias).chain(of_kind(NameKind::Acronym)).next();
        if let Some(name) = other {
            let language = name.language.as_ref().and_then(|tag| tag.parse().ok());
            display.insert(language.as_ref(), name.value.clone());
        }
    }
    display
}

/// The same names as lists are ordered by them.
pub(crate) fn fold_sort_names(display: &LocalizedText) -> LocalizedText {
    display.map(|name| {
        let folded = names::fold(name);
        if folded.is_empty() { name.to_lowercase() } else { folded }
    })
}

impl UnitOfWork<'_> {
    pub(crate) async fn ingest_topic(&mut self, index: usize, record: &TopicRecord) -> Result<(), Error> {
        let label = record.names.first().map(|name| name.value.clone()).unwrap_or_default();
        let key = match (&record.exported, &record.code) {
            (Some(exported), _) => exported_record_key("topic", exported.id),
            (None, Some(code)) => format!("topic:{}:{code}", record.scheme),
            (None, None) => format!("topic:{}:{}", record.scheme, names::fold(&label)),
        };
        let digest = record_digest(record).map_err(Error::internal)?;
        let known = self.find_source_records("topic", std::slice::from_ref(&key)).await?.remove(&key);
        if known.as_ref().is_some_and(|known| known.digest == digest) {
            self.record_effect(index, Effect::Unchanged);
            return Ok(());
        }
        let mut labels = LocalizedText::default();
        for name in &record.names {
            labels.insert(name.language.as_ref().and_then(|tag| tag.parse().ok()).as_ref(), name.value.clone());
        }
        let reference = TopicReference {
            id: record.exported.as_ref().map(|exported| exported.id),
            slug: record.slug.clone(),
            ..TopicReference::new(record.scheme.clone(), record.code.clone(), labels)
        };
        // One that an exported record only referred to is made by its own record.
        let is_awaited = known.as_ref().is_some_and(StoredSourceRecord::is_placeholder);
        let existing = match known {
            Some(known) => Some(known.id),
            None => self.find_topic(&reference).await?,
        };
        let id = match existing {
            Some(id) => id,
            None => self.create_topic(&reference, Some(index)).await?,
        };
        let display = choose_display_names(&record.names);
        let row = TopicUpsertRow {
            id,
            slug: String::new(),
            scheme: &record.scheme,
            code: record.code.as_deref(),
            sort_names: fold_sort_names(&display),
            display_names: display,
            names: &record.names,
        };
        let update = "UPDATE topic SET display_names = rows.display_names, sort_names = rows.sort_names, names = rows.names, \
             code = coalesce(rows.code, topic.code), updated_at = now() FROM rows WHERE topic.id = rows.id";
        let better = self.load_field_precedence("topic", [(id, key.as_str())]).await?.remove(&id).unwrap_or_default();
        if !record.names.is_empty() && better.wins(NAMES) {
            self.execute_with_rows(COLUMNS, std::slice::from_ref(&row), update).await?;
            self.replace_labels("topic", [(id, &row.sort_names)]).await?;
            self.dirty.insert(EntityType::Topic, [id]);
        }
        let is_silent = record.broader.is_empty() && better.is_provided(BROADER);
        let broader: &[TopicReference] = if better.wins(BROADER) && !is_silent {
            self.execute(Sql::with("DELETE FROM topic_broader WHERE topic_id = ?", id)).await?;
            &record.broader
        } else {
            &[]
        };
        for broader in broader {
            let broader = self.find_or_create_topic(broader).await?;
            if broader != id {
                let sql = Sql::with("INSERT INTO topic_broader (topic_id, broader_id) VALUES (?, ", id)
                    .then_with("?) ON CONFLICT DO NOTHING", broader);
                self.execute(sql).await?;
            }
        }
        let told = [(NAMES, record.names.is_empty()), (BROADER, record.broader.is_empty())];
        let told =
            told.into_iter().filter(|(_, is_empty)| !is_empty).map(|(field, _)| field).map(ToOwned::to_owned).collect();
        let said = SourceRecordRow::new(self.source, key, digest, told, id);
        self.upsert_source_records("topic", &[said]).await?;
        if let Some(exported) = &record.exported {
            self.restore_provenance("topic", &[ImportedEntity { id, exported }]).await?;
        }
        self.record_effect(index, if existing.is_some() && !is_awaited { Effect::Updated } else { Effect::Created });
        Ok(())
    }

    /// The topic that is meant, made where there is none.
    pub(crate) async fn find_or_create_topic(&mut self, reference: &TopicReference) -> Result<i64, Error> {
        match self.find_topic(reference).await? {
            Some(id) => Ok(id),
            None => self.create_topic(reference, None).await,
        }
    }

    /// By scheme and code; a topic without a code by any of its labels, in the same language.
    async fn find_topic(&self, reference: &TopicReference) -> Result<Option<i64>, Error> {
        if let Some(exported) = reference.id
            && let Some(id) = self.map_exported_ids("topic", [exported]).await?.remove(&exported)
        {
            return Ok(Some(id));
        }
        if let Some(code) = &reference.code {
            let sql = Sql::with("SELECT id FROM topic WHERE scheme = ?", reference.scheme.clone())
                .then_with(" AND code = ?", code.clone());
            return Ok(self.rows::<TopicIdRow>(sql).await?.pop().map(|found| found.id));
        }
        for (tag, label) in reference.labels.iter() {
            let name = if tag == "und" {
                serde_json::json!([{ "value": label }])
            } else {
                serde_json::json!([{ "value": label, "language": tag }])
            };
            let mut sql = Sql::with("SELECT id FROM topic WHERE scheme = ? ", reference.scheme.clone())
                .then_with("AND names @> ?::jsonb", name);
            if reference.id.is_some() {
                // Those that a directory exported are different ones, whatever their labels.
                sql = sql
                    .then_with(
                        " AND NOT EXISTS (SELECT FROM source_record WHERE topic_id = topic.id AND source = ?",
                        self.source,
                    )
                    .then(format!(" AND starts_with(key, '{EXPORTED_KEY_PREFIX}'))"));
            }
            if let Some(found) = self.rows::<TopicIdRow>(sql.then(" ORDER BY id LIMIT 1")).await?.pop() {
                return Ok(Some(found.id));
            }
        }
        Ok(None)
    }

    /// Makes a topic, for a record where there is one.
    async fn create_topic(&mut self, reference: &TopicReference, index: Option<usize>) -> Result<i64, Error> {
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
        let wanted = requested_slug(reference.slug.as_deref(), &label, "topic");
        let slug = self.allocate_slugs("topic", &[wanted]).await?.pop().unwrap_or_default();
        let claimed = self.claim_ids("topic", &[reference.id]).await?.pop();
        let claimed = claimed.ok_or_else(|| Error::internal("no id for a topic"))?;
        let id = claimed.id;
        if let (Some(index), Some(exported), true) = (index, reference.id, claimed.is_substitute) {
            self.add_note(index, format!("the id {exported} is taken; it has the id {id} here"));
        }
        let row = TopicUpsertRow {
            id,
            slug,
            scheme: &reference.scheme,
            code: reference.code.as_deref(),
            sort_names: fold_sort_names(&display),
            display_names: display,
            names: &names,
        };
        let insert = ", topics AS (INSERT INTO topic (id, slug, scheme, code, display_names, sort_names, names) \
             SELECT id, slug, scheme, code, display_names, sort_names, names FROM rows RETURNING id) \
             INSERT INTO topic_statistics (topic_id) SELECT id FROM topics";
        self.execute_with_rows(COLUMNS, std::slice::from_ref(&row), insert).await?;
        self.replace_labels("topic", [(id, &row.sort_names)]).await?;
        self.dirty.insert(EntityType::Topic, [id]);
        if let Some(code) = &reference.code {
            let scheme = reference.scheme.to_lowercase();
            self.add_identifiers("topic", vec![ExternalIdRow { index: 0, id, scheme, value: code.clone() }]).await?;
        }
        if let Some(exported) = reference.id {
            self.upsert_source_records(
                "topic",
                &[SourceRecordRow::placeholder(self.source, exported_record_key("topic", exported), id)],
            )
            .await?;
        }
        Ok(id)
    }
}
