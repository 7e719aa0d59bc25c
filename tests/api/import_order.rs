//! References to entities that arrive later: organizations by ROR ID, topics by code, and people by the IDs of a source.
//! The order of imports does not matter.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::csl::article;
use crate::support::database_dump::{assert_dumps_equal, dump_database, query_strings};
use crate::support::process::{Workspace, run_to_completion};
use crate::support::{
    TestApp, create_database, orcid, organization_record, paper_record, parse_records, pluck_strings,
    researcher_record, ror, with_fields,
};

const ROR: &str = "https://ror.org/05dxps055";

/// A file and the format that reads it.
type Input = (&'static str, String);

/// The directory after these files were imported, without IDs.
async fn import_all(inputs: &[&Input]) -> Vec<String> {
    let url = create_database().await;
    let workspace = Workspace::new();
    for (format, content) in inputs {
        let outcome = workspace.import(&url, &[format, workspace.write_file("input", content)]);
        assert_eq!(outcome.code, Some(0), "{format}: {outcome:?}");
        assert!(outcome.summary().contains("invalid 0"), "{format}: {outcome:?}");
    }
    dump_database(&url).await
}

fn institute() -> Input {
    let institute = json!({ "id": ROR, "status": "active", "types": ["education"], "relationships": [],
        "names": [{ "value": "Riverton Institute", "types": ["ror_display", "label"], "lang": "en" }] });
    ("ror", institute.to_string())
}

/// One work in each format that identifies the organizations of authors, and one person in each that identifies those of
/// people.
fn references_by_ror() -> Vec<Input> {
    let crossref = json!({ "DOI": "10.5555/1", "type": "journal-article", "prefix": "10.5555", "member": "1", "title": ["Weirs"],
        "author": [{ "given": "Ida", "family": "Brook", "affiliation": [{ "id": [{ "id": ROR, "id-type": "ROR" }] }] }] });
    let openalex = json!({ "id": "https://openalex.org/W1", "title": "Weirs", "authorships": [{ "raw_author_name": "Ida Brook",
        "author": {}, "institutions": [{ "ror": ROR, "display_name": "Elsewhere" }] }] });
    let datacite = json!({ "data": { "type": "dois", "attributes": { "doi": "10.5555/1", "titles": [{ "title": "Weirs" }],
        "creators": [{ "name": "Brook, Ida", "affiliation": [{ "name": "Elsewhere", "affiliationIdentifier": ROR }] }] } } });
    let pubmed = format!(
        "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>Weirs</ArticleTitle><AuthorList>\
         <Author><LastName>Brook</LastName><ForeName>Ida</ForeName><AffiliationInfo><Affiliation>Elsewhere</Affiliation>\
         <Identifier Source=\"ROR\">{ROR}</Identifier></AffiliationInfo></Author></AuthorList></Article></MedlineCitation>\
         </PubmedArticle></PubmedArticleSet>"
    );
    let mut csl = article("w1", "Weirs", 2001, &["Ida Brook"]);
    csl["author"][0]["affiliation"] = json!([{ "name": "Elsewhere", "id": [{ "id": ROR, "id-type": "ROR" }] }]);
    let records = with_fields(
        paper_record("Weirs", Some(2001), &[]),
        json!({ "authors": [{ "name": "Ida Brook", "organizations": [{ "ror": "05dxps055" }] }] }),
    );
    let orcid_record = json!({ "orcid-identifier": { "path": orcid(1) }, "person": { "name": { "visibility": "public",
        "given-names": { "value": "Ida" }, "family-name": { "value": "Brook" } } },
        "activities-summary": { "employments": { "affiliation-group": [{ "summaries": [{ "employment-summary": { "visibility": "public",
            "organization": { "name": "Elsewhere", "disambiguated-organization": {
                "disambiguated-organization-identifier": ROR, "disambiguation-source": "ROR" } } } }] }] } } });
    let author = json!({ "id": "https://openalex.org/A1", "display_name": "Ida Brook", "affiliations": [
        { "institution": { "id": "https://openalex.org/I1", "display_name": "Elsewhere", "ror": ROR }, "years": [2004] }] });
    vec![
        ("crossref", crossref.to_string()),
        ("openalex", openalex.to_string()),
        ("datacite", datacite.to_string()),
        ("pubmed", pubmed),
        ("csl", csl.to_string()),
        ("records", records.to_string()),
        ("orcid", orcid_record.to_string()),
        ("openalex", author.to_string()),
        ("csv", format!("name,ror\nIda Brook,{ROR}\n")),
    ]
}

#[tokio::test]
async fn organizations_by_ror_in_every_format() {
    for reference in references_by_ror() {
        let forward = import_all(&[&reference, &institute()]).await;
        let backward = import_all(&[&institute(), &reference]).await;
        assert!(forward.iter().any(|line| line.contains("riverton-institute")), "{reference:?}");
        println!("{}", reference.0);
        assert_dumps_equal(&forward, &backward);
    }
}

/// Works of one format that refer to topics, and the topics.
#[tokio::test]
async fn topics_by_code() {
    let work =
        |topic: Value| json!({ "id": "https://openalex.org/W1", "title": "Weirs", "topics": [topic] }).to_string();
    let topic = json!({ "id": "https://openalex.org/T1", "display_name": "Hydrology",
        "subfield": { "id": "https://openalex.org/subfields/1", "display_name": "Water" } });
    let turtle = "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n@prefix v: <http://words.example/water/> .\n\
        v:w1 a skos:Concept ; skos:prefLabel \"Weirs\"@en ; skos:broader v:w2 .\nv:w2 a skos:Concept ; skos:prefLabel \"Dams\"@en .\n";
    let narrower: String =
        turtle.lines().filter(|line| !line.starts_with("v:w2")).fold(String::new(), |all, line| all + line + "\n");
    let by_code = with_fields(
        paper_record("Weirs", Some(2001), &["Ida Brook"]),
        json!({ "topics": [{ "scheme": "words.example/water", "code": "w1" }] }),
    );
    let declared = with_fields(
        researcher_record("Ida Brook"),
        json!({ "topics": [{ "scheme": "words.example/water", "code": "w1" }] }),
    );
    let cases: [(Input, Input); 5] = [
        (
            ("openalex", work(json!({ "id": "https://openalex.org/T1", "display_name": "Hydro" }))),
            ("openalex", topic.to_string()),
        ),
        (("openalex", work(json!({ "id": "https://openalex.org/T1" }))), ("openalex", topic.to_string())),
        (("records", by_code.to_string()), ("topics", turtle.to_owned())),
        (("records", declared.to_string()), ("topics", turtle.to_owned())),
        (("topics", narrower), ("topics", turtle.to_owned())),
    ];
    for (reference, topics) in cases {
        let forward = import_all(&[&reference, &topics]).await;
        let backward = import_all(&[&topics, &reference, &topics]).await;
        println!("{reference:?}");
        assert_dumps_equal(&forward, &backward);
    }
}

/// The record of an author whom works identify by an ID of their source, and call by initials.
#[tokio::test]
async fn people_by_author_id() {
    let work = |number: u32, name: &str| {
        json!({ "id": format!("https://openalex.org/W{number}"), "title": format!("Weirs {number}"), "authorships": [
            { "raw_author_name": name, "author": { "id": "https://openalex.org/A1" }, "institutions": [] }] })
    };
    let works: Input = ("openalex", format!("{}\n{}", work(1, "W. Zhang"), work(2, "Wei Zhang")));
    let author: Input =
        ("openalex", json!({ "id": "https://openalex.org/A1", "display_name": "Weiwei Zhang" }).to_string());
    let contents = async |inputs: &[&Input]| {
        let url = create_database().await;
        let workspace = Workspace::new();
        for (format, content) in inputs {
            let outcome = workspace.import(&url, &[format, workspace.write_file("input", content)]);
            assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        }
        let app = TestApp::start_on_database(url, academic_directory::config::Limits::default(), 100).await;
        let query = "{ researchers { nodes { name identifiers { scheme value } papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title } } } } }";
        app.data(query).await["researchers"]["nodes"].clone()
    };
    let expected = json!([{ "name": "Weiwei Zhang", "identifiers": [{ "scheme": "openalex", "value": "A1" }],
        "papers": { "nodes": [{ "title": "Weirs 1" }, { "title": "Weirs 2" }] } }]);
    assert_eq!(contents(&[&author, &works]).await, expected);
    assert_eq!(contents(&[&works, &author]).await, expected);
}

fn paper_at(title: &str, name: &str, organizations: Value) -> Value {
    with_fields(
        paper_record(title, Some(2001), &[]),
        json!({ "authors": [{ "position": 1, "name": name, "organizations": organizations }] }),
    )
}

async fn organizations_of_author(app: &TestApp) -> Vec<String> {
    let found = app.data("{ papers { nodes { authorships { nodes { organizations { ror } } } } } }").await;
    pluck_strings(&found["papers"]["nodes"][0]["authorships"]["nodes"][0]["organizations"], &["ror"])
}

/// An affiliation that a later record of the paper no longer has is no longer awaited.
#[tokio::test]
async fn withdrawn_affiliation() {
    let app = TestApp::start().await;
    let at = |numbers: &[u64]| json!(numbers.iter().map(|number| json!({ "ror": ror(*number) })).collect::<Vec<_>>());
    app.create_records(json!([paper_at("Weirs", "Ida Brook", at(&[1, 2]))])).await;
    app.write_records(&parse_records(json!([paper_at("Weirs", "Ida Brook", at(&[2]))]))).await;
    app.create_records(json!([organization_record(1, "College")])).await;
    assert_eq!(organizations_of_author(&app).await, Vec::<String>::new());
    app.create_records(json!([organization_record(2, "Institute")])).await;
    assert_eq!(organizations_of_author(&app).await, [format!("https://ror.org/{}", ror(2))]);
}

/// An export has awaited organizations, and a copy of the directory links them too.
#[tokio::test]
async fn awaited_organizations_are_exported() {
    let app = TestApp::start().await;
    let organizations = json!([{ "ror": ror(1) }, { "ror": ror(2) }]);
    app.create_records(json!([organization_record(2, "Institute"), paper_at("Weirs", "Ida Brook", organizations)]))
        .await;
    let workspace = Workspace::new();
    let exported = run_to_completion(&mut workspace.command_with_database(&app.database_url, &["export", "records"]));
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let copy = TestApp::start().await;
    let outcome =
        workspace.import(&copy.database_url, &["records", workspace.write_file("all.jsonl", &exported.stdout)]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_dumps_equal(&dump_without_sources(&copy.database_url).await, &dump_without_sources(&app.database_url).await);
    copy.write_records(&parse_records(json!([organization_record(1, "College")]))).await;
    let mut found = organizations_of_author(&copy).await;
    found.sort_unstable();
    let mut expected = [1, 2].map(|number| format!("https://ror.org/{}", ror(number)));
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// An export refers to organizations without a ROR ID by its own IDs, which its records of them explain, however late.
#[tokio::test]
async fn organizations_by_the_id_of_another_directory() {
    let app = TestApp::start().await;
    let lab =
        |city: &str| json!({ "kind": "organization", "names": [{ "value": "Lab", "kind": "DISPLAY" }], "city": city });
    app.create_records(json!([lab("Riverton"), paper_at("Weirs", "Ida Brook", json!([]))])).await;
    app.execute_sql(
        "INSERT INTO authorship_organization (authorship_id, organization_id) SELECT authorship.id, organization.id \
         FROM authorship, organization",
    )
    .await;
    let workspace = Workspace::new();
    let exported = run_to_completion(&mut workspace.command_with_database(&app.database_url, &["export", "records"]));
    let (organizations, others): (Vec<&str>, Vec<&str>) =
        exported.stdout.lines().partition(|line| line.contains(r#""kind":"organization""#));
    assert_eq!((organizations.len(), others.is_empty()), (1, false), "{exported:?}");
    let linked =
        "SELECT organization.city FROM authorship_organization JOIN organization ON organization.id = organization_id";
    for files in [[&others, &organizations], [&organizations, &others]] {
        // Another Lab has the ID and the name.
        let copy = TestApp::start().await;
        copy.create_records(json!([lab("Elsewhere")])).await;
        for lines in files {
            let file = workspace.write_file("lines.jsonl", lines.join("\n"));
            assert_eq!(workspace.import(&copy.database_url, &["records", file]).code, Some(0));
        }
        let awaited = "SELECT count(*)::text FROM authorship_awaited_organization";
        assert_eq!(query_strings(&copy.database_url, awaited).await, ["0"]);
        assert_eq!(query_strings(&copy.database_url, linked).await.len(), 1, "{files:?}");
        // A backup has what is still awaited.
        let copy = TestApp::start().await;
        let file = workspace.write_file("lines.jsonl", others.join("\n"));
        workspace.import(&copy.database_url, &["records", file]);
        let backup =
            run_to_completion(&mut workspace.command_with_database(&copy.database_url, &["export", "backup"])).stdout;
        let url = create_database().await;
        let outcome = workspace.import(&url, &["backup", workspace.write_file("backup.jsonl", &backup)]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let file = workspace.write_file("organizations.jsonl", organizations.join("\n"));
        workspace.import(&url, &["records", file]);
        assert_eq!(query_strings(&url, linked).await, ["Riverton"]);
    }
}

async fn dump_without_sources(url: &str) -> Vec<String> {
    dump_database(url).await.into_iter().filter(|line| !line.starts_with("source_record")).collect()
}

/// What is derived from the link follows it: lists of papers, facets, and the evidence for authors.
#[tokio::test]
async fn derived_data_follows_the_link() {
    let app = TestApp::start().await;
    let there = || json!([{ "ror": ror(1) }]);
    let papers = [("a", "Wei Zhang"), ("b", "W. Zhang")];
    let papers: Vec<Value> = papers.iter().map(|(title, name)| paper_at(title, name, there())).collect();
    app.create_records(json!(papers)).await;
    app.create_records(json!([organization_record(1, "Riverton Institute")])).await;
    let first = TestApp::start().await;
    first.create_records(json!([organization_record(1, "Riverton Institute")])).await;
    first.create_records(json!(papers)).await;
    let query = "{ organizations { nodes { ror papers { totalCount nodes { title } } } }
        researchers { nodes { name papers { nodes { title } } } } search(query: \"Riverton\") { nodes { __typename } } }";
    let (found, expected) = (app.data(query).await, first.data(query).await);
    assert_eq!(found, expected);
    assert_eq!(found["organizations"]["nodes"][0]["papers"]["totalCount"], 2);
}

/// Records that refer to each other by ROR ID, code, ORCID iD and author ID.
fn related_records() -> Vec<Value> {
    let author = |name: &str, fields: Value| with_fields(json!({ "name": name, "position": 1 }), fields);
    let paper = |title: &str, author: Value, topics: Value| {
        with_fields(paper_record(title, Some(2001), &[]), json!({ "authors": [author], "topics": topics }))
    };
    let topic = |code: &str| json!([{ "scheme": "water", "code": code }]);
    let employed = |number: u64| json!([{ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT" }]);
    let ids = || json!([{ "scheme": "openalex", "value": "A1" }]);
    vec![
        with_fields(organization_record(1, "College"), json!({ "relations": [["child", ror(2)]] })),
        with_fields(organization_record(2, "Institute"), json!({ "relations": [["successor", ror(3)]] })),
        organization_record(3, "Academy"),
        json!({ "kind": "topic", "scheme": "water", "code": "w1", "names": [{ "value": "Weirs", "language": "en", "kind": "LABEL" }],
            "broader": topic("w2") }),
        json!({ "kind": "topic", "scheme": "water", "code": "w2", "names": [{ "value": "Dams", "language": "en", "kind": "LABEL" }] }),
        with_fields(
            researcher_record("Ida Brook"),
            json!({ "orcid": orcid(1), "affiliations": employed(1), "topics": topic("w1") }),
        ),
        with_fields(
            researcher_record("Weiwei Zhang"),
            json!({ "identifiers": ids(), "affiliations": employed(3), "topics": topic("w2") }),
        ),
        paper(
            "a",
            author("Ida Brook", json!({ "orcid": orcid(1), "organizations": [{ "ror": ror(1) }] })),
            topic("w1"),
        ),
        paper(
            "b",
            author("Weiwei Zhang", json!({ "identifiers": ids(), "organizations": [{ "ror": ror(2) }] })),
            topic("w2"),
        ),
        paper(
            "c",
            author("W. Zhang", json!({ "identifiers": ids(), "organizations": [{ "ror": ror(3) }] })),
            json!([]),
        ),
    ]
}

/// For every order and batching of the records, the directory is the same. A person keeps the slug of the first name.
#[test]
fn any_order_of_references() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 12, max_shrink_iters: 20, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let contents = async |batches: &[&[Value]]| {
        let app = TestApp::start().await;
        for batch in batches {
            app.write_records(&parse_records(json!(batch))).await;
        }
        let dump =
            dump_database(&app.database_url).await.into_iter().map(|line| line.replace("w-zhang", "weiwei-zhang"));
        let mut dump: Vec<String> = dump.collect();
        dump.sort_unstable();
        dump
    };
    let expected = runtime.block_on(contents(&[&related_records()]));
    let orders = (Just(related_records()).prop_shuffle(), 1_usize..4);
    let outcome = runner.run(&orders, |(records, size)| {
        let batches: Vec<&[Value]> = records.chunks(size).collect();
        assert_dumps_equal(&runtime.block_on(contents(&batches)), &expected);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
