//! Records of topics.

use serde::{Deserialize, Serialize};

use crate::model::language::LocalizedText;
use crate::model::record::{ExportMetadata, NameRecord};

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
