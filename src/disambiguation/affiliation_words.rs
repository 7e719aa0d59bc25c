//! Comparison of affiliations as published: whether two of them name the same organization.

use crate::text::names::email_addresses;
use crate::text::normalize::fold;

/// Words that describe a kind of organization, a field or a country, and hardly identify an organization.
const GENERIC_WORDS: &str = "\
academy college dept division ecole faculty fakultat group inst lab school univ center centre centro research science sciences sci \
technology engineering computer computing comput information systems national international inc ltd gmbh corporation mathematics \
physics chemistry biology medicine economics philosophy linguistics psychology law arts humanities studies \
argentina australia austria belgium brazil bulgaria canada chile china colombia croatia czech denmark egypt estonia finland france \
germany greece hungary iceland india indonesia iran ireland israel italy japan korea latvia lithuania luxembourg malaysia mexico \
netherlands norway pakistan poland portugal romania russia serbia singapore slovakia slovenia spain sweden switzerland taiwan \
thailand turkey uk ukraine usa vietnam";
/// Word prefixes with many spellings and translations, each with its canonical word.
const CANONICAL_PREFIXES: [(&str, &str); 6] = [
    ("univ", "univ"),
    ("instit", "inst"),
    ("depart", "dept"),
    ("labor", "lab"),
    ("facul", "faculty"),
    ("republic", ""),
];
/// Words without meaning, in several languages.
const STOP_WORDS: [&str; 24] = [
    "a", "an", "and", "at", "da", "de", "del", "della", "der", "des", "di", "do", "du", "e", "el", "et", "for", "fur",
    "in", "la", "le", "of", "the", "und",
];
/// The weight of a generic word. A distinctive word has a weight of 1.
const GENERIC_WEIGHT: f32 = 0.2;
/// The minimum share of common words, by weight, for two affiliations to be the same organization.
const MIN_SHARED_WEIGHT: f32 = 0.6;

/// Domains of public e-mail providers. They do not identify an organization.
const PUBLIC_EMAIL_DOMAINS: [&str; 18] = [
    "126.com",
    "163.com",
    "aol.com",
    "foxmail.com",
    "gmail.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.ru",
    "msn.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "yahoo.com",
];

/// The words of an affiliation, prepared for comparison: sorted, with e-mail domains as words that begin with `@`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AffiliationWords(Vec<String>);

impl AffiliationWords {
    /// Extracts the words of an affiliation as published.
    #[must_use]
    pub fn new(affiliation: &str) -> Self {
        let hosts = email_addresses(affiliation)
            .filter_map(|address| address.rsplit_once('@'))
            .map(|(_, host)| host.to_lowercase());
        let hosts = hosts.filter(|host| !PUBLIC_EMAIL_DOMAINS.contains(&host.as_str())).map(|host| format!("@{host}"));
        let without_mail: Vec<&str> = affiliation.split_whitespace().filter(|word| !word.contains('@')).collect();
        let folded = fold(&without_mail.join(" "));
        let is_word = |word: &&str| {
            word.chars().count() > 1 && !STOP_WORDS.contains(word) && word.chars().any(char::is_alphabetic)
        };
        let words = folded.split(' ').filter(is_word).map(canonical_word).filter(|word| !word.is_empty());
        let mut words: Vec<String> = words.map(ToOwned::to_owned).chain(hosts).collect();
        words.sort_unstable();
        words.dedup();
        Self(words)
    }

    /// Returns whether there is nothing to compare.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the words that identify an organization.
    pub fn distinctive_words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|word| !is_generic_word(word))
    }

    /// Returns whether two affiliations name the same organization. They do if they share most of their distinctive
    /// words, if one contains all words of the other and shares two distinctive words with it, or if they share an
    /// e-mail domain.
    #[must_use]
    pub fn is_same_organization(&self, other: &Self) -> bool {
        let (mut shared, mut only_one, mut only_other) = (0.0, 0.0, 0.0);
        let (mut one, mut another) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let (weight, word) = match (one.peek(), another.peek()) {
                (None, None) => break,
                (Some(word), None) => (&mut only_one, *word),
                (None, Some(word)) => (&mut only_other, *word),
                (Some(word), Some(other_word)) => match word.cmp(other_word) {
                    std::cmp::Ordering::Equal => (&mut shared, *word),
                    std::cmp::Ordering::Less => (&mut only_one, *word),
                    std::cmp::Ordering::Greater => (&mut only_other, *other_word),
                },
            };
            // Different e-mail domains do not count against a match.
            *weight += match word.as_str() {
                host if host.starts_with('@') => 0.0,
                word if is_generic_word(word) => GENERIC_WEIGHT,
                _ => 1.0,
            };
            if word.starts_with('@') && one.peek() == another.peek() {
                return true;
            }
            let word = word.clone();
            one.next_if(|next| **next == word);
            another.next_if(|next| **next == word);
        }
        let contains = (only_one == 0.0 || only_other == 0.0) && shared >= 2.0;
        shared >= 1.0 && (contains || shared / (shared + only_one + only_other) >= MIN_SHARED_WEIGHT)
    }
}

fn is_generic_word(word: &str) -> bool {
    GENERIC_WORDS.split_ascii_whitespace().any(|generic| generic == word)
}

/// Returns the canonical word of a word with a known prefix, else the word.
fn canonical_word(word: &str) -> &str {
    CANONICAL_PREFIXES.iter().find(|(beginning, _)| word.starts_with(beginning)).map_or(word, |(_, written)| written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn are_same(one: &str, other: &str) -> bool {
        AffiliationWords::new(one).is_same_organization(&AffiliationWords::new(other))
    }

    #[test]
    fn affiliations_of_one_organization() {
        assert!(are_same("University of Zürich", "Universität Zürich, Switzerland"));
        assert!(are_same(
            "Carnegie Mellon University",
            "School of Computer Science, Carnegie Mellon University, Pittsburgh, USA"
        ));
        assert!(are_same("Dept. of Physics, Northfield Univ.", "Northfield University"));
        assert!(are_same("Northfield University ida@northfield.example", "Northfield University"));
        assert!(are_same("Computing, ida@cs.northfield.example", "ada@cs.northfield.example"));
        assert!(!are_same("ida@gmail.com", "ada@gmail.com"));
    }

    #[test]
    fn affiliations_of_two_organizations() {
        assert!(!are_same("University of Michigan", "Michigan State University"));
        assert!(!are_same("Hong Kong Polytechnic University", "Chinese University of Hong Kong"));
        assert!(!are_same("University of California, Santa Cruz", "University of California, Berkeley"));
        assert!(!are_same("Department of Computer Science", "Department of Computer Science"));
        assert!(!are_same("", ""));
    }

    proptest! {
        #[test]
        fn comparison_is_symmetric(one in "([a-d]{2} ?){0,4}", other in "([a-d]{2} ?){0,4}") {
            prop_assert_eq!(are_same(&one, &other), are_same(&other, &one));
        }
    }
}
