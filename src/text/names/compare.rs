//! Whether two names may be one person's, and in what they differ.

use std::collections::BTreeSet;

use crate::text::names::nicknames::are_forms;
use crate::text::names::{fold, parse};

/// How much alike two names are; the order is from less to more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// They name two people.
    Different,
    /// One may be a shorter or more familiar form of the other.
    Compatible,
    /// One is another spelling of the other.
    Equivalent,
    /// They are spelled the same but for case and punctuation.
    Same,
}

/// In what two names differ that may be one person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// Accents: Ilić, Ilic.
    Accents,
    /// Another alphabet, or another way to write its letters in ours: Müller, Mueller.
    Transliteration,
    /// Hyphens and spaces: Jean-Luc, Jean Luc, Jeanluc.
    Hyphens,
    /// The family name stands first in one of them.
    Order,
    /// A name of which the other has the initial.
    Initials,
    /// A familiar form: Robert, Bob.
    Nickname,
    /// Given names that one of them leaves out.
    MiddleNames,
    /// Particles that one of them leaves out: van der.
    Particle,
    /// A suffix that one of them leaves out: Jr.
    Suffix,
}

impl Difference {
    /// Whether it is one of spelling only.
    fn is_of_spelling(self) -> bool {
        matches!(self, Self::Accents | Self::Transliteration | Self::Hyphens | Self::Order)
    }
}

/// How two names compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// How much they are alike.
    pub likeness: Likeness,
    /// In what they differ; nothing where they are different throughout.
    pub differences: BTreeSet<Difference>,
}

impl Comparison {
    fn of(differences: Option<BTreeSet<Difference>>) -> Self {
        let likeness = match &differences {
            None => Likeness::Different,
            Some(differences) if differences.is_empty() => Likeness::Same,
            Some(differences) if differences.iter().all(|difference| difference.is_of_spelling()) => {
                Likeness::Equivalent
            }
            Some(_) => Likeness::Compatible,
        };
        Self { likeness, differences: differences.unwrap_or_default() }
    }
}

/// Compares two names. It tells what the names allow, and nothing of whether they are one person's.
#[must_use]
pub fn compare(one: &str, other: &str) -> Comparison {
    Comparable::new(one).compare(&Comparable::new(other))
}

/// A name, read once to be compared with many.
#[derive(Clone, Debug)]
pub struct Comparable {
    given: Spelled,
    family: Option<Spelled>,
    particle: Option<String>,
    suffix: Option<String>,
}

impl Comparable {
    /// Reads a name, whatever its order.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = parse(name);
        let lower = |text: String| text.to_lowercase();
        Self {
            given: Spelled::new(name.given.map(|given| without_dots(&given)).unwrap_or_default()),
            family: name.family.map(lower).map(Spelled::new),
            particle: name.particle.map(lower),
            suffix: name.suffix.map(|suffix| fold(&suffix)),
        }
    }

    /// What [`compare`] tells of the two.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Comparison {
        // Of two ways to read them the one that says more.
        let straight = Comparison::of(self.differences(other));
        if straight.likeness >= Likeness::Equivalent {
            return straight;
        }
        let turned = Comparison::of(self.turned_differences(other));
        // An initial tells little of which name is which.
        if turned.likeness == Likeness::Equivalent { turned } else { straight }
    }

    /// In what the other differs from this one with its given name for a family name; only where it has one of each.
    fn turned_differences(&self, other: &Self) -> Option<BTreeSet<Difference>> {
        let family = self.family.as_ref()?;
        // Seldom is more to be looked at.
        if let Some(other) = &other.family {
            self.given.differences(other)?;
        }
        let turned = Self {
            given: Spelled::new(without_dots(&family.text)),
            family: Some(self.given.clone()).filter(|given| !given.text.is_empty()),
            particle: self.particle.clone(),
            suffix: self.suffix.clone(),
        };
        let mut differences = turned.differences(other)?;
        differences.insert(Difference::Order);
        Some(differences)
    }

    /// In what the other differs; nothing where it names somebody else.
    fn differences(&self, other: &Self) -> Option<BTreeSet<Difference>> {
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
        differences.extend(one_of(&self.particle, &other.particle, Difference::Particle)?);
        differences.extend(one_of(&self.suffix, &other.suffix, Difference::Suffix)?);
        differences.extend(given(&self.given, &other.given)?);
        Some(differences)
    }
}

/// A part of a name, with what its spellings share.
#[derive(Clone, Debug)]
struct Spelled {
    text: String,
    folded: String,
    /// In the letters that the ways to transliterate it share.
    letters: String,
}

impl Spelled {
    fn new(text: String) -> Self {
        Self { folded: fold(&text), letters: transliterated(&text), text }
    }

    /// In what the spellings of one name differ; nothing where they are of two names.
    fn differences(&self, other: &Self) -> Option<BTreeSet<Difference>> {
        if self.text == other.text {
            return Some(BTreeSet::new());
        }
        if self.folded == other.folded {
            // What folding takes away is an accent, or a hyphen that is a space.
            let marks = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            let is_of_hyphens = marks(&self.text) == marks(&other.text);
            return Some(BTreeSet::from([if is_of_hyphens { Difference::Hyphens } else { Difference::Accents }]));
        }
        let together = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        if together(&self.folded) == together(&other.folded) {
            return Some(BTreeSet::from([Difference::Hyphens]));
        }
        let is_of_letters = !self.letters.is_empty() && self.letters == other.letters;
        is_of_letters.then(|| BTreeSet::from([Difference::Transliteration]))
    }
}

/// Given names in lower case, without the dots of initials; those that stand together are apart.
fn without_dots(given: &str) -> String {
    crate::text::names::clean(&given.to_lowercase().replace('.', " ")).replace(" -", "-")
}

/// A name in the letters that the ways to transliterate it share.
pub(super) fn transliterated(name: &str) -> String {
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
    letters.dedup();
    letters
}

trait Dedup {
    fn dedup(&mut self);
}

impl Dedup for String {
    /// Double letters become one; digits are no letters.
    fn dedup(&mut self) {
        let mut last = None;
        self.retain(|letter| last.replace(letter) != Some(letter) || letter.is_ascii_digit());
    }
}

/// In what given names differ; nothing where they are of two people.
fn given(one: &Spelled, other: &Spelled) -> Option<BTreeSet<Difference>> {
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
        return Some(BTreeSet::from([Difference::MiddleNames]));
    };
    let mut names = long.iter();
    differences.extend(given_name(first, names.next()?)?);
    for name in rest {
        let found = names.by_ref().find_map(|candidate| given_name(name, candidate))?;
        differences.extend(found);
    }
    if long.len() > short.len() {
        differences.insert(Difference::MiddleNames);
    }
    Some(differences)
}

fn given_name(one: &str, other: &str) -> Option<BTreeSet<Difference>> {
    let (one, other) = (Spelled::new(one.to_owned()), Spelled::new(other.to_owned()));
    if let Some(differences) = one.differences(&other) {
        return Some(differences);
    }
    let (one, other) = (one.folded, other.folded);
    let is_initial = |short: &str, long: &str| short.chars().count() == 1 && long.starts_with(short);
    if is_initial(&one, &other) || is_initial(&other, &one) {
        return Some(BTreeSet::from([Difference::Initials]));
    }
    are_forms(&one, &other).then(|| BTreeSet::from([Difference::Nickname]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_one_person() {
        use Difference::{Accents, Hyphens, Initials, MiddleNames, Nickname, Order, Particle, Suffix, Transliteration};
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
            let comparison = compare(one, other);
            assert_eq!(comparison.differences, BTreeSet::from_iter(differences), "{one}, {other}");
            assert!(comparison.likeness > Likeness::Different, "{one}, {other}");
        }
    }

    #[test]
    fn names_of_two_people() {
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
            assert_eq!(compare(one, other).likeness, Likeness::Different, "{one}, {other}");
        }
    }

    proptest! {
        #[test]
        fn the_same_from_both_sides(one in "[A-Ca-c]{1,3}[ .-][a-cé]{0,3} [A-C][a-cü]{0,4}", other in "[A-Ca-c]{1,3}[ .-][a-cé]{0,3} [A-C][a-cü]{0,4}") {
            prop_assert_eq!(compare(&one, &other), compare(&other, &one));
        }

        #[test]
        fn the_same_as_itself(name in any::<String>()) {
            prop_assert_eq!(compare(&name, &name).likeness, Likeness::Same);
        }
    }
}
