//! Normalization of text: the form in which it is stored (clean), and the form in which it is compared (folded).

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Returns one line of text in the form in which it is stored: composed (NFC), without control characters, white space
/// collapsed.
///
/// Postgres rejects null characters in text, and the other control characters are not visible.
#[must_use]
pub fn clean(text: &str) -> String {
    let is_kept = |c: &char| c.is_whitespace() || !c.is_control();
    // ASCII is composed.
    if text.is_ascii() {
        return collapse_whitespace(text.chars().filter(is_kept));
    }
    collapse_whitespace(text.nfc().filter(is_kept))
}

/// Returns several paragraphs in the form in which they are stored: each cleaned, separated by one line break.
#[must_use]
pub fn clean_paragraphs(text: &str) -> String {
    let paragraphs = text.split(['\n', '\r']).map(clean).filter(|paragraph| !paragraph.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n")
}

/// Collapses each run of white space to one space, and trims it at both ends.
pub(crate) fn collapse_whitespace(characters: impl Iterator<Item = char>) -> String {
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
    // Most characters are ASCII, and need no memory.
    let (ascii, others) = if character.is_ascii() {
        (Some(if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { ' ' }), Vec::new())
    } else {
        (None, fold_any_character(character))
    };
    ascii.into_iter().chain(others)
}

fn fold_any_character(character: char) -> Vec<char> {
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
    folded.chars().collect()
}

/// Returns whether a character is visible on its own: neither a combining mark nor a formatting character (joiner, soft
/// hyphen, direction mark).
pub(crate) fn is_visible(character: char) -> bool {
    let steers = matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !steers && !is_combining_mark(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folded_texts() {
        assert_eq!(fold("Straße-Øster  Łódź"), "strasse oster lodz");
        assert_eq!(fold("O’Brien"), "obrien");
        assert_eq!(fold("e\u{301}"), "e");
        assert_eq!(fold("山田 太郎"), "山田 太郎");
    }

    #[test]
    fn ascii_is_folded_as_any_character() {
        for character in '\0'..='\u{7f}' {
            assert_eq!(fold_character(character).collect::<Vec<_>>(), fold_any_character(character), "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_is_idempotent(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn cleaning_is_idempotent(text in any::<String>()) {
            let cleaned = clean(&text);
            prop_assert!(!cleaned.contains('\0'));
            prop_assert_eq!(clean(&cleaned), cleaned);
        }
    }
}
