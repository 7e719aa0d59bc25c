//! Export of all public data, read in batches from one snapshot, as records that an import restores.
//!
//! Any addition to the directory needs a field in its record here, in `model/record.rs` and in `ingest/`, which
//! restores it. Names that are search-only or private are not exported.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, FromQueryResult};
use serde::Deserialize;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::record::{PaperRecord, Record, ResearcherRecord};
use crate::store::Store;
use crate::store::access::retry::UNLIMITED_TRANSACTION;
use crate::store::access::sql_fragment::{Sql, sql};
use crate::store::reader::authorship::{NameRedaction, join_resolved_researcher};

/// [`EXPORTED_KEY_PREFIX`] as a literal, since `concat!` takes no constants.
macro_rules! exported_key_prefix {
    () => {
        "directory:"
    };
}

/// Prefix of the keys of records that a directory exported. No source has such keys, and no export repeats them.
pub(crate) const EXPORTED_KEY_PREFIX: &str = exported_key_prefix!();

/// SQL condition that the key of a source record has [`EXPORTED_KEY_PREFIX`]. Its argument is the column of the key.
macro_rules! is_exported_key {
    ($column:literal) => {
        concat!("starts_with(", $column, ", '", $crate::store::reader::export::exported_key_prefix!(), "')")
    };
}

/// SQL condition that a researcher has a record of a source, not only of an export. Its argument is the column of the
/// researcher's ID.
macro_rules! has_source_record {
    ($researcher_id:literal) => {
        concat!(
            "EXISTS (SELECT FROM source_record WHERE source_record.researcher_id = ",
            $researcher_id,
            " AND NOT ",
            $crate::store::reader::export::is_exported_key!("source_record.key"),
            ")"
        )
    };
}
pub(crate) use {exported_key_prefix, has_source_record, is_exported_key};

/// Number of records read at once.
const EXPORT_BATCH_RECORDS: i64 = 1_000;
/// Maximum number of authorships read at once, unless a single paper has more.
pub(crate) const EXPORT_BATCH_AUTHORSHIPS: i64 = 20_000;

/// All types of entities in the order of exports, so that an entity precedes the references to it.
pub const EXPORT_ORDER: [EntityType; 4] =
    [EntityType::Organization, EntityType::Topic, EntityType::Researcher, EntityType::Paper];

/// Returns the fields specific to the type, as arguments of `json_build_object`.
fn json_fields(kind: EntityType) -> &'static str {
    match kind {
        EntityType::Organization => ORGANIZATION_FIELDS,
        EntityType::Topic => TOPIC_FIELDS,
        EntityType::Researcher => RESEARCHER_FIELDS,
        EntityType::Paper => PAPER_FIELDS,
    }
}

/// A relation is exported by the organization that has no ROR id, because the other one is referenced by its ROR id.
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

const TOPIC_FIELDS: &str = "'scheme', thing.scheme, 'code', thing.code, 'uri', thing.concept_uri, 'names', thing.names, 'broader', (\
     SELECT json_agg(json_build_object('id', topic.id, 'slug', topic.slug, 'scheme', topic.scheme, 'code', topic.code, 'uri', topic.concept_uri, \
     'labels', CASE WHEN topic.code IS NULL THEN topic.display_names END) ORDER BY topic.id) FROM topic_broader JOIN topic ON topic.id = broader_id \
     WHERE topic_id = thing.id)";

/// Reference to a topic. A topic without a code is also identified by its labels.
const TOPIC_REFERENCE: &str = "json_build_object('id', topic.id, 'scheme', topic.scheme, 'code', topic.code, \
     'labels', CASE WHEN topic.code IS NULL THEN topic.display_names END)";

/// Reference to an organization. An organization without a ROR id is also identified by its name.
const ORGANIZATION_REFERENCE: &str = "json_build_object('id', organization.id, 'ror', organization.ror, \
     'name', CASE WHEN organization.ror IS NULL THEN organization.names -> 0 ->> 'value' END)";

const RESEARCHER_FIELDS: &str = "'name', thing.display_name, 'givenName', thing.given_name, 'familyName', thing.family_name, \
     'otherNames', thing.other_names, \
     'withholdPublishedName', CASE WHEN thing.withholds_published_name THEN true END, 'orcid', thing.orcid, 'headline', thing.headline, 'biography', thing.biography, \
     'portraitUrl', thing.portrait_url, 'homepageUrl', thing.homepage_url, 'affiliations', (\
     SELECT json_agg(json_build_object('id', affiliation.id, 'organization', {organization}, \
     'affiliationKind', affiliation.kind, 'roleTitle', affiliation.role_title, 'departmentName', affiliation.department_name, \
     'startDate', affiliation.start_date, 'endDate', affiliation.end_date, \
     'hasEnded', CASE WHEN affiliation.has_ended AND affiliation.end_date IS NULL THEN true END, 'isPrimary', affiliation.is_primary) \
     ORDER BY affiliation.id) FROM affiliation JOIN organization ON organization.id = affiliation.organization_id \
     WHERE affiliation.researcher_id = thing.id), 'topics', (\
     SELECT json_agg({topic} ORDER BY researcher_topic.position, topic.id) FROM researcher_topic \
     JOIN topic ON topic.id = researcher_topic.topic_id WHERE researcher_topic.researcher_id = thing.id)";

const PAPER_FIELDS: &str = "'title', thing.title, 'translatedTitles', thing.translated_titles, 'abstract', thing.abstract_text, \
     'abstractCompleteness', thing.abstract_completeness, 'publicationDate', thing.publication_date, 'type', thing.type, \
     'venueName', thing.venue_name, 'volume', thing.volume, 'issue', thing.issue, 'pages', thing.pages, \
     'articleNumber', thing.article_number, 'edition', thing.edition, 'publisherName', thing.publisher_name, 'issns', thing.issns, \
     'isbns', thing.isbns, 'keywords', thing.keywords, 'language', thing.language, 'doi', thing.doi, 'sharedDoi', thing.shared_doi, 'arxivId', thing.arxiv_id, 'url', thing.url, \
     'isRetracted', thing.is_retracted, 'authors', coalesce((\
     SELECT json_agg(json_build_object('id', authorship.id, 'researcherId', authorship.researcher_id, \
     'isDecided', CASE WHEN authorship.researcher_id IS NOT NULL AND EXISTS (SELECT FROM identity_pin \
     WHERE identity_pin.authorship_id = authorship.id) THEN true END, 'sameAsId', authorship.same_as_id, \
     'orcid', authorship.orcid, 'identifiers', (\
     SELECT json_agg(json_build_object('scheme', split_part(own.id, ':', 1), 'value', substr(own.id, strpos(own.id, ':') + 1)) ORDER BY own.place) \
     FROM unnest(authorship.author_ids) WITH ORDINALITY AS own(id, place)), 'position', authorship.position, 'name', authorship.name_as_published, \
     'familyWords', authorship.family_words, 'isCorresponding', authorship.is_corresponding, \
     'equalContributionGroup', authorship.equal_contribution_group, \
     'affiliationsAsPublished', authorship.affiliations_as_published, 'organizations', (\
     SELECT json_agg(reference ORDER BY id, ror) FROM (\
     SELECT {organization} AS reference, organization.id, NULL AS ror FROM authorship_organization \
     JOIN organization ON organization.id = authorship_organization.organization_id \
     WHERE authorship_organization.authorship_id = authorship.id \
     UNION ALL SELECT json_build_object('ror', ror), NULL, ror FROM authorship_awaited_organization \
     WHERE authorship_awaited_organization.authorship_id = authorship.id AND ror IS NOT NULL) AS there)) ORDER BY authorship.list_order) \
     FROM authorship WHERE authorship.paper_id = thing.id), '[]'), 'topics', (\
     SELECT json_agg({topic} ORDER BY paper_topic.position, topic.id) FROM paper_topic \
     JOIN topic ON topic.id = paper_topic.topic_id WHERE paper_topic.paper_id = thing.id)";

/// Decisions on the names that the researcher `thing` displays.
const DECIDED_NAMES: &str = ", 'decidedNames', (SELECT json_agg(decided.value ORDER BY decided.id) FROM researcher_name AS decided \
     WHERE decided.researcher_id = thing.id AND decided.source IS NULL AND decided.value = ANY(thing.other_names)), \
     'isNameDecided', CASE WHEN thing.hidden_forms IS NULL AND EXISTS (SELECT FROM name_decision \
     WHERE name_decision.researcher_id = thing.id AND name_decision.display_name IS NOT NULL) THEN true END";

/// Consistent snapshot of the directory: a read-only transaction with repeatable reads.
pub struct ExportSnapshot {
    pub(crate) transaction: DatabaseTransaction,
}

/// Hidden names of the researcher `thing`.
const RESEARCHER_REDACTION: &str = "CASE WHEN thing.hidden_forms IS NOT NULL THEN \
     json_build_array(json_build_object('name', thing.display_name, 'forms', thing.hidden_forms)) END";

/// Hidden names of the authors of the paper `thing`, each with the id of the authorship and the repaired name.
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

/// Hidden names to remove from a record.
#[derive(Deserialize)]
struct RecordRedaction {
    authorship: Option<i64>,
    /// Name with certain repairs applied.
    #[serde(rename = "mended")]
    repaired_name: Option<String>,
    #[serde(flatten)]
    redaction: NameRedaction,
}

impl ExportedRecordRow {
    /// Returns the record without suppressed names.
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
    /// Redacts source keys, previous slugs and name keys, which may be derived from a hidden name.
    fn redact_researcher(&self, record: &mut ResearcherRecord) {
        let Some(exported) = &mut record.exported else { return };
        let is_displayable = |text: &str| !self.redaction.redacts_text(&text.replace('-', " "));
        exported.sources.retain(|source| is_displayable(source.key.trim_start_matches("researcher:")));
        for former in &mut exported.merged {
            if !is_displayable(&former.slug) {
                former.slug = format!("researcher-{}", former.id);
            }
            former.name_key = former.name_key.take().filter(|key| is_displayable(key));
        }
    }

    fn redact_paper(&self, record: &mut PaperRecord) {
        let redacted_authors =
            record.authors.iter_mut().filter(|author| author.id.is_some() && author.id == self.authorship);
        for author in redacted_authors {
            let repaired_name = self.repaired_name.as_deref().unwrap_or_default();
            if self.redaction.redacts_name(&author.name) || self.redaction.redacts_name(repaired_name) {
                author.name.clone_from(&self.redaction.name);
                author.family_words = None;
            }
            self.redaction.remove_redacted(&mut author.affiliations_as_published);
        }
    }
}

impl Store {
    /// Opens a snapshot of the current state of the directory.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn export_snapshot(&self) -> Result<ExportSnapshot, Error> {
        self.retry(|| self.try_export_snapshot()).await
    }

    async fn try_export_snapshot(&self) -> Result<ExportSnapshot, Error> {
        let transaction = self.begin_snapshot().await?;
        // The first statement takes the snapshot.
        transaction.execute_unprepared(UNLIMITED_TRANSACTION).await?;
        Ok(ExportSnapshot { transaction })
    }
}

impl ExportSnapshot {
    /// Returns the next records of a type after an id, in order of id, and the id of the last one. Returns `None` after
    /// the last record.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn records_after(&self, kind: EntityType, after: i64) -> Result<Option<(Vec<Record>, i64)>, Error> {
        let rows = self.query_all::<ExportedRecordRow>(records_sql(kind, after)).await?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
        let records = rows.iter().map(ExportedRecordRow::to_redacted_record);
        Ok(Some((records.collect::<Result<_, _>>()?, last)))
    }

    pub(crate) async fn query_all<T: FromQueryResult>(&self, sql: Sql) -> Result<Vec<T>, Error> {
        let rows = self.transaction.query_all_raw(sql.into_statement()?).await?;
        rows.iter().map(|row| T::from_query_result(row, "").map_err(Error::from)).collect()
    }
}

fn records_sql(kind: EntityType, after: i64) -> Sql {
    let (table, column) = (kind.table(), kind.reference_column());
    let fields =
        json_fields(kind).replace("{organization}", ORGANIZATION_REFERENCE).replace("{topic}", TOPIC_REFERENCE);
    // Identifiers of a topic are derived from its scheme and code.
    let identifiers = if kind == EntityType::Topic {
        String::new()
    } else {
        format!(
            "'identifiers', (SELECT json_agg(json_build_object('scheme', scheme, 'value', value) ORDER BY scheme, value) \
             FROM external_id WHERE {column} = thing.id), "
        )
    };
    let redaction = match kind {
        EntityType::Researcher => RESEARCHER_REDACTION,
        EntityType::Paper => AUTHOR_REDACTIONS,
        EntityType::Organization | EntityType::Topic => "NULL",
    };
    let is_exported = is_exported_key!("key");
    let decisions = if kind == EntityType::Researcher { DECIDED_NAMES } else { "" };
    let entities = if kind == EntityType::Paper { papers_after_sql(after) } else { entities_after_sql(kind, after) };
    Sql::from(format!(
        "SELECT thing.id, json_strip_nulls(json_build_object('kind', '{table}', 'exported', json_build_object('id', thing.id, \
         'formerly', (SELECT json_agg(json_build_object('id', former_id, 'slug', former_slug, 'nameKey', name_key) ORDER BY former_id) \
         FROM former_identity WHERE kind = '{table}' AND survivor_id = thing.id), \
         'sources', (SELECT json_agg(json_build_object('source', source, 'key', key, 'digest', encode(digest, 'hex'), \
         'told', told, 'isOfFormer', CASE WHEN is_of_former THEN true END) \
         ORDER BY source, key) FROM source_record WHERE {column} = thing.id AND NOT {is_exported}){decisions}), \
         'slug', thing.slug, {identifiers}{fields}))::text AS record, ({redaction})::text AS hiding FROM "
    ))
    .then(entities)
    .then(" AS thing ORDER BY thing.id")
}

fn entities_after_sql(kind: EntityType, after: i64) -> Sql {
    Sql::with(&format!("(SELECT * FROM {} WHERE id > ? ORDER BY id ", kind.table()), after)
        .then(sql!("LIMIT ?)", EXPORT_BATCH_RECORDS))
}

/// Returns the next papers after an id, which have at most [`EXPORT_BATCH_AUTHORSHIPS`] authors before the last one.
fn papers_after_sql(after: i64) -> Sql {
    sql!(
        "(SELECT paper.* FROM (SELECT id, sum(author_count) OVER (ORDER BY id) - author_count AS before \
         FROM (SELECT id, author_count FROM paper WHERE id > ? ORDER BY id LIMIT ?) AS next) AS weighed \
         JOIN paper ON paper.id = weighed.id WHERE weighed.before < ?)",
        after,
        EXPORT_BATCH_RECORDS,
        EXPORT_BATCH_AUTHORSHIPS,
    )
}
