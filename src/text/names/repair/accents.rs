//! Accents that are apart from their letters, or the wrong ones.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{compose, is_combining_mark};

/// The name with each mark in its letter, and with the marks that were meant.
pub(super) fn composed(name: &str) -> Option<String> {
    if !name.chars().any(is_combining_mark) {
        return None;
    }
    let mut meant = String::with_capacity(name.len());
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let mark = characters.peek().copied();
        match (character, mark) {
            // The letter under an accent has no dot; LaTeX writes it so.
            ('ı', Some(mark)) if is_above(mark) => meant.push('i'),
            ('ȷ', Some(mark)) if is_above(mark) => meant.push('j'),
            (letter, Some(mark)) if is_above(mark) || mark == '\u{328}' => {
                meant.push(letter);
                // No language has a breve or an ogonek on these: the former is a caron, the latter a cedilla.
                let other = match (letter, mark) {
                    ('c' | 'd' | 'n' | 'r' | 's' | 't' | 'z' | 'C' | 'D' | 'N' | 'R' | 'S' | 'T' | 'Z', '\u{306}') => {
                        Some('\u{30c}')
                    }
                    ('g' | 'k' | 'l' | 'n' | 'r' | 'G' | 'K' | 'L' | 'N' | 'R', '\u{328}') => Some('\u{327}'),
                    _ => None,
                };
                if let Some(other) = other {
                    characters.next();
                    meant.push(other);
                }
            }
            (other, _) => meant.push(other),
        }
    }
    let composed: String = meant.nfc().collect();
    (composed != name).then_some(composed)
}

/// A mark that stands over its letter.
fn is_above(mark: char) -> bool {
    matches!(mark, '\u{300}'..='\u{315}' | '\u{33d}'..='\u{344}')
}

/// The letter with a combining mark, where a language of Europe writes it so.
pub(super) fn with_mark(letter: char, mark: char) -> Option<char> {
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

/// The combining mark of an accent that is a character of its own.
fn mark_of(accent: char) -> Option<char> {
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

/// The name with accents that stand alone put on their letters, as they are where a PDF was read. Only where it is clear
/// which letter that is, for each of them.
pub(super) fn attached(name: &str) -> Option<String> {
    if !name.chars().any(|character| mark_of(character).is_some()) {
        return None;
    }
    let characters: Vec<char> = name.chars().collect();
    let mut text: Vec<char> = Vec::with_capacity(characters.len());
    let mut index = 0;
    while let Some(character) = characters.get(index).copied() {
        index += 1;
        let Some(mark) = mark_of(character) else {
            text.push(character);
            continue;
        };
        let before = text.last().copied().filter(|c| c.is_alphabetic());
        let next = characters.get(index).copied();
        // The same accent twice, or once more before a letter that has it.
        if next == Some(character) || next.is_some_and(|next| has_mark(next, mark)) {
            continue;
        }
        let on_next = next.and_then(|letter| with_mark(letter, mark));
        let on_before = before.and_then(|letter| with_mark(letter, mark));
        match (on_before, on_next) {
            // An acute that stands for an apostrophe: D´Angelo, O´Neill.
            (_, Some(letter)) if letter.is_uppercase() && before.is_some() => return None,
            (_, Some(_)) if character == '´' && is_single(&text) => return None,
            // Torn from the word before, or it could be on either.
            (_, Some(letter)) if before.is_none() && letter.is_lowercase() && !text.is_empty() => return None,
            // A dotless i waits for nothing but an accent.
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

/// Whether the word so far is one letter.
fn is_single(text: &[char]) -> bool {
    text.last().is_some_and(|last| last.is_alphabetic())
        && text.iter().rev().nth(1).is_none_or(|before| !before.is_alphabetic())
}
