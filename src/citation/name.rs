//! The parts of an author's name that a citation needs.

use crate::citation::CitedAuthor;
use crate::text::names;

/// Words that names of groups have, and hardly a person's: folded, as whole words.
const GROUP_WORDS: [&str; 39] = [
    "academy",
    "agency",
    "alliance",
    "association",
    "authority",
    "center",
    "centre",
    "collaboration",
    "college",
    "commission",
    "committee",
    "company",
    "consortium",
    "corporation",
    "council",
    "department",
    "equipe",
    "federation",
    "foundation",
    "gmbh",
    "group",
    "groupe",
    "inc",
    "initiative",
    "institut",
    "institute",
    "investigators",
    "laboratory",
    "ltd",
    "ministry",
    "network",
    "office",
    "organisation",
    "organization",
    "program",
    "project",
    "society",
    "team",
    "universite",
];
/// Words inside a name that join nouns, not names.
const JOINING_WORDS: [&str; 5] = ["and", "for", "of", "pour", "und"];

/// The name of an author as citations take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorName {
    /// A group, somebody with one name, or a name whose parts nobody can tell.
    Whole(String),
    /// A person. Given name, family name and suffix with spaces between them are the name.
    Parts {
        /// Given names and initials.
        given: String,
        /// Family name with its particles.
        family: String,
        /// What stands behind it: Jr., III.
        suffix: Option<String>,
    },
}

impl AuthorName {
    /// The parts of an author's name: those of the person where they make up the name, else those that the name tells.
    #[must_use]
    pub fn of(author: &CitedAuthor) -> Self {
        let name = names::clean(&author.name);
        if let (Some(given), Some(family)) = (&author.given, &author.family)
            && format!("{given} {family}") == name
            && !is_corporate(&name)
        {
            return Self::Parts { given: given.clone(), family: family.clone(), suffix: None };
        }
        if is_corporate(&name) { Self::Whole(name) } else { Self::read(name) }
    }

    fn read(name: String) -> Self {
        let parsed = names::parse(&name);
        let (Some(_), Some(family)) = (&parsed.given, &parsed.family) else { return Self::Whole(name) };
        let family = match &parsed.particle {
            Some(particle) => format!("{particle} {family}"),
            None => family.clone(),
        };
        if name.contains(',') {
            let given = parsed.given.unwrap_or_default();
            return Self::Parts { given, family, suffix: parsed.suffix };
        }
        // Whatever stands before the family name is given: nicknames too. A name in another order is whole.
        let rest = match &parsed.suffix {
            Some(suffix) => name.strip_suffix(suffix.as_str()).map(str::trim_end),
            None => Some(name.as_str()),
        };
        let given = rest.and_then(|rest| rest.strip_suffix(family.as_str())?.strip_suffix(' '));
        match given.filter(|given| !given.is_empty()) {
            Some(given) => Self::Parts { given: given.to_owned(), family, suffix: parsed.suffix },
            None => Self::Whole(name),
        }
    }
}

/// Whether a name is a group's rather than a person's.
#[must_use]
pub fn is_corporate(name: &str) -> bool {
    let folded = names::fold(name);
    let words: Vec<&str> = folded.split(' ').collect();
    let has_group_word = words.len() > 1 && words.iter().any(|word| GROUP_WORDS.contains(word));
    let inner = words.get(1..words.len().saturating_sub(1)).unwrap_or_default();
    let is_joined = inner.iter().any(|word| JOINING_WORDS.contains(word));
    has_group_word || is_joined || name.contains(" & ")
}
