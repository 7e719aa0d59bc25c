//! Invalid CSL-JSON: each problem is reported on standard error and affects only its record.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::support::csl::{article, author, to_json_lines, with_fields};
use crate::support::database_dump::query_strings;
use crate::support::process::{CommandOutput, Workspace};
use crate::support::{TestApp, create_database, pluck_strings};

/// Imports one file into an empty directory.
async fn import_file(name: &str, content: &[u8]) -> (TestApp, CommandOutput) {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let outcome = workspace.import(&app.database_url, &["csl", workspace.write_file(name, content)]);
    (app, outcome)
}

async fn titles(app: &TestApp) -> Vec<String> {
    let found = app.data("{ papers(first: 100, orderBy: {field: TITLE, direction: ASC}) { nodes { title } } }").await;
    pluck_strings(&found["papers"]["nodes"], &["title"])
}

fn valid_item(id: &str) -> Value {
    article(id, &format!("Good {id}"), 2000, &["Ida Brook", "Tom Ford"])
}

#[tokio::test]
async fn unsupported_files() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let files = [
        workspace.write_file("picture.json", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
        workspace.write_file("library.bib", "@article{brook1999, title = {Rivers}}"),
        workspace.write_file("library.xml", "<?xml version=\"1.0\"?>\n<records/>"),
        workspace.write_file("library.ris", "TY  - JOUR\nER  - "),
        workspace.write_file("paper.pdf", b"%PDF-1.7\n\xe2\xe3"),
        workspace.write_file("papers.xlsx", b"PK\x03\x04"),
        workspace.write_file("notes.txt", "Dear all,"),
        workspace.write_file("empty.json", ""),
        workspace.write_file("blank.json", "\n \n"),
        "folder",
        "missing.json",
        workspace.write_file("good.json", valid_item("g").to_string()),
    ];
    std::fs::create_dir(workspace.path("folder")).expect("a directory");
    let outcome = workspace.import(&app.database_url, &[&["csl"][..], &files].concat());
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        outcome.stderr_lines(),
        [
            "picture.json:1: unreadable file: it is not JSON; it starts like binary data",
            "library.bib:1: unreadable file: it is not JSON; it starts like BibTeX",
            "library.xml:1: unreadable file: it is not JSON; it starts like XML or HTML",
            "library.ris:1: unreadable file: it is not JSON; it starts like RIS",
            "paper.pdf:1: unreadable file: it is not JSON; it starts like a PDF",
            "papers.xlsx:1: unreadable file: it is not JSON; it starts like a zip archive; unpack it first",
            "notes.txt:1: unreadable file: it is not JSON; it starts like text",
            "empty.json: unreadable file: it is empty",
            "blank.json: unreadable file: it is empty",
            "folder: unreadable file: it is a folder; specify the files in it",
            "missing.json: unreadable file: it cannot be opened: No such file or directory (os error 2)",
        ]
    );
    let summary = "read 1: created 1, updated 0, unchanged 0, invalid 0; 11 unreadable files\n";
    assert_eq!(outcome.report(), summary);
    assert_eq!(titles(&app).await, ["Good g"]);
}

/// Items with random titles, which compress badly.
fn incompressible_items(amount: usize) -> String {
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{state:x}")
    };
    let papers: Vec<Value> = (0..amount)
        .map(|n| article(&format!("n{n}"), &(0..8).map(|_| noise()).collect::<String>(), 2000, &[]))
        .collect();
    to_json_lines(&papers)
}

async fn assert_truncation_is_reported(name: &str, whole: &[u8]) {
    let half = &whole[..whole.len() / 2];
    let (app, outcome) = import_file(name, half).await;
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let [complaint] = outcome.stderr_lines()[..] else { panic!("one complaint: {outcome:?}") };
    let rest = complaint.strip_prefix(&format!("{name}:")).expect("the file's name");
    let (line, reason) = rest.split_once(": ").expect("a line");
    assert_eq!(reason, "unreadable file: the compressed data ends early; the file is truncated");
    // The lines before the truncation are imported.
    let before = line.parse::<usize>().expect("a number") - 1;
    assert!(before > 100, "{complaint}");
    assert!(outcome.report().starts_with(&format!("read {before}: created {before}, ")), "{}", outcome.stdout);
    let count = app.data("{ papers(first: 1) { totalCount } }").await;
    assert_eq!(count["papers"]["totalCount"], json!(before));
}

#[tokio::test]
async fn truncated_gzip() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(incompressible_items(800).as_bytes()).expect("a memory to write to");
    assert_truncation_is_reported("papers.jsonl.gz", &encoder.finish().expect("a compressed file")).await;
}

#[tokio::test]
async fn truncated_zstandard() {
    // More than one zstd block, the smallest unit that is decompressed.
    let compressed = zstd::encode_all(incompressible_items(3000).as_bytes(), 3).expect("a compressed file");
    assert_truncation_is_reported("papers.jsonl.zst", &compressed).await;
}

#[tokio::test]
async fn record_split_over_two_lines() {
    let line = valid_item("cut").to_string();
    let (head, tail) = line.split_at(30);
    let text = format!("{}\n{head}\n{tail}\n{}\n", valid_item("a"), valid_item("b"));
    let (app, outcome) = import_file("papers.jsonl", text.as_bytes()).await;
    assert_eq!(outcome.summary(), "read 4: created 2, updated 0, unchanged 0, invalid 2");
    let [first, second] = outcome.stderr_lines()[..] else { panic!("{outcome:?}") };
    assert_eq!(first, "papers.jsonl:2: invalid record: the JSON is truncated at column 30");
    assert!(second.starts_with("papers.jsonl:3: invalid record: it is not JSON: "), "{second}");
    assert_eq!(titles(&app).await, ["Good a", "Good b"]);
}

#[tokio::test]
async fn truncated_array() {
    let array = format!("{:#}", json!([valid_item("a"), valid_item("b")]));
    let (_, outcome) = import_file("papers.json", &array.as_bytes()[..array.len() - 20]).await;
    assert_eq!(outcome.code, Some(1));
    let [complaint] = outcome.stderr_lines()[..] else { panic!("{outcome:?}") };
    assert!(
        complaint.ends_with(": unreadable file: the JSON value that starts here is not closed; the file is truncated"),
        "{complaint}"
    );
}

#[tokio::test]
async fn invalid_fields() {
    let deep = format!("{{\"title\":\"Deep\",\"note\":{}{}}}", "[".repeat(300), "]".repeat(300));
    let of = |authors: Value| with_fields(valid_item("x"), json!({ "author": authors }));
    let papers = [
        with_fields(
            of(json!([{ "family": " ", "given": "" }, author("Tom Ford")])),
            json!({ "id": "1", "title": "No name" }),
        ),
        with_fields(valid_item("2"), json!({ "title": "Nu\0ll" })),
        with_fields(
            of(json!([author("Zo\0ë Pier"), { "literal": "\0" }])),
            json!({ "id": "3", "title": "Null in names" }),
        ),
        with_fields(
            of(json!([with_fields(author("Uma Ferry"), json!({ "ORCID": "0000-0002-1825-0098" }))])),
            json!({ "id": "4", "title": "ORCID" }),
        ),
        with_fields(valid_item("5"), json!({ "title": "DOI", "DOI": "see the paper" })),
        json!({ "id": "6" }),
        json!({ "id": "7", "title": "  " }),
        json!({ "id": "https://ror.org/05dxps055", "names": [], "locations": [] }),
        json!({ "status": "ok", "message-type": "work", "message": {} }),
        with_fields(valid_item("10"), json!({ "title": "Date", "issued": { "date-parts": [[2001, 2, 30]] } })),
        with_fields(valid_item("11"), json!({ "title": "Address", "URL": "javascript:alert(1)" })),
    ];
    let text = format!("{}{deep}\n{}\n", to_json_lines(&papers), valid_item("13"));
    let (app, outcome) = import_file("papers.jsonl", text.as_bytes()).await;
    assert_eq!(outcome.summary(), "read 13: created 8, updated 0, unchanged 0, invalid 5; 8 warnings and notes");
    let (deep, others): (Vec<&str>, Vec<&str>) =
        outcome.stderr_lines().into_iter().partition(|line| line.contains("recursion"));
    assert_eq!(
        others,
        [
            "papers.jsonl:1: warning: author 1 has no name and was ignored",
            "papers.jsonl:2: warning: a null character in the title was removed",
            "papers.jsonl:3: warning: a null character in the name of author 1 was removed",
            "papers.jsonl:3: warning: author 2 has no name and was ignored",
            "papers.jsonl:4: warning: author 1: '0000-0002-1825-0098' is not an ORCID iD: its checksum is wrong; check for a \
             mistyped digit; it was ignored",
            "papers.jsonl:5: warning: 'see the paper' is not a DOI: it has no slash; it was ignored",
            "papers.jsonl:6: invalid record: it has no title",
            "papers.jsonl:7: invalid record: it has no title",
            "papers.jsonl:8: invalid record: it looks like a ROR record; use `import ror`",
            "papers.jsonl:9: invalid record: it looks like a Crossref API response; its CSL items are in `message`",
            "papers.jsonl:10: warning: the date [2001,2,30] is not a valid date; it was shortened to 2001",
            "papers.jsonl:11: warning: the URL 'javascript:alert(1)' is not an HTTP URL and was ignored",
        ]
    );
    let [deep] = deep[..] else { panic!("{outcome:?}") };
    assert!(deep.starts_with("papers.jsonl:12: invalid record: it is not JSON: recursion limit exceeded"), "{deep}");
    let imported = ["Address", "DOI", "Date", "Good 13", "No name", "Null", "Null in names", "ORCID"];
    let mut found = titles(&app).await;
    found.sort_unstable();
    assert_eq!(found, imported);
    let names = query_strings(
        &app.database_url,
        "SELECT concat_ws('|', position, name_as_published, name) FROM authorship \
        JOIN paper ON paper.id = paper_id WHERE title IN ('No name', 'Null in names') ORDER BY title, position",
    );
    assert_eq!(names.await, ["2|Tom Ford|Tom Ford", "1|Zoë Pier|Zoë Pier"]);
}

#[tokio::test]
async fn paper_with_five_thousand_authors() {
    let authors: Vec<Value> = (1..=5_000).map(|number| author(&format!("Ann{number} Sailor{number}"))).collect();
    let papers = [with_fields(valid_item("big"), json!({ "author": authors })), valid_item("small")];
    let (app, outcome) = import_file("papers.jsonl", to_json_lines(&papers).as_bytes()).await;
    assert_eq!(outcome.summary(), "read 2: created 2, updated 0, unchanged 0, invalid 0; 1 warning or note");
    let note = "papers.jsonl:1: note: 5000 authors exceed the consortium size of 100; all are kept, but are excluded from coauthorship \
        by default";
    assert_eq!(outcome.stderr_lines(), [note]);
    let found = app
        .data("{ paper(by: {slug: \"good-big\"}) { authorships(last: 1) { totalCount nodes { name position } } } }")
        .await;
    let expected = json!({ "totalCount": 5000, "nodes": [{ "name": "Ann5000 Sailor5000", "position": 5000 }] });
    assert_eq!(found["paper"]["authorships"], expected);
    let pairs = "SELECT concat_ws(' ', one.slug, other.slug) FROM coauthorship JOIN researcher AS one ON one.id = researcher_id \
        JOIN researcher AS other ON other.id = coauthor_id ORDER BY one.slug";
    assert_eq!(query_strings(&app.database_url, pairs).await, ["ida-brook tom-ford", "tom-ford ida-brook"]);
}

#[tokio::test]
async fn very_long_title() {
    let title = "Long ".repeat(60_000);
    let (app, outcome) = import_file(
        "papers.jsonl",
        to_json_lines(&[with_fields(valid_item("1"), json!({ "title": title })), valid_item("2")]).as_bytes(),
    )
    .await;
    assert_eq!(outcome.summary(), "read 2: created 2, updated 0, unchanged 0, invalid 0");
    let found = titles(&app).await;
    assert_eq!(found.iter().map(String::len).collect::<Vec<_>>(), ["Good 2".len(), title.trim_end().len()]);
}

#[tokio::test]
async fn strict_mode() {
    let url = create_database().await;
    let workspace = Workspace::new();
    let first = workspace.write_file("first.jsonl", to_json_lines(&[valid_item("a")]));
    let faulty = workspace.write_file(
        "faulty.jsonl",
        to_json_lines(&[valid_item("b"), json!({ "id": "c" }), json!({ "id": "d" }), valid_item("e")]),
    );
    let outcome = workspace.import(&url, &["csl", "--strict", first, faulty]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.report(), "");
    let complaints = [
        "faulty.jsonl:2: invalid record: it has no title",
        "error: stopped at the first invalid record or warning (--strict): faulty.jsonl:2: invalid record: it has no title",
    ];
    assert_eq!(outcome.stderr_lines(), complaints);
    assert_eq!(query_strings(&url, "SELECT count(*) FROM paper WHERE title IN ('Good e')").await, ["0"]);

    // Without `--strict` the same file is imported; with it, a file without problems is.
    assert_eq!(workspace.import(&url, &["csl", first, faulty]).code, Some(0));
    assert_eq!(
        workspace.import(&url, &["csl", "--strict", first]).summary(),
        "read 1: created 0, updated 0, unchanged 1, invalid 0"
    );
}

#[tokio::test]
async fn strict_mode_with_a_missing_file() {
    let workspace = Workspace::new();
    let outcome = workspace.import(
        &create_database().await,
        &["csl", "--strict", "missing.json", workspace.write_file("a.json", valid_item("a").to_string())],
    );
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("missing.json: unreadable file: it cannot be opened"), "{}", outcome.stderr);
}
