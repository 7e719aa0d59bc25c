//! Records of organizations.

use serde::{Deserialize, Serialize};

use crate::model::identifier::Ror;
use crate::model::record::{ExportMetadata, ExternalIdentifier, NameRecord};

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
