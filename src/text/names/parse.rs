//! Parsing of personal names and of fields that name several people.

use crate::text::names::PARTICLES;
use crate::text::normalize::clean;

/// Suffixes of family names.
const SUFFIXES: [&str; 14] =
    ["jr", "jnr", "junior", "sr", "snr", "senior", "ii", "iii", "iv", "2nd", "3rd", "4th", "phd", "md"];
/// Titles and degrees that stand after a comma like a suffix. Those that could be initials, such as MA, are not listed.
const TITLES: [&str; 10] = ["dr", "prof", "esq", "msc", "bsc", "mph", "mba", "dphil", "frs", "frcp"];
/// Initials of two letters, as transliteration writes them: Yu. A. Brook.
const INITIALS_OF_TWO_LETTERS: [&str; 10] = ["Ch", "Dz", "Kh", "Ph", "Sh", "Th", "Ts", "Ya", "Yu", "Zh"];
/// The maximum number of words of a family name that stands before initials.
const MAX_FAMILY_WORDS: usize = 4;
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

/// Parses a personal name: given name first, family name first before a comma or before initials, or family name first
/// in scripts with that order. Suffixes and titles may stand after any comma. A text with more commas than a name has,
/// or with "and", names several people and has no parts: all of it is the given name.
#[must_use]
pub fn parse_name(name: &str) -> ParsedName {
    let (name, nickname) = extract_nickname(&clean(name));
    let mut parts: Vec<&str> = name.split([',', '，']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut suffixes = Vec::new();
    let mut position = 1;
    while position < parts.len() {
        if is_suffix_after_comma(parts[position]) {
            suffixes.push(parts.remove(position));
        } else {
            position += 1;
        }
    }
    let mut parsed = match parts.as_slice() {
        [] => ParsedName::default(),
        [one] => parse_without_comma(one),
        [family, given] => {
            let (particle, family) = split_particles(family);
            ParsedName { given: Some((*given).to_owned()), particle, family: Some(family), ..ParsedName::default() }
        }
        several => ParsedName { given: Some(several.join(", ")), ..ParsedName::default() },
    };
    parsed.suffix = Some(suffixes.join(" ")).filter(|suffix| !suffix.is_empty()).or(parsed.suffix);
    parsed.nickname = nickname;
    parsed
}

fn is_suffix(word: &str) -> bool {
    SUFFIXES.contains(&word.replace('.', "").to_lowercase().as_str())
}

/// Returns whether a part of a name after a comma is a suffix or a title.
pub(crate) fn is_suffix_after_comma(part: &str) -> bool {
    is_suffix(part) || TITLES.contains(&part.replace('.', "").to_lowercase().as_str())
}

/// Returns whether a word is of initials: "A.", "A.D.", "J.-P.", "Yu.", "AD".
pub(super) fn is_initials(word: &str) -> bool {
    is_certain_initials(word) || is_bare_initials(word)
}

/// Returns whether a word is of initials and cannot be a name: it has dots, or is one letter.
fn is_certain_initials(word: &str) -> bool {
    let mut parts = word.split(['.', '-']).filter(|part| !part.is_empty()).peekable();
    let is_initial = |part: &str| {
        let mut letters = part.chars();
        let first_is_capital = letters.next().is_some_and(char::is_uppercase);
        first_is_capital && letters.next().is_none() || INITIALS_OF_TWO_LETTERS.contains(&part)
    };
    let is_marked = word.contains('.') || word.chars().count() == 1;
    is_marked && parts.peek().is_some() && parts.all(is_initial)
}

/// Returns whether a word is of two or three capitals: initials, but also a family name in capitals, as in "Wei LI".
fn is_bare_initials(word: &str) -> bool {
    let letters = word.chars().filter(|c| *c != '-').count();
    (2..=3).contains(&letters)
        && word.chars().all(|c| c.is_uppercase() || c == '-')
        && (word == "MD" || !is_suffix(word))
}

/// Splits a name without commas that ends in initials into family name and initials: "van der Berg A.D.", "Brook I".
/// Capitals without dots count as initials on request, as in a list of which all names end in capitals: "Brook IM".
pub(crate) fn split_final_initials(name: &str, accept_bare: bool) -> Option<(&str, &str)> {
    let is_initials = if accept_bare { is_initials } else { is_certain_initials };
    let mut start = name.len();
    while let Some(space) = name[..start].rfind(' ').filter(|space| is_initials(&name[space + 1..start])) {
        start = space;
    }
    let (family, initials) = name.split_at(start);
    let is_whole = |word: &str| word.chars().filter(|c| c.is_alphabetic()).count() > 1 && !is_certain_initials(word);
    let words = family.split(' ').count();
    (!initials.is_empty() && words <= MAX_FAMILY_WORDS && family.split(' ').all(is_whole))
        .then(|| (family, initials.trim_start()))
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
    if words.iter().skip(1).any(|word| is_conjunction(word)) {
        return ParsedName { given: Some(words.join(" ")), ..ParsedName::default() };
    }
    let mut suffix = None;
    if words.len() > 2 && words.last().is_some_and(|last| is_suffix(last)) {
        suffix = words.pop().map(ToOwned::to_owned);
    }
    if let Some((family, initials)) = split_final_initials(&words.join(" "), false) {
        let (particle, family) = split_particles(family);
        return ParsedName { given: Some(initials.to_owned()), particle, family: Some(family), suffix, nickname: None };
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

/// Returns whether a word joins the names of several people. "AND" in capitals would be a name in capitals.
fn is_conjunction(word: &str) -> bool {
    matches!(word, "and" | "&")
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
            ("Ford, M. T., Jr.", "M. T.|||Ford|Jr."),
            ("Ford, Martin, Dr.", "Martin|||Ford|Dr."),
            ("Ford, Martin,", "Martin|||Ford|"),
            ("Ford A.D.", "A.D.|||Ford|"),
            ("Ford A. D.", "A. D.|||Ford|"),
            ("van der Ford J.-P.", "J.-P.||van der|Ford|"),
            ("Ford Yu.A.", "Yu.A.|||Ford|"),
            ("Kavithal D", "D|||Kavithal|"),
            ("Wei LI", "Wei|||LI|"),
            ("J. R. Ford", "J. R.|||Ford|"),
            ("Ford, M., Brook, I.", "Ford, M., Brook, I.||||"),
            ("Ford and Brook", "Ford and Brook||||"),
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
            email_addresses(&text).count();
        }
    }
}
