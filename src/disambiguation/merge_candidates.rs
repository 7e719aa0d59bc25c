//! Who may be one person though they are kept apart, and who may be several.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use crate::disambiguation::LONGEST_CAREER;
use crate::disambiguation::mention::{Evidence, EvidenceKind, Known, Mention};
use crate::text::names::{Commonness, Comparable, Difference, Form, Likeness, fold};

/// From this likelihood on two people are worth a look.
const LIKELY: f32 = 0.53;
/// What it is worth that the given name is the same and the family name another: people marry.
const ANOTHER_FAMILY_NAME: f32 = -2.6;
/// Somebody who changes their name has both for so many years at most.
const LONGEST_CHANGE: i32 = 2;
/// What the coauthors of one paper are worth at most: sixty who wrote a report together tell of one occasion.
const MOST_OF_A_PAPER: f32 = 2.4;
/// A key that more people share brings nobody together.
const MOST_SHARING: usize = 400;

/// A person as candidates are looked for.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The names they are known by, each once.
    pub names: Vec<String>,
    /// Their ORCID iD.
    pub orcid: Option<String>,
    /// Their papers.
    pub papers: BTreeSet<i64>,
    /// The other authors of these, as [`Known::coauthor`] numbers them, with the number of papers.
    pub coauthors: BTreeMap<u32, u32>,
    /// Organizations as [`Known::organization`] numbers them.
    pub organizations: BTreeSet<u32>,
    /// Affiliations as [`Known::affiliation`] numbers them.
    pub affiliations: BTreeSet<u32>,
    /// Venues as [`Known::venue`] numbers them.
    pub venues: BTreeSet<u32>,
    /// From the first paper to the last.
    pub years: Option<(i32, i32)>,
}

impl Profile {
    /// Adds what one of their authorships tells.
    pub fn add(&mut self, mention: &Mention) {
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

/// Two people who may be one.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The place of one of them.
    pub one: usize,
    /// The place of the other, which is greater.
    pub other: usize,
    /// How likely they are one, from 0 to 1.
    pub likelihood: f32,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

/// Likely duplicates among people, the likeliest first.
#[must_use]
pub fn candidates(people: &[Profile], known: &Known) -> Vec<Candidate> {
    let named: Vec<Vec<Named>> =
        people.iter().map(|person| person.names.iter().map(|name| Named::new(name)).collect()).collect();
    // Keys are kept as numbers: two that have the same by chance only cost a comparison.
    let mut shared: Vec<(u64, usize)> = Vec::new();
    for (place, person) in people.iter().enumerate() {
        let mut keys = HashSet::new();
        for name in &named[place] {
            name.keys(person, known, &mut keys);
        }
        shared.extend(keys.iter().map(|key| (key.number(), place)));
    }
    shared.sort_unstable();
    let groups: Vec<&[(u64, usize)]> = shared
        .chunk_by(|one, other| one.0 == other.0)
        .filter(|group| (2..=MOST_SHARING).contains(&group.len()))
        .collect();
    let mut groups_of: Vec<Vec<u32>> = vec![Vec::new(); people.len()];
    for (number, group) in (0..).zip(&groups) {
        for (_, place) in *group {
            groups_of[*place].push(number);
        }
    }
    let mut found = Vec::new();
    let mut others: Vec<usize> = Vec::new();
    for (one, numbers) in groups_of.iter().enumerate() {
        let beside = numbers.iter().flat_map(|number| groups[*number as usize]).map(|(_, other)| *other);
        others.extend(beside.filter(|other| *other > one));
        others.sort_unstable();
        others.dedup();
        found.extend(others.drain(..).filter_map(|other| candidate(people, &named, known, one, other)));
    }
    found.sort_by(|one, other| {
        other.likelihood.total_cmp(&one.likelihood).then_with(|| (one.one, one.other).cmp(&(other.one, other.other)))
    });
    found
}

/// A name as candidates compare it.
struct Named {
    name: Comparable,
    form: Form,
    /// Its words, folded, initials too.
    words: BTreeSet<String>,
    given: Vec<String>,
}

/// What two names share that are compared at all.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    /// The family name and the first letter of the given names.
    FamilyAndInitial(&'a str, Option<char>),
    /// The family name and the first two letters of the given names.
    FamilyAndBeginning(&'a str, String),
    /// The given name, and the beginning of the family name or its end backwards.
    GivenAndPart(&'a str, String),
    /// Two words, in the order of letters.
    Words(&'a str, &'a str),
    /// The given name and somebody they wrote with.
    GivenAndCoauthor(&'a str, u32),
}

impl Key<'_> {
    fn number(&self) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(self)
    }
}

impl Named {
    fn new(name: &str) -> Self {
        let form = Form::new(name);
        let parts = crate::text::names::split(name);
        let words = |text: &str| -> Vec<String> {
            fold(&text.replace('.', " ")).split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
        };
        Self {
            name: Comparable::new(name),
            form,
            words: words(name).into_iter().collect(),
            given: words(&parts.given.unwrap_or_default()),
        }
    }

    fn keys<'a>(&'a self, person: &'a Profile, known: &Known, keys: &mut HashSet<Key<'a>>) {
        let beginning: String = self.form.given.chars().take(2).collect();
        // A common name and an initial bring too many together to tell anything.
        match self.form.commonness {
            Commonness::VeryCommon => keys.insert(Key::FamilyAndBeginning(&self.form.block, beginning)),
            _ => keys.insert(Key::FamilyAndInitial(&self.form.block, self.form.initial())),
        };
        if self.form.is_full() && !self.form.first.is_empty() {
            let family: Vec<char> = self.form.family.chars().collect();
            keys.insert(Key::GivenAndPart(&self.form.first, family.iter().take(3).collect()));
            keys.insert(Key::GivenAndPart(&self.form.first, family.iter().rev().take(4).collect()));
            let coauthors =
                person.coauthors.keys().filter(|number| known.coauthor_commonness(**number) != Commonness::VeryCommon);
            keys.extend(coauthors.map(|number| Key::GivenAndCoauthor(&self.form.first, *number)));
        }
        let long: Vec<&String> = self.words.iter().filter(|word| word.chars().count() > 1).take(6).collect();
        for (number, one) in long.iter().enumerate() {
            keys.extend(long[number + 1..].iter().map(|other| Key::Words(one, other)));
        }
    }
}

/// How two names are alike, and what that is worth.
fn alikeness(one: &Named, other: &Named) -> Option<f32> {
    let comparison = one.name.compare(&other.name);
    let is = |difference| comparison.differences.contains(&difference);
    match comparison.likeness {
        Likeness::Same | Likeness::Equivalent => return Some(2.6),
        Likeness::Compatible if is(Difference::Initials) && (!one.form.is_full() || !other.form.is_full()) => {
            return Some(0.7);
        }
        Likeness::Compatible if is(Difference::Nickname) => return Some(1.4),
        Likeness::Compatible => return Some(1.8),
        Likeness::Different => {}
    }
    let shared: Vec<&String> = one.words.intersection(&other.words).collect();
    let long = shared.iter().filter(|word| word.chars().count() > 2).count();
    if one.words == other.words && long > 1 {
        return Some(2.4);
    }
    if one.form.family == other.form.family {
        // A given name left out, or in another place: Harald and R. Harald.
        let moved = one.given.iter().any(|word| word.chars().count() > 2 && other.given.contains(word));
        let is_short_form = shortens(&one.form.first, &other.form.first) && one.form.is_full() && other.form.is_full();
        return (moved || is_short_form || is_typo(&one.form.given, &other.form.given)).then_some(1.3);
    }
    let is_same_given = one.form.is_full() && one.form.first == other.form.first && !one.form.first.is_empty();
    let is_within = long > 1 && (one.words.is_subset(&other.words) || other.words.is_subset(&one.words));
    if is_same_given
        && (is_within || is_typo(&one.form.family, &other.form.family) || begins(&one.form.family, &other.form.family))
    {
        return Some(if is_within { 1.6 } else { 1.2 });
    }
    if long > 1 {
        return Some(0.8);
    }
    // Another family name altogether.
    is_same_given.then_some(ANOTHER_FAMILY_NAME)
}

/// Whether two words differ as a slip of the pen does.
fn is_typo(one: &str, other: &str) -> bool {
    let shorter = one.chars().count().min(other.chars().count());
    let most = match shorter {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    one != other && strsim::osa_distance(one, other) <= most
}

/// Whether one given name is the beginning of the other: Geoffrey, Geoff.
fn shortens(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    short.chars().count() > 2 && long.starts_with(short)
}

/// Whether a name begins or ends with the whole of the other: Buschbeck, Buschbeck-Wolf.
fn begins(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    short.chars().count() > 2 && (long.starts_with(short) || long.ends_with(short))
}

fn candidate(people: &[Profile], named: &[Vec<Named>], known: &Known, one: usize, other: usize) -> Option<Candidate> {
    let (first, second) = (&people[one], &people[other]);
    let career = first.years.zip(second.years).map(|(one, other)| one.1.max(other.1) - one.0.min(other.0));
    if first.orcid.as_ref().zip(second.orcid.as_ref()).is_some_and(|(one, other)| one != other)
        || career.is_some_and(|years| years > LONGEST_CAREER)
        || !first.papers.is_disjoint(&second.papers)
    {
        return None;
    }
    let mut evidence = Vec::new();
    let pairs = named[one].iter().flat_map(|name| named[other].iter().map(move |beside| (name, beside)));
    let (alike, name) = pairs
        .filter_map(|(name, beside)| Some((alikeness(name, beside)?, name)))
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    let together = first.years.zip(second.years).map(|(one, other)| one.1.min(other.1) - one.0.max(other.0));
    if alike <= ANOTHER_FAMILY_NAME && together.is_some_and(|years| years > LONGEST_CHANGE) {
        return None;
    }
    let mut weight = alike
        + match name.form.commonness {
            Commonness::Rare => 0.6,
            Commonness::Common => 0.0,
            // Of two syllables a given name tells more.
            Commonness::VeryCommon if name.form.given.len() > 5 => -0.7,
            Commonness::VeryCommon => -1.3,
        };
    evidence.push(Evidence {
        kind: if alike >= 2.6 { EvidenceKind::SameName } else { EvidenceKind::NameVariant },
        value: None,
    });
    let shared: Vec<u32> =
        first.coauthors.keys().filter(|number| second.coauthors.contains_key(number)).copied().collect();
    let mut of_coauthors = CoauthorWeight::default();
    for number in &shared {
        of_coauthors.add(known.coauthor_commonness(*number));
        evidence.push(Evidence {
            kind: EvidenceKind::SharedCoauthor,
            value: Some(known.coauthor_name(*number).to_owned()),
        });
    }
    let occasions = first.papers.len().min(second.papers.len());
    weight += of_coauthors.total().min(MOST_OF_A_PAPER * occasions as f32);
    if !first.organizations.is_disjoint(&second.organizations) || share_affiliation(first, second, known) {
        weight += 1.2;
        evidence.push(Evidence { kind: EvidenceKind::SharedOrganization, value: None });
    }
    if let Some(venue) = first.venues.intersection(&second.venues).next() {
        weight += 0.3;
        evidence.push(Evidence { kind: EvidenceKind::SharedVenue, value: Some(known.venue_name(*venue).to_owned()) });
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
    (likelihood >= LIKELY).then_some(Candidate { one, other, likelihood, evidence })
}

/// What it is worth to have written with people of the same names. Two who wrote with many wrote with some Wei Wang each: of
/// common names there are never enough.
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

    fn total(&self) -> f32 {
        self.rare + self.common + self.very_common
    }
}

fn share_affiliation(one: &Profile, other: &Profile, known: &Known) -> bool {
    let alike = |one: u32, other: u32| {
        known.words(one).zip(known.words(other)).is_some_and(|(one, other)| one.is_of_same_organization(other))
    };
    one.affiliations
        .iter()
        .any(|number| other.affiliations.iter().any(|beside| number == beside || alike(*number, *beside)))
}
