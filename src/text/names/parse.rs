//! Parsing of personal names and of fields that name several people.

use crate::text::names::PARTICLES;
use crate::text::normalize::clean;

/// Suffixes of family names.
const SUFFIXES: [&str; 14] =
    ["jr", "jnr", "junior", "sr", "snr", "senior", "ii", "iii", "iv", "2nd", "3rd", "4th", "phd", "md"];
/// Chinese and Korean family names of two characters.
const COMPOUND_FAMILY_NAMES: [&str; 24] = [
    "欧阳", "歐陽", "司马", "司馬", "上官", "诸葛", "諸葛", "皇甫", "令狐", "司徒", "夏侯", "尉迟", "东方", "東方",
    "慕容", "端木", "남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방",
];

/// A personal name in its parts. A single name is a given name, as in ORCID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedName {
    /// Given names and initials.
    pub given: Option<String>,
    /// Text in quotes or brackets: Alex "Sandy" Pentland.
    pub nickname: Option<String>,
    /// Words that belong to the family name that follows them: van der, de la.
    pub particle: Option<String>,
    /// Family name.
    pub family: Option<String>,
    /// Suffix of the family name: Jr., III.
    pub suffix: Option<String>,
}

/// Parses a personal name: given name first, family name first before a comma, or family name first in scripts with
/// that order.
#[must_use]
pub fn parse_name(name: &str) -> ParsedName {
    let (name, nickname) = extract_nickname(&clean(name));
    let mut parts: Vec<&str> = name.split([',', '，']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut suffix = None;
    if parts.len() > 1
        && let Some(position) = parts.iter().skip(1).position(|part| is_suffix(part))
    {
        suffix = Some(parts.remove(position + 1).to_owned());
    }
    let mut parsed = match parts.as_slice() {
        [] => ParsedName::default(),
        [one] => parse_without_comma(one),
        [family, given @ ..] => {
            let (particle, family) = split_particles(family);
            ParsedName { given: Some(given.join(" ")), particle, family: Some(family), ..ParsedName::default() }
        }
    };
    parsed.suffix = suffix.or(parsed.suffix);
    parsed.nickname = nickname;
    parsed
}

fn is_suffix(word: &str) -> bool {
    SUFFIXES.contains(&word.replace('.', "").to_lowercase().as_str())
}

fn is_particle(word: &str) -> bool {
    PARTICLES.contains(&word.to_lowercase().replace(['’', '‘'], "'").as_str())
}

/// Parses a name without commas.
fn parse_without_comma(name: &str) -> ParsedName {
    let mut words: Vec<&str> = name.split(' ').filter(|word| !word.is_empty()).collect();
    if has_family_first_script(name) {
        return parse_family_first(&words);
    }
    let mut suffix = None;
    if words.len() > 2 && words.last().is_some_and(|last| is_suffix(last)) {
        suffix = words.pop().map(ToOwned::to_owned);
    }
    let Some(last) = words.len().checked_sub(1).filter(|last| *last > 0) else {
        let given = words.first().map(|word| (*word).to_owned());
        return ParsedName { given, suffix, ..ParsedName::default() };
    };
    let mut start = last;
    while start > 1 && is_particle(words[start - 1]) {
        start -= 1;
    }
    ParsedName {
        given: Some(words[..start].join(" ")),
        particle: (start < last).then(|| words[start..last].join(" ")),
        family: Some(words[last].to_owned()),
        suffix,
        nickname: None,
    }
}

/// Splits leading particles from a family name written before a comma.
fn split_particles(family: &str) -> (Option<String>, String) {
    let words: Vec<&str> = family.split(' ').collect();
    let particles = words[..words.len() - 1].iter().take_while(|word| is_particle(word)).count();
    let particle = (particles > 0).then(|| words[..particles].join(" "));
    (particle, words[particles..].join(" "))
}

/// Returns whether a name is in a script that writes the family name first: Han, Hangul, kana.
fn has_family_first_script(name: &str) -> bool {
    let mut letters = name.chars().filter(|c| c.is_alphabetic()).peekable();
    letters.peek().is_some() && letters.all(|c| is_han(c) || is_hangul(c) || is_kana(c))
}

fn is_han(character: char) -> bool {
    matches!(u32::from(character), 0x3005..=0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF)
}

fn is_hangul(character: char) -> bool {
    matches!(u32::from(character), 0xAC00..=0xD7A3)
}

fn is_kana(character: char) -> bool {
    matches!(u32::from(character), 0x3041..=0x30FF)
}

/// Parses a name in a script that writes the family name first.
fn parse_family_first(words: &[&str]) -> ParsedName {
    let named = |family: &str, given: &str| ParsedName {
        given: Some(given.to_owned()),
        family: Some(family.to_owned()),
        ..ParsedName::default()
    };
    let [word] = words else {
        return match words.split_first() {
            Some((family, given)) => named(family, &given.join(" ")),
            None => ParsedName::default(),
        };
    };
    // Without a space, the family name has one character, or is one of a few with two. Four characters are ambiguous.
    let characters = word.chars().count();
    let length = if COMPOUND_FAMILY_NAMES.iter().any(|family| word.starts_with(family)) { 2 } else { 1 };
    let is_unambiguous = !word.chars().any(is_kana) && characters > length && characters <= length + 2;
    let cut = word.char_indices().nth(length).map(|(position, _)| position);
    match cut.and_then(|cut| word.split_at_checked(cut)) {
        Some((family, given)) if is_unambiguous => named(family, given),
        _ => ParsedName { given: Some((*word).to_owned()), ..ParsedName::default() },
    }
}

/// Splits a name from a nickname in quotes or brackets.
fn extract_nickname(name: &str) -> (String, Option<String>) {
    const QUOTE_PAIRS: [(&str, &str); 8] =
        [("(\"", "\")"), ("('", "')"), ("(", ")"), ("“", "”"), ("\"", "\""), ("‘", "’"), ("`", "'"), (" '", "' ")];
    for (open, close) in QUOTE_PAIRS {
        let Some((before, rest)) = name.split_once(open) else { continue };
        let Some((inside, after)) = rest.split_once(close) else { continue };
        let is_apart = before.is_empty() || before.ends_with(' ') || open.starts_with(' ');
        let others = [before.trim(), after.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        if is_apart && !inside.trim().is_empty() && !others.is_empty() {
            return (others.join(" "), Some(inside.trim().to_owned()));
        }
    }
    (name.to_owned(), None)
}

/// Returns whether a word is an e-mail address, with or without brackets.
pub(super) fn is_email_address(word: &str) -> bool {
    let word = word.trim_matches(|c: char| "<>()[],;".contains(c));
    let word = word.strip_prefix("mailto:").unwrap_or(word);
    word.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && !host.contains('@')
    })
}

/// Returns the e-mail addresses in a name field.
pub fn email_addresses(field: &str) -> impl Iterator<Item = &str> {
    let words = field.split_whitespace().filter(|word| is_email_address(word));
    words.map(|word| {
        let word = word.trim_matches(|c: char| "<>()[],;".contains(c));
        word.strip_prefix("mailto:").unwrap_or(word)
    })
}

/// Splits a name field that lists several people: at semicolons and "and", and at commas if each part is a complete
/// name. Returns the whole field if that is not certain.
#[must_use]
pub fn split_people(field: &str) -> Vec<String> {
    let field = clean(field);
    let by_semicolon = split_at_semicolons(&field);
    let parts: Vec<&str> = if by_semicolon.len() > 1 {
        by_semicolon
    } else {
        let by_and: Vec<&str> = [" and ", " & ", " und ", " et "]
            .iter()
            .fold(vec![field.as_str()], |parts, and| parts.into_iter().flat_map(|part| part.split(and)).collect());
        let has_letters = |part: &&str| part.chars().any(char::is_alphabetic);
        let names = by_and.iter().flat_map(|part| part.split(',')).filter(has_letters);
        let are_whole = |parts: &[&str]| parts.iter().all(|part| is_complete_name(part));
        let by_comma: Vec<&str> = names.collect();
        // Two parts at a comma can be a family name and given names.
        if by_comma.len() > by_and.len().max(2) && are_whole(&by_comma) {
            by_comma
        } else if by_and.len() > 1 && are_whole(&by_and) {
            by_and
        } else {
            vec![field.as_str()]
        }
    };
    let has_several = parts.len() > 1;
    let named = |part: &str| {
        let part = part.trim().trim_end_matches(',').trim();
        let part = part.strip_prefix("and ").unwrap_or(part);
        let words = part.split(' ').filter(|word| !is_email_address(word));
        // In a list of names, a number after a name refers to a footnote.
        let words = words.map(|word| if has_several { strip_footnote_number(word) } else { word });
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let names: Vec<String> =
        parts.into_iter().map(named).filter(|part| part.chars().any(char::is_alphabetic)).collect();
    if names.is_empty() { vec![field] } else { names }
}

/// The maximum length of a character reference in bytes, including the `&`.
const MAX_CHARACTER_REFERENCE_BYTES: usize = 14;

/// Splits a text at semicolons, except those that end a character reference, as in `Jos&eacute;`.
pub(crate) fn split_at_semicolons(text: &str) -> Vec<&str> {
    // References are short. Searching further back would be slow in a text with many semicolons.
    let ends_reference = |position: usize| {
        let before = &text.as_bytes()[position.saturating_sub(MAX_CHARACTER_REFERENCE_BYTES)..position];
        let name = before.iter().rposition(|byte| *byte == b'&').map(|start| &before[start + 1..]);
        name.is_some_and(|name| {
            let name = name.strip_prefix(b"#").unwrap_or(name);
            !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric)
        })
    };
    let mut parts = Vec::new();
    let mut start = 0;
    for (position, _) in text.match_indices(';').filter(|(position, _)| !ends_reference(*position)) {
        parts.push(&text[start..position]);
        start = position + 1;
    }
    parts.push(&text[start..]);
    parts
}

/// Strips the footnote number from "Brook1", but not from "3rd" and "A3".
fn strip_footnote_number(word: &str) -> &str {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit() || "*†‡".contains(c));
    let is_name = letters.chars().filter(|c| c.is_alphabetic()).count() > 1;
    if is_name || letters.is_empty() { letters } else { word }
}

/// Returns whether a part of a field is a complete name, with given and family name.
fn is_complete_name(part: &str) -> bool {
    let part = part.trim().trim_end_matches(',');
    let part = part.strip_prefix("and ").unwrap_or(part);
    let words = part.split(' ').filter(|word| word.chars().any(char::is_alphabetic) && !is_suffix(word));
    words.count() > 1 && part.contains(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns given name, nickname, particle, family name and suffix, separated by `|`.
    fn parts(name: &str) -> String {
        let ParsedName { given, nickname, particle, family, suffix } = parse_name(name);
        [given, nickname, particle, family, suffix].map(Option::unwrap_or_default).join("|")
    }

    #[test]
    fn parse_names() {
        for (name, expected) in [
            ("Ida Brook", "Ida|||Brook|"),
            ("Johannes von Oswald", "Johannes||von|Oswald|"),
            ("Maria de la Cruz", "Maria||de la|Cruz|"),
            ("de la Cruz, Maria", "Maria||de la|Cruz|"),
            ("Van Morrison", "Van|||Morrison|"),
            ("Plato", "Plato||||"),
            ("Plato,", "Plato||||"),
            ("Martin Ford Jr.", "Martin|||Ford|Jr."),
            ("Martin Ford, Jr.", "Martin|||Ford|Jr."),
            ("Ford, Jr., Martin", "Martin|||Ford|Jr."),
            ("Ford, Martin, III", "Martin|||Ford|III"),
            ("Eric H. Ford 3rd", "Eric H.|||Ford|3rd"),
            ("Jean III", "Jean|||III|"),
            ("Alex \"Sandy\" Ford", "Alex|Sandy||Ford|"),
            ("Alex `Sandy' Ford", "Alex|Sandy||Ford|"),
            ("Alex 'Sandy' Ford", "Alex|Sandy||Ford|"),
            ("Yu (\"Tony\") Quay", "Yu|Tony||Quay|"),
            ("Mary Ford (née Quay)", "Mary|née Quay||Ford|"),
            ("Conor O'Neill d'Arc", "Conor O'Neill|||d'Arc|"),
            ("山田 太郎", "太郎|||山田|"),
            ("王小明", "小明|||王|"),
            ("欧阳修", "修|||欧阳|"),
            ("김민준", "민준|||김|"),
            ("山田太郎", "山田太郎||||"),
            ("さくら", "さくら||||"),
            ("", "||||"),
        ] {
            assert_eq!(parts(name), expected, "{name}");
        }
    }

    #[test]
    fn split_name_fields() {
        for (field, expected) in [
            ("Ida Brook and Tom Ford", vec!["Ida Brook", "Tom Ford"]),
            ("Ida Brook, Tom Ford, Uma Ferry", vec!["Ida Brook", "Tom Ford", "Uma Ferry"]),
            ("Ida Brook, Tom Ford, and Uma Ferry", vec!["Ida Brook", "Tom Ford", "Uma Ferry"]),
            ("Brook, Ida; Ford, Tom", vec!["Brook, Ida", "Ford, Tom"]),
            ("Brook, Ida and Ford, Tom", vec!["Brook, Ida", "Ford, Tom"]),
            ("García Márquez, Ana María", vec!["García Márquez, Ana María"]),
            ("Martin Ford, Jr.", vec!["Martin Ford, Jr."]),
            ("Weights and Measures", vec!["Weights and Measures"]),
            ("Ortega y Gasset", vec!["Ortega y Gasset"]),
            ("and Tom Ford", vec!["Tom Ford"]),
            ("Ida Brook1, Tom Ford2,3 and Uma Ferry*", vec!["Ida Brook", "Tom Ford", "Uma Ferry"]),
            ("Ida Brook ida@example.org; Tom Ford 3rd", vec!["Ida Brook", "Tom Ford 3rd"]),
            ("Ida Brook1", vec!["Ida Brook1"]),
            (";", vec![";"]),
        ] {
            assert_eq!(split_people(field), expected, "{field}");
        }
    }

    #[test]
    fn email_addresses_in_fields() {
        let found = |field| email_addresses(field).collect::<Vec<_>>();
        assert_eq!(found("Ida Brook <ida@example.org>"), ["ida@example.org"]);
        assert_eq!(found("mailto:ida@example.org, Ida"), ["ida@example.org"]);
        assert!(found("Ida @home Brook@").is_empty());
    }

    proptest! {
        #[test]
        fn parsing_keeps_all_letters(name in "[A-Za-zé .,'\"()-]{0,40}") {
            let letters = |text: &str| {
                let mut letters: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
                letters.sort_unstable();
                letters
            };
            prop_assert_eq!(letters(&parts(&name)), letters(&name));
        }

        #[test]
        fn any_text_can_be_parsed(text in any::<String>()) {
            prop_assert_eq!(parse_name(&text), parse_name(&clean(&text)));
            prop_assert!(!split_people(&text).is_empty());
            email_addresses(&text).count();
        }
    }
}
