//! Name visibility: displayed, search-only and private names, by records and by curation.

use serde_json::{Value, json};

use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::database_state::database_state;
use crate::support::process::{Workspace, run_to_completion};
use crate::support::{TestApp, orcid, paper_record, parse_records, pluck_strings, researcher_record, with_fields};

/// A researcher who hides a name that papers use.
fn ben_brook(hidden: Value) -> Value {
    with_fields(researcher_record("Ben Brook"), json!({ "otherNames": ["B. Brook", hidden] }))
}

fn hidden_name(name: &str, name_use: &str) -> Value {
    json!({ "value": name, "use": name_use })
}

async fn displayed_researchers(app: &TestApp) -> Value {
    let query = "{ researchers { nodes { name givenName familyName slug otherNames
        papers(orderBy: {field: TITLE, direction: ASC}) { edges { node { title }
            authorship { name nameAsPublished isPublishedNameWithheld } } } } } }";
    app.data(query).await["researchers"]["nodes"].clone()
}

/// Runs `names` successfully and returns its output.
fn run_names(workspace: &Workspace, app: &TestApp, arguments: &[&str]) -> String {
    let outcome =
        run_to_completion(&mut workspace.command_with_database(&app.database_url, &[&["names"], arguments].concat()));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    outcome.stdout
}

fn run_names_failing(workspace: &Workspace, app: &TestApp, arguments: &[&str]) -> String {
    let outcome =
        run_to_completion(&mut workspace.command_with_database(&app.database_url, &[&["names"], arguments].concat()));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
    outcome.stderr.trim().to_owned()
}

#[tokio::test]
async fn hidden_names_match_in_any_order() {
    for name_use in ["SEARCH_ONLY", "PRIVATE"] {
        let records = [
            ben_brook(hidden_name("Anna Lake", name_use)),
            paper_record("A", Some(2001), &["Anna Lake", "Cy Ek"]),
            paper_record("B", Some(2002), &["Ben Brook", "Cy Ek"]),
            paper_record("C", Some(2003), &["ANNA  LAKE"]),
        ];
        let mut first = Value::Null;
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 2, 3], [2, 1, 0, 3], [2, 3, 0, 1]] {
            for size in [1, 4] {
                let app = TestApp::start().await;
                let records: Vec<Value> = order.iter().map(|index| records[*index].clone()).collect();
                for batch in records.chunks(size) {
                    app.write_records(&parse_records(json!(batch))).await;
                }
                let found = displayed_researchers(&app).await;
                assert_eq!(pluck_strings(&found, &["name"]), ["Ben Brook", "Cy Ek"], "{order:?} by {size}");
                if first.is_null() {
                    first = found.clone();
                }
                assert_eq!(found, first, "{order:?} by {size}");
                let edges = &found[0]["papers"]["edges"];
                assert_eq!(pluck_strings(edges, &["authorship", "nameAsPublished"]), ["Ben Brook"; 3]);
                let withheld: Vec<&Value> = edges
                    .as_array()
                    .expect("papers")
                    .iter()
                    .map(|edge| &edge["authorship"]["isPublishedNameWithheld"])
                    .collect();
                assert_eq!(withheld, [&json!(true), &json!(false), &json!(true)]);
                assert_eq!(found[0]["slug"], "ben-brook");
                let counted = "SELECT paper_count || ' ' || coauthor_count FROM researcher_statistics \
                     JOIN researcher ON researcher.id = researcher_id WHERE slug = 'ben-brook'";
                assert_eq!(query_strings(&app.database_url, counted).await, ["3 1"]);
            }
        }
    }
}

#[tokio::test]
async fn researcher_twice_on_a_paper() {
    let app = TestApp::start().await;
    let with_id = json!([{ "position": 1, "name": "Anna Lake" }, { "position": 2, "name": "anna lake" }]);
    app.create_records(json!([
        with_fields(paper_record("A", Some(2001), &[]), json!({ "authors": with_id })),
        ben_brook(hidden_name("Anna Lake", "PRIVATE"))
    ]))
    .await;
    let query_text = "{ papers { nodes { authorships { nodes { name nameAsPublished researcher { slug } isPublishedNameWithheld } } } } }";
    let authorship = |slug: Value| json!({ "name": "Ben Brook", "nameAsPublished": "Ben Brook", "researcher": slug, "isPublishedNameWithheld": true });
    let expected = json!([authorship(json!({ "slug": "ben-brook" })), authorship(Value::Null)]);
    assert_eq!(app.data(query_text).await["papers"]["nodes"][0]["authorships"]["nodes"], expected);
    // The same after a re-import of the paper.
    app.write_records(&parse_records(json!([with_fields(
        paper_record("A", Some(2002), &[]),
        json!({ "authors": with_id })
    )])))
    .await;
    assert_eq!(app.data(query_text).await["papers"]["nodes"][0]["authorships"]["nodes"], expected);
}

#[tokio::test]
async fn namesakes_are_not_merged() {
    let app = TestApp::start().await;
    app.create_records(json!([
        with_fields(researcher_record("Anna Lake"), json!({ "orcid": orcid(2) })),
        paper_record("A", Some(2001), &["Anna Lake", "Cy Ek"]),
    ]))
    .await;
    let id = app.find_id("researcher", "anna-lake").await;
    let ben = with_fields(ben_brook(hidden_name("Anna Lake", "PRIVATE")), json!({ "orcid": orcid(1) }));
    let note = format!(
        "other researchers with records or an ORCID iD are displayed under a name that the record hides and were not merged: {id}"
    );
    assert_eq!(app.write_records(&parse_records(json!([ben]))).await.notes, [(0, note)]);
    let found = displayed_researchers(&app).await;
    assert_eq!(pluck_strings(&found, &["name"]), ["Ben Brook", "Cy Ek", "Anna Lake"]);
    // A namesake's papers keep the name.
    assert_eq!(pluck_strings(&found[2]["papers"]["edges"], &["authorship", "nameAsPublished"]), ["Anna Lake"]);
}

#[tokio::test]
async fn names_of_several_sources() {
    let app = TestApp::start().await;
    let by = async |source: &str, records: Value| {
        app.store.write_records(source, &parse_records(records)).await.expect("the records");
    };
    let anna = with_fields(
        researcher_record("Anna Lake"),
        json!({ "orcid": orcid(1), "otherNames": ["A. Lake", "Lake, Anna", "B. B."], "homepageUrl": "https://example.org/" }),
    );
    by("one", json!([anna])).await;
    let ben = with_fields(
        ben_brook(hidden_name("Anna Lake", "SEARCH_ONLY")),
        json!({ "orcid": orcid(1), "withholdPublishedName": true }),
    );
    by("hr", json!([ben])).await;
    let hiding = ben;
    let expected = json!([["Ben Brook", "ben-brook", ["B. Brook"]]]);
    let displayed = async || {
        let found = displayed_researchers(&app).await;
        let found = found.as_array().expect("people").iter();
        json!(found.map(|person| json!([person["name"], person["slug"], person["otherNames"]])).collect::<Vec<_>>())
    };
    assert_eq!(displayed().await, expected);
    // The first source updates the rest of its record; the hidden name stays hidden.
    by(
        "one",
        json!([with_fields(
            anna.clone(),
            json!({ "homepageUrl": "https://example.org/b", "otherNames": ["Anna M. Lake", "B. Brook"] })
        )]),
    )
    .await;
    assert_eq!(displayed().await, expected);
    let page = app.data("{ researcher(by: {slug: \"anna-lake\"}) { homepageUrl givenName } }").await;
    assert_eq!(page["researcher"], json!({ "homepageUrl": "https://example.org/b", "givenName": "Ben" }));
    // The second source withdraws the hidden name.
    by(
        "hr",
        json!([with_fields(researcher_record("Ben Brook"), json!({ "orcid": orcid(1), "otherNames": ["Benny"] }))]),
    )
    .await;
    assert_eq!(displayed().await[0][2], json!(["Benny"]));
    // The second source still takes precedence; a source with higher precedence shows the name again.
    by("one", json!([anna])).await;
    assert_eq!(displayed().await[0], json!(["Ben Brook", "ben-brook", ["Benny"]]));
    by("a", json!([anna])).await;
    assert_eq!(displayed().await[0][0], "Anna Lake");
    assert_eq!(displayed().await[0][2], json!(["A. Lake", "Lake, Anna", "B. B."]));
    // A hidden name stays hidden regardless of precedence.
    by("hr", json!([hiding])).await;
    assert_eq!(displayed().await, expected);
}

#[tokio::test]
async fn decision_survives_imports() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let records = json!([
        with_fields(researcher_record("Anna Lake"), json!({ "orcid": orcid(1), "otherNames": ["A. Lake"] })),
        paper_record("A", Some(2001), &["Anna Lake", "Cy Ek"]),
    ]);
    app.create_records(records.clone()).await;
    let before = displayed_researchers(&app).await;
    let set = [
        "set",
        &orcid(1),
        "--display",
        "Ben van Brook",
        "--given",
        "Ben",
        "--family",
        "van Brook",
        "--former-use",
        "private",
    ];
    let output = "Ben van Brook\nslug: ben-van-brook (new; the previous slug redirects here and is not listed)\n\
        other names: 0 public, 0 search-only, 1 private\npapers: 1, of which 1 suppress the published name\n";
    assert_eq!(
        run_names(&workspace, &app, &[&set[..], &["--dry-run"]].concat()),
        format!("{output}nothing was written\n")
    );
    assert_eq!(displayed_researchers(&app).await, before);
    let updated_at_query = "{ papers { nodes { updatedAt } } }";
    let updated = app.data(updated_at_query).await;
    assert_eq!(run_names(&workspace, &app, &set), output);
    assert_ne!(app.data(updated_at_query).await, updated, "the paper shows another name");
    let after = displayed_researchers(&app).await;
    // Sorted by family name: Ek, van Brook.
    assert_eq!(
        after[1],
        json!({ "name": "Ben van Brook", "givenName": "Ben", "familyName": "van Brook", "slug": "ben-van-brook",
        "otherNames": [], "papers": { "edges": [{ "node": { "title": "A" }, "authorship": { "name": "Ben van Brook",
            "nameAsPublished": "Ben van Brook", "isPublishedNameWithheld": true } }] } })
    );
    // The same source, another source, and papers with the former name.
    let later_records = json!([
        with_fields(
            researcher_record("Anna Lake"),
            json!({ "orcid": orcid(1), "otherNames": ["A. Lake", "Lake, A."], "portraitUrl": "https://example.org/p" })
        ),
        paper_record("A", Some(2001), &["Anna Lake", "Cy Ek", "Di Falk"]),
        paper_record("B", Some(2002), &["Anna Lake"]),
    ]);
    app.write_records(&parse_records(later_records)).await;
    let other = json!([with_fields(researcher_record("Anna Lake"), json!({ "otherNames": ["Anna M. Lake"] }))]);
    app.store.write_records("another", &parse_records(other)).await.expect("the record");
    let now = displayed_researchers(&app).await;
    assert_eq!(pluck_strings(&now, &["name"]), ["Cy Ek", "Di Falk", "Ben van Brook"], "by family name");
    let ben = &now[2];
    assert_eq!((&ben["name"], &ben["otherNames"]), (&json!("Ben van Brook"), &json!([])));
    assert_eq!(pluck_strings(&ben["papers"]["edges"], &["authorship", "nameAsPublished"]), ["Ben van Brook"; 2]);
}

#[tokio::test]
async fn curated_other_names() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    app.create_records(json!([
        with_fields(
            researcher_record("Ben Brook"),
            json!({ "otherNames": ["B. Lake", "Benny"],
            "identifiers": [{ "scheme": "dblp", "value": "l/AnnaLake" }], "homepageUrl": "https://example.org/~lake" })
        ),
        paper_record("A", Some(2001), &["Ben Brook", "Anna Lake"]),
    ]))
    .await;
    let output = run_names(&workspace, &app, &["add", "ben-brook", "Anna  Lake", "--use", "search-only"]);
    let id = app.find_id("researcher", "anna-lake").await;
    assert_eq!(
        output,
        format!(
            "Ben Brook\nslug: ben-brook\nother names: 1 public, 1 search-only, 0 private\npapers: 1, of which 0 suppress the published name\n\
            other researchers have one of these names and may be duplicates: {id}\n\
            a hidden name occurs in these fields, which are displayed unchanged: homepageUrl, identifiers\n"
        )
    );
    let displayed = async || {
        app.data("{ researcher(by: {slug: \"ben-brook\"}) { otherNames } }").await["researcher"]["otherNames"].clone()
    };
    assert_eq!(displayed().await, json!(["Benny"]));
    run_names(&workspace, &app, &["add", "ben-brook", "anna lake", "--use", "display"]);
    assert_eq!(displayed().await, json!(["B. Lake", "Benny", "anna lake"]));
    run_names(&workspace, &app, &["remove", "ben-brook", "ANNA LAKE"]);
    assert_eq!(displayed().await, json!(["B. Lake", "Benny"]));
    let paper = app.find_id("paper", "a").await;
    insta::assert_snapshot!(
        [
            run_names_failing(&workspace, &app, &["remove", "ben-brook", "Benny"]),
            run_names_failing(&workspace, &app, &["add", "ben-brook", "ben brook", "--use", "private"]),
            run_names_failing(&workspace, &app, &["add", "ben-brook", " ", "--use", "private"]),
            run_names_failing(&workspace, &app, &["list", "ben"]),
            run_names_failing(&workspace, &app, &["list", "0000-0002-1694-2339"]),
            run_names_failing(&workspace, &app, &["list", &paper]),
        ]
        .join("\n"),
        @r"
    error: there is no decision on this name; change it in the source, or override the source with `names add`
    error: this is the display name; set another one first with `names set`
    error: the name is empty
    error: no researcher has this id, slug or ORCID iD
    error: this is not a valid ORCID iD
    error: this is the id of a Paper; the id of a Researcher is required
    "
    );
}

#[tokio::test]
async fn name_change_and_reversal() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let author = json!([{ "position": 1, "name": "Anna Lake", "orcid": orcid(1) }]);
    app.create_records(json!([with_fields(paper_record("A", Some(2001), &[]), json!({ "authors": author }))])).await;
    let id = app.find_id("researcher", "anna-lake").await;
    run_names(&workspace, &app, &["set", &id, "--display", "Ben Brook"]);
    // A namesake does not get the former slug.
    let other = json!([with_fields(researcher_record("Anna Lake"), json!({ "orcid": orcid(7) }))]);
    app.write_records(&parse_records(other)).await;
    let slugs = async || {
        let found = app.data("{ a: researcher(by: {slug: \"anna-lake\"}) { id slug name } b: researcher(by: {slug: \"ben-brook\"}) { id slug } }").await;
        (found["a"]["slug"].clone(), found["b"]["slug"].clone(), found["a"]["id"] == found["b"]["id"])
    };
    assert_eq!(slugs().await, (json!("ben-brook"), json!("ben-brook"), true));
    insta::assert_snapshot!(run_names(&workspace, &app, &["list", "anna-lake"]), @r"
    all names of ben-brook (confidential: search-only and private names are never displayed elsewhere)
    displayed    Ben Brook (decided)
    search-only  Anna Lake (decided)
    ");
    run_names(&workspace, &app, &["set", "ben-brook", "--display", "Anna Lake", "--former-use", "display"]);
    assert_eq!(slugs().await, (json!("anna-lake"), json!("anna-lake"), true));
    let found = app.data("{ researcher(by: {slug: \"anna-lake\"}) { name otherNames papers { nodes { authorships { nodes { nameAsPublished isPublishedNameWithheld } } } } } }").await;
    assert_eq!(
        found["researcher"],
        json!({ "name": "Anna Lake", "otherNames": ["Ben Brook"],
            "papers": { "nodes": [{ "authorships": { "nodes": [{ "nameAsPublished": "Anna Lake", "isPublishedNameWithheld": false }] } }] } })
    );
    run_names(&workspace, &app, &["set", "anna-lake", "--withhold-published-name"]);
    let withheld = "{ papers { nodes { authorships { nodes { isPublishedNameWithheld nameRepair { value } } } } } }";
    let first =
        |found: Value| found["papers"]["nodes"][0]["authorships"]["nodes"][0]["isPublishedNameWithheld"].clone();
    assert_eq!(first(app.data(withheld).await), true);
    run_names(&workspace, &app, &["set", "anna-lake", "--withhold-published-name=false"]);
    assert_eq!(first(app.data(withheld).await), false);
    let record = json!([with_fields(
        researcher_record("Anna Lake"),
        json!({ "orcid": orcid(1), "withholdPublishedName": true })
    )]);
    app.store.write_records("another", &parse_records(record)).await.expect("the record");
    assert_eq!(first(app.data(withheld).await), false, "the decision takes precedence");
}

/// A repair of a hidden name is hidden, too.
#[tokio::test]
async fn repairs_of_hidden_names() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("A", Some(2001), &["Matko Bovsnjak", "Cy Ek"]),
        paper_record("B", Some(2002), &["Matko Bošnjak"]),
        with_fields(researcher_record("Mia Brook"), json!({ "otherNames": [hidden_name("Matko Bošnjak", "PRIVATE")] })),
    ]))
    .await;
    let found = app
        .data("{ papers { nodes { authorships { nodes { name nameAsPublished nameRepair { value } } } } } }")
        .await
        .to_string();
    assert!(!found.contains("njak"), "{found}");
    assert_eq!(pluck_strings(&displayed_researchers(&app).await, &["name"]), ["Mia Brook", "Cy Ek"]);
}

#[tokio::test]
async fn name_use_in_records() {
    let workspace = Workspace::new();
    let app = TestApp::start().await;
    let lines = [
        json!({ "kind": "researcher", "name": "Ida Brook", "otherNames": ["I. Brook", { "value": "I. B." }, { "value": "ida brook", "use": "PRIVATE" }] }),
        json!({ "kind": "researcher", "name": "Tom Ford", "otherNames": [{ "value": "T. F.", "use": "SECRET" }] }),
        json!({ "kind": "researcher", "name": "Uma Ferry", "otherNames": [{ "name": "U." }] }),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let outcome = workspace.import(&app.database_url, &["records", workspace.write_file("records.jsonl", text)]);
    assert_eq!(outcome.summary(), "read 3: created 1, updated 0, unchanged 0, invalid 2; 1 warning or note");
    let why = "invalid record: it is not a record of this directory: another name is a string, or an object with `value` and `use`: DISPLAY, SEARCH_ONLY or PRIVATE";
    assert_eq!(
        outcome.stderr_lines(),
        [
            "records.jsonl:1: warning: the display name is also listed as hidden; it is displayed".to_owned(),
            format!("records.jsonl:2: {why}"),
            format!("records.jsonl:3: {why}"),
        ]
    );
    assert_eq!(displayed_researchers(&app).await[0]["otherNames"], json!(["I. Brook", "I. B."]));
}

#[tokio::test]
async fn merged_researchers() {
    let app = TestApp::start().await;
    app.create_records(json!([
        with_fields(researcher_record("Anna Lake"), json!({ "orcid": orcid(2), "otherNames": ["A. Lake"] })),
        paper_record("A", Some(2001), &["Anna Lake", "Cy Ek"]),
        with_fields(
            ben_brook(hidden_name("Anna Lake", "PRIVATE")),
            json!({ "orcid": orcid(1), "withholdPublishedName": true })
        ),
        paper_record("B", Some(2002), &["Ben Brook", "Cy Ek"]),
    ]))
    .await;
    // As every command does on startup.
    app.store.rebuild_name_repairs_if_stale().await.expect("the names");
    app.store.refresh_statistics_if_stale().await.expect("the counts");
    let before = database_state(&app.database_url).await;
    let identity = |arguments: &[&str]| {
        let outcome = run_to_completion(
            &mut Workspace::new().command_with_database(&app.database_url, &[&["identity"], arguments].concat()),
        );
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    };
    identity(&["merge", "anna-lake", "ben-brook", "--force"]);
    // The survivor keeps the chosen name and the hidden ones.
    let found = displayed_researchers(&app).await;
    assert_eq!(pluck_strings(&found, &["name"]), ["Ben Brook", "Cy Ek"]);
    assert_eq!(found[0]["otherNames"], json!(["B. Brook"]));
    assert_eq!(pluck_strings(&found[0]["papers"]["edges"], &["authorship", "nameAsPublished"]), ["Ben Brook"; 2]);
    assert!(!found[0]["slug"].to_string().contains("lake"), "{found}");
    assert_eq!(app.data("{ researcher(by: {slug: \"anna-lake\"}) { name } }").await["researcher"]["name"], "Ben Brook");
    identity(&["undo", "1"]);
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
}

/// Adding a name to a researcher without a record leaves the papers unchanged.
#[tokio::test]
async fn added_name_keeps_papers() {
    for (name_use, coauthors) in
        [("private", ["", ""]), ("search-only", ["Uma Quist", "Edda Frostad"]), ("display", ["Uma Quist", ""])]
    {
        let app = TestApp::start().await;
        let workspace = Workspace::new();
        let written = |title: &str, coauthor: &str| {
            let authors = ["Peter Zhang", coauthor];
            paper_record(title, Some(2001), if coauthor.is_empty() { &authors[..1] } else { &authors })
        };
        app.create_records(json!([written("a", coauthors[0]), written("b", coauthors[0]), written("c", coauthors[1])]))
            .await;
        let before = query_strings(&app.database_url, PAPERS_BY_RESEARCHER_SQL).await;
        run_names(&workspace, &app, &["add", "peter-zhang", "Mary Zhang", "--use", name_use]);
        app.store.queue_all_blocks().await.expect("all names");
        app.create_records(json!([paper_record("z", Some(2001), &["Tom Ford"])])).await;
        assert_eq!(query_strings(&app.database_url, PAPERS_BY_RESEARCHER_SQL).await, before, "{name_use}");
    }
}

/// The papers of each researcher with a given author name.
const PAPERS_BY_RESEARCHER_SQL: &str = "SELECT researcher_id || ' ' || string_agg(title, ' ' ORDER BY title) FROM authorship JOIN paper ON paper.id = paper_id \
     WHERE name = 'Peter Zhang' GROUP BY researcher_id ORDER BY researcher_id";

/// An unresolved author next to a curated one with the same hidden name stays hidden.
#[tokio::test]
async fn hidden_name_twice_on_a_paper() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let twice = |last: &str| paper_record("twice", Some(2001), &["Anka Zulauf", "Anka Zulauf", last]);
    app.create_records(json!([twice("Tom Ford"), researcher_record("Anka Zulauf"), researcher_record("Lee Oak")]))
        .await;
    run_names(
        &workspace,
        &app,
        &["set", "anka-zulauf", "--display", "Ben Stream", "--former-use", "private", "--withhold-published-name"],
    );
    let outcome = run_to_completion(
        &mut workspace.command_with_database(&app.database_url, &["identity", "merge", "lee-oak", "ben-stream"]),
    );
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!outcome.stdout.contains("Zulauf"), "{}", outcome.stdout);
    app.write_records(&parse_records(json!([twice("T. Ford")]))).await;
    app.store.queue_all_blocks().await.expect("all names");
    app.create_records(json!([paper_record("z", Some(2001), &["Tom Ford"])])).await;
    let people = query_strings(&app.database_url, "SELECT display_name FROM researcher ORDER BY 1").await;
    assert_eq!(people, ["Ben Stream", "Tom Ford"]);
    let data = app.data("{ papers { nodes { authorships { nodes { name nameAsPublished } } } } autocomplete(query: \"anka\", first: 5) { label } }").await;
    assert!(!data.to_string().to_lowercase().contains("zulauf"), "{data}");
}

/// Affiliations as published may contain a name in several forms.
#[tokio::test]
async fn hidden_names_in_affiliations() {
    for (name, printed) in [
        (
            "Anna Lake",
            &["Lake, Anna, Hill University", "LAKE Anna", "Anna M. Lake, Hill", "Dr A. M. Lake", "Annalake Group"][..],
        ),
        ("San Zhang", &["Zhang San, Peking"]),
        ("Suharto", &["Suharto, Jakarta University"]),
        ("Иван Петров", &["Петров Иван, МГУ", "Ivan Petrov, MSU"]),
    ] {
        let app = TestApp::start().await;
        let workspace = Workspace::new();
        let affiliations: Vec<&str> = printed.iter().copied().chain(["Hill University"]).collect();
        let author =
            json!([{ "position": 1, "name": name, "orcid": orcid(1), "affiliationsAsPublished": affiliations }]);
        app.create_records(json!([with_fields(paper_record("A", Some(2001), &[]), json!({ "authors": author }))]))
            .await;
        let id = app.data("{ researchers { nodes { id } } }").await["researchers"]["nodes"][0]["id"].clone();
        let id = id.as_str().expect("an id");
        run_names(
            &workspace,
            &app,
            &["set", id, "--display", "Ben Brook", "--former-use", "private", "--withhold-published-name"],
        );
        let affiliations_shown =
            app.data("{ papers { nodes { authorships { nodes { affiliationsAsPublished } } } } }").await;
        let affiliations_shown =
            &affiliations_shown["papers"]["nodes"][0]["authorships"]["nodes"][0]["affiliationsAsPublished"];
        assert_eq!(affiliations_shown, &json!(["Hill University"]), "{name}");
    }
}
