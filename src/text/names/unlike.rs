//! Names that have nothing in common: they share no word, in any spelling, and neither can be a form of the other.

use crate::text::names::compare::{ComparableName, NameSimilarity, transliteration_key};
use crate::text::names::nicknames::are_nickname_forms;
use crate::text::names::{PARTICLES, name_key};
use crate::text::normalize::fold;

/// Words count as the same if one begins with the other, which has this many letters.
const MIN_BEGINNING_LETTERS: usize = 4;
/// Words of this many letters count as the same if they differ by one typo. Many shorter names differ by one letter: Wang,
/// Yang, Zhang, Zheng.
const MIN_TYPO_LETTERS: usize = 6;

/// Returns whether two names have nothing in common. One person can have two such names, but a name that is written
/// differently, abbreviated or partly changed still has something of the other.
///
/// False whenever it cannot be told: a name of initials only, or names in two scripts.
#[must_use]
pub fn are_unlike(one: &str, other: &str) -> bool {
    DistinctiveName::new(one).is_unlike(&DistinctiveName::new(other))
}

/// A name taken apart, for comparison with many others.
pub struct DistinctiveName {
    key: String,
    words: Vec<NameWord>,
    /// The transliterated words, written together.
    letters: String,
    is_latin: bool,
    form: ComparableName,
}

impl DistinctiveName {
    /// Takes a name apart.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let words = words(name);
        Self {
            key: name_key(name),
            letters: words.iter().map(|word| word.key.as_str()).collect(),
            words,
            is_latin: fold(name).chars().all(|c| !c.is_alphabetic() || c.is_ascii()),
            form: ComparableName::new(name),
        }
    }

    /// Compares two names, like [`are_unlike`].
    #[must_use]
    pub fn is_unlike(&self, other: &Self) -> bool {
        let is_told = !self.words.is_empty() && !other.words.is_empty() && self.is_latin == other.is_latin;
        is_told
            && self.key != other.key
            && !self.words.iter().any(|word| other.words.iter().any(|other| are_similar(word, other)))
            && !self.contains_word_of(other)
            && !other.contains_word_of(self)
            && self.form.compare(&other.form).similarity == NameSimilarity::Different
    }

    /// Whether the name, written together, contains a word of the other: "Yi An Ma", "Yianma".
    fn contains_word_of(&self, other: &Self) -> bool {
        let is_long = |word: &&NameWord| word.key.chars().count() >= MIN_BEGINNING_LETTERS;
        other.words.iter().filter(is_long).any(|word| self.letters.contains(&word.key))
    }
}

/// A word of a name: folded, and as its transliterations are written.
struct NameWord {
    folded: String,
    key: String,
}

/// Returns the words of a name, without initials and particles.
fn words(name: &str) -> Vec<NameWord> {
    let folded = fold(name);
    let words = folded.split(' ').filter(|word| word.chars().count() > 1 || !word.is_ascii());
    let words = words.filter(|word| !PARTICLES.contains(word));
    words.map(|word| NameWord { folded: word.to_owned(), key: transliteration_key(word) }).collect()
}

fn are_similar(one: &NameWord, other: &NameWord) -> bool {
    let is_typo = |one: &str, other: &str| {
        let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
        let letters = short.chars().count();
        (letters >= MIN_BEGINNING_LETTERS && long.starts_with(short))
            || (letters >= MIN_TYPO_LETTERS && strsim::osa_distance(one, other) <= 1)
    };
    one.folded == other.folded
        || (!one.key.is_empty() && one.key == other.key)
        || is_typo(&one.folded, &other.folded)
        || is_typo(&one.key, &other.key)
        || are_nickname_forms(&one.folded, &other.folded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::names::compare_names;

    #[test]
    fn unlike_names() {
        for (one, other) in [
            ("Ida Brook", "Tom Ford"),
            ("I. Brook", "Tom Ford"),
            ("Albrecht Lamm", "Xia Wuhl"),
            ("Jan van der Berg", "Piet van der Meer"),
            ("Wei Zhang", "Li Wang"),
            ("王伟", "李娜"),
        ] {
            assert!(are_unlike(one, other), "{one}, {other}");
        }
    }

    #[test]
    fn names_with_something_in_common() {
        for (one, other) in [
            ("Ida Brook", "Ida Ford"),
            ("Ida Brook", "Tom Brook"),
            ("Ida Brook", "Brook, I. M."),
            ("Ida Brook", "I. B."),
            ("Ida Brooke", "Ada Brook"),
            ("Ida Brookside", "Ada Broookside"),
            ("Ana Ilić", "Ilic A"),
            ("Jürgen Müller", "J. Mueller"),
            ("Иван Петров", "Ivan Petrov"),
            ("田中 太郎", "Taro Tanaka"),
            ("Wei Wang", "Wang Wei"),
            ("Ida Brook-Ford", "T. Ford"),
            ("Robert Stone", "Bob Reed"),
            ("Alexandra Stone", "Alex Reed"),
            ("Yianma Lo", "Yi An Ma"),
            ("", "Ida Brook"),
        ] {
            assert!(!are_unlike(one, other), "{one}, {other}");
        }
    }

    proptest! {
        #[test]
        fn is_symmetric(one in "[A-Cа-в]{1,3}[ .-][a-cé]{0,5} [A-C][a-cü]{0,5}", other in "[A-Cа-в]{1,3}[ .-][a-cé]{0,5} [A-C][a-cü]{0,5}") {
            prop_assert_eq!(are_unlike(&one, &other), are_unlike(&other, &one));
        }

        #[test]
        fn no_name_is_unlike_itself(name in any::<String>()) {
            prop_assert!(!are_unlike(&name, &name));
        }

        #[test]
        fn compatible_names_are_not_unlike(one in "[A-C][a-c]{0,4} [A-C][a-c]{1,5}", other in "[A-C][a-c]{0,4} [A-C][a-c]{1,5}") {
            let are_compatible = compare_names(&one, &other).similarity >= NameSimilarity::Compatible;
            prop_assert!(!(are_compatible && are_unlike(&one, &other)));
        }
    }
}
