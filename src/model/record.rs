//! Records: the neutral form that every import format is read into.
//!
//! As JSON (camelCase, one record a line, distinguished by `kind`), records are an import and export format of their
//! own, `records`.

pub mod digest;
mod organization;
mod paper;
mod researcher;
mod topic;

use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

pub use crate::model::record::organization::{OrganizationRecord, OrganizationReference, OrganizationRelation};
pub use crate::model::record::paper::{AbstractCompleteness, AuthorRecord, PaperRecord, PaperType};
pub use crate::model::record::researcher::{AffiliationKind, AffiliationRecord, NameUse, OtherName, ResearcherRecord};
pub use crate::model::record::topic::{TopicRecord, TopicReference, local_scheme};

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
