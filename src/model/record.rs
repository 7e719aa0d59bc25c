//! Records: the neutral form that every import format is read into.
//!
//! As JSON (camelCase, one record a line, distinguished by `kind`), records are an import and export format of their
//! own, `records`.

pub mod digest;

use sea_orm::{DeriveActiveEnum, EnumIter, FromJsonQueryResult};
use serde::{Deserialize, Serialize};

use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::model::language::LocalizedText;
use crate::model::partial_date::PartialDate;

/// A record of a source about one entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields)]
#[allow(clippy::large_enum_variant, reason = "most records are papers")]
pub enum Record {
    /// An organization and its relations to others.
    #[serde(rename = "organization")]
    Organization(OrganizationRecord),
    /// A topic of a vocabulary.
    #[serde(rename = "topic")]
    Topic(TopicRecord),
    /// A researcher with affiliations and declared topics.
    #[serde(rename = "researcher")]
    Researcher(ResearcherRecord),
    /// A paper with its authors in order.
    #[serde(rename = "paper")]
    Paper(PaperRecord),
}

impl Record {
    /// Returns whether a directory exported the record: its texts and names are as stored.
    #[must_use]
    pub fn is_exported(&self) -> bool {
        match self {
            Self::Organization(record) => record.exported.is_some(),
            Self::Topic(record) => record.exported.is_some(),
            Self::Researcher(record) => record.exported.is_some(),
            Self::Paper(record) => record.exported.is_some(),
        }
    }
}

/// An identifier of a scheme that has no field of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalIdentifier {
    /// The scheme in lower case: `scopus`, `dblp`, `grid`, `wikidata`, or a source's own name.
    pub scheme: String,
    /// The identifier in the notation of the scheme.
    pub value: String,
}

/// What the exporting directory stores about the entity besides its fields, for a lossless round trip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportMetadata {
    /// The row id. The importing directory uses the same one if it is free.
    pub id: i64,
    /// Entities merged into this one.
    #[serde(rename = "formerly", default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedEntity>,
    /// The records of sources about this entity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceRecord>,
    /// For a researcher: the displayed other names that were decided, under which papers may be published. They are among
    /// the other names of the record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided_names: Vec<String>,
    /// For a researcher: whether the displayed name was decided. Not said of a researcher who hides a name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_name_decided: bool,
}

/// An entity that was merged into another. Its id and slug redirect to the survivor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MergedEntity {
    /// The row id.
    pub id: i64,
    /// The URL slug.
    pub slug: String,
    /// For a researcher merged by a decision: the name key, which now also identifies the survivor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_key: Option<String>,
}

/// A record of a source, by which the next import of the source is idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceRecord {
    /// The source.
    pub source: String,
    /// The key of the record in the source.
    pub key: String,
    /// The digest of the record, in hexadecimal.
    pub digest: String,
    /// The fields that the record provides, if known.
    #[serde(rename = "told", default, skip_serializing_if = "Option::is_none")]
    pub provided_fields: Option<Vec<String>>,
    /// Whether the record is of a researcher who was merged into this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_of_former: bool,
}

/// The kinds of names of organizations and topics. The words are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NameKind {
    /// The name to display if no language is requested.
    #[serde(rename = "DISPLAY")]
    Display,
    /// A full name or preferred label.
    #[serde(rename = "LABEL")]
    Label,
    /// An alternative name.
    #[serde(rename = "ALIAS")]
    Alias,
    /// An acronym.
    #[serde(rename = "ACRONYM")]
    Acronym,
}

/// A name in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameRecord {
    /// The name.
    pub value: String,
    /// BCP 47 language tag, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The kind of name.
    pub kind: NameKind,
}

/// The names of an organization or topic, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct NameRecords(pub Vec<NameRecord>);

/// A reference to an organization: by ROR id if present, else by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrganizationReference {
    /// The row id in the exporting directory. It identifies the organization if its own record was imported before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// ROR id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ror: Option<Ror>,
    /// The name. Without a ROR id, the organization is found or created by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A reference to a topic: by scheme and code, else by a label of the directory's own vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicReference {
    /// The row id in the exporting directory. It identifies the topic if its own record was imported before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The preferred URL slug if the topic has to be created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The vocabulary. `local` is the directory's own.
    #[serde(default = "local_scheme")]
    pub scheme: String,
    /// The code in the vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The URI in the vocabulary, which ends in the code. Topics of different URIs are different, whatever their codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The labels. Any of them finds a local topic; a new topic gets all of them.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub labels: LocalizedText,
}

impl TopicReference {
    /// Creates a reference to the topic of a vocabulary with this code or one of these labels.
    #[must_use]
    pub fn new(scheme: impl Into<String>, code: Option<String>, labels: LocalizedText) -> Self {
        Self { id: None, slug: None, scheme: scheme.into(), code, uri: None, labels }
    }
}

/// Returns the scheme of the directory's own topics.
#[must_use]
pub fn local_scheme() -> String {
    "local".to_owned()
}

/// A relation of an organization to another. The words are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrganizationRelation {
    /// The other organization is the parent.
    #[serde(rename = "parent")]
    Parent,
    /// The other organization is a child.
    #[serde(rename = "child")]
    Child,
    /// The other organization is a predecessor.
    #[serde(rename = "predecessor")]
    Predecessor,
    /// The other organization is a successor.
    #[serde(rename = "successor")]
    Successor,
}

/// An organization. The same ROR id means the same organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrganizationRecord {
    /// Data of the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportMetadata>,
    /// The preferred URL slug. Derived from the name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// ROR id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ror: Option<Ror>,
    /// Names, at least one.
    pub names: Vec<NameRecord>,
    /// Organization types of ROR, as in the GraphQL schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// `ACTIVE`, `INACTIVE` or `WITHDRAWN`. Default: active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// The city where the organization is based.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The organization's website.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage_url: Option<String>,
    /// Identifiers of other schemes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// Relations to organizations identified by ROR id, imported or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<(OrganizationRelation, Ror)>,
}

/// A topic. The same scheme and code means the same topic; for local topics, the same label does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicRecord {
    /// Data of the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportMetadata>,
    /// The preferred URL slug. Derived from the first label if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The vocabulary. `local` is the directory's own.
    #[serde(default = "local_scheme")]
    pub scheme: String,
    /// The code in the vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The URI in the vocabulary, which ends in the code. Topics of different URIs are different, whatever their codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Names, at least one.
    pub names: Vec<NameRecord>,
    /// Broader topics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broader: Vec<TopicReference>,
}

/// Affiliation types of ORCID. The words are stored.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, EnumIter, DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the words of ORCID, which the GraphQL schema explains")]
pub enum AffiliationKind {
    #[serde(rename = "EMPLOYMENT")]
    Employment,
    #[serde(rename = "MEMBERSHIP")]
    Membership,
    #[serde(rename = "EDUCATION")]
    Education,
    #[serde(rename = "QUALIFICATION")]
    Qualification,
    #[serde(rename = "SERVICE")]
    Service,
    #[serde(rename = "INVITED_POSITION")]
    InvitedPosition,
    #[serde(rename = "DISTINCTION")]
    Distinction,
}

/// An affiliation of a researcher with an organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AffiliationRecord {
    /// The row id in the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The organization.
    pub organization: OrganizationReference,
    /// The affiliation type of ORCID.
    #[serde(rename = "affiliationKind")]
    pub kind: AffiliationKind,
    /// The title of the role.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub role_title: LocalizedText,
    /// The name of the department.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub department_name: LocalizedText,
    /// First day, as precise as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<PartialDate>,
    /// Last day, as precise as known. Absent for a current affiliation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<PartialDate>,
    /// Whether it has ended on a day that is not known. False if `end_date` is present.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_ended: bool,
    /// Whether this is the primary affiliation. At most one of a researcher is.
    #[serde(default)]
    pub is_primary: bool,
}

/// The uses of another name of a researcher. The words are stored.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumIter,
    DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NameUse {
    /// Displayed and searchable.
    #[default]
    #[serde(rename = "DISPLAY")]
    Display,
    /// Searchable, never displayed.
    #[serde(rename = "SEARCH_ONLY")]
    SearchOnly,
    /// Neither displayed nor searchable. Records under this name are still matched with the researcher.
    #[serde(rename = "PRIVATE")]
    Private,
}

/// Another name of a researcher. In JSON, a string if it is public, else an object with `value` and `use`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "OtherNameJson", into = "OtherNameJson")]
pub struct OtherName {
    /// The name.
    pub value: String,
    /// Its use.
    pub name_use: NameUse,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "another name is a string, or an object with `value` and `use`: DISPLAY, SEARCH_ONLY or PRIVATE"
)]
enum OtherNameJson {
    Public(String),
    WithUse(OtherNameObject),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherNameObject {
    value: String,
    #[serde(default, rename = "use")]
    name_use: NameUse,
}

impl OtherName {
    /// Returns whether the name is hidden.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.name_use != NameUse::Display
    }
}

impl From<String> for OtherName {
    fn from(value: String) -> Self {
        Self { value, name_use: NameUse::Display }
    }
}

impl From<OtherNameJson> for OtherName {
    fn from(written: OtherNameJson) -> Self {
        match written {
            OtherNameJson::Public(value) => value.into(),
            OtherNameJson::WithUse(OtherNameObject { value, name_use }) => Self { value, name_use },
        }
    }
}

impl From<OtherName> for OtherNameJson {
    fn from(OtherName { value, name_use }: OtherName) -> Self {
        match name_use {
            NameUse::Display => Self::Public(value),
            NameUse::SearchOnly | NameUse::Private => Self::WithUse(OtherNameObject { value, name_use }),
        }
    }
}

/// A researcher. The same ORCID iD, or without one the same name, means the same researcher.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResearcherRecord {
    /// Data of the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportMetadata>,
    /// The preferred URL slug. Derived from the name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The displayed name.
    pub name: String,
    /// Given names. Parsed from `name` if both parts are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Other names, public or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_names: Vec<OtherName>,
    /// Whether the displayed name replaces the published ones on all papers. False means that the record does not say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withhold_published_name: bool,
    /// ORCID iD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcid: Option<Orcid>,
    /// A headline, which replaces the one generated from the primary employment.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub headline: LocalizedText,
    /// A biography of a few paragraphs.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub biography: LocalizedText,
    /// URL of a portrait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portrait_url: Option<String>,
    /// The researcher's website.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage_url: Option<String>,
    /// Identifiers of other schemes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// Current and past affiliations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affiliations: Vec<AffiliationRecord>,
    /// Declared topics, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicReference>,
}

/// How much of an abstract is available. The words are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AbstractCompleteness {
    /// The complete abstract.
    #[serde(rename = "FULL")]
    Full,
    /// Truncated by the source.
    #[serde(rename = "TRUNCATED")]
    Truncated,
    /// The source has no abstract.
    #[default]
    #[serde(rename = "ABSENT")]
    Absent,
    /// There is an abstract that may not be displayed.
    #[serde(rename = "WITHHELD")]
    Withheld,
}

/// The type of a paper, by the vocabularies of COAR and CSL; the GraphQL schema explains them. The words are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the GraphQL schema explains them")]
pub enum PaperType {
    #[serde(rename = "ARTICLE")]
    Article,
    #[serde(rename = "CONFERENCE_PAPER")]
    ConferencePaper,
    #[serde(rename = "PREPRINT")]
    Preprint,
    #[serde(rename = "BOOK")]
    Book,
    #[serde(rename = "BOOK_CHAPTER")]
    BookChapter,
    #[serde(rename = "THESIS")]
    Thesis,
    #[serde(rename = "REPORT")]
    Report,
    #[serde(rename = "DATASET")]
    Dataset,
    #[default]
    #[serde(rename = "OTHER")]
    Other,
}

/// A paper. The same id of the same source, or the same DOI, means the same paper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaperRecord {
    /// Data of the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportMetadata>,
    /// The preferred URL slug. Derived from the title if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The id of the paper in its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// The title as published.
    pub title: String,
    /// Translations of the title.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub translated_titles: LocalizedText,
    /// The abstract.
    #[serde(default, rename = "abstract", skip_serializing_if = "LocalizedText::is_empty")]
    pub abstract_text: LocalizedText,
    /// How much of the abstract is available.
    #[serde(default)]
    pub abstract_completeness: AbstractCompleteness,
    /// Publication date, as precise as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publication_date: Option<PartialDate>,
    /// The type of paper.
    #[serde(default, rename = "type")]
    pub paper_type: PaperType,
    /// The journal, proceedings or book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue_name: Option<String>,
    /// The volume of the journal, or of the series of the book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// The issue of the volume, or the number of the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// The pages, with an en dash between the ends of a range: `123–145`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<String>,
    /// The article number, of papers that have one instead of pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article_number: Option<String>,
    /// The edition: its number, or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// The publisher; of a thesis or a report, the institution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_name: Option<String>,
    /// ISSNs of the journal or the series, as `1234-5679`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issns: Vec<String>,
    /// ISBNs of the book, of 13 digits without hyphens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isbns: Vec<String>,
    /// Keywords as published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// The language of the paper, a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// DOI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doi: Option<Doi>,
    /// A DOI stated for this paper that belongs to another paper of the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_doi: Option<Doi>,
    /// arXiv id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arxiv_id: Option<ArxivId>,
    /// URL of the paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether the paper was retracted.
    #[serde(default)]
    pub is_retracted: bool,
    /// Identifiers of other schemes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// All authors, in order.
    pub authors: Vec<AuthorRecord>,
    /// Whether `authors` are only the authors that the source knows. The paper keeps its other authors.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authors_are_incomplete: bool,
    /// Topics of the paper.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicReference>,
}

/// An author of a paper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorRecord {
    /// The row id of the authorship in the exporting directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The row id of the researcher in the exporting directory. An author of an exported paper without it is
    /// unresolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub researcher_id: Option<i64>,
    /// Whether a manual decision assigned the researcher.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_decided: bool,
    /// For an unresolved author: the row id of the researcher of the same name who has another position on the paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as_id: Option<i64>,
    /// The author position, from 1. Absent if the source does not state it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// The name as published.
    pub name: String,
    /// Given name, if the source states the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name, if the source states the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// ORCID iD as stated by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcid: Option<Orcid>,
    /// Identifiers of other schemes, such as the source's own author id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// Whether this is the corresponding author, if the source states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_corresponding: Option<bool>,
    /// Authors with the same number contributed equally.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equal_contribution_group: Option<u32>,
    /// Affiliations as published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affiliations_as_published: Vec<String>,
    /// Organizations that the source identifies by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<OrganizationReference>,
}
