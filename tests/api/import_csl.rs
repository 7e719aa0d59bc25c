//! CSL-JSON in every supported layout, and the reported counts.

use academic_directory::import::formats;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::support::csl::{article, to_json_lines, with_fields};
use crate::support::database_dump::{assert_dumps_equal, dump_database};
use crate::support::process::{Workspace, run_to_completion, run_with_stdin};
use crate::support::{TestApp, create_database, pluck_strings};

const DIRECTORY_QUERY: &str = "{
    papers(first: 100) { totalCount nodes { id title updatedAt authorships(first: 100) { nodes { id name } } } }
    researchers(first: 100) { nodes { id name updatedAt coauthors(first: 100) { edges { paperCount node { name } } } } }
}";

/// Three papers with five authors.
fn three_papers() -> Vec<Value> {
    vec![
        article("w1", "Rivers under glass", 2001, &["Ida Brook", "Tom Ford"]),
        article("w2", "Bridges of paper", 2004, &["Tom Ford", "Uma Ferry", "Wei Quay"]),
        article("w3", "Harbours at night", 2009, &["Ida Brook", "Tom Ford", "Zoë Pier"]),
    ]
}

/// Asserts that the directory contains `three_papers`.
async fn assert_has_three_papers(app: &TestApp) {
    let data = app.data("{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title authorships { nodes { name position } } } } }").await;
    let nodes = &data["papers"]["nodes"];
    assert_eq!(pluck_strings(nodes, &["title"]), ["Bridges of paper", "Harbours at night", "Rivers under glass"]);
    assert_eq!(pluck_strings(&nodes[1]["authorships"]["nodes"], &["name"]), ["Ida Brook", "Tom Ford", "Zoë Pier"]);
}

async fn assert_imports_three_papers(name: &str, content: &[u8]) {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let outcome = workspace.import(&app.database_url, &["csl", workspace.write_file(name, content)]);
    assert_eq!(outcome.summary(), "read 3: created 3, updated 0, unchanged 0, invalid 0");
    assert_eq!(outcome.stderr, "");
    assert_has_three_papers(&app).await;
}

#[tokio::test]
async fn json_lines() {
    assert_imports_three_papers("papers.jsonl", to_json_lines(&three_papers()).as_bytes()).await;
}

#[tokio::test]
async fn windows_line_endings() {
    let windows = format!("\u{feff}{}", to_json_lines(&three_papers()).replace('\n', "\r\n\r\n"));
    assert_imports_three_papers("papers.jsonl", windows.trim_end().as_bytes()).await;
}

#[tokio::test]
async fn compact_array() {
    assert_imports_three_papers("papers.json", json!(three_papers()).to_string().as_bytes()).await;
}

#[tokio::test]
async fn indented_array() {
    assert_imports_three_papers("papers.json", format!("{:#}\n", json!(three_papers())).as_bytes()).await;
}

#[tokio::test]
async fn array_with_one_item_per_line() {
    let items: Vec<String> = three_papers().iter().map(Value::to_string).collect();
    assert_imports_three_papers("papers.json", format!("[\n{}\n]\n", items.join(",\n")).as_bytes()).await;
}

#[tokio::test]
async fn concatenated_indented_objects() {
    let items: Vec<String> = three_papers().iter().map(|paper| format!("{paper:#}")).collect();
    assert_imports_three_papers("papers.json", items.join("\n").as_bytes()).await;
}

#[tokio::test]
async fn gzip() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(to_json_lines(&three_papers()).as_bytes()).expect("a memory to write to");
    // The format is detected from the magic bytes, not the file name.
    assert_imports_three_papers("papers", &encoder.finish().expect("a compressed file")).await;
}

#[tokio::test]
async fn zstandard() {
    let compressed = zstd::encode_all(to_json_lines(&three_papers()).as_bytes(), 3).expect("a compressed file");
    assert_imports_three_papers("papers", &compressed).await;
}

#[tokio::test]
async fn single_object() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let outcome = workspace
        .import(&app.database_url, &["csl", workspace.write_file("paper.json", format!("{:#}", three_papers()[0]))]);
    assert_eq!(outcome.summary(), "read 1: created 1, updated 0, unchanged 0, invalid 0");
    let data = app.data("{ papers { nodes { title publicationYear type } } }").await;
    assert_eq!(
        data["papers"]["nodes"],
        json!([{ "title": "Rivers under glass", "publicationYear": 2001, "type": "ARTICLE" }])
    );
}

#[tokio::test]
async fn empty_array() {
    let workspace = Workspace::new();
    let outcome = workspace.import(&create_database().await, &["csl", workspace.write_file("none.json", "[]")]);
    assert_eq!(outcome.summary(), "read 0: created 0, updated 0, unchanged 0, invalid 0");
}

#[tokio::test]
async fn standard_input() {
    for arguments in [&["import", "csl", "-"][..], &["import", "csl"]] {
        let app = TestApp::start().await;
        let workspace = Workspace::new();
        let outcome = run_with_stdin(
            &mut workspace.command_with_database(&app.database_url, arguments),
            to_json_lines(&three_papers()).as_bytes(),
        );
        assert_eq!(outcome.summary(), "read 3: created 3, updated 0, unchanged 0, invalid 0");
        assert_has_three_papers(&app).await;
    }
}

#[tokio::test]
async fn rejected_record_from_standard_input() {
    let workspace = Workspace::new();
    let outcome = run_with_stdin(
        &mut workspace.command_with_database(&create_database().await, &["import", "csl", "-"]),
        b"{}\n",
    );
    assert_eq!(outcome.stderr_lines(), ["-:1: invalid record: it has no title"]);
}

#[tokio::test]
async fn several_files() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let papers = three_papers();
    let (first, second) = (
        workspace.write_file("one.json", papers[0].to_string()),
        workspace.write_file("two.jsonl", to_json_lines(&papers)),
    );
    let outcome = workspace.import(&app.database_url, &["csl", first, second]);
    assert_eq!(outcome.summary(), "read 4: created 3, updated 0, unchanged 1, invalid 0");
    assert_has_three_papers(&app).await;
}

#[tokio::test]
async fn same_file_again() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let papers = [three_papers(), vec![article("w4", "Named apart", 2010, &["Zoë Pier"])]].concat();
    let file = workspace.write_file("papers.jsonl", to_json_lines(&papers));
    assert_eq!(
        workspace.import(&app.database_url, &["csl", file]).summary(),
        "read 4: created 4, updated 0, unchanged 0, invalid 0"
    );
    let (before, rows_before) = (app.data(DIRECTORY_QUERY).await, dump_database(&app.database_url).await);
    assert_eq!(before["papers"]["totalCount"], json!(4));
    let again = workspace.import(&app.database_url, &["csl", file]);
    assert_eq!(again.summary(), "read 4: created 0, updated 0, unchanged 4, invalid 0");
    assert_eq!(again.stderr, "");
    assert_eq!(app.data(DIRECTORY_QUERY).await, before);
    assert_dumps_equal(&dump_database(&app.database_url).await, &rows_before);
}

#[tokio::test]
async fn summary_counts() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let mut papers = three_papers();
    workspace.import(&app.database_url, &["csl", workspace.write_file("papers.jsonl", to_json_lines(&papers))]);
    papers[0]["title"] = json!("Rivers under ice");
    papers.push(article("w4", "Ferries", 2011, &["Uma Ferry"]));
    papers.push(json!({ "id": "w5" }));
    papers.push(json!(["a string is not an item"]));
    let outcome =
        workspace.import(&app.database_url, &["csl", workspace.write_file("papers.jsonl", to_json_lines(&papers))]);
    assert_eq!(outcome.summary(), "read 6: created 1, updated 1, unchanged 2, invalid 2");
    assert_eq!(
        outcome.stderr_lines(),
        [
            "papers.jsonl:5: invalid record: it has no title",
            "papers.jsonl:6: invalid record: a CSL item is an object, not a text"
        ]
    );
}

#[tokio::test]
async fn fields_of_a_paper() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let extra = json!({
        "DOI": "https://doi.org/10.1000/ABC.1", "container-title": "Annals of Water", "language": "fr",
        "abstract": "<jats:p>Première partie.</jats:p><jats:p>Seconde partie.</jats:p>",
        "URL": "https://arxiv.org/abs/2101.00001v2", "PMID": "123456", "issued": { "date-parts": [[2021, 3, 9]] }
    });
    let paper = with_fields(article("w1", "Les rivières", 2021, &["Ida Brook"]), extra);
    workspace.import(&app.database_url, &["csl", workspace.write_file("paper.json", paper.to_string())]);
    let found = app
        .data(
            "{ paper(by: {doi: \"10.1000/abc.1\"}) { doi arxivId venueName language url publicationDate
                identifiers { scheme value } abstract { completeness text language } } }",
        )
        .await;
    assert_eq!(
        found["paper"],
        json!({
            "doi": "https://doi.org/10.1000/abc.1", "arxivId": "2101.00001", "venueName": "Annals of Water", "language": "fr",
            "url": "https://arxiv.org/abs/2101.00001v2", "publicationDate": "2021-03-09",
            "identifiers": [{ "scheme": "csl", "value": "w1" }, { "scheme": "pmid", "value": "123456" }],
            "abstract": { "completeness": "FULL", "text": "Première partie.\nSeconde partie.", "language": "fr" }
        })
    );
}

#[tokio::test]
async fn markup_in_titles() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let written = [
        ("The role of H<sub>2</sub>O in <i>Salix</i>", "The role of H2O in Salix"),
        ("Banks &amp; shoals", "Banks & shoals"),
        ("<span class=\"nocase\">DNA</span> of eels", "DNA of eels"),
        ("When a < b and c > d", "When a < b and c > d"),
        ("On $O(\\sqrt{n})$ locks", "On $O(\\sqrt{n})$ locks"),
        ("  Two\n lines\tand a tab ", "Two lines and a tab"),
        ("Caf\u{65}\u{301}s at sea", "Cafés at sea"),
    ];
    let papers: Vec<Value> = (1..)
        .zip(&written)
        .map(|(number, (title, _))| article(&format!("m{number}"), title, 2000 + number, &["Ida Brook"]))
        .collect();
    let outcome =
        workspace.import(&app.database_url, &["csl", workspace.write_file("papers.jsonl", to_json_lines(&papers))]);
    assert_eq!(outcome.summary(), "read 7: created 7, updated 0, unchanged 0, invalid 0");
    let data = app.data("{ papers(orderBy: {field: PUBLICATION_DATE, direction: ASC}) { nodes { title } } }").await;
    assert_eq!(pluck_strings(&data["papers"]["nodes"], &["title"]), written.map(|(_, title)| title));
}

#[tokio::test]
async fn help_lists_the_formats() {
    let workspace = Workspace::new();
    let help = run_to_completion(&mut workspace.command(&["import", "--help"]));
    assert_eq!(help.code, Some(0));
    let formats: Vec<&str> = formats::selectable().into_iter().map(|format| format.name()).chain(["backup"]).collect();
    assert!(formats.contains(&"auto") && formats.contains(&"csl"), "{formats:?}");
    for format in &formats {
        assert!(help.stdout.contains(format), "{format} in {}", help.stdout);
    }
    let refused = run_to_completion(&mut workspace.command(&["import", "endnote", "x.enl"]));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains(&format!("[possible values: {}]", formats.join(", "))), "{}", refused.stderr);
}
