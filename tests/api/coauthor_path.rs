//! Shortest chains of coauthors between two researchers, with a maximum length and a search budget.

use std::collections::{BTreeSet, VecDeque};

use academic_directory::config::Limits;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::synthetic_data::{SeededRng, SyntheticPaper, synthetic_papers, synthetic_records};
use crate::support::{TestApp, paper_record, parse_records, pluck_strings, researcher_record};

const QUERY: &str = "query($from: ID!, $to: ID!, $most: Int! = 6) { coauthorPath(fromId: $from, toId: $to, maxLength: $most) { \
     steps { from { slug } to { slug } papers(first: 50) { totalCount nodes { slug } } } } }";

/// A path as slugs with the papers of each step in parentheses; `none` if there is no path.
async fn format_path(app: &TestApp, from: &str, to: &str, most: i32) -> String {
    let ends = (app.find_id("researcher", from).await, app.find_id("researcher", to).await);
    let data = app.data_with_variables(QUERY, json!({ "from": ends.0, "to": ends.1, "most": most })).await;
    let Some(steps) = data["coauthorPath"]["steps"].as_array() else { return "none".to_owned() };
    let slug = |person: &Value| person["slug"].as_str().unwrap_or_default().to_owned();
    let mut formatted = from.to_owned();
    let mut last = from.to_owned();
    for step in steps {
        assert_eq!(slug(&step["from"]), last, "each step starts where the one before ends: {data}");
        last = slug(&step["to"]);
        let papers = pluck_strings(&step["papers"]["nodes"], &["slug"]);
        assert_eq!(step["papers"]["totalCount"], papers.len());
        formatted = format!("{formatted} ({}) {last}", papers.join(", "));
    }
    assert_eq!(last, to);
    formatted
}

/// A chain of coauthors from A to E, with six further coauthors at each end.
async fn chain_directory(limits: Limits) -> TestApp {
    let app = TestApp::start_with_limits(limits, 3).await;
    let mut records = vec![
        paper_record("One", Some(2001), &["A", "B"]),
        paper_record("Two", Some(2005), &["C", "B"]),
        paper_record("Second", None, &["B", "C"]),
        paper_record("Three", Some(2003), &["C", "D"]),
        paper_record("Four", Some(2003), &["D", "E", "Not In The Row"]),
        // One author above the consortium size: excluded from coauthorship.
        paper_record("Everybody", Some(2004), &["A", "B", "D", "E"]),
        researcher_record("Loner"),
        paper_record("Apart", Some(2004), &["X", "Y"]),
    ];
    records.extend(
        (0..6).map(|number| paper_record(&format!("Crowd {number}"), Some(2000), &["A", &format!("One Of {number}")])),
    );
    records.extend(
        (0..6).map(|number| paper_record(&format!("Mass {number}"), Some(2000), &["E", &format!("Part Of {number}")])),
    );
    app.create_records(json!(records)).await;
    app
}

#[tokio::test]
async fn shortest_paths() {
    let app = chain_directory(Limits::default()).await;
    for (from, to, expected) in [
        ("a", "a", "a"),
        ("a", "b", "a (one) b"),
        ("a", "c", "a (one) b (two, second) c"),
        ("a", "e", "a (one) b (two, second) c (three) d (four) e"),
        ("e", "a", "e (four) d (three) c (two, second) b (one) a"),
        ("one-of-3", "part-of-2", "one-of-3 (crowd-3) a (one) b (two, second) c (three) d (four) e (mass-2) part-of-2"),
        ("a", "loner", "none"),
        ("loner", "a", "none"),
        ("a", "x", "none"),
        ("loner", "loner", "loner"),
    ] {
        assert_eq!(format_path(&app, from, to, 6).await, expected, "{from} to {to}");
    }
}

#[tokio::test]
async fn max_length() {
    let app = chain_directory(Limits::default()).await;
    for most in 1..=10 {
        assert_eq!(format_path(&app, "a", "e", most).await != "none", most >= 4, "{most}");
        assert_eq!(format_path(&app, "a", "b", most).await, "a (one) b", "{most}");
        assert_eq!(format_path(&app, "a", "a", most).await, "a", "{most}");
    }
    let (from, to) = (app.find_id("researcher", "one-of-3").await, app.find_id("researcher", "part-of-2").await);
    let within = async |argument: &str| {
        let query =
            format!("{{ coauthorPath(fromId: {from:?}, toId: {to:?}{argument}) {{ steps {{ to {{ slug }} }} }} }}");
        app.data(&query).await["coauthorPath"]["steps"].as_array().map(Vec::len)
    };
    assert_eq!(within("").await, Some(6), "the default is 6");
    assert_eq!(within(", maxLength: 5").await, None);
    for most in [0, -1, 11, i32::MAX, i32::MIN] {
        let message = app.client_error(QUERY, json!({ "from": from, "to": to, "most": most })).await;
        assert_eq!(message, format!("maxLength is {most}; it must be between 1 and 10"));
    }
}

#[tokio::test]
async fn ids() {
    let app = chain_directory(Limits::default()).await;
    app.insert_redirect("researcher", 9_000, "former-a", "a").await;
    let (a, b) = (app.find_id("researcher", "a").await, app.find_id("researcher", "b").await);
    let work = app.find_id("paper", "one").await;
    let id = |number: i64| URL_SAFE_NO_PAD.encode(format!("Researcher:{number}"));
    let (former, unknown) = (id(9_000), id(987_654));
    for (from, to, expected) in [
        (&former, &b, json!({ "steps": [{ "from": { "slug": "a" } }] })),
        (&b, &former, json!({ "steps": [{ "from": { "slug": "b" } }] })),
        (&former, &a, json!({ "steps": [] })),
        (&former, &former, json!({ "steps": [] })),
        (&unknown, &b, json!(null)),
        (&a, &unknown, json!(null)),
        (&unknown, &unknown, json!(null)),
    ] {
        let query = format!("{{ coauthorPath(fromId: {from:?}, toId: {to:?}) {{ steps {{ from {{ slug }} }} }} }}");
        assert_eq!(app.data(&query).await["coauthorPath"], expected, "{from} {to}");
    }
    insta::assert_snapshot!(app.client_error(QUERY, json!({ "from": a, "to": "x" })).await, @"'x' is not an id of this directory; use the value of an `id` field");
    let refused = app.client_error(QUERY, json!({ "from": work, "to": a })).await;
    assert_eq!(refused, format!("fromId takes IDs of type Researcher; '{work}' is of type Paper"));
    let refused = app.client_error(QUERY, json!({ "from": a, "to": work })).await;
    assert_eq!(refused, format!("toId takes IDs of type Researcher; '{work}' is of type Paper"));
    app.client_error(QUERY, json!({ "from": "", "to": a })).await;
    app.client_error(QUERY, json!({ "from": "\u{0}", "to": a })).await;
}

#[tokio::test]
async fn search_budget() {
    // Eight covers the two ends and the six coauthors of one end, but not the next step.
    let app = chain_directory(Limits { path_researchers: 8, ..Limits::default() }).await;
    let (a, e) = (app.find_id("researcher", "a").await, app.find_id("researcher", "e").await);
    insta::assert_snapshot!(
        app.client_error(QUERY, json!({ "from": a, "to": e })).await,
        @"the search visited more than 8 researchers before its ends met; use a maxLength of at most 1"
    );
    // The suggested maximum length succeeds.
    assert_eq!(format_path(&app, "a", "e", 1).await, "none");
    assert_eq!(format_path(&app, "a", "b", 1).await, "a (one) b");
    // A small component is exhausted before the large one is expanded.
    assert_eq!(format_path(&app, "loner", "a", 10).await, "none");
    assert_eq!(format_path(&app, "x", "a", 10).await, "none");

    let app = chain_directory(Limits { path_researchers: 12, ..Limits::default() }).await;
    let (a, e) = (app.find_id("researcher", "a").await, app.find_id("researcher", "e").await);
    let refused = app.client_error(QUERY, json!({ "from": a, "to": e })).await;
    assert!(refused.ends_with("maxLength of at most 2"), "{refused}");
    assert_eq!(format_path(&app, "a", "c", 2).await, "a (one) b (two, second) c");
    assert_eq!(format_path(&app, "a", "e", 2).await, "none");
    // Exactly the number of researchers on the way, and one less.
    for (people, passes) in [(18, true), (17, false)] {
        let app = chain_directory(Limits { path_researchers: people, ..Limits::default() }).await;
        let (a, e) = (app.find_id("researcher", "a").await, app.find_id("researcher", "e").await);
        let response = app.query(QUERY, json!({ "from": a, "to": e })).await;
        assert_eq!(response.codes().is_empty(), passes, "{people}: {}", response.body);
    }
}

#[tokio::test]
async fn statements_and_costs() {
    let app = chain_directory(Limits::default()).await;
    let (from, to) = (app.find_id("researcher", "one-of-3").await, app.find_id("researcher", "part-of-2").await);
    let (response, statements) = app.query_counting_statements(QUERY, json!({ "from": from, "to": to })).await;
    assert_eq!(response.data()["coauthorPath"]["steps"].as_array().map(Vec::len), Some(6));
    // The two ends, six levels, the researchers, the papers of all steps, their counts.
    assert_eq!(statements, 10);
    let (response, statements) = app.query_counting_statements(QUERY, json!({ "from": from, "to": from })).await;
    response.data();
    assert_eq!(statements, 2, "the end, and an empty lookup");

    // A search costs more than its result; papers of a step cost as much as any page.
    let app = chain_directory(Limits { cost: 3_300, ..Limits::default() }).await;
    let asks = |selection: &str| {
        format!("{{ coauthorPath(fromId: {from:?}, toId: {to:?}, maxLength: 2) {{ steps {{ {selection} }} }} }}")
    };
    app.data(&asks("papers(first: 10) { nodes { slug } }")).await;
    app.client_error(&asks("papers(first: 100) { nodes { slug } }"), json!({})).await;
    let twice = format!(
        "{{ a: coauthorPath(fromId: {from:?}, toId: {to:?}) {{ steps {{ to {{ slug }} }} }} b: coauthorPath(fromId: {from:?}, toId: {to:?}) {{ steps {{ to {{ slug }} }} }} }}"
    );
    let refusal = app.client_error(&twice, json!({})).await;
    assert!(refusal.starts_with("the query could cost 6") && refusal.contains("the limit is 3300"), "{refusal}");
}

/// The number of steps of the shortest path to each researcher.
fn distances(works: &[SyntheticPaper], people: usize, consortium_size: usize, from: usize) -> Vec<Option<usize>> {
    let mut distances = vec![None; people];
    distances[from] = Some(0);
    let mut waiting = VecDeque::from([from]);
    while let Some(person) = waiting.pop_front() {
        let own = works.iter().filter(|work| work.authors.len() <= consortium_size && work.authors.contains(&person));
        let coauthors: BTreeSet<usize> = own.flat_map(|work| work.authors.iter().copied()).collect();
        for coauthor in coauthors {
            if distances[coauthor].is_none() {
                distances[coauthor] = distances[person].map(|steps| steps + 1);
                waiting.push_back(coauthor);
            }
        }
    }
    distances
}

#[tokio::test]
async fn matches_a_naive_search() {
    const PEOPLE: usize = 24;
    const CONSORTIUM: usize = 3;
    let mut lengths = BTreeSet::new();
    for seed in 21..=23 {
        let mut rng = SeededRng::new(seed);
        let works = synthetic_papers(&mut rng, PEOPLE, 40);
        let app = TestApp::start_with_limits(Limits::default(), u32::try_from(CONSORTIUM).unwrap_or_default()).await;
        app.write_records(&parse_records(json!(synthetic_records(&works, PEOPLE)))).await;
        let mut ids = Vec::new();
        for person in 0..PEOPLE {
            ids.push(app.find_id("researcher", &format!("person-{person}")).await);
        }
        for from in (0..PEOPLE).step_by(3) {
            let distances = distances(&works, PEOPLE, CONSORTIUM, from);
            for (to, distance) in distances.iter().enumerate() {
                let most = 1 + rng.below(8);
                let variables = json!({ "from": ids[from], "to": ids[to], "most": most });
                let data = app.data_with_variables(QUERY, variables.clone()).await;
                let context = format!("seed {seed}, from {from} to {to} within {most}: {data}");
                let steps = data["coauthorPath"]["steps"].as_array();
                assert_eq!(steps.map(Vec::len), distance.filter(|steps| *steps <= most), "{context}");
                lengths.insert(steps.map(Vec::len));
                let mut last = format!("person-{from}");
                for step in steps.into_iter().flatten() {
                    assert_eq!(step["from"]["slug"], last, "{context}");
                    last = step["to"]["slug"].as_str().unwrap_or_default().to_owned();
                    assert!(step["papers"]["totalCount"].as_i64().is_some_and(|papers| papers > 0), "{context}");
                }
                if steps.is_some() {
                    assert_eq!(last, format!("person-{to}"), "{context}");
                }
                // The result is deterministic.
                if to % 5 == 0 {
                    assert_eq!(app.data_with_variables(QUERY, variables).await, data);
                }
            }
        }
    }
    assert!(lengths.len() >= 5, "paths of several lengths were found: {lengths:?}");
}
