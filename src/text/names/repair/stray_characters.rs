//! Removal of stray characters that are not part of a name.

use crate::text::names::parse::is_email_address;

/// Footnote marks.
const FOOTNOTE_MARKS: [char; 7] = ['*', '†', '‡', '§', '¶', '#', '∗'];

/// Removes e-mail addresses, footnote marks, unmatched brackets and direction marks.
pub(super) fn remove_stray_characters(name: &str) -> Option<String> {
    let is_suspect = |c: char| "()[]<>_@".contains(c) || FOOTNOTE_MARKS.contains(&c) || is_invisible_control(c);
    if !name.contains(is_suspect) && !name.starts_with("and ") {
        return None;
    }
    let name: String =
        name.chars().filter(|c| !is_invisible_control(*c)).map(|c| if c == '_' { ' ' } else { c }).collect();
    let name = remove_unmatched_brackets(&name);
    let words = name.split_whitespace().filter(|word| !is_email_address(word));
    let mut words: Vec<&str> = words.map(strip_footnote).filter(|word| !word.is_empty()).collect();
    // The last name of a list, separated from the others.
    if words.len() > 2 && words.first() == Some(&"and") {
        words.remove(0);
    }
    Some(words.join(" "))
}

/// Returns whether a character is an invisible formatting character, except those that some scripts need for spelling.
fn is_invisible_control(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Removes brackets without a counterpart, and empty pairs of brackets.
fn remove_unmatched_brackets(name: &str) -> String {
    let mut output: Vec<char> = Vec::with_capacity(name.len());
    let mut open: Vec<(usize, char)> = Vec::new();
    for character in name.chars() {
        match character {
            '(' | '[' | '<' => {
                open.push((output.len(), character));
                output.push(character);
            }
            ')' | ']' | '>' => {
                let other = match character {
                    ')' => '(',
                    ']' => '[',
                    _ => '<',
                };
                if let Some((position, _)) = open.pop_if(|(_, opened)| *opened == other) {
                    let is_empty = output[position + 1..].iter().all(|c| c.is_whitespace());
                    if is_empty {
                        output.truncate(position);
                    } else {
                        output.push(character);
                    }
                }
            }
            other => output.push(other),
        }
    }
    for (position, _) in open.into_iter().rev() {
        output[position] = ' ';
    }
    output.into_iter().collect()
}

/// Strips a footnote from a word: "Roe*", "Roe[2]". A plain number stays, because it can distinguish namesakes.
fn strip_footnote(word: &str) -> &str {
    let name = word.trim_end_matches(FOOTNOTE_MARKS);
    match name.strip_suffix(']').and_then(|inside| inside.rsplit_once('[')) {
        Some((before, number)) if number.chars().all(|c| c.is_ascii_digit() || c == ',') => before,
        _ => name,
    }
}
