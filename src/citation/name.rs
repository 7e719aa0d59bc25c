//! Name parts of authors for citations.

use crate::citation::CitedAuthor;
use crate::text::names;

/// Case-folded words that occur in names of groups but hardly of people.
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
/// Words that join nouns inside the name of a group.
const JOINING_WORDS: [&str; 5] = ["and", "for", "of", "pour", "und"];

/// The name of an author as citations use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorName {
    /// The name of a group, a mononym, or a name whose parts are unknown.
    Literal(String),
    /// The name of a person. Given name, family name and suffix, joined by spaces, are the full name.
    Parts {
        /// Given names and initials.
        given: String,
        /// Family name with its particles.
        family: String,
        /// The suffix: Jr., III.
        suffix: Option<String>,
    },
}

impl AuthorName {
    /// Returns the name parts of an author: those of the researcher if they form the name on the paper, otherwise
    /// parsed ones.
    #[must_use]
    pub fn from_author(author: &CitedAuthor) -> Self {
        let name = names::clean(&author.name);
        if let (Some(given), Some(family)) = (&author.given, &author.family)
            && format!("{given} {family}") == name
            && !is_group_name(&name)
        {
            return Self::Parts { given: given.clone(), family: family.clone(), suffix: None };
        }
        if is_group_name(&name) { Self::Literal(name) } else { Self::parse(name) }
    }

    fn parse(name: String) -> Self {
        let parsed = names::parse_name(&name);
        let (Some(_), Some(family)) = (&parsed.given, &parsed.family) else { return Self::Literal(name) };
        let family = match &parsed.particle {
            Some(particle) => format!("{particle} {family}"),
            None => family.clone(),
        };
        if name.contains(',') {
            let given = parsed.given.unwrap_or_default();
            return Self::Parts { given, family, suffix: parsed.suffix };
        }
        // All words before the family name are given names, including nicknames. Names in another order remain
        // literal.
        let rest = match &parsed.suffix {
            Some(suffix) => name.strip_suffix(suffix.as_str()).map(str::trim_end),
            None => Some(name.as_str()),
        };
        let given = rest.and_then(|rest| rest.strip_suffix(family.as_str())?.strip_suffix(' '));
        match given.filter(|given| !given.is_empty()) {
            Some(given) => Self::Parts { given: given.to_owned(), family, suffix: parsed.suffix },
            None => Self::Literal(name),
        }
    }
}

/// Whether a name belongs to a group rather than a person.
#[must_use]
pub fn is_group_name(name: &str) -> bool {
    let folded = names::fold(name);
    let words: Vec<&str> = folded.split(' ').collect();
    let has_group_word = words.len() > 1 && words.iter().any(|word| GROUP_WORDS.contains(word));
    let inner = words.get(1..words.len().saturating_sub(1)).unwrap_or_default();
    let is_joined = inner.iter().any(|word| JOINING_WORDS.contains(word));
    has_group_word || is_joined || name.contains(" & ")
}
