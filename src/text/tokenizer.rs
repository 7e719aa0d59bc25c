//! Tokenizer of search: folded words, with hyphens and apostrophes that may be omitted, and bigrams for scripts without
//! spaces.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::text::normalize::{clean, fold_character, is_visible};

/// The maximum length of a term in characters. Longer words are truncated.
const MAX_WORD_CHARS: usize = 60;
/// The maximum number of distinct terms indexed for one text: about the vocabulary of a chapter.
const MAX_INDEX_TERMS: usize = 5_000;
/// The maximum length of these terms together in bytes. Postgres stores at most 1 MiB of terms for a text, and each term
/// may get a stem.
const MAX_INDEX_BYTES: usize = 400_000;

/// Returns whether a character is of a script without spaces between words, or of Hangul, whose words have particles
/// attached.
fn is_unspaced_script(character: char) -> bool {
    matches!(u32::from(character),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF // Thai, Lao, Myanmar, Khmer
        | 0x3005..=0x3007 | 0x3040..=0x30FF | 0x31F0..=0x31FF // kana
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF // Han
        | 0xAC00..=0xD7A3) // Hangul
}

/// Returns whether a character inside a word is optional in writing.
fn is_word_joiner(character: char) -> bool {
    matches!(
        character,
        '\'' | '’'
            | '‘'
            | 'ʼ'
            | '`'
            | '´'
            | '·'
            | '.'
            | '-'
            | '‐'
            | '‑'
            | '–'
            | '−'
            | '\u{5be}'
            | '\u{5f3}'
            | '\u{5f4}'
    )
}

/// A part of a word: all of it, or the text between hyphens, apostrophes and points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordPart {
    /// Byte range in the text.
    pub range: Range<usize>,
    /// Letters and digits, folded.
    pub folded: String,
    is_unspaced: bool,
}

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The parts, at least one.
    pub parts: Vec<WordPart>,
}

impl Word {
    /// Returns the word with its parts joined.
    #[must_use]
    pub fn joined(&self) -> String {
        truncate_word(self.parts.iter().flat_map(|part| part.folded.chars()))
    }

    /// Returns the byte range in the text.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        let start = self.parts.first().map_or(0, |part| part.range.start);
        start..self.parts.last().map_or(start, |part| part.range.end)
    }

    fn is_unspaced(&self) -> bool {
        self.parts.iter().all(|part| part.is_unspaced)
    }
}

fn truncate_word(characters: impl Iterator<Item = char>) -> String {
    characters.take(MAX_WORD_CHARS).collect()
}

/// Splits a text into words, in order.
#[must_use]
pub fn tokenize(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut parts: Vec<WordPart> = Vec::new();
    let mut part: Option<WordPart> = None;
    let mut may_go_on = false; // after a joiner, the next letter continues the word
    for (start, character) in text.char_indices() {
        let end = start + character.len_utf8();
        if !is_visible(character) {
            if let Some(part) = &mut part {
                part.range.end = end;
            }
            continue;
        }
        let folded: String = fold_character(character).filter(|c| c.is_alphanumeric()).collect();
        if folded.is_empty() || is_word_joiner(character) {
            parts.extend(part.take());
            may_go_on = is_word_joiner(character) && !parts.is_empty() && !may_go_on;
            if !may_go_on && !parts.is_empty() {
                words.push(Word { parts: std::mem::take(&mut parts) });
            }
            continue;
        }
        let unspaced = is_unspaced_script(character);
        if part.as_ref().is_some_and(|part| part.is_unspaced != unspaced) {
            parts.extend(part.take());
        }
        // A change of script starts a new word.
        if parts.last().is_some_and(|last| last.is_unspaced != unspaced) {
            words.push(Word { parts: std::mem::take(&mut parts) });
        }
        may_go_on = false;
        let part =
            part.get_or_insert_with(|| WordPart { range: start..end, folded: String::new(), is_unspaced: unspaced });
        part.range.end = end;
        part.folded.push_str(&folded);
    }
    parts.extend(part);
    if !parts.is_empty() {
        words.push(Word { parts });
    }
    for part in words.iter_mut().flat_map(|word| &mut word.parts) {
        if !part.is_unspaced && part.folded.chars().nth(MAX_WORD_CHARS).is_some() {
            part.folded = truncate_word(part.folded.chars());
        }
    }
    words
}

/// Returns the terms by which a text is found: its words and their parts, and for scripts without spaces its characters
/// and bigrams.
#[must_use]
pub fn index_terms(text: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut last: Option<(char, usize)> = None; // the last unspaced character and its end
    for word in tokenize(text) {
        if word.is_unspaced() {
            let range = word.range();
            let is_next = |end: usize| text.get(end..range.start).is_some_and(|gap| gap.chars().count() <= 1);
            let mut before = last.filter(|(_, end)| is_next(*end)).map(|(character, _)| character);
            for character in word.parts.iter().flat_map(|part| part.folded.chars()) {
                found.insert(character.to_string());
                found.extend(before.map(|before| [before, character].iter().collect::<String>()));
                before = Some(character);
            }
            last = before.map(|character| (character, range.end));
            continue;
        }
        if word.parts.len() > 1 {
            found.insert(word.joined());
        }
        found.extend(word.parts.into_iter().map(|part| part.folded));
    }
    let mut bytes = 0;
    let is_within = |term: &String| {
        bytes += term.len();
        bytes <= MAX_INDEX_BYTES
    };
    found.into_iter().take(MAX_INDEX_TERMS).take_while(is_within).collect()
}

/// Returns the folded letters of a text without separators. They are equal for texts that differ only in case, accents,
/// hyphens and spaces.
#[must_use]
pub fn folded_letters(text: &str) -> String {
    text.chars().flat_map(fold_character).filter(|c| c.is_alphanumeric()).collect()
}

/// A parsed search query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SearchTerms {
    /// The query as typed, on one line, in composed form (NFC).
    pub text: String,
    /// The alternative forms of each word. A form is a list of terms that must all match.
    pub terms: Vec<Vec<Vec<String>>>,
}

impl SearchTerms {
    /// Parses a query. Returns `None` if it is blank.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = clean(text);
        if text.is_empty() {
            return None;
        }
        let forms = |word: Word| {
            if word.is_unspaced() {
                let characters: Vec<char> = word.parts.iter().flat_map(|part| part.folded.chars()).collect();
                let pairs = characters.windows(2).map(|pair| pair.iter().collect());
                return vec![if characters.len() > 1 { pairs.collect() } else { vec![characters.iter().collect()] }];
            }
            let joined = word.joined();
            let parts: Vec<String> = word.parts.into_iter().map(|part| part.folded).collect();
            if parts.len() > 1 { vec![vec![joined], parts] } else { vec![parts] }
        };
        // Repeated words count once.
        let mut seen = BTreeSet::new();
        let words = tokenize(&text).into_iter().map(forms).filter(|forms| seen.insert(forms.clone())).collect();
        Some(Self { text, terms: words })
    }

    /// Returns whether the query has a letter or a digit.
    #[must_use]
    pub fn has_terms(&self) -> bool {
        !self.terms.is_empty()
    }

    /// Returns the distinct terms of all forms.
    #[must_use]
    pub fn distinct_terms(&self) -> Vec<&str> {
        let words: BTreeSet<&str> = self.terms.iter().flatten().flatten().map(String::as_str).collect();
        words.into_iter().collect()
    }

    /// Returns whether each word of the query is a prefix of a term of the text.
    #[must_use]
    pub fn matches_prefixes_in(&self, text: &str) -> bool {
        let terms = index_terms(text);
        let begins = |term: &String| terms.iter().any(|word| word.starts_with(term.as_str()));
        self.terms.iter().all(|forms| forms.iter().any(|form| form.iter().all(begins)))
    }

    /// Splits a text into pieces, each with whether it matches the query: exactly, with typos, as a prefix, or by a
    /// stem.
    #[must_use]
    pub fn highlight<'a>(&self, text: &'a str, stems: &[String]) -> Vec<(&'a str, bool)> {
        let query_terms = self.distinct_terms();
        let words = tokenize(text);
        let parts = || words.iter().flat_map(|word| &word.parts);
        let occurs =
            |term: &str| words.iter().any(|word| word.joined() == term) || parts().any(|part| part.folded == term);
        let missing: Vec<&str> = query_terms.iter().copied().filter(|term| !occurs(term)).collect();
        let is_match = |folded: &str| {
            query_terms.contains(&folded)
                || stems.iter().any(|stem| has_stem(folded, stem))
                || missing.iter().any(|missing| folded.starts_with(missing) || is_within_typos(folded, missing))
        };
        let mut marked: Vec<Range<usize>> = Vec::new();
        for word in &words {
            if word.is_unspaced() {
                marked.extend(word.parts.iter().flat_map(|part| unspaced_highlights(&query_terms, part, text)));
            } else if is_match(&word.joined()) {
                marked.push(word.range());
            } else {
                marked.extend(word.parts.iter().filter(|part| is_match(&part.folded)).map(|part| part.range.clone()));
            }
        }
        split_at_ranges(text, marked)
    }
}

/// Returns the ranges of adjacent matching characters.
fn unspaced_highlights(query_terms: &[&str], part: &WordPart, text: &str) -> Vec<Range<usize>> {
    let slice = text.get(part.range.clone()).unwrap_or_default();
    let characters: Vec<(usize, String)> =
        slice.char_indices().map(|(start, character)| (start, fold_character(character).collect())).collect();
    let end = |index: usize| characters.get(index).map_or(slice.len(), |(start, _)| *start);
    let mut marks = Vec::new();
    for (index, (start, one)) in characters.iter().enumerate() {
        let two = characters.get(index + 1).map(|(_, next)| format!("{one}{next}"));
        let length = match two {
            Some(two) if query_terms.contains(&two.as_str()) => 2,
            _ if query_terms.contains(&one.as_str()) => 1,
            _ => continue,
        };
        marks.push(part.range.start + start..part.range.start + end(index + length));
    }
    marks
}

/// Returns the number of typos tolerated in a word: none below four letters, one for four, else two.
#[must_use]
pub fn max_typos(word: &str) -> usize {
    match word.chars().count() {
        0..=3 => 0,
        4 => 1,
        _ => 2,
    }
}

/// Returns whether a word differs from a term by no more typos than the term tolerates.
fn is_within_typos(folded: &str, term: &str) -> bool {
    let max_distance = max_typos(term);
    max_distance > 0 && strsim::levenshtein(folded, term) <= max_distance
}

/// Returns whether a word begins with a stem, followed by an ending of up to five letters. A final i of a stem often
/// stands for y.
fn has_stem(folded: &str, stem: &str) -> bool {
    let root = stem.strip_suffix('i').filter(|root| root.len() > 2).unwrap_or(stem);
    folded.strip_prefix(root).is_some_and(|ending| ending.chars().count() <= 5)
}

/// Splits a text at the boundaries of ranges, each piece with whether it is in a range.
fn split_at_ranges(text: &str, mut marked: Vec<Range<usize>>) -> Vec<(&str, bool)> {
    marked.sort_by_key(|range| range.start);
    let mut pieces: Vec<(&str, bool)> = Vec::new();
    let mut from = 0;
    let mut index = 0;
    while let Some(range) = marked.get(index) {
        let mut end = range.end;
        index += 1;
        while let Some(next) = marked.get(index).filter(|next| next.start <= end) {
            end = end.max(next.end);
            index += 1;
        }
        let between = text.get(from..range.start).unwrap_or_default();
        if !between.is_empty() {
            pieces.push((between, false));
        }
        pieces.extend(text.get(range.start..end).map(|piece| (piece, true)));
        from = end;
    }
    let rest = text.get(from..).unwrap_or_default();
    if !rest.is_empty() {
        pieces.push((rest, false));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::names;
    use proptest::prelude::*;

    fn forms(text: &str) -> Vec<Vec<Vec<String>>> {
        SearchTerms::new(text).map(|query| query.terms).unwrap_or_default()
    }

    fn marked(query: &str, text: &str) -> String {
        let query = SearchTerms::new(query).unwrap_or_default();
        let piece = |(text, is_match): (&str, bool)| if is_match { format!("[{text}]") } else { text.to_owned() };
        query.highlight(text, &[]).into_iter().map(piece).collect()
    }

    #[test]
    fn index_terms_of_words_and_parts() {
        assert_eq!(
            index_terms("Jean-Luc O’Hara, U.S.A."),
            ["a", "hara", "jean", "jeanluc", "luc", "o", "ohara", "s", "u", "usa"]
        );
        assert_eq!(index_terms("L'été"), ["ete", "l", "lete"]);
        assert_eq!(index_terms("don't – stop... 'now'"), ["don", "dont", "now", "stop", "t"]);
        assert_eq!(index_terms("GPT模型"), ["gpt", "型", "模", "模型"]);
        assert_eq!(index_terms("山田 太郎"), ["太", "太郎", "山", "山田", "田", "田太", "郎"]);
        assert_eq!(index_terms("ລ\u{ec8}'ຆ"), ["ຆ", "ລ", "ລຆ"]);
        assert_eq!(index_terms(" - ' … "), Vec::<String>::new());
    }

    #[test]
    fn forms_of_query_words() {
        assert_eq!(forms("Smith"), [[["smith"]]]);
        assert_eq!(forms("O'Hara"), [vec![vec!["ohara".to_owned()], vec!["o".to_owned(), "hara".to_owned()]]]);
        assert_eq!(forms("筑波大学"), [[["筑波", "波大", "大学"]]]);
        assert_eq!(forms("so so So"), [[["so"]]]);
        assert_eq!(SearchTerms::new(" \u{a0} "), None);
        assert!(!SearchTerms::new("?!").expect("a query").has_terms());
    }

    #[test]
    fn highlights() {
        assert_eq!(marked("angstrom", "Zoë Ångström"), "Zoë [Ångström]");
        assert_eq!(marked("jean", "Jean-Luc"), "[Jean]-Luc");
        assert_eq!(marked("ohara jean", "Jean-Luc O’Hara"), "[Jean]-Luc [O’Hara]");
        assert_eq!(marked("schmit", "Anna Schmidt"), "Anna [Schmidt]");
        assert_eq!(marked("smith", "Smith Smithson"), "[Smith] Smithson", "an exact match excludes prefixes");
        assert_eq!(marked("大学", "筑波大学"), "筑波[大学]");
        assert_eq!(marked("e\u{301}te", "été e\u{301}te\u{301}"), "[été] [e\u{301}te\u{301}]");
    }

    #[test]
    fn long_words_are_truncated() {
        let words = index_terms(&"x".repeat(10_000));
        assert_eq!(words, ["x".repeat(MAX_WORD_CHARS)]);
        assert_eq!(forms(&"x".repeat(10_000)), [[["x".repeat(MAX_WORD_CHARS)]]]);
    }

    proptest! {
        #[test]
        fn every_text_matches_itself(text in any::<String>()) {
            let terms = index_terms(&text);
            for word in &terms {
                prop_assert!(word.chars().all(char::is_alphanumeric) && !word.is_empty() && word.len() <= 255, "{}", word);
            }
            for forms in forms(&text) {
                prop_assert!(forms.iter().any(|form| form.iter().all(|word| terms.contains(word))), "{:?} {:?}", forms, terms);
            }
        }

        #[test]
        fn highlighting_keeps_the_text(query in any::<String>(), text in any::<String>()) {
            let query = SearchTerms::new(&query).unwrap_or_default();
            let pieces = query.highlight(&text, &[]);
            prop_assert_eq!(pieces.iter().map(|(piece, _)| *piece).collect::<String>(), text.clone());
            prop_assert!(pieces.iter().all(|(piece, _)| !piece.is_empty()));
        }

        #[test]
        fn terms_ignore_case_and_accents(text in "[a-zA-Zéøßñ' -]{0,30}") {
            prop_assert_eq!(index_terms(&text), index_terms(&text.to_lowercase()));
            prop_assert_eq!(folded_letters(&text), folded_letters(&names::fold(&text)));
        }
    }
}
