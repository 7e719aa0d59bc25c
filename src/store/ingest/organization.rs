//! Writes of organizations, and organizations that others refer to.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::model::language::LocalizedText;
use crate::model::record::digest::record_digest;
use crate::model::record::{NameKind, NameRecord, OrganizationRecord, OrganizationReference, OrganizationRelation};
use crate::store::access::sql_fragment::{Sql, bigint_array, text_array};
use crate::store::ingest::exported_ids::{EXPORTED_KEY_PREFIX, ImportedEntity, exported_record_key, requested_slug};
use crate::store::ingest::topic::{choose_display_names, fold_sort_names};
use crate::store::reader::search::EntityType;
use crate::store::unit_of_work::{Effect, ExternalIdRow, SourceRecordRow, UnitOfWork, rows_cte};
use crate::text::names;

#[derive(Serialize)]
struct OrganizationUpsertRow<'a> {
    id: i64,
    slug: String,
    ror: Option<&'a str>,
    display_names: Option<LocalizedText>,
    sort_names: Option<LocalizedText>,
    names: Option<&'a [NameRecord]>,
    types: Option<&'a [String]>,
    status: Option<&'a str>,
    country_code: Option<&'a str>,
    city: Option<&'a str>,
    homepage_url: Option<&'a str>,
}

const COLUMNS: &str = "id bigint, slug text, ror text, display_names jsonb, sort_names jsonb, names jsonb, types text[], \
     status text, country_code text, city text, homepage_url text";

/// The fields of an organization of which records may say different things.
const NAMES: &str = "names";
const TYPES: &str = "types";
const STATUS: &str = "status";
const COUNTRY: &str = "countryCode";
const CITY: &str = "city";
const HOMEPAGE: &str = "homepageUrl";
const RELATIONS: &str = "relations";

#[derive(Serialize)]
struct OrganizationRelationRow {
    organization_id: i64,
    relation: OrganizationRelation,
    ror: String,
}

#[derive(FromQueryResult)]
struct OrganizationIdRow {
    id: i64,
}

impl UnitOfWork<'_> {
    pub(crate) async fn ingest_organizations(
        &mut self,
        records: Vec<(usize, &OrganizationRecord)>,
    ) -> Result<(), Error> {
        // A thing that comes twice in a batch is written once, then changed.
        let mut rest = records;
        while !rest.is_empty() {
            let mut seen = HashSet::new();
            let (now, later): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|(_, record)| seen.insert(organization_record_key(record)));
            self.ingest_distinct_organizations(now).await?;
            rest = later;
        }
        Ok(())
    }

    async fn ingest_distinct_organizations(&mut self, records: Vec<(usize, &OrganizationRecord)>) -> Result<(), Error> {
        let keys: Vec<String> = records.iter().map(|(_, record)| organization_record_key(record)).collect();
        let known = self.find_source_records("organization", &keys).await?;
        let mut changed = Vec::new();
        for ((index, record), key) in records.into_iter().zip(keys) {
            let digest = record_digest(record).map_err(Error::internal)?;
            match known.get(&key) {
                Some(known) if known.digest == digest => self.record_effect(index, Effect::Unchanged),
                known => changed.push((index, record, key, digest, known.map(|known| known.id))),
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let by_ror = self
            .find_organizations_by_ror(
                changed.iter().filter_map(|change| change.1.ror.as_ref()).map(ToString::to_string),
            )
            .await?;
        for (_, record, _, _, existing) in &mut changed {
            if existing.is_none() {
                *existing = match (&record.ror, record.names.first()) {
                    (Some(ror), _) => by_ror.get(ror.as_str()).copied(),
                    (None, Some(name)) => {
                        self.find_organization_without_ror(&name.value, record.exported.is_some()).await?
                    }
                    (None, None) => None,
                };
            }
        }
        let wanted: Vec<String> = changed
            .iter()
            .filter(|change| change.4.is_none())
            .map(|change| requested_slug(change.1.slug.as_deref(), &first_display_name(change.1), "organization"))
            .collect();
        let mut slugs = self.allocate_slugs("organization", &wanted).await?.into_iter();
        let known = changed.iter().filter_map(|change| Some((change.4?, change.2.as_str())));
        let mut outranked = self.load_field_precedence("organization", known).await?;
        let new = changed.iter().filter(|change| change.4.is_none());
        let ids: Vec<Option<i64>> = new.map(|change| change.1.exported.as_ref().map(|exported| exported.id)).collect();
        let mut new_ids = self.claim_ids("organization", &ids).await?.into_iter();
        let (mut inserts, mut updates, mut said, mut identified, mut relations, mut exported) =
            (vec![], vec![], vec![], vec![], vec![], vec![]);
        let mut related: HashSet<i64> = HashSet::new();
        for (index, record, key, digest, existing) in changed {
            let id = match existing {
                Some(id) => id,
                None => {
                    let claimed = new_ids.next().ok_or_else(|| Error::internal("no id for an organization"))?;
                    self.note_substituted_id(index, record.exported.as_ref(), claimed);
                    claimed.id
                }
            };
            exported.extend(record.exported.as_ref().map(|exported| ImportedEntity { id, exported }));
            let slug = if existing.is_none() { slugs.next().unwrap_or_default() } else { String::new() };
            let better = outranked.remove(&id).unwrap_or_default();
            let display = better.take_if_wins(NAMES, Some(choose_display_names(&record.names)));
            // A record without them says that there are none, where no other one knows.
            let says = |field: &str, is_empty: bool| better.wins(field) && !(is_empty && better.is_provided(field));
            let row = OrganizationUpsertRow {
                id,
                slug,
                ror: record.ror.as_ref().map(crate::model::identifier::Ror::as_str),
                sort_names: display.as_ref().map(fold_sort_names),
                display_names: display,
                names: better.take_if_wins(NAMES, Some(record.names.as_slice())),
                types: Some(record.types.as_slice()).filter(|types| says(TYPES, types.is_empty())),
                status: Some(record.status.as_deref().unwrap_or("ACTIVE"))
                    .filter(|_| says(STATUS, record.status.is_none())),
                country_code: better.take_if_wins(COUNTRY, record.country_code.as_deref()),
                city: better.take_if_wins(CITY, record.city.as_deref()),
                homepage_url: better.take_if_wins(HOMEPAGE, record.homepage_url.as_deref()),
            };
            if existing.is_some() {
                updates.push(row);
            } else {
                inserts.push(row);
            }
            self.record_effect(index, if existing.is_some() { Effect::Updated } else { Effect::Created });
            said.push(SourceRecordRow::new(self.source, key, digest, provided_organization_fields(record), id));
            identified.extend(record.identifiers.iter().map(|identifier| ExternalIdRow {
                index,
                id,
                scheme: identifier.scheme.to_lowercase(),
                value: identifier.value.clone(),
            }));
            if says(RELATIONS, record.relations.is_empty()) {
                related.insert(id);
                relations.extend(record.relations.iter().map(|(relation, ror)| OrganizationRelationRow {
                    organization_id: id,
                    relation: *relation,
                    ror: ror.to_string(),
                }));
            }
        }
        let updated: Vec<i64> = updates.iter().map(|row| row.id).filter(|id| related.contains(id)).collect();
        let written: Vec<i64> = updates.iter().chain(&inserts).map(|row| row.id).collect();
        self.dirty.insert(EntityType::Organization, written.iter().copied());
        let insert = ", organizations AS (INSERT INTO organization (id, slug, ror, display_names, sort_names, names, types, status, \
             country_code, city, homepage_url) SELECT id, slug, ror, display_names, sort_names, names, coalesce(types, '{}'), status, \
             country_code, city, homepage_url FROM rows RETURNING id) \
             INSERT INTO organization_statistics (organization_id) SELECT id FROM organizations";
        self.execute_with_rows(COLUMNS, &inserts, insert).await?;
        let update = "UPDATE organization SET ror = coalesce(rows.ror, organization.ror), display_names = coalesce(rows.display_names, organization.display_names), \
             sort_names = coalesce(rows.sort_names, organization.sort_names), names = coalesce(rows.names, organization.names), \
             types = coalesce(rows.types, organization.types), status = coalesce(rows.status, organization.status), \
             country_code = coalesce(rows.country_code, organization.country_code), city = coalesce(rows.city, organization.city), \
             homepage_url = coalesce(rows.homepage_url, organization.homepage_url), updated_at = now() \
             FROM rows WHERE organization.id = rows.id";
        self.execute_with_rows(COLUMNS, &updates, update).await?;
        let labels = inserts.iter().chain(&updates).filter_map(|row| Some((row.id, row.sort_names.as_ref()?)));
        self.replace_labels("organization", labels).await?;
        self.upsert_source_records("organization", &said).await?;
        self.restore_provenance("organization", &exported).await?;
        self.add_identifiers("organization", identified).await?;
        self.replace_relations(&updated, &written, &relations).await
    }

    /// Makes the relations to organizations there are, and awaits the others. Those that `written` organizations were
    /// awaited for are made too.
    async fn replace_relations(
        &self,
        updated: &[i64],
        written: &[i64],
        relations: &[OrganizationRelationRow],
    ) -> Result<(), Error> {
        // What an organization itself says of those above and before it is replaced.
        for sql in [
            "DELETE FROM organization_parent WHERE child_id = ANY(?)",
            "DELETE FROM organization_succession WHERE successor_id = ANY(?)",
            "DELETE FROM organization_awaited_relation WHERE organization_id = ANY(?)",
        ] {
            if !updated.is_empty() {
                self.execute(Sql::with(sql, bigint_array(updated.iter().copied()))).await?;
            }
        }
        let await_all = "INSERT INTO organization_awaited_relation (organization_id, relation, ror) \
             SELECT organization_id, relation, ror FROM rows ON CONFLICT DO NOTHING";
        self.execute_with_rows("organization_id bigint, relation text, ror text", relations, await_all).await?;
        let arrived = "WITH arrived AS (DELETE FROM organization_awaited_relation AS awaited USING organization \
             WHERE organization.ror = awaited.ror AND (organization.id = ANY(?) OR awaited.organization_id = ANY(?)) \
             RETURNING awaited.organization_id, awaited.relation, organization.id AS other_id), \
             hierarchy AS (INSERT INTO organization_parent (child_id, parent_id) \
             SELECT organization_id, other_id FROM arrived WHERE relation = 'parent' AND organization_id <> other_id \
             UNION SELECT other_id, organization_id FROM arrived WHERE relation = 'child' AND organization_id <> other_id \
             ON CONFLICT DO NOTHING) \
             INSERT INTO organization_succession (predecessor_id, successor_id) \
             SELECT other_id, organization_id FROM arrived WHERE relation = 'predecessor' AND organization_id <> other_id \
             UNION SELECT organization_id, other_id FROM arrived WHERE relation = 'successor' AND organization_id <> other_id \
             ON CONFLICT DO NOTHING";
        let (before, after) = arrived.split_once("?)").unwrap_or((arrived, ""));
        let sql = Sql::with(&format!("{before}?)"), bigint_array(written.iter().copied()))
            .then_with(after, bigint_array(written.iter().copied()));
        self.execute(sql).await
    }

    pub(crate) async fn find_organizations_by_ror(
        &self,
        rors: impl Iterator<Item = String>,
    ) -> Result<HashMap<String, i64>, Error> {
        #[derive(FromQueryResult)]
        struct ByRor {
            id: i64,
            ror: String,
        }
        let rors: HashSet<String> = rors.collect();
        if rors.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self
            .rows::<ByRor>(Sql::with("SELECT id, ror FROM organization WHERE ror = ANY(?)", text_array(rors)))
            .await?;
        Ok(rows.into_iter().map(|row| (row.ror, row.id)).collect())
    }

    /// The organization without ROR id that has this name. Those that a directory exported are different ones, whatever
    /// their names.
    async fn find_organization_without_ror(&self, name: &str, is_exported: bool) -> Result<Option<i64>, Error> {
        let sql = "SELECT id FROM organization WHERE ror IS NULL AND names @> ?::jsonb";
        let mut sql = Sql::with(sql, serde_json::json!([{ "value": name }]));
        if is_exported {
            sql = sql
                .then_with(
                    " AND NOT EXISTS (SELECT FROM source_record WHERE organization_id = organization.id AND source = ?",
                    self.source,
                )
                .then(format!(" AND starts_with(key, '{EXPORTED_KEY_PREFIX}'))"));
        }
        Ok(self.rows::<OrganizationIdRow>(sql.then(" ORDER BY id LIMIT 1")).await?.pop().map(|found| found.id))
    }

    /// The organization that is meant, made where there is none: by ROR id, else one of the directory's own by name,
    /// else the only one of that name.
    pub(crate) async fn find_or_create_organization(
        &mut self,
        reference: &OrganizationReference,
    ) -> Result<Option<i64>, Error> {
        if let Some(exported) = reference.id
            && let Some(id) = self.map_exported_ids("organization", [exported]).await?.remove(&exported)
        {
            return Ok(Some(id));
        }
        let name = reference.name.as_deref().map(names::clean).filter(|name| !name.is_empty());
        if let Some(ror) = &reference.ror
            && let Some(id) =
                self.find_organizations_by_ror(std::iter::once(ror.to_string())).await?.remove(ror.as_str())
        {
            return Ok(Some(id));
        }
        if reference.ror.is_none()
            && let Some(name) = &name
        {
            if let Some(id) = self.find_organization_without_ror(name, false).await? {
                return Ok(Some(id));
            }
            let sql = "SELECT id FROM organization WHERE status = 'ACTIVE' AND names @> ?::jsonb LIMIT 2";
            let found = self.rows::<OrganizationIdRow>(Sql::with(sql, serde_json::json!([{ "value": name }]))).await?;
            if let [only] = found.as_slice() {
                return Ok(Some(only.id));
            }
        }
        let Some(value) = name.or_else(|| reference.ror.as_ref().map(ToString::to_string)) else { return Ok(None) };
        let id = self.allocate_ids("organization", 1).await?.pop().unwrap_or_default();
        let slug = self
            .allocate_slugs("organization", &[names::slug(&value, "organization")])
            .await?
            .pop()
            .unwrap_or_default();
        let names = [NameRecord { value, language: None, kind: NameKind::Display }];
        let display = choose_display_names(&names);
        let row = OrganizationUpsertRow {
            id,
            slug,
            ror: reference.ror.as_ref().map(crate::model::identifier::Ror::as_str),
            sort_names: Some(fold_sort_names(&display)),
            display_names: Some(display),
            names: Some(&names),
            types: None,
            status: None,
            country_code: None,
            city: None,
            homepage_url: None,
        };
        let insert = ", organizations AS (INSERT INTO organization (id, slug, ror, display_names, sort_names, names) \
             SELECT id, slug, ror, display_names, sort_names, names FROM rows RETURNING id) \
             INSERT INTO organization_statistics (organization_id) SELECT id FROM organizations";
        self.execute(rows_cte(COLUMNS, std::slice::from_ref(&row))?.then(insert)).await?;
        self.replace_labels("organization", row.sort_names.iter().map(|names| (id, names))).await?;
        self.dirty.insert(EntityType::Organization, [id]);
        self.replace_relations(&[], &[id], &[]).await?;
        Ok(Some(id))
    }
}

fn first_display_name(record: &OrganizationRecord) -> String {
    let shown = record.names.iter().find(|name| name.kind == NameKind::Display).or_else(|| record.names.first());
    shown.map(|name| name.value.clone()).unwrap_or_default()
}

/// The fields of which a record says something.
fn provided_organization_fields(record: &OrganizationRecord) -> Vec<String> {
    let fields = [
        Some(NAMES),
        (!record.types.is_empty()).then_some(TYPES),
        record.status.as_ref().map(|_| STATUS),
        record.country_code.as_ref().map(|_| COUNTRY),
        record.city.as_ref().map(|_| CITY),
        record.homepage_url.as_ref().map(|_| HOMEPAGE),
        (!record.relations.is_empty()).then_some(RELATIONS),
    ];
    fields.into_iter().flatten().map(ToOwned::to_owned).collect()
}

fn organization_record_key(record: &OrganizationRecord) -> String {
    if let Some(exported) = &record.exported {
        return exported_record_key("organization", exported.id);
    }
    match &record.ror {
        Some(ror) => format!("organization:{ror}"),
        None => format!("organization:{}", names::fold(&first_display_name(record))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The names of fields are stored in `source_record.told`.
    #[test]
    fn provided_fields_are_stable() {
        let record = json!({
            "names": [{"value": "Weirs", "kind": "LABEL"}], "types": ["EDUCATION"], "status": "ACTIVE",
            "countryCode": "CA", "city": "Montréal", "homepageUrl": "https://w.example",
            "relations": [["parent", "05dxps055"]],
        });
        let record: OrganizationRecord = serde_json::from_value(record).expect("a record");
        assert_eq!(
            provided_organization_fields(&record).join(" "),
            "names types status countryCode city homepageUrl relations"
        );
    }
}
