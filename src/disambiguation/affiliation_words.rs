//! Whether two affiliations, as printed, are of one organization.

use crate::text::names::{e_mails, fold};

/// Words that say what an organization is or where, and little of which it is.
const GENERIC: &str = "\
academy college dept division ecole faculty fakultat group inst lab school univ center centre centro research science sciences sci \
technology engineering computer computing comput information systems national international inc ltd gmbh corporation mathematics \
physics chemistry biology medicine economics philosophy linguistics psychology law arts humanities studies \
argentina australia austria belgium brazil bulgaria canada chile china colombia croatia czech denmark egypt estonia finland france \
germany greece hungary iceland india indonesia iran ireland israel italy japan korea latvia lithuania luxembourg malaysia mexico \
netherlands norway pakistan poland portugal romania russia serbia singapore slovakia slovenia spain sweden switzerland taiwan \
thailand turkey uk ukraine usa vietnam";
/// Beginnings of words that are written in many ways and languages, and what stands for all of these.
const WRITTEN_AS: [(&str, &str); 6] = [
    ("univ", "univ"),
    ("instit", "inst"),
    ("depart", "dept"),
    ("labor", "lab"),
    ("facul", "faculty"),
    ("republic", ""),
];
const SMALL: [&str; 24] = [
    "a", "an", "and", "at", "da", "de", "del", "della", "der", "des", "di", "do", "du", "e", "el", "et", "for", "fur",
    "in", "la", "le", "of", "the", "und",
];
/// How much a generic word weighs beside one that tells which organization it is.
const GENERIC_WEIGHT: f32 = 0.2;
/// The weight of what two affiliations share, of the weight of all of their words, from which on they are of one organization.
const SHARED: f32 = 0.6;

/// Hosts of e-mail that anybody can have.
const OPEN_MAIL_HOSTS: [&str; 18] = [
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

/// An affiliation as it is compared: its words, sorted, and the hosts of e-mail addresses, each behind an @.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AffiliationWords(Vec<String>);

impl AffiliationWords {
    /// The words of an affiliation as printed.
    #[must_use]
    pub fn new(affiliation: &str) -> Self {
        let hosts =
            e_mails(affiliation).filter_map(|address| address.rsplit_once('@')).map(|(_, host)| host.to_lowercase());
        let hosts = hosts.filter(|host| !OPEN_MAIL_HOSTS.contains(&host.as_str())).map(|host| format!("@{host}"));
        let without_mail: Vec<&str> = affiliation.split_whitespace().filter(|word| !word.contains('@')).collect();
        let folded = fold(&without_mail.join(" "));
        let is_word =
            |word: &&str| word.chars().count() > 1 && !SMALL.contains(word) && word.chars().any(char::is_alphabetic);
        let words = folded.split(' ').filter(is_word).map(as_written).filter(|word| !word.is_empty());
        let mut words: Vec<String> = words.map(ToOwned::to_owned).chain(hosts).collect();
        words.sort_unstable();
        words.dedup();
        Self(words)
    }

    /// Whether nothing is left to compare.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words that tell which organization it is.
    pub fn telling(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|word| !is_generic(word))
    }

    /// Whether another affiliation is of the same organization, as far as words tell: they share most of what tells
    /// organizations apart, or one has all that the other says, and that is more than one such word, or they share the host
    /// of an e-mail address.
    #[must_use]
    pub fn is_of_same_organization(&self, other: &Self) -> bool {
        let (mut shared, mut only_one, mut only_other) = (0.0, 0.0, 0.0);
        let (mut one, mut another) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let (weight, word) = match (one.peek(), another.peek()) {
                (None, None) => break,
                (Some(word), None) => (&mut only_one, *word),
                (None, Some(word)) => (&mut only_other, *word),
                (Some(word), Some(beside)) => match word.cmp(beside) {
                    std::cmp::Ordering::Equal => (&mut shared, *word),
                    std::cmp::Ordering::Less => (&mut only_one, *word),
                    std::cmp::Ordering::Greater => (&mut only_other, *beside),
                },
            };
            // A host that is not shared says nothing against.
            *weight += match word.as_str() {
                host if host.starts_with('@') => 0.0,
                word if is_generic(word) => GENERIC_WEIGHT,
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
        shared >= 1.0 && (contains || shared / (shared + only_one + only_other) >= SHARED)
    }
}

fn is_generic(word: &str) -> bool {
    GENERIC.split_ascii_whitespace().any(|generic| generic == word)
}

fn as_written(word: &str) -> &str {
    WRITTEN_AS.iter().find(|(beginning, _)| word.starts_with(beginning)).map_or(word, |(_, written)| written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn are_one(one: &str, other: &str) -> bool {
        AffiliationWords::new(one).is_of_same_organization(&AffiliationWords::new(other))
    }

    #[test]
    fn one_organization() {
        assert!(are_one("University of Zürich", "Universität Zürich, Switzerland"));
        assert!(are_one(
            "Carnegie Mellon University",
            "School of Computer Science, Carnegie Mellon University, Pittsburgh, USA"
        ));
        assert!(are_one("Dept. of Physics, Northfield Univ.", "Northfield University"));
        assert!(are_one("Northfield University ida@northfield.example", "Northfield University"));
        assert!(are_one("Computing, ida@cs.northfield.example", "ada@cs.northfield.example"));
        assert!(!are_one("ida@gmail.com", "ada@gmail.com"));
    }

    #[test]
    fn two_organizations() {
        assert!(!are_one("University of Michigan", "Michigan State University"));
        assert!(!are_one("Hong Kong Polytechnic University", "Chinese University of Hong Kong"));
        assert!(!are_one("University of California, Santa Cruz", "University of California, Berkeley"));
        assert!(!are_one("Department of Computer Science", "Department of Computer Science"));
        assert!(!are_one("", ""));
    }

    proptest! {
        #[test]
        fn the_same_from_both_sides(one in "([a-d]{2} ?){0,4}", other in "([a-d]{2} ?){0,4}") {
            prop_assert_eq!(are_one(&one, &other), are_one(&other, &one));
        }
    }
}
