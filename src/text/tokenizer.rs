//! The words of a text, as search compares them: folded, with hyphens and apostrophes that may or may not matter, and
//! in pairs of characters where a script writes no spaces.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::text::names::{fold_character, is_shown};

/// The longest word that is told from a longer one with the same beginning, in characters.
const LONGEST_WORD: usize = 60;
/// The most different words of one text that can be found: about a chapter's.
const MOST_WORDS: usize = 5_000;

/// Scripts that write words without spaces between them, and Hangul, whose words carry their particles.
fn is_unspaced(character: char) -> bool {
    matches!(u32::from(character),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF // Thai, Lao, Myanmar, Khmer
        | 0x3005..=0x3007 | 0x3040..=0x30FF | 0x31F0..=0x31FF // kana
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF // Han
        | 0xAC00..=0xD7A3) // Hangul
}

/// Characters within a word that some write and some do not.
fn is_joiner(character: char) -> bool {
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

/// A part of a word: all of it, or what stands between its hyphens, apostrophes and points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// Its letters and digits, folded.
    pub folded: String,
    is_unspaced: bool,
}

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its parts, at least one.
    pub parts: Vec<Part>,
}

impl Word {
    /// The word as if nothing stood between its parts.
    #[must_use]
    pub fn joined(&self) -> String {
        shortened(self.parts.iter().flat_map(|part| part.folded.chars()))
    }

    /// Where it stands in the text, in bytes.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        let start = self.parts.first().map_or(0, |part| part.range.start);
        start..self.parts.last().map_or(start, |part| part.range.end)
    }

    fn is_unspaced(&self) -> bool {
        self.parts.iter().all(|part| part.is_unspaced)
    }
}

fn shortened(characters: impl Iterator<Item = char>) -> String {
    characters.take(LONGEST_WORD).collect()
}

/// The words of a text in order.
#[must_use]
pub fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    let mut part: Option<Part> = None;
    let mut may_go_on = false; // after a joiner, the next letter goes on with the word
    for (start, character) in text.char_indices() {
        let end = start + character.len_utf8();
        if !is_shown(character) {
            if let Some(part) = &mut part {
                part.range.end = end;
            }
            continue;
        }
        let folded: String = fold_character(character).filter(|c| c.is_alphanumeric()).collect();
        if folded.is_empty() || is_joiner(character) {
            parts.extend(part.take());
            may_go_on = is_joiner(character) && !parts.is_empty() && !may_go_on;
            if !may_go_on && !parts.is_empty() {
                words.push(Word { parts: std::mem::take(&mut parts) });
            }
            continue;
        }
        let unspaced = is_unspaced(character);
        if part.as_ref().is_some_and(|part| part.is_unspaced != unspaced) {
            parts.extend(part.take());
        }
        // Another script is another word.
        if parts.last().is_some_and(|last| last.is_unspaced != unspaced) {
            words.push(Word { parts: std::mem::take(&mut parts) });
        }
        may_go_on = false;
        let part = part.get_or_insert_with(|| Part { range: start..end, folded: String::new(), is_unspaced: unspaced });
        part.range.end = end;
        part.folded.push_str(&folded);
    }
    parts.extend(part);
    if !parts.is_empty() {
        words.push(Word { parts });
    }
    for part in words.iter_mut().flat_map(|word| &mut word.parts) {
        if !part.is_unspaced && part.folded.chars().nth(LONGEST_WORD).is_some() {
            part.folded = shortened(part.folded.chars());
        }
    }
    words
}

/// What a text can be found by: its words and their parts; characters and pairs of them where a script writes no
/// spaces.
#[must_use]
pub fn index_words(text: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut last: Option<(char, usize)> = None; // the last unspaced character, and where it ended
    for word in words(text) {
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
    found.into_iter().take(MOST_WORDS).collect()
}

/// The folded letters of a text without what separates its words: two texts with the same are the same to a reader who
/// looks past case, accents, hyphens and spaces.
#[must_use]
pub fn letters(text: &str) -> String {
    text.chars().flat_map(fold_character).filter(|c| c.is_alphanumeric()).collect()
}

/// What somebody looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Query {
    /// As it was typed: one line, composed.
    pub text: String,
    /// Each word with its forms, any of which will do; a form is one word or several that must all be there.
    pub words: Vec<Vec<Vec<String>>>,
}

impl Query {
    /// Reads what somebody typed. White space alone is no query.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = crate::text::names::clean(text);
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
        // A word typed twice asks for no more than once.
        let mut seen = BTreeSet::new();
        let words = words(&text).into_iter().map(forms).filter(|forms| seen.insert(forms.clone())).collect();
        Some(Self { text, words })
    }

    /// Whether there is a letter or a digit in it.
    #[must_use]
    pub fn has_words(&self) -> bool {
        !self.words.is_empty()
    }

    /// The different words of all forms.
    #[must_use]
    pub fn different_words(&self) -> Vec<&str> {
        let words: BTreeSet<&str> = self.words.iter().flatten().flatten().map(String::as_str).collect();
        words.into_iter().collect()
    }

    /// Whether each word looked for is the beginning of one in a text.
    #[must_use]
    pub fn begins_words_of(&self, text: &str) -> bool {
        let there = index_words(text);
        let begins = |asked: &String| there.iter().any(|word| word.starts_with(asked.as_str()));
        self.words.iter().all(|forms| forms.iter().any(|form| form.iter().all(begins)))
    }

    /// The pieces of a text, each with whether it is one of the words looked for: as it stands, with what a typo
    /// changes, by its beginning, or by a stem.
    #[must_use]
    pub fn mark<'a>(&self, text: &'a str, stems: &[String]) -> Vec<(&'a str, bool)> {
        let asked = self.different_words();
        let words = words(text);
        let parts = || words.iter().flat_map(|word| &word.parts);
        let is_there =
            |asked: &str| words.iter().any(|word| word.joined() == asked) || parts().any(|part| part.folded == asked);
        let missing: Vec<&str> = asked.iter().copied().filter(|asked| !is_there(asked)).collect();
        let is_match = |folded: &str| {
            asked.contains(&folded)
                || stems.iter().any(|stem| is_of_stem(folded, stem))
                || missing.iter().any(|missing| folded.starts_with(missing) || is_near(folded, missing))
        };
        let mut marked: Vec<Range<usize>> = Vec::new();
        for word in &words {
            if word.is_unspaced() {
                marked.extend(word.parts.iter().flat_map(|part| unspaced_marks(&asked, part, text)));
            } else if is_match(&word.joined()) {
                marked.push(word.range());
            } else {
                marked.extend(word.parts.iter().filter(|part| is_match(&part.folded)).map(|part| part.range.clone()));
            }
        }
        pieces(text, marked)
    }
}

/// Where the characters looked for stand side by side.
fn unspaced_marks(asked: &[&str], part: &Part, text: &str) -> Vec<Range<usize>> {
    let shown = text.get(part.range.clone()).unwrap_or_default();
    let characters: Vec<(usize, String)> =
        shown.char_indices().map(|(start, character)| (start, fold_character(character).collect())).collect();
    let end = |index: usize| characters.get(index).map_or(shown.len(), |(start, _)| *start);
    let mut marks = Vec::new();
    for (index, (start, one)) in characters.iter().enumerate() {
        let two = characters.get(index + 1).map(|(_, next)| format!("{one}{next}"));
        let length = match two {
            Some(two) if asked.contains(&two.as_str()) => 2,
            _ if asked.contains(&one.as_str()) => 1,
            _ => continue,
        };
        marks.push(part.range.start + start..part.range.start + end(index + length));
    }
    marks
}

/// How many typos a word of this length may have: none below four letters, one in four, else two.
#[must_use]
pub fn forgiven(word: &str) -> usize {
    match word.chars().count() {
        0..=3 => 0,
        4 => 1,
        _ => 2,
    }
}

fn is_near(folded: &str, asked: &str) -> bool {
    let most = forgiven(asked);
    most > 0 && strsim::levenshtein(folded, asked) <= most
}

/// A word belongs to a stem that it begins with and leaves by an ending; i at a stem's end often stands for y.
fn is_of_stem(folded: &str, stem: &str) -> bool {
    let root = stem.strip_suffix('i').filter(|root| root.len() > 2).unwrap_or(stem);
    folded.strip_prefix(root).is_some_and(|ending| ending.chars().count() <= 5)
}

/// A text cut at the ends of ranges, each piece with whether it was in one.
fn pieces(text: &str, mut marked: Vec<Range<usize>>) -> Vec<(&str, bool)> {
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
        Query::new(text).map(|query| query.words).unwrap_or_default()
    }

    fn marked(query: &str, text: &str) -> String {
        let query = Query::new(query).unwrap_or_default();
        let piece = |(text, is_match): (&str, bool)| if is_match { format!("[{text}]") } else { text.to_owned() };
        query.mark(text, &[]).into_iter().map(piece).collect()
    }

    #[test]
    fn words_and_their_parts() {
        assert_eq!(
            index_words("Jean-Luc O’Hara, U.S.A."),
            ["a", "hara", "jean", "jeanluc", "luc", "o", "ohara", "s", "u", "usa"]
        );
        assert_eq!(index_words("L'été"), ["ete", "l", "lete"]);
        assert_eq!(index_words("don't – stop... 'now'"), ["don", "dont", "now", "stop", "t"]);
        assert_eq!(index_words("GPT模型"), ["gpt", "型", "模", "模型"]);
        assert_eq!(index_words("山田 太郎"), ["太", "太郎", "山", "山田", "田", "田太", "郎"]);
        assert_eq!(index_words("ລ\u{ec8}'ຆ"), ["ຆ", "ລ", "ລຆ"]);
        assert_eq!(index_words(" - ' … "), Vec::<String>::new());
    }

    #[test]
    fn what_is_looked_for() {
        assert_eq!(forms("Smith"), [[["smith"]]]);
        assert_eq!(forms("O'Hara"), [vec![vec!["ohara".to_owned()], vec!["o".to_owned(), "hara".to_owned()]]]);
        assert_eq!(forms("筑波大学"), [[["筑波", "波大", "大学"]]]);
        assert_eq!(forms("so so So"), [[["so"]]]);
        assert_eq!(Query::new(" \u{a0} "), None);
        assert!(!Query::new("?!").expect("a query").has_words());
    }

    #[test]
    fn marks() {
        assert_eq!(marked("angstrom", "Zoë Ångström"), "Zoë [Ångström]");
        assert_eq!(marked("jean", "Jean-Luc"), "[Jean]-Luc");
        assert_eq!(marked("ohara jean", "Jean-Luc O’Hara"), "[Jean]-Luc [O’Hara]");
        assert_eq!(marked("schmit", "Anna Schmidt"), "Anna [Schmidt]");
        assert_eq!(marked("smith", "Smith Smithson"), "[Smith] Smithson", "only what is there as typed");
        assert_eq!(marked("大学", "筑波大学"), "筑波[大学]");
        assert_eq!(marked("e\u{301}te", "été e\u{301}te\u{301}"), "[été] [e\u{301}te\u{301}]");
    }

    #[test]
    fn long_words() {
        let words = index_words(&"x".repeat(10_000));
        assert_eq!(words, ["x".repeat(LONGEST_WORD)]);
        assert_eq!(forms(&"x".repeat(10_000)), [[["x".repeat(LONGEST_WORD)]]]);
    }

    proptest! {
        #[test]
        fn a_text_is_found_by_its_words(text in any::<String>()) {
            let there = index_words(&text);
            for word in &there {
                prop_assert!(word.chars().all(char::is_alphanumeric) && !word.is_empty() && word.len() <= 255, "{}", word);
            }
            for forms in forms(&text) {
                prop_assert!(forms.iter().any(|form| form.iter().all(|word| there.contains(word))), "{:?} {:?}", forms, there);
            }
        }

        #[test]
        fn marks_lose_nothing(query in any::<String>(), text in any::<String>()) {
            let query = Query::new(&query).unwrap_or_default();
            let pieces = query.mark(&text, &[]);
            prop_assert_eq!(pieces.iter().map(|(piece, _)| *piece).collect::<String>(), text.clone());
            prop_assert!(pieces.iter().all(|(piece, _)| !piece.is_empty()));
        }

        #[test]
        fn case_and_accents_do_not_matter(text in "[a-zA-Zéøßñ' -]{0,30}") {
            prop_assert_eq!(index_words(&text), index_words(&text.to_lowercase()));
            prop_assert_eq!(letters(&text), letters(&names::fold(&text)));
        }
    }
}
