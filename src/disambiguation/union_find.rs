//! Mentions that are put together step by step, never against contrary evidence.

use std::collections::{BTreeMap, BTreeSet};

use crate::disambiguation::LONGEST_CAREER;
use crate::disambiguation::mention::Mention;

/// Groups of mentions, each of one person as far as is known.
pub(super) struct Components<'a> {
    mentions: &'a [Mention],
    parents: Vec<usize>,
    profiles: Vec<Profile>,
}

/// What is known of all mentions of a group together.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    /// By their places, in no order.
    pub members: Vec<usize>,
    pub papers: BTreeSet<i64>,
    pub orcids: BTreeSet<String>,
    pub decided: BTreeSet<i64>,
    pub records: BTreeSet<i64>,
    pub author_ids: BTreeSet<String>,
    pub years: Option<(i32, i32)>,
    /// With the number of papers.
    pub coauthors: BTreeMap<u32, u32>,
    pub organizations: BTreeSet<u32>,
    pub affiliations: BTreeSet<u32>,
    pub venues: BTreeSet<u32>,
    pub topics: BTreeSet<i64>,
    pub stable_key: u64,
}

impl Profile {
    fn of(place: usize, mention: &Mention) -> Self {
        Self {
            members: vec![place],
            papers: mention.paper.into_iter().collect(),
            orcids: mention.orcid.iter().cloned().collect(),
            decided: mention.decided.into_iter().collect(),
            records: mention.record_of.into_iter().collect(),
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

    /// Whether nothing is known that speaks for or against anybody.
    pub fn is_bare(&self) -> bool {
        let is_identified = !self.orcids.is_empty() || !self.author_ids.is_empty();
        !is_identified && self.coauthors.is_empty() && self.organizations.is_empty() && self.affiliations.is_empty()
    }

    /// Whether ids, records or decisions say that another group is somebody else.
    pub fn is_told_from(&self, other: &Self) -> bool {
        let is_two = |one: &BTreeSet<i64>, other: &BTreeSet<i64>| !one.is_empty() && !other.is_empty() && one != other;
        let have_two_orcids = !self.orcids.is_empty() && !other.orcids.is_empty() && self.orcids != other.orcids;
        is_two(&self.decided, &other.decided) || is_two(&self.records, &other.records) || have_two_orcids
    }

    /// Whether another group cannot be the same person.
    pub fn contradicts(&self, other: &Self) -> bool {
        let (small, large) = if self.papers.len() < other.papers.len() { (self, other) } else { (other, self) };
        let career = self.years.zip(other.years).map(|(one, other)| one.1.max(other.1) - one.0.min(other.0));
        self.is_told_from(other)
            || career.is_some_and(|years| years > LONGEST_CAREER)
            || small.papers.iter().any(|paper| large.papers.contains(paper))
    }

    fn absorb(&mut self, other: Self) {
        self.members.extend(other.members);
        self.papers.extend(other.papers);
        self.orcids.extend(other.orcids);
        self.decided.extend(other.decided);
        self.records.extend(other.records);
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

impl<'a> Components<'a> {
    pub fn new(mentions: &'a [Mention]) -> Self {
        let profiles = mentions.iter().enumerate().map(|(place, mention)| Profile::of(place, mention)).collect();
        Self { mentions, parents: (0..mentions.len()).collect(), profiles }
    }

    pub fn mentions(&self) -> &'a [Mention] {
        self.mentions
    }

    /// The group that a mention is in.
    pub fn root(&mut self, place: usize) -> usize {
        let mut root = place;
        while self.parents[root] != root {
            self.parents[root] = self.parents[self.parents[root]];
            root = self.parents[root];
        }
        root
    }

    pub fn profile(&self, root: usize) -> &Profile {
        &self.profiles[root]
    }

    /// The groups that mentions are in, each once, in an order that does not depend on that of the mentions.
    pub fn roots(&mut self, places: &[usize]) -> Vec<usize> {
        let mut roots: Vec<usize> = places.iter().map(|place| self.root(*place)).collect();
        roots.sort_unstable_by_key(|root| (self.profiles[*root].stable_key, *root));
        roots.dedup();
        roots
    }

    /// Puts two groups together, unless something speaks against it. Tells whether they are together now.
    pub fn join(&mut self, one: usize, other: usize) -> bool {
        let (one, other) = (self.root(one), self.root(other));
        if one == other {
            return true;
        }
        if self.profiles[one].contradicts(&self.profiles[other]) {
            return false;
        }
        self.put_together(one, other);
        true
    }

    /// Puts two groups together, whatever speaks against it: people decided so.
    pub fn decide(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.put_together(one, other);
        }
    }

    fn put_together(&mut self, one: usize, other: usize) {
        let is_larger = self.profiles[one].members.len() >= self.profiles[other].members.len();
        let (into, from) = if is_larger { (one, other) } else { (other, one) };
        self.parents[from] = into;
        let absorbed = std::mem::take(&mut self.profiles[from]);
        self.profiles[into].absorb(absorbed);
    }
}
