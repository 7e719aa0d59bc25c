//! Everything public that the directory has, read in batches from one moment of it, as the records that make it again.
//!
//! Whatever is added to the directory is added to the record of its kind here, to `record.rs`, and to `write/`, which takes it
//! in again; names that are for search only, or private, and whatever else is not for everybody, are not.

use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseTransaction, FromQueryResult, IsolationLevel, TransactionTrait as _,
};
use serde::Deserialize;

use crate::error::Error;
use crate::model::record::{PaperRecord, Record, ResearcherRecord};
use crate::store::Store;
use crate::store::access::sql_fragment::Sql;
use crate::store::reader::authorship::{NameRedaction, join_resolved_researcher};

/// Prefix of the keys of records that a directory exported. No source has such keys, and no export repeats them.
pub(crate) const EXPORTED_KEY_PREFIX: &str = "directory:";
/// Records that are read at once.
const EXPORT_BATCH_RECORDS: i64 = 1_000;
/// Authors of papers that are read at once: a few papers of thousands, or many of a few.
pub(crate) const EXPORT_BATCH_AUTHORSHIPS: i64 = 20_000;

/// A kind of record. An export has them in this order, so that references come before what refers to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Organizations.
    Organization,
    /// Topics.
    Topic,
    /// People.
    Researcher,
    /// Papers.
    Paper,
}

impl RecordKind {
    /// All, in the order of an export.
    pub const ALL: [Self; 4] = [Self::Organization, Self::Topic, Self::Researcher, Self::Paper];

    fn table(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Topic => "topic",
            Self::Researcher => "researcher",
            Self::Paper => "paper",
        }
    }

    /// The fields of a record that its kind alone has, as arguments of `json_build_object`.
    fn json_fields(self) -> &'static str {
        match self {
            Self::Organization => ORGANIZATION_FIELDS,
            Self::Topic => TOPIC_FIELDS,
            Self::Researcher => RESEARCHER_FIELDS,
            Self::Paper => PAPER_FIELDS,
        }
    }
}

/// A relation is told by whichever of the two has no ROR id, since the other one is named by its own.
const ORGANIZATION_FIELDS: &str = "'ror', thing.ror, 'names', thing.names, 'types', thing.types, 'status', thing.status, \
     'countryCode', thing.country_code, 'city', thing.city, 'homepageUrl', thing.homepage_url, 'relations', (\
     SELECT json_agg(json_build_array(relation, ror) ORDER BY relation, ror) FROM (\
     SELECT 'parent' AS relation, other.ror FROM organization_parent JOIN organization AS other ON other.id = parent_id \
     WHERE child_id = thing.id AND other.ror IS NOT NULL \
     UNION SELECT 'child', other.ror FROM organization_parent JOIN organization AS other ON other.id = child_id \
     WHERE parent_id = thing.id AND thing.ror IS NULL AND other.ror IS NOT NULL \
     UNION SELECT 'predecessor', other.ror FROM organization_succession JOIN organization AS other ON other.id = predecessor_id \
     WHERE successor_id = thing.id AND other.ror IS NOT NULL \
     UNION SELECT 'successor', other.ror FROM organization_succession JOIN organization AS other ON other.id = successor_id \
     WHERE predecessor_id = thing.id AND thing.ror IS NULL AND other.ror IS NOT NULL \
     UNION SELECT relation, ror FROM organization_awaited_relation WHERE organization_id = thing.id) AS related)";

const TOPIC_FIELDS: &str = "'scheme', thing.scheme, 'code', thing.code, 'names', thing.names, 'broader', (\
     SELECT json_agg(json_build_object('id', topic.id, 'slug', topic.slug, 'scheme', topic.scheme, 'code', topic.code, \
     'labels', CASE WHEN topic.code IS NULL THEN topic.display_names END) ORDER BY topic.id) FROM topic_broader JOIN topic ON topic.id = broader_id \
     WHERE topic_id = thing.id)";

/// A topic that a thing has; one without a code is told by its labels too.
const TOPIC_REFERENCE: &str = "json_build_object('id', topic.id, 'scheme', topic.scheme, 'code', topic.code, \
     'labels', CASE WHEN topic.code IS NULL THEN topic.display_names END)";

/// An organization that a thing has; one without a ROR id is told by its name too.
const ORGANIZATION_REFERENCE: &str = "json_build_object('id', organization.id, 'ror', organization.ror, \
     'name', CASE WHEN organization.ror IS NULL THEN organization.names -> 0 ->> 'value' END)";

const RESEARCHER_FIELDS: &str = "'name', thing.display_name, 'givenName', thing.given_name, 'familyName', thing.family_name, \
     'otherNames', thing.other_names, \
     'withholdPublishedName', CASE WHEN thing.withholds_published_name THEN true END, 'orcid', thing.orcid, 'headline', thing.headline, 'biography', thing.biography, \
     'portraitUrl', thing.portrait_url, 'homepageUrl', thing.homepage_url, 'affiliations', (\
     SELECT json_agg(json_build_object('id', affiliation.id, 'organization', {organization}, \
     'affiliationKind', affiliation.kind, 'roleTitle', affiliation.role_title, 'departmentName', affiliation.department_name, \
     'startDate', affiliation.start_date, 'endDate', affiliation.end_date, 'isPrimary', affiliation.is_primary) \
     ORDER BY affiliation.id) FROM affiliation JOIN organization ON organization.id = affiliation.organization_id \
     WHERE affiliation.researcher_id = thing.id), 'topics', (\
     SELECT json_agg({topic} ORDER BY researcher_topic.position, topic.id) FROM researcher_topic \
     JOIN topic ON topic.id = researcher_topic.topic_id WHERE researcher_topic.researcher_id = thing.id)";

const PAPER_FIELDS: &str = "'title', thing.title, 'translatedTitles', thing.translated_titles, 'abstract', thing.abstract_text, \
     'abstractCompleteness', thing.abstract_completeness, 'publicationDate', thing.publication_date, 'type', thing.type, \
     'venueName', thing.venue_name, 'language', thing.language, 'doi', thing.doi, 'sharedDoi', thing.shared_doi, 'arxivId', thing.arxiv_id, 'url', thing.url, \
     'isRetracted', thing.is_retracted, 'authors', coalesce((\
     SELECT json_agg(json_build_object('id', authorship.id, 'researcherId', authorship.researcher_id, \
     'isDecided', CASE WHEN authorship.researcher_id IS NOT NULL AND EXISTS (SELECT FROM identity_pin \
     WHERE identity_pin.authorship_id = authorship.id) THEN true END, 'sameAsId', authorship.same_as_id, \
     'orcid', authorship.orcid, 'identifiers', (\
     SELECT json_agg(json_build_object('scheme', split_part(own.id, ':', 1), 'value', substr(own.id, strpos(own.id, ':') + 1)) ORDER BY own.place) \
     FROM unnest(authorship.author_ids) WITH ORDINALITY AS own(id, place)), 'position', authorship.position, 'name', authorship.name_as_published, 'isCorresponding', authorship.is_corresponding, \
     'equalContributionGroup', authorship.equal_contribution_group, \
     'affiliationsAsPublished', authorship.affiliations_as_published, 'organizations', (\
     SELECT json_agg({organization} ORDER BY organization.id) FROM authorship_organization \
     JOIN organization ON organization.id = authorship_organization.organization_id \
     WHERE authorship_organization.authorship_id = authorship.id)) ORDER BY authorship.list_order) \
     FROM authorship WHERE authorship.paper_id = thing.id), '[]'), 'topics', (\
     SELECT json_agg({topic} ORDER BY paper_topic.position, topic.id) FROM paper_topic \
     JOIN topic ON topic.id = paper_topic.topic_id WHERE paper_topic.paper_id = thing.id)";

/// One moment of the directory, however long it is read.
pub struct ExportSnapshot {
    pub(crate) transaction: DatabaseTransaction,
}

/// What hides names of a person.
const RESEARCHER_REDACTION: &str = "CASE WHEN thing.hidden_forms IS NOT NULL THEN \
     json_build_array(json_build_object('name', thing.display_name, 'forms', thing.hidden_forms)) END";

/// What hides names of the authors of a paper, each with the id of the authorship and the name with what is certain repaired.
const AUTHOR_REDACTIONS: &str = concat!(
    "(SELECT json_agg(json_build_object('authorship', authorship.id, 'mended', authorship.name, 'name', resolved.display_name, \
     'forms', resolved.hidden_forms)) FROM authorship",
    join_resolved_researcher!("authorship"),
    " WHERE authorship.paper_id = thing.id AND resolved.hidden_forms IS NOT NULL)"
);

#[derive(FromQueryResult)]
struct ExportedRecordRow {
    id: i64,
    record: String,
    hiding: Option<String>,
}

/// What hides names in a record.
#[derive(Deserialize)]
struct RecordRedaction {
    authorship: Option<i64>,
    mended: Option<String>,
    #[serde(flatten)]
    redaction: NameRedaction,
}

impl ExportedRecordRow {
    /// The record, without what is not to be shown.
    fn to_redacted_record(&self) -> Result<Record, Error> {
        let mut record = serde_json::from_str(&self.record).map_err(Error::internal)?;
        let Some(hiding) = &self.hiding else { return Ok(record) };
        for hidden in serde_json::from_str::<Vec<RecordRedaction>>(hiding).map_err(Error::internal)? {
            match &mut record {
                Record::Researcher(record) => hidden.redact_researcher(record),
                Record::Paper(record) => hidden.redact_paper(record),
                _ => {}
            }
        }
        Ok(record)
    }
}

impl RecordRedaction {
    /// The keys of records, former addresses and names may be made of a hidden name.
    fn redact_researcher(&self, record: &mut ResearcherRecord) {
        let Some(exported) = &mut record.exported else { return };
        let is_shown = |text: &str| !self.redaction.redacts_text(&text.replace('-', " "));
        exported.sources.retain(|said| is_shown(said.key.trim_start_matches("researcher:")));
        for former in &mut exported.merged {
            if !is_shown(&former.slug) {
                former.slug = format!("researcher-{}", former.id);
            }
            former.name_key = former.name_key.take().filter(|key| is_shown(key));
        }
    }

    fn redact_paper(&self, record: &mut PaperRecord) {
        let own = record.authors.iter_mut().filter(|author| author.id.is_some() && author.id == self.authorship);
        for author in own {
            let mended = self.mended.as_deref().unwrap_or_default();
            if self.redaction.redacts_name(&author.name) || self.redaction.redacts_name(mended) {
                author.name.clone_from(&self.redaction.name);
            }
            self.redaction.remove_redacted(&mut author.affiliations_as_published);
        }
    }
}

impl Store {
    /// The directory as it is now.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn export_snapshot(&self) -> Result<ExportSnapshot, Error> {
        let transaction =
            self.database.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?;
        // An export takes longer than a request may.
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        Ok(ExportSnapshot { transaction })
    }
}

impl ExportSnapshot {
    /// The next records of a kind behind an id, in the order of their ids, and the last of these; none where that was all.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn records_after(&self, kind: RecordKind, after: i64) -> Result<Option<(Vec<Record>, i64)>, Error> {
        let rows = self.query_all::<ExportedRecordRow>(records_sql(kind, after)).await?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
        let records = rows.iter().map(ExportedRecordRow::to_redacted_record);
        Ok(Some((records.collect::<Result<_, _>>()?, last)))
    }

    pub(crate) async fn query_all<T: FromQueryResult>(&self, sql: Sql) -> Result<Vec<T>, Error> {
        let rows = self.transaction.query_all_raw(sql.into_statement()).await?;
        rows.iter().map(|row| T::from_query_result(row, "").map_err(Error::from)).collect()
    }
}

fn records_sql(kind: RecordKind, after: i64) -> Sql {
    let table = kind.table();
    let fields =
        kind.json_fields().replace("{organization}", ORGANIZATION_REFERENCE).replace("{topic}", TOPIC_REFERENCE);
    // The ids of a topic follow from its scheme and code.
    let identifiers = if kind == RecordKind::Topic {
        String::new()
    } else {
        format!(
            "'identifiers', (SELECT json_agg(json_build_object('scheme', scheme, 'value', value) ORDER BY scheme, value) \
             FROM external_id WHERE {table}_id = thing.id), "
        )
    };
    let hiding = match kind {
        RecordKind::Researcher => RESEARCHER_REDACTION,
        RecordKind::Paper => AUTHOR_REDACTIONS,
        RecordKind::Organization | RecordKind::Topic => "NULL",
    };
    let things = if kind == RecordKind::Paper { papers_after_sql(after) } else { entities_after_sql(table, after) };
    Sql::from(format!(
        "SELECT thing.id, json_strip_nulls(json_build_object('kind', '{table}', 'exported', json_build_object('id', thing.id, \
         'formerly', (SELECT json_agg(json_build_object('id', former_id, 'slug', former_slug, 'nameKey', name_key) ORDER BY former_id) \
         FROM former_identity WHERE kind = '{table}' AND survivor_id = thing.id), \
         'sources', (SELECT json_agg(json_build_object('source', source, 'key', key, 'digest', encode(digest, 'hex'), \
         'told', told, 'isOfFormer', CASE WHEN is_of_former THEN true END) \
         ORDER BY source, key) FROM source_record WHERE {table}_id = thing.id AND NOT starts_with(key, '{EXPORTED_KEY_PREFIX}'))), \
         'slug', thing.slug, {identifiers}{fields}))::text AS record, ({hiding})::text AS hiding FROM "
    ))
    .then(things)
    .then(" AS thing ORDER BY thing.id")
}

fn entities_after_sql(table: &str, after: i64) -> Sql {
    Sql::with(&format!("(SELECT * FROM {table} WHERE id > ? ORDER BY id "), after)
        .then_with("LIMIT ?)", EXPORT_BATCH_RECORDS)
}

/// The next papers behind an id, of which all but the first one have so many authors together at most.
fn papers_after_sql(after: i64) -> Sql {
    Sql::with(
        "(SELECT paper.* FROM (SELECT id, sum(author_count) OVER (ORDER BY id) - author_count AS before FROM \
         (SELECT id, author_count FROM paper WHERE id > ? ORDER BY id ",
        after,
    )
    .then_with("LIMIT ?) AS next) AS weighed JOIN paper ON paper.id = weighed.id ", EXPORT_BATCH_RECORDS)
    .then_with("WHERE weighed.before < ?)", EXPORT_BATCH_AUTHORSHIPS)
}
