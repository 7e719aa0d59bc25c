//! Name repair: repaired and suggested names, and what confirms a suggestion.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};

use academic_directory::text::names;
use serde_json::{Value, json};

use crate::support::database_dump::{assert_dumps_equal, dump_database, query_strings};
use crate::support::process::{Workspace, run_to_completion};
use crate::support::{
    TestApp, orcid, paper_record, parse_records, pluck, pluck_strings, researcher_record, shared_data, with_fields,
};

const AUTHORS_QUERY: &str = "{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { authorships { nodes {
    nameAsPublished name nameRepair { value rule confidence isApplied } researcher { name slug } } } } } }";

/// The authors of all papers, in order of title.
async fn read_authors(app: &TestApp) -> Vec<Value> {
    let papers = app.data(AUTHORS_QUERY).await["papers"]["nodes"].clone();
    let papers = papers.as_array().expect("papers").clone();
    papers.iter().flat_map(|paper| paper["authorships"]["nodes"].as_array().expect("authors").clone()).collect()
}

async fn search_slugs(app: &TestApp, name: &str) -> Vec<String> {
    let search = "query Search($query: String!) { search(query: $query, kinds: [RESEARCHER]) { nodes { slug } } }";
    pluck_strings(&app.data_with_variables(search, json!({ "query": name })).await["search"]["nodes"], &["slug"])
}

/// A paper by one author with a given and a family name.
fn paper_by(title: &str, given: &str, family: &str) -> Value {
    let author =
        json!({ "position": 1, "name": format!("{given} {family}"), "givenName": given, "familyName": family });
    with_fields(paper_record(title, Some(2001), &[]), json!({ "authors": [author] }))
}

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("1", None, &["Ana Ili'c", "Ida O'Brien", "Matko Bovsnjak", "Wei Xi'an"]),
        paper_record("2", None, &["  B\\\"{u}nz,\tBen ", "JOS\u{c3}\u{2030} FORD"]),
    ]))
    .await;
    let found = read_authors(&app).await;
    assert_eq!(
        found[0],
        json!({ "nameAsPublished": "Ana Ili'c", "name": "Ana Ilić", "researcher": { "name": "Ana Ilić", "slug": "ana-ilic" },
            "nameRepair": { "value": "Ana Ilić", "rule": "BARE_ACCENT", "confidence": 0.95, "isApplied": true } })
    );
    assert_eq!(
        found[2],
        json!({ "nameAsPublished": "Matko Bovsnjak", "name": "Matko Bovsnjak",
            "researcher": { "name": "Matko Bovsnjak", "slug": "matko-bovsnjak" },
            "nameRepair": { "value": "Matko Bošnjak", "rule": "CARON", "confidence": 0.5, "isApplied": false } })
    );
    let found = json!(found);
    let published = ["Ana Ili'c", "Ida O'Brien", "Matko Bovsnjak", "Wei Xi'an", "  B\\\"{u}nz,\tBen ", "JOSÃ‰ FORD"];
    assert_eq!(pluck_strings(&found, &["nameAsPublished"]), published);
    let displayed = ["Ana Ilić", "Ida O'Brien", "Matko Bovsnjak", "Wei Xi'an", "Bünz, Ben", "JOSÉ FORD"];
    assert_eq!(pluck_strings(&found, &["name"]), displayed);
    let rules = ["BARE_ACCENT", "null", "CARON", "null", "LATEX", "CAPITALS"];
    assert_eq!(pluck_strings(&found, &["nameRepair", "rule"]), rules);
}

/// In a list of which every name is in capitals, short names and particles are lowered, too.
#[tokio::test]
async fn lists_in_capitals() {
    let app = TestApp::start().await;
    let published = ["ALMA BROOK", "KIM NG", "IDA VAN DER BERG", "JOHN MCKAY"];
    app.create_records(json!(
        [paper_record("1", None, &published), paper_record("2", None, &["Ida Brook", "KIM NG"]),]
    ))
    .await;
    let found = json!(read_authors(&app).await);
    assert_eq!(pluck_strings(&found, &["nameAsPublished"])[..4], published);
    let displayed = ["Alma Brook", "Kim Ng", "Ida van der Berg", "John McKay", "Ida Brook", "KIM NG"];
    assert_eq!(pluck_strings(&found, &["name"]), displayed);
}

/// Beside ordinary names capitals may be meant. That they are not is suggested, and applied by no import.
#[tokio::test]
async fn capitals_beside_ordinary_names() {
    const BIBLIOGRAPHY: &str = "
@article{a, author = {ALTHAUS, Ida and Doe, Jane}, title = {A}, year = 2001}
@article{b, author = {NG, KIM and Smith, John}, title = {B}, year = 2002}
@article{c, author = {Brook, IDA}, title = {C}, year = 2003}
@article{d, author = {SMITH, JOHN and NG, KIM}, title = {D}, year = 2004}
";
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    workspace.write_file("list.bib", BIBLIOGRAPHY);
    assert_eq!(workspace.import(&app.database_url, &["bibtex", "list.bib"]).code, Some(0));
    let lowered = |name: &str, confidence: f64, is_applied: bool| json!({ "value": name, "rule": "CAPITALS", "confidence": confidence, "isApplied": is_applied });
    let expected = json!([
        lowered("Ida Althaus", 0.8, false),
        null,
        lowered("Kim Ng", 0.5, false),
        null,
        null,
        lowered("John Smith", 0.9, true),
        lowered("Kim Ng", 0.9, true)
    ]);
    let found = json!(read_authors(&app).await);
    assert_eq!(json!(pluck(&found, &["nameRepair"])), expected);
    // Another paper has the name of Kim Ng in the usual case.
    let displayed = ["Ida ALTHAUS", "Jane Doe", "Kim Ng", "John Smith", "IDA Brook", "John Smith", "Kim Ng"];
    assert_eq!(pluck_strings(&found, &["name"]), displayed);
    // A source that confirms the spelling, the same file again, and a new start of the service change no repair.
    app.write_records(&parse_records(json!([researcher_record("Ida Althaus")]))).await;
    workspace.import(&app.database_url, &["bibtex", "list.bib"]);
    app.execute_sql("DELETE FROM setting WHERE name = 'name_repair_version'").await;
    assert!(app.store.rebuild_name_repairs_if_stale().await.expect("the names"));
    assert_eq!(json!(pluck(&json!(read_authors(&app).await), &["nameRepair"])), expected);
    let query = "{ directory { quality { nameRepairs { rule appliedCount suggestedCount } } } }";
    let counts = app.data(query).await["directory"]["quality"]["nameRepairs"].clone();
    assert_eq!(counts, json!([{ "rule": "CAPITALS", "appliedCount": 2, "suggestedCount": 2 }]));
    let report = run_to_completion(&mut workspace.command_with_database(&app.database_url, &["check"])).stdout;
    let line = report.lines().find(|line| line.trim_start().starts_with("capitals")).expect("a line");
    assert!(line.ends_with("2 repaired, 2 suggested"), "{report}");
}

/// The result does not depend on the order and batching of records.
#[tokio::test]
async fn independent_of_order_and_batches() {
    let records = [
        paper_by("a", "Matko", "Bovsnjak"),
        paper_by("b", "Matko", "Bošnjak"),
        paper_record("c", Some(2003), &["Matko Bovsnjak", "Ana Ili'c", "Tom Ford"]),
        paper_record("d", Some(2004), &["Ana Ilić", "Ida Jovanovic'", "Petar Bovsnjak"]),
        paper_record("e", Some(2005), &["Ida Jovanović", "Tom Ford"]),
        with_fields(researcher_record("Petar Bošnjak"), json!({ "homepageUrl": "https://example.org/petar" })),
    ];
    let orders: [[usize; 6]; 5] =
        [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [1, 0, 4, 3, 5, 2], [3, 2, 5, 0, 1, 4], [2, 3, 0, 4, 5, 1]];
    let mut first = Vec::new();
    for order in orders {
        for size in [1, 2, 6] {
            let app = TestApp::start().await;
            for batch in order.chunks(size) {
                let batch = batch.iter().map(|index| records[*index].clone()).collect::<Vec<_>>();
                app.write_records(&parse_records(json!(batch))).await;
            }
            let found = json!(read_authors(&app).await);
            let expected = [
                "Matko Bošnjak",
                "Matko Bošnjak",
                "Matko Bošnjak",
                "Ana Ilić",
                "Tom Ford",
                "Ana Ilić",
                "Ida Jovanović",
                "Petar Bošnjak",
                "Ida Jovanović",
                "Tom Ford",
            ];
            assert_eq!(pluck_strings(&found, &["name"]), expected, "{order:?} by {size}");
            assert_eq!(pluck_strings(&found, &["researcher", "name"]), expected, "{order:?} by {size}");
            let now = dump_database(&app.database_url).await;
            if first.is_empty() {
                first.clone_from(&now);
            }
            assert_dumps_equal(&now, &first);
            assert_eq!(self::search_slugs(&app, "matko bosnjak").await, ["matko-bosnjak"]);
            // The search vocabulary is updated, too.
            let wrong = "SELECT word FROM search_word WHERE entry_count <> (SELECT count(*) FROM search_entry \
                 WHERE words @@ quote_literal(word)::tsquery)";
            assert_eq!(query_strings(&app.database_url, wrong).await, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn withdrawn_confirmation() {
    let records =
        |other: &str| parse_records(json!([paper_by("a", "Matko", "Bovsnjak"), paper_by("b", "Matko", other)]));
    let app = TestApp::start().await;
    app.write_records(&records("Bošnjak")).await;
    assert_eq!(pluck_strings(&json!(read_authors(&app).await), &["name"]), ["Matko Bošnjak", "Matko Bošnjak"]);
    app.write_records(&records("Brook")).await;
    let now = read_authors(&app).await;
    assert_eq!(pluck_strings(&json!(now), &["name"]), ["Matko Bovsnjak", "Matko Brook"]);
    assert_eq!(now[0]["nameRepair"]["isApplied"], json!(false));
    app.write_records(&records("Bošnjak")).await;
    assert_eq!(
        pluck_strings(&json!(read_authors(&app).await), &["researcher", "slug"]),
        ["matko-bosnjak", "matko-bosnjak"]
    );
}

/// Neither another damaged name nor one without the missing letter confirms a suggestion.
#[tokio::test]
async fn insufficient_confirmation() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_by("a", "Matko", "Bovsnjak"),
        paper_by("b", "Matko", "Bovsnjak"),
        paper_by("c", "Matko", "Bosnjak")
    ]))
    .await;
    assert_eq!(
        pluck_strings(&json!(read_authors(&app).await), &["name"]),
        ["Matko Bovsnjak", "Matko Bovsnjak", "Matko Bosnjak"]
    );
    assert_eq!(query_strings(&app.database_url, "SELECT count(*) FROM researcher").await, ["2"]);
}

/// The slug of the damaged name redirects to the researcher.
#[tokio::test]
async fn former_slug_redirects() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_by("a", "Matko", "Bovsnjak")])).await;
    let id = app.find_id("researcher", "matko-bovsnjak").await;
    app.create_records(json!([paper_by("b", "Matko", "Bošnjak")])).await;
    let found = app
        .data_with_variables(
            "query Former($id: ID!) { node(id: $id) { ... on Researcher { name slug formerIds statistics { paperCount } } }
             researcher(by: {slug: \"matko-bovsnjak\"}) { slug } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(
        found,
        json!({ "node": { "name": "Matko Bošnjak", "slug": "matko-bosnjak", "formerIds": [id], "statistics": { "paperCount": 2 } },
            "researcher": { "slug": "matko-bosnjak" } })
    );
}

#[tokio::test]
async fn orcid_of_a_repaired_name() {
    let damaged = json!([{ "position": 1, "name": "Matko Bovsnjak", "orcid": orcid(1) }]);
    let records = [
        with_fields(paper_record("a", Some(2001), &[]), json!({ "authors": damaged })),
        paper_by("b", "Matko", "Bošnjak"),
        with_fields(paper_record("c", Some(2002), &[]), json!({ "authors": damaged })),
    ];
    let mut first = Vec::new();
    for order in [[0, 1, 2], [1, 0, 2], [0, 2, 1]] {
        let app = TestApp::start().await;
        for index in order {
            app.create_records(json!([records[index]])).await;
        }
        let people = "SELECT concat_ws(' ', display_name, orcid, paper_count) FROM researcher \
             JOIN researcher_statistics ON researcher_id = researcher.id";
        assert_eq!(query_strings(&app.database_url, people).await, [format!("Matko Bošnjak {} 3", orcid(1))]);
        let now = dump_database(&app.database_url).await;
        if first.is_empty() {
            first.clone_from(&now);
        }
        assert_dumps_equal(&now, &first);
    }
}

/// Names written by a version without name repair are repaired on the next start.
#[tokio::test]
async fn rebuild_of_older_names() {
    let records = json!([
        paper_record("a", Some(2001), &["Ana Ili'c", "Tom Ford", "Matko Bovsnjak"]),
        paper_record("b", Some(2002), &["Ana Ilić", "Matko Bošnjak"]),
        paper_record("c", Some(2002), &["Uma P\\'erez"]),
        paper_record("d", Some(2002), &["IDA BROOK"]),
    ]);
    let fresh = TestApp::start().await;
    fresh.create_records(records.clone()).await;

    let app = TestApp::start().await;
    // Placeholders without damage, which SQL replaces with damaged names below.
    let plain = json!([
        paper_record("a", Some(2001), &["Ana Damaged", "Tom Ford", "Matko Damaged"]),
        paper_record("b", Some(2002), &["Ana Ilić", "Matko Bošnjak"]),
        paper_record("c", Some(2002), &["Uma Damaged"]),
        paper_record("d", Some(2002), &["Ida Brook"]),
    ]);
    app.create_records(plain).await;
    for (name, damaged, key, slug) in [
        ("Ana Damaged", "Ana Ili''c", "ana ili''c", "ana-ilic-2"),
        ("Matko Damaged", "Matko Bovsnjak", "matko bovsnjak", "matko-bovsnjak"),
        ("Ida Brook", "IDA BROOK", "ida brook", "ida-brook"),
        ("Uma Damaged", "Uma P\\''erez", "uma p\\''erez", "uma-p-erez"),
    ] {
        app.execute_sql(&format!(
            "UPDATE authorship SET name_as_published = '{damaged}', name = '{damaged}' WHERE name = '{name}'"
        ))
        .await;
        app.execute_sql(&format!(
            "UPDATE researcher SET display_name = '{damaged}', name_key = '{key}', slug = '{slug}' WHERE display_name = '{name}'"
        ))
        .await;
    }
    app.execute_sql(
        "UPDATE authorship SET repair_value = NULL, repair_rule = NULL, repair_confidence = NULL, is_repair_applied = NULL, \
         suggestion_key = NULL, confirming_key = NULL; DELETE FROM setting WHERE name = 'name_repair_version'",
    )
    .await;
    assert!(app.store.rebuild_name_repairs_if_stale().await.expect("the names"));
    assert!(!app.store.rebuild_name_repairs_if_stale().await.expect("the names"), "they are up to date");
    assert_eq!(read_authors(&app).await, read_authors(&fresh).await);
    let without_digests =
        |lines: Vec<String>| lines.into_iter().filter(|line| !line.starts_with("source_record ")).collect::<Vec<_>>();
    app.store.refresh_statistics_if_stale().await.expect("the counts");
    assert_dumps_equal(
        &without_digests(dump_database(&app.database_url).await),
        &without_digests(dump_database(&fresh.database_url).await),
    );
}

/// A real profile page.
#[tokio::test]
async fn real_profile_page() {
    let Some(seeds) = shared_data("seeds") else { return };
    let file = std::fs::read_dir(&seeds).expect("the seeds").flatten().map(|entry| entry.path()).next();
    let Some(file) = file else { return println!("skipped: {} is empty", seeds.display()) };
    let file = file.canonicalize().expect("a file");
    let app = TestApp::start().await;
    Workspace::new()
        .import(&app.database_url, &["profile-page", "--organization", "Mila", file.to_str().expect("UTF-8")]);
    let repairs: Vec<String> = read_authors(&app)
        .await
        .iter()
        .filter(|author| !author["nameRepair"].is_null())
        .map(|author| format!("{} {} {}", author["nameAsPublished"], author["name"], author["nameRepair"]["value"]))
        .collect();
    assert_eq!(
        repairs
            .iter()
            .map(|repair| repair.replace('"', ""))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>(),
        [
            "Anastasija Ili'c Anastasija Ilić Anastasija Ilić",
            "Andr'as Gyorgy András Gyorgy András Gyorgy",
            "Matko Bovsnjak Matko Bovsnjak Matko Bošnjak",
        ]
    );
    for name in ["Ilić", "Ilic", "Ili'c", "Ili’c", "anastasija ilic"] {
        assert_eq!(search_slugs(&app, name).await.first().map(String::as_str), Some("anastasija-ilic"), "{name}");
    }
    for name in ["András", "Andras", "Andr'as"] {
        assert_eq!(search_slugs(&app, name).await.first().map(String::as_str), Some("andras-gyorgy"), "{name}");
    }
    app.create_records(json!([paper_by("b", "Matko", "Bošnjak")])).await;
    for name in ["Bošnjak", "Bosnjak", "Bovsnjak"] {
        assert_eq!(search_slugs(&app, name).await.first().map(String::as_str), Some("matko-bosnjak"), "{name}");
    }
}

/// The number of distinct real names that each rule matches. An increase means that a rule now affects intact names.
#[test]
fn repair_counts_of_real_names() {
    for (file, expected) in [
        ("ml-anthology-to-2024.csl.jsonl.zst", ML_REPAIR_COUNTS),
        ("acl-anthology-to-2019.csl.jsonl.zst", ACL_REPAIR_COUNTS),
    ] {
        let Some(path) = shared_data(&format!("data/{file}")) else { return };
        let decoder = zstd::Decoder::new(std::fs::File::open(path).expect("a file")).expect("a zstd file");
        let mut seen = std::collections::HashSet::new();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in BufReader::new(decoder).lines() {
            let item: Value = serde_json::from_str(&line.expect("a line")).expect("an item");
            for author in item["author"].as_array().into_iter().flatten() {
                let parts = ["given", "non-dropping-particle", "family", "suffix"].map(|part| author[part].as_str());
                let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
                let name =
                    if name.is_empty() { author["literal"].as_str().unwrap_or_default().to_owned() } else { name };
                if !seen.insert(name.clone()) {
                    continue;
                }
                if let Some(repair) = names::repair_name(&name).reported_repair() {
                    let how = if repair.is_certain() { "certain" } else { "suggested" };
                    *counts.entry(format!("{:?} {how}", repair.rule)).or_default() += 1;
                }
            }
        }
        let counts: Vec<String> = counts.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
        assert_eq!(counts, expected, "{file}");
    }
}

const ML_REPAIR_COUNTS: &[&str] = &[
    "BareAccent certain 1",
    "BareAccent suggested 2",
    "Capitals certain 554",
    "DecomposedAccent certain 53",
    "DetachedAccent certain 1",
    "Latex certain 8",
    "StrayCharacters certain 15",
];
const ACL_REPAIR_COUNTS: &[&str] =
    &["BareAccent suggested 1", "DecomposedAccent certain 6", "StrayCharacters certain 4"];
