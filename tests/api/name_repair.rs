//! Damaged names of authors: what is repaired, what is suggested, and what confirms a suggestion.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};

use academic_directory::text::names;
use serde_json::{Value, json};

use crate::support::binary::Workplace;
use crate::support::dump::{assert_same, dump, query};
use crate::support::{TestApp, orcid, paper, records_of, researcher, shared, texts, with};

const AUTHORS: &str = "{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { authorships { nodes {
    nameAsPublished name nameRepair { value rule confidence isApplied } researcher { name slug } } } } } }";

/// The authors of all papers, by the papers' titles.
async fn authors(app: &TestApp) -> Vec<Value> {
    let papers = app.data(AUTHORS).await["papers"]["nodes"].clone();
    let papers = papers.as_array().expect("papers").clone();
    papers.iter().flat_map(|paper| paper["authorships"]["nodes"].as_array().expect("authors").clone()).collect()
}

async fn found(app: &TestApp, name: &str) -> Vec<String> {
    let search = "query Search($query: String!) { search(query: $query, kinds: [RESEARCHER]) { nodes { slug } } }";
    texts(&app.data_with(search, json!({ "query": name })).await["search"]["nodes"], &["slug"])
}

/// A paper by one author, whose name comes in parts.
fn by(title: &str, given: &str, family: &str) -> Value {
    let author =
        json!({ "position": 1, "name": format!("{given} {family}"), "givenName": given, "familyName": family });
    with(paper(title, Some(2001), &[]), json!({ "authors": [author] }))
}

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.load(json!([
        paper("1", None, &["Ana Ili'c", "Ida O'Brien", "Matko Bovsnjak", "Wei Xi'an"]),
        paper("2", None, &["  B\\\"{u}nz,\tBen ", "JOS\u{c3}\u{2030} FORD"]),
    ]))
    .await;
    let found = authors(&app).await;
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
    assert_eq!(texts(&found, &["nameAsPublished"]), published);
    let shown = ["Ana Ilić", "Ida O'Brien", "Matko Bovsnjak", "Wei Xi'an", "Bünz, Ben", "José Ford"];
    assert_eq!(texts(&found, &["name"]), shown);
    let rules = ["BARE_ACCENT", "null", "CARON", "null", "LATEX", "CAPITALS"];
    assert_eq!(texts(&found, &["nameRepair", "rule"]), rules);
}

/// Whatever is written first, and however much at once, the directory is the same.
#[tokio::test]
async fn order_and_batches() {
    let records = [
        by("a", "Matko", "Bovsnjak"),
        by("b", "Matko", "Bošnjak"),
        paper("c", Some(2003), &["Matko Bovsnjak", "Ana Ili'c", "Tom Ford"]),
        paper("d", Some(2004), &["Ana Ilić", "Ida Jovanovic'", "Petar Bovsnjak"]),
        paper("e", Some(2005), &["Ida Jovanović", "Tom Ford"]),
        with(researcher("Petar Bošnjak"), json!({ "homepageUrl": "https://example.org/petar" })),
    ];
    let orders: [[usize; 6]; 5] =
        [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [1, 0, 4, 3, 5, 2], [3, 2, 5, 0, 1, 4], [2, 3, 0, 4, 5, 1]];
    let mut first = Vec::new();
    for order in orders {
        for size in [1, 2, 6] {
            let app = TestApp::start().await;
            for batch in order.chunks(size) {
                let batch = batch.iter().map(|index| records[*index].clone()).collect::<Vec<_>>();
                app.write(&records_of(json!(batch))).await;
            }
            let found = json!(authors(&app).await);
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
            assert_eq!(texts(&found, &["name"]), expected, "{order:?} by {size}");
            assert_eq!(texts(&found, &["researcher", "name"]), expected, "{order:?} by {size}");
            let now = dump(&app.database_url).await;
            if first.is_empty() {
                first.clone_from(&now);
            }
            assert_same(&now, &first);
            assert_eq!(self::found(&app, "matko bosnjak").await, ["matko-bosnjak"]);
            // The vocabulary of search follows.
            let wrong = "SELECT word FROM search_word WHERE entry_count <> (SELECT count(*) FROM search_entry \
                 WHERE words @@ quote_literal(word)::tsquery)";
            assert_eq!(query(&app.database_url, wrong).await, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn confirmation_that_goes() {
    let records = |other: &str| records_of(json!([by("a", "Matko", "Bovsnjak"), by("b", "Matko", other)]));
    let app = TestApp::start().await;
    app.write(&records("Bošnjak")).await;
    assert_eq!(texts(&json!(authors(&app).await), &["name"]), ["Matko Bošnjak", "Matko Bošnjak"]);
    app.write(&records("Brook")).await;
    let now = authors(&app).await;
    assert_eq!(texts(&json!(now), &["name"]), ["Matko Bovsnjak", "Matko Brook"]);
    assert_eq!(now[0]["nameRepair"]["isApplied"], json!(false));
    app.write(&records("Bošnjak")).await;
    assert_eq!(texts(&json!(authors(&app).await), &["researcher", "slug"]), ["matko-bosnjak", "matko-bosnjak"]);
}

/// Two damaged names do not confirm each other, nor does a name without the letter that is missing.
#[tokio::test]
async fn what_does_not_confirm() {
    let app = TestApp::start().await;
    app.load(json!([by("a", "Matko", "Bovsnjak"), by("b", "Matko", "Bovsnjak"), by("c", "Matko", "Bosnjak")])).await;
    assert_eq!(texts(&json!(authors(&app).await), &["name"]), ["Matko Bovsnjak", "Matko Bovsnjak", "Matko Bosnjak"]);
    assert_eq!(query(&app.database_url, "SELECT count(*) FROM researcher").await, ["2"]);
}

/// What somebody's damaged name led to leads to the person still.
#[tokio::test]
async fn former_address() {
    let app = TestApp::start().await;
    app.load(json!([by("a", "Matko", "Bovsnjak")])).await;
    let id = app.id_of("researcher", "matko-bovsnjak").await;
    app.load(json!([by("b", "Matko", "Bošnjak")])).await;
    let found = app
        .data_with(
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
async fn orcid_goes_along() {
    let damaged = json!([{ "position": 1, "name": "Matko Bovsnjak", "orcid": orcid(1) }]);
    let records = [
        with(paper("a", Some(2001), &[]), json!({ "authors": damaged })),
        by("b", "Matko", "Bošnjak"),
        with(paper("c", Some(2002), &[]), json!({ "authors": damaged })),
    ];
    let mut first = Vec::new();
    for order in [[0, 1, 2], [1, 0, 2], [0, 2, 1]] {
        let app = TestApp::start().await;
        for index in order {
            app.load(json!([records[index]])).await;
        }
        let people = "SELECT concat_ws(' ', display_name, orcid, paper_count) FROM researcher \
             JOIN researcher_statistics ON researcher_id = researcher.id";
        assert_eq!(query(&app.database_url, people).await, [format!("Matko Bošnjak {} 3", orcid(1))]);
        let now = dump(&app.database_url).await;
        if first.is_empty() {
            first.clone_from(&now);
        }
        assert_same(&now, &first);
    }
}

/// A directory from before there were repairs gets them at the next start.
#[tokio::test]
async fn names_written_before() {
    let records = json!([
        paper("a", Some(2001), &["Ana Ili'c", "Tom Ford", "Matko Bovsnjak"]),
        paper("b", Some(2002), &["Ana Ilić", "Matko Bošnjak", "IDA BROOK"]),
        paper("c", Some(2002), &["Uma P\\'erez"]),
    ]);
    let fresh = TestApp::start().await;
    fresh.load(records.clone()).await;

    let app = TestApp::start().await;
    // As it was: names that say nothing of damage to those who wrote them.
    let plain = json!([
        paper("a", Some(2001), &["Ana Damaged", "Tom Ford", "Matko Damaged"]),
        paper("b", Some(2002), &["Ana Ilić", "Matko Bošnjak", "Ida Brook"]),
        paper("c", Some(2002), &["Uma Damaged"]),
    ]);
    app.load(plain).await;
    for (name, damaged, key, slug) in [
        ("Ana Damaged", "Ana Ili''c", "ana ili''c", "ana-ilic-2"),
        ("Matko Damaged", "Matko Bovsnjak", "matko bovsnjak", "matko-bovsnjak"),
        ("Ida Brook", "IDA BROOK", "ida brook", "ida-brook"),
        ("Uma Damaged", "Uma P\\''erez", "uma p\\''erez", "uma-p-erez"),
    ] {
        app.sql(&format!(
            "UPDATE authorship SET name_as_published = '{damaged}', name = '{damaged}' WHERE name = '{name}'"
        ))
        .await;
        app.sql(&format!(
            "UPDATE researcher SET display_name = '{damaged}', name_key = '{key}', slug = '{slug}' WHERE display_name = '{name}'"
        ))
        .await;
    }
    app.sql(
        "UPDATE authorship SET repair_value = NULL, repair_rule = NULL, repair_confidence = NULL, is_repair_applied = NULL, \
         suggestion_key = NULL, confirming_key = NULL; DELETE FROM setting WHERE name = 'name_repair_version'",
    )
    .await;
    assert!(app.store.keep_name_repairs().await.expect("the names"));
    assert!(!app.store.keep_name_repairs().await.expect("the names"), "they are as they would be now");
    assert_eq!(authors(&app).await, authors(&fresh).await);
    let without_digests =
        |lines: Vec<String>| lines.into_iter().filter(|line| !line.starts_with("said ")).collect::<Vec<_>>();
    app.store.recount_totals().await.expect("the counts");
    assert_same(&without_digests(dump(&app.database_url).await), &without_digests(dump(&fresh.database_url).await));
}

/// The page that this product started from.
#[tokio::test]
async fn names_of_the_real_page() {
    let Some(seeds) = shared("seeds") else { return };
    let file = std::fs::read_dir(&seeds).expect("the seeds").flatten().map(|entry| entry.path()).next();
    let Some(file) = file else { return println!("skipped: {} is empty", seeds.display()) };
    let file = file.canonicalize().expect("a file");
    let app = TestApp::start().await;
    Workplace::new()
        .import(&app.database_url, &["profile-page", "--organization", "Mila", file.to_str().expect("UTF-8")]);
    let repairs: Vec<String> = authors(&app)
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
        assert_eq!(found(&app, name).await.first().map(String::as_str), Some("anastasija-ilic"), "{name}");
    }
    for name in ["András", "Andras", "Andr'as"] {
        assert_eq!(found(&app, name).await.first().map(String::as_str), Some("andras-gyorgy"), "{name}");
    }
    app.load(json!([by("b", "Matko", "Bošnjak")])).await;
    for name in ["Bošnjak", "Bosnjak", "Bovsnjak"] {
        assert_eq!(found(&app, name).await.first().map(String::as_str), Some("matko-bosnjak"), "{name}");
    }
}

/// How many different names each rule touches in real files: a rule that begins to touch more has begun to touch whole ones.
#[test]
fn real_names() {
    for (file, expected) in [("ml-anthology-to-2024.csl.jsonl.zst", ML), ("acl-anthology-to-2019.csl.jsonl.zst", ACL)] {
        let Some(path) = shared(&format!("data/{file}")) else { return };
        let decoder = zstd::Decoder::new(std::fs::File::open(path).expect("a file")).expect("a zstd file");
        let mut known = std::collections::HashSet::new();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in BufReader::new(decoder).lines() {
            let item: Value = serde_json::from_str(&line.expect("a line")).expect("an item");
            for author in item["author"].as_array().into_iter().flatten() {
                let parts = ["given", "non-dropping-particle", "family", "suffix"].map(|part| author[part].as_str());
                let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
                let name =
                    if name.is_empty() { author["literal"].as_str().unwrap_or_default().to_owned() } else { name };
                if !known.insert(name.clone()) {
                    continue;
                }
                if let Some(repair) = names::mend(&name).told() {
                    let how = if repair.is_certain() { "certain" } else { "suggested" };
                    *counts.entry(format!("{:?} {how}", repair.rule)).or_default() += 1;
                }
            }
        }
        let counts: Vec<String> = counts.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
        assert_eq!(counts, expected, "{file}");
    }
}

const ML: &[&str] = &[
    "BareAccent certain 1",
    "BareAccent suggested 2",
    "Capitals certain 554",
    "DecomposedAccent certain 53",
    "DetachedAccent certain 1",
    "Latex certain 8",
    "StrayCharacters certain 15",
];
const ACL: &[&str] = &["BareAccent suggested 1", "DecomposedAccent certain 6", "StrayCharacters certain 4"];
