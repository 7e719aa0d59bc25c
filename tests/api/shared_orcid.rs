//! ORCID iDs that sources attach to the wrong author: the author is matched by name, the paper's record keeps the iD,
//! and the data-quality report counts it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::process::{Workspace, run_to_completion};
use crate::support::{TestApp, orcid, paper_record, parse_records, pluck_strings, researcher_record, with_fields};

/// A paper whose authors have names, each with the number of an ORCID iD or 0.
pub fn paper(title: &str, authors: &[(&str, u64)]) -> Value {
    let author = |(position, (name, number)): (u32, &(&str, u64))| {
        let author = json!({ "position": position, "name": name });
        if *number > 0 { with_fields(author, json!({ "orcid": orcid(*number) })) } else { author }
    };
    let authors: Vec<Value> = (1..).zip(authors).map(author).collect();
    with_fields(paper_record(title, Some(2010), &[]), json!({ "authors": authors }))
}

fn person(name: &str, number: u64) -> Value {
    with_fields(researcher_record(name), json!({ "orcid": orcid(number) }))
}

/// The researchers, each as `name iD: titles`, and the papers with doubtful iDs as `doubtful: title/position`.
async fn contents(app: &TestApp) -> BTreeSet<String> {
    let query = "{ researchers(first: 100) { nodes { name orcid papers(first: 100, orderBy: {field: TITLE, direction: ASC}) { nodes { title } }
        statistics { paperCount coauthorCount } } }
        directory { quality { issues(kinds: [AUTHOR_WITH_DOUBTFUL_ORCID]) { samples(first: 100) {
            ... on Authorship { position paper { title } } } } } } }";
    let data = app.data(query).await;
    let researchers = data["researchers"]["nodes"].as_array().expect("people").iter().map(|person| {
        let orcid = person["orcid"].as_str().map(|iri| iri.trim_start_matches("https://orcid.org/")).unwrap_or("-");
        let titles = pluck_strings(&person["papers"]["nodes"], &["title"]).join(" ");
        assert_eq!(
            person["statistics"]["paperCount"],
            person["papers"]["nodes"].as_array().map_or(0, Vec::len),
            "{person}"
        );
        format!("{} {orcid}: {titles}", person["name"].as_str().expect("a name"))
    });
    let samples = data["directory"]["quality"]["issues"][0]["samples"].as_array().expect("samples").iter();
    let doubtful = samples.map(|sample| {
        format!("doubtful: {}/{}", sample["paper"]["title"].as_str().expect("a title"), sample["position"])
    });
    researchers.chain(doubtful).collect()
}

fn lines(lines: &[String]) -> BTreeSet<String> {
    lines.iter().cloned().collect()
}

#[tokio::test]
async fn orcid_of_a_coauthor() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper("a", &[("Tom Ford", 1), ("Uma Quist", 0)]),
        paper("b", &[("Tom Ford", 0), ("Ida Brook", 1)]),
        person("Ida Brook", 1),
    ]))
    .await;
    let expected = lines(&[
        format!("Ida Brook {}: b", orcid(1)),
        "Tom Ford -: a b".to_owned(),
        "Uma Quist -: a".to_owned(),
        "doubtful: a/1".to_owned(),
    ]);
    assert_eq!(contents(&app).await, expected);
    // The record keeps the iD.
    let workspace = Workspace::new();
    let exported = run_to_completion(&mut workspace.command_with_database(&app.database_url, &["export", "records"]));
    let paper_line = exported.stdout.lines().find(|line| line.contains("\"title\":\"a\"")).expect("the paper");
    assert!(paper_line.contains(&format!("\"orcid\":\"{}\"", orcid(1))), "{paper_line}");
    let check = run_to_completion(&mut workspace.command_with_database(&app.database_url, &["check"]));
    let reported = check.stdout.lines().find(|line| line.ends_with("author-with-doubtful-orcid"));
    let words: Option<Vec<&str>> = reported.map(|line| line.split_whitespace().collect());
    assert_eq!(
        words.map(|words| words.join(" ")).as_deref(),
        Some("with another person's ORCID iD or other ID 1 25.0 % author-with-doubtful-orcid")
    );
    // A changed record of the paper changes nothing, nor does a copy.
    let query = "{ researchers(filter: {query: \"Tom Ford\"}) { nodes { id slug } } }";
    let before = app.data(query).await;
    let changed =
        with_fields(paper("a", &[("Tom Ford", 1), ("Uma Quist", 0)]), json!({ "publicationDate": "2010-05" }));
    app.write_records(&parse_records(json!([changed]))).await;
    assert_eq!(contents(&app).await, expected);
    assert_eq!(app.data(query).await, before);
    let copy = TestApp::start().await;
    workspace.import(&copy.database_url, &["records", workspace.write_file("all.jsonl", &exported.stdout)]);
    assert_eq!(contents(&copy).await, expected);
    // The source corrects the iD.
    app.write_records(&parse_records(json!([paper("a", &[("Tom Ford", 2), ("Uma Quist", 0)])]))).await;
    let expected = lines(&[
        format!("Ida Brook {}: b", orcid(1)),
        format!("Tom Ford {}: a b", orcid(2)),
        "Uma Quist -: a".to_owned(),
    ]);
    assert_eq!(contents(&app).await, expected);
}

/// Without a record of the owner, the iD is the one's who has it on more papers, or who is on the paper where the other
/// has it.
#[tokio::test]
async fn owner_without_a_record() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper("a", &[("Albrecht Lamm", 1), ("Xia Wuhl", 0)]),
        paper("b", &[("Xia Wuhl", 1), ("Oda Velt", 0)]),
        paper("c", &[("Per Elv", 2)]),
        paper("d", &[("Ida Brook", 2), ("Per Elv", 0)]),
        paper("e", &[("I. Brook", 2)]),
    ]))
    .await;
    let expected = lines(&[
        "Albrecht Lamm -: a".to_owned(),
        format!("Xia Wuhl {}: a b", orcid(1)),
        "Oda Velt -: b".to_owned(),
        "Per Elv -: c d".to_owned(),
        format!("Ida Brook {}: d e", orcid(2)),
        "doubtful: a/1".to_owned(),
        "doubtful: c/1".to_owned(),
    ]);
    assert_eq!(contents(&app).await, expected);
}

#[tokio::test]
async fn orcid_of_many_unlike_names() {
    let app = TestApp::start().await;
    let authors = [("Stergia Polyz", 1), ("Konrad Makr", 1), ("Ilona Zsid", 1)];
    app.create_records(json!([paper("a", &authors), paper("b", &[("Konrad Makr", 0)])])).await;
    let doubtful = ["doubtful: a/1", "doubtful: a/2", "doubtful: a/3"].map(ToOwned::to_owned);
    let people = ["Stergia Polyz -: a", "Konrad Makr -: a b", "Ilona Zsid -: a"].map(ToOwned::to_owned);
    assert_eq!(contents(&app).await, lines(&[&people[..], &doubtful].concat()));
    // The owner's record settles whose it is.
    app.write_records(&parse_records(json!([person("Ilona Zsid", 1)]))).await;
    let people =
        ["Stergia Polyz -: a".to_owned(), "Konrad Makr -: a b".to_owned(), format!("Ilona Zsid {}: a", orcid(1))];
    assert_eq!(contents(&app).await, lines(&[&people[..], &doubtful[..2]].concat()));
}

/// Two names that have nothing in common can be one person's: nothing says that they are two people.
#[tokio::test]
async fn changed_name() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper("a", &[("Tom Ford", 1), ("Uma Quist", 0)]),
        paper("b", &[("Ida Brook", 1), ("Uma Quist", 0)]),
        person("Ida Brook", 1),
    ]))
    .await;
    let one = lines(&[format!("Ida Brook {}: a b", orcid(1)), "Uma Quist -: a b".to_owned()]);
    assert_eq!(contents(&app).await, one);
    // Until a paper has them as coauthors.
    app.create_records(json!([paper("c", &[("Tom Ford", 0), ("I. Brook", 0)])])).await;
    let found = contents(&app).await;
    assert!(found.contains(&format!("Ida Brook {}: b c", orcid(1))), "{found:?}");
    assert!(found.contains("doubtful: a/1"), "{found:?}");
}

/// The paper that shows two people may name both in other forms than those with the iD.
#[tokio::test]
async fn coauthors_under_other_forms_of_their_names() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper("a", &[("Tom Ford", 1), ("Uma Quist", 0)]),
        paper("b", &[("Ida Brook", 1)]),
        person("Ida Brook", 1),
        paper("c", &[("T. M. Ford", 0), ("I. Brook", 0), ("Uma Quist", 0)]),
    ]))
    .await;
    let found = contents(&app).await;
    assert!(found.contains("doubtful: a/1"), "{found:?}");
    assert!(!found.contains("doubtful: b/1"), "{found:?}");
    assert!(found.contains("Tom Ford -: a") || found.contains("Tom Ford -: a c"), "{found:?}");
    // One author who may be either is not two.
    let app = TestApp::start().await;
    app.create_records(json!([
        paper("a", &[("Tom Ford", 1), ("Uma Quist", 0)]),
        paper("b", &[("Ida Brook", 1)]),
        paper("c", &[("T. M. Ford", 0), ("Uma Quist", 0)]),
        paper("d", &[("I. Brook", 0), ("Uma Quist", 0)]),
    ]))
    .await;
    let found = contents(&app).await;
    assert!(!found.iter().any(|line| line.starts_with("doubtful")), "{found:?}");
}

/// The value with an identifier of another scheme in place of every ORCID iD.
fn with_scheme(value: &Value, scheme: &str) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| with_scheme(item, scheme)).collect(),
        Value::Object(fields) => {
            let mut fields: serde_json::Map<String, Value> =
                fields.iter().map(|(name, field)| (name.clone(), with_scheme(field, scheme))).collect();
            if let Some(id) = fields.remove("orcid") {
                fields.insert("identifiers".to_owned(), json!([{ "scheme": scheme, "value": id }]));
            }
            Value::Object(fields)
        }
        other => other.clone(),
    }
}

/// Identifiers of all schemes are evidence, not proof.
#[tokio::test]
async fn identifiers_of_other_schemes() {
    let app = TestApp::start().await;
    app.create_records(json!(mixed_up_records())).await;
    let hidden = |line: String| (1..7).fold(line, |line, number| line.replace(&orcid(number), "-"));
    let expected: BTreeSet<String> = contents(&app).await.into_iter().map(hidden).collect();
    let workspace = Workspace::new();
    for scheme in ["openalex", "semantic-scholar", "dblp", "scopus"] {
        let records: Vec<Value> = mixed_up_records().iter().map(|record| with_scheme(record, scheme)).collect();
        let (together, apart) = (TestApp::start().await, TestApp::start().await);
        together.create_records(json!(records)).await;
        for record in records.iter().rev() {
            apart.write_records(&parse_records(json!([record]))).await;
        }
        let mut export = workspace.command_with_database(&together.database_url, &["export", "records"]);
        let exported = run_to_completion(&mut export).stdout;
        assert_eq!(exported.matches(&format!("\"{}\"", orcid(3))).count(), 3, "papers keep it: {exported}");
        let copy = TestApp::start().await;
        workspace.import(&copy.database_url, &["records", workspace.write_file("all.jsonl", &exported)]);
        let owners = "SELECT display_name || ' ' || value FROM external_id JOIN researcher ON researcher.id = researcher_id \
             ORDER BY 1";
        let owned =
            [("Ida Brook", 1), ("Uma Quist", 4), ("Xia Wuhl", 2)].map(|(name, id)| format!("{name} {}", orcid(id)));
        for directory in [&together, &apart, &copy] {
            assert_eq!(contents(directory).await, expected, "{scheme}");
            assert_eq!(query_strings(&directory.database_url, owners).await, owned, "{scheme}");
        }
    }
}

/// Records of people whose ORCID iDs sources mix up.
fn mixed_up_records() -> Vec<Value> {
    vec![
        paper("a", &[("Tom Ford", 1), ("Uma Quist", 0)]),
        paper("b", &[("Tom Ford", 0), ("Ida Brook", 1)]),
        person("Ida Brook", 1),
        paper("c", &[("Albrecht Lamm", 2), ("Xia Wuhl", 0)]),
        paper("d", &[("Xia Wuhl", 2), ("Oda Velt", 0)]),
        paper("e", &[("Stergia Polyz", 3), ("Konrad Makr", 3), ("Ilona Zsid", 3)]),
        paper("f", &[("Konrad Makr", 0), ("Uma Quist", 4)]),
        paper("g", &[("Edda Frostad", 5), ("Oda Velt", 0)]),
        paper("h", &[("Petar Novakson", 5)]),
        paper("i", &[("Edda Frostad", 6), ("Petar Novakson", 6)]),
        person("Uma Quist", 4),
    ]
}

/// For every order and batching of the records, the directory is the same.
#[test]
fn any_order() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 24, max_shrink_iters: 20, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let import = async |batches: &[&[Value]]| {
        let app = TestApp::start().await;
        for batch in batches {
            app.write_records(&parse_records(json!(batch))).await;
        }
        contents(&app).await
    };
    let expected = runtime.block_on(import(&[&mixed_up_records()]));
    let orders = (Just(mixed_up_records()).prop_shuffle(), 1_usize..5);
    let outcome = runner.run(&orders, |(records, size)| {
        let batches: Vec<&[Value]> = records.chunks(size).collect();
        prop_assert_eq!(&runtime.block_on(import(&batches)), &expected);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
