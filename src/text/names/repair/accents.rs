//! Repair of accents that are detached from their letters, decomposed, or wrong.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{compose, is_combining_mark};

/// Composes combining marks with their letters, and replaces marks that were meant to be others.
pub(super) fn compose_accents(name: &str) -> Option<String> {
    if !name.chars().any(is_combining_mark) {
        return None;
    }
    let mut corrected = String::with_capacity(name.len());
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let mark = characters.peek().copied();
        match (character, mark) {
            // LaTeX writes an accented i without its dot.
            ('ı', Some(mark)) if is_above(mark) => corrected.push('i'),
            ('ȷ', Some(mark)) if is_above(mark) => corrected.push('j'),
            (letter, Some(mark)) if is_above(mark) || mark == '\u{328}' => {
                corrected.push(letter);
                // No language has a breve or an ogonek on these letters: they stand for a caron and a cedilla.
                let other = match (letter, mark) {
                    ('c' | 'd' | 'n' | 'r' | 's' | 't' | 'z' | 'C' | 'D' | 'N' | 'R' | 'S' | 'T' | 'Z', '\u{306}') => {
                        Some('\u{30c}')
                    }
                    ('g' | 'k' | 'l' | 'n' | 'r' | 'G' | 'K' | 'L' | 'N' | 'R', '\u{328}') => Some('\u{327}'),
                    _ => None,
                };
                if let Some(other) = other {
                    characters.next();
                    corrected.push(other);
                }
            }
            (other, _) => corrected.push(other),
        }
    }
    let composed: String = corrected.nfc().collect();
    (composed != name).then_some(composed)
}

/// Returns whether a mark stands above its letter.
fn is_above(mark: char) -> bool {
    matches!(mark, '\u{300}'..='\u{315}' | '\u{33d}'..='\u{344}')
}

/// Returns the letter composed with a combining mark, if a European language has it.
pub(super) fn compose_letter(letter: char, mark: char) -> Option<char> {
    let letter = if letter == 'ı' { 'i' } else { letter };
    let carriers = match mark {
        '\u{300}' => "aeiou",
        '\u{301}' => "aeiouyclnrsz",
        '\u{302}' => "aeiou",
        '\u{303}' => "ano",
        '\u{304}' => "aeiou",
        '\u{306}' => "ag",
        '\u{307}' => "cegzI",
        '\u{308}' => "aeiouy",
        '\u{30a}' => "au",
        '\u{30b}' => "ou",
        '\u{30c}' => "cdenrstz",
        '\u{327}' => "cst",
        '\u{328}' => "aeiu",
        _ => "",
    };
    let is_carrier = carriers.contains(letter) || carriers.contains(letter.to_ascii_lowercase());
    if is_carrier { compose(letter, mark) } else { None }
}

/// Returns the combining mark of a spacing accent.
fn combining_mark(accent: char) -> Option<char> {
    Some(match accent {
        '´' => '\u{301}',
        '¨' => '\u{308}',
        'ˆ' => '\u{302}',
        '˜' => '\u{303}',
        '¯' => '\u{304}',
        '˘' => '\u{306}',
        '˙' => '\u{307}',
        '˚' => '\u{30a}',
        '˝' => '\u{30b}',
        'ˇ' => '\u{30c}',
        '¸' => '\u{327}',
        '˛' => '\u{328}',
        _ => return None,
    })
}

/// Attaches spacing accents, as PDF extraction leaves them, to their letters. Returns `None` unless the letter is clear
/// for each of them.
pub(super) fn attach_accents(name: &str) -> Option<String> {
    if !name.chars().any(|character| combining_mark(character).is_some()) {
        return None;
    }
    let characters: Vec<char> = name.chars().collect();
    let mut text: Vec<char> = Vec::with_capacity(characters.len());
    let mut index = 0;
    while let Some(character) = characters.get(index).copied() {
        index += 1;
        let Some(mark) = combining_mark(character) else {
            text.push(character);
            continue;
        };
        let before = text.last().copied().filter(|c| c.is_alphabetic());
        let next = characters.get(index).copied();
        // A duplicate accent, or an accent before a letter that already has it.
        if next == Some(character) || next.is_some_and(|next| has_mark(next, mark)) {
            continue;
        }
        let on_next = next.and_then(|letter| compose_letter(letter, mark));
        let on_before = before.and_then(|letter| compose_letter(letter, mark));
        match (on_before, on_next) {
            // An acute accent instead of an apostrophe: D´Angelo, O´Neill.
            (_, Some(letter)) if letter.is_uppercase() && before.is_some() => return None,
            (_, Some(_)) if character == '´' && is_single_letter_word(&text) => return None,
            // Separated from the word before, or ambiguous between two letters.
            (_, Some(letter)) if before.is_none() && letter.is_lowercase() && !text.is_empty() => return None,
            // A dotless i is always followed or preceded by its accent.
            (Some(_), Some(_)) if next != Some('ı') => return None,
            (None, None) => return None,
            (_, Some(letter)) => {
                text.push(letter);
                index += 1;
            }
            (Some(letter), None) => {
                text.pop();
                text.push(letter);
            }
        }
    }
    Some(text.into_iter().collect())
}

fn has_mark(letter: char, mark: char) -> bool {
    letter.nfd().any(|part| part == mark)
}

/// Returns whether the current word has only one letter so far.
fn is_single_letter_word(text: &[char]) -> bool {
    text.last().is_some_and(|last| last.is_alphabetic())
        && text.iter().rev().nth(1).is_none_or(|before| !before.is_alphabetic())
}
