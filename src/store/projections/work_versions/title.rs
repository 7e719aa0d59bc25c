//! Rules about titles: whether a title is distinctive, and whether two titles are of one work. All but
//! [`is_distinctive_title`] take folded titles.

use std::collections::{BTreeSet, HashSet};

use crate::text::names;

/// Minimum number of letters of a distinctive title.
const MIN_DISTINCTIVE_LETTERS: usize = 15;
/// Minimum number of words of a distinctive title, in scripts that separate words.
const MIN_DISTINCTIVE_WORDS: usize = 3;
/// First words of generic headings, which the same people use for different works.
const GENERIC_HEADINGS: [&str; 51] = [
    "abstracts of",
    "acknowledgement",
    "acknowledgements",
    "acknowledgment",
    "acknowledgments",
    "announcement",
    "announcements",
    "author index",
    "avant propos",
    "back matter",
    "book review",
    "book reviews",
    "call for",
    "contents",
    "editorial",
    "editors",
    "einleitung",
    "foreword",
    "front matter",
    "from the editor",
    "from the editors",
    "guest editor",
    "guest editorial",
    "guest editors",
    "in memoriam",
    "in this issue",
    "introduction",
    "introduccion",
    "invited talk",
    "issue information",
    "keynote",
    "letter from",
    "letter to",
    "letters to",
    "list of",
    "message from",
    "news from",
    "note from",
    "obituary",
    "panel discussion",
    "panel session",
    "preface",
    "proceedings",
    "program committee",
    "review of",
    "special issue",
    "subject index",
    "table of",
    "title page",
    "vorwort",
    "welcome",
];
/// Words of titles of papers about another paper, or supplements to it.
const COMMENTARY_WORDS: [&str; 24] = [
    "addendum",
    "appendix",
    "berichtigung",
    "comment",
    "commentary",
    "comments",
    "corrigenda",
    "corrigendum",
    "correction",
    "corrections",
    "discussion",
    "errata",
    "erratum",
    "erwiderung",
    "rectificatif",
    "rejoinder",
    "reply",
    "replies",
    "response",
    "retraction",
    "reponse",
    "supplement",
    "supplementary",
    "supplemental",
];
/// Words of titles that recur every year with the same authors.
const RECURRING_WORDS: [&str; 12] = [
    "annual",
    "bibliography",
    "competition",
    "findings",
    "highlights",
    "minutes",
    "overview",
    "report",
    "shared task",
    "tutorial",
    "workshop",
    "yearly",
];

/// Whether a title is distinctive, so that papers with it may be the same work: no heading, and not very short.
pub fn is_distinctive_title(title: &str) -> bool {
    let folded = names::fold(title);
    // A word in a script without spaces has one to three characters.
    let weight = |letter: char| match letter {
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => 3,
        letter => usize::from(letter.is_alphanumeric()),
    };
    let is_dense = folded.chars().any(|letter| weight(letter) == 3);
    let letters: usize = folded.chars().map(weight).sum();
    let is_heading = GENERIC_HEADINGS
        .iter()
        .any(|heading| folded.strip_prefix(heading).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')));
    let is_about = folded.split(' ').next().is_some_and(|word| COMMENTARY_WORDS.contains(&word));
    letters >= MIN_DISTINCTIVE_LETTERS
        && (is_dense || folded.split(' ').count() >= MIN_DISTINCTIVE_WORDS)
        && !is_heading
        && !is_about
}

/// Whether the same people publish another work under this title every year.
pub fn is_recurring_title(title: &str) -> bool {
    let title = format!(" {title} ");
    RECURRING_WORDS.iter().any(|words| title.contains(&format!(" {words} ")))
}

/// Whether most words of the shorter title are in the longer one.
pub fn are_titles_similar(one: &str, other: &str) -> bool {
    let words = |title: &str| title.split(' ').map(ToOwned::to_owned).collect::<HashSet<String>>();
    let (one, other) = (words(one), words(other));
    let common = one.intersection(&other).count();
    common >= 2 && common * 5 >= one.len().min(other.len()) * 4
}

/// Whether one title is of a part of the other work, of another part, or of a commentary on it.
pub fn is_part_or_commentary(one: &str, other: &str) -> bool {
    let words = |title: &str| -> BTreeSet<String> {
        let is_marker = |word: &&str| COMMENTARY_WORDS.contains(word) || is_number(word);
        title.split(' ').filter(is_marker).map(ToOwned::to_owned).collect()
    };
    words(one) != words(other)
}

fn is_number(word: &str) -> bool {
    let all = |is: fn(char) -> bool| !word.is_empty() && word.chars().all(is);
    all(|letter| letter.is_ascii_digit()) || all(|letter| matches!(letter, 'i' | 'v' | 'x'))
}

#[cfg(test)]
mod tests {
    use super::is_distinctive_title;

    #[test]
    fn distinctive_titles() {
        for title in [
            "The Flow of Water over Weirs",
            "Graph attention networks",
            "水流経済の研究における新しい方法",
            "Des écluses et des hommes",
            "Introducing water into dry places",
            "Session-based forecasts of floods",
            "Editorially selected weirs",
        ] {
            assert!(is_distinctive_title(title), "{title}");
        }
        for title in [
            "",
            "Introduction",
            "Introduction to the Special Issue on Weirs",
            "Preface",
            "Guest editorial: weirs and locks",
            "Proceedings of the Water Society",
            "Message from the General Chairs",
            "Erratum: The flow of water over weirs",
            "Reply to Brook and others",
            "Deep water",
            "On a weir",
            "水門",
            "Book reviews of the year",
        ] {
            assert!(!is_distinctive_title(title), "{title}");
        }
    }
}
