//! Whether two names of venues are of one series: of a journal, or of a conference in its years.

use std::collections::BTreeSet;

use crate::names;

/// Words that say which of a series it is, or nothing.
const PASSED_OVER: [&str; 50] = [
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

/// Whether two names are of one series, once years, numbers and ordinals are passed over.
pub fn is_same_series(one: &str, other: &str) -> bool {
    names::fold(one) == names::fold(other)
        || matches!((words(one), words(other)), (one, other) if !one.is_empty() && one == other)
}

fn words(venue: &str) -> BTreeSet<String> {
    let folded = names::fold(venue);
    let tells = |word: &&str| !word.chars().any(|letter| letter.is_ascii_digit()) && !PASSED_OVER.contains(word);
    folded.split(' ').filter(tells).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::is_same_series;

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
}
