//! What a name is: cleaned, folded for order and comparison, keyed for identity; read into its parts (`parse`), compared with
//! another (`compare`), mended where it was damaged on its way (`repair`), and told from what shows a hidden one (`hidden`).

mod compare;
mod form;
mod hidden;
mod nicknames;
mod parse;
mod repair;

pub use crate::text::names::compare::{Comparable, Comparison, Difference, Likeness, compare};
pub use crate::text::names::form::{Commonness, Form};
pub use crate::text::names::hidden::{EVERY_NAME, hidden_forms, shows_hidden, slug_shows_hidden, tells_hidden};
pub(crate) use crate::text::names::parse::by_semicolons;
pub use crate::text::names::parse::{ParsedName, e_mails, parse, people};
pub use crate::text::names::repair::{Mended, Repair, RepairRule, mend};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words that belong to the family name that follows them.
const PARTICLES: [&str; 31] = [
    "'t", "af", "al", "ap", "bin", "da", "dal", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du",
    "el", "ibn", "la", "le", "ten", "ter", "the", "van", "vande", "vander", "von", "zu", "zum", "zur",
];

/// One line of text as the directory keeps it: composed (NFC), without control characters, white space as one space.
///
/// Postgres refuses null characters in text, and nobody reads the other control characters.
#[must_use]
pub fn clean(text: &str) -> String {
    collapse(text.nfc().filter(|c| c.is_whitespace() || !c.is_control()))
}

/// Several paragraphs as the directory keeps them: each cleaned, one line break between them.
#[must_use]
pub fn clean_paragraphs(text: &str) -> String {
    let paragraphs = text.split(['\n', '\r']).map(clean).filter(|paragraph| !paragraph.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n")
}

fn collapse(characters: impl Iterator<Item = char>) -> String {
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

/// A text with everything taken away that a reader looks past when searching or sorting: case, accents, punctuation,
/// the shape of letters (ß is ss, ø is o). Scripts other than Latin keep their letters.
#[must_use]
pub fn fold(text: &str) -> String {
    let is_apostrophe = |c: &char| matches!(c, '\'' | '’' | 'ʼ' | '`' | '´' | '·');
    collapse(text.chars().filter(|c| !is_apostrophe(c)).flat_map(fold_character))
}

/// What becomes of a character when case, accents and the shape of letters do not matter: ß is ss, ø is o. Nothing for
/// marks and for characters that only steer how a text is shown, a space for all that is neither letter nor digit.
pub(crate) fn fold_character(character: char) -> impl Iterator<Item = char> {
    let letters: String =
        std::iter::once(character).nfkd().filter(|c| is_shown(*c)).flat_map(char::to_lowercase).collect();
    // Marks are gone; what is put together again are the syllables of Hangul. Lower case may bring new marks.
    let mut folded = String::with_capacity(letters.len());
    for letter in letters.nfc().filter(|c| is_shown(*c)) {
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

/// Whether a character shows as something of its own: not a mark on another, and none that only steers how a text is
/// shown (joiners, soft hyphens, marks of direction).
pub(crate) fn is_shown(character: char) -> bool {
    let steers = matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !steers && !is_combining_mark(character)
}

/// What two spellings must share to be taken for the same name before anything else is known of the person: all but
/// case, white space and the choice of hyphens and apostrophes. Accents count: Ana Pena may not be Ana Peña.
#[must_use]
pub fn identity_key(name: &str) -> String {
    let plain = name.nfc().filter(|c| c.is_whitespace() || !c.is_control()).map(|character| match character {
        '’' | 'ʼ' | '‘' | '`' | '´' => '\'',
        '‐' | '‑' | '–' | '−' => '-',
        other => other,
    });
    collapse(plain.flat_map(char::to_lowercase))
}

/// A personal name in its parts. Somebody with one name has it as the given name (as ORCID does).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameParts {
    /// Given names and initials.
    pub given: Option<String>,
    /// Family name with its particles; absent for a single name.
    pub family: Option<String>,
}

/// Splits a name written given-first, family-first with a comma, or in a script that writes the family name first.
#[must_use]
pub fn split(name: &str) -> NameParts {
    let ParsedName { given, particle, family, .. } = parse(name);
    let family = match (particle, family) {
        (Some(particle), Some(family)) => Some(format!("{particle} {family}")),
        (particle, family) => family.or(particle),
    };
    NameParts { given, family }
}

/// The key by which a directory lists people: family name first, folded.
#[must_use]
pub fn sort_key(display: &str, parts: &NameParts) -> String {
    let key = match (&parts.family, &parts.given) {
        (Some(family), Some(given)) => fold(&format!("{family} {given}")),
        _ => fold(display),
    };
    if key.is_empty() { display.to_lowercase() } else { key }
}

/// A text for an address: lower-case ASCII letters and digits with single hyphens, at most 80 bytes, never empty.
#[must_use]
pub fn slug(text: &str, otherwise: &str) -> String {
    const LONGEST: usize = 80;
    let apart = text.replace(['\'', '’'], "");
    let mut slug = String::new();
    for character in deunicode::deunicode(&apart).chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    if slug.len() > LONGEST {
        let cut = slug[..=LONGEST].rfind('-').unwrap_or(LONGEST);
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
        let parts = split(name);
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
        assert_ne!(identity_key("Ana Peña"), identity_key("Ana Pena"));
        assert_eq!(identity_key("Jean‐Luc  O’Hara"), identity_key("jean-luc o'hara"));
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
