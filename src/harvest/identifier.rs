//! OAI identifiers of records: `oai:{domain}:{collection}/{number}`.

use std::fmt;

use crate::model::change::ChangeKind;

/// The collections, with the kinds of entity that they contain.
const COLLECTIONS: [(&str, ChangeKind); 4] = [
    ("Persons", ChangeKind::Researcher),
    ("OrgUnits", ChangeKind::Organization),
    ("Topics", ChangeKind::Topic),
    ("Papers", ChangeKind::Paper),
];

/// The identifier of an entity within the directory, such as `Persons/4711`. It never changes: that of a paper does not
/// depend on its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalId {
    /// The kind of entity.
    pub kind: ChangeKind,
    /// Its row id.
    pub id: i64,
}

impl LocalId {
    /// Parses the OAI identifier of an entity of the repository with a domain. `None` if it is not one.
    #[must_use]
    pub fn parse(text: &str, domain: &str) -> Option<Self> {
        let local = text.strip_prefix("oai:")?.strip_prefix(domain)?.strip_prefix(':')?;
        let (collection, number) = local.split_once('/')?;
        let (_, kind) = COLLECTIONS.into_iter().find(|(name, _)| *name == collection)?;
        let id = Self { kind, id: number.parse().ok()? };
        // Only the canonical form is accepted: no leading zeros and no plus sign.
        (id.id > 0 && id.to_string() == local).then_some(id)
    }

    /// Returns the OAI identifier in the repository with a domain.
    #[must_use]
    pub fn oai_identifier(self, domain: &str) -> String {
        format!("oai:{domain}:{self}")
    }
}

impl fmt::Display for LocalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let collection = COLLECTIONS.into_iter().find(|(_, kind)| *kind == self.kind);
        write!(formatter, "{}/{}", collection.map_or("Affiliations", |(name, _)| name), self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_identifiers_are_rejected() {
        for text in [
            "",
            "oai:example.org:Persons/1x",
            "oai:example.org:Persons/01",
            "oai:example.org:Persons/+1",
            "oai:example.org:Persons/0",
            "oai:example.org:persons/1",
            "oai:example.com:Persons/1",
            "oai:example.org:Affiliations/1",
            "oai:example.org:Persons/99999999999999999999",
            "Persons/1",
        ] {
            assert_eq!(LocalId::parse(text, "example.org"), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn identifiers_round_trip(kind in 0_usize..4, id in 1_i64..) {
            let local = LocalId { kind: COLLECTIONS[kind].1, id };
            prop_assert_eq!(LocalId::parse(&local.oai_identifier("example.org"), "example.org"), Some(local));
        }
    }
}
