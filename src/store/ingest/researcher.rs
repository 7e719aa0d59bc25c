//! Writes of people with their affiliations and topics.

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::model::language::LocalizedText;
use crate::model::record::digest::record_digest;
use crate::model::record::{AffiliationKind, AffiliationRecord, OtherName, ResearcherRecord};
use crate::store::access::sql_fragment::Sql;
use crate::store::ingest::exported_ids::{ImportedEntity, exported_record_key, requested_slug};
use crate::store::ingest::name_repair::repair_researcher_name;
use crate::store::ingest::researcher_matching::NamedAuthor;
use crate::store::reader::search::EntityType;
use crate::store::unit_of_work::{Effect, ExternalIdRow, SourceRecordRow, UnitOfWork};
use crate::text::names::{self, NameParts};

#[derive(Serialize)]
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

const COLUMNS: &str = "id bigint, display_name text, given_name text, family_name text, sort_name text, name_key text, block text, \
     told_names text[], withholds_published_name boolean, headline jsonb, biography jsonb, portrait_url text, homepage_url text, \
     is_merged boolean";

/// The fields of a person of which records may say different things.
const NAME: &str = "name";
const OTHER_NAMES: &str = "otherNames";
const HEADLINE: &str = "headline";
const BIOGRAPHY: &str = "biography";
const PORTRAIT: &str = "portraitUrl";
const HOMEPAGE: &str = "homepageUrl";
const PRIMARY_AFFILIATION: &str = "primaryAffiliation";
const TOPICS: &str = "topics";

#[derive(Serialize)]
struct AffiliationUpsertRow<'a> {
    researcher_id: i64,
    organization_id: i64,
    kind: AffiliationKind,
    role_title: &'a LocalizedText,
    department_name: &'a LocalizedText,
    start_date: Option<String>,
    end_date: Option<String>,
    is_primary: bool,
    /// Whether the record does not tell which affiliation is the primary one.
    keeps_primary: bool,
}

/// Somebody as the directory knows them before a record of theirs is written.
#[derive(FromQueryResult)]
struct StoredResearcher {
    orcid: Option<String>,
    /// Whether people decided that somebody else is the same person.
    is_merged: bool,
    /// Whether that somebody has the name of the record, and the person has another.
    has_former_name: bool,
}

/// What a record changes of what is there.
const REPLACE_SQL: &str = "UPDATE researcher SET display_name = rows.display_name, given_name = rows.given_name, \
     family_name = rows.family_name, sort_name = rows.sort_name, name_key = rows.name_key, block = rows.block, \
     told_names = rows.told, other_names = rows.told, \
     withholds_published_name = researcher.withholds_published_name OR rows.withholds_published_name, \
     headline = researcher.headline || rows.headline, biography = researcher.biography || rows.biography, \
     portrait_url = coalesce(rows.portrait_url, researcher.portrait_url), \
     homepage_url = coalesce(rows.homepage_url, researcher.homepage_url), updated_at = now() \
     FROM (SELECT rows.*, CASE WHEN cardinality(rows.told_names) = 0 THEN held.told_names WHEN rows.is_merged \
     THEN rows.told_names || ARRAY(SELECT name FROM unnest(held.told_names) AS name WHERE name <> ALL (rows.told_names)) \
     ELSE rows.told_names END AS told FROM rows JOIN researcher AS held ON held.id = rows.id) AS rows WHERE researcher.id = rows.id";

/// What a record of somebody merged into the person adds to what is there.
const FILL_SQL: &str = "UPDATE researcher SET told_names = rows.told, other_names = rows.told, \
     withholds_published_name = researcher.withholds_published_name OR rows.withholds_published_name, \
     headline = rows.headline || researcher.headline, biography = rows.biography || researcher.biography, \
     portrait_url = coalesce(researcher.portrait_url, rows.portrait_url), \
     homepage_url = coalesce(researcher.homepage_url, rows.homepage_url), updated_at = now() \
     FROM (SELECT rows.*, held.told_names || ARRAY(SELECT name FROM unnest(rows.told_names) AS name \
     WHERE name <> held.display_name AND name <> ALL (held.told_names)) AS told \
     FROM rows JOIN researcher AS held ON held.id = rows.id) AS rows WHERE researcher.id = rows.id";

impl UnitOfWork<'_> {
    pub(crate) async fn ingest_researchers(&mut self, records: Vec<(usize, &ResearcherRecord)>) -> Result<(), Error> {
        for (index, record) in self.restore_researchers(records).await? {
            self.ingest_researcher(index, record).await?;
        }
        Ok(())
    }

    async fn ingest_researcher(&mut self, index: usize, record: &ResearcherRecord) -> Result<(), Error> {
        let key = researcher_record_key(record);
        let digest = record_digest(record).map_err(Error::internal)?;
        let known = self.find_source_records("researcher", std::slice::from_ref(&key)).await?.remove(&key);
        if known.as_ref().is_some_and(|known| known.digest == digest) {
            self.record_effect(index, Effect::Unchanged);
            return Ok(());
        }
        let (name, given, family) = repair_researcher_name(record);
        let mention = NamedAuthor {
            name: &name,
            given: given.as_deref(),
            family: family.as_deref(),
            orcid: record.orcid.as_ref(),
        };
        let (id, is_new) = match &known {
            Some(known) => (known.id, false),
            None => self.find_or_create_record_researcher(&mention, record).await?,
        };
        let held = self.load_stored_researcher(id, &names::name_key(&name)).await?;
        let is_of_former = match &known {
            Some(known) => known.is_of_former,
            // It has a name or an ORCID iD that is not the person's own.
            None => {
                let other = record.orcid.as_ref().zip(held.orcid.as_ref());
                held.has_former_name || other.is_some_and(|(orcid, held)| held != orcid.as_str())
            }
        };
        let before = self.load_names(id).await?;
        let better =
            self.load_field_precedence("researcher", [(id, key.as_str())]).await?.remove(&id).unwrap_or_default();
        // Whatever goes before: a name that somebody hides is not shown.
        let hides_shown = hides_displayed_name(record, &before.display_name);
        let counts = |field: &str| better.wins(field) || hides_shown;
        let (name, parts) = if !counts(NAME) || before.retains_display_name(&name, self.source, &key)? {
            let parts = NameParts { given: before.given_name.clone(), family: before.family_name.clone() };
            (before.display_name.clone(), parts)
        } else {
            (name.clone(), mention.name_parts())
        };
        // The name may decide over repairs of authors' names, as may the one that it takes away.
        if !is_of_former {
            self.dirty_spellings.extend([before.name_key.clone(), names::name_key(&name)]);
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
            told_names: told_names.filter(|_| counts(OTHER_NAMES)).collect(),
            withholds_published_name: record.withhold_published_name && !before.is_withholding_decided,
            headline: record.headline.filter_tags(|tag| better.wins(&format!("{HEADLINE}.{tag}"))),
            biography: record.biography.filter_tags(|tag| better.wins(&format!("{BIOGRAPHY}.{tag}"))),
            portrait_url: better.take_if_wins(PORTRAIT, record.portrait_url.as_deref()),
            homepage_url: better.take_if_wins(HOMEPAGE, record.homepage_url.as_deref()),
            is_merged: held.is_merged,
        };
        let update = if is_of_former { FILL_SQL } else { REPLACE_SQL };
        self.execute_with_rows(COLUMNS, &[row], update).await?;
        self.dirty.insert(EntityType::Researcher, [id]);
        if is_new && let Some(wanted) = &record.slug {
            let wanted = requested_slug(Some(wanted), &name, "researcher");
            let slug =
                self.allocate_slugs("researcher", std::slice::from_ref(&wanted)).await?.pop().unwrap_or_default();
            // The slug made from the name may be the one wanted, and then it is taken by the same person.
            let sql = Sql::with("UPDATE researcher SET slug = ? WHERE slug <> ", slug)
                .then_with("? ", wanted)
                .then_with("AND id = ?", id);
            self.execute(sql).await?;
        }
        let hides_names = record.withhold_published_name || record.other_names.iter().any(OtherName::is_hidden);
        if hides_names || !before.has_only_display_name() {
            self.replace_source_names(id, &key, record).await?;
            let namesakes = self.merge_hidden_namesakes(id).await?;
            if hides_names && !namesakes.is_empty() {
                let ids: Vec<String> = namesakes.iter().map(ToString::to_string).collect();
                let note = format!(
                    "others are shown under a name that the record hides, have records or an ORCID iD, and stay apart: {}",
                    ids.join(", ")
                );
                self.add_note(index, note);
            }
            self.recompute_names(id, None).await?;
        }
        for affiliation in &record.affiliations {
            self.upsert_affiliation(id, affiliation, is_of_former || !better.wins(PRIMARY_AFFILIATION)).await?;
        }
        if better.wins(TOPICS) {
            self.replace_declared_topics(id, record, is_of_former || held.is_merged).await?;
        }
        let identified = record.identifiers.iter().map(|identifier| ExternalIdRow {
            index,
            id,
            scheme: identifier.scheme.to_lowercase(),
            value: identifier.value.clone(),
        });
        self.add_identifiers("researcher", identified.collect()).await?;
        let told = if is_of_former { Vec::new() } else { provided_researcher_fields(record) };
        let said = SourceRecordRow::new(self.source, key.clone(), digest, told, id);
        self.upsert_source_records("researcher", &[said]).await?;
        self.queue_researcher_blocks(id).await?;
        if is_of_former && known.is_none() {
            let sql = Sql::with("UPDATE source_record SET is_of_former = true WHERE source = ? AND ", self.source);
            self.execute(sql.then_with("key = ?", key)).await?;
        }
        if let Some(exported) = &record.exported {
            self.restore_provenance("researcher", &[ImportedEntity { id, exported }]).await?;
            if exported.id != id {
                self.add_note(index, format!("the person with the id {} there has the id {id} here", exported.id));
            }
        }
        self.record_effect(index, if is_new { Effect::Created } else { Effect::Updated });
        Ok(())
    }

    async fn load_stored_researcher(&self, id: i64, key: &str) -> Result<StoredResearcher, Error> {
        let former = "EXISTS (SELECT FROM former_identity WHERE kind = 'researcher' AND survivor_id = researcher.id \
             AND former_identity.name_key";
        let sql = Sql::with(
            &format!(
                "SELECT orcid, {former} IS NOT NULL) AS is_merged, researcher.name_key <> asked.key \
                 AND {former} = asked.key) AS has_former_name FROM (SELECT ?::text AS key) AS asked, researcher WHERE "
            ),
            key,
        );
        let held = self.rows::<StoredResearcher>(sql.then_with("id = ?", id)).await?.pop();
        held.ok_or_else(|| Error::internal("a record of nobody"))
    }

    /// Whose record it is, by the name or by one that it hides; and whether that is somebody new.
    async fn find_or_create_record_researcher(
        &mut self,
        mention: &NamedAuthor<'_>,
        record: &ResearcherRecord,
    ) -> Result<(i64, bool), Error> {
        let hidden = record.other_names.iter().filter(|name| name.is_hidden());
        let hidden =
            hidden.map(|name| NamedAuthor { name: &name.value, given: None, family: None, orcid: mention.orcid });
        let mentions: Vec<NamedAuthor<'_>> = std::iter::once(mention.clone()).chain(hidden).collect();
        let mut people = self.load_researcher_index(&mentions, &[]).await?;
        let known_by = mentions.iter().find(|mention| people.find(mention).is_some()).unwrap_or(mention);
        let place = people.find_or_create(known_by);
        let is_new = people.id_of(place).is_none();
        self.store_researchers(&mut people).await?;
        Ok((people.id_of(place).ok_or_else(|| Error::internal("a person without an id"))?, is_new))
    }

    async fn upsert_affiliation(
        &mut self,
        researcher_id: i64,
        record: &AffiliationRecord,
        keeps_primary: bool,
    ) -> Result<(), Error> {
        let Some(organization_id) = self.find_or_create_organization(&record.organization).await? else {
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
            is_primary: record.is_primary && !keeps_primary,
            keeps_primary,
        };
        if row.is_primary {
            let others =
                "UPDATE affiliation SET is_primary = false, updated_at = now() WHERE is_primary AND researcher_id = ?";
            self.execute(Sql::with(others, researcher_id)).await?;
        }
        // A role known in one language is the same role when it comes in another: titles are joined, not listed twice.
        let columns = "researcher_id bigint, organization_id bigint, kind text, role_title jsonb, department_name jsonb, \
             start_date text, end_date text, is_primary boolean, keeps_primary boolean";
        let statement = ", same AS (SELECT affiliation.id FROM affiliation JOIN rows \
             ON affiliation.researcher_id = rows.researcher_id AND affiliation.organization_id = rows.organization_id \
             AND affiliation.kind = rows.kind AND affiliation.start_date IS NOT DISTINCT FROM rows.start_date \
             AND NOT EXISTS (SELECT FROM jsonb_each_text(affiliation.role_title) AS held \
             WHERE jsonb_exists(rows.role_title, held.key) AND rows.role_title ->> held.key <> held.value) ORDER BY affiliation.id LIMIT 1), \
             changed AS (UPDATE affiliation SET role_title = affiliation.role_title || rows.role_title, \
             department_name = affiliation.department_name || rows.department_name, \
             end_date = coalesce(rows.end_date, affiliation.end_date), updated_at = now(), \
             is_primary = CASE WHEN rows.keeps_primary THEN affiliation.is_primary ELSE rows.is_primary END \
             FROM rows WHERE affiliation.id IN (SELECT id FROM same) RETURNING affiliation.id) \
             INSERT INTO affiliation (researcher_id, organization_id, kind, role_title, department_name, start_date, end_date, \
             is_primary) SELECT researcher_id, organization_id, kind, role_title, department_name, start_date, end_date, is_primary \
             FROM rows WHERE NOT EXISTS (SELECT FROM changed)";
        self.execute_with_rows(columns, &[row], statement).await
    }

    /// The declared topics become those that the record lists, or they are added to those of somebody who was merged; a record
    /// that lists none says nothing of them.
    async fn replace_declared_topics(
        &mut self,
        researcher_id: i64,
        record: &ResearcherRecord,
        adds: bool,
    ) -> Result<(), Error> {
        if record.topics.is_empty() {
            return Ok(());
        }
        if !adds {
            self.execute(Sql::with("DELETE FROM researcher_topic WHERE researcher_id = ?", researcher_id)).await?;
        }
        for topic in &record.topics {
            let topic_id = self.find_or_create_topic(topic).await?;
            let sql = Sql::with(
                "INSERT INTO researcher_topic (researcher_id, topic_id, position) SELECT person.id, ?::bigint, ",
                topic_id,
            )
            .then("1 + coalesce(max(held.position), 0) FROM ")
            .then_with("(SELECT ?::bigint) AS person(id) ", researcher_id)
            .then("LEFT JOIN researcher_topic AS held ON held.researcher_id = person.id GROUP BY person.id ON CONFLICT DO NOTHING");
            self.execute(sql).await?;
        }
        Ok(())
    }
}

/// Whether a record hides a name that is shown.
fn hides_displayed_name(record: &ResearcherRecord, shown: &str) -> bool {
    let hidden = record.other_names.iter().filter(|name| name.is_hidden()).map(|name| name.value.as_str());
    let forms: Vec<String> = names::hidden_forms([record.name.as_str()], hidden).into_iter().collect();
    !forms.is_empty() && names::name_reveals_hidden(shown, &forms)
}

/// The fields of which a record says something.
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

/// What a record is known by in its source: the ORCID iD, else the name.
pub(crate) fn researcher_record_key(record: &ResearcherRecord) -> String {
    match (&record.exported, &record.orcid) {
        (Some(exported), _) => exported_record_key("researcher", exported.id),
        (None, Some(orcid)) => format!("researcher:{orcid}"),
        (None, None) => format!("researcher:{}", names::name_key(&record.name)),
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
