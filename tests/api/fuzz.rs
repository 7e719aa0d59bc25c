//! Fuzzing: mutated GraphQL documents must give a response or a client error, never an internal error.

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::support::synthetic_data::{SeededRng, college_records};
use crate::support::{CLIENT_ERROR_CODES, TestApp};

/// The number of documents; `FUZZ_DOCUMENTS` overrides it.
const DEFAULT_DOCUMENT_COUNT: u64 = 1_500;

/// The queries of the cookbook, and documents with typical mistakes.
fn seed_documents() -> Vec<String> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/src/examples");
    let files = std::fs::read_dir(directory).expect("the examples").flatten().map(|entry| entry.path());
    let queries = files.filter(|path| path.extension().is_some_and(|extension| extension == "graphql"));
    let mut seeds: Vec<String> = queries.map(|path| std::fs::read_to_string(path).expect("a query")).collect();
    seeds.sort();
    seeds.extend([
        include_str!("introspection.graphql").to_owned(),
        "{ ...a } fragment a on Query { ...b ...b } fragment b on Query { __typename ...a }".to_owned(),
        "query($a: [ID!]! = [\"x\"], $b: Boolean = true) { nodes(ids: $a) @include(if: $b) { id ... on Paper { title } } }".to_owned(),
        "{ papers(first: 100, filter: {or: [{not: {ids: []}}, {query: \"\"\"a\n \\\"\"\" b\"\"\"}]}) { totalCount } }".to_owned(),
        "mutation { a } subscription { b }".to_owned(),
    ]);
    seeds
}

/// Splits a document roughly at token boundaries.
fn split_tokens(text: &str) -> Vec<&str> {
    text.split_inclusive([' ', '\n', '(', ')', '{', '}', '[', ']', ':', ',', '"', '$', '@', '!', '.']).collect()
}

const ODD_FRAGMENTS: [&str; 24] = [
    "\"",
    "\"\"\"",
    "\\",
    "\u{0}",
    "\u{feff}",
    "é",
    "🙂",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "$",
    "@skip(if: true)",
    "...",
    "#",
    "null",
    "-",
    "1e999",
    "99999999999999999999",
    "\"\\ud800\"",
    "__schema { types { name } }",
    "first: -1",
];

/// Applies random mutations to a random seed document.
fn mutate_document(rng: &mut SeededRng, seeds: &[String]) -> String {
    let mut text = seeds[rng.below(seeds.len())].clone();
    for _ in 0..rng.below(5) {
        let parts = split_tokens(&text);
        let (from, other) = (rng.below(parts.len()), rng.below(parts.len()));
        let (start, end) = (from.min(other), from.max(other).min(from.min(other) + 12));
        let mut changed: Vec<&str> = parts.clone();
        let seed;
        match rng.below(6) {
            0 => drop(changed.drain(start..end)),
            1 => {
                (0..=rng.below(8))
                    .for_each(|_| changed.splice(start..start, parts[start..end].to_vec()).for_each(drop));
            }
            2 => changed.insert(start, ODD_FRAGMENTS[rng.below(ODD_FRAGMENTS.len())]),
            3 if !changed.is_empty() => changed.swap(start, other.min(parts.len() - 1)),
            4 => changed.truncate(start),
            _ => {
                seed = seeds[rng.below(seeds.len())].clone();
                let others = split_tokens(&seed);
                let begin = rng.below(others.len());
                let piece: Vec<&str> = others[begin..(begin + 20).min(others.len())].to_vec();
                changed.splice(start..start, piece).for_each(drop);
                text = changed.concat();
                continue;
            }
        }
        text = changed.concat();
    }
    text
}

fn random_variables(rng: &mut SeededRng) -> Value {
    let values =
        [json!(null), json!("x"), json!(7), json!(-1), json!([]), json!({}), json!([["a"]]), json!(true), json!(1e300)];
    let names = ["a", "b", "slug", "languages", "first", "after", "query", "id", "ids", "keys", "from", "to"];
    let amount = rng.below(5);
    (0..amount).map(|_| (names[rng.below(names.len())].to_owned(), values[rng.below(values.len())].clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutated_documents() {
    let amount =
        std::env::var("FUZZ_DOCUMENTS").ok().and_then(|amount| amount.parse().ok()).unwrap_or(DEFAULT_DOCUMENT_COUNT);
    let app = TestApp::start().await;
    app.create_records(json!(college_records(6))).await;
    let seeds = seed_documents();
    let mut rng = SeededRng::new(1);
    let requests = (0..amount).map(|_| (mutate_document(&mut rng, &seeds), random_variables(&mut rng)));
    let requests = stream::iter(requests).map(|(query, variables)| {
        let request = app.client().post(app.url("/graphql")).json(&json!({ "query": query, "variables": variables }));
        async move {
            let response = request.send().await.unwrap_or_else(|error| panic!("{error}: {query}"));
            let status = response.status().as_u16();
            let body = response.bytes().await.expect("a complete response");
            let result: Value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {query}"));
            assert_eq!(status, 200, "{query} {variables}: {result}");
            let errors = result["errors"].as_array().cloned().unwrap_or_default();
            assert!(errors.len() <= 10 && serde_json::to_vec(&errors).expect("JSON").len() <= 16 * 1024, "{query}");
            for error in &errors {
                let code = error["extensions"]["code"].as_str().unwrap_or("none");
                assert!(CLIENT_ERROR_CODES.contains(&code), "{query} {variables}: {error}");
            }
            errors.is_empty()
        }
    });
    let ok_count = requests.buffer_unordered(4).filter(|is_ok| std::future::ready(*is_ok)).count().await;
    println!("{ok_count} of {amount} documents had no errors");
    assert!(ok_count > 0, "some documents are valid");
    app.data("{ __typename }").await;
}
