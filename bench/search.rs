//! Measures the recall and latency of search: queries a running service for names and titles of its own directory,
//! typed in several ways.
//!
//! `bench/search.sh` starts the service on real data and runs this. The sample is the same for the same directory.

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use academic_directory::text::{names, tokenizer};
use serde_json::{Value, json};

const SAMPLE_SIZE: usize = 1_000;

/// A seeded pseudorandom number generator (SplitMix64).
struct SeededRng(u64);

impl SeededRng {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap_or_default()
    }

    fn sample<T: Clone>(&mut self, all: &[T], amount: usize) -> Vec<T> {
        let mut indices: Vec<usize> = (0..all.len()).collect();
        let amount = amount.min(indices.len());
        for rank in 0..amount {
            let other = rank + self.below(indices.len() - rank);
            indices.swap(rank, other);
        }
        indices[..amount].iter().map(|rank| all[*rank].clone()).collect()
    }
}

struct Service {
    client: reqwest::Client,
    url: String,
}

impl Service {
    async fn query(&self, query: &str, variables: Value) -> Result<Value, Box<dyn Error>> {
        let request = self.client.post(&self.url).json(&json!({ "query": query, "variables": variables }));
        let answer: Value = request.send().await?.json().await?;
        match answer.get("errors") {
            Some(errors) => Err(errors.to_string().into()),
            None => Ok(answer["data"].clone()),
        }
    }

    /// Reads a list page by page until an item fails the condition.
    async fn read_all_pages(
        &self,
        list: &str,
        selection: &str,
        passes: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, Box<dyn Error>> {
        let query = format!(
            "query($after: String) {{ list: {list} {{ pageInfo {{ hasNextPage endCursor }} nodes {{ {selection} }} }} }}"
        );
        let (mut rows, mut after) = (Vec::new(), Value::Null);
        loop {
            let mut data = self.query(&query, json!({ "after": after })).await?;
            let Value::Array(nodes) = data["list"]["nodes"].take() else { return Err("a page without nodes".into()) };
            let end = nodes.iter().position(|node| !passes(node));
            rows.extend(nodes.into_iter().take(end.unwrap_or(usize::MAX)));
            if end.is_some() || data["list"]["pageInfo"]["hasNextPage"] != true {
                return Ok(rows);
            }
            after = data["list"]["pageInfo"]["endCursor"].take();
        }
    }
}

/// The results for one way of typing.
#[derive(Default)]
struct TypingResults {
    queries: usize,
    found_first: usize,
    found_in_top_five: usize,
    times: Vec<Duration>,
    missed: Vec<String>,
}

impl TypingResults {
    fn record(&mut self, typed: &str, rank: Option<usize>, time: Duration) {
        self.queries += 1;
        self.times.push(time);
        self.found_first += usize::from(rank == Some(0));
        self.found_in_top_five += usize::from(rank.is_some_and(|rank| rank < 5));
        if rank.is_none_or(|rank| rank >= 5) {
            self.missed.push(typed.to_owned());
        }
    }

    fn print(&mut self, name: &str) {
        self.times.sort_unstable();
        let share = |part: usize| 100.0 * part as f64 / self.queries.max(1) as f64;
        let time = |per_thousand: usize| {
            let rank = (self.times.len() * per_thousand / 1000).min(self.times.len().saturating_sub(1));
            self.times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        println!(
            "{name:<44} {:>6} {:>7.1} % {:>7.1} % {:>8.1} ms {:>8.1} ms {:>6.1}",
            self.queries,
            share(self.found_first),
            share(self.found_in_top_five),
            time(500),
            time(990),
            time(990) / time(500).max(0.001)
        );
        for missed in self.missed.iter().take(3) {
            println!("    not in the top five: {missed}");
        }
    }
}

const SEARCH: &str =
    "query($typed: String!) { found: search(query: $typed, first: 5) { nodes { id ... on Researcher { name } } } }";
const AUTOCOMPLETE: &str =
    "query($typed: String!) { found: autocomplete(query: $typed, first: 5) { label hint node { id } } }";

/// Whether a result is the entity with an ID.
fn has_id(node: &Value, id: &str) -> bool {
    node["id"] == *id || node["node"]["id"] == *id
}

/// Whether a result is a person with a name, regardless of case and accents. A name can have several people.
fn has_name(node: &Value, name: &str) -> bool {
    node["name"].as_str().is_some_and(|found| names::fold(found) == name)
}

/// Sends each text and finds the rank of the first expected result.
async fn measure(
    service: &Service,
    query: &str,
    typed: &[(String, String)],
    is_expected: fn(&Value, &str) -> bool,
) -> Result<TypingResults, Box<dyn Error>> {
    let mut outcome = TypingResults::default();
    for (text, expected) in typed {
        let begin = Instant::now();
        let data = service.query(query, json!({ "typed": text })).await?;
        let time = begin.elapsed();
        let nodes = data["found"]["nodes"].as_array().or(data["found"].as_array()).cloned().unwrap_or_default();
        let rank = nodes.iter().position(|node| is_expected(node, expected));
        outcome.record(text, rank, time);
    }
    Ok(outcome)
}

/// Changes one letter of a word of five or more letters: omitted, doubled, replaced or swapped with the next.
fn insert_typo(rng: &mut SeededRng, name: &str) -> Option<String> {
    let long: Vec<&str> =
        name.split(' ').filter(|word| word.chars().count() >= 5 && word.chars().all(char::is_alphabetic)).collect();
    let word = *long.get(rng.below(long.len()))?;
    let mut letters: Vec<char> = word.chars().collect();
    let rank = rng.below(letters.len() - 1);
    match rng.below(4) {
        0 => drop(letters.remove(rank)),
        1 => letters.insert(rank, letters[rank]),
        2 => letters[rank] = if letters[rank] == 'e' { 'a' } else { 'e' },
        _ => letters.swap(rank, rank + 1),
    }
    let mistyped: String = letters.into_iter().collect();
    (mistyped != word).then(|| name.replacen(word, &mistyped, 1))
}

fn family_first(person: &Value) -> Option<String> {
    Some(format!("{} {}", person["familyName"].as_str()?, person["givenName"].as_str()?))
}

/// The title without two random words.
fn drop_two_words(rng: &mut SeededRng, title: &str) -> Option<String> {
    let mut left: Vec<&str> = title.split(' ').collect();
    if left.len() < 4 {
        return None;
    }
    for _ in 0..2 {
        left.remove(rng.below(left.len()));
    }
    Some(left.join(" "))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().find(|argument| argument.starts_with("http://"));
    let Some(url) = url else {
        println!(
            "skipped: give the URL of a service, for example cargo bench --bench search -- http://127.0.0.1:8080/graphql"
        );
        return Ok(());
    };
    let service = Service { client: reqwest::Client::builder().no_proxy().build()?, url };
    let by_papers = "researchers(first: 100, after: $after, orderBy: {field: PAPER_COUNT, direction: DESC})";
    let selection = "id name givenName familyName statistics { paperCount }";
    let researchers = service
        .read_all_pages(by_papers, selection, |person| person["statistics"]["paperCount"].as_i64() > Some(3))
        .await?;
    let all_researchers = service.read_all_pages("researchers(first: 100, after: $after)", "name", |_| true).await?;
    let papers = service.read_all_pages("papers(first: 100, after: $after)", "id title", |_| true).await?;
    println!(
        "{} researchers, {} with more than 3 papers, {} papers",
        all_researchers.len(),
        researchers.len(),
        papers.len()
    );

    let mut prefix_counts: HashMap<String, usize> = HashMap::new();
    let prefix = |name: &str| names::fold(name).chars().take(8).collect::<String>();
    for person in &all_researchers {
        *prefix_counts.entry(prefix(person["name"].as_str().unwrap_or_default())).or_default() += 1;
    }
    let mut rng = SeededRng(2_024);
    let researchers = rng.sample(&researchers, SAMPLE_SIZE);
    let papers = rng.sample(&papers, SAMPLE_SIZE);
    let text = |entity: &Value, field: &str| entity[field].as_str().unwrap_or_default().to_owned();
    let typed = |typing: &mut dyn FnMut(&Value) -> Option<String>, entities: &[Value]| -> Vec<(String, String)> {
        entities.iter().filter_map(|entity| Some((typing(entity)?, text(entity, "id")))).collect()
    };
    let plain = typed(&mut |person| Some(names::fold(&text(person, "name"))), &researchers);
    let mistyped: Vec<(String, String)> = researchers
        .iter()
        .map(|person| text(person, "name"))
        .filter_map(|name| Some((insert_typo(&mut rng, &name)?, names::fold(&name))))
        .collect();
    let reversed = typed(&mut family_first, &researchers);
    let prefixes = typed(
        &mut |person| {
            let prefixes = prefix(&text(person, "name"));
            (prefix_counts.get(&prefixes).is_some_and(|shared| *shared <= 5)).then_some(prefixes)
        },
        &researchers,
    );
    let titles = typed(&mut |paper| drop_two_words(&mut rng, &text(paper, "title")), &papers);
    let titles: Vec<_> = titles.into_iter().filter(|(typed, _)| !tokenizer::tokenize(typed).is_empty()).collect();

    // Warm-up.
    measure(&service, SEARCH, &plain[..plain.len().min(50)], has_id).await?;
    measure(&service, AUTOCOMPLETE, &prefixes[..prefixes.len().min(50)], has_id).await?;
    println!(
        "{:<44} {:>6} {:>9} {:>9} {:>11} {:>11} {:>6}",
        "query", "count", "rank 1", "top 5", "p50", "p99", "ratio"
    );
    measure(&service, SEARCH, &plain, has_id).await?.print("(a) name without diacritics, lower case");
    measure(&service, SEARCH, &mistyped, has_name).await?.print("(b) name with one typo");
    measure(&service, SEARCH, &reversed, has_id).await?.print("(c) family name first");
    measure(&service, AUTOCOMPLETE, &prefixes, has_id)
        .await?
        .print("(d) prefix of eight letters, at most five matches");
    measure(&service, SEARCH, &titles, has_id).await?.print("(t) title without two of its words");
    Ok(())
}
