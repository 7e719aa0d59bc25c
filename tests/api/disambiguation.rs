//! Author disambiguation: what merges authors, what keeps them apart, and independence of import order.

use std::collections::BTreeSet;

use academic_directory::database::{self, MigrationAction};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::{
    TestApp, database_config, orcid, paper_record, parse_records, pluck_strings, researcher_record, with_fields,
};

/// A paper with detailed author records.
fn paper_with_authors(title: &str, year: i32, venue: &str, authors: Value) -> Value {
    let authors = authors
        .as_array()
        .expect("authors")
        .iter()
        .enumerate()
        .map(|(number, author)| with_fields(author.clone(), json!({ "position": number + 1 })));
    let authors: Vec<Value> = authors.collect();
    with_fields(paper_record(title, Some(year), &[]), json!({ "authors": authors, "venueName": venue }))
}

/// The researchers with a name, each with the titles of their papers.
async fn papers_by_researcher(app: &TestApp, name: &str) -> BTreeSet<(String, Vec<String>)> {
    let query = "query People($name: String!) { researchers(filter: {query: $name}, first: 100) { nodes {
        name papers(first: 100, orderBy: {field: TITLE, direction: ASC}) { nodes { title } } } } }";
    let found = app.data_with_variables(query, json!({ "name": name })).await["researchers"]["nodes"].clone();
    let found = found.as_array().expect("people").iter().map(|person| {
        (person["name"].as_str().expect("a name").to_owned(), pluck_strings(&person["papers"]["nodes"], &["title"]))
    });
    found.collect()
}

fn expected_papers(parts: &[(&str, &[&str])]) -> BTreeSet<(String, Vec<String>)> {
    parts.iter().map(|(name, titles)| ((*name).to_owned(), titles.iter().map(ToString::to_string).collect())).collect()
}

async fn resolutions(app: &TestApp, title: &str) -> Value {
    let query = "query Paper($slug: String!) { paper(by: {slug: $slug}) { authorships { nodes {
        name researcher { slug } resolution { method confidence evidence { kind value } } } } } }";
    app.data_with_variables(query, json!({ "slug": title })).await["paper"]["authorships"]["nodes"].clone()
}

#[tokio::test]
async fn namesakes() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("a", Some(2001), &["Wei Zhang", "Ida Brook", "Uma Quist"]),
        paper_record("b", Some(2002), &["Wei Zhang", "Ida Brook", "Uma Quist"]),
        paper_record("c", Some(2001), &["Wei Zhang", "Petar Novakson"]),
        paper_record("d", Some(2003), &["Petar Novakson", "Wei Zhang", "Edda Frostad"]),
        paper_record("e", Some(2003), &["Wei Zhang", "Edda Frostad"]),
    ]))
    .await;
    let two = expected_papers(&[("Wei Zhang", &["a", "b"]), ("Wei Zhang", &["c", "d", "e"])]);
    assert_eq!(papers_by_researcher(&app, "Wei Zhang").await, two);
    insta::assert_json_snapshot!(resolutions(&app, "d").await);
    // Coauthors are updated accordingly.
    let query = "{ researchers(filter: {query: \"Ida Brook\"}) { nodes { coauthors { edges { node { name } paperCount } } } } }";
    let coauthors = app.data(query).await["researchers"]["nodes"][0]["coauthors"]["edges"].clone();
    let counts: Vec<_> = coauthors.as_array().expect("edges").iter().map(|edge| edge["paperCount"].clone()).collect();
    assert_eq!(counts, [2, 2]);
}

#[tokio::test]
async fn rare_names_initials_and_spellings() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("a", Some(2001), &["Ana Ilić", "Ida Brookside"]),
        paper_record("b", Some(2002), &["A. Ilic", "Ida Brookside"]),
        paper_record("c", Some(2004), &["Ana Ilic"]),
        paper_record("d", Some(2005), &["A. Frostad"]),
        paper_record("e", Some(2005), &["Anders Frostad", "Ida Brookside"]),
        paper_record("f", Some(2005), &["Arne Frostad", "Tom Quist"]),
    ]))
    .await;
    assert_eq!(papers_by_researcher(&app, "Ilić").await, expected_papers(&[("Ana Ilić", &["a", "b", "c"])]));
    // An initial that matches two researchers stays on its own.
    let frostads = expected_papers(&[("A. Frostad", &["d"]), ("Anders Frostad", &["e"]), ("Arne Frostad", &["f"])]);
    assert_eq!(papers_by_researcher(&app, "Frostad").await, frostads);
}

#[tokio::test]
async fn identifiers() {
    let app = TestApp::start().await;
    let (one, other) = (orcid(1), orcid(2));
    let by = |title: &str, author: Value| paper_with_authors(title, 2010, "Journal", json!([author]));
    app.create_records(json!([
        by("a", json!({ "name": "Wei Zhang", "orcid": one })),
        by("b", json!({ "name": "W. Zhang", "orcid": one })),
        by("c", json!({ "name": "Wei Zhang", "orcid": other })),
        by("d", json!({ "name": "Wei Zhang", "identifiers": [{ "scheme": "openalex", "value": "A1" }] })),
        by("e", json!({ "name": "Wei Zhang", "identifiers": [{ "scheme": "openalex", "value": "A1" }] })),
        with_fields(researcher_record("Wei Zhang"), json!({ "orcid": one, "homepageUrl": "https://example.org/wei" })),
    ]))
    .await;
    let three = expected_papers(&[("Wei Zhang", &["a", "b"]), ("Wei Zhang", &["c"]), ("Wei Zhang", &["d", "e"])]);
    assert_eq!(papers_by_researcher(&app, "Wei Zhang").await, three);
    let query = "query By($by: ResearcherBy!) { researcher(by: $by) { homepageUrl orcid identifiers { scheme value }
        papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title } } } }";
    let first = app.data_with_variables(query, json!({ "by": { "orcid": one } })).await["researcher"].clone();
    assert_eq!(pluck_strings(&first["papers"]["nodes"], &["title"]), ["a", "b"]);
    assert_eq!(first["homepageUrl"], "https://example.org/wei");
    let key = json!({ "by": { "identifier": { "scheme": "openalex", "value": "A1" } } });
    let third = app.data_with_variables(query, key).await["researcher"].clone();
    assert_eq!(pluck_strings(&third["papers"]["nodes"], &["title"]), ["d", "e"]);
    let found = resolutions(&app, "b").await;
    assert_eq!(found[0]["resolution"]["method"], "IDENTIFIER");
}

#[tokio::test]
async fn contradicting_evidence() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("a", Some(1900), &["Edda Frostad", "Tom Quist"]),
        paper_record("b", Some(1961), &["Edda Frostad", "Tom Quist"]),
        paper_record("c", Some(2000), &["Uma Brookside", "Uma Brookside", "Ida Quist"]),
        paper_record("d", Some(2001), &["Uma Brookside", "Ida Quist"]),
    ]))
    .await;
    let frostads = expected_papers(&[("Edda Frostad", &["a"]), ("Edda Frostad", &["b"])]);
    assert_eq!(papers_by_researcher(&app, "Frostad").await, frostads);
    // One of two equal names on a paper is unresolved.
    assert_eq!(papers_by_researcher(&app, "Uma Brookside").await, expected_papers(&[("Uma Brookside", &["c", "d"])]));
    let found = resolutions(&app, "c").await;
    assert_eq!(found.as_array().expect("authors").iter().filter(|author| author["researcher"].is_null()).count(), 1);
    assert_eq!(found.as_array().expect("authors").iter().filter(|author| author["resolution"].is_null()).count(), 1);
}

/// A later paper links two researchers; the merged one redirects.
#[tokio::test]
async fn later_paper_merges_researchers() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("a", Some(2001), &["Wei Zhang", "Ida Brookside"]),
        paper_record("b", Some(2002), &["Wei Zhang", "Tom Quist"]),
    ]))
    .await;
    assert_eq!(
        papers_by_researcher(&app, "Wei Zhang").await,
        expected_papers(&[("Wei Zhang", &["a"]), ("Wei Zhang", &["b"])])
    );
    let query = "{ researchers(filter: {query: \"Wei Zhang\"}) { nodes { id slug } } }";
    let before = app.data(query).await["researchers"]["nodes"].clone();
    app.create_records(json!([paper_record("c", Some(2002), &["Wei Zhang", "Tom Quist", "Ida Brookside"])])).await;
    assert_eq!(papers_by_researcher(&app, "Wei Zhang").await, expected_papers(&[("Wei Zhang", &["a", "b", "c"])]));
    let after = app.data(query).await["researchers"]["nodes"][0].clone();
    for person in before.as_array().expect("two people") {
        let by_id = app
            .data_with_variables("query Node($id: ID!) { node(id: $id) { id } }", json!({ "id": person["id"] }))
            .await;
        assert_eq!(by_id["node"]["id"], after["id"]);
        let by_slug = "query By($slug: String!) { researcher(by: {slug: $slug}) { id formerIds } }";
        let by_slug = app.data_with_variables(by_slug, json!({ "slug": person["slug"] })).await;
        assert_eq!(by_slug["researcher"]["id"], after["id"]);
        assert_eq!(by_slug["researcher"]["formerIds"].as_array().expect("ids").len(), 1);
    }
    // Importing the same record again changes nothing.
    let again = app
        .write_records(&parse_records(json!([paper_record(
            "c",
            Some(2002),
            &["Wei Zhang", "Tom Quist", "Ida Brookside"]
        )])))
        .await;
    assert!(
        again.effects.iter().all(|effect| *effect == Some(academic_directory::store::unit_of_work::Effect::Unchanged))
    );
    assert_eq!(papers_by_researcher(&app, "Wei Zhang").await, expected_papers(&[("Wei Zhang", &["a", "b", "c"])]));
}

/// Later data about a paper or a coauthor is taken into account.
#[tokio::test]
async fn later_data_of_known_papers() {
    let app = TestApp::start().await;
    let topics: Vec<Value> = (1..8)
        .map(|code| json!({ "scheme": "bees", "code": code.to_string(), "labels": { "en": format!("Bees {code}") } }))
        .collect();
    let with_topics = |title: &str, doi: &str, coauthor: &str| {
        with_fields(paper_record(title, Some(2001), &["Wei Zhang", coauthor]), json!({ "doi": doi, "topics": topics }))
    };
    let without =
        with_fields(paper_record("b", Some(2001), &["Wei Zhang", "Edda Frostad"]), json!({ "doi": "10.5555/b" }));
    app.write_records_from("library", &parse_records(json!([with_topics("a", "10.5555/a", "Uma Quist"), without])))
        .await;
    assert_eq!(
        papers_by_researcher(&app, "Wei Zhang").await,
        expected_papers(&[("Wei Zhang", &["a"]), ("Wei Zhang", &["b"])])
    );
    let later = with_fields(with_topics("b", "10.5555/b", "Edda Frostad"), json!({ "authors": [] }));
    app.write_records_from("topics", &parse_records(json!([later]))).await;
    assert_eq!(papers_by_researcher(&app, "Wei Zhang").await, expected_papers(&[("Wei Zhang", &["a", "b"])]));

    // A coauthor's damaged name is confirmed by another paper.
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("a", Some(2001), &["Wei Zhang", "Ana Bovsnjak"]),
        paper_record("b", Some(2001), &["Wei Zhang", "Ana Bosnjak"]),
    ]))
    .await;
    assert_eq!(
        papers_by_researcher(&app, "Wei Zhang").await,
        expected_papers(&[("Wei Zhang", &["a"]), ("Wei Zhang", &["b"])])
    );
    app.create_records(json!([paper_record("c", Some(2001), &["Ana Bošnjak"])])).await;
    assert_eq!(papers_by_researcher(&app, "Wei Zhang").await, expected_papers(&[("Wei Zhang", &["a", "b"])]));
}

#[tokio::test]
async fn affiliations_and_email_addresses() {
    let app = TestApp::start().await;
    let by = |title: &str, affiliation: &str| {
        paper_with_authors(
            title,
            2010,
            title,
            json!([{ "name": "Jun Yang", "affiliationsAsPublished": [affiliation] }]),
        )
    };
    app.create_records(json!([
        by("a", "Department of Physics, Northfield University"),
        by("b", "Northfield Univ., Norway"),
        by("c", "Institute of Chemistry, Eastmere College, yang@chem.eastmere.example"),
        by("d", "yang@chem.eastmere.example"),
    ]))
    .await;
    assert_eq!(
        papers_by_researcher(&app, "Jun Yang").await,
        expected_papers(&[("Jun Yang", &["a", "b"]), ("Jun Yang", &["c", "d"])])
    );
}

/// An older version read the last word of "Brookside I.M." as the family name.
#[tokio::test]
async fn final_initials_after_an_upgrade() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Weirs", Some(2001), &["Brookside I.M.", "Tom Ford"])])).await;
    let blocks = "SELECT block FROM authorship UNION ALL SELECT block FROM researcher ORDER BY block";
    let before = query_strings(&app.database_url, blocks).await;
    app.execute_sql(
        "UPDATE authorship SET block = 'im' WHERE name LIKE '%I.M.'; UPDATE researcher SET block = 'im' WHERE display_name LIKE '%I.M.'; \
         DELETE FROM seaql_migrations WHERE version = 'm20261129_000038_names_with_final_initials'",
    )
    .await;
    assert_ne!(query_strings(&app.database_url, blocks).await, before);
    database::run_migrations(&database_config(&app.database_url, 100), MigrationAction::Up)
        .await
        .expect("the migrations");
    app.store.disambiguate_authors(|_| {}).await.expect("the authors");
    assert_eq!(query_strings(&app.database_url, blocks).await, before);
}

/// The parts of a name are those that most papers give, in any order; a paper that gives none does not count.
#[tokio::test]
async fn divided_names() {
    let paper = |number: i32, division| {
        let authors = json!([divided_author("Ana Ruiz Soto", division), { "name": "Tom Ford" }]);
        paper_with_authors(&format!("Weirs {number}"), 2000 + number, "Waters", authors)
    };
    let mut records: Vec<Value> = [Some(1), None, Some(2), None, None, Some(2)]
        .into_iter()
        .zip(1..)
        .map(|(given, number)| paper(number, given))
        .collect();
    for _ in 0..2 {
        let app = TestApp::start().await;
        for record in &records {
            app.write_records(&parse_records(json!([record]))).await;
        }
        let people = app.data("{ researchers(filter: {query: \"Ruiz\"}) { nodes { givenName familyName } } }").await;
        let expected = json!([{ "givenName": "Ana", "familyName": "Ruiz Soto" }]);
        assert_eq!(people["researchers"]["nodes"], expected);
        records.reverse();
    }
}

/// Before, only people had the parts of names: longer family names are kept by an upgrade.
#[tokio::test]
async fn divided_names_after_an_upgrade() {
    let app = TestApp::start().await;
    let authors = json!([divided_author("Ana Ruiz Soto", Some(2)), { "name": "Tom Ford" }]);
    app.create_records(json!([paper_with_authors("Weirs", 2001, "Waters", authors)])).await;
    app.execute_sql(
        "ALTER TABLE authorship DROP COLUMN family_words; \
         DELETE FROM seaql_migrations WHERE version = 'm20261130_000047_family_words'",
    )
    .await;
    let config = database_config(&app.database_url, 100);
    database::run_migrations(&config, MigrationAction::Up).await.expect("the migrations");
    app.create_records(json!([paper_record("Tides", Some(2002), &["Ana Ruiz Soto", "Tom Ford"])])).await;
    let people =
        app.data("{ researchers(filter: {query: \"Ruiz\"}) { nodes { familyName papers { totalCount } } } }").await;
    assert_eq!(people["researchers"]["nodes"], json!([{ "familyName": "Ruiz Soto", "papers": { "totalCount": 2 } }]));
}

/// All researchers with papers and coauthors, without IDs and slugs.
async fn directory_contents(app: &TestApp) -> BTreeSet<String> {
    let query = "{ researchers(first: 100) { nodes { name givenName familyName orcid statistics { paperCount coauthorCount }
        papers(first: 100, orderBy: {field: TITLE, direction: ASC}) { nodes { title } }
        coauthors(first: 100, orderBy: {field: NAME, direction: ASC}) { edges { node { name statistics { paperCount } } paperCount } } } } }";
    let found = app.data(query).await["researchers"]["nodes"].clone();
    let mut found = found.as_array().expect("people").clone();
    for person in &mut found {
        // Coauthors with equal names are ordered by ID.
        let edges = person["coauthors"]["edges"].as_array_mut().expect("coauthors");
        edges.sort_by_key(ToString::to_string);
    }
    found
        .iter()
        .enumerate()
        .map(|(number, person)| format!("{person} {}", found[..number].iter().filter(|other| *other == person).count()))
        .collect()
}

/// An author with a name, whose last words are given as the family name if their number is.
fn divided_author(name: &str, family_words: Option<usize>) -> Value {
    let words: Vec<&str> = name.split(' ').collect();
    match family_words.and_then(|count| words.len().checked_sub(count)).filter(|given| *given > 0) {
        Some(given) => {
            json!({ "name": name, "givenName": words[..given].join(" "), "familyName": words[given..].join(" ") })
        }
        None => json!({ "name": name }),
    }
}

/// Papers of few people with few names, so that namesakes, initials, shared coauthors and divided names occur.
fn arbitrary_records() -> impl Strategy<Value = Vec<Value>> {
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
        "Ana Ruiz Soto",
        "Ana Ruiz Soto",
    ]);
    let division = prop::option::of(1_usize..3);
    let author = (name, division, prop::option::weighted(0.1, 1_u64..3)).prop_map(|(name, division, number)| {
        let author = divided_author(name, division);
        match number {
            Some(number) => with_fields(author, json!({ "orcid": orcid(number) })),
            None => author,
        }
    });
    let paper = (prop::collection::vec(author, 1..4), 1990_i32..2015, prop::sample::select(vec!["North", "South"]));
    prop::collection::vec(paper, 2..9).prop_map(|papers| {
        let record = |(number, (authors, year, venue)): (usize, (Vec<Value>, i32, &str))| {
            paper_with_authors(&format!("paper {number}"), year, venue, json!(authors))
        };
        papers.into_iter().enumerate().map(record).collect()
    })
}

/// The result does not depend on the order and batching of records.
#[test]
fn independent_of_order_and_batches() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 12, max_shrink_iters: 30, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let plans = (arbitrary_records(), any::<prop::sample::Index>(), 1_usize..4);
    let outcome = runner.run(&plans, |(records, turn, size)| {
        runtime.block_on(async {
            let first = TestApp::start().await;
            first.write_records(&parse_records(json!(records))).await;
            let expected = directory_contents(&first).await;
            let mut turned = records.clone();
            turned.rotate_left(turn.index(records.len()));
            turned.reverse();
            let other = TestApp::start().await;
            for batch in turned.chunks(size) {
                other.write_records(&parse_records(json!(batch))).await;
            }
            prop_assert_eq!(directory_contents(&other).await, expected);
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
