//! The neutral records: what every import format is read into, whatever its own shape.
//!
//! As JSON (camelCase, one record a line, `kind` telling which) they are also a format of their own, `records`.

pub mod digest;

use serde::{Deserialize, Serialize};

use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::model::language::LocalizedText;
use crate::model::partial_date::PartialDate;

/// One thing that a source states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields)]
pub enum Record {
    /// An organization and its place among others.
    #[serde(rename = "organization")]
    Organization(OrganizationRecord),
    /// A concept of a vocabulary.
    #[serde(rename = "topic")]
    Topic(TopicRecord),
    /// A person with affiliations and declared topics.
    #[serde(rename = "researcher")]
    Researcher(ResearcherRecord),
    /// A paper with its authors in order.
    #[serde(rename = "paper")]
    Paper(PaperRecord),
}

/// An id of a scheme that has no field of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalIdentifier {
    /// The scheme in lower case: `scopus`, `dblp`, `grid`, `wikidata`, or a source's own name.
    pub scheme: String,
    /// The id as the scheme writes it.
    pub value: String,
}

/// What a directory that exported a record knows of the thing, so that another one can take its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportMetadata {
    /// The number in its id. It gets the same one where that is free.
    pub id: i64,
    /// What was merged into it.
    #[serde(rename = "formerly", default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedEntity>,
    /// The records of sources that it was made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceRecord>,
}

/// Something that was merged into another: its id and its address lead there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MergedEntity {
    /// The number in its id.
    pub id: i64,
    /// Its name in an address.
    pub slug: String,
    /// Of a person whom people merged into another: the key of the name by which the other one is meant, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_key: Option<String>,
}

/// A record of a source, by which a new import of the same source knows the thing again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceRecord {
    /// The source.
    pub source: String,
    /// The record's key there.
    pub key: String,
    /// The digest of what it said, in hexadecimal.
    pub digest: String,
    /// The fields of which it said something, where that is known.
    #[serde(rename = "told", default, skip_serializing_if = "Option::is_none")]
    pub provided_fields: Option<Vec<String>>,
    /// Whether it is of somebody who was merged into the person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_of_former: bool,
}

/// What a name of an organization or a topic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NameKind {
    /// The one to show where no language is asked for.
    #[serde(rename = "DISPLAY")]
    Display,
    /// A full name, or a preferred label.
    #[serde(rename = "LABEL")]
    Label,
    /// Another name it goes by.
    #[serde(rename = "ALIAS")]
    Alias,
    /// Its initials.
    #[serde(rename = "ACRONYM")]
    Acronym,
}

/// One name in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameRecord {
    /// The name.
    pub value: String,
    /// Its BCP 47 tag, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What kind of name it is.
    pub kind: NameKind,
}

/// Which organization is meant: by ROR id where there is one, else by a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrganizationReference {
    /// Its number in the directory that exported it; it is found by that where its own record came before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Its ROR id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ror: Option<Ror>,
    /// Its name, by which it is found, or created, where there is no ROR id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Which topic is meant: by scheme and code, else by a label of the directory's own vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicReference {
    /// Its number in the directory that exported it; it is found by that where its own record came before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The address wanted for its page where it has to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The vocabulary; `local` is the directory's own.
    #[serde(default = "local_scheme")]
    pub scheme: String,
    /// Its code there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Its labels; any of them finds a local topic, all of them make a new one.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub labels: LocalizedText,
}

impl TopicReference {
    /// The topic with this code, or with one of these labels, in a vocabulary.
    #[must_use]
    pub fn new(scheme: impl Into<String>, code: Option<String>, labels: LocalizedText) -> Self {
        Self { id: None, slug: None, scheme: scheme.into(), code, labels }
    }
}

/// The scheme of the directory's own topics.
#[must_use]
pub fn local_scheme() -> String {
    "local".to_owned()
}

/// How an organization stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrganizationRelation {
    /// The other is above it.
    #[serde(rename = "parent")]
    Parent,
    /// The other is below it.
    #[serde(rename = "child")]
    Child,
    /// The other came before it.
    #[serde(rename = "predecessor")]
    Predecessor,
    /// The other came after it.
    #[serde(rename = "successor")]
    Successor,
}

/// An organization; the same ROR id means the same organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrganizationRecord {
    /// What an export tells of its place in the directory that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportMetadata>,
    /// The address wanted for its page; made from the name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Its ROR id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ror: Option<Ror>,
    /// Its names, at least one.
    pub names: Vec<NameRecord>,
    /// ROR's types, as the read schema writes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// `ACTIVE`, `INACTIVE` or `WITHDRAWN`; active where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// The place of its seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Its own site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage_url: Option<String>,
    /// Ids of other schemes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// Relations to organizations named by ROR id, known already or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<(OrganizationRelation, Ror)>,
}

/// A topic; the same scheme and code, or for local topics the same label, mean the same topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicRecord {
    /// What an export tells of its place in the directory that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportMetadata>,
    /// The address wanted for its page; made from the first label where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The vocabulary; `local` is the directory's own.
    #[serde(default = "local_scheme")]
    pub scheme: String,
    /// Its code there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Its names, at least one.
    pub names: Vec<NameRecord>,
    /// The topics it is part of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broader: Vec<TopicReference>,
}

/// ORCID's kinds of affiliation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "ORCID's own words, which the read schema explains")]
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

/// What a person is, or was, at an organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AffiliationRecord {
    /// The number in its id, in the directory that exported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Where.
    pub organization: OrganizationReference,
    /// As what, in ORCID's terms.
    #[serde(rename = "affiliationKind")]
    pub kind: AffiliationKind,
    /// The role's title.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub role_title: LocalizedText,
    /// The department's name.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub department_name: LocalizedText,
    /// Its first day, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<PartialDate>,
    /// Its last day, as far as known; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<PartialDate>,
    /// Whether it is the one to name first; at most one of a person is.
    #[serde(default)]
    pub is_primary: bool,
}

/// What another name of a person is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NameUse {
    /// It is shown, and finds the person.
    #[default]
    #[serde(rename = "DISPLAY")]
    Display,
    /// It finds the person, and is shown nowhere.
    #[serde(rename = "SEARCH_ONLY")]
    SearchOnly,
    /// It is shown nowhere and finds nobody; records under it are still known to be the person's.
    #[serde(rename = "PRIVATE")]
    Private,
}

/// Another name of a person: a text where it is public, else an object with `value` and `use`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "OtherNameJson", into = "OtherNameJson")]
pub struct OtherName {
    /// The name.
    pub value: String,
    /// What it is for.
    pub name_use: NameUse,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "another name is a text, or an object with `value` and `use`: DISPLAY, SEARCH_ONLY or PRIVATE"
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
    /// Whether it is not to be shown.
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

/// A person; the same ORCID iD, or without one the same name, means the same person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResearcherRecord {
    /// What an export tells of its place in the directory that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportMetadata>,
    /// The address wanted for the profile; made from the name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The name as displayed.
    pub name: String,
    /// Given names; told from `name` where both parts are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Other names, public or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_names: Vec<OtherName>,
    /// Whether the name is shown on all papers in place of the published ones; where false, nothing is said of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withhold_published_name: bool,
    /// Their ORCID iD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcid: Option<Orcid>,
    /// A line under the name that replaces the one made from the primary employment.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub headline: LocalizedText,
    /// A few paragraphs about them.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub biography: LocalizedText,
    /// A picture of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portrait_url: Option<String>,
    /// Their own page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage_url: Option<String>,
    /// Ids of other schemes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// Where they are and were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affiliations: Vec<AffiliationRecord>,
    /// The topics they declare, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicReference>,
}

/// How much of an abstract there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AbstractCompleteness {
    /// All of it.
    #[serde(rename = "FULL")]
    Full,
    /// The source cut it.
    #[serde(rename = "TRUNCATED")]
    Truncated,
    /// The source has none.
    #[default]
    #[serde(rename = "ABSENT")]
    Absent,
    /// There is one that may not be shown.
    #[serde(rename = "WITHHELD")]
    Withheld,
}

/// What kind of work a paper is (COAR and CSL's kinds, as the read schema explains them).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the read schema explains them")]
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

/// A paper; the same id of the same source, or the same DOI, means the same paper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaperRecord {
    /// What an export tells of its place in the directory that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportMetadata>,
    /// The address wanted for its page; made from the title where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The source's own id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// The title as published.
    pub title: String,
    /// The title in other languages.
    #[serde(default, skip_serializing_if = "LocalizedText::is_empty")]
    pub translated_titles: LocalizedText,
    /// The abstract.
    #[serde(default, rename = "abstract", skip_serializing_if = "LocalizedText::is_empty")]
    pub abstract_text: LocalizedText,
    /// How much of the abstract that is.
    #[serde(default)]
    pub abstract_completeness: AbstractCompleteness,
    /// When it appeared, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publication_date: Option<PartialDate>,
    /// What kind of work it is.
    #[serde(default, rename = "type")]
    pub paper_type: PaperType,
    /// The journal, proceedings or book it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue_name: Option<String>,
    /// The language it is written in, a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Its DOI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doi: Option<Doi>,
    /// A DOI of it that another paper has, in the directory that exported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_doi: Option<Doi>,
    /// Its arXiv id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arxiv_id: Option<ArxivId>,
    /// Where to read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether it was retracted.
    #[serde(default)]
    pub is_retracted: bool,
    /// Ids of other schemes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// All authors, in order.
    pub authors: Vec<AuthorRecord>,
    /// Whether `authors` are only those whom the source knows of: the others that a paper has stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authors_are_incomplete: bool,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicReference>,
}

/// An author of a paper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorRecord {
    /// The number in the id of the authorship, in the directory that exported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Who the author is: the number in the person's id there. Of an exported paper, an author without one is nobody known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub researcher_id: Option<i64>,
    /// Whether people decided that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_decided: bool,
    /// Of an author who is nobody known: the number of the person who has another place on the paper, and the same name there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as_id: Option<i64>,
    /// The place among the authors, from 1; absent where the source does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// The name in the source's own characters.
    pub name: String,
    /// The given name, where the source tells the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The family name, where the source tells the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// The author's ORCID iD as the source gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcid: Option<Orcid>,
    /// The author's ids in other schemes, such as a source's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<ExternalIdentifier>,
    /// Whether letters go to this author, where the source tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_corresponding: Option<bool>,
    /// Authors with the same number contributed equally.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equal_contribution_group: Option<u32>,
    /// The affiliations as printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affiliations_as_published: Vec<String>,
    /// The organizations that the source names by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<OrganizationReference>,
}
