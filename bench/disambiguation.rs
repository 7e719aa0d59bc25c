//! Evaluates author disambiguation against three gold-standard datasets (see bench/README.md):
//!
//!     cargo bench --bench disambiguation
//!     cargo bench --bench disambiguation -- --signatures FILE --papers FILE --variants FILE --variant-papers FILE
//!
//! Files may be compressed with zstd. A dataset whose files are missing is skipped with a notice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use academic_directory::disambiguation::{
    Mention, ResearcherProfile, Vocabulary, cluster_mentions, find_merge_candidates,
};
use academic_directory::text::names::{self, Commonness, NameForm, NameSimilarity};
use clap::Parser;
use serde::Deserialize;

#[derive(Parser)]
struct Arguments {
    /// S2AND author signatures, labelled with the true person
    #[arg(long, default_value = "../shared/data/truth/s2and-signatures-dev.jsonl.zst")]
    signatures: PathBuf,
    /// Papers from which synthetic labels are made
    #[arg(long, default_value = "../shared/data/ml-anthology-to-2024.csl.jsonl.zst")]
    papers: PathBuf,
    /// People with the names they have published under
    #[arg(long, default_value = "../shared/data/truth/acl-name-variants-dev.jsonl.zst")]
    variants: PathBuf,
    /// The papers of these people
    #[arg(long, default_value = "../shared/data/acl-anthology-to-2019.csl.jsonl.zst")]
    variant_papers: PathBuf,
    /// Seed of the synthetic labels
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Set by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    match open_lines(&arguments.signatures)? {
        Some(file) => evaluate_signatures(file)?,
        None => println!("skipped: {} does not exist", arguments.signatures.display()),
    }
    match open_lines(&arguments.papers)? {
        Some(file) => evaluate_synthetic_labels(&read_papers(file)?, arguments.seed),
        None => println!("skipped: {} does not exist", arguments.papers.display()),
    }
    match (open_lines(&arguments.variants)?, open_lines(&arguments.variant_papers)?) {
        (Some(variants), Some(file)) => evaluate_name_variants(variants, &read_papers(file)?, arguments.seed)?,
        (None, _) => println!("skipped: {} does not exist", arguments.variants.display()),
        (_, None) => println!("skipped: {} does not exist", arguments.variant_papers.display()),
    }
    Ok(())
}

type Lines = BufReader<Box<dyn Read>>;

fn open_lines(path: &Path) -> Result<Option<Lines>, Box<dyn Error>> {
    if !path.exists() {
        return Ok(None);
    }
    let file = File::open(path)?;
    let is_zstd = path.extension().is_some_and(|ending| ending == "zst");
    let reader: Box<dyn Read> = if is_zstd { Box::new(zstd::Decoder::new(file)?) } else { Box::new(file) };
    Ok(Some(BufReader::new(reader)))
}

/// Compares a predicted clustering with the true one.
#[derive(Default)]
struct ClusteringScore {
    correct_pairs: f64,
    predicted_pairs: f64,
    true_pairs: f64,
    b3_precision: f64,
    b3_recall: f64,
}

impl ClusteringScore {
    /// From pairs of predicted and true cluster.
    fn new(predicted: &[(usize, String)]) -> Self {
        let (mut by_predicted, mut by_true, mut by_both) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (one, other) in predicted {
            *by_predicted.entry(one).or_insert(0.0) += 1.0;
            *by_true.entry(other).or_insert(0.0) += 1.0;
            *by_both.entry((one, other)).or_insert(0.0) += 1.0;
        }
        let pairs = |amounts: Vec<f64>| amounts.into_iter().map(|n: f64| n * (n - 1.0) / 2.0).sum::<f64>();
        let amount = predicted.len() as f64;
        Self {
            correct_pairs: pairs(by_both.values().copied().collect()),
            predicted_pairs: pairs(by_predicted.values().copied().collect()),
            true_pairs: pairs(by_true.values().copied().collect()),
            b3_precision: predicted.iter().map(|(one, other)| by_both[&(one, other)] / by_predicted[one]).sum::<f64>()
                / amount,
            b3_recall: predicted.iter().map(|(one, other)| by_both[&(one, other)] / by_true[other]).sum::<f64>()
                / amount,
        }
    }

    fn print(&self, of: &str) {
        println!(
            "{of}: pairwise precision {:.3}, recall {:.3}; B³ precision {:.3}, recall {:.3}, F1 {:.3}",
            self.correct_pairs / self.predicted_pairs.max(1.0),
            self.correct_pairs / self.true_pairs.max(1.0),
            self.b3_precision,
            self.b3_recall,
            2.0 * self.b3_precision * self.b3_recall / (self.b3_precision + self.b3_recall),
        );
    }
}

#[derive(Deserialize)]
struct Signature {
    paper_id: i64,
    #[serde(default)]
    first: String,
    #[serde(default)]
    middle: String,
    last: String,
    #[serde(default)]
    affiliations: Vec<String>,
    cluster: String,
}

/// Evaluates signatures with names and affiliations only.
fn evaluate_signatures(lines: Lines) -> Result<(), Box<dyn Error>> {
    let mut vocabulary = Vocabulary::default();
    let mut blocks: BTreeMap<String, Vec<(Mention, String)>> = BTreeMap::new();
    for line in lines.lines() {
        let signature: Signature = serde_json::from_str(&line?)?;
        let name = [signature.first, signature.middle, signature.last].join(" ");
        let mention = Mention {
            name: names::clean(&name),
            paper: Some(signature.paper_id),
            affiliations: signature
                .affiliations
                .iter()
                .filter_map(|text| vocabulary.intern_affiliation(text))
                .collect(),
            stable_key: signature.paper_id.unsigned_abs(),
            ..Mention::default()
        };
        blocks.entry(NameForm::new(&mention.name).blocking_key).or_default().push((mention, signature.cluster));
    }
    let (mut predicted, mut by_name, mut next) = (Vec::new(), Vec::new(), 0);
    let mut numbers: HashMap<(String, String), usize> = HashMap::new();
    for block in blocks.into_values() {
        let (mentions, labels): (Vec<Mention>, Vec<String>) = block.into_iter().unzip();
        for (mention, label) in mentions.iter().zip(&labels) {
            let form = NameForm::new(&mention.name);
            let number = numbers.len();
            by_name.push((*numbers.entry((form.family, form.given)).or_insert(number), label.clone()));
        }
        for person in cluster_mentions(&mentions, &vocabulary) {
            predicted.extend(person.members.iter().map(|position| (next, labels[*position].clone())));
            next += 1;
        }
    }
    println!(
        "(i) {} signatures of {} people, names and affiliations",
        predicted.len(),
        predicted.iter().map(|(_, of)| of).collect::<BTreeSet<_>>().len()
    );
    ClusteringScore::new(&by_name).print("    baseline: same name");
    ClusteringScore::new(&predicted).print("    disambiguated      ");
    Ok(())
}

#[derive(Clone, Deserialize)]
struct Paper {
    #[serde(default)]
    author: Vec<Author>,
    #[serde(default, rename = "container-title")]
    venue: Option<String>,
    #[serde(default)]
    issued: Option<Issued>,
}

#[derive(Clone, Deserialize)]
struct Author {
    #[serde(default)]
    given: Option<String>,
    #[serde(default)]
    family: Option<String>,
    #[serde(default)]
    literal: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Issued {
    #[serde(rename = "date-parts")]
    parts: Vec<Vec<i32>>,
}

impl Author {
    fn name(&self) -> String {
        let parts = [self.given.as_deref(), self.family.as_deref(), self.literal.as_deref()];
        names::repair_name(&names::clean(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "))).name
    }
}

fn read_papers(lines: Lines) -> Result<Vec<Paper>, Box<dyn Error>> {
    lines.lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

/// The index of a paper, and of an author on it.
type AuthorPosition = (usize, usize);
type Blocks = BTreeMap<String, Vec<(Mention, AuthorPosition)>>;

/// The authors of all papers as mentions by block, each with its position.
fn blocks_of_mentions(papers: &[Paper], names: &[Vec<String>], vocabulary: &mut Vocabulary) -> Blocks {
    let mut blocks = Blocks::new();
    for (number, (paper, authors)) in papers.iter().zip(names).enumerate() {
        let coauthors: Vec<u32> = authors.iter().map(|name| vocabulary.intern_coauthor(name)).collect();
        let year = paper.issued.as_ref().and_then(|issued| issued.parts.first()?.first().copied());
        let venue = paper.venue.as_deref().map(|venue| vocabulary.intern_venue(venue));
        for (position, name) in authors.iter().enumerate() {
            let others = coauthors.iter().enumerate().filter(|(other, _)| *other != position);
            let mention = Mention {
                name: name.clone(),
                paper: i64::try_from(number).ok(),
                coauthors: others.map(|(_, coauthor)| *coauthor).collect(),
                venue,
                years: year.map(|year| (year, year)),
                stable_key: number as u64,
                ..Mention::default()
            };
            blocks.entry(NameForm::new(name).blocking_key).or_default().push((mention, (number, position)));
        }
    }
    blocks
}

/// A seeded pseudorandom number generator (SplitMix64).
struct SeededRng(u64);

impl SeededRng {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

/// The names by family name and first initial.
fn group_by_initial<'a>(
    positions: &BTreeMap<&'a str, Vec<(usize, usize)>>,
) -> HashMap<(String, Option<char>), Vec<&'a str>> {
    let mut by_initial: HashMap<(String, Option<char>), Vec<&str>> = HashMap::new();
    for name in positions.keys() {
        let form = NameForm::new(name);
        by_initial.entry((form.blocking_key.clone(), form.initial())).or_default().push(name);
    }
    by_initial
}

/// Whether coauthors connect all papers of a person.
fn are_linked_by_coauthors(papers: &[(usize, usize)], names: &[Vec<String>]) -> bool {
    let mut groups: Vec<BTreeSet<&str>> = Vec::new();
    for (paper, position) in papers {
        let others = names[*paper].iter().enumerate().filter(|(other, _)| other != position);
        let mut group: BTreeSet<&str> = others.map(|(_, name)| name.as_str()).collect();
        groups.retain(|beside| {
            let is_linked = !beside.is_disjoint(&group);
            if is_linked {
                group.extend(beside);
            }
            !is_linked
        });
        groups.push(group);
    }
    groups.len() == 1
}

/// The number of merged name pairs, and of people whose names are abbreviated.
const ALTERED_RESEARCHERS: usize = 1_000;

/// Evaluates synthetic labels: pairs of people with rare names get one common name, and others are abbreviated to
/// initials on some of their papers.
fn evaluate_synthetic_labels(papers: &[Paper], seed: u64) {
    let original: Vec<Vec<String>> =
        papers.iter().map(|paper| paper.author.iter().map(Author::name).collect()).collect();
    let mut positions: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, authors) in original.iter().enumerate() {
        for (position, name) in authors.iter().enumerate() {
            positions.entry(name).or_default().push((number, position));
        }
    }
    let is_rare = |name: &str| {
        let form = NameForm::new(name);
        form.commonness == Commonness::Rare
            && form.has_full_given_name()
            && !form.family.is_empty()
            && form.family.is_ascii()
    };
    let mut rare: Vec<&str> = positions
        .iter()
        .filter(|(name, positions)| (2..=40).contains(&positions.len()) && is_rare(name))
        .map(|(name, _)| *name)
        .collect();
    let mut rng = SeededRng(seed);
    for position in (1..rare.len()).rev() {
        rare.swap(position, rng.below(position + 1));
    }
    let families = ["Wang", "Kim", "Smith", "Garcia", "Nguyen", "Kumar", "Muller", "Tanaka"];
    let mut changed = original.clone();
    let mut labels: HashMap<(usize, usize), String> = HashMap::new();
    let mut rare = rare.into_iter();
    let mut kinds: HashMap<(usize, usize), &str> = HashMap::new();
    for number in 0..ALTERED_RESEARCHERS {
        let (Some(one), Some(other)) = (rare.next(), rare.next()) else { break };
        let given = one.split(' ').next().unwrap_or_default();
        // A name that does not occur in the data.
        let name = format!("{given}{} {}", ["o", "a", "ue", "il"][number % 4], families[rng.below(families.len())]);
        if positions.contains_key(name.as_str()) {
            continue;
        }
        let are_linked = [one, other].into_iter().all(|person| are_linked_by_coauthors(&positions[person], &original));
        for person in [one, other] {
            for position in &positions[person] {
                changed[position.0][position.1].clone_from(&name);
                labels.insert(*position, person.to_owned());
                kinds.insert(*position, if are_linked { "homonyms" } else { "unlinked" });
            }
        }
    }
    let by_initial = group_by_initial(&positions);
    let mut people = 0;
    while people < ALTERED_RESEARCHERS {
        let Some(person) = rare.next() else { break };
        // People with similar names are excluded, because they may be the same person.
        let form = NameForm::new(person);
        let beside = &by_initial[&(form.blocking_key.clone(), form.initial())];
        let is_clear = beside.iter().all(|other| {
            *other == person
                || (NameForm::new(other).has_full_given_name()
                    && names::compare_names(person, other).similarity == NameSimilarity::Different)
        });
        if positions[person].len() < 3 || !is_clear {
            continue;
        }
        people += 1;
        let parts = names::split_name(person);
        let (given, family) = (parts.given.unwrap_or_default(), parts.family.unwrap_or_default());
        let initials: Vec<String> =
            given.split([' ', '-']).filter_map(|word| Some(format!("{}.", word.chars().next()?))).collect();
        for position in &positions[person] {
            labels.insert(*position, person.to_owned());
            kinds.insert(*position, "initials");
            if rng.below(100) < 35 {
                changed[position.0][position.1] = format!("{} {family}", initials.join(" "));
            }
        }
    }
    let start = Instant::now();
    let mut vocabulary = Vocabulary::default();
    let blocks = blocks_of_mentions(papers, &changed, &mut vocabulary);
    let read = start.elapsed();
    let (mut predicted, mut people): (Vec<(usize, AuthorPosition)>, usize) = (Vec::new(), 0);
    let mut slowest = (0.0, String::new(), 0);
    for (name, block) in &blocks {
        let (mentions, at): (Vec<Mention>, Vec<(usize, usize)>) = block.iter().cloned().unzip();
        let start = Instant::now();
        for person in cluster_mentions(&mentions, &vocabulary) {
            predicted.extend(person.members.iter().map(|position| (people, at[*position])));
            people += 1;
        }
        let took = start.elapsed().as_secs_f64();
        if took > slowest.0 {
            slowest = (took, name.clone(), mentions.len());
        }
    }
    println!(
        "(ii) {} authorships of {} papers: {people} people in {:.1} s (mentions prepared in {:.1} s; slowest block {} with {} mentions in {:.1} s); distinct names: {}",
        predicted.len(),
        papers.len(),
        start.elapsed().as_secs_f64(),
        read.as_secs_f64(),
        slowest.1,
        slowest.2,
        slowest.0,
        positions.len(),
    );
    // Anyone else in the clusters of the altered people is an error.
    let judged: BTreeSet<usize> =
        predicted.iter().filter(|(_, at)| labels.contains_key(at)).map(|(person, _)| *person).collect();
    let all: Vec<(usize, String, &str)> = predicted
        .iter()
        .filter(|(person, at)| judged.contains(person) || labels.contains_key(at))
        .map(|(person, at)| {
            (
                *person,
                labels.get(at).cloned().unwrap_or_else(|| original[at.0][at.1].clone()),
                kinds.get(at).copied().unwrap_or("others"),
            )
        })
        .collect();
    let score = |kinds: &[&str]| {
        let judged: BTreeSet<usize> =
            all.iter().filter(|(.., kind)| kinds.contains(kind)).map(|(person, ..)| *person).collect();
        ClusteringScore::new(
            &all.iter()
                .filter(|(person, ..)| judged.contains(person))
                .map(|(person, of, _)| (*person, of.clone()))
                .collect::<Vec<_>>(),
        )
    };
    score(&["homonyms"]).print("    homonyms, each person's papers linked by coauthors ");
    score(&["unlinked"]).print("    homonyms, papers not linked                        ");
    score(&["initials"]).print("    initials on some papers                            ");
    score(&["homonyms", "initials"]).print("    linked homonyms and initials                       ");
    score(&["homonyms", "initials", "unlinked"]).print("    all                                                ");
}

#[derive(Deserialize)]
struct NameVariants {
    names: Vec<Vec<Option<String>>>,
}

/// The number of candidates that are sampled for judging.
const SAMPLED_CANDIDATES: usize = 200;

/// Evaluates name variants: whether several names of one person are merged, or listed as candidates.
fn evaluate_name_variants(lines: Lines, papers: &[Paper], seed: u64) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let authors: Vec<Vec<String>> =
        papers.iter().map(|paper| paper.author.iter().map(Author::name).collect()).collect();
    let mut vocabulary = Vocabulary::default();
    let blocks = blocks_of_mentions(papers, &authors, &mut vocabulary);
    let mut people: Vec<ResearcherProfile> = Vec::new();
    let mut by_name: HashMap<String, BTreeSet<usize>> = HashMap::new();
    for block in blocks.into_values() {
        let mentions: Vec<Mention> = block.into_iter().map(|(mention, _)| mention).collect();
        for person in cluster_mentions(&mentions, &vocabulary) {
            let mut profile = ResearcherProfile::default();
            for mention in person.members.iter().map(|position| &mentions[*position]) {
                by_name.entry(mention.name.clone()).or_default().insert(people.len());
                profile.add_mention(mention);
            }
            people.push(profile);
        }
    }
    let resolved = start.elapsed();
    let found = find_merge_candidates(&people, &vocabulary);
    let pairs: BTreeSet<(usize, usize)> =
        found.iter().map(|candidate| (candidate.first_index, candidate.second_index)).collect();
    let (mut variants, mut one_person, mut listed, mut person_by_name) = (0, 0, 0, HashMap::new());
    for (number, line) in lines.lines().enumerate() {
        let of: NameVariants = serde_json::from_str(&line?)?;
        // The name itself, without variants in other scripts.
        let name_of = |parts: &Vec<Option<String>>| {
            let parts: Vec<&str> = parts.iter().take(2).flatten().map(String::as_str).collect();
            names::repair_name(&names::clean(&parts.join(" "))).name
        };
        let names: Vec<String> = of.names.iter().map(name_of).collect();
        for (position, name) in names.iter().enumerate() {
            person_by_name.insert(name.clone(), number);
            for other in names[position + 1..].iter().filter(|other| *other != name) {
                let (Some(one), Some(other)) = (by_name.get(name), by_name.get(other)) else { continue };
                variants += 1;
                if !one.is_disjoint(other) {
                    one_person += 1;
                } else if one
                    .iter()
                    .any(|one| other.iter().any(|other| pairs.contains(&(*one.min(other), *one.max(other)))))
                {
                    listed += 1;
                }
            }
        }
    }
    println!(
        "(iii) {} people of {} papers (disambiguated in {:.1} s), {} candidates in {:.1} s",
        people.len(),
        papers.len(),
        resolved.as_secs_f64(),
        found.len(),
        (start.elapsed() - resolved).as_secs_f64()
    );
    println!(
        "    {variants} pairs of names of one person: {one_person} merged, {listed} listed as candidates; recall {:.3}",
        f64::from(one_person + listed) / f64::from(variants.max(1))
    );
    // People who are not in the gold standard cannot be judged,
    let person_of = |position: usize| people[position].names.iter().find_map(|name| person_by_name.get(name));
    let mut judged: Vec<bool> = found
        .iter()
        .filter(|candidate| person_of(candidate.first_index).is_some() || person_of(candidate.second_index).is_some())
        // nor can two people of the same name, because the gold standard lists names.
        .filter(|candidate| {
            people[candidate.first_index].names.iter().all(|name| !people[candidate.second_index].names.contains(name))
        })
        .map(|candidate| person_of(candidate.first_index) == person_of(candidate.second_index))
        .collect();
    let right = |judged: &[bool]| judged.iter().filter(|is_right| **is_right).count();
    let right_of_best = right(&judged[..SAMPLED_CANDIDATES.min(judged.len())]);
    let mut rng = SeededRng(seed);
    for position in (1..judged.len()).rev() {
        judged.swap(position, rng.below(position + 1));
    }
    let sampled = &judged[..SAMPLED_CANDIDATES.min(judged.len())];
    println!(
        "    {} candidates with a labelled person: {} correct; of {} sampled {} correct, of as many with the highest score {}",
        judged.len(),
        right(&judged),
        sampled.len(),
        right(sampled),
        right_of_best
    );
    Ok(())
}
