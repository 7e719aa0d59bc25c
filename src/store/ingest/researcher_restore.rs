//! People that a directory exported and that are new here: they become what they were, many at once. Nobody is looked for by
//! name, since the exporting directory told them apart.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::error::Error;
use crate::model::language::LocalizedText;
use crate::model::record::digest::record_digest;
use crate::model::record::{AffiliationKind, ResearcherRecord};
use crate::store::ingest::exported_ids::ImportedEntity;
use crate::store::ingest::researcher::{provided_researcher_fields, researcher_record_key};
use crate::store::reader::search::EntityType;
use crate::store::unit_of_work::{Effect, ExternalIdRow, SourceRecordRow, UnitOfWork};
use crate::text::names::{self, NameParts};

/// A record and its place in the batch.
type IndexedResearcherRecord<'a> = (usize, &'a ResearcherRecord);

#[derive(Serialize)]
struct RestoredResearcherRow<'a> {
    id: i64,
    slug: String,
    display_name: &'a str,
    given_name: Option<&'a str>,
    family_name: Option<&'a str>,
    sort_name: String,
    name_key: String,
    told_names: Vec<&'a str>,
    withholds_published_name: bool,
    block: String,
    orcid: Option<&'a str>,
    headline: &'a LocalizedText,
    biography: &'a LocalizedText,
    portrait_url: Option<&'a str>,
    homepage_url: Option<&'a str>,
}

const COLUMNS: &str = "id bigint, slug text, display_name text, given_name text, family_name text, sort_name text, \
     name_key text, told_names text[], withholds_published_name boolean, block text, orcid text, headline jsonb, biography jsonb, portrait_url text, homepage_url text";

#[derive(Serialize)]
struct RestoredAffiliationRow<'a> {
    id: i64,
    researcher_id: i64,
    organization_id: i64,
    kind: AffiliationKind,
    role_title: &'a LocalizedText,
    department_name: &'a LocalizedText,
    start_date: Option<String>,
    end_date: Option<String>,
    is_primary: bool,
}

const AFFILIATION_COLUMNS: &str = "id bigint, researcher_id bigint, organization_id bigint, kind text, role_title jsonb, \
     department_name jsonb, start_date text, end_date text, is_primary boolean";

#[derive(Serialize)]
struct RestoredTopicRow {
    researcher_id: i64,
    topic_id: i64,
    position: i32,
}

impl UnitOfWork<'_> {
    /// Writes those of the records that are of people exported from elsewhere who are not here, and gives the others back.
    pub(crate) async fn restore_researchers<'a>(
        &mut self,
        records: Vec<IndexedResearcherRecord<'a>>,
    ) -> Result<Vec<IndexedResearcherRecord<'a>>, Error> {
        let (exported, mut others): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|(_, record)| record.exported.is_some());
        if exported.is_empty() {
            return Ok(others);
        }
        let keys: Vec<String> = exported.iter().map(|(_, record)| researcher_record_key(record)).collect();
        let known = self.find_source_records("researcher", &keys).await?;
        let names = exported.iter().map(|(_, record)| names::name_key(&record.name)).collect();
        let orcids = exported.iter().filter_map(|(_, record)| record.orcid.as_ref().map(ToString::to_string)).collect();
        let (names, mut orcids) = self.find_present_researchers(names, orcids).await?;
        let mut seen = HashSet::new();
        let mut new = Vec::new();
        for ((index, record), key) in exported.into_iter().zip(keys) {
            let is_present = known.contains_key(&key) || names.contains(&names::name_key(&record.name));
            let has_own_orcid = record.orcid.as_ref().is_none_or(|orcid| orcids.insert(orcid.to_string()));
            if !is_present && has_own_orcid && seen.insert(key) {
                new.push((index, record));
            } else {
                others.push((index, record));
            }
        }
        self.insert_restored_researchers(&new).await?;
        Ok(others)
    }

    async fn insert_restored_researchers(&mut self, new: &[IndexedResearcherRecord<'_>]) -> Result<(), Error> {
        if new.is_empty() {
            return Ok(());
        }
        let wanted: Vec<String> = new
            .iter()
            .map(|(_, record)| {
                crate::store::ingest::exported_ids::requested_slug(record.slug.as_deref(), &record.name, "researcher")
            })
            .collect();
        let mut slugs = self.allocate_slugs("researcher", &wanted).await?.into_iter();
        let ids: Vec<Option<i64>> =
            new.iter().map(|(_, record)| record.exported.as_ref().map(|exported| exported.id)).collect();
        let claimed = self.claim_ids("researcher", &ids).await?;
        let (mut rows, mut said, mut placed, mut identified) = (vec![], vec![], vec![], vec![]);
        for ((index, record), claimed) in new.iter().zip(&claimed) {
            let (index, id) = (*index, claimed.id);
            self.note_substituted_id(index, record.exported.as_ref(), *claimed);
            rows.push(restored_researcher_row(id, slugs.next().unwrap_or_default(), record));
            said.push(SourceRecordRow::new(
                self.source,
                researcher_record_key(record),
                record_digest(*record).map_err(Error::internal)?,
                provided_researcher_fields(record),
                id,
            ));
            placed.extend(record.exported.as_ref().map(|exported| ImportedEntity { id, exported }));
            identified.extend(record.identifiers.iter().map(|identifier| ExternalIdRow {
                index,
                id,
                scheme: identifier.scheme.to_lowercase(),
                value: identifier.value.clone(),
            }));
            self.dirty_spellings.insert(names::name_key(&record.name));
            self.record_effect(index, Effect::Created);
        }
        let insert = ", people AS (INSERT INTO researcher (id, slug, display_name, given_name, family_name, sort_name, name_key, \
             told_names, other_names, withholds_published_name, block, orcid, headline, biography, portrait_url, homepage_url) \
             SELECT id, slug, display_name, given_name, family_name, sort_name, name_key, coalesce(told_names, '{}'), \
             coalesce(told_names, '{}'), withholds_published_name, block, orcid, headline, biography, portrait_url, homepage_url \
             FROM rows RETURNING id) INSERT INTO researcher_statistics (researcher_id) SELECT id FROM people";
        self.execute_with_rows(COLUMNS, &rows, insert).await?;
        self.dirty.insert(EntityType::Researcher, rows.iter().map(|row| row.id));
        self.upsert_source_records("researcher", &said).await?;
        self.restore_provenance("researcher", &placed).await?;
        self.add_identifiers("researcher", identified).await?;
        let people: Vec<(i64, &ResearcherRecord)> =
            claimed.iter().zip(new).map(|(claimed, (_, record))| (claimed.id, *record)).collect();
        for (id, _) in people.iter().filter(|(_, record)| record.withhold_published_name) {
            self.recompute_names(*id, None).await?;
        }
        self.restore_affiliations(&people).await?;
        self.restore_declared_topics(&people).await
    }

    async fn restore_affiliations(&mut self, people: &[(i64, &ResearcherRecord)]) -> Result<(), Error> {
        let affiliations = || people.iter().flat_map(|(id, record)| record.affiliations.iter().map(|own| (*id, own)));
        let named = affiliations().filter_map(|(_, affiliation)| affiliation.organization.id);
        let places = self.map_exported_ids("organization", named).await?;
        let mut found = Vec::new();
        for (researcher_id, affiliation) in affiliations() {
            let known = affiliation.organization.id.and_then(|id| places.get(&id)).copied();
            let organization_id = match known {
                Some(id) => Some(id),
                None => self.find_or_create_organization(&affiliation.organization).await?,
            };
            found.extend(organization_id.map(|organization_id| (researcher_id, organization_id, affiliation)));
        }
        let wanted: Vec<Option<i64>> = found.iter().map(|(.., affiliation)| affiliation.id).collect();
        let claimed = self.claim_ids("affiliation", &wanted).await?;
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
                is_primary: record.is_primary,
            })
            .collect();
        // Two organizations there may be one here, and then two affiliations are one.
        let insert = "INSERT INTO affiliation (id, researcher_id, organization_id, kind, role_title, department_name, start_date, \
             end_date, is_primary) SELECT id, researcher_id, organization_id, kind, role_title, department_name, start_date, \
             end_date, is_primary FROM rows ON CONFLICT DO NOTHING";
        self.execute_with_rows(AFFILIATION_COLUMNS, &rows, insert).await
    }

    async fn restore_declared_topics(&mut self, people: &[(i64, &ResearcherRecord)]) -> Result<(), Error> {
        let named = people.iter().flat_map(|(_, record)| record.topics.iter().filter_map(|topic| topic.id));
        let places: HashMap<i64, i64> = self.map_exported_ids("topic", named).await?;
        let mut rows = Vec::new();
        for (researcher_id, record) in people {
            for (position, topic) in (1_i32..).zip(&record.topics) {
                let topic_id = match topic.id.and_then(|id| places.get(&id)) {
                    Some(id) => *id,
                    None => self.find_or_create_topic(topic).await?,
                };
                rows.push(RestoredTopicRow { researcher_id: *researcher_id, topic_id, position });
            }
        }
        let insert = "INSERT INTO researcher_topic (researcher_id, topic_id, position) \
             SELECT researcher_id, topic_id, position FROM rows ON CONFLICT DO NOTHING";
        self.execute_with_rows("researcher_id bigint, topic_id bigint, position integer", &rows, insert).await
    }
}

fn restored_researcher_row(id: i64, slug: String, record: &ResearcherRecord) -> RestoredResearcherRow<'_> {
    let parts = NameParts { given: record.given_name.clone(), family: record.family_name.clone() };
    RestoredResearcherRow {
        id,
        slug,
        display_name: &record.name,
        given_name: record.given_name.as_deref(),
        family_name: record.family_name.as_deref(),
        sort_name: names::sort_key(&record.name, &parts),
        name_key: names::name_key(&record.name),
        told_names: record.other_names.iter().map(|name| name.value.as_str()).collect(),
        withholds_published_name: record.withhold_published_name,
        block: names::NameForm::new(&record.name).blocking_key,
        orcid: record.orcid.as_ref().map(crate::model::identifier::Orcid::as_str),
        headline: &record.headline,
        biography: &record.biography,
        portrait_url: record.portrait_url.as_deref(),
        homepage_url: record.homepage_url.as_deref(),
    }
}
