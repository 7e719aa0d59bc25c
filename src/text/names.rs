//! Personal names: parsing (`parse`), comparison (`compare`), repair of damaged names (`repair`), redaction of hidden
//! names (`hidden`), and the keys by which names are sorted and matched.

mod compare;
mod form;
mod hidden;
mod nicknames;
mod parse;
mod repair;

pub use crate::text::names::compare::{ComparableName, NameComparison, NameDifference, NameSimilarity, compare_names};
pub use crate::text::names::form::{Commonness, NameForm};
pub use crate::text::names::hidden::{
    WILDCARD_FORM, hidden_forms, name_reveals_hidden, slug_reveals_hidden, text_reveals_hidden,
};
pub(crate) use crate::text::names::parse::split_at_semicolons;
pub use crate::text::names::parse::{ParsedName, email_addresses, parse_name, split_people};
pub use crate::text::names::repair::{Repair, RepairRule, RepairedName, repair_name};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words that belong to the family name that follows them.
const PARTICLES: [&str; 31] = [
    "'t", "af", "al", "ap", "bin", "da", "dal", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du",
    "el", "ibn", "la", "le", "ten", "ter", "the", "van", "vande", "vander", "von", "zu", "zum", "zur",
];

/// Returns one line of text in the form in which it is stored: composed (NFC), without control characters, white space
/// collapsed.
///
/// Postgres rejects null characters in text, and the other control characters are not visible.
#[must_use]
pub fn clean(text: &str) -> String {
    collapse_whitespace(text.nfc().filter(|c| c.is_whitespace() || !c.is_control()))
}

/// Returns several paragraphs in the form in which they are stored: each cleaned, separated by one line break.
#[must_use]
pub fn clean_paragraphs(text: &str) -> String {
    let paragraphs = text.split(['\n', '\r']).map(clean).filter(|paragraph| !paragraph.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n")
}

fn collapse_whitespace(characters: impl Iterator<Item = char>) -> String {
    let mut text = String::new();
    let mut gap = false;
    for character in characters {
        if character.is_whitespace() {
            gap = !text.is_empty();
        } else {
            if std::mem::take(&mut gap) {
                text.push(' ');
            }
            text.push(character);
        }
    }
    text
}

/// Returns a text without what readers ignore when searching or sorting: case, accents, punctuation, and letter
/// variants (ß is ss, ø is o). Letters of other scripts than Latin stay.
#[must_use]
pub fn fold(text: &str) -> String {
    let is_apostrophe = |c: &char| matches!(c, '\'' | '’' | 'ʼ' | '`' | '´' | '·');
    collapse_whitespace(text.chars().filter(|c| !is_apostrophe(c)).flat_map(fold_character))
}

/// Folds one character: removes case, accents and letter variants (ß is ss, ø is o). Marks and invisible formatting
/// characters become nothing, everything else that is neither letter nor digit a space.
pub(crate) fn fold_character(character: char) -> impl Iterator<Item = char> {
    let letters: String =
        std::iter::once(character).nfkd().filter(|c| is_visible(*c)).flat_map(char::to_lowercase).collect();
    // Accents are removed here; composition restores the syllables of Hangul. Lower case can add marks.
    let mut folded = String::with_capacity(letters.len());
    for letter in letters.nfc().filter(|c| is_visible(*c)) {
        match letter {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ŧ' => folded.push('t'),
            'ς' => folded.push('σ'),
            letter if letter.is_alphanumeric() => folded.push(letter),
            _ => folded.push(' '),
        }
    }
    folded.chars().collect::<Vec<_>>().into_iter()
}

/// Returns whether a character is visible on its own: neither a combining mark nor a formatting character (joiner, soft
/// hyphen, direction mark).
pub(crate) fn is_visible(character: char) -> bool {
    let steers = matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !steers && !is_combining_mark(character)
}

/// Returns the key by which two spellings count as the same name, before anything else is known. It ignores case, white
/// space, and the choice of hyphens and apostrophes. Accents matter: Ana Pena may not be Ana Peña.
#[must_use]
pub fn name_key(name: &str) -> String {
    let plain = name.nfc().filter(|c| c.is_whitespace() || !c.is_control()).map(|character| match character {
        '’' | 'ʼ' | '‘' | '`' | '´' => '\'',
        '‐' | '‑' | '–' | '−' => '-',
        other => other,
    });
    collapse_whitespace(plain.flat_map(char::to_lowercase))
}

/// A personal name in its parts. A single name is a given name, as in ORCID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameParts {
    /// Given names and initials.
    pub given: Option<String>,
    /// Family name with its particles. `None` for a single name.
    pub family: Option<String>,
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

/// Returns the sort key of a name: family name first, folded.
#[must_use]
pub fn sort_key(display: &str, parts: &NameParts) -> String {
    let key = match (&parts.family, &parts.given) {
        (Some(family), Some(given)) => fold(&format!("{family} {given}")),
        _ => fold(display),
    };
    if key.is_empty() { display.to_lowercase() } else { key }
}

/// Returns a URL slug: lower-case ASCII letters and digits with single hyphens, at most 80 bytes, never empty.
#[must_use]
pub fn slug(text: &str, otherwise: &str) -> String {
    const MAX_SLUG_BYTES: usize = 80;
    let apart = text.replace(['\'', '’'], "");
    let mut slug = String::new();
    for character in deunicode::deunicode(&apart).chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    if slug.len() > MAX_SLUG_BYTES {
        let cut = slug[..=MAX_SLUG_BYTES].rfind('-').unwrap_or(MAX_SLUG_BYTES);
        slug.truncate(cut);
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() { otherwise.to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(name: &str) -> (Option<String>, Option<String>) {
        let parts = split_name(name);
        (parts.given, parts.family)
    }

    #[test]
    fn names_in_parts() {
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
    fn folding() {
        assert_eq!(fold("Straße-Øster  Łódź"), "strasse oster lodz");
        assert_eq!(fold("O’Brien"), "obrien");
        assert_eq!(fold("e\u{301}"), "e");
        assert_eq!(fold("山田 太郎"), "山田 太郎");
    }

    #[test]
    fn keys_keep_accents() {
        assert_ne!(name_key("Ana Peña"), name_key("Ana Pena"));
        assert_eq!(name_key("Jean‐Luc  O’Hara"), name_key("jean-luc o'hara"));
    }

    #[test]
    fn slugs() {
        assert_eq!(slug("Andr'as György", "x"), "andras-gyorgy");
        assert_eq!(slug("— ?", "paper"), "paper");
        assert!(slug(&"word ".repeat(40), "x").len() <= 80);
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn cleaning_twice_is_cleaning_once(text in any::<String>()) {
            let cleaned = clean(&text);
            prop_assert!(!cleaned.contains('\0'));
            prop_assert_eq!(clean(&cleaned), cleaned);
        }

        #[test]
        fn slugs_are_addresses(text in any::<String>()) {
            let slug = slug(&text, "paper");
            prop_assert!((1..=80).contains(&slug.len()));
            prop_assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            prop_assert!(!slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"));
        }
    }
}
