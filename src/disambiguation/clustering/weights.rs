//! Features that clusters share, and their weights as evidence.

use std::collections::{BTreeSet, HashMap};

use crate::disambiguation::clustering::BlockClustering;
use crate::text::names::{Commonness, NameSimilarity, compare_names};

/// A feature that clusters can share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Feature {
    Coauthor(u32),
    Organization(u32),
    /// Affiliations of the same organization have the same number.
    Affiliation(u32),
    Venue(u32),
    Topic(i64),
}

impl BlockClustering<'_> {
    /// Returns the weight of a name without evidence: negative for a common name.
    pub(super) fn name_prior(&self, index: usize) -> i32 {
        let form = &self.name_forms[index];
        let of_family = match form.commonness {
            Commonness::Rare => 8,
            Commonness::Common => 0,
            Commonness::VeryCommon => -8,
        };
        let of_given = match (form.has_full_given_name(), form.given_count) {
            (false, 0 | 1) => -8,
            (false, _) => -2,
            (true, 0 | 1) => 0,
            (true, _) => 4,
        };
        of_family + of_given
    }

    /// Returns the weight of a common coauthor: less for a common name.
    pub(super) fn coauthor_weight(&self, coauthor: u32) -> i32 {
        match self.vocabulary.coauthor_commonness(coauthor) {
            Commonness::Rare => 30,
            Commonness::Common => 24,
            Commonness::VeryCommon => 16,
        }
    }

    /// Returns the weight of a common feature, in tenths.
    pub(super) fn feature_weight(&self, feature: Feature) -> i32 {
        match feature {
            Feature::Coauthor(coauthor) => self.coauthor_weight(coauthor),
            Feature::Organization(_) | Feature::Affiliation(_) => 28,
            Feature::Venue(_) => 4,
            Feature::Topic(_) => 4,
        }
    }

    /// Maps each affiliation of these mentions to the first one of the same organization.
    pub(super) fn canonical_affiliations(&self, indices: &[usize]) -> HashMap<u32, u32> {
        let affiliations: BTreeSet<u32> =
            indices.iter().flat_map(|index| self.clusters.mentions()[*index].affiliations.iter().copied()).collect();
        let mut by_word: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut first: HashMap<u32, u32> = HashMap::new();
        let mut in_order: Vec<u32> = affiliations.into_iter().collect();
        in_order.sort_unstable_by_key(|affiliation| self.vocabulary.affiliation_text(*affiliation));
        for affiliation in in_order {
            let Some(words) = self.vocabulary.affiliation_words(affiliation) else { continue };
            let similar = words.distinctive_words().filter_map(|word| by_word.get(word)).flatten();
            let same = similar.copied().find(|other| {
                self.vocabulary.affiliation_words(*other).is_some_and(|other| words.is_same_organization(other))
            });
            let same = same.map(|same| first[&same]);
            first.insert(affiliation, same.unwrap_or(affiliation));
            for word in words.distinctive_words() {
                by_word.entry(word).or_default().push(affiliation);
            }
        }
        first
    }

    /// Returns the features of a cluster.
    pub(super) fn cluster_features(&self, root: usize, organizations: &HashMap<u32, u32>) -> BTreeSet<Feature> {
        let profile = self.clusters.profile(root);
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

    /// Returns the features of one mention.
    pub(super) fn mention_features(&self, index: usize, organizations: &HashMap<u32, u32>) -> BTreeSet<Feature> {
        let mention = &self.clusters.mentions()[index];
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

    /// Returns the weight of the years between the papers of two clusters: negative for a large gap.
    pub(super) fn year_gap_weight(&self, one: usize, other: usize) -> i32 {
        let (one, other) = (self.clusters.profile(one).years, self.clusters.profile(other).years);
        let Some((one, other)) = one.zip(other) else { return 0 };
        match (one.0.max(other.0) - one.1.min(other.1)).max(0) {
            0..=2 => 3,
            3..=8 => 0,
            9..=20 => -5,
            _ => -15,
        }
    }

    /// Returns the weight of two compatible names without evidence, or `None` if they are incompatible.
    pub(super) fn variant_prior(&self, one: usize, other: usize) -> Option<i32> {
        let (one, other) = (self.most_complete_name(one), self.most_complete_name(other));
        let likeness = self.name_similarity(one, other)?;
        let closeness = if likeness >= NameSimilarity::Equivalent { 4 } else { 0 };
        Some(self.name_prior(one).min(self.name_prior(other)) + closeness)
    }

    /// Returns the mention of a cluster with the most complete name.
    pub(super) fn most_complete_name(&self, root: usize) -> usize {
        let members = self.clusters.profile(root).members.iter().copied();
        members
            .max_by_key(|index| {
                (
                    self.name_forms[*index].has_full_given_name(),
                    self.name_forms[*index].given.len(),
                    &self.name_forms[*index].given,
                )
            })
            .unwrap_or(root)
    }

    /// Returns how similar two names are, or `None` if they are different.
    pub(super) fn name_similarity(&self, one: usize, other: usize) -> Option<NameSimilarity> {
        let (first, second) = (&self.name_forms[one], &self.name_forms[other]);
        if first == second {
            return Some(NameSimilarity::Same);
        }
        let likeness = compare_names(self.spellings[one], self.spellings[other]).similarity;
        (likeness > NameSimilarity::Different).then_some(likeness)
    }

    /// Returns whether any organization or affiliation of the cluster is known.
    pub(super) fn has_organization(&self, root: usize) -> bool {
        let profile = self.clusters.profile(root);
        !profile.organizations.is_empty() || !profile.affiliations.is_empty()
    }
}
