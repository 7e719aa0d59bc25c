//! Writes of people with their affiliations and topics.

use sea_orm::FromQueryResult;
use serde::Serialize;

use super::exported::{Placed, exported_key, wanted_slug};
use super::person::Mention;
use super::repair::repaired;
use super::{Batch, Effect, Identified, Said, digest};
use crate::error::Error;
use crate::language::LocalizedText;
use crate::names;
use crate::record::{AffiliationKind, AffiliationRecord, ResearcherRecord};
use crate::store::search::Kind;
use crate::store::sql::Sql;

#[derive(Serialize)]
struct Row<'a> {
    id: i64,
    display_name: String,
    given_name: Option<String>,
    family_name: Option<String>,
    sort_name: String,
    name_key: String,
    other_names: &'a [String],
    headline: &'a LocalizedText,
    biography: &'a LocalizedText,
    portrait_url: Option<&'a str>,
    homepage_url: Option<&'a str>,
}

const COLUMNS: &str = "id bigint, display_name text, given_name text, family_name text, sort_name text, name_key text, \
     other_names text[], headline jsonb, biography jsonb, portrait_url text, homepage_url text";

#[derive(Serialize)]
struct AffiliationRow<'a> {
    researcher_id: i64,
    organization_id: i64,
    kind: AffiliationKind,
    role_title: &'a LocalizedText,
    department_name: &'a LocalizedText,
    start_date: Option<String>,
    end_date: Option<String>,
    is_primary: bool,
}

impl Batch<'_> {
    pub(super) async fn researchers(&mut self, records: Vec<(usize, &ResearcherRecord)>) -> Result<(), Error> {
        for (index, record) in self.restore_researchers(records).await? {
            self.researcher(index, record).await?;
        }
        Ok(())
    }

    async fn researcher(&mut self, index: usize, record: &ResearcherRecord) -> Result<(), Error> {
        let key = researcher_key(record);
        let digest = digest(record)?;
        let known = self.known("researcher", std::slice::from_ref(&key)).await?.remove(&key);
        if known.as_ref().is_some_and(|known| known.digest == digest) {
            self.effect(index, Effect::Unchanged);
            return Ok(());
        }
        let (name, given, family) = repaired(record);
        let mention =
            Mention { name: &name, given: given.as_deref(), family: family.as_deref(), orcid: record.orcid.as_ref() };
        let (id, is_new) = match known {
            Some(known) => (known.id, false),
            None => {
                let mut people = self.people(std::slice::from_ref(&mention)).await?;
                let place = people.resolve(&mention);
                let is_new = people.id(place).is_none();
                self.store_people(&mut people).await?;
                (people.id(place).ok_or_else(|| Error::internal("a person without an id"))?, is_new)
            }
        };
        let parts = mention.parts();
        self.spelled(id, &name).await?;
        let row = Row {
            id,
            display_name: name.clone(),
            sort_name: names::sort_key(&name, &parts),
            given_name: parts.given,
            family_name: parts.family,
            name_key: names::identity_key(&name),
            other_names: &record.other_names,
            headline: &record.headline,
            biography: &record.biography,
            portrait_url: record.portrait_url.as_deref(),
            homepage_url: record.homepage_url.as_deref(),
        };
        let update = "UPDATE researcher SET display_name = rows.display_name, given_name = rows.given_name, \
             family_name = rows.family_name, sort_name = rows.sort_name, name_key = rows.name_key, \
             other_names = CASE WHEN cardinality(rows.other_names) > 0 THEN rows.other_names ELSE researcher.other_names END, \
             headline = researcher.headline || rows.headline, biography = researcher.biography || rows.biography, \
             portrait_url = coalesce(rows.portrait_url, researcher.portrait_url), \
             homepage_url = coalesce(rows.homepage_url, researcher.homepage_url), updated_at = now() \
             FROM rows WHERE researcher.id = rows.id";
        self.with_rows(COLUMNS, &[row], update).await?;
        self.touched.insert(Kind::Researcher, [id]);
        if is_new && let Some(wanted) = &record.slug {
            let wanted = wanted_slug(Some(wanted), &name, "researcher");
            let slug = self.slugs("researcher", std::slice::from_ref(&wanted)).await?.pop().unwrap_or_default();
            // The slug made from the name may be the one wanted, and then it is taken by the same person.
            let sql = Sql::with("UPDATE researcher SET slug = ? WHERE slug <> ", slug)
                .then_with("? ", wanted)
                .then_with("AND id = ?", id);
            self.execute(sql).await?;
        }
        for affiliation in &record.affiliations {
            self.affiliation(id, affiliation).await?;
        }
        self.declared_topics(id, record).await?;
        let identified = record.identifiers.iter().map(|identifier| Identified {
            index,
            id,
            scheme: identifier.scheme.to_lowercase(),
            value: identifier.value.clone(),
        });
        self.identify("researcher", identified.collect()).await?;
        let said = Said { source: self.source.to_owned(), key, digest, id };
        self.remember("researcher", &[said]).await?;
        if let Some(exported) = &record.exported {
            self.remember_exported("researcher", &[Placed { id, exported }]).await?;
            if exported.id != id {
                self.note(index, format!("the person with the id {} there has the id {id} here", exported.id));
            }
        }
        self.effect(index, if is_new { Effect::Created } else { Effect::Updated });
        Ok(())
    }

    /// Notes that somebody's record comes with this name, which may decide over repairs of authors' names, as may the one
    /// that it takes away.
    async fn spelled(&mut self, id: i64, name: &str) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Held {
            name_key: String,
        }
        let held = self.rows::<Held>(Sql::with("SELECT name_key FROM researcher WHERE id = ?", id)).await?;
        self.spellings.extend(held.into_iter().map(|row| row.name_key));
        self.spellings.insert(names::identity_key(name));
        Ok(())
    }

    async fn affiliation(&mut self, researcher_id: i64, record: &AffiliationRecord) -> Result<(), Error> {
        let Some(organization_id) = self.organization_of(&record.organization).await? else { return Ok(()) };
        let row = AffiliationRow {
            researcher_id,
            organization_id,
            kind: record.kind,
            role_title: &record.role_title,
            department_name: &record.department_name,
            start_date: record.start_date.map(|date| date.to_string()),
            end_date: record.end_date.map(|date| date.to_string()),
            is_primary: record.is_primary,
        };
        if record.is_primary {
            let others =
                "UPDATE affiliation SET is_primary = false, updated_at = now() WHERE is_primary AND researcher_id = ?";
            self.execute(Sql::with(others, researcher_id)).await?;
        }
        // A role known in one language is the same role when it comes in another: titles are joined, not listed twice.
        let columns = "researcher_id bigint, organization_id bigint, kind text, role_title jsonb, department_name jsonb, \
             start_date text, end_date text, is_primary boolean";
        let statement = ", same AS (SELECT affiliation.id FROM affiliation JOIN rows \
             ON affiliation.researcher_id = rows.researcher_id AND affiliation.organization_id = rows.organization_id \
             AND affiliation.kind = rows.kind AND affiliation.start_date IS NOT DISTINCT FROM rows.start_date \
             AND NOT EXISTS (SELECT FROM jsonb_each_text(affiliation.role_title) AS held \
             WHERE jsonb_exists(rows.role_title, held.key) AND rows.role_title ->> held.key <> held.value) ORDER BY affiliation.id LIMIT 1), \
             changed AS (UPDATE affiliation SET role_title = affiliation.role_title || rows.role_title, \
             department_name = affiliation.department_name || rows.department_name, \
             end_date = coalesce(rows.end_date, affiliation.end_date), is_primary = rows.is_primary, updated_at = now() \
             FROM rows WHERE affiliation.id IN (SELECT id FROM same) RETURNING affiliation.id) \
             INSERT INTO affiliation (researcher_id, organization_id, kind, role_title, department_name, start_date, end_date, \
             is_primary) SELECT researcher_id, organization_id, kind, role_title, department_name, start_date, end_date, is_primary \
             FROM rows WHERE NOT EXISTS (SELECT FROM changed)";
        self.with_rows(columns, &[row], statement).await
    }

    /// The declared topics become those that the record lists; a record that lists none says nothing of them.
    async fn declared_topics(&mut self, researcher_id: i64, record: &ResearcherRecord) -> Result<(), Error> {
        if record.topics.is_empty() {
            return Ok(());
        }
        self.execute(Sql::with("DELETE FROM researcher_topic WHERE researcher_id = ?", researcher_id)).await?;
        for (position, topic) in (1_i32..).zip(&record.topics) {
            let topic_id = self.topic_of(topic).await?;
            let sql = Sql::with(
                "INSERT INTO researcher_topic (researcher_id, topic_id, position) VALUES (?, ",
                researcher_id,
            )
            .then_with("?, ", topic_id)
            .then_with("?) ON CONFLICT DO NOTHING", position);
            self.execute(sql).await?;
        }
        Ok(())
    }
}

/// What a record is known by in its source: the ORCID iD, else the name.
pub(super) fn researcher_key(record: &ResearcherRecord) -> String {
    match (&record.exported, &record.orcid) {
        (Some(exported), _) => exported_key("researcher", exported.id),
        (None, Some(orcid)) => format!("researcher:{orcid}"),
        (None, None) => format!("researcher:{}", names::identity_key(&record.name)),
    }
}
