//! Disjoint sets of mentions (union-find), which are never united against contrary evidence.

use std::collections::{BTreeMap, BTreeSet};

use crate::disambiguation::MAX_CAREER_YEARS;
use crate::disambiguation::mention::Mention;

/// Disjoint sets of author mentions. Each set is assumed to be one person.
pub(super) struct DisjointSets<'a> {
    mentions: &'a [Mention],
    parents: Vec<usize>,
    profiles: Vec<ClusterProfile>,
}

/// The combined data of all mentions of a set.
#[derive(Clone, Debug, Default)]
pub(super) struct ClusterProfile {
    /// Indices of the mentions, in no order.
    pub members: Vec<usize>,
    pub papers: BTreeSet<i64>,
    pub orcids: BTreeSet<String>,
    pub decided_researcher_ids: BTreeSet<i64>,
    pub recorded_researcher_ids: BTreeSet<i64>,
    pub author_ids: BTreeSet<String>,
    pub years: Option<(i32, i32)>,
    /// Coauthors with the number of common papers.
    pub coauthors: BTreeMap<u32, u32>,
    pub organizations: BTreeSet<u32>,
    pub affiliations: BTreeSet<u32>,
    pub venues: BTreeSet<u32>,
    pub topics: BTreeSet<i64>,
    pub stable_key: u64,
}

impl ClusterProfile {
    fn from_mention(index: usize, mention: &Mention) -> Self {
        Self {
            members: vec![index],
            papers: mention.paper.into_iter().collect(),
            orcids: mention.orcid.iter().cloned().collect(),
            decided_researcher_ids: mention.decided_researcher_id.into_iter().collect(),
            recorded_researcher_ids: mention.recorded_researcher_id.into_iter().collect(),
            author_ids: mention.author_ids.iter().cloned().collect(),
            years: mention.years,
            coauthors: mention.coauthors.iter().map(|coauthor| (*coauthor, 1)).collect(),
            organizations: mention.organizations.iter().copied().collect(),
            affiliations: mention.affiliations.iter().copied().collect(),
            venues: mention.venue.into_iter().collect(),
            topics: mention.topics.iter().copied().collect(),
            stable_key: mention.stable_key,
        }
    }

    /// Returns whether only the name is known: no identifier, coauthor, organization or affiliation.
    pub fn has_no_evidence(&self) -> bool {
        let is_identified = !self.orcids.is_empty() || !self.author_ids.is_empty();
        !is_identified && self.coauthors.is_empty() && self.organizations.is_empty() && self.affiliations.is_empty()
    }

    /// Returns whether ids, records or decisions say that the other set is another person.
    pub fn is_distinct_from(&self, other: &Self) -> bool {
        let is_two = |one: &BTreeSet<i64>, other: &BTreeSet<i64>| !one.is_empty() && !other.is_empty() && one != other;
        let have_two_orcids = !self.orcids.is_empty() && !other.orcids.is_empty() && self.orcids != other.orcids;
        is_two(&self.decided_researcher_ids, &other.decided_researcher_ids)
            || is_two(&self.recorded_researcher_ids, &other.recorded_researcher_ids)
            || have_two_orcids
    }

    /// Returns whether the other set cannot be the same person.
    pub fn contradicts(&self, other: &Self) -> bool {
        let (small, large) = if self.papers.len() < other.papers.len() { (self, other) } else { (other, self) };
        let career = self.years.zip(other.years).map(|(one, other)| one.1.max(other.1) - one.0.min(other.0));
        self.is_distinct_from(other)
            || career.is_some_and(|years| years > MAX_CAREER_YEARS)
            || small.papers.iter().any(|paper| large.papers.contains(paper))
    }

    /// Adds the data of another set.
    fn merge(&mut self, other: Self) {
        self.members.extend(other.members);
        self.papers.extend(other.papers);
        self.orcids.extend(other.orcids);
        self.decided_researcher_ids.extend(other.decided_researcher_ids);
        self.recorded_researcher_ids.extend(other.recorded_researcher_ids);
        self.author_ids.extend(other.author_ids);
        self.years = match (self.years, other.years) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        };
        for (coauthor, papers) in other.coauthors {
            *self.coauthors.entry(coauthor).or_default() += papers;
        }
        self.organizations.extend(other.organizations);
        self.affiliations.extend(other.affiliations);
        self.venues.extend(other.venues);
        self.topics.extend(other.topics);
        self.stable_key = self.stable_key.min(other.stable_key);
    }
}

impl<'a> DisjointSets<'a> {
    pub fn new(mentions: &'a [Mention]) -> Self {
        let profiles =
            mentions.iter().enumerate().map(|(index, mention)| ClusterProfile::from_mention(index, mention)).collect();
        Self { mentions, parents: (0..mentions.len()).collect(), profiles }
    }

    pub fn mentions(&self) -> &'a [Mention] {
        self.mentions
    }

    /// Returns the root of the set that contains a mention.
    pub fn root(&mut self, index: usize) -> usize {
        let mut root = index;
        while self.parents[root] != root {
            self.parents[root] = self.parents[self.parents[root]];
            root = self.parents[root];
        }
        root
    }

    /// Returns the combined data of the set with this root.
    pub fn profile(&self, root: usize) -> &ClusterProfile {
        &self.profiles[root]
    }

    /// Returns the distinct roots of mentions, in an order that does not depend on the order of the mentions.
    pub fn roots(&mut self, indices: &[usize]) -> Vec<usize> {
        let mut roots: Vec<usize> = indices.iter().map(|index| self.root(*index)).collect();
        roots.sort_unstable_by_key(|root| (self.profiles[*root].stable_key, *root));
        roots.dedup();
        roots
    }

    /// Unites two sets unless there is contrary evidence. Returns whether they are united now.
    pub fn try_union(&mut self, one: usize, other: usize) -> bool {
        let (one, other) = (self.root(one), self.root(other));
        if one == other {
            return true;
        }
        if self.profiles[one].contradicts(&self.profiles[other]) {
            return false;
        }
        self.union(one, other);
        true
    }

    /// Unites two sets regardless of contrary evidence, because of a manual decision.
    pub fn force_union(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.union(one, other);
        }
    }

    /// Unites two sets by size.
    fn union(&mut self, one: usize, other: usize) {
        let is_larger = self.profiles[one].members.len() >= self.profiles[other].members.len();
        let (into, from) = if is_larger { (one, other) } else { (other, one) };
        self.parents[from] = into;
        let absorbed = std::mem::take(&mut self.profiles[from]);
        self.profiles[into].merge(absorbed);
    }
}
