//! The names under which a researcher published that add something to the names that a profile lists.

use std::collections::HashSet;

use crate::text::names::{ComparableName, NameForm, NameSimilarity};
use crate::text::normalize::fold;

/// Maximum number of names that are listed.
pub const MAX_PUBLISHED_NAMES: usize = 50;

/// Returns the published names that are neither listed already nor only abbreviations of the displayed name: each once,
/// most papers first, then by name, at most [`MAX_PUBLISHED_NAMES`]. Names are equal if they differ in case, accents and
/// punctuation only; of these, the one with most papers counts.
#[must_use]
pub fn additional_published_names(
    displayed: &str,
    listed: &[String],
    mut published: Vec<(String, i64)>,
) -> Vec<String> {
    published.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let mut seen: HashSet<String> = listed.iter().map(String::as_str).chain([displayed]).map(fold).collect();
    let abbreviation = AbbreviationOf::new(displayed);
    let is_new = |(name, _): &(String, i64)| !abbreviation.matches(name) && seen.insert(fold(name));
    published.into_iter().filter(is_new).map(|(name, _)| name).take(MAX_PUBLISHED_NAMES).collect()
}

/// Recognizes the names that say no more than another.
struct AbbreviationOf {
    words: Vec<String>,
    name: ComparableName,
}

impl AbbreviationOf {
    fn new(name: &str) -> Self {
        Self { words: words_of(name), name: ComparableName::new(name) }
    }

    /// Whether each word of the name is one of the other, or the initial of one, in any order; or whether it has initials
    /// only, in another spelling: `Z.-H. Ling` of `Zhenhua Ling`.
    fn matches(&self, name: &str) -> bool {
        let mut left = self.words.clone();
        // Whole words first, so that an initial does not take the place of one.
        let (initials, whole): (Vec<String>, Vec<String>) =
            words_of(name).into_iter().partition(|word| word.chars().count() == 1);
        let mut take = |word: &String| {
            let position = left.iter().position(|other| other == word);
            let position = position.or_else(|| {
                left.iter().position(|other| word.chars().count() == 1 && other.starts_with(word.as_str()))
            });
            position.map(|position| left.remove(position)).is_some()
        };
        if whole.iter().chain(&initials).all(&mut take) {
            return true;
        }
        !NameForm::new(name).has_full_given_name()
            && self.name.compare(&ComparableName::new(name)).similarity >= NameSimilarity::Compatible
    }
}

fn words_of(name: &str) -> Vec<String> {
    fold(name).split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(displayed: &str, listed: &[&str], published: &[(&str, i64)]) -> Vec<String> {
        let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
        let published = published.iter().map(|(name, papers)| ((*name).to_owned(), *papers)).collect();
        additional_published_names(displayed, &listed, published)
    }

    #[test]
    fn distinct_forms_by_frequency() {
        let published =
            [("Zhen-Hua Ling", 3), ("ZHEN HUA LING", 1), ("Zhenhua Ling", 9), ("Zhenhua Lin", 3), ("Zhénhua Ling", 2)];
        assert_eq!(names("Zhenhua Ling", &[], &published), ["Zhen-Hua Ling", "Zhenhua Lin"]);
        assert_eq!(names("Zhenhua Ling", &["Zhenhua LIN"], &published), ["Zhen-Hua Ling"]);
    }

    #[test]
    fn abbreviations() {
        for form in ["Z. Ling", "Z.-H. Ling", "Ling, Z.", "Ling Zhenhua", "LING", "Ling Z"] {
            assert_eq!(names("Zhenhua Ling", &[], &[(form, 1)]), Vec::<String>::new(), "{form}");
        }
        for form in ["Ida Brook", "I. M. Brook", "I M Brook", "Ida Marie B.", "Brook"] {
            assert_eq!(names("Ida Marie Brook", &[], &[(form, 1)]), Vec::<String>::new(), "{form}");
        }
        for form in ["Ida Marie Brook", "Ida Brook-Ford", "Ida Lake", "Idah Brook"] {
            assert_eq!(names("Ida Brook", &[], &[(form, 1)]), [form]);
        }
        assert_eq!(names("I. Brook", &[], &[("Ida Brook", 1)]), ["Ida Brook"]);
        assert_eq!(names("Robert Brook", &[], &[("Bob Brook", 1)]), ["Bob Brook"]);
        // A space is no difference in a script without spaces.
        assert_eq!(names("王伟", &[], &[("Wei Wang", 1), ("王 伟", 1)]), ["Wei Wang"]);
    }

    #[test]
    fn bounded() {
        let published: Vec<(String, i64)> = (0..80).map(|number| (format!("Ida Brook{number}"), number)).collect();
        let found = additional_published_names("Ida Brook", &[], published);
        assert_eq!((found.len(), found[0].as_str()), (MAX_PUBLISHED_NAMES, "Ida Brook79"));
    }

    proptest! {
        /// The order of the input has no influence, no result equals another or the displayed name, and nothing is added.
        #[test]
        fn laws(published in prop::collection::vec(("[A-Ca-c]{1,3}( [a-c.]{1,2})? [A-C][a-c]{0,2}", 0_i64..4), 0..8)) {
            let mut published = published;
            published.sort();
            published.dedup_by(|one, other| one.0 == other.0);
            let found = additional_published_names("Ab Cab", &[], published.clone());
            published.reverse();
            prop_assert_eq!(&found, &additional_published_names("Ab Cab", &[], published.clone()));
            let folded: HashSet<String> = found.iter().map(|name| fold(name)).collect();
            prop_assert_eq!(folded.len(), found.len());
            prop_assert!(!folded.contains("ab cab"));
            prop_assert!(found.iter().all(|name| published.iter().any(|(known, _)| known == name)));
        }
    }
}
