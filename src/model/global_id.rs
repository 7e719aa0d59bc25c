//! The directory's own ids: opaque to clients, typed inside.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What an id can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person.
    Researcher,
    /// An organization.
    Organization,
    /// What a person is at an organization.
    Affiliation,
    /// A topic.
    Topic,
    /// A paper.
    Paper,
    /// An author's place on a paper.
    Authorship,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Researcher, Self::Organization, Self::Affiliation, Self::Topic, Self::Paper, Self::Authorship];

    /// The name of its type in the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Researcher => "Researcher",
            Self::Organization => "Organization",
            Self::Affiliation => "Affiliation",
            Self::Topic => "Topic",
            Self::Paper => "Paper",
            Self::Authorship => "Authorship",
        }
    }
}

/// The id of one thing, unique in the directory and stable for ever.
///
/// Written as base64url of the type's name, a colon and the row's number; clients treat it as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalId {
    /// What it names.
    pub kind: Kind,
    /// Which one of these.
    pub number: i64,
}

/// A text that no id of this directory looks like.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not an id of this directory; ids come from the id field of what the directory answers")]
pub struct InvalidId(String);

impl fmt::Display for GlobalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = format!("{}:{}", self.kind.name(), self.number);
        formatter.write_str(&URL_SAFE_NO_PAD.encode(plain))
    }
}

impl FromStr for GlobalId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidId(text.chars().take(80).collect());
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let plain = String::from_utf8(bytes).map_err(|_| invalid())?;
        let (name, number) = plain.split_once(':').ok_or_else(invalid)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(invalid)?;
        let id = Self { kind, number: number.parse().map_err(|_| invalid())? };
        // One thing has one id: no leading zeros, no plus sign.
        if id.number > 0 && id.to_string() == text { Ok(id) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_else_is_an_id() {
        let plus = URL_SAFE_NO_PAD.encode("Paper:+1");
        for text in ["", "x", "Paper:1", "\0", &plus, &URL_SAFE_NO_PAD.encode("Person:1")] {
            assert!(text.parse::<GlobalId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ids_come_back(kind in proptest::sample::select(Kind::ALL.to_vec()), number in 1_i64..) {
            let id = GlobalId { kind, number };
            prop_assert_eq!(id.to_string().parse::<GlobalId>().expect("an id"), id);
        }

        #[test]
        fn any_text_is_an_id_or_refused(text in any::<String>()) {
            if let Ok(id) = text.parse::<GlobalId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
