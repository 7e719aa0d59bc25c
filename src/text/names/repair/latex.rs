//! LaTeX in names: accents, letters, braces.

use std::iter::Peekable;
use std::str::Chars;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// How deep braces may be nested in a name.
const DEEPEST: usize = 8;

/// The name as LaTeX prints it. Nothing where there is no LaTeX in it, or some that says nothing sure.
pub(super) fn decoded(name: &str) -> Option<String> {
    let letters = || name.chars().zip(name.chars().skip(1)).zip(name.chars().skip(2));
    let is_tie =
        |((one, between), other): ((char, char), char)| one.is_lowercase() && between == '~' && other.is_uppercase();
    if !name.contains(['\\', '{', '}']) && !letters().any(is_tie) {
        return None;
    }
    let text = printed(&mut name.chars().peekable(), 0)?;
    let text: String = text.nfc().collect();
    let is_clean =
        !text.contains(['\\', '{', '}', '$']) && !text.chars().any(|c| is_combining_mark(c) && name_has_no(name, c));
    (is_clean && !has_new_capitals(name, &text)).then_some(text)
}

fn name_has_no(name: &str, mark: char) -> bool {
    !name.contains(mark)
}

/// Whether a capital stands behind a small letter that did not before: an accent went to the wrong letter.
fn has_new_capitals(before: &str, after: &str) -> bool {
    let count = |text: &str| {
        text.chars().zip(text.chars().skip(1)).filter(|(one, next)| one.is_lowercase() && next.is_uppercase()).count()
    };
    count(after) > count(before)
}

/// What is printed up to the end of a group, or of the name.
fn printed(input: &mut Peekable<Chars<'_>>, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let mut text = String::new();
    while let Some(character) = input.next() {
        match character {
            '{' => text.push_str(&printed(input, depth + 1)?),
            '}' => break,
            '~' => text.push(' '),
            '\\' => text.push_str(&command(input, depth)?),
            other => text.push(other),
        }
    }
    Some(text)
}

/// What a command prints, from behind its backslash on.
fn command(input: &mut Peekable<Chars<'_>>, depth: usize) -> Option<String> {
    let first = input.next()?;
    if !first.is_ascii_alphabetic() {
        return match first {
            '\'' | '’' | '´' => accented(input, '\u{301}', depth),
            '`' => accented(input, '\u{300}', depth),
            '^' => accented(input, '\u{302}', depth),
            '"' => accented(input, '\u{308}', depth),
            '~' => accented(input, '\u{303}', depth),
            '=' => accented(input, '\u{304}', depth),
            '.' => accented(input, '\u{307}', depth),
            // Where a word may be broken.
            '-' | '/' => Some(String::new()),
            ' ' | ',' | ';' => Some(" ".to_owned()),
            '&' | '_' | '#' | '%' => Some(first.to_string()),
            _ => None,
        };
    }
    let mut word = first.to_string();
    while let Some(letter) = input.next_if(char::is_ascii_alphabetic) {
        word.push(letter);
    }
    if let Some(letter) = letter(&word) {
        end_of_word(input);
        return Some(letter.to_owned());
    }
    if let Some(mark) = mark(&word) {
        end_of_word(input);
        return accented(input, mark, depth);
    }
    match word.as_str() {
        "char" => sign(input),
        "bf" | "em" | "emph" | "it" | "mbox" | "protect" | "relax" | "rm" | "sc" | "text" | "textbf" | "textit"
        | "textnormal" | "textrm" | "textsc" | "textup" => {
            end_of_word(input);
            Some(String::new())
        }
        // "\vcevic": the space, or the brace, behind the accent is lost.
        _ => {
            let mark = mark(&first.to_string())?;
            let mut rest = word.chars().skip(1);
            let letter = crate::text::names::repair::accents::with_mark(rest.next()?, mark)?;
            Some(std::iter::once(letter).chain(rest).collect())
        }
    }
}

/// White space behind a command's word only ends it.
fn end_of_word(input: &mut Peekable<Chars<'_>>) {
    while input.next_if(|next| next.is_whitespace()).is_some() {}
}

/// The letter, or the group, that a mark is put on.
fn accented(input: &mut Peekable<Chars<'_>>, mark: char, depth: usize) -> Option<String> {
    let on = match input.next()? {
        '{' => printed(input, depth + 1)?,
        '\\' => command(input, depth)?,
        other => other.to_string(),
    };
    let mut characters = on.chars();
    let letter = match characters.next()? {
        'ı' => 'i',
        'ȷ' => 'j',
        other if other.is_alphabetic() => other,
        _ => return None,
    };
    // Marks that the letter has already come first.
    let mut text = letter.to_string();
    let mut rest = characters.peekable();
    while let Some(own) = rest.next_if(|next| is_combining_mark(*next)) {
        text.push(own);
    }
    text.push(mark);
    text.extend(rest);
    Some(text)
}

fn mark(word: &str) -> Option<char> {
    Some(match word {
        "H" => '\u{30b}',
        "b" => '\u{331}',
        "c" => '\u{327}',
        "d" => '\u{323}',
        "k" => '\u{328}',
        "r" => '\u{30a}',
        "u" => '\u{306}',
        "v" => '\u{30c}',
        _ => return None,
    })
}

fn letter(word: &str) -> Option<&'static str> {
    Some(match word {
        "AA" => "Å",
        "AE" => "Æ",
        "DH" => "Ð",
        "DJ" => "Đ",
        "L" => "Ł",
        "NG" => "Ŋ",
        "O" => "Ø",
        "OE" => "Œ",
        "TH" => "Þ",
        "aa" => "å",
        "ae" => "æ",
        "dh" => "ð",
        "dj" => "đ",
        "i" => "ı",
        "j" => "ȷ",
        "l" => "ł",
        "ng" => "ŋ",
        "o" => "ø",
        "oe" => "œ",
        "ss" => "ß",
        "th" => "þ",
        "textquoteright" | "textquotesingle" => "'",
        _ => return None,
    })
}

/// A character by its number in the font: the apostrophe, which small capitals have at another place.
fn sign(input: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut number = String::new();
    while let Some(digit) = input.next_if(char::is_ascii_digit) {
        number.push(digit);
    }
    matches!(number.as_str(), "13" | "39").then(|| "'".to_owned())
}
