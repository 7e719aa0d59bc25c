//! Generates a synthetic dataset of any size: records of the format `records`, one per line, on standard output.
//!
//!     cargo bench --bench generate -- --people 20000 [--papers 60000] [--seed 1] > records.jsonl
//!     cargo bench --bench generate -- --people 20000 --names names.txt > records.jsonl
//!     cargo bench --bench generate -- --people 5000 --bibtex 20000 > entries.bib
//!
//! Equal arguments give equal records. Names are made of syllables. The numbers of papers and coauthors have
//! heavy-tailed distributions like real ones: productive authors write more, mostly with the same people. Memory grows
//! by four bytes per authorship. With `--names` the researchers are those of a file with one name per line, and no
//! papers are generated: affiliations and topics for an existing directory. With `--bibtex` it generates BibTeX entries
//! by these people, as varied as people write them.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write};

use serde_json::{Value, json};

#[path = "generate/bibtex.rs"]
mod bibtex;

/// All differ after folding, so that no two names match.
const SYLLABLES: [&str; 30] = [
    "ba", "ce", "di", "fo", "gu", "ha", "jé", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "we", "xi", "yo",
    "zu", "bre", "cla", "dri", "flo", "gré", "kla", "pri", "sto", "tra", "vlu",
];
const GIVEN_NAMES: u64 = 30 * 30;
const FAMILY_NAMES: u64 = 30 * 30 * 30;
const TITLE_WORDS: [&str; 24] = [
    "sparse", "robust", "graph", "tensor", "causal", "online", "kernel", "random", "convex", "latent", "neural",
    "spectral", "model", "bound", "method", "search", "network", "sample", "estimate", "margin", "prior", "policy",
    "field", "proof",
];
const MAX_EXTRA_AUTHORS: usize = 200;
const FIRST_YEAR: usize = 1995;
const YEAR_COUNT: usize = 31;

/// A seeded pseudorandom number generator (SplitMix64).
struct SeededRng(u64);

impl SeededRng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or_default()
    }

    fn chance_percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn next_fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A heavy-tailed number: 0 in half of all cases, at least n in one of n + 1.
    fn pareto(&mut self, most: usize) -> usize {
        ((1.0 / (1.0 - self.next_fraction())) as usize - 1).min(most)
    }

    /// The number of authors of a paper: four on average, and at least n more than usual in one of (n + 1)².
    fn authors(&mut self) -> usize {
        let beyond = (1.0 / (1.0 - self.next_fraction())).sqrt() as usize - 1;
        1 + self.below(6) + beyond.min(MAX_EXTRA_AUTHORS)
    }
}

fn capitalize(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Encodes a number as this many syllables.
fn encode_syllables(mut number: u64, length: usize) -> String {
    let mut word = String::new();
    for _ in 0..length {
        word.push_str(SYLLABLES[usize::try_from(number % 30).unwrap_or_default()]);
        number /= 30;
    }
    capitalize(&word)
}

/// A unique name for each number below 24 million; neighbouring numbers have dissimilar names.
fn unique_name(number: usize) -> (String, String) {
    let all = GIVEN_NAMES * FAMILY_NAMES;
    // A prime, hence coprime to `all`.
    let mixed = (number as u64 % all) * 15_485_863 % all;
    (encode_syllables(mixed % GIVEN_NAMES, 2), encode_syllables(mixed / GIVEN_NAMES, 3))
}

fn organization_name(number: usize) -> String {
    format!("University of {}", encode_syllables(number as u64 * 7_919 % FAMILY_NAMES, 3))
}

fn organization(number: usize) -> Value {
    let city = encode_syllables(number as u64 * 7_919 % FAMILY_NAMES, 3);
    json!({
        "kind": "organization",
        "names": [
            {"value": organization_name(number), "kind": "DISPLAY", "language": "en"},
            {"value": format!("Université de {city}"), "kind": "LABEL", "language": "fr"},
        ],
        "types": ["EDUCATION"], "city": city, "countryCode": "CA",
    })
}

fn topic_reference(number: usize) -> Value {
    json!({"scheme": "generated", "code": number.to_string()})
}

fn topic(number: usize, rng: &mut SeededRng) -> Value {
    let (own, word) =
        (encode_syllables(number as u64 * 7_907 % FAMILY_NAMES, 3), TITLE_WORDS[number % TITLE_WORDS.len()]);
    let broader: Vec<Value> = if number >= 10 { vec![topic_reference(rng.below(number / 10))] } else { Vec::new() };
    json!({
        "kind": "topic", "scheme": "generated", "code": number.to_string(),
        "names": [
            {"value": format!("{own} {word}"), "kind": "LABEL", "language": "en"},
            {"value": format!("{word} de {own}"), "kind": "LABEL", "language": "fr"},
        ],
        "broader": broader,
    })
}

/// The sizes of the generated dataset.
struct Sizes {
    people: usize,
    papers: usize,
    organizations: usize,
    topics: usize,
}

/// Up to `most` distinct numbers below `bound`, smaller ones more often.
fn sample_skewed(rng: &mut SeededRng, bound: usize, most: usize) -> Vec<usize> {
    let mut chosen = Vec::new();
    for _ in 0..=rng.below(most) {
        // The minimum of two draws: small numbers are more popular.
        let number = rng.below(bound).min(rng.below(bound));
        if !chosen.contains(&number) {
            chosen.push(number);
        }
    }
    chosen
}

fn affiliation(index: usize, organization: usize, rng: &mut SeededRng) -> Value {
    let organization = json!({"name": organization_name(organization)});
    let year = 1980 + rng.below(40);
    match index {
        0 => json!({
            "affiliationKind": "EMPLOYMENT", "organization": organization, "isPrimary": true, "startDate": year.to_string(),
            "roleTitle": {"en": "Professor", "fr": "Professeur"},
        }),
        1 => json!({
            "affiliationKind": "EDUCATION", "organization": organization, "startDate": (year - 6).to_string(),
            "endDate": (year - 1).to_string(), "roleTitle": {"en": "Doctorate", "fr": "Doctorat"},
        }),
        _ => json!({"affiliationKind": "MEMBERSHIP", "organization": organization}),
    }
}

fn researcher(name: &str, parts: Option<(String, String)>, sizes: &Sizes, rng: &mut SeededRng) -> Value {
    let organizations = sample_skewed(rng, sizes.organizations, 3);
    let affiliations: Vec<Value> =
        organizations.into_iter().enumerate().map(|(index, number)| affiliation(index, number, rng)).collect();
    let topics: Vec<Value> = sample_skewed(rng, sizes.topics, 6).into_iter().map(topic_reference).collect();
    let mut record = json!({"kind": "researcher", "name": name, "affiliations": affiliations, "topics": topics});
    if let Some((given, family)) = parts {
        record["givenName"] = given.into();
        record["familyName"] = family.into();
    }
    record
}

fn random_text(rng: &mut SeededRng, words: usize) -> String {
    let mut text = String::new();
    for _ in 0..words {
        let word = if rng.chance_percent(40) {
            TITLE_WORDS[rng.below(TITLE_WORDS.len())].to_owned()
        } else {
            encode_syllables(rng.next() % FAMILY_NAMES, 3).to_lowercase()
        };
        text.push_str(if text.is_empty() { "" } else { " " });
        text.push_str(&word);
    }
    capitalize(&text)
}

/// A random author: in proportion to earlier papers, or uniform.
fn sample_author(written: &[u32], sizes: &Sizes, rng: &mut SeededRng) -> usize {
    if written.is_empty() || rng.chance_percent(30) {
        return rng.below(sizes.people);
    }
    written[rng.below(written.len())] as usize
}

fn author_count(written: &[u32], sizes: &Sizes, rng: &mut SeededRng) -> Vec<usize> {
    let size = rng.authors();
    let first = sample_author(written, sizes, rng);
    let mut authors = vec![first];
    // Bounded, since a small dataset may not have this many different authors.
    for _ in 1..size {
        let next = if rng.chance_percent(70) {
            // Mostly close neighbours, so that coauthors recur.
            let step = 1 + rng.pareto(1_000);
            if rng.chance_percent(50) { first + step } else { first + sizes.people - step % sizes.people }
        } else {
            sample_author(written, sizes, rng)
        } % sizes.people;
        if !authors.contains(&next) {
            authors.push(next);
        }
    }
    authors
}

fn paper(number: usize, authors: &[usize], sizes: &Sizes, rng: &mut SeededRng) -> Value {
    let words = 4 + rng.below(7);
    // The maximum of two draws: recent years are more frequent.
    let year = FIRST_YEAR + rng.below(YEAR_COUNT).max(rng.below(YEAR_COUNT));
    let topics: Vec<Value> = sample_skewed(rng, sizes.topics, 3).into_iter().map(topic_reference).collect();
    let authors: Vec<Value> = authors
        .iter()
        .enumerate()
        .map(|(index, author)| {
            let (given, family) = unique_name(*author);
            json!({
                "position": index + 1, "name": format!("{given} {family}"), "givenName": given, "familyName": family,
            })
        })
        .collect();
    let mut record = json!({
        "kind": "paper", "sourceId": number.to_string(), "title": random_text(rng, words),
        "publicationDate": format!("{year}-{:02}", 1 + rng.below(12)), "type": "CONFERENCE_PAPER",
        "venueName": format!("Symposium of {}", encode_syllables(rng.below(60) as u64, 2)), "authors": authors, "topics": topics,
    });
    if rng.chance_percent(80) {
        let words = 60 + rng.below(80);
        record["abstract"] = json!({"en": random_text(rng, words)});
        record["abstractCompleteness"] = "FULL".into();
    }
    record
}

fn generate(sizes: &Sizes, names: Option<&str>, seed: u64, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut rng = SeededRng(seed);
    for number in 0..sizes.organizations {
        writeln!(out, "{}", organization(number))?;
    }
    for number in 0..sizes.topics {
        writeln!(out, "{}", topic(number, &mut rng))?;
    }
    if let Some(file) = names {
        for line in BufReader::new(File::open(file)?).lines() {
            writeln!(out, "{}", researcher(&line?, None, sizes, &mut rng))?;
        }
        return Ok(());
    }
    for number in 0..sizes.people {
        let (given, family) = unique_name(number);
        let full = format!("{given} {family}");
        writeln!(out, "{}", researcher(&full, Some((given, family)), sizes, &mut rng))?;
    }
    let mut written: Vec<u32> = Vec::new();
    for number in 0..sizes.papers {
        let authors = author_count(&written, sizes, &mut rng);
        written.extend(authors.iter().filter_map(|author| u32::try_from(*author).ok()));
        writeln!(out, "{}", paper(number, &authors, sizes, &mut rng))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|word| word == name).and_then(|index| arguments.get(index + 1));
    let number = |name: &str| value(name).map(|text| text.parse::<usize>()).transpose();
    let Some(people) = number("--people")? else {
        // `cargo test` and `cargo bench` run this without arguments.
        eprintln!("skipped: give the number of people, for example cargo bench --bench generate -- --people 1000");
        return Ok(());
    };
    let people = people.max(1);
    let sizes = Sizes {
        people,
        papers: number("--papers")?.unwrap_or(people * 3),
        organizations: (people / 200).clamp(20, 20_000),
        topics: (people / 100).clamp(50, 4_000),
    };
    let seed = number("--seed")?.unwrap_or(1) as u64;
    let mut out = BufWriter::new(io::stdout().lock());
    let generated = match number("--bibtex")? {
        Some(entries) => bibtex::write_entries(entries, people, seed, &mut out).map_err(Into::into),
        None => generate(&sizes, value("--names").map(String::as_str), seed, &mut out),
    };
    match generated {
        // The reader closed the pipe.
        Err(error)
            if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) =>
        {
            Ok(())
        }
        made => {
            made?;
            Ok(out.flush()?)
        }
    }
}
