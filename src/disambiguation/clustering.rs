//! Clustering of the author mentions of one block into people.

mod explanation;
mod weights;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::disambiguation::mention::{Evidence, Mention, Vocabulary};
use crate::disambiguation::union_find::DisjointSets;
use crate::text::names::{Commonness, NameForm};

use crate::disambiguation::clustering::weights::Feature;

/// The minimum total weight of evidence for a match, in tenths. Integers make sums independent of the order of
/// addition.
const MERGE_THRESHOLD_TENTHS: i32 = 20;
/// The minimum weight of a strong feature, in tenths. Weaker features alone do not start a comparison.
const STRONG_WEIGHT_TENTHS: i32 = 10;
/// The minimum share of a name's papers for its largest cluster to receive the remaining mentions.
const DOMINANT_SHARE: f32 = 0.6;
/// The minimum number of a very common name's papers that its largest cluster has, to receive the remaining mentions, if no
/// organization is known: the coauthors of a single paper say nothing about the others.
const MIN_DOMINANT_PAPERS: usize = 2;
/// A cluster with this many papers is taken for another person of the same name.
const MIN_SUBSTANTIAL_PAPERS: usize = 3;
/// The maximum number of clusters that share a venue or a topic. More common ones are ignored.
const MAX_CLUSTERS_PER_FEATURE: usize = 64;

/// How an author was matched with a researcher. The words are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchMethod {
    /// By a manual decision.
    #[serde(rename = "DECISION")]
    Decision,
    /// By an identifier.
    #[serde(rename = "IDENTIFIER")]
    Identifier,
    /// By name and evidence.
    #[serde(rename = "EVIDENCE")]
    Evidence,
    /// By name only.
    #[serde(rename = "NAME")]
    Name,
}

/// Why a mention was assigned to a person.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchExplanation {
    /// The method of the match.
    pub method: MatchMethod,
    /// Confidence in the match, from 0 to 1.
    pub confidence: f32,
    /// Evidence for the match, strongest first.
    pub evidence: Vec<Evidence>,
}

/// A cluster of mentions that are one person.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorCluster {
    /// Indices of the mentions, ascending.
    pub members: Vec<usize>,
    /// Why each of the mentions is in the cluster.
    pub explanations: Vec<MatchExplanation>,
    /// Whether the author cannot be resolved: the same name occurs twice on the paper, and nothing else distinguishes
    /// this one.
    pub is_unresolved: bool,
}

/// Clusters the mentions of one block into people.
#[must_use]
pub fn cluster_mentions(mentions: &[Mention], known: &Vocabulary) -> Vec<AuthorCluster> {
    let mut block = BlockClustering::new(mentions, known);
    let names = block.link_within_names();
    // The same full name is stronger than a variant of it with evidence, so that remainders are assigned first.
    for indices in &names {
        block.assign_remainder(indices);
    }
    block.link_name_variants(&names);
    block.link_initials(&names);
    block.into_clusters()
}

/// The clustering of one block under way.
pub(super) struct BlockClustering<'a> {
    clusters: DisjointSets<'a>,
    /// The name of each mention as it is read, and a spelling that is read so.
    name_forms: Vec<NameForm>,
    spellings: Vec<&'a str>,
    /// Mentions that cannot be resolved.
    ambiguous: HashSet<usize>,
    vocabulary: &'a Vocabulary,
}

impl<'a> BlockClustering<'a> {
    pub(super) fn new(mentions: &'a [Mention], vocabulary: &'a Vocabulary) -> Self {
        let (name_forms, spellings) = canonical_forms(mentions);
        let ambiguous = duplicate_names_on_paper(mentions, &name_forms);
        Self { clusters: DisjointSets::new(mentions), name_forms, spellings, ambiguous, vocabulary }
    }

    /// Returns the clusters that decisions, identifiers and evidence connect.
    pub(super) fn into_linked_clusters(mut self) -> Vec<Vec<usize>> {
        let names = self.link_within_names();
        self.link_name_variants(&names);
        let all: Vec<usize> = (0..self.name_forms.len()).collect();
        let roots = self.clusters.roots(&all);
        roots.into_iter().map(|root| self.clusters.profile(root).members.clone()).collect()
    }

    /// Links mentions by decisions, identifiers, and evidence among mentions of the same name. Returns the mentions of
    /// each name.
    fn link_within_names(&mut self) -> Vec<Vec<usize>> {
        self.apply_decisions();
        self.link_profile_names();
        self.link_by_identifier();
        let mut by_name: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (index, form) in self.name_forms.iter().enumerate().filter(|(index, _)| !self.ambiguous.contains(index)) {
            by_name.entry((form.family.clone(), form.given.clone())).or_default().push(index);
        }
        let names: Vec<Vec<usize>> = by_name.into_values().collect();
        for indices in &names {
            self.link_by_evidence(indices);
        }
        names
    }

    /// Unites the mentions that decisions assigned to the same researcher.
    fn apply_decisions(&mut self) {
        let mut by_decision: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (index, mention) in self.clusters.mentions().iter().enumerate() {
            if let Some(decided) = mention.decided_researcher_id {
                by_decision.entry(decided).or_default().push(index);
            }
        }
        for indices in by_decision.into_values() {
            for pair in indices.windows(2) {
                self.clusters.force_union(pair[0], pair[1]);
            }
        }
    }

    /// Links the names that a researcher has by records or decisions, and the mentions assigned by a decision or held
    /// under one of these names.
    fn link_profile_names(&mut self) {
        let mut by_record: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (index, mention) in self.clusters.mentions().iter().enumerate() {
            if let Some(id) = mention.recorded_researcher_id.or(mention.decided_researcher_id) {
                by_record.entry(id).or_default().push(index);
            }
        }
        for mut indices in by_record.into_values() {
            let mentions = self.clusters.mentions();
            indices.sort_unstable_by_key(|index| (mentions[*index].paper.is_some(), mentions[*index].stable_key));
            for index in &indices[1..] {
                self.clusters.try_union(indices[0], *index);
            }
        }
    }

    /// Links mentions with the same ORCID iD or author id.
    fn link_by_identifier(&mut self) {
        let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, mention) in self.clusters.mentions().iter().enumerate() {
            for id in mention.orcid.iter().chain(&mention.author_ids) {
                by_id.entry(id).or_default().push(index);
            }
        }
        for mut indices in by_id.into_values() {
            indices.sort_unstable_by_key(|index| self.clusters.mentions()[*index].stable_key);
            for index in &indices[1..] {
                self.clusters.try_union(indices[0], *index);
            }
        }
    }

    /// Links the mentions of one name that share enough evidence.
    fn link_by_evidence(&mut self, indices: &[usize]) {
        if indices.len() < 2 {
            return;
        }
        let prior = self.name_prior(indices[0]);
        let organizations = self.canonical_affiliations(indices);
        // Features that suffice alone need no comparison of pairs.
        let mut by_feature = self.clusters_by_feature(indices, &organizations);
        for (feature, roots) in &by_feature {
            if prior + self.feature_weight(*feature) >= MERGE_THRESHOLD_TENTHS {
                self.union_all(roots);
            }
        }
        loop {
            by_feature = self.clusters_by_feature(indices, &organizations);
            let mut shared: HashMap<(usize, usize), i32> = HashMap::new();
            for (feature, roots) in &by_feature {
                if roots.len() > MAX_CLUSTERS_PER_FEATURE && self.feature_weight(*feature) < STRONG_WEIGHT_TENTHS {
                    continue;
                }
                for (number, one) in roots.iter().enumerate() {
                    for other in &roots[number + 1..] {
                        *shared.entry((*one, *other)).or_default() += self.feature_weight(*feature);
                    }
                }
            }
            let mut pairs: Vec<(i32, usize, usize)> = Vec::new();
            for ((one, other), weight) in shared {
                let score = prior + weight + self.year_gap_weight(one, other);
                if score >= MERGE_THRESHOLD_TENTHS {
                    pairs.push((score, one, other));
                }
            }
            if !self.union_best_first(pairs) {
                return;
            }
        }
    }

    /// Returns the features that at least two clusters share, with these clusters.
    fn clusters_by_feature(
        &mut self,
        indices: &[usize],
        organizations: &HashMap<u32, u32>,
    ) -> BTreeMap<Feature, Vec<usize>> {
        let mut by_feature: BTreeMap<Feature, Vec<usize>> = BTreeMap::new();
        for root in self.clusters.roots(indices) {
            for feature in self.cluster_features(root, organizations) {
                by_feature.entry(feature).or_default().push(root);
            }
        }
        by_feature.retain(|_, roots| roots.len() > 1);
        by_feature
    }

    /// Unites each of these clusters with the first one that it does not contradict.
    fn union_all(&mut self, roots: &[usize]) {
        let mut firsts: Vec<usize> = Vec::new();
        for root in roots {
            if !firsts.iter().any(|first| self.clusters.try_union(*first, *root)) {
                firsts.push(*root);
            }
        }
    }

    /// Unites pairs in order of score, highest first. Returns whether any were united.
    fn union_best_first(&mut self, mut pairs: Vec<(i32, usize, usize)>) -> bool {
        let key = |components: &DisjointSets<'_>, one: usize, other: usize| {
            let (one, other) = (components.profile(one).stable_key, components.profile(other).stable_key);
            (one.min(other), one.max(other))
        };
        pairs.sort_by(|one, other| {
            let keys = || key(&self.clusters, one.1, one.2).cmp(&key(&self.clusters, other.1, other.2));
            other.0.cmp(&one.0).then_with(keys)
        });
        let mut has_joined = false;
        for (_, one, other) in pairs {
            let are_apart = self.clusters.root(one) != self.clusters.root(other);
            has_joined |= are_apart && self.clusters.try_union(one, other);
        }
        has_joined
    }

    /// Links clusters of variants of a name: initials, middle names, other spellings.
    fn link_name_variants(&mut self, names: &[Vec<usize>]) {
        let mut by_initial: BTreeMap<Option<char>, Vec<usize>> = BTreeMap::new();
        for indices in names {
            by_initial.entry(self.name_forms[indices[0]].initial()).or_default().extend(indices);
        }
        for indices in by_initial.into_values() {
            let organizations = self.canonical_affiliations(&indices);
            while self.link_name_variants_once(&indices, &organizations) {}
        }
    }

    /// Links pairs of clusters with enough evidence. Returns whether any were linked.
    fn link_name_variants_once(&mut self, indices: &[usize], organizations: &HashMap<u32, u32>) -> bool {
        let by_feature = self.clusters_by_feature(indices, organizations);
        let mut shared: HashMap<(usize, usize), i32> = HashMap::new();
        for strong in [true, false] {
            for (feature, roots) in by_feature
                .iter()
                .filter(|(feature, _)| (self.feature_weight(**feature) >= STRONG_WEIGHT_TENTHS) == strong)
            {
                if !strong && roots.len() > MAX_CLUSTERS_PER_FEATURE {
                    continue;
                }
                for (number, one) in roots.iter().enumerate() {
                    for other in &roots[number + 1..] {
                        if strong {
                            *shared.entry((*one, *other)).or_default() += self.feature_weight(*feature);
                        } else if let Some(weight) = shared.get_mut(&(*one, *other)) {
                            *weight += self.feature_weight(*feature);
                        }
                    }
                }
            }
        }
        let mut pairs = Vec::new();
        for ((one, other), weight) in shared {
            let Some(prior) = self.variant_prior(one, other) else { continue };
            let score = prior + weight + self.year_gap_weight(one, other);
            if score >= MERGE_THRESHOLD_TENTHS {
                pairs.push((score, one, other));
            }
        }
        self.discard_ambiguous_initials(&mut pairs);
        self.union_best_first(pairs)
    }

    /// Removes pairs in which initials fit two different people about equally well.
    fn discard_ambiguous_initials(&self, pairs: &mut Vec<(i32, usize, usize)>) {
        /// The minimum lead of the better match, in tenths.
        const CLEAR_LEAD_TENTHS: i32 = 8;
        let mut best: HashMap<usize, Vec<(i32, usize)>> = HashMap::new();
        for (score, one, other) in pairs.iter().copied() {
            for (initial, full) in [(one, other), (other, one)] {
                if !self.name_forms[self.most_complete_name(initial)].has_full_given_name()
                    && self.name_forms[self.most_complete_name(full)].has_full_given_name()
                {
                    best.entry(initial).or_default().push((score, full));
                }
            }
        }
        let fits_another = |initial: usize, score: i32, full: usize| {
            best.get(&initial).is_some_and(|fits| {
                fits.iter().any(|(other_score, other)| {
                    *other != full
                        && score - other_score < CLEAR_LEAD_TENTHS
                        && self
                            .name_similarity(self.most_complete_name(full), self.most_complete_name(*other))
                            .is_none()
                })
            })
        };
        pairs.retain(|(score, one, other)| !fits_another(*one, *score, *other) && !fits_another(*other, *score, *one));
    }

    /// Assigns the remaining mentions of a name to its largest cluster, unless the name is common or other clusters are
    /// large too. Mentions with nothing but a name do not count for another person.
    fn assign_remainder(&mut self, indices: &[usize]) {
        let roots = self.clusters.roots(indices);
        let form = &self.name_forms[indices[0]];
        if roots.len() < 2 || !form.has_full_given_name() {
            return;
        }
        // If identifiers distinguish several people of this name, the name alone is not enough for a match.
        let are_distinct =
            |one: &usize, other: &usize| self.clusters.profile(*one).is_distinct_from(self.clusters.profile(*other));
        if roots
            .iter()
            .enumerate()
            .any(|(number, one)| roots[number + 1..].iter().any(|other| are_distinct(one, other)))
        {
            return;
        }
        let commonness = form.commonness;
        let (bare, mut supported): (Vec<usize>, Vec<usize>) =
            roots.into_iter().partition(|root| self.clusters.profile(*root).has_no_evidence());
        let size = |block: &Self, root: usize| block.clusters.profile(root).members.len();
        supported.sort_by_key(|root| Reverse(size(self, *root)));
        let all: usize = supported.iter().map(|root| size(self, *root)).sum();
        let Some(first) = supported.first().or(bare.first()).copied() else { return };
        let second = supported.get(1).map_or(0, |root| size(self, *root));
        let is_one_person = match commonness {
            // Different organizations are weak evidence against.
            Commonness::Rare => {
                second < MIN_SUBSTANTIAL_PAPERS || !supported.iter().all(|root| self.has_organization(*root))
            }
            Commonness::Common => second < 2 && supported.len() < 4,
            Commonness::VeryCommon => false,
        };
        let is_dominant = |root: usize| {
            let profile = self.clusters.profile(root);
            let is_known = commonness != Commonness::VeryCommon
                || profile.papers.len() >= MIN_DOMINANT_PAPERS
                || self.has_organization(root)
                || !profile.recorded_researcher_ids.is_empty()
                || !profile.decided_researcher_ids.is_empty();
            is_known && profile.members.len() as f32 >= DOMINANT_SHARE * all as f32
        };
        let is_dominated = supported.is_empty() || is_one_person || is_dominant(first);
        let rest = if is_one_person { supported } else { Vec::new() };
        for root in rest.into_iter().chain(bare.into_iter().filter(|_| is_dominated)) {
            self.clusters.try_union(first, root);
        }
    }

    /// Links initials with a rare family name to the only person whose name they fit.
    fn link_initials(&mut self, names: &[Vec<usize>]) {
        let mut fits: Vec<(usize, usize)> = Vec::new();
        for initials in names.iter().filter(|indices| {
            let form = &self.name_forms[indices[0]];
            form.commonness == Commonness::Rare && !form.has_full_given_name() && form.initial().is_some()
        }) {
            let (initial, rarely) = (self.name_forms[initials[0]].initial(), initials[0]);
            let fitting: Vec<usize> = names
                .iter()
                .filter(|indices| {
                    self.name_forms[indices[0]].has_full_given_name()
                        && self.name_forms[indices[0]].initial() == initial
                })
                .filter(|indices| self.name_similarity(rarely, indices[0]).is_some())
                .flatten()
                .copied()
                .collect();
            if let [only] = self.clusters.roots(&fitting)[..] {
                fits.extend(initials.iter().map(|index| (*index, only)));
            }
        }
        for (initial, only) in fits {
            self.clusters.try_union(only, initial);
        }
    }
}

/// Returns one reading of each name: names with the same letters are read alike. "E. J." shows that "EJ" are initials;
/// of other readings, the one with the longer first name is used, which fits fewer other names.
fn canonical_forms(mentions: &[Mention]) -> (Vec<NameForm>, Vec<&str>) {
    let own: Vec<NameForm> = mentions.iter().map(|mention| NameForm::new(&mention.name)).collect();
    let letters = |form: &NameForm| (form.family.clone(), form.given.clone());
    let order = |index: usize| {
        let form: &NameForm = &own[index];
        (form.has_full_given_name(), Reverse(form.first_given.chars().count()), mentions[index].name.as_str())
    };
    let mut chosen: HashMap<(String, String), usize> = HashMap::new();
    for (index, form) in own.iter().enumerate() {
        let first = chosen.entry(letters(form)).or_insert(index);
        if order(index) < order(*first) {
            *first = index;
        }
    }
    let chosen = own.iter().map(|form| chosen[&letters(form)]);
    chosen.map(|index| (own[index].clone(), mentions[index].name.as_str())).unzip()
}

/// Returns mentions whose name occurs again on the same paper without anything that distinguishes them: two people, or
/// an error. The first of them is kept, or none if identifiers or decisions resolve another one of the same name.
fn duplicate_names_on_paper(mentions: &[Mention], forms: &[NameForm]) -> HashSet<usize> {
    let is_identified = |mention: &Mention| {
        mention.orcid.is_some() || !mention.author_ids.is_empty() || mention.decided_researcher_id.is_some()
    };
    let on_papers =
        || mentions.iter().enumerate().filter_map(|(index, mention)| Some((index, mention, mention.paper?)));
    let identified = on_papers().filter(|(_, mention, _)| is_identified(mention));
    let mut seen: HashSet<(i64, &NameForm)> = identified.map(|(index, _, paper)| (paper, &forms[index])).collect();
    let unidentified = on_papers().filter(|(_, mention, _)| !is_identified(mention));
    unidentified.filter(|(index, _, paper)| !seen.insert((*paper, &forms[*index]))).map(|(index, ..)| index).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Names of one block whose readings contradict each other.
    const NAMES: [&str; 9] =
        ["Yi Ma", "Yi-An Ma", "Yian Ma", "Y. Ma", "Y. A. Ma", "YA Ma", "Yi An Ma", "Ma Yi", "Yi-an Ma"];
    const COAUTHORS: [&str; 5] = ["Ida Brook", "Tom Ford", "Wei Wang", "John Smith", "Li Zhang"];

    #[derive(Clone, Debug)]
    struct PaperSample {
        name: usize,
        coauthors: Vec<usize>,
        venue: usize,
        year: i32,
    }

    fn paper_sample() -> impl Strategy<Value = PaperSample> {
        (0..NAMES.len(), proptest::collection::vec(0..COAUTHORS.len(), 0..3), 0..3_usize, 1990..2030)
            .prop_map(|(name, coauthors, venue, year)| PaperSample { name, coauthors, venue, year })
    }

    /// Returns the clusters of papers with explanations, if the papers are imported in the given order.
    fn explained_clusters(papers: &[PaperSample], order: &[usize]) -> BTreeSet<BTreeMap<usize, String>> {
        let mut vocabulary = Vocabulary::default();
        let mentions: Vec<Mention> = order
            .iter()
            .map(|number| {
                let paper = &papers[*number];
                Mention {
                    name: NAMES[paper.name].to_owned(),
                    paper: i64::try_from(*number).ok(),
                    coauthors: paper
                        .coauthors
                        .iter()
                        .map(|coauthor| vocabulary.intern_coauthor(COAUTHORS[*coauthor]))
                        .collect(),
                    venue: Some(vocabulary.intern_venue(&format!("Venue {}", paper.venue))),
                    years: Some((paper.year, paper.year)),
                    stable_key: *number as u64,
                    ..Mention::default()
                }
            })
            .collect();
        let explained = |person: AuthorCluster| {
            let indices = person.members.iter().zip(&person.explanations);
            indices.map(|(index, explanation)| (order[*index], format!("{explanation:?}"))).collect()
        };
        cluster_mentions(&mentions, &vocabulary).into_iter().map(explained).collect()
    }

    #[test]
    fn common_names_alone() {
        let mention = |paper: i64, coauthor: Option<u32>| Mention {
            name: "Wei Zhang".to_owned(),
            paper: Some(paper),
            coauthors: coauthor.into_iter().collect(),
            stable_key: paper.unsigned_abs(),
            ..Mention::default()
        };
        let mut vocabulary = Vocabulary::default();
        let brook = vocabulary.intern_coauthor("Ida Brook");
        let people = |mentions: &[Mention]| cluster_mentions(mentions, &vocabulary).len();
        // One paper with a coauthor is not most of the papers, two are.
        assert_eq!(people(&[mention(1, Some(brook)), mention(2, None)]), 2);
        assert_eq!(people(&[mention(1, Some(brook)), mention(2, Some(brook)), mention(3, None)]), 1);
        let record = Mention { recorded_researcher_id: Some(7), ..mention(1, Some(brook)) };
        assert_eq!(people(&[record, mention(2, None)]), 1);
    }

    proptest! {
        #[test]
        fn result_does_not_depend_on_order(
            (papers, order) in proptest::collection::vec(paper_sample(), 1..16).prop_flat_map(|papers| {
                let order: Vec<usize> = (0..papers.len()).collect();
                (Just(papers), Just(order).prop_shuffle())
            })
        ) {
            let in_order: Vec<usize> = (0..papers.len()).collect();
            prop_assert_eq!(explained_clusters(&papers, &in_order), explained_clusters(&papers, &order));
        }
    }
}
