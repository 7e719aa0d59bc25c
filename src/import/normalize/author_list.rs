//! Normalizes author lists: splits fields that name several people, and removes e-mail addresses.

use crate::model::record::AuthorRecord;
use crate::text::names::{self, AuthorField, NamedPerson};

/// The maximum length of a name that a warning quotes.
const MAX_QUOTED_CHARS: usize = 80;

/// Words in names of groups and institutions, in which "and" does not separate people.
const GROUP_NAME_WORDS: [&str; 32] = [
    "of",
    "for",
    "the",
    "on",
    "in",
    "group",
    "team",
    "collaboration",
    "consortium",
    "committee",
    "commission",
    "council",
    "network",
    "project",
    "society",
    "association",
    "agency",
    "institute",
    "institut",
    "university",
    "université",
    "department",
    "laboratory",
    "laboratoire",
    "center",
    "centre",
    "initiative",
    "study",
    "trial",
    "inc",
    "ltd",
    "gmbh",
];

/// Splits authors that name several people and removes e-mail addresses; later positions are shifted. A field that seems
/// to name several people, but not where their names end, is kept whole with a warning.
pub(crate) fn split_authors(authors: Vec<AuthorRecord>, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
    let mut all = Vec::with_capacity(authors.len());
    let mut more = 0;
    for (number, author) in (1..).zip(authors) {
        if matches!(names::fold(&author.name).as_str(), "et al" | "and others") {
            warnings.push(format!("author {number} is '{}': the list is truncated", names::clean(&author.name)));
            continue;
        }
        let position = author.position.map(|position| position + more);
        let author = AuthorRecord { position, ..separate_suffix(author) };
        let people = match author_field(&author, number, warnings) {
            None => {
                all.push(author);
                continue;
            }
            Some(AuthorField::One(name)) => {
                all.push(AuthorRecord { name: without_addresses(&author.name, name, number, warnings), ..author });
                continue;
            }
            Some(AuthorField::Unclear) => {
                let start: String = names::clean(&author.name).chars().take(MAX_QUOTED_CHARS).collect();
                warnings.push(format!(
                    "author {number}, '{start}', seems to name several people, but not where their names end; it was \
                     kept whole; separate the names by semicolons"
                ));
                all.push(author);
                continue;
            }
            Some(AuthorField::Several(people)) => people,
        };
        warnings.push(format!("author {number} names {} people and was split", people.len()));
        more += u32::try_from(people.len() - 1).unwrap_or_default();
        all.extend((0..).zip(people).map(|(index, person)| AuthorRecord {
            position: position.map(|position| position + index),
            affiliations_as_published: author.affiliations_as_published.clone(),
            ..author_of(person)
        }));
    }
    reorder_initials(&mut all);
    all
}

/// Returns the author whom a source names in one text, such as "Brook, Ida, Jr." or "Brook I.M.", with the parts of the
/// name. Several people in one text become several authors when the record is normalized.
pub(crate) fn author_from_text(position: Option<u32>, written: &str) -> AuthorRecord {
    let author = match names::parse_author_field(written) {
        AuthorField::One(name) if names::email_addresses(written).next().is_none() => {
            author_of(names::named_person(&name, false))
        }
        _ => AuthorRecord { name: written.to_owned(), ..AuthorRecord::default() },
    };
    AuthorRecord { position, ..author }
}

fn author_of(person: NamedPerson) -> AuthorRecord {
    AuthorRecord { name: person.name, given_name: person.given, family_name: person.family, ..AuthorRecord::default() }
}

/// Returns the authors before a final "et al.".
pub(crate) fn strip_et_al(text: &str) -> Option<&str> {
    let text = text.trim_end_matches('.');
    let start = text.len().checked_sub("et al".len())?;
    text.get(start..).filter(|end| end.eq_ignore_ascii_case("et al"))?;
    let before = text[..start].strip_suffix([' ', ','])?;
    Some(before.trim_end_matches([' ', ',']).trim_end_matches(" and").trim_end_matches([' ', ',']))
}

/// Parses an author that may name several people. An author with an identifier, or with separate name parts, is one
/// person, and so is a group, unless semicolons separate several.
fn author_field(author: &AuthorRecord, number: u32, warnings: &mut Vec<String>) -> Option<AuthorField> {
    let has_parts = author.given_name.is_some() && author.family_name.is_some();
    if has_parts || author.orcid.is_some() || !author.identifiers.is_empty() {
        return None;
    }
    let mut text = author.name.as_str();
    if let Some(before) = strip_et_al(text) {
        warnings.push(format!("author {number} ends with 'et al.': the list is truncated"));
        text = before;
    }
    let is_list = names::split_at_semicolons(text).len() > 1 || !has_group_word(text);
    if is_list { Some(names::parse_author_field(text)) } else { None }
}

/// Returns the name of one author, unchanged if it has no e-mail address.
fn without_addresses(written: &str, name: String, number: u32, warnings: &mut Vec<String>) -> String {
    if names::email_addresses(written).next().is_none() {
        return strip_et_al(written).unwrap_or(written).to_owned();
    }
    warnings.push(format!("the e-mail address in the name of author {number} was ignored"));
    if names::email_addresses(&name).next().is_some() { String::new() } else { name }
}

/// Moves a suffix out of the given or family name: sources write "Brook, Jr." as family name.
fn separate_suffix(author: AuthorRecord) -> AuthorRecord {
    let (Some(given), Some(family)) = (&author.given_name, &author.family_name) else { return author };
    let split = |part: &str| match names::split_suffix(part) {
        Some((before, suffix)) => (before.to_owned(), Some(suffix.to_owned())),
        None => (part.to_owned(), None),
    };
    let ((given, of_given), (family, of_family)) = (split(given), split(family));
    let Some(suffix) = of_family.or(of_given) else { return author };
    AuthorRecord {
        name: format!("{given} {family} {suffix}"),
        given_name: Some(given),
        family_name: Some(family),
        ..author
    }
}

/// Reorders names such as "Brook IM", of which only a list shows that the capitals are initials: all of its names, of at
/// least two, end in them.
fn reorder_initials(authors: &mut [AuthorRecord]) {
    let ends_in_initials = |author: &AuthorRecord| {
        let is_text = author.given_name.is_none() && author.family_name.is_none();
        is_text && names::split_final_initials(&names::clean(&author.name), true).is_some()
    };
    if authors.len() < 2 || !authors.iter().all(ends_in_initials) {
        return;
    }
    for author in authors {
        let NamedPerson { name, given, family } = names::named_person(&author.name, true);
        (author.name, author.given_name, author.family_name) = (name, given, family);
    }
}

fn has_group_word(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphanumeric());
    words.any(|word| GROUP_NAME_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the resulting names with their positions, starting at 1, and the warnings.
    fn split(names: &[&str]) -> (Vec<String>, Vec<String>) {
        let author = |(position, name): (u32, &&str)| AuthorRecord {
            name: (*name).to_owned(),
            position: Some(position),
            ..AuthorRecord::default()
        };
        let mut warnings = Vec::new();
        let all = split_authors((1..).zip(names).map(author).collect(), &mut warnings);
        let format_author = |author: &AuthorRecord| format!("{} {}", author.position.unwrap_or_default(), author.name);
        (all.iter().map(format_author).collect(), warnings)
    }

    #[test]
    fn fields_with_several_people_are_split() {
        let (authors, warnings) = split(&["Ida Brook", "Ilić, Ana; Ford, Tom", "Uma Quist and Lee Oak", "Ben Frostad"]);
        assert_eq!(authors, ["1 Ida Brook", "2 Ana Ilić", "3 Tom Ford", "4 Uma Quist", "5 Lee Oak", "6 Ben Frostad"]);
        let expected = ["author 2 names 2 people and was split", "author 3 names 2 people and was split"];
        assert_eq!(warnings, expected);
    }

    #[test]
    fn single_names_are_unchanged() {
        let names = [
            "Brook, Ida",
            "Society of Bees and Wasps Research",
            "Bee Group and Wasp Team",
            "National Bees Council and Partners Network",
            "Ortega y Gasset",
            "Ida  Brook",
            "李 明",
            "Jos&eacute; Garc&iacute;a",
            "Pat O&#39;Brien",
        ];
        let (authors, warnings) = split(&names);
        let expected: Vec<String> = (1..).zip(names).map(|(number, name)| format!("{number} {name}")).collect();
        assert_eq!((authors, warnings), (expected, Vec::new()));
    }

    #[test]
    fn unclear_lists_are_kept_whole() {
        let (authors, warnings) = split(&["Brook, Ida, Ford, Tom", "Uma Quist"]);
        assert_eq!(authors, ["1 Brook, Ida, Ford, Tom", "2 Uma Quist"]);
        let expected = "author 1, 'Brook, Ida, Ford, Tom', seems to name several people, but not where their names \
                        end; it was kept whole; separate the names by semicolons";
        assert_eq!(warnings, [expected]);
    }

    #[test]
    fn initials_of_a_whole_list_are_reordered() {
        assert_eq!(split(&["Brook IM", "van der Ford T"]).0, ["1 IM Brook", "2 T van der Ford"]);
        assert_eq!(split(&["Wei LI", "Uma Quist"]).0, ["1 Wei LI", "2 Uma Quist"]);
        assert_eq!(split(&["Kavithal D"]).0, ["1 Kavithal D"]);
    }

    #[test]
    fn suffixes_are_no_part_of_a_family_name() {
        for (given, family) in [("I. M.", "Brook, Jr."), ("I. M., Jr.", "Brook")] {
            let author = AuthorRecord {
                name: format!("{given} {family}"),
                given_name: Some(given.to_owned()),
                family_name: Some(family.to_owned()),
                ..AuthorRecord::default()
            };
            let author = split_authors(vec![author], &mut Vec::new()).remove(0);
            assert_eq!(author.name, "I. M. Brook Jr.");
            assert_eq!(author.family_name.as_deref(), Some("Brook"));
        }
    }

    #[test]
    fn email_addresses_are_removed() {
        let (authors, warnings) = split(&["Ida Brook <ida@example.org>", "ida@example.org"]);
        assert_eq!(authors, ["1 Ida Brook", "2 "]);
        assert_eq!(warnings[0], "the e-mail address in the name of author 1 was ignored");
    }
}
