//! Merge candidates: pairs of researchers who may be duplicates of each other.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use crate::disambiguation::MAX_CAREER_YEARS;
use crate::disambiguation::mention::{Evidence, EvidenceKind, Mention, Vocabulary};
use crate::text::names::{Commonness, ComparableName, NameDifference, NameForm, NameSimilarity, split_name};
use crate::text::normalize::fold;

/// The minimum likelihood for a pair to be listed.
const MIN_LIKELIHOOD: f32 = 0.53;
/// The weight of the same given name with a different family name, as after a marriage.
const DIFFERENT_FAMILY_NAME_WEIGHT: f32 = -2.6;
/// The maximum number of years in which a researcher publishes under both names when changing their name.
const MAX_NAME_CHANGE_YEARS: i32 = 2;
/// The maximum weight of the coauthors of one paper, so that a single paper of a large group is weak evidence.
const MAX_COAUTHOR_WEIGHT_PER_PAPER: f32 = 2.4;
/// The maximum number of researchers per blocking key. More common keys are ignored.
const MAX_PROFILES_PER_KEY: usize = 400;

/// The data of a researcher by which merge candidates are compared.
#[derive(Clone, Debug, Default)]
pub struct ResearcherProfile {
    /// Distinct names of the researcher.
    pub names: Vec<String>,
    /// ORCID iD.
    pub orcid: Option<String>,
    /// Ids of the papers.
    pub papers: BTreeSet<i64>,
    /// Coauthors, numbered by [`Vocabulary::intern_coauthor`], with the number of common papers.
    pub coauthors: BTreeMap<u32, u32>,
    /// Organizations, numbered by [`Vocabulary::intern_organization`].
    pub organizations: BTreeSet<u32>,
    /// Affiliations, numbered by [`Vocabulary::intern_affiliation`].
    pub affiliations: BTreeSet<u32>,
    /// Venues, numbered by [`Vocabulary::intern_venue`].
    pub venues: BTreeSet<u32>,
    /// First and last year of publication.
    pub years: Option<(i32, i32)>,
}

impl ResearcherProfile {
    /// Adds the data of one authorship.
    pub fn add_mention(&mut self, mention: &Mention) {
        if !self.names.contains(&mention.name) {
            self.names.push(mention.name.clone());
        }
        self.papers.extend(mention.paper);
        for coauthor in &mention.coauthors {
            *self.coauthors.entry(*coauthor).or_default() += 1;
        }
        self.organizations.extend(&mention.organizations);
        self.affiliations.extend(&mention.affiliations);
        self.venues.extend(mention.venue);
        self.years = match (self.years, mention.years) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        };
    }
}

/// A pair of researchers who may be duplicates.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeCandidate {
    /// Index of the first researcher.
    pub first_index: usize,
    /// Index of the second researcher, greater than the first.
    pub second_index: usize,
    /// Likelihood that both are the same person, from 0 to 1.
    pub likelihood: f32,
    /// Evidence for a merge.
    pub evidence: Vec<Evidence>,
}

/// Returns pairs of possible duplicates, sorted by likelihood, highest first.
#[must_use]
pub fn find_merge_candidates(researchers: &[ResearcherProfile], vocabulary: &Vocabulary) -> Vec<MergeCandidate> {
    let named: Vec<Vec<PreparedName>> =
        researchers.iter().map(|person| person.names.iter().map(|name| PreparedName::new(name)).collect()).collect();
    // Blocking keys are stored as hashes. A hash collision costs one comparison and does not change the result.
    let mut shared: Vec<(u64, usize)> = Vec::new();
    for (index, person) in researchers.iter().enumerate() {
        let mut keys = HashSet::new();
        for name in &named[index] {
            name.collect_blocking_keys(person, vocabulary, &mut keys);
        }
        shared.extend(keys.iter().map(|key| (key.hash_value(), index)));
    }
    shared.sort_unstable();
    let groups: Vec<&[(u64, usize)]> = shared
        .chunk_by(|one, other| one.0 == other.0)
        .filter(|group| (2..=MAX_PROFILES_PER_KEY).contains(&group.len()))
        .collect();
    let mut groups_of: Vec<Vec<u32>> = vec![Vec::new(); researchers.len()];
    for (number, group) in (0..).zip(&groups) {
        for (_, index) in *group {
            groups_of[*index].push(number);
        }
    }
    let mut found = Vec::new();
    let mut others: Vec<usize> = Vec::new();
    for (one, numbers) in groups_of.iter().enumerate() {
        let neighbours = numbers.iter().flat_map(|number| groups[*number as usize]).map(|(_, other)| *other);
        others.extend(neighbours.filter(|other| *other > one));
        others.sort_unstable();
        others.dedup();
        found.extend(others.drain(..).filter_map(|other| score_pair(researchers, &named, vocabulary, one, other)));
    }
    found.sort_by(|one, other| {
        other
            .likelihood
            .total_cmp(&one.likelihood)
            .then_with(|| (one.first_index, one.second_index).cmp(&(other.first_index, other.second_index)))
    });
    found
}

/// A name prepared for comparison.
struct PreparedName {
    comparable: ComparableName,
    form: NameForm,
    /// Folded words, including initials.
    words: BTreeSet<String>,
    given: Vec<String>,
}

/// A blocking key: only names that share one are compared.
#[derive(PartialEq, Eq, Hash)]
enum BlockingKey<'a> {
    /// Family name and first letter of the given names.
    FamilyAndInitial(&'a str, Option<char>),
    /// Family name and first two letters of the given names.
    FamilyAndPrefix(&'a str, String),
    /// Given name, and the first three letters of the family name or the last four in reverse.
    GivenAndFamilyAffix(&'a str, String),
    /// Two words of the name, in alphabetical order.
    WordPair(&'a str, &'a str),
    /// Given name and a coauthor.
    GivenAndCoauthor(&'a str, u32),
}

impl BlockingKey<'_> {
    fn hash_value(&self) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(self)
    }
}

impl PreparedName {
    fn new(name: &str) -> Self {
        let form = NameForm::new(name);
        let parts = split_name(name);
        let words = |text: &str| -> Vec<String> {
            fold(&text.replace('.', " ")).split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
        };
        Self {
            comparable: ComparableName::new(name),
            form,
            words: words(name).into_iter().collect(),
            given: words(&parts.given.unwrap_or_default()),
        }
    }

    /// Adds the blocking keys of the name to `keys`.
    fn collect_blocking_keys<'a>(
        &'a self,
        person: &'a ResearcherProfile,
        vocabulary: &Vocabulary,
        keys: &mut HashSet<BlockingKey<'a>>,
    ) {
        let beginning: String = self.form.given.chars().take(2).collect();
        // Too many researchers share a very common family name and an initial.
        match self.form.commonness {
            Commonness::VeryCommon => keys.insert(BlockingKey::FamilyAndPrefix(&self.form.blocking_key, beginning)),
            _ => keys.insert(BlockingKey::FamilyAndInitial(&self.form.blocking_key, self.form.initial())),
        };
        if self.form.has_full_given_name() && !self.form.first_given.is_empty() {
            let family: Vec<char> = self.form.family.chars().collect();
            keys.insert(BlockingKey::GivenAndFamilyAffix(&self.form.first_given, family.iter().take(3).collect()));
            keys.insert(BlockingKey::GivenAndFamilyAffix(
                &self.form.first_given,
                family.iter().rev().take(4).collect(),
            ));
            let coauthors = person
                .coauthors
                .keys()
                .filter(|number| vocabulary.coauthor_commonness(**number) != Commonness::VeryCommon);
            keys.extend(coauthors.map(|number| BlockingKey::GivenAndCoauthor(&self.form.first_given, *number)));
        }
        let long: Vec<&String> = self.words.iter().filter(|word| word.chars().count() > 1).take(6).collect();
        for (number, one) in long.iter().enumerate() {
            keys.extend(long[number + 1..].iter().map(|other| BlockingKey::WordPair(one, other)));
        }
    }
}

/// Returns the weight of two names as evidence for a merge, or `None` if they cannot be names of one person.
fn name_weight(one: &PreparedName, other: &PreparedName) -> Option<f32> {
    let comparison = one.comparable.compare(&other.comparable);
    let is = |difference| comparison.differences.contains(&difference);
    match comparison.similarity {
        NameSimilarity::Same | NameSimilarity::Equivalent => return Some(2.6),
        NameSimilarity::Compatible
            if is(NameDifference::Initials)
                && (!one.form.has_full_given_name() || !other.form.has_full_given_name()) =>
        {
            return Some(0.7);
        }
        NameSimilarity::Compatible if is(NameDifference::Nickname) => return Some(1.4),
        NameSimilarity::Compatible => return Some(1.8),
        NameSimilarity::Different => {}
    }
    let shared: Vec<&String> = one.words.intersection(&other.words).collect();
    let long = shared.iter().filter(|word| word.chars().count() > 2).count();
    if one.words == other.words && long > 1 {
        return Some(2.4);
    }
    if one.form.family == other.form.family {
        // A given name is missing or has another position: Harald and R. Harald.
        let moved = one.given.iter().any(|word| word.chars().count() > 2 && other.given.contains(word));
        let is_short_form = is_short_form(&one.form.first_given, &other.form.first_given)
            && one.form.has_full_given_name()
            && other.form.has_full_given_name();
        return (moved || is_short_form || is_typo(&one.form.given, &other.form.given)).then_some(1.3);
    }
    let is_same_given = one.form.has_full_given_name()
        && one.form.first_given == other.form.first_given
        && !one.form.first_given.is_empty();
    let is_within = long > 1 && (one.words.is_subset(&other.words) || other.words.is_subset(&one.words));
    if is_same_given
        && (is_within
            || is_typo(&one.form.family, &other.form.family)
            || is_affix(&one.form.family, &other.form.family))
    {
        return Some(if is_within { 1.6 } else { 1.2 });
    }
    if long > 1 {
        return Some(0.8);
    }
    // A different family name.
    is_same_given.then_some(DIFFERENT_FAMILY_NAME_WEIGHT)
}

/// Returns whether two words differ only by a typo.
fn is_typo(one: &str, other: &str) -> bool {
    let shorter = one.chars().count().min(other.chars().count());
    let max_distance = match shorter {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    one != other && strsim::osa_distance(one, other) <= max_distance
}

/// Returns whether one given name is a prefix of the other: Geoffrey, Geoff.
fn is_short_form(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    short.chars().count() > 2 && long.starts_with(short)
}

/// Returns whether one family name is the beginning or the end of the other: Buschbeck, Buschbeck-Wolf.
fn is_affix(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    short.chars().count() > 2 && (long.starts_with(short) || long.ends_with(short))
}

/// Returns the pair as a candidate if it is likely enough and there is no contrary evidence.
fn score_pair(
    researchers: &[ResearcherProfile],
    named: &[Vec<PreparedName>],
    vocabulary: &Vocabulary,
    one: usize,
    other: usize,
) -> Option<MergeCandidate> {
    let (first, second) = (&researchers[one], &researchers[other]);
    let career = first.years.zip(second.years).map(|(one, other)| one.1.max(other.1) - one.0.min(other.0));
    if first.orcid.as_ref().zip(second.orcid.as_ref()).is_some_and(|(one, other)| one != other)
        || career.is_some_and(|years| years > MAX_CAREER_YEARS)
        || !first.papers.is_disjoint(&second.papers)
    {
        return None;
    }
    let mut evidence = Vec::new();
    let pairs = named[one].iter().flat_map(|name| named[other].iter().map(move |other_name| (name, other_name)));
    let (similarity, name) = pairs
        .filter_map(|(name, other_name)| Some((name_weight(name, other_name)?, name)))
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    let together = first.years.zip(second.years).map(|(one, other)| one.1.min(other.1) - one.0.max(other.0));
    if similarity <= DIFFERENT_FAMILY_NAME_WEIGHT && together.is_some_and(|years| years > MAX_NAME_CHANGE_YEARS) {
        return None;
    }
    let mut weight = similarity
        + match name.form.commonness {
            Commonness::Rare => 0.6,
            Commonness::Common => 0.0,
            // A given name of two syllables is more distinctive.
            Commonness::VeryCommon if name.form.given.len() > 5 => -0.7,
            Commonness::VeryCommon => -1.3,
        };
    evidence.push(Evidence {
        kind: if similarity >= 2.6 { EvidenceKind::SameName } else { EvidenceKind::NameVariant },
        value: None,
    });
    let shared: Vec<u32> =
        first.coauthors.keys().filter(|number| second.coauthors.contains_key(number)).copied().collect();
    let mut of_coauthors = CoauthorWeight::default();
    for number in &shared {
        of_coauthors.add(vocabulary.coauthor_commonness(*number));
        evidence.push(Evidence {
            kind: EvidenceKind::SharedCoauthor,
            value: Some(vocabulary.coauthor_name(*number).to_owned()),
        });
    }
    let occasions = first.papers.len().min(second.papers.len());
    weight += of_coauthors.total().min(MAX_COAUTHOR_WEIGHT_PER_PAPER * occasions as f32);
    if !first.organizations.is_disjoint(&second.organizations) || have_common_affiliation(first, second, vocabulary) {
        weight += 1.2;
        evidence.push(Evidence { kind: EvidenceKind::SharedOrganization, value: None });
    }
    if let Some(venue) = first.venues.intersection(&second.venues).next() {
        weight += 0.3;
        evidence
            .push(Evidence { kind: EvidenceKind::SharedVenue, value: Some(vocabulary.venue_name(*venue).to_owned()) });
    }
    if let Some((one, other)) = first.years.zip(second.years) {
        match (one.0.max(other.0) - one.1.min(other.1)).max(0) {
            0..=3 => {
                weight += 0.2;
                evidence.push(Evidence { kind: EvidenceKind::CloseYears, value: None });
            }
            4..=12 => {}
            _ => weight -= 0.8,
        }
    }
    let likelihood = 1.0 / (1.0 + (1.5 - weight).exp());
    (likelihood >= MIN_LIKELIHOOD).then_some(MergeCandidate {
        first_index: one,
        second_index: other,
        likelihood,
        evidence,
    })
}

/// The weight of common coauthors. The weight of coauthors with common names is capped, because two researchers with
/// many coauthors share some common names at random.
#[derive(Default)]
struct CoauthorWeight {
    rare: f32,
    common: f32,
    very_common: f32,
}

impl CoauthorWeight {
    fn add(&mut self, commonness: Commonness) {
        match commonness {
            Commonness::Rare => self.rare += 1.2,
            Commonness::Common => self.common = (self.common + 0.9).min(2.7),
            Commonness::VeryCommon => self.very_common = (self.very_common + 0.5).min(1.0),
        }
    }

    /// Returns the total weight.
    fn total(&self) -> f32 {
        self.rare + self.common + self.very_common
    }
}

/// Returns whether both have an affiliation with the same organization.
fn have_common_affiliation(one: &ResearcherProfile, other: &ResearcherProfile, vocabulary: &Vocabulary) -> bool {
    let are_same = |one: u32, other: u32| {
        vocabulary
            .affiliation_words(one)
            .zip(vocabulary.affiliation_words(other))
            .is_some_and(|(one, other)| one.is_same_organization(other))
    };
    one.affiliations.iter().any(|number| {
        other.affiliations.iter().any(|other_number| number == other_number || are_same(*number, *other_number))
    })
}
