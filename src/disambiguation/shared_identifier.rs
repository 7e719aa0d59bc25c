//! Identifiers that unlike names share. An identifier is evidence, not proof: sources attach the ORCID iD of one author
//! to another author of the paper, or to all of them.
//!
//! Two names that have nothing in common can be two names of one person. They are not if their people are authors of one
//! paper, or if the identifier has three such names or more.

use std::collections::BTreeSet;

use crate::text::names::{DistinctiveName, NameSimilarity, compare_names};

/// An identifier with more names than this is doubtful with all but those that have something of the owner's. They are
/// not compared with each other, since their pairs are too many.
const MAX_COMPARED_NAMES: usize = 200;

/// A name that authors with an identifier have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifiedName {
    /// The name, repaired.
    pub name: String,
    /// Number of papers on which the identifier is given with this name.
    pub paper_count: usize,
}

/// Two names among the authors of one paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePair {
    /// A name of the identifier or of its owner.
    pub name: String,
    /// The name of another author of the same paper.
    pub coauthor: String,
    /// Number of papers that both are on, and that give the identifier with `name`.
    pub identified_count: usize,
}

/// An identifier with the names that it is given with.
#[derive(Clone, Debug, Default)]
pub struct SharedIdentifier {
    /// The names of the owner: those of records that the identifier identifies, and those that decisions assign. Empty
    /// if there is neither.
    pub owner_names: Vec<String>,
    /// The names of authors, in any order.
    pub names: Vec<IdentifiedName>,
}

/// Names that have something in common.
type NameGroup<'a> = Vec<&'a IdentifiedName>;

/// The names of an identifier, by whose they are.
struct NameGroups<'a> {
    /// The names of the owner, if records or decisions name one.
    owner: NameGroup<'a>,
    /// The other names, in groups of names that have something in common.
    others: Vec<NameGroup<'a>>,
}

impl SharedIdentifier {
    /// Returns the two groups of unlike names of which it has to be known whether they are coauthors, for
    /// [`Self::doubtful_names`]; `None` if it does not matter.
    #[must_use]
    pub fn rivals(&self) -> Option<[Vec<&str>; 2]> {
        let NameGroups { owner, others } = self.groups()?;
        match (self.owner_names.is_empty(), others.as_slice()) {
            (false, [other]) => {
                let owner_names = self.owner_names.iter().map(String::as_str);
                Some([group_names(&owner).chain(owner_names).collect(), group_names(other).collect()])
            }
            (true, [one, other]) => Some([group_names(one).collect(), group_names(other).collect()]),
            _ => None,
        }
    }

    /// Returns the names with which the identifier is doubtful, sorted. `pairs` are the coauthors among the
    /// [`Self::rivals`].
    #[must_use]
    pub fn doubtful_names(&self, pairs: &[NamePair]) -> BTreeSet<&str> {
        let Some(NameGroups { others, .. }) = self.groups() else {
            let owners = distinctive(self.owner_names.iter().map(String::as_str));
            let names = self.names.iter().map(|name| name.name.as_str());
            return names.filter(|name| is_unlike_all(&DistinctiveName::new(name), &owners)).collect();
        };
        let doubtful: Vec<&NameGroup<'_>> = match (self.owner_names.is_empty(), others.as_slice()) {
            (false, [_]) | (true, [_, _]) if pairs.is_empty() => Vec::new(),
            (false, others) => others.iter().collect(),
            (true, [] | [_]) => Vec::new(),
            (true, [one, other]) => match compare_claims(one, other, pairs) {
                Some(true) => vec![other],
                Some(false) => vec![one],
                None => vec![one, other],
            },
            (true, others) => {
                let total: usize = others.iter().map(paper_count).sum();
                others.iter().filter(|group| paper_count(group) * 2 <= total).collect()
            }
        };
        doubtful.into_iter().flatten().map(|name| name.name.as_str()).collect()
    }

    /// Returns the names by whose they are; `None` if they are too many.
    fn groups(&self) -> Option<NameGroups<'_>> {
        if self.names.len() > MAX_COMPARED_NAMES {
            return None;
        }
        let mut sorted: Vec<&IdentifiedName> = self.names.iter().collect();
        sorted.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let owners = distinctive(self.owner_names.iter().map(String::as_str));
        let forms = distinctive(sorted.iter().map(|name| name.name.as_str()));
        let named = sorted.into_iter().zip(&forms);
        let (mut owner, mut others): (Vec<_>, Vec<_>) = named.partition(|(_, form)| !is_unlike_all(form, &owners));
        // A form of one of these names is the owner's, too, also if it lacks what they have in common.
        loop {
            let is_form = |name: &str| owner.iter().any(|(known, _)| are_compatible(&known.name, name));
            let (found, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(|(name, _)| is_form(&name.name));
            others = rest;
            if found.is_empty() {
                break;
            }
            owner.extend(found);
        }
        let mut groups: Vec<Vec<(&IdentifiedName, &DistinctiveName)>> = Vec::new();
        for (name, form) in others {
            let (like, mut unlike): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|group| group.iter().any(|(_, known)| !known.is_unlike(form)));
            unlike.push(like.into_iter().flatten().chain([(name, form)]).collect());
            groups = unlike;
        }
        let others = groups.into_iter().map(without_forms).collect();
        Some(NameGroups { owner: without_forms(owner), others })
    }
}

fn group_names<'a>(group: &NameGroup<'a>) -> impl Iterator<Item = &'a str> {
    group.iter().map(|name| name.name.as_str())
}

fn without_forms<'a>(names: Vec<(&'a IdentifiedName, &DistinctiveName)>) -> NameGroup<'a> {
    names.into_iter().map(|(name, _)| name).collect()
}

fn distinctive<'a>(names: impl Iterator<Item = &'a str>) -> Vec<DistinctiveName> {
    names.map(DistinctiveName::new).collect()
}

fn is_unlike_all(name: &DistinctiveName, others: &[DistinctiveName]) -> bool {
    others.iter().all(|other| name.is_unlike(other))
}

/// Returns whether the identifier is the first group's rather than the second's, whose people are coauthors: it is given
/// with their names on more papers, or else the others have it on papers that they are on. `None` if nothing tells.
fn compare_claims(one: &NameGroup<'_>, other: &NameGroup<'_>, pairs: &[NamePair]) -> Option<bool> {
    // The iD of a coauthor was attached to the wrong one of the two.
    let coauthor_count = |group: &NameGroup<'_>| -> usize {
        let has_name = |pair: &&NamePair| group.iter().any(|name| name.name == pair.name);
        pairs.iter().filter(has_name).map(|pair| pair.identified_count).sum()
    };
    let claim = |group: &NameGroup<'_>| (paper_count(group), std::cmp::Reverse(coauthor_count(group)));
    match claim(one).cmp(&claim(other)) {
        std::cmp::Ordering::Greater => Some(true),
        std::cmp::Ordering::Less => Some(false),
        std::cmp::Ordering::Equal => None,
    }
}

fn paper_count(group: &NameGroup<'_>) -> usize {
    group.iter().map(|name| name.paper_count).sum()
}

/// Returns whether two names can be names of one person.
#[must_use]
pub fn are_compatible(one: &str, other: &str) -> bool {
    compare_names(one, other).similarity >= NameSimilarity::Compatible
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::names::are_unlike;

    fn shared(owner_names: &[&str], names: &[(&str, usize)]) -> SharedIdentifier {
        let name = |(name, paper_count): &(&str, usize)| IdentifiedName {
            name: (*name).to_owned(),
            paper_count: *paper_count,
        };
        SharedIdentifier {
            owner_names: owner_names.iter().map(ToString::to_string).collect(),
            names: names.iter().map(name).collect(),
        }
    }

    fn doubtful(owner_names: &[&str], names: &[(&str, usize)], pairs: &[(&str, &str, usize)]) -> Vec<String> {
        let pairs: Vec<NamePair> = pairs
            .iter()
            .map(|(name, coauthor, identified_count)| NamePair {
                name: (*name).to_owned(),
                coauthor: (*coauthor).to_owned(),
                identified_count: *identified_count,
            })
            .collect();
        shared(owner_names, names).doubtful_names(&pairs).into_iter().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn names_of_one_person() {
        let none: [&str; 0] = [];
        assert_eq!(doubtful(&[], &[("Ida Brook", 1), ("I. M. Brook", 1), ("Ida Ford", 2)], &[]), none);
        // A new name, without anything of the former one.
        assert_eq!(doubtful(&[], &[("Ida Brook", 1), ("Tom Ford", 1)], &[]), none);
        assert_eq!(doubtful(&["Ida Brook"], &[("Tom Ford", 9)], &[]), none);
        assert_eq!(
            doubtful(&["Ida Brook", "Tom Ford"], &[("Tom Ford", 1), ("Ida Brook", 1), ("Uma Lee", 1)], &[]),
            none
        );
        assert_eq!(doubtful(&["Ida Brook"], &[("Ida Ford", 1), ("I. Ford", 1)], &[("I. Ford", "Ida Brook", 1)]), none);
    }

    #[test]
    fn names_of_coauthors() {
        // The owner is known.
        assert_eq!(doubtful(&["Ida Brook"], &[("Tom Ford", 9)], &[("Tom Ford", "I. Brook", 0)]), ["Tom Ford"]);
        // The owner has the iD on more papers.
        let pair = ("Ida Brook", "Tom Ford", 0);
        assert_eq!(doubtful(&[], &[("Ida Brook", 2), ("Tom Ford", 1)], &[pair]), ["Tom Ford"]);
        // The owner is the one who is on the paper where the other has it.
        let pairs = [("Albrecht Lamm", "Xia Wuhl", 1), ("Xia Wuhl", "Albrecht Lamm", 0)];
        assert_eq!(doubtful(&[], &[("Albrecht Lamm", 1), ("Xia Wuhl", 1)], &pairs), ["Albrecht Lamm"]);
        // Nothing tells whose it is.
        let pairs = [("Ida Brook", "Tom Ford", 1), ("Tom Ford", "Ida Brook", 1)];
        assert_eq!(doubtful(&[], &[("Ida Brook", 1), ("Tom Ford", 1)], &pairs), ["Ida Brook", "Tom Ford"]);
    }

    #[test]
    fn many_unlike_names() {
        let names = [("Stergia Polyz", 1), ("Konrad Makr", 1), ("Ilona Zsid", 1)];
        assert_eq!(doubtful(&[], &names, &[]), ["Ilona Zsid", "Konrad Makr", "Stergia Polyz"]);
        assert_eq!(doubtful(&["K. Makr"], &names, &[]), ["Ilona Zsid", "Stergia Polyz"]);
        let names = [("Stergia Polyz", 1), ("Konrad Makr", 9), ("K. Makr", 1), ("Ilona Zsid", 1)];
        assert_eq!(doubtful(&[], &names, &[]), ["Ilona Zsid", "Stergia Polyz"]);
    }

    #[test]
    fn too_many_names() {
        let letter = |number: usize| char::from(b'a' + u8::try_from(number % 26).expect("a letter"));
        let word = |number: usize| [number, number / 26, number / 3, number / 7].map(letter).iter().collect::<String>();
        let names: Vec<String> = (0..300).map(|number| format!("{} {}", word(number), word(number * 31 + 5))).collect();
        let mut names: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        names.push(("Ida Brook", 1));
        assert!(!doubtful(&["I. Brook"], &names, &[]).contains(&"Ida Brook".to_owned()));
        assert!(doubtful(&[], &names, &[]).contains(&"Ida Brook".to_owned()));
    }

    #[test]
    fn rivals_are_two() {
        let known = shared(&["Ida Brook"], &[("Tom Ford", 9), ("I. Brook", 1)]);
        assert_eq!(known.rivals(), Some([vec!["I. Brook", "Ida Brook"], vec!["Tom Ford"]]));
        assert_eq!(shared(&[], &[("Tom Ford", 9), ("Tom Brook", 1)]).rivals(), None);
        assert_eq!(shared(&[], &[("Tom Ford", 9), ("Ida Brook", 1), ("Uma Lee", 1)]).rivals(), None);
    }

    const NAMES: [&str; 8] =
        ["Ida Brook", "I. Brook", "Ida Ford", "Tom Ford", "T. Ford", "Uma Lee", "Wei Zhang", "Lee Ang"];

    proptest! {
        /// The result does not depend on the order of names and pairs, and the names of the owner are never doubtful.
        #[test]
        fn order_does_not_matter(
            owner in prop::option::of(0..NAMES.len()),
            (names, shuffled) in prop::collection::btree_map(0..NAMES.len(), 1_usize..4, 1..6).prop_flat_map(|names| {
                let names: Vec<(&str, usize)> = names.into_iter().map(|(name, count)| (NAMES[name], count)).collect();
                (Just(names.clone()), Just(names).prop_shuffle())
            }),
            (pairs, turned) in prop::collection::vec((0..NAMES.len(), 0..NAMES.len(), 0_usize..3), 0..4).prop_flat_map(|pairs| {
                let pairs: Vec<(&str, &str, usize)> =
                    pairs.into_iter().map(|(one, other, count)| (NAMES[one], NAMES[other], count)).collect();
                (Just(pairs.clone()), Just(pairs).prop_shuffle())
            }),
        ) {
            let owner: Vec<&str> = owner.into_iter().map(|owner| NAMES[owner]).collect();
            let found = doubtful(&owner, &names, &pairs);
            prop_assert_eq!(&found, &doubtful(&owner, &shuffled, &turned));
            prop_assert!(found.iter().all(|name| owner.iter().all(|owner| are_unlike(owner, name))));
        }
    }
}
