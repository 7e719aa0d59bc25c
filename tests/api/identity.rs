//! Who is who: what joins authors, what keeps them apart, and that it does not depend on the order of imports.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{TestApp, orcid, paper, records_of, researcher, texts, with};

/// A paper of which more is known of each author.
fn told(title: &str, year: i32, venue: &str, authors: Value) -> Value {
    let authors = authors
        .as_array()
        .expect("authors")
        .iter()
        .enumerate()
        .map(|(number, author)| with(author.clone(), json!({ "position": number + 1 })));
    let authors: Vec<Value> = authors.collect();
    with(paper(title, Some(year), &[]), json!({ "authors": authors, "venueName": venue }))
}

/// Each researcher of a name with the titles of their papers.
async fn people(app: &TestApp, name: &str) -> BTreeSet<(String, Vec<String>)> {
    let query = "query People($name: String!) { researchers(filter: {query: $name}, first: 100) { nodes {
        name papers(first: 100, orderBy: {field: TITLE, direction: ASC}) { nodes { title } } } } }";
    let found = app.data_with(query, json!({ "name": name })).await["researchers"]["nodes"].clone();
    let found = found.as_array().expect("people").iter().map(|person| {
        (person["name"].as_str().expect("a name").to_owned(), texts(&person["papers"]["nodes"], &["title"]))
    });
    found.collect()
}

fn of(parts: &[(&str, &[&str])]) -> BTreeSet<(String, Vec<String>)> {
    parts.iter().map(|(name, titles)| ((*name).to_owned(), titles.iter().map(ToString::to_string).collect())).collect()
}

async fn resolutions(app: &TestApp, title: &str) -> Value {
    let query = "query Paper($slug: String!) { paper(by: {slug: $slug}) { authorships { nodes {
        name researcher { slug } resolution { method confidence evidence { kind value } } } } } }";
    app.data_with(query, json!({ "slug": title })).await["paper"]["authorships"]["nodes"].clone()
}

#[tokio::test]
async fn namesakes() {
    let app = TestApp::start().await;
    app.load(json!([
        paper("a", Some(2001), &["Wei Zhang", "Ida Brook", "Uma Quist"]),
        paper("b", Some(2002), &["Wei Zhang", "Ida Brook", "Uma Quist"]),
        paper("c", Some(2001), &["Wei Zhang", "Petar Novakson"]),
        paper("d", Some(2003), &["Petar Novakson", "Wei Zhang", "Edda Frostad"]),
        paper("e", Some(2003), &["Wei Zhang", "Edda Frostad"]),
    ]))
    .await;
    let two = of(&[("Wei Zhang", &["a", "b"]), ("Wei Zhang", &["c", "d", "e"])]);
    assert_eq!(people(&app, "Wei Zhang").await, two);
    insta::assert_json_snapshot!(resolutions(&app, "d").await);
    // Coauthors follow.
    let query = "{ researchers(filter: {query: \"Ida Brook\"}) { nodes { coauthors { edges { node { name } paperCount } } } } }";
    let coauthors = app.data(query).await["researchers"]["nodes"][0]["coauthors"]["edges"].clone();
    let counts: Vec<_> = coauthors.as_array().expect("edges").iter().map(|edge| edge["paperCount"].clone()).collect();
    assert_eq!(counts, [2, 2]);
}

#[tokio::test]
async fn rare_names_initials_and_spellings() {
    let app = TestApp::start().await;
    app.load(json!([
        paper("a", Some(2001), &["Ana Ilić", "Ida Brookside"]),
        paper("b", Some(2002), &["A. Ilic", "Ida Brookside"]),
        paper("c", Some(2004), &["Ana Ilic"]),
        paper("d", Some(2005), &["A. Frostad"]),
        paper("e", Some(2005), &["Anders Frostad", "Ida Brookside"]),
        paper("f", Some(2005), &["Arne Frostad", "Tom Quist"]),
    ]))
    .await;
    assert_eq!(people(&app, "Ilić").await, of(&[("Ana Ilić", &["a", "b", "c"])]));
    // Two people fit the initial: it is nobody's.
    let frostads = of(&[("A. Frostad", &["d"]), ("Anders Frostad", &["e"]), ("Arne Frostad", &["f"])]);
    assert_eq!(people(&app, "Frostad").await, frostads);
}

#[tokio::test]
async fn ids() {
    let app = TestApp::start().await;
    let (one, other) = (orcid(1), orcid(2));
    let by = |title: &str, author: Value| told(title, 2010, "Journal", json!([author]));
    app.load(json!([
        by("a", json!({ "name": "Wei Zhang", "orcid": one })),
        by("b", json!({ "name": "W. Zhang", "orcid": one })),
        by("c", json!({ "name": "Wei Zhang", "orcid": other })),
        by("d", json!({ "name": "Wei Zhang", "identifiers": [{ "scheme": "openalex", "value": "A1" }] })),
        by("e", json!({ "name": "Wei Zhang", "identifiers": [{ "scheme": "openalex", "value": "A1" }] })),
        with(researcher("Wei Zhang"), json!({ "orcid": one, "homepageUrl": "https://example.org/wei" })),
    ]))
    .await;
    let three = of(&[("Wei Zhang", &["a", "b"]), ("Wei Zhang", &["c"]), ("Wei Zhang", &["d", "e"])]);
    assert_eq!(people(&app, "Wei Zhang").await, three);
    let query = "query By($by: ResearcherBy!) { researcher(by: $by) { homepageUrl orcid identifiers { scheme value }
        papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title } } } }";
    let first = app.data_with(query, json!({ "by": { "orcid": one } })).await["researcher"].clone();
    assert_eq!(texts(&first["papers"]["nodes"], &["title"]), ["a", "b"]);
    assert_eq!(first["homepageUrl"], "https://example.org/wei");
    let key = json!({ "by": { "identifier": { "scheme": "openalex", "value": "A1" } } });
    let third = app.data_with(query, key).await["researcher"].clone();
    assert_eq!(texts(&third["papers"]["nodes"], &["title"]), ["d", "e"]);
    let found = resolutions(&app, "b").await;
    assert_eq!(found[0]["resolution"]["method"], "IDENTIFIER");
}

#[tokio::test]
async fn contrary_evidence() {
    let app = TestApp::start().await;
    app.load(json!([
        paper("a", Some(1900), &["Edda Frostad", "Tom Quist"]),
        paper("b", Some(1961), &["Edda Frostad", "Tom Quist"]),
        paper("c", Some(2000), &["Uma Brookside", "Uma Brookside", "Ida Quist"]),
        paper("d", Some(2001), &["Uma Brookside", "Ida Quist"]),
    ]))
    .await;
    let frostads = of(&[("Edda Frostad", &["a"]), ("Edda Frostad", &["b"])]);
    assert_eq!(people(&app, "Frostad").await, frostads);
    // One of the two places is somebody's, the other is left open.
    assert_eq!(people(&app, "Uma Brookside").await, of(&[("Uma Brookside", &["c", "d"])]));
    let found = resolutions(&app, "c").await;
    assert_eq!(found.as_array().expect("authors").iter().filter(|author| author["researcher"].is_null()).count(), 1);
    assert_eq!(found.as_array().expect("authors").iter().filter(|author| author["resolution"].is_null()).count(), 1);
}

/// A paper that comes later links what was apart; who is merged so can still be found.
#[tokio::test]
async fn more_data_improve_what_was_there() {
    let app = TestApp::start().await;
    app.load(json!([
        paper("a", Some(2001), &["Wei Zhang", "Ida Brookside"]),
        paper("b", Some(2002), &["Wei Zhang", "Tom Quist"]),
    ]))
    .await;
    assert_eq!(people(&app, "Wei Zhang").await, of(&[("Wei Zhang", &["a"]), ("Wei Zhang", &["b"])]));
    let query = "{ researchers(filter: {query: \"Wei Zhang\"}) { nodes { id slug } } }";
    let before = app.data(query).await["researchers"]["nodes"].clone();
    app.load(json!([paper("c", Some(2002), &["Wei Zhang", "Tom Quist", "Ida Brookside"])])).await;
    assert_eq!(people(&app, "Wei Zhang").await, of(&[("Wei Zhang", &["a", "b", "c"])]));
    let after = app.data(query).await["researchers"]["nodes"][0].clone();
    for person in before.as_array().expect("two people") {
        let by_id = app.data_with("query Node($id: ID!) { node(id: $id) { id } }", json!({ "id": person["id"] })).await;
        assert_eq!(by_id["node"]["id"], after["id"]);
        let by_slug = "query By($slug: String!) { researcher(by: {slug: $slug}) { id formerIds } }";
        let by_slug = app.data_with(by_slug, json!({ "slug": person["slug"] })).await;
        assert_eq!(by_slug["researcher"]["id"], after["id"]);
        assert_eq!(by_slug["researcher"]["formerIds"].as_array().expect("ids").len(), 1);
    }
    // The same again changes nothing.
    let again =
        app.write(&records_of(json!([paper("c", Some(2002), &["Wei Zhang", "Tom Quist", "Ida Brookside"])]))).await;
    assert!(
        again.effects.iter().all(|effect| *effect == Some(academic_directory::store::unit_of_work::Effect::Unchanged))
    );
    assert_eq!(people(&app, "Wei Zhang").await, of(&[("Wei Zhang", &["a", "b", "c"])]));
}

/// What is told of a paper later, or of somebody else on it, is looked at for those who wrote it.
#[tokio::test]
async fn what_comes_later_of_the_same_papers() {
    let app = TestApp::start().await;
    let topics: Vec<Value> = (1..8)
        .map(|code| json!({ "scheme": "bees", "code": code.to_string(), "labels": { "en": format!("Bees {code}") } }))
        .collect();
    let with_topics = |title: &str, doi: &str, coauthor: &str| {
        with(paper(title, Some(2001), &["Wei Zhang", coauthor]), json!({ "doi": doi, "topics": topics }))
    };
    let without = with(paper("b", Some(2001), &["Wei Zhang", "Edda Frostad"]), json!({ "doi": "10.5555/b" }));
    app.write_from("library", &records_of(json!([with_topics("a", "10.5555/a", "Uma Quist"), without]))).await;
    assert_eq!(people(&app, "Wei Zhang").await, of(&[("Wei Zhang", &["a"]), ("Wei Zhang", &["b"])]));
    let later = with(with_topics("b", "10.5555/b", "Edda Frostad"), json!({ "authors": [] }));
    app.write_from("topics", &records_of(json!([later]))).await;
    assert_eq!(people(&app, "Wei Zhang").await, of(&[("Wei Zhang", &["a", "b"])]));

    // A coauthor's damaged name is confirmed by a paper of theirs alone.
    let app = TestApp::start().await;
    app.load(json!([
        paper("a", Some(2001), &["Wei Zhang", "Ana Bovsnjak"]),
        paper("b", Some(2001), &["Wei Zhang", "Ana Bosnjak"]),
    ]))
    .await;
    assert_eq!(people(&app, "Wei Zhang").await, of(&[("Wei Zhang", &["a"]), ("Wei Zhang", &["b"])]));
    app.load(json!([paper("c", Some(2001), &["Ana Bošnjak"])])).await;
    assert_eq!(people(&app, "Wei Zhang").await, of(&[("Wei Zhang", &["a", "b"])]));
}

#[tokio::test]
async fn organizations_and_mail() {
    let app = TestApp::start().await;
    let by = |title: &str, affiliation: &str| {
        told(title, 2010, title, json!([{ "name": "Jun Yang", "affiliationsAsPublished": [affiliation] }]))
    };
    app.load(json!([
        by("a", "Department of Physics, Northfield University"),
        by("b", "Northfield Univ., Norway"),
        by("c", "Institute of Chemistry, Eastmere College, yang@chem.eastmere.example"),
        by("d", "yang@chem.eastmere.example"),
    ]))
    .await;
    assert_eq!(people(&app, "Jun Yang").await, of(&[("Jun Yang", &["a", "b"]), ("Jun Yang", &["c", "d"])]));
}

/// All that a directory says of people, without their ids and addresses.
async fn everything(app: &TestApp) -> BTreeSet<String> {
    let query = "{ researchers(first: 100) { nodes { name orcid statistics { paperCount coauthorCount }
        papers(first: 100, orderBy: {field: TITLE, direction: ASC}) { nodes { title } }
        coauthors(first: 100, orderBy: {field: NAME, direction: ASC}) { edges { node { name statistics { paperCount } } paperCount } } } } }";
    let found = app.data(query).await["researchers"]["nodes"].clone();
    let mut found = found.as_array().expect("people").clone();
    for person in &mut found {
        // Coauthors of one name come in the order of their ids.
        let edges = person["coauthors"]["edges"].as_array_mut().expect("coauthors");
        edges.sort_by_key(ToString::to_string);
    }
    found
        .iter()
        .enumerate()
        .map(|(number, person)| format!("{person} {}", found[..number].iter().filter(|other| *other == person).count()))
        .collect()
}

/// Papers of few people with few names, so that namesakes, initials and shared coauthors meet.
fn some_records() -> impl Strategy<Value = Vec<Value>> {
    let name = prop::sample::select(vec![
        "Wei Zhang",
        "W. Zhang",
        "Wei Zhang",
        "Ida Brookside",
        "I. Brookside",
        "Ída Brookside",
        "Tom Smith",
        "T. Smith",
        "Thomas Smith",
        "Uma Quist",
        "Petar Novakson",
        "Jun Yang",
        "Yi-An Brookside",
        "Yian Brookside",
        "Yi Brookside",
        "TJ Smith",
        "T. J. Smith",
    ]);
    let author = (name, prop::option::weighted(0.1, 1_u64..3)).prop_map(|(name, number)| match number {
        Some(number) => json!({ "name": name, "orcid": orcid(number) }),
        None => json!({ "name": name }),
    });
    let paper = (prop::collection::vec(author, 1..4), 1990_i32..2015, prop::sample::select(vec!["North", "South"]));
    prop::collection::vec(paper, 2..9).prop_map(|papers| {
        let told = |(number, (authors, year, venue)): (usize, (Vec<Value>, i32, &str))| {
            told(&format!("paper {number}"), year, venue, json!(authors))
        };
        papers.into_iter().enumerate().map(told).collect()
    })
}

/// Whatever comes first, and however much at once, there are the same people with the same papers and coauthors.
#[test]
fn order_and_batches() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 12, max_shrink_iters: 30, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let plans = (some_records(), any::<prop::sample::Index>(), 1_usize..4);
    let outcome = runner.run(&plans, |(records, turn, size)| {
        runtime.block_on(async {
            let first = TestApp::start().await;
            first.write(&records_of(json!(records))).await;
            let expected = everything(&first).await;
            let mut turned = records.clone();
            turned.rotate_left(turn.index(records.len()));
            turned.reverse();
            let other = TestApp::start().await;
            for batch in turned.chunks(size) {
                other.write(&records_of(json!(batch))).await;
            }
            prop_assert_eq!(everything(&other).await, expected);
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
