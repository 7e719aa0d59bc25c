//! What the records of a harvest contain: one statement for each kind of entity on a page, and one for all organizations
//! that they refer to. Only public names are read; those of authors are redacted as in citations.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::citation::{AuthorName, CitedAuthor, CitedPaper};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LocalizedText;
use crate::model::record::{AbstractCompleteness, NameRecords};
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::reader::authorship::join_resolved_researcher;
use crate::store::reader::citation::{CITED_AUTHOR_FIELDS, CitedAuthorRow, CitedPaperRow};

/// An identifier of an external scheme.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ExternalIdentifier {
    /// The scheme, in lowercase.
    pub scheme: String,
    /// The identifier as the scheme writes it.
    pub value: String,
}

/// A topic that an entity refers to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TopicReference {
    /// Its id.
    pub id: i64,
    /// Its labels.
    pub labels: LocalizedText,
    /// Its vocabulary.
    pub scheme: String,
    /// Its code in the vocabulary.
    pub code: Option<String>,
}

/// A researcher that an author is resolved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorResearcher {
    /// The id.
    pub id: i64,
    /// The name.
    pub name: PersonName,
    /// The ORCID iD.
    pub orcid: Option<String>,
}

/// The displayed name of a researcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName {
    /// The full name.
    pub full: String,
    /// The given name.
    pub given: Option<String>,
    /// The family name.
    pub family: Option<String>,
}

/// An author of a paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperAuthor {
    /// The name on the paper; a suppressed one is replaced.
    pub name: String,
    /// The parts of that name.
    pub parts: AuthorName,
    /// The researcher.
    pub researcher: Option<AuthorResearcher>,
    /// The organizations that the author is affiliated with on the paper.
    pub organization_ids: Vec<i64>,
}

/// A paper.
#[derive(Clone, Debug, PartialEq)]
pub struct PaperContent {
    /// What is cited, with all authors, in order. The abstract is only there if it is complete and may be displayed.
    pub cited: CitedPaper<PaperAuthor>,
    /// The translations of the title.
    pub translated_titles: LocalizedText,
    /// The version of record, if this is another version of the work.
    pub version_of_id: Option<i64>,
    /// The topics.
    pub topics: Vec<TopicReference>,
}

/// A researcher.
#[derive(Clone, Debug, PartialEq)]
pub struct ResearcherContent {
    /// The displayed name.
    pub name: PersonName,
    /// The ORCID iD.
    pub orcid: Option<String>,
    /// The headline that was set.
    pub headline: LocalizedText,
    /// The biography.
    pub biography: LocalizedText,
    /// The home page.
    pub homepage_url: Option<String>,
    /// Identifiers of other schemes.
    pub identifiers: Vec<ExternalIdentifier>,
    /// Current affiliations as an employee, member or guest; the primary one first.
    pub affiliations: Vec<CurrentAffiliation>,
    /// The topics.
    pub topics: Vec<TopicReference>,
}

/// A current affiliation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CurrentAffiliation {
    /// The organization.
    pub organization_id: i64,
    /// When it began, as precise as it is known.
    pub start_date: Option<String>,
    /// When it ends.
    pub end_date: Option<String>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicContent {
    /// The vocabulary.
    pub scheme: String,
    /// The code in the vocabulary.
    pub code: Option<String>,
    /// The labels.
    pub labels: LocalizedText,
    /// The broader topics.
    pub broader_ids: Vec<i64>,
    /// Identifiers of other schemes.
    pub identifiers: Vec<ExternalIdentifier>,
}

/// An organization.
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationContent {
    /// The slug.
    pub slug: String,
    /// The ROR ID.
    pub ror: Option<String>,
    /// The displayed names.
    pub display_names: LocalizedText,
    /// All names.
    pub names: NameRecords,
    /// The types, in the words of ROR.
    pub types: Vec<String>,
    /// The country.
    pub country_code: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The home page.
    pub homepage_url: Option<String>,
    /// The parents.
    pub parent_ids: Vec<i64>,
    /// Whether it has children.
    pub has_children: bool,
    /// Identifiers of other schemes.
    pub identifiers: Vec<ExternalIdentifier>,
}

/// Organizations with all above them, by id.
pub type Organizations = HashMap<i64, OrganizationContent>;

/// Returns the organizations with all above them.
#[must_use]
pub fn with_ancestors(organizations: &Organizations, ids: &[i64]) -> HashSet<i64> {
    let (mut found, mut open) = (HashSet::new(), ids.to_vec());
    while let Some(id) = open.pop() {
        if let Some(organization) = organizations.get(&id)
            && found.insert(id)
        {
            open.extend(&organization.parent_ids);
        }
    }
    found
}

fn decode<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(Error::internal)
}

/// SQL of the identifiers of a row of an entity.
fn identifiers_of(kind: EntityType) -> String {
    let (table, column) = (kind.table(), kind.reference_column());
    format!(
        "coalesce((SELECT json_agg(json_build_object('scheme', scheme, 'value', value) ORDER BY scheme, value) \
         FROM external_id WHERE {column} = {table}.id), '[]')::text AS identifiers"
    )
}

/// SQL of the topics of a row of an entity.
fn topics_of(kind: EntityType) -> String {
    let (table, column) = (kind.table(), kind.reference_column());
    format!(
        "coalesce((SELECT json_agg(json_build_object('id', topic.id, 'labels', topic.display_names, 'scheme', topic.scheme, \
         'code', topic.code) ORDER BY {table}_topic.position, topic.id) FROM {table}_topic \
         JOIN topic ON topic.id = {table}_topic.topic_id WHERE {table}_topic.{column} = {table}.id), '[]')::text AS topics"
    )
}

#[derive(FromQueryResult)]
struct PaperRow {
    #[sea_orm(nested)]
    cited: CitedPaperRow,
    translated_titles: LocalizedText,
    abstract_completeness: AbstractCompleteness,
    version_of_id: Option<i64>,
    topics: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaperAuthorRow {
    #[serde(flatten)]
    cited: CitedAuthorRow,
    researcher_id: Option<i64>,
    display_name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    orcid: Option<String>,
    organization_ids: Option<Vec<i64>>,
}

impl PaperAuthorRow {
    fn into_author(self) -> PaperAuthor {
        let Self { cited, researcher_id, display_name, given_name, family_name, orcid, organization_ids } = self;
        let researcher = researcher_id.zip(display_name).map(|(id, full)| AuthorResearcher {
            id,
            name: PersonName { full, given: given_name, family: family_name },
            orcid,
        });
        let cited: CitedAuthor = cited.into_cited_author();
        PaperAuthor {
            parts: AuthorName::from_author(&cited),
            name: cited.name,
            researcher,
            organization_ids: organization_ids.unwrap_or_default(),
        }
    }
}

impl PaperRow {
    fn into_content(self) -> Result<PaperContent, Error> {
        let mut cited = self.cited.with_authors(PaperAuthorRow::into_author)?;
        if self.abstract_completeness != AbstractCompleteness::Full {
            cited.abstract_text = LocalizedText::default();
        }
        Ok(PaperContent {
            cited,
            translated_titles: self.translated_titles,
            version_of_id: self.version_of_id,
            topics: decode(&self.topics)?,
        })
    }
}

impl Store {
    /// Reads papers with all their authors.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn harvested_papers(&self, ids: &[i64]) -> Result<HashMap<i64, PaperContent>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (topics, resolved) = (topics_of(EntityType::Paper), join_resolved_researcher!("authorship"));
        let columns = format!(
            "SELECT paper.*, {topics}, coalesce((SELECT json_agg(json_build_object({CITED_AUTHOR_FIELDS}, \
             'researcherId', authorship.researcher_id, 'displayName', resolved.display_name, \
             'givenName', resolved.given_name, 'familyName', resolved.family_name, 'orcid', resolved.orcid, \
             'organizationIds', (SELECT json_agg(organization_id ORDER BY organization_id) FROM authorship_organization \
             WHERE authorship_id = authorship.id)) ORDER BY authorship.list_order) FROM authorship{resolved} \
             WHERE authorship.paper_id = paper.id), '[]')::text AS authors FROM paper WHERE paper.id = ANY(?)"
        );
        let sql = Sql::with(&columns, bigint_array(ids.iter().copied()));
        let rows = self.query_all::<PaperRow>("harvest::papers", sql).await?;
        rows.into_iter().map(|row| Ok((row.cited.id, row.into_content()?))).collect()
    }

    /// Reads researchers.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn harvested_researchers(&self, ids: &[i64]) -> Result<HashMap<i64, ResearcherContent>, Error> {
        #[derive(FromQueryResult)]
        struct ResearcherRow {
            id: i64,
            display_name: String,
            given_name: Option<String>,
            family_name: Option<String>,
            orcid: Option<String>,
            headline: LocalizedText,
            biography: LocalizedText,
            homepage_url: Option<String>,
            identifiers: String,
            affiliations: String,
            topics: String,
        }
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (identifiers, topics) = (identifiers_of(EntityType::Researcher), topics_of(EntityType::Researcher));
        let columns = format!(
            "SELECT id, display_name, given_name, family_name, orcid, headline, biography, homepage_url, {identifiers}, \
             {topics}, coalesce((SELECT json_agg(json_build_object('organizationId', organization_id, \
             'startDate', start_date, 'endDate', end_date) ORDER BY is_primary DESC, starts_on DESC, affiliation.id) \
             FROM affiliation WHERE researcher_id = researcher.id \
             AND kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') AND starts_on <= CURRENT_DATE \
             AND ends_on >= CURRENT_DATE), '[]')::text AS affiliations FROM researcher WHERE id = ANY(?)"
        );
        let sql = Sql::with(&columns, bigint_array(ids.iter().copied()));
        let content = |row: ResearcherRow| -> Result<ResearcherContent, Error> {
            let name = PersonName { full: row.display_name, given: row.given_name, family: row.family_name };
            Ok(ResearcherContent {
                name,
                orcid: row.orcid,
                headline: row.headline,
                biography: row.biography,
                homepage_url: row.homepage_url,
                identifiers: decode(&row.identifiers)?,
                affiliations: decode(&row.affiliations)?,
                topics: decode(&row.topics)?,
            })
        };
        let rows = self.query_all::<ResearcherRow>("harvest::researchers", sql).await?;
        rows.into_iter().map(|row| Ok((row.id, content(row)?))).collect()
    }

    /// Reads topics.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn harvested_topics(&self, ids: &[i64]) -> Result<HashMap<i64, TopicContent>, Error> {
        #[derive(FromQueryResult)]
        struct TopicRow {
            id: i64,
            scheme: String,
            code: Option<String>,
            display_names: LocalizedText,
            broader: String,
            identifiers: String,
        }
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let columns = format!(
            "SELECT id, scheme, code, display_names, {}, coalesce((SELECT json_agg(broader_id \
             ORDER BY broader_id) FROM topic_broader WHERE topic_id = topic.id), '[]')::text AS broader \
             FROM topic WHERE id = ANY(?)",
            identifiers_of(EntityType::Topic)
        );
        let sql = Sql::with(&columns, bigint_array(ids.iter().copied()));
        let content = |row: TopicRow| -> Result<TopicContent, Error> {
            Ok(TopicContent {
                scheme: row.scheme,
                code: row.code,
                labels: row.display_names,
                broader_ids: decode(&row.broader)?,
                identifiers: decode(&row.identifiers)?,
            })
        };
        let rows = self.query_all::<TopicRow>("harvest::topics", sql).await?;
        rows.into_iter().map(|row| Ok((row.id, content(row)?))).collect()
    }

    /// Reads organizations with all above them.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn harvested_organizations(&self, ids: &HashSet<i64>) -> Result<Organizations, Error> {
        #[derive(FromQueryResult)]
        struct OrganizationRow {
            id: i64,
            slug: String,
            ror: Option<String>,
            display_names: LocalizedText,
            names: NameRecords,
            types: Vec<String>,
            country_code: Option<String>,
            city: Option<String>,
            homepage_url: Option<String>,
            parents: String,
            has_children: bool,
            identifiers: String,
        }
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let columns = format!(
            "SELECT id, slug, ror, display_names, names, types, country_code, city, homepage_url, {}, \
             coalesce((SELECT json_agg(parent_id ORDER BY parent_id) FROM organization_parent \
             WHERE child_id = organization.id), '[]')::text AS parents, EXISTS (SELECT FROM organization_parent \
             WHERE parent_id = organization.id) AS has_children FROM organization WHERE ",
            identifiers_of(EntityType::Organization)
        );
        let above = sql!(
            "WITH RECURSIVE above(id) AS (SELECT unnest(?::bigint[]) UNION SELECT parent_id FROM organization_parent \
             JOIN above ON above.id = child_id) SELECT id FROM above",
            bigint_array(ids.iter().copied()),
        );
        let sql = Sql::from(columns).then(Sql::in_subquery("id", above));
        let content = |row: OrganizationRow| -> Result<OrganizationContent, Error> {
            Ok(OrganizationContent {
                slug: row.slug,
                ror: row.ror,
                display_names: row.display_names,
                names: row.names,
                types: row.types,
                country_code: row.country_code,
                city: row.city,
                homepage_url: row.homepage_url,
                parent_ids: decode(&row.parents)?,
                has_children: row.has_children,
                identifiers: decode(&row.identifiers)?,
            })
        };
        let rows = self.query_all::<OrganizationRow>("harvest::organizations", sql).await?;
        rows.into_iter().map(|row| Ok((row.id, content(row)?))).collect()
    }
}
