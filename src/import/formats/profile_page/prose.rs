//! Prose on a profile page: expander labels, completeness and language.

use crate::model::language::LanguageTag;
use crate::model::record::AbstractCompleteness;
use crate::text::names;

/// Labels of the links that expand a truncated text, in brackets or after an ellipsis.
const EXPANDER_LABELS: [&str; 9] = [
    "voir plus",
    "voir moins",
    "lire la suite",
    "afficher plus",
    "see more",
    "see less",
    "show more",
    "show less",
    "read more",
];

/// Function words that are English but not French.
const ENGLISH_FUNCTION_WORDS: &str = "\
    and are as be by can for from how is it of on our than that the their these this to we when which with";

/// Function words that are French but not English, and mostly not of other Romance languages.
const FRENCH_FUNCTION_WORDS: &str = "\
    au aux avec ces cet cette dans des du est et les leur notre nous ou par pas plus pour que qui sont sur une";

/// Parses an expander label with its ellipsis and brackets; returns its length and whether it expands the text.
fn parse_marker(text: &str) -> Option<(usize, bool)> {
    let after_ellipsis = text.strip_prefix('…').or_else(|| text.strip_prefix("...")).unwrap_or(text);
    let opened = after_ellipsis.trim_start();
    let inner = opened.strip_prefix(['(', '[']);
    let phrase = inner.unwrap_or(opened).trim_start();
    let label_end = EXPANDER_LABELS.iter().find_map(|label| {
        let (head, tail) = phrase.split_at_checked(label.len())?;
        head.eq_ignore_ascii_case(label).then_some((tail, !label.ends_with("moins") && !label.ends_with("less")))
    });
    let (tail, means_more) = label_end?;
    let rest = match inner {
        Some(_) => tail.trim_start().trim_start_matches('…').strip_prefix([')', ']'])?,
        // Without brackets a label needs an ellipsis before it and a line end after it, otherwise it is prose.
        None if after_ellipsis.len() < text.len() && (tail.is_empty() || tail.starts_with('\n')) => tail,
        None => return None,
    };
    Some((text.len() - rest.len(), means_more))
}

/// Whether a line contains an expander label.
pub(super) fn has_marker(line: &str) -> bool {
    line.char_indices().any(|(at, c)| matches!(c, '(' | '[' | '…' | '.') && parse_marker(&line[at..]).is_some())
}

/// Whether a line is only an expander label.
pub(super) fn is_button(line: &str) -> bool {
    let bare = line.trim_matches(['…', '.', '+', '›', '>', '(', ')', '[', ']', ' ']);
    EXPANDER_LABELS.iter().any(|label| bare.eq_ignore_ascii_case(label))
}

/// Joins paragraphs without their expander labels; also returns the completeness of the text.
pub(super) fn join_abstract(paragraphs: &[&str]) -> (String, AbstractCompleteness) {
    let joined = paragraphs.join("\n");
    let (mut text, mut truncated, mut rest) = (String::with_capacity(joined.len()), false, joined.as_str());
    while let Some(first) = rest.chars().next() {
        let label_end = matches!(first, '(' | '[' | '…' | '.').then(|| parse_marker(rest)).flatten();
        let length = label_end.map_or(first.len_utf8(), |(length, _)| length);
        match label_end {
            // The expanded text may start on a line of its own.
            Some((_, means_more)) => {
                truncated |= means_more;
                rest = rest[length..].strip_prefix('\n').unwrap_or(&rest[length..]);
            }
            None => {
                truncated &= first.is_whitespace();
                text.push(first);
                rest = &rest[length..];
            }
        }
    }
    let text = names::clean_paragraphs(&text);
    let completeness = match text.as_str() {
        "" => AbstractCompleteness::Absent,
        text if truncated || is_truncated(text) => AbstractCompleteness::Truncated,
        _ => AbstractCompleteness::Full,
    };
    (text, completeness)
}

/// Whether a text ends early: after an ellipsis, inside a bracket of its last sentence, or without a sentence end.
fn is_truncated(text: &str) -> bool {
    let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    if text.ends_with("...") || text.ends_with('…') || ["e.g.", "i.e.", "cf.", "(e.g.", "(i.e."].contains(&last) {
        return true;
    }
    let mut open_brackets = 0_usize;
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        for character in word.chars() {
            // Any bracket closes any other: intervals are written [0, 1).
            match character {
                '(' | '[' => open_brackets += 1,
                ')' | ']' => open_brackets = open_brackets.saturating_sub(1),
                _ => {}
            }
        }
        // An open bracket in an earlier sentence is a typo.
        let ends = word.ends_with('.') && word.chars().filter(|c| c.is_alphabetic()).count() > 2;
        if ends && words.peek().is_some_and(|next| next.starts_with(char::is_uppercase)) {
            open_brackets = 0;
        }
    }
    open_brackets > 0 || !ends_with_sentence(text, last)
}

/// Whether a text ends with a sentence mark or a URL; quotes, brackets, formulas and footnote marks may follow.
fn ends_with_sentence(text: &str, last: &str) -> bool {
    if ["http://", "https://", "www.", "\\url{", "\\href{"].iter().any(|beginning| last.contains(beginning)) {
        return true;
    }
    let closers =
        ['"', '”', '’', '\'', '»', '›', ')', ']', '}', '$', '*', '†', '‡', '§', '¶', '¹', '²', '³', ' ', '\n'];
    let mut end = text.trim_end_matches(closers);
    // A footnote number follows the mark, as in "results.1" or "results. [12]".
    let unnumbered =
        end.trim_end_matches(|c: char| c.is_ascii_digit() || c == ',').trim_end_matches(closers).trim_end_matches('[');
    let before_sign = unnumbered.trim_end().strip_suffix('.').and_then(|head| head.chars().next_back());
    if text.len() > unnumbered.len() && before_sign.is_some_and(char::is_alphabetic) {
        end = unnumbered.trim_end();
    }
    has_sentence_end(end.trim_end_matches(closers))
}

/// Detects English or French by the share of their function words; returns `None` if neither prevails.
pub(super) fn detect_language(text: &str) -> Option<LanguageTag> {
    let words: Vec<String> = text.split_whitespace().map(|word| word.to_lowercase()).collect();
    let share = |label: &str| {
        let bare = |word: &String| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        words.iter().filter(|word| contains_word(&bare(word), label)).count()
    };
    let (english, french) = (share(ENGLISH_FUNCTION_WORDS), share(FRENCH_FUNCTION_WORDS));
    let tells = |one: usize, other: usize| one > 1 && one > 2 * other && one * 100 >= words.len() * 12;
    if tells(english, french) {
        "en".parse().ok()
    } else if tells(french, english) {
        "fr".parse().ok()
    } else {
        None
    }
}

/// Whether a case-folded word is a function word of English or French.
pub(super) fn is_function_word(folded: &str) -> bool {
    contains_word(folded, ENGLISH_FUNCTION_WORDS) || contains_word(folded, FRENCH_FUNCTION_WORDS)
}

/// Whether a space-separated list contains a word.
pub(super) fn contains_word(word: &str, list: &str) -> bool {
    list.split(' ').any(|label| label == word)
}

/// Whether a text ends with a sentence mark.
pub(super) fn has_sentence_end(line: &str) -> bool {
    line.ends_with(['.', '!', '?', '。', '！', '？'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn completeness(text: &str) -> AbstractCompleteness {
        join_abstract(&[text]).1
    }

    #[test]
    fn markers_vanish_within_words() {
        for (text, whole) in [
            ("Apples that fall d… (voir plus)uring a storm.", "Apples that fall during a storm."),
            ("Apples that fall … (voir plus)during a storm.", "Apples that fall during a storm."),
            ("Apples that fall,… (See more) in a storm.", "Apples that fall, in a storm."),
            ("Apples that fall d... [read more]uring a storm. (see less)", "Apples that fall during a storm."),
            ("Apples d…\n(voir plus)\nuring a storm.", "Apples during a storm."),
            ("Apples that one may (see more below) count.", "Apples that one may (see more below) count."),
        ] {
            assert_eq!(join_abstract(&[text]), (whole.to_owned(), AbstractCompleteness::Full), "{text}");
        }
        for (text, visible) in [
            ("Apples that fall d… (voir plus)", "Apples that fall d"),
            ("Apples fall. (show more)", "Apples fall."),
            ("Apples that… read more", "Apples that"),
        ] {
            assert_eq!(join_abstract(&[text]), (visible.to_owned(), AbstractCompleteness::Truncated), "{text}");
        }
        assert_eq!(join_abstract(&["(voir plus)"]), (String::new(), AbstractCompleteness::Absent));
        assert_eq!(join_abstract(&[]), (String::new(), AbstractCompleteness::Absent));
        assert_eq!(join_abstract(&["One.", "Two."]).0, "One.\nTwo.");
    }

    #[test]
    fn ends_of_abstracts() {
        for whole in [
            "It works.",
            "Does it work?",
            "It \"works.\"",
            "Cela marche (bien).",
            "« Cela marche. »",
            "(It works.)",
            "It works.*",
            "It works.¹",
            "It works.1",
            "It works. [12]",
            "It works in $O(n)$.",
            "It works: $$x = 1.$$",
            "Code: https://example.org/apples",
            "Code is at \\url{https://example.org/apples}",
            "Drawn from [0, 1) it works.",
            "A slip (as here. Another sentence ends.",
            "1) It counts. 2) It works.",
            "它有效。",
        ] {
            assert_eq!(completeness(whole), AbstractCompleteness::Full, "{whole}");
        }
        for truncated in [
            "It works (e.g., 3.6",
            "It works on apples (e.g.",
            "It works on",
            "It works…",
            "It works...",
            "It works,",
            "It works:",
            "On apples (and pears. it works.",
            "It works for 3",
            "It \"works",
            "We use it, e.g.",
        ] {
            assert_eq!(completeness(truncated), AbstractCompleteness::Truncated, "{truncated}");
        }
    }

    #[test]
    fn languages() {
        let language = |text| detect_language(text).map(|tag| tag.to_string());
        assert_eq!(language("We count the apples that hang in the trees.").as_deref(), Some("en"));
        assert_eq!(language("Nous comptons les pommes dans les vergers.").as_deref(), Some("fr"));
        for unknown in [
            "",
            "Apples",
            "Wir zählen die Äpfel in den Gärten und auf den Bäumen.",
            "Contamos las manzanas que hay en los huertos.",
        ] {
            assert_eq!(language(unknown), None, "{unknown}");
        }
    }

    proptest! {
        #[test]
        fn abstracts_keep_their_letters(text in "[a-z]{1,9}(,? [a-z]{1,9}){0,20}", at in 0_usize..40) {
            let at = at.min(text.len());
            let folded = format!("{}… (voir plus){}.", &text[..at], &text[at..]);
            prop_assert_eq!(join_abstract(&[&folded]).0, names::clean(&format!("{text}.")));
        }
    }
}
