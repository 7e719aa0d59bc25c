//! Global ids: opaque to clients, typed inside the server.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The kinds of entity that a global id can identify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// A researcher.
    Researcher,
    /// An organization.
    Organization,
    /// An affiliation of a researcher with an organization.
    Affiliation,
    /// A topic.
    Topic,
    /// A paper.
    Paper,
    /// An authorship: one author of one paper.
    Authorship,
}

impl NodeKind {
    const ALL: [Self; 6] =
        [Self::Researcher, Self::Organization, Self::Affiliation, Self::Topic, Self::Paper, Self::Authorship];

    /// Returns the name of the GraphQL type.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Researcher => "Researcher",
            Self::Organization => "Organization",
            Self::Affiliation => "Affiliation",
            Self::Topic => "Topic",
            Self::Paper => "Paper",
            Self::Authorship => "Authorship",
        }
    }

    /// Returns the kind with this GraphQL type.
    #[must_use]
    pub fn by_type_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_name() == name)
    }
}

/// The id of one entity, unique in the directory and stable.
///
/// It is written as base64url of the type name, a colon and the row id. Clients treat it as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalId {
    /// The kind of entity.
    pub kind: NodeKind,
    /// The primary key of the row.
    pub row_id: i64,
}

/// The error for a text that is not a global id.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not an id of this directory; use the value of an `id` field")]
pub struct InvalidGlobalId(String);

impl fmt::Display for GlobalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = format!("{}:{}", self.kind.type_name(), self.row_id);
        formatter.write_str(&URL_SAFE_NO_PAD.encode(plain))
    }
}

impl FromStr for GlobalId {
    type Err = InvalidGlobalId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidGlobalId(text.chars().take(80).collect());
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let plain = String::from_utf8(bytes).map_err(|_| invalid())?;
        let (name, number) = plain.split_once(':').ok_or_else(invalid)?;
        let kind = NodeKind::by_type_name(name).ok_or_else(invalid)?;
        let id = Self { kind, row_id: number.parse().map_err(|_| invalid())? };
        // Only the canonical form is accepted: no leading zeros and no plus sign.
        if id.row_id > 0 && id.to_string() == text { Ok(id) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_texts_are_rejected() {
        let plus = URL_SAFE_NO_PAD.encode("Paper:+1");
        for text in ["", "x", "Paper:1", "\0", &plus, &URL_SAFE_NO_PAD.encode("Person:1")] {
            assert!(text.parse::<GlobalId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ids_round_trip(kind in proptest::sample::select(NodeKind::ALL.to_vec()), number in 1_i64..) {
            let id = GlobalId { kind, row_id: number };
            prop_assert_eq!(id.to_string().parse::<GlobalId>().expect("an id"), id);
        }

        #[test]
        fn only_canonical_texts_are_ids(text in any::<String>()) {
            if let Ok(id) = text.parse::<GlobalId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
