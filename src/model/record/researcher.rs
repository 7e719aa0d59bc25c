//! Records of researchers.

use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

use crate::model::identifier::Orcid;
use crate::model::language::LocalizedText;
use crate::model::partial_date::PartialDate;
use crate::model::record::{ExportMetadata, ExternalIdentifier, OrganizationReference, TopicReference};

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
