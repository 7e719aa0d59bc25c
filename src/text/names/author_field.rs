//! Parsing of fields that name the authors of a work: one person, or several in one of the styles in which lists are
//! written.

use crate::text::names::parse::{
    is_email_address, is_initials, is_suffix_after_comma, parse_name, split_at_semicolons, split_final_initials,
};
use crate::text::normalize::clean;

/// Words that join the last two names of a list.
const CONJUNCTIONS: [&str; 3] = ["&", "und", "et"];

/// A person named in a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedPerson {
    /// The whole name: given name first if the field shows which part that is, else as written.
    pub name: String,
    /// The given name, if the field shows which part it is.
    pub given: Option<String>,
    /// The family name with its particles, if the field shows which part it is.
    pub family: Option<String>,
}

/// What a field with the names of authors contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorField {
    /// One name, as written, without e-mail addresses.
    One(String),
    /// The names of several people.
    Several(Vec<NamedPerson>),
    /// A list of which it is uncertain where the names end.
    Unclear,
}

/// Parses a field that names authors.
///
/// People are separated by semicolons; by "and"; by commas, if each part is a whole name ("Ida Brook, Tom Ford, Uma
/// Ferry") or ends in initials ("Brook IM, Ford T"), or if parts and initials alternate ("Brook, I. M., Ford, T.").
#[must_use]
pub fn parse_author_field(field: &str) -> AuthorField {
    let field = clean(field);
    let parts: Vec<&str> = split_at_semicolons(&field).into_iter().filter(|part| has_letters(part)).collect();
    let names = match parts.as_slice() {
        [] => return AuthorField::One(field),
        [part] => split_list(part),
        parts => parts.iter().map(|part| split_list(part)).collect::<Option<Vec<_>>>().map(|names| names.concat()),
    };
    let Some(names) = names else { return AuthorField::Unclear };
    let named = |name: &String| without_addresses(name, names.len() > 1);
    let written: Vec<String> = names.iter().map(named).filter(|name| has_letters(name)).collect();
    match written.as_slice() {
        [] => AuthorField::One(field),
        [one] => AuthorField::One(one.clone()),
        several => AuthorField::Several(several.iter().map(|name| named_person(name, true)).collect()),
    }
}

/// Parses the name of one person as lists write it: "Brook, Ida M.", "Brook, I. M., Jr.", "Brook I.M.", "Ida M. Brook".
/// Capitals at the end count as initials on request.
#[must_use]
pub fn named_person(written: &str, accept_bare_initials: bool) -> NamedPerson {
    let written = clean(written);
    let as_written = || NamedPerson { name: written.clone(), ..NamedPerson::default() };
    if !written.contains(',') {
        let parts = split_final_initials(&written, accept_bare_initials);
        // "Kavithal D" is how this person writes the name.
        let Some((family, initials)) = parts.filter(|(_, initials)| accept_bare_initials || initials.contains('.'))
        else {
            return as_written();
        };
        return NamedPerson {
            name: format!("{initials} {family}"),
            given: Some(initials.to_owned()),
            family: Some(family.to_owned()),
        };
    }
    let parsed = parse_name(&written);
    let (Some(given), Some(family), None) = (parsed.given, parsed.family, parsed.nickname) else {
        return NamedPerson { name: written.trim_end_matches([',', ' ']).to_owned(), ..NamedPerson::default() };
    };
    let family = parsed.particle.map_or_else(|| family.clone(), |particle| format!("{particle} {family}"));
    let name = [Some(given.as_str()), Some(family.as_str()), parsed.suffix.as_deref()];
    NamedPerson {
        name: name.into_iter().flatten().collect::<Vec<_>>().join(" "),
        given: Some(given),
        family: Some(family),
    }
}

/// Splits a suffix after a comma from a part of a name: "Brook, Jr." into "Brook" and "Jr.".
#[must_use]
pub fn split_suffix(part: &str) -> Option<(&str, &str)> {
    let (before, suffix) = part.rsplit_once(',')?;
    let (before, suffix) = (before.trim(), suffix.trim());
    (has_letters(before) && is_suffix_after_comma(suffix)).then_some((before, suffix))
}

/// Splits a list without semicolons into the names of people. Returns `None` if it is uncertain where names end.
fn split_list(list: &str) -> Option<Vec<String>> {
    let parts: Vec<&str> = split_at_conjunctions(list).into_iter().filter(|part| has_letters(part)).collect();
    let [_, .., last] = parts.as_slice() else { return split_at_commas(parts.first().copied().unwrap_or(list)) };
    // In "Brook, Ida and Ford, Tom" commas are in the names, in "Ida Brook, Tom Ford and Uma Ferry" between them.
    let names: Vec<String> = if segments(last).len() > 1 {
        parts.iter().map(|part| split_at_commas(part)).collect::<Option<Vec<_>>>()?.concat()
    } else {
        parts.iter().flat_map(|part| segments(part)).collect()
    };
    names.iter().all(|name| name.contains(',') || is_whole_name(name)).then_some(names)
}

/// Splits a list whose only separators are commas.
fn split_at_commas(list: &str) -> Option<Vec<String>> {
    let segments = segments(list);
    let ends_in_initials = |segment: &String| split_final_initials(without_suffix(segment), true).is_some();
    if segments.len() > 1 && segments.iter().all(ends_in_initials) {
        return Some(segments);
    }
    if segments.len() < 3 {
        return Some(vec![list.trim().to_owned()]);
    }
    let pairs: Vec<&[String]> = segments.chunks(2).collect();
    let is_pair = |pair: &&[String]| matches!(pair, [family, _] if !has_initials(family));
    let has_initials_second = |pair: &&[String]| pair.get(1).is_some_and(|given| has_initials(given));
    if pairs.iter().all(is_pair) && pairs.iter().any(has_initials_second) {
        return Some(pairs.into_iter().map(|pair| pair.join(", ")).collect());
    }
    segments.iter().all(|segment| is_whole_name(segment)).then_some(segments)
}

/// Returns the parts of a list between commas, each with the suffixes that follow it.
fn segments(list: &str) -> Vec<String> {
    let mut segments: Vec<String> = Vec::new();
    for part in list.split([',', '，']).map(str::trim).filter(|part| has_letters(part)) {
        match segments.last_mut() {
            // In "Brook, M.D., Ford, T." these are initials.
            Some(last) if is_suffix_after_comma(part) && (last.contains(' ') || !is_initials(part)) => {
                last.push_str(&format!(", {part}"));
            }
            _ => segments.push(part.to_owned()),
        }
    }
    segments
}

/// Splits a text at "and" in any case, "&", "und" and "et", if they stand between names.
fn split_at_conjunctions(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut position) = (Vec::new(), 0, 0);
    for word in text.split(' ') {
        let end = position + word.len();
        if word.eq_ignore_ascii_case("and") || CONJUNCTIONS.contains(&word) {
            parts.push(&text[start..position]);
            start = end;
        }
        position = end + 1;
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts.into_iter().map(|part| part.trim().trim_end_matches(',').trim()).collect()
}

/// Returns the name without e-mail addresses; in a list of names, a number after a name refers to a footnote.
fn without_addresses(name: &str, is_in_list: bool) -> String {
    let words = name.trim().trim_end_matches(',').split(' ').filter(|word| !is_email_address(word));
    let words = words.map(|word| if is_in_list { strip_footnote_number(word) } else { word });
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Strips the footnote number from "Brook1", but not from "3rd" and "A3".
fn strip_footnote_number(word: &str) -> &str {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit() || "*†‡".contains(c));
    let is_name = letters.chars().filter(|c| c.is_alphabetic()).count() > 1;
    if is_name || letters.is_empty() { letters } else { word }
}

/// Returns whether a part of a list is a whole name: two words, one of which is more than initials.
fn is_whole_name(part: &str) -> bool {
    let words: Vec<&str> = without_suffix(part).split(' ').filter(|word| has_letters(word)).collect();
    words.len() > 1 && part.contains(char::is_uppercase) && words.iter().any(|word| !is_initials(word))
}

fn without_suffix(part: &str) -> &str {
    split_suffix(part).map_or(part, |(before, _)| before)
}

fn has_initials(part: &str) -> bool {
    without_suffix(part).split(' ').any(is_initials)
}

fn has_letters(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the names in a field, or nothing if they are unclear.
    fn people(field: &str) -> Vec<String> {
        match parse_author_field(field) {
            AuthorField::One(name) => vec![name],
            AuthorField::Several(people) => people.into_iter().map(|person| person.name).collect(),
            AuthorField::Unclear => Vec::new(),
        }
    }

    #[test]
    fn lists_of_people() {
        for (field, expected) in [
            ("Ida Brook and Tom Ford", vec!["Ida Brook", "Tom Ford"]),
            ("Ida Brook AND Tom Ford", vec!["Ida Brook", "Tom Ford"]),
            ("Ida Brook, Tom Ford, Uma Ferry", vec!["Ida Brook", "Tom Ford", "Uma Ferry"]),
            ("Ida Brook, Tom Ford, and Uma Ferry", vec!["Ida Brook", "Tom Ford", "Uma Ferry"]),
            ("Brook, Ida; Ford, Tom", vec!["Ida Brook", "Tom Ford"]),
            ("Brook, Ida and Ford, Tom", vec!["Ida Brook", "Tom Ford"]),
            ("Brook, I.M., Ford, T., Ferry, U.", vec!["I.M. Brook", "T. Ford", "U. Ferry"]),
            ("Brook, I. M., Ford, T., & Ferry, U.", vec!["I. M. Brook", "T. Ford", "U. Ferry"]),
            ("Brook, IM, van der Ford, T", vec!["IM Brook", "T van der Ford"]),
            ("Brook, Ida M., Ford, Tom", vec!["Ida M. Brook", "Tom Ford"]),
            ("Brook IM, Ford T", vec!["IM Brook", "T Ford"]),
            ("Brook I.M., de la Cruz T., Ferry U.", vec!["I.M. Brook", "T. de la Cruz", "U. Ferry"]),
            ("Brook, I. M., Jr., Ford, T.", vec!["I. M. Brook Jr.", "T. Ford"]),
            ("I. M. Brook, T. Ford, U. Ferry", vec!["I. M. Brook", "T. Ford", "U. Ferry"]),
            ("Ida Brook1, Tom Ford2,3 and Uma Ferry*", vec!["Ida Brook", "Tom Ford", "Uma Ferry"]),
            ("Ida Brook ida@example.org; Tom Ford 3rd", vec!["Ida Brook", "Tom Ford 3rd"]),
        ] {
            assert_eq!(people(field), expected, "{field}");
        }
    }

    #[test]
    fn single_names() {
        for name in [
            "García Márquez, Ana María",
            "Martin Ford, Jr.",
            "Brook, I. M., Jr.",
            "Brook, Ida, Dr.",
            "Ortega y Gasset",
            "Ida Brook1",
            "Brook I.M.",
            "Jos&eacute; Brook",
            ";",
        ] {
            assert_eq!(parse_author_field(name), AuthorField::One(name.to_owned()));
        }
        assert_eq!(people("and Tom Ford"), ["Tom Ford"]);
        assert_eq!(people("Brook, Ida,"), ["Brook, Ida"]);
    }

    #[test]
    fn unclear_lists() {
        for field in ["Brook, Ida, Ford, Tom", "Brook, Ford, Ferry", "Weights and Measures", "Brook, I., Ford"] {
            assert_eq!(parse_author_field(field), AuthorField::Unclear, "{field}");
        }
    }

    #[test]
    fn parts_of_a_name() {
        let parts = |name| {
            let person = named_person(name, false);
            [person.name, person.given.unwrap_or_default(), person.family.unwrap_or_default()].join("|")
        };
        assert_eq!(parts("de la Cruz, Ana, Jr."), "Ana de la Cruz Jr.|Ana|de la Cruz");
        assert_eq!(parts("van der Ford A.D."), "A.D. van der Ford|A.D.|van der Ford");
        assert_eq!(parts("Ida Brook"), "Ida Brook||");
        assert_eq!(parts("Brook IM"), "Brook IM||");
        assert_eq!(parts("Kavithal D"), "Kavithal D||");
        assert_eq!(split_suffix("Brook, Jr."), Some(("Brook", "Jr.")));
        assert_eq!(split_suffix("Brook, Ida"), None);
    }

    /// Writes a family and a given name in one of the styles.
    type WriteName = fn(&str, &str) -> String;

    /// Family names and initials of people.
    fn any_people() -> impl Strategy<Value = Vec<(String, String)>> {
        let family = "(van der )?[A-Z][a-zéø]{2,7}(-[A-Z][a-z]{2,5})?";
        proptest::collection::vec((family, "[A-H]\\.( ?[A-H]\\.)?"), 2..6)
    }

    proptest! {
        #[test]
        fn every_style_gives_the_same_people(expected in any_people()) {
            let styles: [(&str, WriteName); 7] = [
                ("; ", |family, given| format!("{family}, {given}")),
                (" and ", |family, given| format!("{family}, {given}")),
                (" AND ", |family, given| format!("{given} {family}")),
                (", ", |family, given| format!("{family}, {given}")),
                (", ", |family, given| format!("{family} {given}")),
                ("; ", |family, given| format!("{family} {given}")),
                (", ", |family, given| format!("{family} {}", given.replace(['.', ' '], ""))),
            ];
            for (separator, write) in styles {
                let field: Vec<String> = expected.iter().map(|(family, given)| write(family, given)).collect();
                let field = field.join(separator);
                let AuthorField::Several(people) = parse_author_field(&field) else { panic!("{field}") };
                let bare = |text: &str| text.replace(['.', ' '], "");
                let found: Vec<String> = people.iter().map(|person| bare(&person.name)).collect();
                let names: Vec<String> =
                    expected.iter().map(|(family, given)| bare(&format!("{given}{family}"))).collect();
                prop_assert_eq!(found, names, "{}", field);
            }
        }

        #[test]
        fn no_letter_is_lost(field in "([A-Z][a-z]{0,5}|[A-Z]\\.|Jr\\.|[,;]|é| ){0,20}") {
            // A suffix that is written twice is kept once.
            prop_assume!(field.matches("Jr").count() < 2);
            let letters = |text: &str| {
                let mut letters: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
                letters.sort_unstable();
                letters
            };
            let found = match parse_author_field(&field) {
                AuthorField::One(name) => named_person(&name, true).name,
                AuthorField::Several(people) => people.into_iter().map(|person| person.name).collect(),
                AuthorField::Unclear => field.clone(),
            };
            prop_assert_eq!(letters(&found), letters(&field));
        }

        #[test]
        fn any_text_can_be_parsed(text in any::<String>()) {
            prop_assert!(parse_author_field(&text) != AuthorField::Several(Vec::new()));
            prop_assert_eq!(named_person(&text, true), named_person(&clean(&text), true));
        }
    }
}
