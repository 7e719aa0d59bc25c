//! Writes records of organizations, and creates organizations that other records refer to.

use std::collections::{HashMap, HashSet};

use sea_orm::{EntityTrait as _, QueryFilter as _, QuerySelect as _};

use crate::entity::{organization, organization_awaited_relation, organization_parent, organization_succession};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::model::record::digest::record_digest;
use crate::model::record::{NameKind, NameRecord, OrganizationRecord, OrganizationReference, OrganizationRelation};
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::ingest::authorship_organizations::link_awaited_authorships;
use crate::store::ingest::entity_names::{choose_display_names, fold_sort_names};
use crate::store::ingest::exported_ids::{
    ImportedEntity, claim_ids, exported_record_key, map_exported_ids, note_substituted_id, requested_slug,
    restore_provenance,
};
use crate::store::ingest::identifiers::{ExternalIdRow, add_identifiers};
use crate::store::ingest::slug::{allocate_slug, allocate_slugs, rename_placeholders, slug_of_text};
use crate::store::ingest::source_precedence::load_field_precedence;
use crate::store::ingest::source_records::{SourceRecordRow, find_source_records, upsert_source_records};
use crate::store::reader::export::is_exported_key;
use crate::store::unit_of_work::json_rows::{json_row, rows_cte};
use crate::store::unit_of_work::{Effect, ProjectionEvent, UnitOfWork};
use crate::text::bounded_key::bounded_key;
use crate::text::names;

json_row! {
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
}

/// The fields of an organization for which sources may disagree.
const NAMES: &str = "names";
const TYPES: &str = "types";
const STATUS: &str = "status";
const COUNTRY: &str = "countryCode";
const CITY: &str = "city";
const HOMEPAGE: &str = "homepageUrl";
const RELATIONS: &str = "relations";

json_row! {
    struct OrganizationRelationRow {
        organization_id: i64,
        relation: OrganizationRelation,
        ror: String,
    }
}

/// A record that creates or changes an organization.
struct OrganizationChange<'a> {
    index: usize,
    record: &'a OrganizationRecord,
    key: String,
    digest: String,
    existing_id: Option<i64>,
}

/// Writes records of organizations.
pub(crate) async fn ingest_organizations(
    uow: &mut UnitOfWork<'_>,
    records: Vec<(usize, &OrganizationRecord)>,
) -> Result<(), Error> {
    // An organization that occurs twice in a batch is written once, then updated.
    let mut remaining = records;
    while !remaining.is_empty() {
        let mut seen = HashSet::new();
        let (now, later): (Vec<_>, Vec<_>) =
            remaining.into_iter().partition(|(_, record)| seen.insert(organization_record_key(record)));
        ingest_distinct_organizations(uow, now).await?;
        remaining = later;
    }
    Ok(())
}

/// Writes records that describe different organizations.
async fn ingest_distinct_organizations(
    uow: &mut UnitOfWork<'_>,
    records: Vec<(usize, &OrganizationRecord)>,
) -> Result<(), Error> {
    let keys: Vec<String> = records.iter().map(|(_, record)| organization_record_key(record)).collect();
    let stored_records = find_source_records(uow, EntityType::Organization, &keys).await?;
    let mut changed = Vec::new();
    for ((index, record), key) in records.into_iter().zip(keys) {
        let digest = record_digest(record).map_err(Error::internal)?;
        match stored_records.get(&key) {
            Some(stored_records) if stored_records.digest == digest => uow.record_effect(index, Effect::Unchanged),
            stored_records => changed.push(OrganizationChange {
                index,
                record,
                key,
                digest,
                existing_id: stored_records.map(|stored| stored.id),
            }),
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let by_ror = find_organizations_by_ror(
        uow,
        changed.iter().filter_map(|change| change.record.ror.as_ref()).map(ToString::to_string),
    )
    .await?;
    for OrganizationChange { record, existing_id, .. } in &mut changed {
        if existing_id.is_none() {
            *existing_id = match (&record.ror, record.names.first()) {
                (Some(ror), _) => by_ror.get(ror.as_str()).copied(),
                (None, Some(name)) => {
                    find_organization_without_ror(uow, &name.value, record.exported.is_some()).await?
                }
                (None, None) => None,
            };
        }
    }
    let wanted: Vec<String> = changed
        .iter()
        .filter(|change| change.existing_id.is_none())
        .map(|change| {
            requested_slug(change.record.slug.as_deref(), &first_display_name(change.record), EntityType::Organization)
        })
        .collect();
    let mut slugs = allocate_slugs(uow, EntityType::Organization, &wanted).await?.into_iter();
    let stored_records = changed.iter().filter_map(|change| Some((change.existing_id?, change.key.as_str())));
    let mut outranked = load_field_precedence(uow, EntityType::Organization, stored_records).await?;
    let new = changed.iter().filter(|change| change.existing_id.is_none());
    let ids: Vec<Option<i64>> = new.map(|change| change.record.exported.as_ref().map(|exported| exported.id)).collect();
    let mut new_ids = claim_ids(uow, EntityType::Organization.table(), &ids).await?.into_iter();
    let (mut inserts, mut updates, mut source_records, mut external_ids, mut relations, mut exported) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    let mut requested_slugs = Vec::new();
    let mut related: HashSet<i64> = HashSet::new();
    for OrganizationChange { index, record, key, digest, existing_id } in changed {
        let id = match existing_id {
            Some(id) => id,
            None => {
                let claimed = new_ids.next().ok_or_else(|| Error::internal("no id for an organization"))?;
                note_substituted_id(uow, index, record.exported.as_ref(), claimed);
                claimed.id
            }
        };
        exported.extend(record.exported.as_ref().map(|exported| ImportedEntity { id, exported }));
        let slug = match existing_id {
            Some(_) => String::new(),
            None => slugs.next().ok_or_else(|| Error::internal("no slug for an organization"))?,
        };
        let precedence = outranked.remove(&id).unwrap_or_default();
        let display = precedence.take_if_wins(NAMES, Some(choose_display_names(&record.names)));
        // An empty field clears the value unless another record provides it.
        let provides =
            |field: &str, is_empty: bool| precedence.wins(field) && !(is_empty && precedence.is_provided(field));
        let row = OrganizationUpsertRow {
            id,
            slug,
            ror: record.ror.as_ref().map(crate::model::identifier::Ror::as_str),
            sort_names: display.as_ref().map(fold_sort_names),
            display_names: display,
            names: precedence.take_if_wins(NAMES, Some(record.names.as_slice())),
            types: Some(record.types.as_slice()).filter(|types| provides(TYPES, types.is_empty())),
            status: Some(record.status.as_deref().unwrap_or("ACTIVE"))
                .filter(|_| provides(STATUS, record.status.is_none())),
            country_code: precedence.take_if_wins(COUNTRY, record.country_code.as_deref()),
            city: precedence.take_if_wins(CITY, record.city.as_deref()),
            homepage_url: precedence.take_if_wins(HOMEPAGE, record.homepage_url.as_deref()),
        };
        if existing_id.is_some() {
            let slug = requested_slug(record.slug.as_deref(), &first_display_name(record), EntityType::Organization);
            requested_slugs.push((id, slug));
            updates.push(row);
        } else {
            inserts.push(row);
        }
        uow.record_effect(index, if existing_id.is_some() { Effect::Updated } else { Effect::Created });
        source_records.push(SourceRecordRow::new(uow.source(), key, digest, provided_organization_fields(record), id));
        external_ids.extend(record.identifiers.iter().map(|identifier| ExternalIdRow {
            index,
            id,
            scheme: identifier.scheme.to_lowercase(),
            value: identifier.value.clone(),
        }));
        if provides(RELATIONS, record.relations.is_empty()) {
            related.insert(id);
            relations.extend(record.relations.iter().map(|(relation, ror)| OrganizationRelationRow {
                organization_id: id,
                relation: *relation,
                ror: ror.to_string(),
            }));
        }
    }
    let written: Vec<i64> = updates.iter().chain(&inserts).map(|row| row.id).collect();
    uow.mark_dirty(EntityType::Organization, written.iter().copied());
    let insert = ", organizations AS (INSERT INTO organization (id, slug, ror, display_names, sort_names, names, types, status, \
         country_code, city, homepage_url) SELECT id, slug, ror, display_names, sort_names, names, coalesce(types, '{}'), status, \
         country_code, city, homepage_url FROM rows RETURNING id) \
         INSERT INTO organization_statistics (organization_id) SELECT id FROM organizations";
    uow.execute_with_rows(&inserts, insert).await?;
    let update = "UPDATE organization SET ror = coalesce(rows.ror, organization.ror), display_names = coalesce(rows.display_names, organization.display_names), \
         sort_names = coalesce(rows.sort_names, organization.sort_names), names = coalesce(rows.names, organization.names), \
         types = coalesce(rows.types, organization.types), status = coalesce(rows.status, organization.status), \
         country_code = coalesce(rows.country_code, organization.country_code), city = coalesce(rows.city, organization.city), \
         homepage_url = coalesce(rows.homepage_url, organization.homepage_url), updated_at = statement_timestamp() \
         FROM rows WHERE organization.id = rows.id";
    uow.execute_with_rows(&updates, update).await?;
    let sort_names = inserts.iter().chain(&updates).filter_map(|row| Some((row.id, row.sort_names.as_ref()?)));
    let sort_names: Vec<_> = sort_names.collect();
    uow.notify(ProjectionEvent::SortNamesChanged { kind: EntityType::Organization, sort_names: &sort_names }).await?;
    let placeholders = rename_placeholders(uow, EntityType::Organization, &requested_slugs).await?;
    upsert_source_records(uow, EntityType::Organization, &source_records).await?;
    restore_provenance(uow, EntityType::Organization, &exported).await?;
    add_identifiers(uow, EntityType::Organization, external_ids).await?;
    // Relations of an organization without a record are those that others provide.
    let updated = updates.iter().map(|row| row.id).filter(|id| related.contains(id) && !placeholders.contains(id));
    replace_relations(uow, &updated.collect::<Vec<_>>(), &written, &relations).await?;
    link_awaited_authorships(uow, &written).await
}

/// Adds relations to existing organizations, and stores the others until their organization is imported. Adds the
/// stored relations to the `written` organizations.
async fn replace_relations(
    uow: &UnitOfWork<'_>,
    updated: &[i64],
    written: &[i64],
    relations: &[OrganizationRelationRow],
) -> Result<(), Error> {
    // The relations that an organization's own records provide are replaced.
    if !updated.is_empty() {
        let of_children = organization_parent::COLUMN.child_id.eq_any(updated.iter().copied());
        organization_parent::Entity::delete_many().filter(of_children).exec(uow.db()).await?;
        let of_successors = organization_succession::COLUMN.successor_id.eq_any(updated.iter().copied());
        organization_succession::Entity::delete_many().filter(of_successors).exec(uow.db()).await?;
        let awaited = organization_awaited_relation::COLUMN.organization_id.eq_any(updated.iter().copied());
        organization_awaited_relation::Entity::delete_many().filter(awaited).exec(uow.db()).await?;
    }
    let await_all = "INSERT INTO organization_awaited_relation (organization_id, relation, ror) \
         SELECT organization_id, relation, ror FROM rows ON CONFLICT DO NOTHING";
    uow.execute_with_rows(relations, await_all).await?;
    let written = || bigint_array(written.iter().copied());
    let arrived = sql!(
        "WITH arrived AS (DELETE FROM organization_awaited_relation AS awaited USING organization \
         WHERE organization.ror = awaited.ror AND (organization.id = ANY(?) OR awaited.organization_id = ANY(?)) \
         RETURNING awaited.organization_id, awaited.relation, organization.id AS other_id), \
         hierarchy AS (INSERT INTO organization_parent (child_id, parent_id) \
         SELECT organization_id, other_id FROM arrived WHERE relation = 'parent' AND organization_id <> other_id \
         UNION SELECT other_id, organization_id FROM arrived WHERE relation = 'child' AND organization_id <> other_id \
         ON CONFLICT DO NOTHING) \
         INSERT INTO organization_succession (predecessor_id, successor_id) \
         SELECT other_id, organization_id FROM arrived WHERE relation = 'predecessor' AND organization_id <> other_id \
         UNION SELECT organization_id, other_id FROM arrived WHERE relation = 'successor' AND organization_id <> other_id \
         ON CONFLICT DO NOTHING",
        written(),
        written(),
    );
    uow.execute(arrived).await
}

/// The organizations with these ROR IDs, by ROR ID.
pub(crate) async fn find_organizations_by_ror(
    uow: &UnitOfWork<'_>,
    rors: impl Iterator<Item = String>,
) -> Result<HashMap<String, i64>, Error> {
    let rors: HashSet<String> = rors.collect();
    if rors.is_empty() {
        return Ok(HashMap::new());
    }
    let organizations = organization::Entity::find()
        .select_only()
        .columns([organization::Column::Ror, organization::Column::Id])
        .filter(organization::COLUMN.ror.eq_any(rors));
    Ok(organizations.into_tuple::<(String, i64)>().all(uow.db()).await?.into_iter().collect())
}

/// The organization without a ROR ID that has this name. Organizations exported by one directory are distinct,
/// regardless of their names.
async fn find_organization_without_ror(
    uow: &UnitOfWork<'_>,
    name: &str,
    is_exported: bool,
) -> Result<Option<i64>, Error> {
    let mut sql = sql!(
        "SELECT id FROM organization WHERE ror IS NULL AND names @> ?::jsonb",
        serde_json::json!([{ "value": name }]),
    );
    if is_exported {
        sql = sql
            .then(sql!(
                " AND NOT EXISTS (SELECT FROM source_record WHERE organization_id = organization.id AND source = ?",
                uow.source(),
            ))
            .then(concat!(" AND ", is_exported_key!("key"), ")"));
    }
    Ok(uow.tuples(sql.then(" ORDER BY id LIMIT 1")).await?.pop())
}

/// The referenced organization, created if there is none: by ROR ID, else one without a ROR ID by name, else the only
/// one of that name.
pub(crate) async fn find_or_create_organization(
    uow: &mut UnitOfWork<'_>,
    reference: &OrganizationReference,
) -> Result<Option<i64>, Error> {
    if let Some(exported) = reference.id
        && let Some(id) = map_exported_ids(uow, EntityType::Organization, [exported]).await?.remove(&exported)
    {
        return Ok(Some(id));
    }
    let name = reference.name.as_deref().map(names::clean).filter(|name| !name.is_empty());
    if let Some(ror) = &reference.ror
        && let Some(id) = find_organizations_by_ror(uow, std::iter::once(ror.to_string())).await?.remove(ror.as_str())
    {
        return Ok(Some(id));
    }
    if reference.ror.is_none()
        && let Some(name) = &name
    {
        if let Some(id) = find_organization_without_ror(uow, name, false).await? {
            return Ok(Some(id));
        }
        let matches = sql!(
            "SELECT id FROM organization WHERE status = 'ACTIVE' AND names @> ?::jsonb LIMIT 2",
            serde_json::json!([{ "value": name }]),
        );
        if let [only] = uow.tuples(matches).await?.as_slice() {
            return Ok(Some(*only));
        }
    }
    let Some(value) = name.or_else(|| reference.ror.as_ref().map(ToString::to_string)) else { return Ok(None) };
    let id = uow.allocate_ids(EntityType::Organization.table(), 1).await?.pop();
    let id = id.ok_or_else(|| Error::internal("no id for an organization"))?;
    let slug = allocate_slug(uow, EntityType::Organization, &slug_of_text(&value, EntityType::Organization)).await?;
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
    uow.execute(rows_cte(std::slice::from_ref(&row))?.then(insert)).await?;
    let sort_names: Vec<_> = row.sort_names.iter().map(|names| (id, names)).collect();
    uow.notify(ProjectionEvent::SortNamesChanged { kind: EntityType::Organization, sort_names: &sort_names }).await?;
    uow.mark_dirty(EntityType::Organization, [id]);
    replace_relations(uow, &[], &[id], &[]).await?;
    link_awaited_authorships(uow, &[id]).await?;
    Ok(Some(id))
}

/// The first display name, else the first name.
fn first_display_name(record: &OrganizationRecord) -> String {
    let name = record.names.iter().find(|name| name.kind == NameKind::Display).or_else(|| record.names.first());
    name.map(|name| name.value.clone()).unwrap_or_default()
}

/// The fields that a record provides.
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

/// The key of a record in its source: the ROR ID, else the name.
fn organization_record_key(record: &OrganizationRecord) -> String {
    if let Some(exported) = &record.exported {
        return exported_record_key(EntityType::Organization, exported.id);
    }
    match &record.ror {
        Some(ror) => format!("organization:{ror}"),
        None => bounded_key(format!("organization:{}", names::fold(&first_display_name(record)))),
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
