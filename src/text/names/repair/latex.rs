//! Repair of LaTeX in names: accents, letters and braces.

use std::iter::Peekable;
use std::str::Chars;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The maximum nesting depth of braces in a name.
const MAX_BRACE_DEPTH: usize = 8;

/// Returns the name as LaTeX prints it, or `None` if it has no LaTeX or some that is ambiguous.
pub(super) fn decode_latex(name: &str) -> Option<String> {
    let letters = || name.chars().zip(name.chars().skip(1)).zip(name.chars().skip(2));
    let is_tie =
        |((one, between), other): ((char, char), char)| one.is_lowercase() && between == '~' && other.is_uppercase();
    if !name.contains(['\\', '{', '}']) && !letters().any(is_tie) {
        return None;
    }
    let text = render_group(&mut name.chars().peekable(), 0)?;
    let text: String = text.nfc().collect();
    let is_clean =
        !text.contains(['\\', '{', '}', '$']) && !text.chars().any(|c| is_combining_mark(c) && lacks_mark(name, c));
    (is_clean && !has_new_inner_capitals(name, &text)).then_some(text)
}

fn lacks_mark(name: &str, mark: char) -> bool {
    !name.contains(mark)
}

/// Returns whether there is a new capital after a small letter: an accent was put on the wrong letter.
fn has_new_inner_capitals(before: &str, after: &str) -> bool {
    let count = |text: &str| {
        text.chars().zip(text.chars().skip(1)).filter(|(one, next)| one.is_lowercase() && next.is_uppercase()).count()
    };
    count(after) > count(before)
}

/// Renders the input up to the end of the group or of the name.
fn render_group(input: &mut Peekable<Chars<'_>>, depth: usize) -> Option<String> {
    if depth > MAX_BRACE_DEPTH {
        return None;
    }
    let mut text = String::new();
    while let Some(character) = input.next() {
        match character {
            '{' => text.push_str(&render_group(input, depth + 1)?),
            '}' => break,
            '~' => text.push(' '),
            '\\' => text.push_str(&render_command(input, depth)?),
            other => text.push(other),
        }
    }
    Some(text)
}

/// Renders a command, without its backslash.
fn render_command(input: &mut Peekable<Chars<'_>>, depth: usize) -> Option<String> {
    let first = input.next()?;
    if !first.is_ascii_alphabetic() {
        return match first {
            '\'' | '’' | '´' => render_accent(input, '\u{301}', depth),
            '`' => render_accent(input, '\u{300}', depth),
            '^' => render_accent(input, '\u{302}', depth),
            '"' => render_accent(input, '\u{308}', depth),
            '~' => render_accent(input, '\u{303}', depth),
            '=' => render_accent(input, '\u{304}', depth),
            '.' => render_accent(input, '\u{307}', depth),
            // Optional line breaks.
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
    if let Some(letter) = letter_command(&word) {
        skip_whitespace(input);
        return Some(letter.to_owned());
    }
    if let Some(mark) = accent_command(&word) {
        skip_whitespace(input);
        return render_accent(input, mark, depth);
    }
    match word.as_str() {
        "char" => render_char_command(input),
        "bf" | "em" | "emph" | "it" | "mbox" | "protect" | "relax" | "rm" | "sc" | "text" | "textbf" | "textit"
        | "textnormal" | "textrm" | "textsc" | "textup" => {
            skip_whitespace(input);
            Some(String::new())
        }
        // "\vcevic": the space or brace after the accent is lost.
        _ => {
            let mark = accent_command(&first.to_string())?;
            let mut rest = word.chars().skip(1);
            let letter = crate::text::names::repair::accents::compose_letter(rest.next()?, mark)?;
            Some(std::iter::once(letter).chain(rest).collect())
        }
    }
}

/// White space after a command only ends it.
fn skip_whitespace(input: &mut Peekable<Chars<'_>>) {
    while input.next_if(|next| next.is_whitespace()).is_some() {}
}

/// Renders an accent with the letter or group that follows.
fn render_accent(input: &mut Peekable<Chars<'_>>, mark: char, depth: usize) -> Option<String> {
    let on = match input.next()? {
        '{' => render_group(input, depth + 1)?,
        '\\' => render_command(input, depth)?,
        other => other.to_string(),
    };
    let mut characters = on.chars();
    let letter = match characters.next()? {
        'ı' => 'i',
        'ȷ' => 'j',
        other if other.is_alphabetic() => other,
        _ => return None,
    };
    // Marks that the letter already has come first.
    let mut text = letter.to_string();
    let mut rest = characters.peekable();
    while let Some(own) = rest.next_if(|next| is_combining_mark(*next)) {
        text.push(own);
    }
    text.push(mark);
    text.extend(rest);
    Some(text)
}

/// Returns the combining mark of an accent command.
fn accent_command(word: &str) -> Option<char> {
    Some(match word {
        "H" => '\u{30b}',
        "b" => '\u{331}',
        "c" => '\u{327}',
        "d" => '\u{323}',
        "k" => '\u{328}',
        "textcommabelow" => '\u{326}',
        "r" => '\u{30a}',
        "u" => '\u{306}',
        "v" => '\u{30c}',
        _ => return None,
    })
}

/// Returns the letter of a letter command.
fn letter_command(word: &str) -> Option<&'static str> {
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

/// Renders a character by its number: the apostrophe, which has another number in small capitals.
fn render_char_command(input: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut number = String::new();
    while let Some(digit) = input.next_if(char::is_ascii_digit) {
        number.push(digit);
    }
    matches!(number.as_str(), "13" | "39").then(|| "'".to_owned())
}
