//! Names that people chose: what is shown, what is only found, what is private, and who may decide.

use serde_json::{Value, json};

use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::database_state::database_state;
use crate::support::process::{Workspace, run_to_completion};
use crate::support::{TestApp, orcid, paper_record, parse_records, pluck_strings, researcher_record, with_fields};

/// A person who hides a name that papers have.
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

/// Runs `names`, which must succeed, and gives back what it said.
fn run_names(place: &Workspace, app: &TestApp, arguments: &[&str]) -> String {
    let outcome =
        run_to_completion(&mut place.command_with_database(&app.database_url, &[&["names"], arguments].concat()));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    outcome.stdout
}

fn run_names_failing(place: &Workspace, app: &TestApp, arguments: &[&str]) -> String {
    let outcome =
        run_to_completion(&mut place.command_with_database(&app.database_url, &[&["names"], arguments].concat()));
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
                let places = &found[0]["papers"]["edges"];
                assert_eq!(pluck_strings(places, &["authorship", "nameAsPublished"]), ["Ben Brook"; 3]);
                let withheld: Vec<&Value> = places
                    .as_array()
                    .expect("papers")
                    .iter()
                    .map(|place| &place["authorship"]["isPublishedNameWithheld"])
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
    let shown = "{ papers { nodes { authorships { nodes { name nameAsPublished researcher { slug } isPublishedNameWithheld } } } } }";
    let place = |slug: Value| json!({ "name": "Ben Brook", "nameAsPublished": "Ben Brook", "researcher": slug, "isPublishedNameWithheld": true });
    let expected = json!([place(json!({ "slug": "ben-brook" })), place(Value::Null)]);
    assert_eq!(app.data(shown).await["papers"]["nodes"][0]["authorships"]["nodes"], expected);
    // Also where the paper comes again.
    app.write_records(&parse_records(json!([with_fields(
        paper_record("A", Some(2002), &[]),
        json!({ "authors": with_id })
    )])))
    .await;
    assert_eq!(app.data(shown).await["papers"]["nodes"][0]["authorships"]["nodes"], expected);
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
        "others are shown under a name that the record hides, have records or an ORCID iD, and stay apart: {id}"
    );
    assert_eq!(app.write_records(&parse_records(json!([ben]))).await.notes, [(0, note)]);
    let found = displayed_researchers(&app).await;
    assert_eq!(pluck_strings(&found, &["name"]), ["Ben Brook", "Cy Ek", "Anna Lake"]);
    // What is hers shows her name.
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
    let shown = async || {
        let found = displayed_researchers(&app).await;
        let found = found.as_array().expect("people").iter();
        json!(found.map(|person| json!([person["name"], person["slug"], person["otherNames"]])).collect::<Vec<_>>())
    };
    assert_eq!(shown().await, expected);
    // What the first says anew is kept, but for the name that is hidden by the second.
    by(
        "one",
        json!([with_fields(
            anna.clone(),
            json!({ "homepageUrl": "https://example.org/b", "otherNames": ["Anna M. Lake", "B. Brook"] })
        )]),
    )
    .await;
    assert_eq!(shown().await, expected);
    let page = app.data("{ researcher(by: {slug: \"anna-lake\"}) { homepageUrl givenName } }").await;
    assert_eq!(page["researcher"], json!({ "homepageUrl": "https://example.org/b", "givenName": "Ben" }));
    // The second takes it back, and nobody hides the name any more.
    by(
        "hr",
        json!([with_fields(researcher_record("Ben Brook"), json!({ "orcid": orcid(1), "otherNames": ["Benny"] }))]),
    )
    .await;
    assert_eq!(shown().await[0][2], json!(["Benny"]));
    // The first has the word of those that come before others, and else shows the name again.
    by("one", json!([anna])).await;
    assert_eq!(shown().await[0], json!(["Ben Brook", "ben-brook", ["Benny"]]));
    by("a", json!([anna])).await;
    assert_eq!(shown().await[0][0], "Anna Lake");
    assert_eq!(shown().await[0][2], json!(["A. Lake", "Lake, Anna", "B. B."]));
    // Whatever goes before whom, a name that is hidden is not shown.
    by("hr", json!([hiding])).await;
    assert_eq!(shown().await, expected);
}

#[tokio::test]
async fn decision_survives_imports() {
    let app = TestApp::start().await;
    let place = Workspace::new();
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
    let told = "Ben van Brook\naddress: ben-van-brook, which is new; the one of before leads here and is told nowhere\n\
        other names: 0 public, 0 search-only, 1 private\npapers: 1, with the published name withheld on 1\n";
    assert_eq!(run_names(&place, &app, &[&set[..], &["--dry-run"]].concat()), format!("{told}nothing was written\n"));
    assert_eq!(displayed_researchers(&app).await, before);
    let moment = "{ papers { nodes { updatedAt } } }";
    let updated = app.data(moment).await;
    assert_eq!(run_names(&place, &app, &set), told);
    assert_ne!(app.data(moment).await, updated, "the paper shows another name");
    let after = displayed_researchers(&app).await;
    // By family name: Ek, van Brook.
    assert_eq!(
        after[1],
        json!({ "name": "Ben van Brook", "givenName": "Ben", "familyName": "van Brook", "slug": "ben-van-brook",
        "otherNames": [], "papers": { "edges": [{ "node": { "title": "A" }, "authorship": { "name": "Ben van Brook",
            "nameAsPublished": "Ben van Brook", "isPublishedNameWithheld": true } }] } })
    );
    // The same source, another one, and papers under the former name.
    let anew = json!([
        with_fields(
            researcher_record("Anna Lake"),
            json!({ "orcid": orcid(1), "otherNames": ["A. Lake", "Lake, A."], "portraitUrl": "https://example.org/p" })
        ),
        paper_record("A", Some(2001), &["Anna Lake", "Cy Ek", "Di Falk"]),
        paper_record("B", Some(2002), &["Anna Lake"]),
    ]);
    app.write_records(&parse_records(anew)).await;
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
    let place = Workspace::new();
    app.create_records(json!([
        with_fields(
            researcher_record("Ben Brook"),
            json!({ "otherNames": ["B. Lake", "Benny"],
            "identifiers": [{ "scheme": "dblp", "value": "l/AnnaLake" }], "homepageUrl": "https://example.org/~lake" })
        ),
        paper_record("A", Some(2001), &["Ben Brook", "Anna Lake"]),
    ]))
    .await;
    let told = run_names(&place, &app, &["add", "ben-brook", "Anna  Lake", "--use", "search-only"]);
    let id = app.find_id("researcher", "anna-lake").await;
    assert_eq!(
        told,
        format!(
            "Ben Brook\naddress: ben-brook\nother names: 1 public, 1 search-only, 0 private\npapers: 1, with the published name withheld on 0\n\
            others are shown under one of these names; if they are the same person, they are still apart: {id}\n\
            a word of a name that is not shown stands in: homepageUrl, identifiers; these are shown as their sources have them\n"
        )
    );
    let shown = async || {
        app.data("{ researcher(by: {slug: \"ben-brook\"}) { otherNames } }").await["researcher"]["otherNames"].clone()
    };
    assert_eq!(shown().await, json!(["Benny"]));
    run_names(&place, &app, &["add", "ben-brook", "anna lake", "--use", "display"]);
    assert_eq!(shown().await, json!(["B. Lake", "Benny", "anna lake"]));
    run_names(&place, &app, &["remove", "ben-brook", "ANNA LAKE"]);
    assert_eq!(shown().await, json!(["B. Lake", "Benny"]));
    insta::assert_snapshot!(
        [
            run_names_failing(&place, &app, &["remove", "ben-brook", "Benny"]),
            run_names_failing(&place, &app, &["add", "ben-brook", "ben brook", "--use", "private"]),
            run_names_failing(&place, &app, &["add", "ben-brook", " ", "--use", "private"]),
            run_names_failing(&place, &app, &["list", "ben"]),
        ]
        .join("\n"),
        @r"
    error: nobody decided on this name here; what a source says of it is changed there, or by `names add`
    error: this is the name that is shown; choose another one first, by `names set`
    error: the name is empty
    error: nobody here has this id, slug or ORCID iD
    "
    );
}

#[tokio::test]
async fn name_change_and_reversal() {
    let app = TestApp::start().await;
    let place = Workspace::new();
    let author = json!([{ "position": 1, "name": "Anna Lake", "orcid": orcid(1) }]);
    app.create_records(json!([with_fields(paper_record("A", Some(2001), &[]), json!({ "authors": author }))])).await;
    let id = app.find_id("researcher", "anna-lake").await;
    run_names(&place, &app, &["set", &id, "--display", "Ben Brook"]);
    // Somebody else of that name does not get the address, and leaves the person theirs.
    let other = json!([with_fields(researcher_record("Anna Lake"), json!({ "orcid": orcid(7) }))]);
    app.write_records(&parse_records(other)).await;
    let slugs = async || {
        let found = app.data("{ a: researcher(by: {slug: \"anna-lake\"}) { id slug name } b: researcher(by: {slug: \"ben-brook\"}) { id slug } }").await;
        (found["a"]["slug"].clone(), found["b"]["slug"].clone(), found["a"]["id"] == found["b"]["id"])
    };
    assert_eq!(slugs().await, (json!("ben-brook"), json!("ben-brook"), true));
    insta::assert_snapshot!(run_names(&place, &app, &["list", "anna-lake"]), @r"
    all names of ben-brook, for those who run the directory: search-only and private ones are told nowhere else
    shown        Ben Brook (decided)
    search-only  Anna Lake (decided)
    ");
    run_names(&place, &app, &["set", "ben-brook", "--display", "Anna Lake", "--former-use", "display"]);
    assert_eq!(slugs().await, (json!("anna-lake"), json!("anna-lake"), true));
    let found = app.data("{ researcher(by: {slug: \"anna-lake\"}) { name otherNames papers { nodes { authorships { nodes { nameAsPublished isPublishedNameWithheld } } } } } }").await;
    assert_eq!(
        found["researcher"],
        json!({ "name": "Anna Lake", "otherNames": ["Ben Brook"],
            "papers": { "nodes": [{ "authorships": { "nodes": [{ "nameAsPublished": "Anna Lake", "isPublishedNameWithheld": false }] } }] } })
    );
    run_names(&place, &app, &["set", "anna-lake", "--withhold-published-name"]);
    let withheld = "{ papers { nodes { authorships { nodes { isPublishedNameWithheld nameRepair { value } } } } } }";
    let first =
        |found: Value| found["papers"]["nodes"][0]["authorships"]["nodes"][0]["isPublishedNameWithheld"].clone();
    assert_eq!(first(app.data(withheld).await), true);
    run_names(&place, &app, &["set", "anna-lake", "--withhold-published-name=false"]);
    assert_eq!(first(app.data(withheld).await), false);
    let record = json!([with_fields(
        researcher_record("Anna Lake"),
        json!({ "orcid": orcid(1), "withholdPublishedName": true })
    )]);
    app.store.write_records("another", &parse_records(record)).await.expect("the record");
    assert_eq!(first(app.data(withheld).await), false, "it was decided otherwise");
}

/// A repair of a hidden name shows as little as the name.
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
    let place = Workspace::new();
    let app = TestApp::start().await;
    let lines = [
        json!({ "kind": "researcher", "name": "Ida Brook", "otherNames": ["I. Brook", { "value": "I. B." }, { "value": "ida brook", "use": "PRIVATE" }] }),
        json!({ "kind": "researcher", "name": "Tom Ford", "otherNames": [{ "value": "T. F.", "use": "SECRET" }] }),
        json!({ "kind": "researcher", "name": "Uma Ferry", "otherNames": [{ "name": "U." }] }),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let outcome = place.import(&app.database_url, &["records", place.write_file("records.jsonl", text)]);
    assert_eq!(outcome.summary(), "read 3: created 1, updated 0, unchanged 0, invalid 2; 1 warning or note");
    let why = "invalid record: it is not a record of this directory: another name is a text, or an object with `value` and `use`: DISPLAY, SEARCH_ONLY or PRIVATE";
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
    // As the program does first.
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
    // The survivor has the name that was chosen, and hides what was hidden.
    let found = displayed_researchers(&app).await;
    assert_eq!(pluck_strings(&found, &["name"]), ["Ben Brook", "Cy Ek"]);
    assert_eq!(found[0]["otherNames"], json!(["B. Brook"]));
    assert_eq!(pluck_strings(&found[0]["papers"]["edges"], &["authorship", "nameAsPublished"]), ["Ben Brook"; 2]);
    assert!(!found[0]["slug"].to_string().contains("lake"), "{found}");
    assert_eq!(app.data("{ researcher(by: {slug: \"anna-lake\"}) { name } }").await["researcher"]["name"], "Ben Brook");
    identity(&["undo", "1"]);
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
}

/// A name that is added of somebody who is known by papers alone leaves these theirs, whatever comes later.
#[tokio::test]
async fn added_name_keeps_papers() {
    for (name_use, coauthors) in
        [("private", ["", ""]), ("search-only", ["Uma Quist", "Edda Frostad"]), ("display", ["Uma Quist", ""])]
    {
        let app = TestApp::start().await;
        let place = Workspace::new();
        let written = |title: &str, coauthor: &str| {
            let authors = ["Peter Zhang", coauthor];
            paper_record(title, Some(2001), if coauthor.is_empty() { &authors[..1] } else { &authors })
        };
        app.create_records(json!([written("a", coauthors[0]), written("b", coauthors[0]), written("c", coauthors[1])]))
            .await;
        let before = query_strings(&app.database_url, PAPERS_BY_RESEARCHER_SQL).await;
        run_names(&place, &app, &["add", "peter-zhang", "Mary Zhang", "--use", name_use]);
        app.store.queue_all_blocks().await.expect("all names");
        app.create_records(json!([paper_record("z", Some(2001), &["Tom Ford"])])).await;
        assert_eq!(query_strings(&app.database_url, PAPERS_BY_RESEARCHER_SQL).await, before, "{name_use}");
    }
}

/// Who has which papers by a name.
const PAPERS_BY_RESEARCHER_SQL: &str = "SELECT researcher_id || ' ' || string_agg(title, ' ' ORDER BY title) FROM authorship JOIN paper ON paper.id = paper_id \
     WHERE name = 'Peter Zhang' GROUP BY researcher_id ORDER BY researcher_id";

/// A place that is open beside one that was decided shows nobody by the name that is hidden.
#[tokio::test]
async fn hidden_name_twice_on_a_paper() {
    let app = TestApp::start().await;
    let place = Workspace::new();
    let twice = |last: &str| paper_record("twice", Some(2001), &["Anka Zulauf", "Anka Zulauf", last]);
    app.create_records(json!([twice("Tom Ford"), researcher_record("Anka Zulauf"), researcher_record("Lee Oak")]))
        .await;
    run_names(
        &place,
        &app,
        &["set", "anka-zulauf", "--display", "Ben Stream", "--former-use", "private", "--withhold-published-name"],
    );
    let outcome = run_to_completion(
        &mut place.command_with_database(&app.database_url, &["identity", "merge", "lee-oak", "ben-stream"]),
    );
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!outcome.stdout.contains("Zulauf"), "{}", outcome.stdout);
    app.write_records(&parse_records(json!([twice("T. Ford")]))).await;
    app.store.queue_all_blocks().await.expect("all names");
    app.create_records(json!([paper_record("z", Some(2001), &["Tom Ford"])])).await;
    let people = query_strings(&app.database_url, "SELECT display_name FROM researcher ORDER BY 1").await;
    assert_eq!(people, ["Ben Stream", "Tom Ford"]);
    let shown = app.data("{ papers { nodes { authorships { nodes { name nameAsPublished } } } } autocomplete(query: \"anka\", first: 5) { label } }").await;
    assert!(!shown.to_string().to_lowercase().contains("zulauf"), "{shown}");
}

/// Printed affiliations have a name in many ways.
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
        let place = Workspace::new();
        let affiliations: Vec<&str> = printed.iter().copied().chain(["Hill University"]).collect();
        let author =
            json!([{ "position": 1, "name": name, "orcid": orcid(1), "affiliationsAsPublished": affiliations }]);
        app.create_records(json!([with_fields(paper_record("A", Some(2001), &[]), json!({ "authors": author }))]))
            .await;
        let id = app.data("{ researchers { nodes { id } } }").await["researchers"]["nodes"][0]["id"].clone();
        let id = id.as_str().expect("an id");
        run_names(
            &place,
            &app,
            &["set", id, "--display", "Ben Brook", "--former-use", "private", "--withhold-published-name"],
        );
        let shown = app.data("{ papers { nodes { authorships { nodes { affiliationsAsPublished } } } } }").await;
        let shown = &shown["papers"]["nodes"][0]["authorships"]["nodes"][0]["affiliationsAsPublished"];
        assert_eq!(shown, &json!(["Hill University"]), "{name}");
    }
}
