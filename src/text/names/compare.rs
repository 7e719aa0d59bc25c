//! Comparison of names: whether two names can be names of one person, and how they differ.

use std::collections::BTreeSet;

use crate::text::names::nicknames::are_nickname_forms;
use crate::text::names::parse_name;
use crate::text::normalize::{clean, fold};

/// How similar two names are, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameSimilarity {
    /// Names of two people.
    Different,
    /// One can be a shorter or more familiar form of the other.
    Compatible,
    /// One is another spelling of the other.
    Equivalent,
    /// Equal except for case and punctuation.
    Same,
}

/// A difference between two names that can be names of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameDifference {
    /// Accents: Ilić, Ilic.
    Accents,
    /// Another alphabet, or another transliteration: Müller, Mueller.
    Transliteration,
    /// Hyphens and spaces: Jean-Luc, Jean Luc, Jeanluc.
    Hyphens,
    /// One of the names has the family name first.
    Order,
    /// An initial instead of a name.
    Initials,
    /// A familiar form: Robert, Bob.
    Nickname,
    /// One of the names omits given names.
    MiddleNames,
    /// One of the names omits a particle: van der.
    Particle,
    /// One of the names omits a suffix: Jr.
    Suffix,
}

impl NameDifference {
    /// Returns whether it is a difference in spelling only.
    fn is_orthographic(self) -> bool {
        matches!(self, Self::Accents | Self::Transliteration | Self::Hyphens | Self::Order)
    }
}

/// The result of comparing two names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameComparison {
    /// How similar the names are.
    pub similarity: NameSimilarity,
    /// How the names differ. Empty for different names.
    pub differences: BTreeSet<NameDifference>,
}

impl NameComparison {
    fn from_differences(differences: Option<BTreeSet<NameDifference>>) -> Self {
        let similarity = match &differences {
            None => NameSimilarity::Different,
            Some(differences) if differences.is_empty() => NameSimilarity::Same,
            Some(differences) if differences.iter().all(|difference| difference.is_orthographic()) => {
                NameSimilarity::Equivalent
            }
            Some(_) => NameSimilarity::Compatible,
        };
        Self { similarity, differences: differences.unwrap_or_default() }
    }
}

/// Compares two names. The result says whether the names are compatible, not whether they belong to one person.
#[must_use]
pub fn compare_names(one: &str, other: &str) -> NameComparison {
    ComparableName::new(one).compare(&ComparableName::new(other))
}

/// A parsed name, for comparison with many others.
#[derive(Clone, Debug)]
pub struct ComparableName {
    given: SpellingForms,
    family: Option<SpellingForms>,
    particle: Option<String>,
    suffix: Option<String>,
}

impl ComparableName {
    /// Parses a name in any order.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = parse_name(name);
        let lower = |text: String| text.to_lowercase();
        Self {
            given: SpellingForms::new(name.given.map(|given| normalize_initials(&given)).unwrap_or_default()),
            family: name.family.map(lower).map(SpellingForms::new),
            particle: name.particle.map(lower),
            suffix: name.suffix.map(|suffix| fold(&suffix)),
        }
    }

    /// Compares two names, like [`compare_names`].
    #[must_use]
    pub fn compare(&self, other: &Self) -> NameComparison {
        // Of the two possible orders, the closer match is used.
        let direct = NameComparison::from_differences(self.differences(other));
        if direct.similarity >= NameSimilarity::Equivalent {
            return direct;
        }
        let swapped = NameComparison::from_differences(self.swapped_differences(other));
        // With initials, the order is too uncertain.
        if swapped.similarity == NameSimilarity::Equivalent { swapped } else { direct }
    }

    /// Returns how the other name differs from this one with given and family name swapped, or `None` if this name has
    /// only one of them.
    fn swapped_differences(&self, other: &Self) -> Option<BTreeSet<NameDifference>> {
        let family = self.family.as_ref()?;
        // This cheap check rules out most names.
        if let Some(other) = &other.family {
            self.given.differences(other)?;
        }
        let swapped = Self {
            given: SpellingForms::new(normalize_initials(&family.text)),
            family: Some(self.given.clone()).filter(|given| !given.text.is_empty()),
            particle: self.particle.clone(),
            suffix: self.suffix.clone(),
        };
        let mut differences = swapped.differences(other)?;
        differences.insert(NameDifference::Order);
        Some(differences)
    }

    /// Returns how the other name differs, or `None` if it is the name of another person.
    fn differences(&self, other: &Self) -> Option<BTreeSet<NameDifference>> {
        let mut differences = BTreeSet::new();
        match (&self.family, &other.family) {
            (Some(one), Some(other)) => differences.extend(one.differences(other)?),
            (None, None) => {}
            _ => return None,
        }
        let one_of = |one: &Option<String>, other: &Option<String>, difference| match (one, other) {
            (Some(one), Some(other)) => (fold(one) == fold(other)).then_some(None),
            (None, None) => Some(None),
            _ => Some(Some(difference)),
        };
        differences.extend(one_of(&self.particle, &other.particle, NameDifference::Particle)?);
        differences.extend(one_of(&self.suffix, &other.suffix, NameDifference::Suffix)?);
        differences.extend(given_name_differences(&self.given, &other.given)?);
        Some(differences)
    }
}

/// A part of a name, with the normalized forms that its spellings share.
#[derive(Clone, Debug)]
struct SpellingForms {
    text: String,
    folded: String,
    /// Transliterated by [`transliteration_key`].
    transliterated: String,
}

impl SpellingForms {
    fn new(text: String) -> Self {
        Self { folded: fold(&text), transliterated: transliteration_key(&text), text }
    }

    /// Returns how two spellings of a name differ, or `None` if they are different names.
    fn differences(&self, other: &Self) -> Option<BTreeSet<NameDifference>> {
        if self.text == other.text {
            return Some(BTreeSet::new());
        }
        if self.folded == other.folded {
            // Folding removes accents, and turns hyphens into spaces.
            let marks = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            let is_of_hyphens = marks(&self.text) == marks(&other.text);
            return Some(BTreeSet::from([if is_of_hyphens {
                NameDifference::Hyphens
            } else {
                NameDifference::Accents
            }]));
        }
        let together = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        if together(&self.folded) == together(&other.folded) {
            return Some(BTreeSet::from([NameDifference::Hyphens]));
        }
        let is_of_letters = !self.transliterated.is_empty() && self.transliterated == other.transliterated;
        is_of_letters.then(|| BTreeSet::from([NameDifference::Transliteration]))
    }
}

/// Returns given names in lower case, with initials separated and without their dots.
fn normalize_initials(given: &str) -> String {
    clean(&given.to_lowercase().replace('.', " ")).replace(" -", "-")
}

/// Returns a name in letters that its common transliterations share.
pub(super) fn transliteration_key(name: &str) -> String {
    let latin = deunicode::deunicode(name).to_lowercase();
    let mut letters: String = latin.chars().filter(char::is_ascii_alphanumeric).collect();
    for (from, to) in [
        ("shch", "s"),
        ("tsch", "c"),
        ("tch", "c"),
        ("sch", "s"),
        ("ae", "a"),
        ("oe", "o"),
        ("ue", "u"),
        ("ou", "u"),
        ("kh", "h"),
        ("zh", "z"),
        ("ch", "c"),
        ("sh", "s"),
        ("ts", "c"),
        ("tz", "c"),
        ("ks", "x"),
        ("yu", "u"),
        ("iu", "u"),
        ("ju", "u"),
        ("ya", "a"),
        ("ia", "a"),
        ("ja", "a"),
        ("yo", "o"),
        ("ye", "e"),
        ("je", "e"),
        ("w", "v"),
        ("j", "i"),
        ("y", "i"),
        ("ii", "i"),
    ] {
        letters = letters.replace(from, to);
    }
    letters.collapse_repeats();
    letters
}

trait CollapseRepeats {
    fn collapse_repeats(&mut self);
}

impl CollapseRepeats for String {
    /// Collapses repeated letters. Digits are kept.
    fn collapse_repeats(&mut self) {
        let mut last = None;
        self.retain(|letter| last.replace(letter) != Some(letter) || letter.is_ascii_digit());
    }
}

/// Returns how given names differ, or `None` if they are names of two people.
fn given_name_differences(one: &SpellingForms, other: &SpellingForms) -> Option<BTreeSet<NameDifference>> {
    if let Some(differences) = one.differences(other) {
        return Some(differences);
    }
    let words = |given: &str| -> Vec<String> {
        let words = given.split([' ', '-', '‐', '‑', '–']).filter(|word| word.chars().any(char::is_alphabetic));
        words.map(ToOwned::to_owned).collect()
    };
    let (one, other) = (words(&one.text), words(&other.text));
    let (short, long) = if one.len() <= other.len() { (&one, &other) } else { (&other, &one) };
    let mut differences = BTreeSet::new();
    let Some((first, rest)) = short.split_first() else {
        return Some(BTreeSet::from([NameDifference::MiddleNames]));
    };
    let mut names = long.iter();
    differences.extend(given_word_differences(first, names.next()?)?);
    for name in rest {
        let found = names.by_ref().find_map(|candidate| given_word_differences(name, candidate))?;
        differences.extend(found);
    }
    if long.len() > short.len() {
        differences.insert(NameDifference::MiddleNames);
    }
    Some(differences)
}

/// Returns how single given names differ, or `None` if they are different names.
fn given_word_differences(one: &str, other: &str) -> Option<BTreeSet<NameDifference>> {
    let (one, other) = (SpellingForms::new(one.to_owned()), SpellingForms::new(other.to_owned()));
    if let Some(differences) = one.differences(&other) {
        return Some(differences);
    }
    let (one, other) = (one.folded, other.folded);
    let is_initial = |short: &str, long: &str| short.chars().count() == 1 && long.starts_with(short);
    if is_initial(&one, &other) || is_initial(&other, &one) {
        return Some(BTreeSet::from([NameDifference::Initials]));
    }
    are_nickname_forms(&one, &other).then(|| BTreeSet::from([NameDifference::Nickname]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn compatible_names() {
        use NameDifference::{
            Accents, Hyphens, Initials, MiddleNames, Nickname, Order, Particle, Suffix, Transliteration,
        };
        for (one, other, differences) in [
            ("Ida Brook", "IDA  BROOK", vec![]),
            ("Brook, Ida", "Ida Brook", vec![]),
            ("Ana Ilić", "Ana Ilic", vec![Accents]),
            ("Jürgen Müller", "Juergen Mueller", vec![Transliteration]),
            ("Иван Петров", "Ivan Petrov", vec![Transliteration]),
            ("Lev Tolstoy", "Lev Tolstoj", vec![Transliteration]),
            ("Jean-Luc Ford", "Jean Luc Ford", vec![Hyphens]),
            ("Xiao-Ming Quay", "Xiaoming Quay", vec![Hyphens]),
            ("Wei Quay", "Quay Wei", vec![Order]),
            ("I. Brook", "Ida Brook", vec![Initials]),
            ("J.-L. Ford", "Jean-Luc Ford", vec![Initials]),
            ("I. M. Brook", "Ida Brook", vec![Initials, MiddleNames]),
            ("Ida Maria Brook", "Ida Brook", vec![MiddleNames]),
            ("Bob Ford", "Robert Ford", vec![Nickname]),
            ("Jan van der Brook", "Jan Brook", vec![Particle]),
            ("Martin Ford Jr.", "Martin Ford", vec![Suffix]),
        ] {
            let comparison = compare_names(one, other);
            assert_eq!(comparison.differences, BTreeSet::from_iter(differences), "{one}, {other}");
            assert!(comparison.similarity > NameSimilarity::Different, "{one}, {other}");
        }
    }

    #[test]
    fn different_names() {
        for (one, other) in [
            ("Ida Brook", "Ada Brook"),
            ("Ida Brook", "Ida Ford"),
            ("I. Brook", "Ada Brook"),
            ("Martin Ford Jr.", "Martin Ford Sr."),
            ("Bob Ford", "Bert Ford"),
            ("Plato", "Plato Ford"),
            ("Ida M. Brook", "Ida K. Brook"),
            ("", "Ida Brook"),
        ] {
            assert_eq!(compare_names(one, other).similarity, NameSimilarity::Different, "{one}, {other}");
        }
    }

    proptest! {
        #[test]
        fn comparison_is_symmetric(one in "[A-Ca-c]{1,3}[ .-][a-cé]{0,3} [A-C][a-cü]{0,4}", other in "[A-Ca-c]{1,3}[ .-][a-cé]{0,3} [A-C][a-cü]{0,4}") {
            prop_assert_eq!(compare_names(&one, &other), compare_names(&other, &one));
        }

        #[test]
        fn every_name_equals_itself(name in any::<String>()) {
            prop_assert_eq!(compare_names(&name, &name).similarity, NameSimilarity::Same);
        }
    }
}
