//! What groups of mentions share, and how much it says.

use std::collections::{BTreeSet, HashMap};

use crate::disambiguation::clustering::Block;
use crate::text::names::{Commonness, Likeness, compare};

/// Something that groups may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Feature {
    Coauthor(u32),
    Organization(u32),
    /// Affiliations of one organization have the same number.
    Affiliation(u32),
    Venue(u32),
    Topic(i64),
}

impl Block<'_> {
    /// What a name says before there is any evidence: a common one speaks against it.
    pub(super) fn prior(&self, place: usize) -> i32 {
        let form = &self.forms[place];
        let of_family = match form.commonness {
            Commonness::Rare => 8,
            Commonness::Common => 0,
            Commonness::VeryCommon => -8,
        };
        let of_given = match (form.is_full(), form.given_count) {
            (false, 0 | 1) => -8,
            (false, _) => -2,
            (true, 0 | 1) => 0,
            (true, _) => 4,
        };
        of_family + of_given
    }

    pub(super) fn coauthor_weight(&self, coauthor: u32) -> i32 {
        match self.known.coauthor_commonness(coauthor) {
            Commonness::Rare => 30,
            Commonness::Common => 24,
            Commonness::VeryCommon => 16,
        }
    }

    pub(super) fn weight(&self, feature: Feature) -> i32 {
        match feature {
            Feature::Coauthor(coauthor) => self.coauthor_weight(coauthor),
            Feature::Organization(_) | Feature::Affiliation(_) => 28,
            Feature::Venue(_) => 4,
            Feature::Topic(_) => 4,
        }
    }

    /// The affiliations of these mentions, each with the first of those that are of the same organization.
    pub(super) fn organizations_of(&self, places: &[usize]) -> HashMap<u32, u32> {
        let affiliations: BTreeSet<u32> =
            places.iter().flat_map(|place| self.components.mentions()[*place].affiliations.iter().copied()).collect();
        let mut by_word: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut first: HashMap<u32, u32> = HashMap::new();
        let mut in_order: Vec<u32> = affiliations.into_iter().collect();
        in_order.sort_unstable_by_key(|affiliation| self.known.affiliation_text(*affiliation));
        for affiliation in in_order {
            let Some(words) = self.known.words(affiliation) else { continue };
            let alike = words.telling().filter_map(|word| by_word.get(word)).flatten();
            let same = alike
                .copied()
                .find(|other| self.known.words(*other).is_some_and(|other| words.is_of_same_organization(other)));
            let same = same.map(|same| first[&same]);
            first.insert(affiliation, same.unwrap_or(affiliation));
            for word in words.telling() {
                by_word.entry(word).or_default().push(affiliation);
            }
        }
        first
    }

    pub(super) fn features(&self, root: usize, organizations: &HashMap<u32, u32>) -> BTreeSet<Feature> {
        let profile = self.components.profile(root);
        let affiliations = profile.affiliations.iter().filter_map(|affiliation| organizations.get(affiliation));
        profile
            .coauthors
            .keys()
            .map(|coauthor| Feature::Coauthor(*coauthor))
            .chain(profile.organizations.iter().map(|id| Feature::Organization(*id)))
            .chain(affiliations.map(|number| Feature::Affiliation(*number)))
            .chain(profile.venues.iter().map(|venue| Feature::Venue(*venue)))
            .chain(profile.topics.iter().map(|topic| Feature::Topic(*topic)))
            .collect()
    }

    pub(super) fn own_features(&self, place: usize, organizations: &HashMap<u32, u32>) -> BTreeSet<Feature> {
        let mention = &self.components.mentions()[place];
        let affiliations = mention.affiliations.iter().filter_map(|affiliation| organizations.get(affiliation));
        mention
            .coauthors
            .iter()
            .map(|coauthor| Feature::Coauthor(*coauthor))
            .chain(mention.organizations.iter().map(|id| Feature::Organization(*id)))
            .chain(affiliations.map(|number| Feature::Affiliation(*number)))
            .chain(mention.venue.map(Feature::Venue))
            .chain(mention.topics.iter().map(|topic| Feature::Topic(*topic)))
            .collect()
    }

    pub(super) fn years_weight(&self, one: usize, other: usize) -> i32 {
        let (one, other) = (self.components.profile(one).years, self.components.profile(other).years);
        let Some((one, other)) = one.zip(other) else { return 0 };
        match (one.0.max(other.0) - one.1.min(other.1)).max(0) {
            0..=2 => 3,
            3..=8 => 0,
            9..=20 => -5,
            _ => -15,
        }
    }

    /// What the names of two groups say, where they may be of one person.
    pub(super) fn prior_of_variants(&self, one: usize, other: usize) -> Option<i32> {
        let (one, other) = (self.fullest(one), self.fullest(other));
        let likeness = self.likeness(one, other)?;
        let closeness = if likeness >= Likeness::Equivalent { 4 } else { 0 };
        Some(self.prior(one).min(self.prior(other)) + closeness)
    }

    /// The mention of a group whose name says most.
    pub(super) fn fullest(&self, root: usize) -> usize {
        let members = self.components.profile(root).members.iter().copied();
        members
            .max_by_key(|place| {
                (self.forms[*place].is_full(), self.forms[*place].given.len(), &self.forms[*place].given)
            })
            .unwrap_or(root)
    }

    /// How much two names are alike that may be one person's.
    pub(super) fn likeness(&self, one: usize, other: usize) -> Option<Likeness> {
        let (first, second) = (&self.forms[one], &self.forms[other]);
        if first == second {
            return Some(Likeness::Same);
        }
        let likeness = compare(self.spellings[one], self.spellings[other]).likeness;
        (likeness > Likeness::Different).then_some(likeness)
    }

    pub(super) fn has_organization(&self, root: usize) -> bool {
        let profile = self.components.profile(root);
        !profile.organizations.is_empty() || !profile.affiliations.is_empty()
    }
}
