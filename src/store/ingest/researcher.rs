//! Writes records of researchers with their affiliations and topics.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait as _, FromQueryResult, QueryFilter as _};

use crate::entity::{affiliation, researcher, researcher_topic, source_record, statement_timestamp};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::identifier::Orcid;
use crate::model::language::LocalizedText;
use crate::model::record::digest::record_digest;
use crate::model::record::{AffiliationKind, AffiliationRecord, OtherName, ResearcherRecord};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::ingest::disambiguation_queue::queue_researcher_blocks;
use crate::store::ingest::exported_ids::{ImportedEntity, exported_record_key, requested_slug, restore_provenance};
use crate::store::ingest::identifiers::{ExternalIdRow, add_researcher_identifiers};
use crate::store::ingest::merge_researchers::hidden_namesakes::merge_hidden_namesakes;
use crate::store::ingest::name_repair::repair_researcher_name;
use crate::store::ingest::name_visibility::{load_names, recompute_names, replace_source_names};
use crate::store::ingest::organization::find_or_create_organization;
use crate::store::ingest::researcher_matching::{NamedAuthor, load_researcher_index, store_researchers};
use crate::store::ingest::researcher_restore::{restore_name_decisions, restore_researchers};
use crate::store::ingest::slug::allocate_slug;
use crate::store::ingest::source_precedence::load_field_precedence;
use crate::store::ingest::source_records::{SourceRecordRow, find_source_records, upsert_source_records};
use crate::store::ingest::topic::find_or_create_topic;
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::{Effect, UnitOfWork};
use crate::text::bounded_key::bounded_key;
use crate::text::names::{self, NameParts};

json_row! {
    struct ResearcherUpdateRow<'a> {
        id: i64,
        display_name: String,
        given_name: Option<String>,
        family_name: Option<String>,
        sort_name: String,
        name_key: String,
        block: String,
        told_names: Vec<&'a str>,
        withholds_published_name: bool,
        headline: LocalizedText,
        biography: LocalizedText,
        portrait_url: Option<&'a str>,
        homepage_url: Option<&'a str>,
        is_merged: bool,
    }
}

/// The fields of a researcher for which sources may disagree.
const NAME: &str = "name";
const OTHER_NAMES: &str = "otherNames";
const HEADLINE: &str = "headline";
const BIOGRAPHY: &str = "biography";
const PORTRAIT: &str = "portraitUrl";
const HOMEPAGE: &str = "homepageUrl";
const PRIMARY_AFFILIATION: &str = "primaryAffiliation";
const TOPICS: &str = "topics";

json_row! {
    struct AffiliationUpsertRow<'a> {
        researcher_id: i64,
        organization_id: i64,
        kind: AffiliationKind,
        role_title: &'a LocalizedText,
        department_name: &'a LocalizedText,
        start_date: Option<String>,
        end_date: Option<String>,
        has_ended: bool,
        is_primary: bool,
        /// Whether the record does not determine the primary affiliation.
        keeps_primary: bool,
    }
}

/// A researcher before the record is written.
#[derive(FromQueryResult)]
struct StoredResearcher {
    orcid: Option<String>,
    /// Whether another researcher was merged into this one by a decision.
    is_merged: bool,
    /// Whether the merged researcher has the name of the record, and this one has not.
    has_former_name: bool,
}

/// Updates a researcher by a record: its values replace those stored.
const REPLACE_SQL: &str = "UPDATE researcher SET display_name = rows.display_name, given_name = rows.given_name, \
     family_name = rows.family_name, sort_name = rows.sort_name, name_key = rows.name_key, block = rows.block, \
     told_names = rows.told, other_names = rows.told, \
     withholds_published_name = researcher.withholds_published_name OR rows.withholds_published_name, \
     headline = researcher.headline || rows.headline, biography = researcher.biography || rows.biography, \
     portrait_url = coalesce(rows.portrait_url, researcher.portrait_url), \
     homepage_url = coalesce(rows.homepage_url, researcher.homepage_url), updated_at = statement_timestamp() \
     FROM (SELECT rows.*, CASE WHEN cardinality(rows.told_names) = 0 THEN held.told_names WHEN rows.is_merged \
     THEN rows.told_names || ARRAY(SELECT name FROM unnest(held.told_names) AS name WHERE name <> ALL (rows.told_names)) \
     ELSE rows.told_names END AS told FROM rows JOIN researcher AS held ON held.id = rows.id) AS rows WHERE researcher.id = rows.id";

/// Updates a researcher by a record of a merged one: its values fill missing ones.
const FILL_SQL: &str = "UPDATE researcher SET told_names = rows.told, other_names = rows.told, \
     withholds_published_name = researcher.withholds_published_name OR rows.withholds_published_name, \
     headline = rows.headline || researcher.headline, biography = rows.biography || researcher.biography, \
     portrait_url = coalesce(researcher.portrait_url, rows.portrait_url), \
     homepage_url = coalesce(researcher.homepage_url, rows.homepage_url), updated_at = statement_timestamp() \
     FROM (SELECT rows.*, held.told_names || ARRAY(SELECT name FROM unnest(rows.told_names) AS name \
     WHERE name <> held.display_name AND name <> ALL (held.told_names)) AS told \
     FROM rows JOIN researcher AS held ON held.id = rows.id) AS rows WHERE researcher.id = rows.id";

/// Writes records of researchers.
pub(crate) async fn ingest_researchers(
    uow: &mut UnitOfWork<'_>,
    records: Vec<(usize, &ResearcherRecord)>,
) -> Result<(), Error> {
    for (index, record) in restore_researchers(uow, records).await? {
        ingest_researcher(uow, index, record).await?;
    }
    Ok(())
}

async fn ingest_researcher(uow: &mut UnitOfWork<'_>, index: usize, record: &ResearcherRecord) -> Result<(), Error> {
    let key = researcher_record_key(record);
    let digest = record_digest(record).map_err(Error::internal)?;
    let stored_record =
        find_source_records(uow, EntityType::Researcher, std::slice::from_ref(&key)).await?.remove(&key);
    if stored_record.as_ref().is_some_and(|stored_record| stored_record.digest == digest) {
        uow.record_effect(index, Effect::Unchanged);
        return Ok(());
    }
    let (name, given, family) = repair_researcher_name(record);
    let author =
        NamedAuthor { name: &name, given: given.as_deref(), family: family.as_deref(), orcid: record.orcid.as_ref() };
    let (id, is_new) = match &stored_record {
        Some(stored_record) => (stored_record.id, false),
        None => find_or_create_record_researcher(uow, &author, record).await?,
    };
    let stored = load_stored_researcher(uow, id, &names::name_key(&name)).await?;
    let is_of_former = match &stored_record {
        Some(stored_record) => stored_record.is_of_former,
        // Its name or ORCID iD is that of a merged researcher.
        None => {
            let other = record.orcid.as_ref().zip(stored.orcid.as_ref());
            stored.has_former_name || other.is_some_and(|(orcid, stored)| stored != orcid.as_str())
        }
    };
    let before = load_names(uow, id).await?;
    let precedence =
        load_field_precedence(uow, EntityType::Researcher, [(id, key.as_str())]).await?.remove(&id).unwrap_or_default();
    // Regardless of precedence, a name that the record hides is not displayed.
    let hides_shown = hides_displayed_name(record, &before.display_name);
    let wins = |field: &str| precedence.wins(field) || hides_shown;
    let (name, parts) = if !wins(NAME) || before.retains_display_name(&name, uow.source(), &key)? {
        let parts = NameParts { given: before.given_name.clone(), family: before.family_name.clone() };
        (before.display_name.clone(), parts)
    } else {
        (name.clone(), author.name_parts())
    };
    // Both the new and the replaced name may confirm repairs of author names.
    if !is_of_former {
        uow.dirty.spellings.extend([before.name_key.clone(), names::name_key(&name)]);
    }
    let told_names = record.other_names.iter().filter(|name| !name.is_hidden()).map(|name| name.value.as_str());
    let row = ResearcherUpdateRow {
        id,
        sort_name: names::sort_key(&name, &parts),
        given_name: parts.given,
        family_name: parts.family,
        name_key: names::name_key(&name),
        block: names::NameForm::new(&name).blocking_key,
        display_name: name.clone(),
        told_names: told_names.filter(|_| wins(OTHER_NAMES)).collect(),
        withholds_published_name: record.withhold_published_name && !before.is_withholding_decided,
        headline: record.headline.filter_tags(|tag| precedence.wins(&format!("{HEADLINE}.{tag}"))),
        biography: record.biography.filter_tags(|tag| precedence.wins(&format!("{BIOGRAPHY}.{tag}"))),
        portrait_url: precedence.take_if_wins(PORTRAIT, record.portrait_url.as_deref()),
        homepage_url: precedence.take_if_wins(HOMEPAGE, record.homepage_url.as_deref()),
        is_merged: stored.is_merged,
    };
    let update = if is_of_former { FILL_SQL } else { REPLACE_SQL };
    uow.execute_with_rows(&[row], update).await?;
    uow.mark_dirty(EntityType::Researcher, [id]);
    if is_new && let Some(wanted) = &record.slug {
        let wanted = requested_slug(Some(wanted), &name, EntityType::Researcher);
        let slug = allocate_slug(uow, EntityType::Researcher, &wanted).await?;
        // The slug of the name may be the requested one, and is then the researcher's own.
        researcher::Entity::update_many()
            .set(researcher::ActiveModel { slug: Set(slug), ..Default::default() })
            .filter(researcher::COLUMN.slug.ne(wanted))
            .filter(researcher::COLUMN.id.eq(id))
            .exec(uow.db())
            .await?;
    }
    let hides_names = record.withhold_published_name || record.other_names.iter().any(OtherName::is_hidden);
    if hides_names || !before.has_only_display_name() {
        replace_source_names(uow, id, &key, record).await?;
        let namesakes = merge_hidden_namesakes(uow, id).await?;
        if hides_names && !namesakes.is_empty() {
            let ids: Vec<String> = namesakes.iter().map(ToString::to_string).collect();
            let note = format!(
                "other researchers with records or an ORCID iD are displayed under a name that the record hides and were not merged: {}",
                ids.join(", ")
            );
            uow.add_note(index, note);
        }
        recompute_names(uow, id, None).await?;
    }
    for affiliation in &record.affiliations {
        upsert_affiliation(uow, id, affiliation, is_of_former || !precedence.wins(PRIMARY_AFFILIATION)).await?;
    }
    if precedence.wins(TOPICS) {
        replace_declared_topics(uow, id, record, is_of_former || stored.is_merged).await?;
    }
    let external_ids = record.identifiers.iter().map(|identifier| ExternalIdRow {
        index,
        id,
        scheme: identifier.scheme.to_lowercase(),
        value: identifier.value.clone(),
    });
    let are_told = record.exported.as_ref().is_none_or(|exported| !exported.sources.is_empty());
    add_researcher_identifiers(uow, external_ids.collect(), are_told).await?;
    let provided_fields = if is_of_former { Vec::new() } else { provided_researcher_fields(record) };
    let source_record = SourceRecordRow::new(uow.source(), key.clone(), digest, provided_fields, id);
    upsert_source_records(uow, EntityType::Researcher, &[source_record]).await?;
    queue_researcher_blocks(uow, &[id]).await?;
    if is_of_former && stored_record.is_none() {
        let of_former = source_record::ActiveModel {
            source: Unchanged(uow.source().to_owned()),
            key: Unchanged(key),
            is_of_former: Set(true),
            ..Default::default()
        };
        source_record::Entity::update(of_former).exec_without_returning(uow.db()).await?;
    }
    if let Some(exported) = &record.exported {
        restore_provenance(uow, EntityType::Researcher, &[ImportedEntity { id, exported }]).await?;
        restore_name_decisions(uow, id, record).await?;
        if exported.id != id {
            uow.add_note(
                index,
                format!("the researcher with the id {} in the exporting directory has the id {id} here", exported.id),
            );
        }
    }
    uow.record_effect(index, if is_new { Effect::Created } else { Effect::Updated });
    Ok(())
}

async fn load_stored_researcher(uow: &UnitOfWork<'_>, id: i64, key: &str) -> Result<StoredResearcher, Error> {
    let former = "EXISTS (SELECT FROM former_identity WHERE kind = 'researcher' AND survivor_id = researcher.id \
         AND former_identity.name_key";
    let sql = Sql::with(
        &format!(
            "SELECT orcid, {former} IS NOT NULL) AS is_merged, researcher.name_key <> asked.key \
             AND {former} = asked.key) AS has_former_name FROM (SELECT ?::text AS key) AS asked, researcher WHERE "
        ),
        key,
    );
    let stored = uow.rows::<StoredResearcher>(sql.then(sql!("id = ?", id))).await?.pop();
    stored.ok_or_else(|| Error::internal("a record without a researcher"))
}

/// The researcher that the record describes, by its name or one that it hides, and whether they are new.
async fn find_or_create_record_researcher(
    uow: &mut UnitOfWork<'_>,
    author: &NamedAuthor<'_>,
    record: &ResearcherRecord,
) -> Result<(i64, bool), Error> {
    let hidden = record.other_names.iter().filter(|name| name.is_hidden());
    let hidden = hidden.map(|name| NamedAuthor { name: &name.value, given: None, family: None, orcid: author.orcid });
    let authors: Vec<NamedAuthor<'_>> = std::iter::once(author.clone()).chain(hidden).collect();
    let mut researchers = load_researcher_index(uow, &authors, &[]).await?;
    if let Some(orcid) = &record.orcid {
        let names = record.other_names.iter().map(|name| name.value.as_str()).chain([author.name]);
        let holder = researchers.find_unlike_orcid_holder(orcid, &names.collect::<Vec<_>>());
        if let Some(holder) = holder
            && release_orcid(uow, holder, orcid).await?
        {
            researchers.release_orcid(orcid);
        }
    }
    let match_author = authors.iter().find(|author| researchers.find(author).is_some()).unwrap_or(author);
    let index = researchers.find_or_create(match_author);
    let is_new = researchers.id_of(index).is_none();
    store_researchers(uow, &mut researchers).await?;
    Ok((researchers.id_of(index).ok_or_else(|| Error::internal("a researcher without an id"))?, is_new))
}

/// Takes the ORCID iD of a record from a researcher of an unlike name who has it from papers only, and returns whether it
/// did. Disambiguation decides whose these papers are.
async fn release_orcid(uow: &UnitOfWork<'_>, holder: i64, orcid: &Orcid) -> Result<bool, Error> {
    let released = uow
        .tuples::<i64>(sql!(
            "UPDATE researcher SET orcid = NULL, updated_at = statement_timestamp() WHERE id = ? \
             AND NOT EXISTS (SELECT FROM researcher_name WHERE researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM name_decision WHERE researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM identity_pin WHERE researcher_id = researcher.id) \
             AND NOT EXISTS (SELECT FROM source_record WHERE researcher_id = researcher.id \
             AND key = 'researcher:' || researcher.orcid) AND orcid = ? RETURNING id",
            holder,
            orcid.to_string(),
        ))
        .await?;
    let is_released = !released.is_empty();
    if is_released {
        queue_researcher_blocks(uow, &[holder]).await?;
    }
    Ok(is_released)
}

async fn upsert_affiliation(
    uow: &mut UnitOfWork<'_>,
    researcher_id: i64,
    record: &AffiliationRecord,
    keeps_primary: bool,
) -> Result<(), Error> {
    let Some(organization_id) = find_or_create_organization(uow, &record.organization).await? else {
        return Ok(());
    };
    let row = AffiliationUpsertRow {
        researcher_id,
        organization_id,
        kind: record.kind,
        role_title: &record.role_title,
        department_name: &record.department_name,
        start_date: record.start_date.map(|date| date.to_string()),
        end_date: record.end_date.map(|date| date.to_string()),
        has_ended: record.has_ended,
        is_primary: record.is_primary && !keeps_primary,
        keeps_primary,
    };
    if row.is_primary {
        // The column alone, as in the condition of the index.
        affiliation::Entity::update_many()
            .set(affiliation::ActiveModel { is_primary: Set(false), ..Default::default() })
            .col_expr(affiliation::Column::UpdatedAt, statement_timestamp())
            .filter(Expr::col(affiliation::Column::IsPrimary))
            .filter(affiliation::COLUMN.researcher_id.eq(researcher_id))
            .exec(uow.db())
            .await?;
    }
    // The same role in another language is merged, not listed twice.
    let is_same = is_same_role("affiliation", "rows");
    let statement = format!(
        ", same AS (SELECT affiliation.id FROM affiliation JOIN rows \
             ON affiliation.researcher_id = rows.researcher_id AND affiliation.organization_id = rows.organization_id \
             AND {is_same} ORDER BY affiliation.id LIMIT 1), \
             changed AS (UPDATE affiliation SET role_title = affiliation.role_title || rows.role_title, \
             department_name = affiliation.department_name || rows.department_name, \
             end_date = coalesce(rows.end_date, affiliation.end_date), \
             has_ended = affiliation.has_ended OR rows.has_ended, updated_at = statement_timestamp(), \
             is_primary = CASE WHEN rows.keeps_primary THEN affiliation.is_primary ELSE rows.is_primary END \
             FROM rows WHERE affiliation.id IN (SELECT id FROM same) RETURNING affiliation.id) \
             INSERT INTO affiliation (researcher_id, organization_id, kind, role_title, department_name, start_date, end_date, \
             has_ended, is_primary) SELECT researcher_id, organization_id, kind, role_title, department_name, start_date, end_date, \
             has_ended, is_primary \
             FROM rows WHERE NOT EXISTS (SELECT FROM changed)"
    );
    uow.execute_with_rows(&[row], &statement).await
}

/// The condition that two affiliations of a researcher with an organization are the same role: no language has another
/// title.
pub(crate) fn is_same_role(held: &str, other: &str) -> String {
    format!(
        "{held}.kind = {other}.kind AND {held}.start_date IS NOT DISTINCT FROM {other}.start_date \
         AND NOT EXISTS (SELECT FROM jsonb_each_text({held}.role_title) AS title \
         WHERE jsonb_exists({other}.role_title, title.key) AND {other}.role_title ->> title.key <> title.value)"
    )
}

/// Replaces the declared topics by those of the record, or adds them for a merged researcher. A record without topics
/// changes nothing.
async fn replace_declared_topics(
    uow: &mut UnitOfWork<'_>,
    researcher_id: i64,
    record: &ResearcherRecord,
    adds: bool,
) -> Result<(), Error> {
    if record.topics.is_empty() {
        return Ok(());
    }
    if !adds {
        researcher_topic::Entity::delete_many()
            .filter(researcher_topic::COLUMN.researcher_id.eq(researcher_id))
            .exec(uow.db())
            .await?;
    }
    let mut topics: Vec<i64> = Vec::with_capacity(record.topics.len());
    for topic in &record.topics {
        let id = find_or_create_topic(uow, topic).await?;
        if !topics.contains(&id) {
            topics.push(id);
        }
    }
    let sql = sql!(
        "INSERT INTO researcher_topic (researcher_id, topic_id, position) \
         SELECT person.id, wanted.topic_id, person.last + row_number() OVER (ORDER BY wanted.place) \
         FROM (SELECT ?::bigint AS id, (SELECT coalesce(max(position), 0) FROM researcher_topic \
         WHERE researcher_id = ?::bigint) AS last) AS person, unnest(?::bigint[]) WITH ORDINALITY AS wanted(topic_id, place) \
         WHERE NOT EXISTS (SELECT FROM researcher_topic AS held \
         WHERE held.researcher_id = person.id AND held.topic_id = wanted.topic_id)",
        researcher_id,
        researcher_id,
        bigint_array(topics),
    );
    uow.execute(sql).await
}

/// Whether a record hides the displayed name.
fn hides_displayed_name(record: &ResearcherRecord, display_name: &str) -> bool {
    let hidden = record.other_names.iter().filter(|name| name.is_hidden()).map(|name| name.value.as_str());
    let forms: Vec<String> = names::hidden_forms([record.name.as_str()], hidden).into_iter().collect();
    !forms.is_empty() && names::name_reveals_hidden(display_name, &forms)
}

/// The fields that a record provides.
pub(crate) fn provided_researcher_fields(record: &ResearcherRecord) -> Vec<String> {
    let has_other_names = record.other_names.iter().any(|name| !name.is_hidden());
    let fields = [
        Some(NAME),
        has_other_names.then_some(OTHER_NAMES),
        record.portrait_url.as_ref().map(|_| PORTRAIT),
        record.homepage_url.as_ref().map(|_| HOMEPAGE),
        record.affiliations.iter().any(|affiliation| affiliation.is_primary).then_some(PRIMARY_AFFILIATION),
        (!record.topics.is_empty()).then_some(TOPICS),
    ];
    let headlines = record.headline.iter().map(|(tag, _)| format!("{HEADLINE}.{tag}"));
    let biographies = record.biography.iter().map(|(tag, _)| format!("{BIOGRAPHY}.{tag}"));
    fields.into_iter().flatten().map(ToOwned::to_owned).chain(headlines).chain(biographies).collect()
}

/// The key of a record in its source: the ORCID iD, else the name.
pub(crate) fn researcher_record_key(record: &ResearcherRecord) -> String {
    match (&record.exported, &record.orcid) {
        (Some(exported), _) => exported_record_key(EntityType::Researcher, exported.id),
        (None, Some(orcid)) => format!("researcher:{orcid}"),
        (None, None) => bounded_key(format!("researcher:{}", names::name_key(&record.name))),
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
            "name": "Ida Brook", "otherNames": ["I. Brook"], "headline": {"en": "Weirs"}, "biography": {"fr": "Une."},
            "portraitUrl": "https://p.example", "homepageUrl": "https://h.example", "topics": [{"scheme": "msc"}],
            "affiliations": [{"organization": {"name": "W"}, "affiliationKind": "EMPLOYMENT", "isPrimary": true}],
        });
        let record: ResearcherRecord = serde_json::from_value(record).expect("a record");
        assert_eq!(
            provided_researcher_fields(&record).join(" "),
            "name otherNames portraitUrl homepageUrl primaryAffiliation topics headline.en biography.fr"
        );
    }
}
