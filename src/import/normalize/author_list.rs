//! Normalizes author lists: splits fields that name several people, and removes e-mail addresses.

use crate::model::record::AuthorRecord;
use crate::text::names;

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

/// Splits authors that name several people and removes e-mail addresses; later positions are shifted.
pub(crate) fn split_authors(authors: Vec<AuthorRecord>, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
    let mut all = Vec::with_capacity(authors.len());
    let mut more = 0;
    for (number, author) in (1..).zip(authors) {
        if matches!(names::fold(&author.name).as_str(), "et al" | "and others") {
            warnings.push(format!("author {number} is '{}': the list is truncated", names::clean(&author.name)));
            continue;
        }
        let position = author.position.map(|position| position + more);
        let people = people_in_field(&author);
        if let [] | [_] = people[..] {
            let name = match people.into_iter().next() {
                Some(name) if names::email_addresses(&author.name).next().is_some() => {
                    warnings.push(format!("the e-mail address in the name of author {number} was ignored"));
                    if names::email_addresses(&name).next().is_some() { String::new() } else { name }
                }
                _ => author.name.clone(),
            };
            all.push(AuthorRecord { name, position, ..author });
            continue;
        }
        warnings.push(format!("author {number} names {} people and was split", people.len()));
        for (number, name) in (0..).zip(&people) {
            all.push(AuthorRecord {
                name: name.clone(),
                position: position.map(|position| position + number),
                affiliations_as_published: author.affiliations_as_published.clone(),
                ..AuthorRecord::default()
            });
        }
        more += u32::try_from(people.len() - 1).unwrap_or_default();
    }
    all
}

/// Returns the people that an author names. An author with an identifier, or with separate name parts, is one person.
fn people_in_field(author: &AuthorRecord) -> Vec<String> {
    let has_parts = author.given_name.is_some() && author.family_name.is_some();
    if has_parts || author.orcid.is_some() || !author.identifiers.is_empty() {
        return Vec::new();
    }
    let people = names::split_people(&author.name);
    if names::split_at_semicolons(&author.name).len() > 1 || !has_group_word(&author.name) {
        people
    } else {
        Vec::new()
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
        assert_eq!(authors, ["1 Ida Brook", "2 Ilić, Ana", "3 Ford, Tom", "4 Uma Quist", "5 Lee Oak", "6 Ben Frostad"]);
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
    fn email_addresses_are_removed() {
        let (authors, warnings) = split(&["Ida Brook <ida@example.org>", "ida@example.org"]);
        assert_eq!(authors, ["1 Ida Brook", "2 "]);
        assert_eq!(warnings[0], "the e-mail address in the name of author 1 was ignored");
    }
}
