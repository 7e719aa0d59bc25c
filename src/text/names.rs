//! Personal names: parsing (`parse`), comparison (`compare`), repair of damaged names (`repair`), redaction of hidden
//! names (`hidden`), and the keys by which names are sorted and matched.

mod author_field;
mod compare;
mod form;
mod hidden;
mod nicknames;
mod parse;
mod published;
mod repair;
mod unlike;

pub use crate::text::names::author_field::{AuthorField, NamedPerson, named_person, parse_author_field, split_suffix};
pub use crate::text::names::compare::{ComparableName, NameComparison, NameDifference, NameSimilarity, compare_names};
pub use crate::text::names::form::{Commonness, NameForm};
pub use crate::text::names::hidden::{
    WILDCARD_FORM, hidden_forms, name_reveals_hidden, slug_reveals_hidden, text_reveals_hidden,
};
pub use crate::text::names::parse::{ParsedName, email_addresses, parse_name};
pub(crate) use crate::text::names::parse::{is_suffix_after_comma, split_at_semicolons, split_final_initials};
pub use crate::text::names::published::{MAX_PUBLISHED_NAMES, additional_published_names};
pub use crate::text::names::repair::{ListCapitals, Repair, RepairRule, RepairedName, repair_listed_name, repair_name};

pub use crate::text::names::unlike::{DistinctiveName, are_unlike};
pub use crate::text::normalize::{clean, clean_paragraphs, fold};
pub use crate::text::slug::slug;

use unicode_normalization::UnicodeNormalization as _;

use crate::text::bounded_key::bounded_key;
use crate::text::normalize::collapse_whitespace;
use crate::text::sort_key::truncate_sort_key;

/// Words that belong to the family name that follows them.
const PARTICLES: [&str; 31] = [
    "'t", "af", "al", "ap", "bin", "da", "dal", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du",
    "el", "ibn", "la", "le", "ten", "ter", "the", "van", "vande", "vander", "von", "zu", "zum", "zur",
];

/// Returns the key by which two spellings count as the same name, before anything else is known. It ignores case, white
/// space, and the choice of hyphens and apostrophes. Accents matter: Ana Pena may not be Ana Peña.
#[must_use]
pub fn name_key(name: &str) -> String {
    let plain = name.nfc().filter(|c| c.is_whitespace() || !c.is_control()).map(|character| match character {
        '’' | 'ʼ' | '‘' | '`' | '´' => '\'',
        '‐' | '‑' | '–' | '−' => '-',
        other => other,
    });
    bounded_key(collapse_whitespace(plain.flat_map(char::to_lowercase)))
}

/// A personal name in its parts. A single name is a given name, as in ORCID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameParts {
    /// Given names and initials.
    pub given: Option<String>,
    /// Family name with its particles. `None` for a single name.
    pub family: Option<String>,
}

impl NameParts {
    /// Returns how many words of a name are the family name: negative if it comes first, 0 without one. Of a name without
    /// spaces, characters are counted. `None` if the name is not made of these parts.
    #[must_use]
    pub fn family_words(&self, name: &str) -> Option<i16> {
        let name = clean(name);
        let separator = if name.contains(' ') { " " } else { "" };
        let given = clean(self.given.as_deref()?);
        let Some(family) = self.family.as_deref().map(clean) else { return (given == name).then_some(0) };
        let count = if separator.is_empty() { family.chars().count() } else { family.split(' ').count() };
        let count = i16::try_from(count).ok()?;
        if format!("{given}{separator}{family}") == name {
            Some(count)
        } else {
            (format!("{family}{separator}{given}") == name).then_some(-count)
        }
    }

    /// Returns the parts of a name whose [`Self::family_words`] are known. `None` if it has too few words.
    #[must_use]
    pub fn with_family_words(name: &str, count: i16) -> Option<Self> {
        let name = clean(name);
        if count == 0 {
            return Some(Self { given: Some(name), family: None });
        }
        let separator = if name.contains(' ') { " " } else { "" };
        let words: Vec<String> = match separator {
            "" => name.chars().map(String::from).collect(),
            _ => name.split(' ').map(str::to_owned).collect(),
        };
        let count_of_words = usize::from(count.unsigned_abs());
        let rest = words.len().checked_sub(count_of_words).filter(|rest| *rest > 0)?;
        let (first, last) = words.split_at(if count > 0 { rest } else { count_of_words });
        let (given, family) = if count > 0 { (first, last) } else { (last, first) };
        Some(Self { given: Some(given.join(separator)), family: Some(family.join(separator)) })
    }
}

/// Splits a name written given name first, family name first with a comma, or in a script that writes the family name
/// first.
#[must_use]
pub fn split_name(name: &str) -> NameParts {
    let ParsedName { given, particle, family, .. } = parse_name(name);
    let family = match (particle, family) {
        (Some(particle), Some(family)) => Some(format!("{particle} {family}")),
        (particle, family) => family.or(particle),
    };
    NameParts { given, family }
}

/// Returns the sort key of a name: family name first, folded, of bounded length.
#[must_use]
pub fn sort_key(display: &str, parts: &NameParts) -> String {
    let key = match (&parts.family, &parts.given) {
        (Some(family), Some(given)) => fold(&format!("{family} {given}")),
        _ => fold(display),
    };
    truncate_sort_key(&if key.is_empty() { display.to_lowercase() } else { key })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(name: &str) -> (Option<String>, Option<String>) {
        let parts = split_name(name);
        (parts.given, parts.family)
    }

    #[test]
    fn names_are_split() {
        for (name, given, family) in [
            ("Simon Schug", "Simon", "Schug"),
            ("Johannes von Oswald", "Johannes", "von Oswald"),
            ("Oswald, Johannes von", "Johannes von", "Oswald"),
            ("Maria de la Cruz", "Maria", "de la Cruz"),
            ("Van Morrison", "Van", "Morrison"),
        ] {
            assert_eq!(parts(name), (Some(given.to_owned()), Some(family.to_owned())));
        }
        assert_eq!(parts("Plato"), (Some("Plato".to_owned()), None));
        assert_eq!(parts("Plato,"), (Some("Plato".to_owned()), None));
        assert_eq!(parts(""), (None, None));
    }

    #[test]
    fn divided_names() {
        for (name, given, family, count) in [
            ("Ana Ruiz Soto", "Ana", Some("Ruiz Soto"), Some(2)),
            ("Ana Ruiz Soto", "Ana Ruiz", Some("Soto"), Some(1)),
            ("Wang Xiaoming", "Xiaoming", Some("Wang"), Some(-1)),
            ("欧阳小明", "小明", Some("欧阳"), Some(-2)),
            ("Plato", "Plato", None, Some(0)),
            ("A. Ruiz Soto", "Ana", Some("Ruiz Soto"), None),
        ] {
            let parts = NameParts { given: Some(given.to_owned()), family: family.map(str::to_owned) };
            assert_eq!(parts.family_words(name), count, "{name}");
            if let Some(count) = count {
                assert_eq!(NameParts::with_family_words(name, count), Some(parts), "{name}");
            }
        }
        assert_eq!(NameParts::with_family_words("Ana Soto", 2), None);
        assert_eq!(NameParts::with_family_words("Ana Soto", -3), None);
    }

    proptest::proptest! {
        #[test]
        fn divisions_are_kept(name in "[A-Z\u{4e00}-\u{4e20}]{1,3}( [a-z]{1,3}){0,3}", count in -4_i16..5) {
            if let Some(parts) = NameParts::with_family_words(&name, count) {
                proptest::prop_assert_eq!(parts.family_words(&name).map(i16::abs), Some(count.abs()));
            }
        }
    }

    #[test]
    fn name_keys_keep_accents() {
        assert_ne!(name_key("Ana Peña"), name_key("Ana Pena"));
        assert_eq!(name_key("Jean‐Luc  O’Hara"), name_key("jean-luc o'hara"));
    }
}
