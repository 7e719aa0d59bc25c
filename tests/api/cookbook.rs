//! The recipes of `docs/cookbook.md`, which are also the tabs of GraphiQL, against the demo directory.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use academic_directory::demo;
use serde_json::{Value, json};

use crate::support::{TestApp, pluck_strings};

/// The recipes in their order: file name and maximum number of statements. Statements issued at the same time are
/// batched, so that a run may take one less.
const RECIPES: [(&str, u64); 13] = [
    // The researcher; in one batch the texts of the headline, affiliations, topics, coauthors, papers and four totals;
    // in one batch their organizations and authors, and a total; the researchers of the authors.
    ("profile", 9),
    // The researchers, their total, the facets, the organizations and topics of these, the headlines.
    ("people-list", 5),
    // The topic, broader ones, narrower ones; the researchers and papers with a total each; the years; the authors and
    // their total.
    ("topic-page", 10),
    // The organization, its ancestors, its children; the researchers, their total, their affiliations, the
    // organizations of these; the papers, their total, their facet, its topics.
    ("organization-page", 11),
    // The researcher, and two levels of coauthors with their totals.
    ("coauthor-network", 5),
    // The researcher; the coauthors; the links among them.
    ("network-graph", 3),
    // The search, the hints, the entities.
    ("autocomplete-box", 3),
    ("resolve-dois", 1),
    // The researchers and papers, each with the IDs of merged entities.
    ("sync-since", 4),
    // The two ends, four levels of the search, the researchers, the papers and their totals.
    ("path-between", 8),
    // The researcher, the texts of the headline, the affiliations, their organizations, the topics: the same as for one
    // language.
    ("two-languages", 4),
    // The papers; all authors for BibTeX entries, and those that a formatted citation shows.
    ("cite-papers", 3),
    // The counts, the sources; the IDs of the samples, the papers, the authors; their name repairs, their papers.
    ("data-quality", 6),
];

fn repository_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read_text(path: &str) -> String {
    read_to_string(repository_path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read_query(task: &str) -> String {
    read_text(&format!("web/src/examples/{task}.graphql"))
}

fn read_variables(task: &str) -> Value {
    parse_json(&read_text(&format!("web/src/examples/{task}.variables.json")))
}

fn parse_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// The demo directory, loaded as the service loads it into an empty database.
async fn demo_directory() -> TestApp {
    let app = TestApp::start().await;
    demo::load(&app.store).await.expect("the demonstration directory");
    app.store.refresh_statistics_if_stale().await.expect("the counts");
    app
}

/// The fenced code blocks of a Markdown text, each as its language and content.
fn fenced_blocks(text: &str) -> Vec<(&str, &str)> {
    let fenced = text.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n')).collect()
}

/// The cookbook's sections in order.
fn sections(cookbook: &str) -> Vec<&str> {
    cookbook.split("\n## ").skip(1).collect()
}

/// The response without timestamps and cursors, which differ between runs.
fn with_stable_values(response: &Value) -> Value {
    match response {
        Value::Object(fields) => {
            let stable = fields.iter().map(|(name, value)| {
                let value = match (name.as_str(), value) {
                    ("updatedAt", Value::String(_)) => json!("2026-01-01T00:00:00Z"),
                    ("endCursor", Value::String(_)) => json!("(a cursor)"),
                    _ => with_stable_values(value),
                };
                (name.clone(), value)
            });
            Value::Object(stable.collect())
        }
        Value::Array(values) => values.iter().map(with_stable_values).collect(),
        _ => response.clone(),
    }
}

/// The value of a counter among the metrics.
async fn counter(app: &TestApp, name: &str) -> u64 {
    let response = app.client().get(app.url("/metrics")).send().await.expect("a response");
    let metrics = response.text().await.expect("a text");
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

#[tokio::test]
async fn documents_are_cached() {
    let app = demo_directory().await;
    let (hits, misses) =
        ("academic_directory_document_cache_hits_total", "academic_directory_document_cache_misses_total");
    for round in 1..=3 {
        for (task, _) in RECIPES {
            app.query(&read_query(task), read_variables(task)).await.data();
        }
        let recipes = RECIPES.len() as u64;
        assert_eq!((counter(&app, hits).await, counter(&app, misses).await), ((round - 1) * recipes, recipes));
    }
}

#[tokio::test]
async fn responses_and_statement_counts() {
    let app = demo_directory().await;
    let cookbook = read_text("docs/cookbook.md");
    let mut taken = Vec::new();
    for ((task, _), section) in RECIPES.into_iter().zip(sections(&cookbook)) {
        let (response, statements) = app.query_counting_statements(&read_query(task), read_variables(task)).await;
        response.data();
        let actual = with_stable_values(&response.body);
        let expected = parse_json(fenced_blocks(section).get(2).unwrap_or_else(|| panic!("{task} has no response")).1);
        assert!(expected == actual, "the response to {task} differs from the cookbook; it is\n{actual:#}");
        taken.push((task, statements));
    }
    for ((task, taken), (_, most)) in taken.into_iter().zip(RECIPES) {
        assert!(taken == most || taken + 1 == most, "{task} executes {taken} statements, expected {most}");
    }
}

#[test]
fn example_files() {
    let cookbook = read_text("docs/cookbook.md");
    let sections = sections(&cookbook);
    assert_eq!(sections.len(), RECIPES.len());
    for ((task, _), section) in RECIPES.into_iter().zip(sections) {
        let query = read_query(task);
        let variables = read_text(&format!("web/src/examples/{task}.variables.json"));
        let blocks = fenced_blocks(section);
        assert_eq!(
            blocks.iter().map(|(language, _)| *language).collect::<Vec<_>>(),
            ["graphql", "json", "json"],
            "{task}"
        );
        assert_eq!(blocks[0].1, query, "{task}");
        assert_eq!(blocks[1].1, variables, "{task}");
        let comments = query.lines().take_while(|line| line.starts_with("# ")).count();
        assert!((1..=3).contains(&comments), "{task} starts with a description");
        assert_eq!(query.lines().filter(|line| line.starts_with("query ")).count(), 1, "{task} is one operation");
    }
}

#[test]
fn graphiql_tabs() {
    let index = read_text("web/src/examples/index.ts");
    let tabs: Vec<&str> = index.lines().filter_map(|line| line.trim().strip_prefix("{ query: ")).collect();
    let expected = RECIPES.map(|(task, _)| {
        let mut words = task.split('-');
        let first = words.next().unwrap_or_default().to_owned();
        let name = words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..]);
        assert!(index.contains(&format!("import {name} from './{task}.graphql?raw';")), "{task}");
        assert!(index.contains(&format!("import {name}Variables from './{task}.variables.json?raw';")), "{task}");
        format!("{name}, variables: {name}Variables }},")
    });
    assert_eq!(tabs, expected);

    let directory = std::fs::read_dir(repository_path("web/src/examples")).expect("the examples");
    let files: BTreeSet<String> =
        directory.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    let mut expected = BTreeSet::from(["index.ts".to_owned()]);
    for (task, _) in RECIPES {
        expected.extend([format!("{task}.graphql"), format!("{task}.variables.json")]);
    }
    assert_eq!(files, expected);
}

#[tokio::test]
async fn readme_response() {
    let app = demo_directory().await;
    let readme = read_text("README.md");
    let (_, section) = readme.split_once("\n## Query it\n").expect("the section");
    let blocks = fenced_blocks(section);
    let variables = section.split('`').find(|text| text.starts_with("{\"languages\"")).expect("its variables");
    let response = app.query(blocks[0].1, parse_json(variables)).await;
    assert_eq!(response.body, parse_json(blocks[1].1));
}

#[tokio::test]
async fn incremental_sync() {
    let app = demo_directory().await;
    let query = read_query("sync-since");
    let mut variables = read_variables("sync-since");
    let (mut people, mut papers, mut timestamps) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let data = app.data_with_variables(&query, variables.clone()).await;
        people.extend(pluck_strings(&data["researchers"]["nodes"], &["id"]));
        papers.extend(pluck_strings(&data["papers"]["nodes"], &["id"]));
        timestamps.extend(pluck_strings(&data["papers"]["nodes"], &["updatedAt"]));
        let pages = [&data["researchers"]["pageInfo"], &data["papers"]["pageInfo"]];
        for (page, after) in pages.iter().zip(["peopleAfter", "papersAfter"]) {
            // The cursor of a finished list is kept; the page after it is empty.
            if page["endCursor"].is_string() {
                variables[after] = page["endCursor"].clone();
            }
        }
        if pages.iter().all(|page| page["hasNextPage"] == false) {
            break;
        }
    }
    let statistics = app.data("{ directory { statistics { researcherCount paperCount } } }").await;
    for (ids, count) in [(&people, "researcherCount"), (&papers, "paperCount")] {
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each once");
        assert_eq!(json!(ids.len()), statistics["directory"]["statistics"][count]);
    }
    // A sync that starts at the last timestamp misses nothing.
    assert!(timestamps.is_sorted());
    variables = read_variables("sync-since");
    variables["since"] = json!(timestamps.last());
    let data = app.data_with_variables(&query, variables.clone()).await;
    assert!(!pluck_strings(&data["papers"]["nodes"], &["id"]).is_empty());
    variables["since"] = json!("2999-01-01T00:00:00Z");
    let data = app.data_with_variables(&query, variables).await;
    assert_eq!(data["papers"]["nodes"], json!([]));
}
