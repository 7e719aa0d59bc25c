//! The tasks of `docs/cookbook.md`, which are the tabs of the page, against the demonstration directory.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use academic_directory::demo;
use serde_json::{Value, json};

use crate::support::{TestApp, pluck_strings};

/// The tasks in the order of the cookbook and of the tabs: the name of the files, and how many statements it takes. Those that are
/// quick and asked for at the same moment are one, so that it takes one less where two others end at the same moment.
const RECIPES: [(&str, u64); 12] = [
    // The person; the words of the headline, the affiliations, topics, coauthors and papers together, and four totals; their
    // organizations and authors together, and a total; who the authors are.
    ("profile", 9),
    // The people, their total, the facets, the organizations and topics of these, the headlines.
    ("people-list", 5),
    // The topic, those above, those below; the people and the papers, each with a total; the years; the authors and their
    // total.
    ("topic-page", 10),
    // The organization, those above, those below; the people, their total, their affiliations, the organizations of
    // these; the papers, their total, their facet, its topics.
    ("organization-page", 11),
    // The person, and two steps with their totals.
    ("coauthor-network", 5),
    // The search, the hints; what was found.
    ("autocomplete-box", 3),
    ("resolve-dois", 1),
    // The people and the papers, each with the ids of what was merged into them.
    ("sync-since", 4),
    // The two ends, four levels of the search, the people, the papers and their totals.
    ("path-between", 8),
    // The person, the headline's words, the affiliations, their organizations, the topics: as for one language.
    ("two-languages", 4),
    // The papers; all authors for the entries, and those that a reference shows.
    ("cite-papers", 3),
    // The counts, the sources; the ids of the examples, the papers, the authors; their names' repairs, their papers.
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

/// The demonstration directory, as the service loads it into an empty database.
async fn demo_directory() -> TestApp {
    let app = TestApp::start().await;
    demo::load(&app.store).await.expect("the demonstration directory");
    app.store.refresh_statistics_if_stale().await.expect("the counts");
    app
}

/// The fenced blocks of a text, each as its language and its lines.
fn fenced_blocks(text: &str) -> Vec<(&str, &str)> {
    let fenced = text.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n')).collect()
}

/// The cookbook's sections in order.
fn sections(cookbook: &str) -> Vec<&str> {
    cookbook.split("\n## ").skip(1).collect()
}

/// An answer as the cookbook shows it: without what differs from day to day and from version to version.
fn with_stable_values(answer: &Value) -> Value {
    match answer {
        Value::Object(fields) => {
            let shown = fields.iter().map(|(name, value)| {
                let value = match (name.as_str(), value) {
                    ("updatedAt", Value::String(_)) => json!("2026-01-01T00:00:00Z"),
                    ("endCursor", Value::String(_)) => json!("(a cursor)"),
                    _ => with_stable_values(value),
                };
                (name.clone(), value)
            });
            Value::Object(shown.collect())
        }
        Value::Array(values) => values.iter().map(with_stable_values).collect(),
        _ => answer.clone(),
    }
}

#[tokio::test]
async fn responses_and_statement_counts() {
    let app = demo_directory().await;
    let cookbook = read_text("docs/cookbook.md");
    let mut taken = Vec::new();
    for ((task, _), section) in RECIPES.into_iter().zip(sections(&cookbook)) {
        let (answer, statements) = app.query_counting_statements(&read_query(task), read_variables(task)).await;
        answer.data();
        let answered = with_stable_values(&answer.body);
        let written = parse_json(fenced_blocks(section).get(2).unwrap_or_else(|| panic!("{task} has no answer")).1);
        assert!(written == answered, "the answer of {task} is not what the cookbook shows; it is\n{answered:#}");
        taken.push((task, statements));
    }
    for ((task, taken), (_, most)) in taken.into_iter().zip(RECIPES) {
        assert!(taken == most || taken + 1 == most, "{task} takes {taken} statements, and not {most}");
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
        assert!((1..=3).contains(&comments), "{task} begins with what it is for");
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

    let folder = std::fs::read_dir(repository_path("web/src/examples")).expect("the examples");
    let files: BTreeSet<String> =
        folder.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect();
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
    let answer = app.query(blocks[0].1, parse_json(variables)).await;
    assert_eq!(answer.body, parse_json(blocks[1].1));
}

#[tokio::test]
async fn incremental_sync() {
    let app = demo_directory().await;
    let query = read_query("sync-since");
    let mut variables = read_variables("sync-since");
    let (mut people, mut papers, mut moments) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let data = app.data_with_variables(&query, variables.clone()).await;
        people.extend(pluck_strings(&data["researchers"]["nodes"], &["id"]));
        papers.extend(pluck_strings(&data["papers"]["nodes"], &["id"]));
        moments.extend(pluck_strings(&data["papers"]["nodes"], &["updatedAt"]));
        let pages = [&data["researchers"]["pageInfo"], &data["papers"]["pageInfo"]];
        for (page, after) in pages.iter().zip(["peopleAfter", "papersAfter"]) {
            // The end of a list that is read stays where it is: what follows it is empty.
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
    // From the last moment on, nothing is missed that happened at that moment.
    assert!(moments.is_sorted());
    variables = read_variables("sync-since");
    variables["since"] = json!(moments.last());
    let data = app.data_with_variables(&query, variables.clone()).await;
    assert!(!pluck_strings(&data["papers"]["nodes"], &["id"]).is_empty());
    variables["since"] = json!("2999-01-01T00:00:00Z");
    let data = app.data_with_variables(&query, variables).await;
    assert_eq!(data["papers"]["nodes"], json!([]));
}
