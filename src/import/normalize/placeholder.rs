//! Placeholders: what sources write where they have no author, venue, title or ID. There is one list for all formats.
//! `docs/importing.md` has it too; a test compares the two.

use crate::model::record::{
    AuthorRecord, ExternalIdentifier, OrganizationRecord, OrganizationReference, PaperRecord, Record, ResearcherRecord,
};
use crate::text::markup::strip_markup;
use crate::text::names;

/// What a placeholder can stand in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The name of a person or a group.
    Author,
    /// The name of a journal, a series, a publisher or an organization.
    Venue,
    /// The title of a paper.
    Title,
    /// An ID.
    Identifier,
}

/// Codes for unknown values of DataCite and ARK, written as `:unav`, `(:unav)` or `(:unkn) Anonymous`.
const CODES: [&str; 10] = ["unac", "unal", "unap", "unas", "unav", "unkn", "none", "null", "tba", "etal"];

/// Phrases that stand for no value at all, in place of anything.
const NO_VALUE: [&str; 6] =
    ["not available", "not applicable", "not specified", "not provided", "not known", "no data"];

/// Words that stand for no value at all. As a title they must be in lower case or in brackets: "Unknown" and "None" are
/// titles.
const NO_VALUE_WORDS: [&str; 6] = ["unknown", "none", "null", "undefined", "tba", "tbd"];

/// Abbreviations that stand for no value at all, as they are written: "Na" is a name, and "N. A." are initials.
const NO_VALUE_ABBREVIATIONS: [&str; 8] = ["&NA;", "&na;", "NA", "N/A", "n/a", "N.A.", "n.a.", "n. a."];

/// Phrases that stand for no author.
const NO_AUTHOR: [&str; 38] = [
    "anonymous",
    "anonymous anonymous",
    "anonymous author",
    "anonymous authors",
    "author anonymous",
    "anon",
    "anonym",
    "anonymus",
    "anonyme",
    "anonimo",
    "anonim",
    "аноним",
    "佚名",
    "匿名",
    "无名氏",
    "作者不详",
    "no author",
    "no authors",
    "no author listed",
    "no authors listed",
    "no author name",
    "no author name available",
    "author name not available",
    "author not available",
    "author unknown",
    "authors unknown",
    "unknown author",
    "unknown authors",
    "unknown unknown",
    "auteur inconnu",
    "autor desconocido",
    "autor unbekannt",
    "unbekannt",
    "nomen nescio",
    "sine nomine",
    "various authors",
    "null author",
    "null author id",
];

/// Abbreviations that stand for no author, as they are written.
const NO_AUTHOR_ABBREVIATIONS: [&str; 6] = ["s.n.", "s. n.", "n.n.", "N.N.", "N. N.", "NN"];

/// Phrases that stand for no venue.
const NO_VENUE: [&str; 14] = [
    "sine nomine",
    "sine loco",
    "no journal",
    "no venue",
    "no publisher",
    "unknown journal",
    "unknown venue",
    "unknown publisher",
    "journal not available",
    "publisher not identified",
    "publisher unknown",
    "place of publication not identified",
    "unpublished",
    "to be announced",
];

/// Abbreviations that stand for no venue, as they are written.
const NO_VENUE_ABBREVIATIONS: [&str; 8] = ["s.n.", "s. n.", "S.n.", "S.N.", "s.l.", "s. l.", "S.l.", "S.L."];

/// Phrases that stand for no title.
const NO_TITLE: [&str; 13] = [
    "untitled",
    "no title",
    "no title available",
    "no title given",
    "title not available",
    "unknown title",
    "title unknown",
    "without title",
    "ohne titel",
    "sans titre",
    "sin titulo",
    "senza titolo",
    "sem titulo",
];

/// IDs that registries give to what they cannot identify: the author of OpenAlex with this ID stands for many people.
const NULL_IDS: [(&str, &str); 1] = [("openalex", "A9999999999")];

/// The most characters that a placeholder has; longer texts need no comparison.
const MAX_PLACEHOLDER_CHARS: usize = 80;

/// Removes the placeholders of a record; those for authors of a paper are left to [`remove_authors`].
pub(crate) fn remove_placeholders(record: &mut Record) {
    match record {
        Record::Organization(record) => remove_from_organization(record),
        Record::Topic(_) => {}
        Record::Researcher(record) => remove_from_researcher(record),
        Record::Paper(record) => remove_from_paper(record),
    }
}

/// Removes the authors whose names are placeholders. Later authors move up.
pub(crate) fn remove_authors(authors: &mut Vec<AuthorRecord>) {
    let is_removed =
        |author: &AuthorRecord| !names::clean(&author.name).is_empty() && is_placeholder(&author.name, Missing::Author);
    let mut removed: Vec<u32> = Vec::new();
    authors.retain(|author| {
        let is_kept = !is_removed(author);
        removed.extend(author.position.filter(|_| !is_kept));
        is_kept
    });
    for position in authors.iter_mut().filter_map(|author| author.position.as_mut()) {
        let before = removed.iter().filter(|removed| *removed < position).count();
        *position = position.saturating_sub(u32::try_from(before).unwrap_or_default());
    }
}

fn remove_from_organization(record: &mut OrganizationRecord) {
    record.names.retain(|name| !is_placeholder(&name.value, Missing::Venue));
    remove_identifiers(&mut record.identifiers);
}

fn remove_from_researcher(record: &mut ResearcherRecord) {
    if is_placeholder(&record.name, Missing::Author) {
        record.name.clear();
    }
    record.other_names.retain(|name| !is_placeholder(&name.value, Missing::Author));
    remove_identifiers(&mut record.identifiers);
    record.affiliations.retain_mut(|affiliation| is_organization(&mut affiliation.organization));
}

fn remove_from_paper(record: &mut PaperRecord) {
    if is_placeholder(&record.title, Missing::Title) {
        record.title.clear();
    }
    let real_title = |title: &str| if is_placeholder(title, Missing::Title) { String::new() } else { title.to_owned() };
    record.translated_titles = record.translated_titles.map(real_title);
    record.venue_name.take_if(|venue| is_placeholder(venue, Missing::Venue));
    for detail in [
        &mut record.volume,
        &mut record.issue,
        &mut record.pages,
        &mut record.article_number,
        &mut record.edition,
        &mut record.publisher_name,
    ] {
        detail.take_if(|text| !is_number(text) && is_placeholder(text, Missing::Venue));
    }
    record.keywords.retain(|keyword| !is_placeholder(keyword, Missing::Venue));
    record.source_id.take_if(|id| is_placeholder(id, Missing::Identifier));
    remove_identifiers(&mut record.identifiers);
    for author in &mut record.authors {
        remove_identifiers(&mut author.identifiers);
        author.affiliations_as_published.retain(|affiliation| !is_placeholder(affiliation, Missing::Venue));
        author.organizations.retain_mut(is_organization);
    }
}

/// Whether a text is a plain number, which needs no comparison.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Removes a placeholder for the name of an organization; returns whether anything still refers to one.
fn is_organization(reference: &mut OrganizationReference) -> bool {
    let was_placeholder = reference.name.take_if(|name| is_placeholder(name, Missing::Venue)).is_some();
    !was_placeholder || reference.ror.is_some() || reference.id.is_some()
}

fn remove_identifiers(identifiers: &mut Vec<ExternalIdentifier>) {
    identifiers.retain(|id| id.value.trim().is_empty() || !is_null_identifier(&id.scheme, &id.value));
}

/// Returns whether a text only stands for a missing value. The whole text must be a placeholder, apart from case,
/// accents, white space, brackets around it and punctuation: "Unknown unknowns" and "Anon, Jane" are real.
pub(crate) fn is_placeholder(text: &str, missing: Missing) -> bool {
    if has_code(text.trim()) {
        return true;
    }
    if text.chars().nth(MAX_PLACEHOLDER_CHARS).is_some() {
        return false;
    }
    let text = names::clean(&strip_markup(text));
    let is_bracketed = text.starts_with(is_bracket);
    let inner = text.trim_matches(|c: char| c.is_whitespace() || is_bracket(c));
    // A period may follow the closing bracket, as in PubMed's "[Not Available].".
    let inner = if is_bracketed { inner.trim_end_matches(|c: char| c == '.' || is_bracket(c)) } else { inner };
    if is_only_dashes(inner) {
        return true;
    }
    let is_abbreviation = |list: &[&str]| {
        list.iter()
            .any(|entry| text == *entry || is_bracketed && inner.eq_ignore_ascii_case(entry.trim_end_matches('.')))
    };
    let folded = names::fold(inner);
    let is_phrase = |list: &[&str]| list.contains(&folded.as_str());
    let is_word = NO_VALUE_WORDS.contains(&folded.as_str());
    if is_phrase(&NO_VALUE) || is_abbreviation(&NO_VALUE_ABBREVIATIONS) {
        return true;
    }
    match missing {
        Missing::Author => is_word || is_phrase(&NO_AUTHOR) || is_abbreviation(&NO_AUTHOR_ABBREVIATIONS),
        Missing::Venue => is_word || is_phrase(&NO_VENUE) || is_abbreviation(&NO_VENUE_ABBREVIATIONS),
        Missing::Title => is_word && (is_bracketed || !text.chars().any(char::is_uppercase)) || is_phrase(&NO_TITLE),
        Missing::Identifier => is_word || inner.chars().all(|c| matches!(c, '0' | '-')),
    }
}

/// Returns whether an ID identifies nothing: a placeholder, or the ID that a registry gives to what it cannot identify.
pub(crate) fn is_null_identifier(scheme: &str, value: &str) -> bool {
    NULL_IDS.iter().any(|(null_scheme, id)| {
        scheme.eq_ignore_ascii_case(null_scheme) && value.trim().rsplit('/').next() == Some(id)
    }) || is_placeholder(value, Missing::Identifier)
}

fn is_bracket(c: char) -> bool {
    matches!(c, '[' | ']' | '(' | ')' | '{' | '}' | '<' | '>' | '"' | '“' | '”' | '【' | '】')
}

fn is_only_dashes(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '-' | '‐' | '‑' | '–' | '—' | '_' | '*'))
}

/// Returns whether a text starts with a code for an unknown value.
fn has_code(text: &str) -> bool {
    let Some(code) = text.trim_start_matches('(').strip_prefix(':') else { return false };
    let end = code.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(code.len());
    CODES.iter().any(|known| known.eq_ignore_ascii_case(&code[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_each_kind() {
        let everywhere = [
            ":unav",
            ":unkn",
            ":tba",
            "(:unkn) unknown",
            "(:unav)",
            "(:tba) to come",
            ":UNAS",
            "[Not Available]",
            "[Not Available].",
            "not available",
            "Not Applicable",
            "&NA;",
            "&amp;NA;",
            "N/A",
            "n/a",
            "n.a.",
            "NA",
            "[na]",
            "-",
            "—",
            "***",
        ];
        for text in everywhere {
            for missing in [Missing::Author, Missing::Venue, Missing::Title, Missing::Identifier] {
                assert!(is_placeholder(text, missing), "{text} as {missing:?}");
            }
        }
        for (missing, texts) in [
            (
                Missing::Author,
                &[
                    "Anonymous",
                    "ANONYMOUS",
                    "[Anonymous]",
                    "anonymous.",
                    "Anon.",
                    "Anónimo",
                    "[s.n.]",
                    "s.n.",
                    "[S. n.]",
                    "N.N.",
                    "NN",
                    "[No authors listed]",
                    "[No author name available]",
                    "Unknown",
                    "Unknown, Unknown",
                    "Author, Unknown",
                    "佚名",
                    "<i>Anonymous</i>",
                    "None",
                    "null",
                    "NULL AUTHOR",
                ][..],
            ),
            (
                Missing::Venue,
                &[
                    "[s.n.]",
                    "s.n.",
                    "S.n.",
                    "[S.l.]",
                    "Unknown",
                    "Unknown journal",
                    "[publisher not identified]",
                    "Unpublished",
                    "None",
                ],
            ),
            (
                Missing::Title,
                &[
                    "Untitled",
                    "[untitled]",
                    "[No title available]",
                    "Title not available",
                    "Sans titre",
                    "[Unknown]",
                    "null",
                ],
            ),
            (Missing::Identifier, &["0", "0000-0000-0000-0000", "null", "None", "unknown"]),
        ] {
            for text in texts {
                assert!(is_placeholder(text, missing), "{text} as {missing:?}");
            }
        }
    }

    #[test]
    fn real_values_that_contain_such_words() {
        for (missing, texts) in [
            (
                Missing::Author,
                &[
                    "Anon, Jane",
                    "Jane Anon",
                    "Na",
                    "Na Li",
                    "N. A.",
                    "N. Annan",
                    "Nan",
                    "Anonymous Collective of Weirs",
                    "A. Unknown",
                    "None Ilić",
                    "Tba Ford",
                    "S. N. Bose",
                    "S. N.",
                    "Null, Jan",
                    "Ana",
                    "李",
                    "O",
                    "X",
                    "Various",
                    "Untitled",
                ][..],
            ),
            (
                Missing::Venue,
                &[
                    "Nature",
                    "The Unknown",
                    "Anonymous",
                    "Proceedings of the Unknown",
                    "SN Applied Sciences",
                    "NAR",
                    "NN Journal",
                ],
            ),
            (
                Missing::Title,
                &[
                    "Unknown unknowns",
                    "Unknown",
                    "None",
                    "Null",
                    "Anonymous",
                    "Untitled (1999)",
                    "An untitled poem",
                    "No title fight",
                    "NA inflow",
                    "?",
                    "…",
                    "π",
                    "A",
                    "Not available: a survey",
                    "S.n.",
                ],
            ),
            (Missing::Identifier, &["10", "W0", "00012", "A1", "none-such", "NA12878"]),
        ] {
            for text in texts {
                assert!(!is_placeholder(text, missing), "{text} as {missing:?}");
            }
        }
    }

    #[test]
    fn null_identifiers() {
        assert!(is_null_identifier("openalex", "A9999999999"));
        assert!(is_null_identifier("openalex", "https://openalex.org/A9999999999"));
        assert!(is_null_identifier("pmid", "n/a"));
        assert!(!is_null_identifier("openalex", "A5000000001"));
        assert!(!is_null_identifier("dblp", "A9999999999"));
    }

    /// The words in the table of `docs/importing.md`.
    #[test]
    fn the_documentation_has_all_placeholders() {
        let docs = include_str!("../../../docs/importing.md");
        let section =
            docs.split("### Placeholders").nth(1).and_then(|text| text.split("\n## ").next()).expect("the section");
        let folded: Vec<&str> = section.split('`').skip(1).step_by(2).collect();
        let lists: [&[&str]; 9] = [
            &NO_VALUE,
            &NO_VALUE_WORDS,
            &NO_VALUE_ABBREVIATIONS,
            &NO_AUTHOR,
            &NO_AUTHOR_ABBREVIATIONS,
            &NO_VENUE,
            &NO_VENUE_ABBREVIATIONS,
            &NO_TITLE,
            &[NULL_IDS[0].1],
        ];
        for entry in lists.concat() {
            assert!(folded.contains(&entry), "{entry} is not documented");
        }
        for code in CODES {
            assert!(folded.contains(&format!(":{code}").as_str()), ":{code} is not documented");
        }
    }
}
