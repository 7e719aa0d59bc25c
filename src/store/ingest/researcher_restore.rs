//! Bulk insert of exported researchers who are new here. They are not matched by name, since the exporting directory
//! distinguished them.

use std::collections::{HashMap, HashSet};

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::model::record::digest::record_digest;
use crate::model::record::{AffiliationKind, OtherName, ResearcherRecord};
use crate::store::access::sql_fragment::sql;
use crate::store::ingest::exported_ids::{
    ImportedEntity, claim_ids, find_present_researchers, map_exported_ids, note_substituted_id, requested_slug,
    restore_provenance,
};
use crate::store::ingest::identifiers::{ExternalIdRow, add_identifiers, mark_told};
use crate::store::ingest::name_visibility::{add_other_names, load_names, recompute_names};
use crate::store::ingest::organization::find_or_create_organization;
use crate::store::ingest::researcher::{provided_researcher_fields, researcher_record_key};
use crate::store::ingest::slug::allocate_slugs;
use crate::store::ingest::source_records::{SourceRecordRow, find_source_records, upsert_source_records};
use crate::store::ingest::topic::find_or_create_topic;
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::{Effect, UnitOfWork};
use crate::text::names::{self, NameParts};

/// A record with its index in the batch.
type IndexedResearcherRecord<'a> = (usize, &'a ResearcherRecord);

json_row! {
    struct RestoredResearcherRow<'a> {
        id: i64,
        slug: String,
        display_name: &'a str,
        given_name: Option<&'a str>,
        family_name: Option<&'a str>,
        sort_name: String,
        name_key: String,
        told_names: Vec<&'a str>,
        other_names: Vec<&'a str>,
        withholds_published_name: bool,
        block: String,
        orcid: Option<&'a str>,
        headline: &'a LocalizedText,
        biography: &'a LocalizedText,
        portrait_url: Option<&'a str>,
        homepage_url: Option<&'a str>,
    }
}

json_row! {
    struct RestoredAffiliationRow<'a> {
        id: i64,
        researcher_id: i64,
        organization_id: i64,
        kind: AffiliationKind,
        role_title: &'a LocalizedText,
        department_name: &'a LocalizedText,
        start_date: Option<String>,
        end_date: Option<String>,
        has_ended: bool,
        is_primary: bool,
    }
}

json_row! {
    struct RestoredTopicRow {
        researcher_id: i64,
        topic_id: i64,
        position: i32,
    }
}

/// Writes the records of exported researchers who are new here, and returns the others.
pub(crate) async fn restore_researchers<'a>(
    uow: &mut UnitOfWork<'_>,
    records: Vec<IndexedResearcherRecord<'a>>,
) -> Result<Vec<IndexedResearcherRecord<'a>>, Error> {
    let (exported, mut others): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|(_, record)| record.exported.is_some());
    if exported.is_empty() {
        return Ok(others);
    }
    let keys: Vec<String> = exported.iter().map(|(_, record)| researcher_record_key(record)).collect();
    let mapped = find_source_records(uow, EntityType::Researcher, &keys).await?;
    let names = exported.iter().map(|(_, record)| names::name_key(&record.name)).collect();
    let orcids = exported.iter().filter_map(|(_, record)| record.orcid.as_ref().map(ToString::to_string)).collect();
    let (names, mut orcids) = find_present_researchers(uow, names, orcids).await?;
    let mut seen = HashSet::new();
    let mut new = Vec::new();
    for ((index, record), key) in exported.into_iter().zip(keys) {
        let is_present = mapped.contains_key(&key) || names.contains(&names::name_key(&record.name));
        let has_own_orcid = record.orcid.as_ref().is_none_or(|orcid| orcids.insert(orcid.to_string()));
        if !is_present && has_own_orcid && seen.insert(key) {
            new.push((index, record));
        } else {
            others.push((index, record));
        }
    }
    insert_restored_researchers(uow, &new).await?;
    Ok(others)
}

async fn insert_restored_researchers(
    uow: &mut UnitOfWork<'_>,
    new: &[IndexedResearcherRecord<'_>],
) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    let requested: Vec<String> = new
        .iter()
        .map(|(_, record)| requested_slug(record.slug.as_deref(), &record.name, EntityType::Researcher))
        .collect();
    let mut slugs = allocate_slugs(uow, EntityType::Researcher, &requested).await?.into_iter();
    let ids: Vec<Option<i64>> =
        new.iter().map(|(_, record)| record.exported.as_ref().map(|exported| exported.id)).collect();
    let claimed = claim_ids(uow, EntityType::Researcher.table(), &ids).await?;
    let (mut rows, mut source_records, mut imported, mut external_ids) = (vec![], vec![], vec![], vec![]);
    for ((index, record), claimed) in new.iter().zip(&claimed) {
        let (index, id) = (*index, claimed.id);
        note_substituted_id(uow, index, record.exported.as_ref(), *claimed);
        let slug = slugs.next().ok_or_else(|| Error::internal("no slug for a researcher"))?;
        rows.push(restored_researcher_row(id, slug, record));
        source_records.push(SourceRecordRow::new(
            uow.source(),
            researcher_record_key(record),
            record_digest(*record).map_err(Error::internal)?,
            provided_researcher_fields(record),
            id,
        ));
        imported.extend(record.exported.as_ref().map(|exported| ImportedEntity { id, exported }));
        external_ids.extend(record.identifiers.iter().map(|identifier| ExternalIdRow {
            index,
            id,
            scheme: identifier.scheme.to_lowercase(),
            value: identifier.value.clone(),
        }));
        uow.dirty.spellings.insert(names::name_key(&record.name));
        uow.record_effect(index, Effect::Created);
    }
    let insert = ", people AS (INSERT INTO researcher (id, slug, display_name, given_name, family_name, sort_name, name_key, \
             told_names, other_names, withholds_published_name, block, orcid, headline, biography, portrait_url, homepage_url) \
             SELECT id, slug, display_name, given_name, family_name, sort_name, name_key, coalesce(told_names, '{}'), \
             coalesce(other_names, '{}'), withholds_published_name, block, orcid, headline, biography, portrait_url, homepage_url \
             FROM rows RETURNING id) INSERT INTO researcher_statistics (researcher_id) SELECT id FROM people";
    uow.execute_with_rows(&rows, insert).await?;
    uow.mark_dirty(EntityType::Researcher, rows.iter().map(|row| row.id));
    upsert_source_records(uow, EntityType::Researcher, &source_records).await?;
    restore_provenance(uow, EntityType::Researcher, &imported).await?;
    // A researcher whom no source describes has them from papers.
    let described: HashSet<i64> =
        imported.iter().filter(|entity| !entity.exported.sources.is_empty()).map(|entity| entity.id).collect();
    let told: Vec<ExternalIdRow> = external_ids.iter().filter(|row| described.contains(&row.id)).cloned().collect();
    add_identifiers(uow, EntityType::Researcher, external_ids).await?;
    mark_told(uow, &told).await?;
    for (claimed, (_, record)) in claimed.iter().zip(new) {
        restore_name_decisions(uow, claimed.id, record).await?;
    }
    let researchers: Vec<(i64, &ResearcherRecord)> =
        claimed.iter().zip(new).map(|(claimed, (_, record))| (claimed.id, *record)).collect();
    for (id, _) in researchers.iter().filter(|(_, record)| record.withhold_published_name) {
        recompute_names(uow, *id, None).await?;
    }
    restore_affiliations(uow, &researchers).await?;
    restore_declared_topics(uow, &researchers).await
}

/// Stores the decisions on displayed names that came with an exported record, unless there are others here. Papers under a
/// decided name stay the researcher's.
pub(crate) async fn restore_name_decisions(
    uow: &mut UnitOfWork<'_>,
    id: i64,
    record: &ResearcherRecord,
) -> Result<(), Error> {
    let Some(exported) = &record.exported else { return Ok(()) };
    if !exported.decided_names.is_empty() {
        let stored = load_names(uow, id).await?.stored_names()?;
        let key_of = |name: &str| names::name_key(name);
        let known: HashSet<String> = stored.iter().map(|name| key_of(&name.value)).collect();
        let decided: HashSet<String> = exported.decided_names.iter().map(|name| key_of(name)).collect();
        let is_new = |name: &&OtherName| {
            let key = key_of(&name.value);
            !name.is_hidden() && decided.contains(&key) && !known.contains(&key)
        };
        let new: Vec<OtherName> = record.other_names.iter().filter(is_new).cloned().collect();
        add_other_names(uow, id, &new, None).await?;
    }
    if exported.is_name_decided {
        let decide = sql!(
            "INSERT INTO name_decision (researcher_id, display_name, given_name, family_name) \
             SELECT id, display_name, given_name, family_name FROM researcher WHERE name_key = ? AND id = ? \
             ON CONFLICT DO NOTHING",
            names::name_key(&record.name),
            id,
        );
        uow.execute(decide).await?;
    }
    Ok(())
}

async fn restore_affiliations(uow: &mut UnitOfWork<'_>, researchers: &[(i64, &ResearcherRecord)]) -> Result<(), Error> {
    let affiliations = || researchers.iter().flat_map(|(id, record)| record.affiliations.iter().map(|own| (*id, own)));
    let named = affiliations().filter_map(|(_, affiliation)| affiliation.organization.id);
    let exported_ids = map_exported_ids(uow, EntityType::Organization, named).await?;
    let mut found = Vec::new();
    for (researcher_id, affiliation) in affiliations() {
        let mapped = affiliation.organization.id.and_then(|id| exported_ids.get(&id)).copied();
        let organization_id = match mapped {
            Some(id) => Some(id),
            None => find_or_create_organization(uow, &affiliation.organization).await?,
        };
        found.extend(organization_id.map(|organization_id| (researcher_id, organization_id, affiliation)));
    }
    let requested: Vec<Option<i64>> = found.iter().map(|(.., affiliation)| affiliation.id).collect();
    let claimed = claim_ids(uow, "affiliation", &requested).await?;
    let rows: Vec<RestoredAffiliationRow<'_>> = found
        .into_iter()
        .zip(claimed)
        .map(|((researcher_id, organization_id, record), claimed)| RestoredAffiliationRow {
            id: claimed.id,
            researcher_id,
            organization_id,
            kind: record.kind,
            role_title: &record.role_title,
            department_name: &record.department_name,
            start_date: record.start_date.map(|date| date.to_string()),
            end_date: record.end_date.map(|date| date.to_string()),
            has_ended: record.has_ended,
            is_primary: record.is_primary,
        })
        .collect();
    // Two organizations of the exporting directory may be one here, which makes two affiliations the same.
    let insert = "INSERT INTO affiliation (id, researcher_id, organization_id, kind, role_title, department_name, start_date, \
         end_date, has_ended, is_primary) SELECT id, researcher_id, organization_id, kind, role_title, department_name, start_date, \
         end_date, has_ended, is_primary FROM rows ON CONFLICT DO NOTHING";
    uow.execute_with_rows(&rows, insert).await
}

async fn restore_declared_topics(
    uow: &mut UnitOfWork<'_>,
    researchers: &[(i64, &ResearcherRecord)],
) -> Result<(), Error> {
    let named = researchers.iter().flat_map(|(_, record)| record.topics.iter().filter_map(|topic| topic.id));
    let exported_ids: HashMap<i64, i64> = map_exported_ids(uow, EntityType::Topic, named).await?;
    let mut rows = Vec::new();
    for (researcher_id, record) in researchers {
        for (position, topic) in (1_i32..).zip(&record.topics) {
            let topic_id = match topic.id.and_then(|id| exported_ids.get(&id)) {
                Some(id) => *id,
                None => find_or_create_topic(uow, topic).await?,
            };
            rows.push(RestoredTopicRow { researcher_id: *researcher_id, topic_id, position });
        }
    }
    let insert = "INSERT INTO researcher_topic (researcher_id, topic_id, position) \
         SELECT researcher_id, topic_id, position FROM rows ON CONFLICT DO NOTHING";
    uow.execute_with_rows(&rows, insert).await
}

fn restored_researcher_row(id: i64, slug: String, record: &ResearcherRecord) -> RestoredResearcherRow<'_> {
    let parts = NameParts { given: record.given_name.clone(), family: record.family_name.clone() };
    let other_names = || record.other_names.iter().map(|name| name.value.as_str());
    let decided_names = record.exported.iter().flat_map(|exported| &exported.decided_names);
    let decided_names: HashSet<&str> = decided_names.map(String::as_str).collect();
    RestoredResearcherRow {
        id,
        slug,
        display_name: &record.name,
        given_name: record.given_name.as_deref(),
        family_name: record.family_name.as_deref(),
        sort_name: names::sort_key(&record.name, &parts),
        name_key: names::name_key(&record.name),
        told_names: other_names().filter(|name| !decided_names.contains(name)).collect(),
        other_names: other_names().collect(),
        withholds_published_name: record.withhold_published_name,
        block: names::NameForm::new(&record.name).blocking_key,
        orcid: record.orcid.as_ref().map(crate::model::identifier::Orcid::as_str),
        headline: &record.headline,
        biography: &record.biography,
        portrait_url: record.portrait_url.as_deref(),
        homepage_url: record.homepage_url.as_deref(),
    }
}
