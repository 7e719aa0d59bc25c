//! Rules about venues: whether two names are of one series, and whether a venue is a workshop or a journal.

use std::collections::BTreeSet;

use crate::text::names;

/// Words that number the volumes of a series, or are insignificant.
const IGNORED_WORDS: [&str; 50] = [
    "a",
    "an",
    "and",
    "annual",
    "april",
    "august",
    "conference",
    "de",
    "december",
    "des",
    "du",
    "edition",
    "eighteenth",
    "eighth",
    "eleventh",
    "february",
    "fifteenth",
    "fifth",
    "first",
    "for",
    "fourteenth",
    "fourth",
    "in",
    "issue",
    "january",
    "july",
    "june",
    "la",
    "march",
    "may",
    "meeting",
    "ninth",
    "no",
    "november",
    "number",
    "october",
    "of",
    "on",
    "proceedings",
    "second",
    "september",
    "seventh",
    "sixth",
    "tenth",
    "the",
    "third",
    "thirteenth",
    "twelfth",
    "twentieth",
    "volume",
];

/// Whether two names are of one series, ignoring years, numbers and ordinals.
pub fn is_same_series(one: &str, other: &str) -> bool {
    names::fold(one) == names::fold(other)
        || matches!((series_words(one), series_words(other)), (one, other) if !one.is_empty() && one == other)
}

/// Whether it is a workshop, spelled out or as the abbreviation of its conference followed by w (iclrw).
pub fn is_workshop(venue: &str) -> bool {
    let folded = names::fold(venue);
    let is_abbreviated = (4..=8).contains(&folded.len())
        && folded.ends_with('w')
        && folded.chars().all(|letter| letter.is_ascii_lowercase())
        && !matches!(folded.as_str(), "flow" | "view" | "review" | "preview" | "overview");
    is_abbreviated || folded.split(' ').any(|word| matches!(word, "workshop" | "workshops"))
}

/// Whether it is a journal, by its name or by the volume and issue number.
pub fn is_journal(venue: &str) -> bool {
    let folded = names::fold(venue);
    let has = |words: &[&str]| folded.split(' ').any(|word| words.contains(&word));
    has(&["journal", "transactions", "annals", "magazine", "revue", "zeitschrift"])
        || (has(&["volume", "vol"]) && has(&["number", "issue", "no"]))
}

/// Whether it has recurring content: tutorials, presentations of projects.
pub fn is_recurring_session(venue: &str) -> bool {
    let folded = names::fold(venue);
    folded.split(' ').any(|word| matches!(word, "tutorial" | "tutorials" | "project" | "projects"))
}

/// The significant words of a series.
fn series_words(venue: &str) -> BTreeSet<String> {
    let folded = names::fold(venue);
    let is_significant =
        |word: &&str| !word.chars().any(|letter| letter.is_ascii_digit()) && !IGNORED_WORDS.contains(word);
    folded.split(' ').filter(is_significant).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_journal, is_same_series, is_workshop};

    #[test]
    fn series() {
        for (one, other) in [
            ("Annals of Water", "ANNALS OF WATER"),
            (
                "Proceedings of the 18th Annual Conference of the Water Society",
                "Proceedings of the 19th Annual Conference of the Water Society",
            ),
            ("Second Workshop on Weirs (2004)", "Third Workshop on Weirs (2005)"),
            ("Water Studies, Volume 12, Number 3, March 1999", "Water Studies, Volume 13, Number 1, June 2000"),
        ] {
            assert!(is_same_series(one, other), "{one}, {other}");
        }
        for (one, other) in [("Annals of Water", "Annals of Rivers"), ("Weirs", "Workshop on Weirs"), ("2001", "2002")]
        {
            assert!(!is_same_series(one, other), "{one}, {other}");
        }
    }

    #[test]
    fn kinds() {
        assert!(["Proceedings of a Workshop on Weirs", "ICLRW", "cvprw"].into_iter().all(is_workshop));
        assert!(!["Water Review", "Review", "iclr", "Water and Law", "w"].into_iter().any(is_workshop));
        assert!(["Journal of Water", "Water Studies, Volume 39, Issue 2 - June 2013"].into_iter().all(is_journal));
        assert!(!["Proceedings of the Water Days, Volume 2: Posters", "Water Days"].into_iter().any(is_journal));
    }
}
