//! Which mentions are of one person.

mod explanation;
mod weights;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::disambiguation::mention::{Evidence, Known, Mention};
use crate::disambiguation::union_find::Components;
use crate::text::names::{Commonness, Form};

use crate::disambiguation::clustering::weights::Feature;

/// Evidence that has this weight together joins. Weights are tenths: sums are the same in whatever order they are added.
const ENOUGH: i32 = 20;
/// What weighs less says little alone.
const STRONG: i32 = 10;
/// A person's smaller groups are taken for theirs where the largest has this part of all of the name.
const DOMINANT: f32 = 0.6;
/// A group of so many papers elsewhere is somebody else of the same name.
const SUBSTANTIAL: usize = 3;
/// A venue or a topic that more groups of a name share tells nothing.
const MOST_SHARING: usize = 64;

/// How somebody was found to be the author; serialized as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Method {
    /// People decided it.
    Decision,
    /// By an id.
    Identifier,
    /// By the name and evidence.
    Evidence,
    /// By the name alone.
    Name,
}

/// Why a mention is of a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    /// How it was found.
    pub method: Method,
    /// How likely it is to be right, from 0 to 1.
    pub confidence: f32,
    /// What speaks for it, strongest first.
    pub evidence: Vec<Evidence>,
}

/// A person, by their mentions.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The places of the mentions, in their order.
    pub members: Vec<usize>,
    /// Why each of them is there.
    pub resolutions: Vec<Resolution>,
    /// Whether nobody can tell who it is: the same name is on the paper twice, and nothing else is known of this one.
    pub is_open: bool,
}

/// Tells the people behind the mentions of one block of names.
#[must_use]
pub fn resolve(mentions: &[Mention], known: &Known) -> Vec<Person> {
    let mut block = Block::new(mentions, known);
    let names = block.join_within_names();
    // The same full name tells more than a form of it with evidence.
    for places in &names {
        block.join_the_rest(places);
    }
    block.join_variants(&names);
    block.join_initials(&names);
    block.people()
}

/// The mentions of one block of names, as they are put together.
pub(super) struct Block<'a> {
    components: Components<'a>,
    /// How the name of each mention is read, and a spelling that is read so.
    forms: Vec<Form>,
    spellings: Vec<&'a str>,
    /// Mentions of which nobody can tell whose they are.
    set_aside: HashSet<usize>,
    known: &'a Known,
}

impl<'a> Block<'a> {
    pub(super) fn new(mentions: &'a [Mention], known: &'a Known) -> Self {
        let (forms, spellings) = readings(mentions);
        let set_aside = doubled(mentions, &forms);
        Self { components: Components::new(mentions), forms, spellings, set_aside, known }
    }

    /// The groups of mentions that decisions, ids and evidence link.
    pub(super) fn linked(mut self) -> Vec<Vec<usize>> {
        let names = self.join_within_names();
        self.join_variants(&names);
        let all: Vec<usize> = (0..self.forms.len()).collect();
        let roots = self.components.roots(&all);
        roots.into_iter().map(|root| self.components.profile(root).members.clone()).collect()
    }

    /// Joins by decisions, ids, and what mentions of the same name share. Gives the mentions of each name.
    fn join_within_names(&mut self) -> Vec<Vec<usize>> {
        self.join_decided();
        self.join_recorded();
        self.join_identified();
        let mut by_name: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (place, form) in self.forms.iter().enumerate().filter(|(place, _)| !self.set_aside.contains(place)) {
            by_name.entry((form.family.clone(), form.given.clone())).or_default().push(place);
        }
        let names: Vec<Vec<usize>> = by_name.into_values().collect();
        for places in &names {
            self.join_by_evidence(places);
        }
        names
    }

    fn join_decided(&mut self) {
        let mut by_decision: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (place, mention) in self.components.mentions().iter().enumerate() {
            if let Some(decided) = mention.decided {
                by_decision.entry(decided).or_default().push(place);
            }
        }
        for places in by_decision.into_values() {
            for pair in places.windows(2) {
                self.components.decide(pair[0], pair[1]);
            }
        }
    }

    /// Joins the names that one person has by records or decisions, and what is theirs by a decision or under one of the names.
    fn join_recorded(&mut self) {
        let mut by_record: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (place, mention) in self.components.mentions().iter().enumerate() {
            if let Some(id) = mention.record_of.or(mention.decided) {
                by_record.entry(id).or_default().push(place);
            }
        }
        for mut places in by_record.into_values() {
            let mentions = self.components.mentions();
            places.sort_unstable_by_key(|place| (mentions[*place].paper.is_some(), mentions[*place].stable_key));
            for place in &places[1..] {
                self.components.join(places[0], *place);
            }
        }
    }

    fn join_identified(&mut self) {
        let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, mention) in self.components.mentions().iter().enumerate() {
            for id in mention.orcid.iter().chain(&mention.author_ids) {
                by_id.entry(id).or_default().push(place);
            }
        }
        for mut places in by_id.into_values() {
            places.sort_unstable_by_key(|place| self.components.mentions()[*place].stable_key);
            for place in &places[1..] {
                self.components.join(places[0], *place);
            }
        }
    }

    /// Joins the mentions of one name that share enough.
    fn join_by_evidence(&mut self, places: &[usize]) {
        if places.len() < 2 {
            return;
        }
        let prior = self.prior(places[0]);
        let organizations = self.organizations_of(places);
        // What is enough alone needs no pairs.
        let mut by_feature = self.by_feature(places, &organizations);
        for (feature, roots) in &by_feature {
            if prior + self.weight(*feature) >= ENOUGH {
                self.join_all(roots);
            }
        }
        loop {
            by_feature = self.by_feature(places, &organizations);
            let mut shared: HashMap<(usize, usize), i32> = HashMap::new();
            for (feature, roots) in &by_feature {
                if roots.len() > MOST_SHARING && self.weight(*feature) < STRONG {
                    continue;
                }
                for (number, one) in roots.iter().enumerate() {
                    for other in &roots[number + 1..] {
                        *shared.entry((*one, *other)).or_default() += self.weight(*feature);
                    }
                }
            }
            let mut pairs: Vec<(i32, usize, usize)> = Vec::new();
            for ((one, other), weight) in shared {
                let score = prior + weight + self.years_weight(one, other);
                if score >= ENOUGH {
                    pairs.push((score, one, other));
                }
            }
            if !self.join_best_first(pairs) {
                return;
            }
        }
    }

    fn by_feature(&mut self, places: &[usize], organizations: &HashMap<u32, u32>) -> BTreeMap<Feature, Vec<usize>> {
        let mut by_feature: BTreeMap<Feature, Vec<usize>> = BTreeMap::new();
        for root in self.components.roots(places) {
            for feature in self.features(root, organizations) {
                by_feature.entry(feature).or_default().push(root);
            }
        }
        by_feature.retain(|_, roots| roots.len() > 1);
        by_feature
    }

    /// Joins all of these as far as they do not contradict each other: each with the first that it can.
    fn join_all(&mut self, roots: &[usize]) {
        let mut firsts: Vec<usize> = Vec::new();
        for root in roots {
            if !firsts.iter().any(|first| self.components.join(*first, *root)) {
                firsts.push(*root);
            }
        }
    }

    fn join_best_first(&mut self, mut pairs: Vec<(i32, usize, usize)>) -> bool {
        let key = |components: &Components<'_>, one: usize, other: usize| {
            let (one, other) = (components.profile(one).stable_key, components.profile(other).stable_key);
            (one.min(other), one.max(other))
        };
        pairs.sort_by(|one, other| {
            let keys = || key(&self.components, one.1, one.2).cmp(&key(&self.components, other.1, other.2));
            other.0.cmp(&one.0).then_with(keys)
        });
        let mut has_joined = false;
        for (_, one, other) in pairs {
            let are_apart = self.components.root(one) != self.components.root(other);
            has_joined |= are_apart && self.components.join(one, other);
        }
        has_joined
    }

    /// Joins groups of different forms of one name: an initial with the name, with and without a middle name, other spellings.
    fn join_variants(&mut self, names: &[Vec<usize>]) {
        let mut by_initial: BTreeMap<Option<char>, Vec<usize>> = BTreeMap::new();
        for places in names {
            by_initial.entry(self.forms[places[0]].initial()).or_default().extend(places);
        }
        for places in by_initial.into_values() {
            let organizations = self.organizations_of(&places);
            while self.join_variants_once(&places, &organizations) {}
        }
    }

    fn join_variants_once(&mut self, places: &[usize], organizations: &HashMap<u32, u32>) -> bool {
        let by_feature = self.by_feature(places, organizations);
        let mut shared: HashMap<(usize, usize), i32> = HashMap::new();
        for strong in [true, false] {
            for (feature, roots) in
                by_feature.iter().filter(|(feature, _)| (self.weight(**feature) >= STRONG) == strong)
            {
                if !strong && roots.len() > MOST_SHARING {
                    continue;
                }
                for (number, one) in roots.iter().enumerate() {
                    for other in &roots[number + 1..] {
                        if strong {
                            *shared.entry((*one, *other)).or_default() += self.weight(*feature);
                        } else if let Some(weight) = shared.get_mut(&(*one, *other)) {
                            *weight += self.weight(*feature);
                        }
                    }
                }
            }
        }
        let mut pairs = Vec::new();
        for ((one, other), weight) in shared {
            let Some(prior) = self.prior_of_variants(one, other) else { continue };
            let score = prior + weight + self.years_weight(one, other);
            if score >= ENOUGH {
                pairs.push((score, one, other));
            }
        }
        self.leave_undecided(&mut pairs);
        self.join_best_first(pairs)
    }

    /// Whom an initial stands for is open where two people fit about as well who are not one.
    fn leave_undecided(&self, pairs: &mut Vec<(i32, usize, usize)>) {
        const CLEARLY: i32 = 8;
        let mut best: HashMap<usize, Vec<(i32, usize)>> = HashMap::new();
        for (score, one, other) in pairs.iter().copied() {
            for (initial, full) in [(one, other), (other, one)] {
                if !self.forms[self.fullest(initial)].is_full() && self.forms[self.fullest(full)].is_full() {
                    best.entry(initial).or_default().push((score, full));
                }
            }
        }
        let is_open = |initial: usize, score: i32, full: usize| {
            best.get(&initial).is_some_and(|fits| {
                fits.iter().any(|(beside, other)| {
                    *other != full
                        && score - beside < CLEARLY
                        && self.likeness(self.fullest(full), self.fullest(*other)).is_none()
                })
            })
        };
        pairs.retain(|(score, one, other)| !is_open(*one, *score, *other) && !is_open(*other, *score, *one));
    }

    /// What is left of a name goes to the one person who has most of it, unless the name is common or others have much of it
    /// too. Mentions of which nothing is known but the name speak for nobody else.
    fn join_the_rest(&mut self, places: &[usize]) {
        let roots = self.components.roots(places);
        let form = &self.forms[places[0]];
        if roots.len() < 2 || !form.is_full() {
            return;
        }
        // Where ids tell several people of the name, the name tells nobody.
        let are_told_apart =
            |one: &usize, other: &usize| self.components.profile(*one).is_told_from(self.components.profile(*other));
        if roots
            .iter()
            .enumerate()
            .any(|(number, one)| roots[number + 1..].iter().any(|other| are_told_apart(one, other)))
        {
            return;
        }
        let commonness = form.commonness;
        let (bare, mut known): (Vec<usize>, Vec<usize>) =
            roots.into_iter().partition(|root| self.components.profile(*root).is_bare());
        let size = |block: &Self, root: usize| block.components.profile(root).members.len();
        known.sort_by_key(|root| Reverse(size(self, *root)));
        let all: usize = known.iter().map(|root| size(self, *root)).sum();
        let Some(first) = known.first().or(bare.first()).copied() else { return };
        let second = known.get(1).map_or(0, |root| size(self, *root));
        let is_taken = match commonness {
            // Organizations that are not the same speak against it, a little.
            Commonness::Rare => second < SUBSTANTIAL || !known.iter().all(|root| self.has_organization(*root)),
            Commonness::Common => second < 2 && known.len() < 4,
            Commonness::VeryCommon => false,
        };
        let is_dominated = known.is_empty() || is_taken || size(self, first) as f32 >= DOMINANT * all as f32;
        let rest = if is_taken { known } else { Vec::new() };
        for root in rest.into_iter().chain(bare.into_iter().filter(|_| is_dominated)) {
            self.components.join(first, root);
        }
    }

    /// Initials of a rare family name go to the only person whose name they fit.
    fn join_initials(&mut self, names: &[Vec<usize>]) {
        let mut fits: Vec<(usize, usize)> = Vec::new();
        for initials in names.iter().filter(|places| {
            let form = &self.forms[places[0]];
            form.commonness == Commonness::Rare && !form.is_full() && form.initial().is_some()
        }) {
            let (initial, rarely) = (self.forms[initials[0]].initial(), initials[0]);
            let fitting: Vec<usize> = names
                .iter()
                .filter(|places| self.forms[places[0]].is_full() && self.forms[places[0]].initial() == initial)
                .filter(|places| self.likeness(rarely, places[0]).is_some())
                .flatten()
                .copied()
                .collect();
            if let [only] = self.components.roots(&fitting)[..] {
                fits.extend(initials.iter().map(|place| (*place, only)));
            }
        }
        for (initial, only) in fits {
            self.components.join(only, initial);
        }
    }
}

/// How names are read: those of the same letters alike. "E. J." says that "EJ" are initials; of other readings the one with
/// the longer first name counts, which fits fewer others.
fn readings(mentions: &[Mention]) -> (Vec<Form>, Vec<&str>) {
    let own: Vec<Form> = mentions.iter().map(|mention| Form::new(&mention.name)).collect();
    let letters = |form: &Form| (form.family.clone(), form.given.clone());
    let order = |place: usize| {
        let form: &Form = &own[place];
        (form.is_full(), Reverse(form.first.chars().count()), mentions[place].name.as_str())
    };
    let mut chosen: HashMap<(String, String), usize> = HashMap::new();
    for (place, form) in own.iter().enumerate() {
        let first = chosen.entry(letters(form)).or_insert(place);
        if order(place) < order(*first) {
            *first = place;
        }
    }
    let chosen = own.iter().map(|form| chosen[&letters(form)]);
    chosen.map(|place| (own[place].clone(), mentions[place].name.as_str())).unzip()
}

/// Names that stand on a paper again, where nothing tells the places apart: two people, or a mistake. Only the first is looked at,
/// and none where ids or decisions tell whose another of the places is.
fn doubled(mentions: &[Mention], forms: &[Form]) -> HashSet<usize> {
    let is_told =
        |mention: &Mention| mention.orcid.is_some() || !mention.author_ids.is_empty() || mention.decided.is_some();
    let on_papers =
        || mentions.iter().enumerate().filter_map(|(place, mention)| Some((place, mention, mention.paper?)));
    let told = on_papers().filter(|(_, mention, _)| is_told(mention));
    let mut seen: HashSet<(i64, &Form)> = told.map(|(place, _, paper)| (paper, &forms[place])).collect();
    let untold = on_papers().filter(|(_, mention, _)| !is_told(mention));
    untold.filter(|(place, _, paper)| !seen.insert((*paper, &forms[*place]))).map(|(place, ..)| place).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Names of one block, read in ways that contradict each other.
    const NAMES: [&str; 9] =
        ["Yi Ma", "Yi-An Ma", "Yian Ma", "Y. Ma", "Y. A. Ma", "YA Ma", "Yi An Ma", "Ma Yi", "Yi-an Ma"];
    const COAUTHORS: [&str; 5] = ["Ida Brook", "Tom Ford", "Wei Wang", "John Smith", "Li Zhang"];

    #[derive(Clone, Debug)]
    struct Written {
        name: usize,
        coauthors: Vec<usize>,
        venue: usize,
        year: i32,
    }

    fn written() -> impl Strategy<Value = Written> {
        (0..NAMES.len(), proptest::collection::vec(0..COAUTHORS.len(), 0..3), 0..3_usize, 1990..2030)
            .prop_map(|(name, coauthors, venue, year)| Written { name, coauthors, venue, year })
    }

    /// Who wrote which papers, and why, where they come in an order.
    fn people(papers: &[Written], order: &[usize]) -> BTreeSet<BTreeMap<usize, String>> {
        let mut known = Known::default();
        let mentions: Vec<Mention> = order
            .iter()
            .map(|number| {
                let paper = &papers[*number];
                Mention {
                    name: NAMES[paper.name].to_owned(),
                    paper: i64::try_from(*number).ok(),
                    coauthors: paper.coauthors.iter().map(|coauthor| known.coauthor(COAUTHORS[*coauthor])).collect(),
                    venue: Some(known.venue(&format!("Venue {}", paper.venue))),
                    years: Some((paper.year, paper.year)),
                    stable_key: *number as u64,
                    ..Mention::default()
                }
            })
            .collect();
        let told = |person: Person| {
            let places = person.members.iter().zip(&person.resolutions);
            places.map(|(place, resolution)| (order[*place], format!("{resolution:?}"))).collect()
        };
        resolve(&mentions, &known).into_iter().map(told).collect()
    }

    proptest! {
        #[test]
        fn the_same_in_any_order(
            (papers, order) in proptest::collection::vec(written(), 1..16).prop_flat_map(|papers| {
                let order: Vec<usize> = (0..papers.len()).collect();
                (Just(papers), Just(order).prop_shuffle())
            })
        ) {
            let in_order: Vec<usize> = (0..papers.len()).collect();
            prop_assert_eq!(people(&papers, &in_order), people(&papers, &order));
        }
    }
}
