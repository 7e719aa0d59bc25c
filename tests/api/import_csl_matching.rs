//! How CSL items match existing papers and researchers, and what a changed item updates.

use serde_json::{Value, json};

use crate::support::csl::{article, author, to_json_lines, with_fields};
use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::process::{CommandOutput, Workspace};
use crate::support::{TestApp, create_database, pluck_strings};

const ORCID_1: &str = "0000-0009-1000-0019";
const ORCID_2: &str = "0000-0009-1000-0027";

fn import_items(app: &TestApp, papers: &[Value]) -> CommandOutput {
    let workspace = Workspace::new();
    workspace.import(&app.database_url, &["csl", workspace.write_file("papers.jsonl", to_json_lines(papers))])
}

/// The papers and statistics of researchers by name.
async fn statistics_by_name(url: &str) -> Vec<String> {
    let people = "SELECT concat_ws(' ', display_name, paper_count, first_year, last_year) AS line FROM researcher \
         JOIN researcher_statistics ON researcher_id = id WHERE paper_count > 0";
    let pairs = "SELECT concat_ws(' ', one.display_name, 'with', other.display_name, paper_count, first_year, last_year) \
         FROM coauthorship JOIN researcher AS one ON one.id = researcher_id JOIN researcher AS other ON other.id = coauthor_id";
    let authors = "SELECT concat_ws(' ', paper.title, position, name_as_published, display_name) FROM authorship \
         JOIN paper ON paper.id = paper_id LEFT JOIN researcher ON researcher.id = researcher_id";
    let papers = "SELECT concat_ws(' ', title, publication_date, type, doi, author_count) FROM paper";
    query_strings(url, &format!("{people} UNION ALL {pairs} UNION ALL {authors} UNION ALL {papers} ORDER BY line"))
        .await
}

/// An author with an ORCID iD.
fn author_with_orcid(name: &str, orcid: &str) -> Value {
    with_fields(author(name), json!({ "ORCID": orcid }))
}

fn paper_by(id: &str, authors: &[Value]) -> Value {
    with_fields(article(id, &format!("Paper {id}"), 2000, &[]), json!({ "author": authors }))
}

async fn researchers_with_counts(app: &TestApp) -> Value {
    let query =
        "{ researchers(orderBy: {field: NAME, direction: ASC}) { nodes { name orcid statistics { paperCount } } } }";
    let found = app.data(query).await["researchers"]["nodes"].clone();
    found
        .as_array()
        .expect("people")
        .iter()
        .map(|one| json!([one["name"], one["orcid"], one["statistics"]["paperCount"]]))
        .collect()
}

#[tokio::test]
async fn changed_item() {
    let app = TestApp::start().await;
    let before = [
        article("w1", "First title", 1999, &["Ida Brook", "Tom Ford", "Uma Ferry"]),
        article("w2", "Second title", 2005, &["Ida Brook", "Tom Ford"]),
        article("w3", "Third title", 2010, &["Uma Ferry", "Wei Quay"]),
    ];
    let after = [
        article("w1", "First title, corrected", 2001, &["Tom Ford", "Zoë Pier", "Ida Brook", "Wei Quay"]),
        before[1].clone(),
        article("w3", "Third title", 2011, &["Uma Ferry", "Wei Quay"]),
    ];
    import_items(&app, &before);
    assert_eq!(import_items(&app, &after).summary(), "read 3: created 0, updated 2, unchanged 1, invalid 0");

    let fresh = TestApp::start().await;
    import_items(&fresh, &after);
    assert_dumps_equal(&statistics_by_name(&app.database_url).await, &statistics_by_name(&fresh.database_url).await);

    let person =
        "{ researcher(by: {slug: \"uma-ferry\"}) { statistics { paperCount coauthorCount firstPublicationYear }
        coauthors { edges { paperCount firstYear node { name } } } } }";
    let uma = app.data(person).await["researcher"].clone();
    assert_eq!(uma["statistics"], json!({ "paperCount": 1, "coauthorCount": 1, "firstPublicationYear": 2011 }));
    assert_eq!(
        uma["coauthors"]["edges"],
        json!([{ "paperCount": 1, "firstYear": 2011, "node": { "name": "Wei Quay" } }])
    );
}

#[tokio::test]
async fn changed_item_keeps_its_slug() {
    let app = TestApp::start().await;
    import_items(&app, &[article("w1", "First title", 1999, &["Ida Brook"])]);
    let paper = "{ paper(by: {slug: \"first-title\"}) { id title updatedAt authorships { nodes { id name } } } }";
    let before = app.data(paper).await["paper"].clone();
    import_items(&app, &[article("w1", "Another title", 1999, &["Tom Ford"])]);
    let after = app.data(paper).await["paper"].clone();
    assert_eq!(after["title"], json!("Another title"));
    assert_eq!(after["id"], before["id"]);
    assert_ne!(after["updatedAt"], before["updatedAt"]);
    assert_eq!(after["authorships"]["nodes"][0]["id"], before["authorships"]["nodes"][0]["id"]);
    assert_eq!(pluck_strings(&after["authorships"]["nodes"], &["name"]), ["Tom Ford"]);
}

#[tokio::test]
async fn changed_item_matched_by_doi() {
    let app = TestApp::start().await;
    let mut paper =
        with_fields(article("", "First title", 1999, &["Ida Brook", "Tom Ford"]), json!({ "DOI": "10.1000/x1" }));
    paper.as_object_mut().expect("an object").remove("id");
    import_items(&app, std::slice::from_ref(&paper));
    let changed = with_fields(
        paper,
        json!({ "title": "Corrected title", "author": [author("Uma Ferry")], "DOI": "doi:10.1000/X1" }),
    );
    assert_eq!(
        import_items(&app, std::slice::from_ref(&changed)).summary(),
        "read 1: created 0, updated 1, unchanged 0, invalid 0"
    );
    let fresh = TestApp::start().await;
    import_items(&fresh, &[changed]);
    assert_dumps_equal(&statistics_by_name(&app.database_url).await, &statistics_by_name(&fresh.database_url).await);
}

#[tokio::test]
async fn duplicate_item_in_a_file() {
    let app = TestApp::start().await;
    let papers = [
        article("w1", "Old title", 1999, &["Ida Brook", "Tom Ford"]),
        article("w1", "New title", 2000, &["Ida Brook"]),
    ];
    assert_eq!(import_items(&app, &papers).summary(), "read 2: created 1, updated 1, unchanged 0, invalid 0");
    let fresh = TestApp::start().await;
    import_items(&fresh, &papers[1..]);
    assert_dumps_equal(&statistics_by_name(&app.database_url).await, &statistics_by_name(&fresh.database_url).await);
}

#[tokio::test]
async fn item_without_id() {
    let app = TestApp::start().await;
    let mut paper = article("", "Nameless", 1999, &["Ida Brook"]);
    paper.as_object_mut().expect("an object").remove("id");
    let (other_year, other_author) = (
        with_fields(paper.clone(), json!({ "issued": { "date-parts": [[2000]] } })),
        with_fields(paper.clone(), json!({ "author": [author("Tom Ford")] })),
    );
    let outcome = import_items(&app, &[paper.clone(), other_year, other_author, paper]);
    assert_eq!(outcome.summary(), "read 4: created 3, updated 0, unchanged 1, invalid 0");
}

#[tokio::test]
async fn shared_doi() {
    let doi = json!({ "DOI": "10.1000/shared" });
    let same = [
        article("a", "Locks & Weirs", 2003, &["Ida Brook"]),
        article("b", "Locks & weirs", 2003, &["Ida Brook", "Tom Ford"]),
    ];
    let app = TestApp::start().await;
    let outcome = import_items(&app, &same.map(|paper| with_fields(paper, doi.clone())));
    assert_eq!(outcome.summary(), "read 2: created 1, updated 1, unchanged 0, invalid 0");
    assert_eq!(outcome.stderr, "");
    let paper =
        app.data("{ paper(by: {doi: \"10.1000/shared\"}) { identifiers { value } authorships { totalCount } } }").await;
    assert_eq!(pluck_strings(&paper["paper"]["identifiers"], &["value"]), ["a", "b"]);
    assert_eq!(paper["paper"]["authorships"]["totalCount"], json!(2));

    // Of records of one source, the one with the last key keeps the DOI, in any import order. A third one matches the
    // paper with the same title, although another paper has the DOI.
    let different = [
        article("a", "Locks", 2003, &["Ida Brook"]),
        article("b", "Weirs", 2003, &["Tom Ford"]),
        article("c", "Locks!", 2003, &["Ida Brook"]),
    ]
    .map(|paper| with_fields(paper, doi.clone()));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let app = TestApp::start().await;
        let outcome = import_items(&app, &order.map(|index| different[index].clone()));
        assert_eq!(outcome.summary().split(';').next(), Some("read 3: created 2, updated 1, unchanged 0, invalid 0"));
        let note = "note: the DOI 10.1000/shared is also assigned to another paper; only one of them has it";
        assert!(
            outcome.stderr_lines().iter().all(|complaint| complaint.ends_with(note)),
            "{order:?}: {}",
            outcome.stderr
        );
        let again = import_items(&app, &different);
        assert_eq!(again.summary().split(';').next(), Some("read 3: created 0, updated 0, unchanged 3, invalid 0"));
        let papers = app
            .data("{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title doi identifiers { value } } } }")
            .await;
        let expected = json!([
            { "title": "Locks!", "doi": "https://doi.org/10.1000/shared", "identifiers": [{ "value": "a" }, { "value": "c" }] },
            { "title": "Weirs", "doi": null, "identifiers": [{ "value": "b" }] }
        ]);
        assert_eq!(papers["papers"]["nodes"], expected, "{order:?}");
    }
}

/// A DOI that a paper loses goes to another paper whose source gives it.
#[tokio::test]
async fn released_doi() {
    let app = TestApp::start().await;
    let named = |id: &str, title: &str, doi: &str| {
        with_fields(article(id, title, 2003, &["Ida Brook"]), json!({ "DOI": format!("10.1000/{doi}") }))
    };
    import_items(&app, &[named("a", "Locks", "one"), named("b", "Weirs", "one"), named("c", "Dams", "one")]);
    let dois = async || {
        let papers = app.data("{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title doi } } }").await;
        pluck_strings(&papers["papers"]["nodes"], &["doi"])
    };
    assert_eq!(dois().await, ["https://doi.org/10.1000/one", "null", "null"]);
    import_items(&app, &[named("c", "Dams", "two")]);
    assert_eq!(dois().await, ["https://doi.org/10.1000/two", "null", "https://doi.org/10.1000/one"]);
    import_items(&app, &[named("c", "Dams", "one")]);
    assert_eq!(dois().await, ["https://doi.org/10.1000/one", "null", "null"]);
}

#[tokio::test]
async fn one_orcid_with_two_names() {
    let app = TestApp::start().await;
    import_items(
        &app,
        &[
            paper_by("a", &[author_with_orcid("Ida Brook", ORCID_1)]),
            paper_by("b", &[author_with_orcid("I. M. Brook", &format!("https://orcid.org/{ORCID_1}"))]),
        ],
    );
    assert_eq!(researchers_with_counts(&app).await, json!([["Ida Brook", format!("https://orcid.org/{ORCID_1}"), 2]]));
    let names = app.data("{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { authorships { nodes { nameAsPublished } } } } }").await;
    assert_eq!(names["papers"]["nodes"][1]["authorships"]["nodes"][0]["nameAsPublished"], json!("I. M. Brook"));
}

#[tokio::test]
async fn two_orcids_with_one_name() {
    let app = TestApp::start().await;
    // In one batch, then over two batches.
    import_items(
        &app,
        &[
            paper_by("a", &[author_with_orcid("Ida Brook", ORCID_1)]),
            paper_by("b", &[author_with_orcid("Ida Brook", ORCID_2)]),
        ],
    );
    import_items(
        &app,
        &[
            paper_by("c", &[author_with_orcid("Ida Brook", ORCID_2)]),
            paper_by("d", &[author_with_orcid("IDA  BROOK", ORCID_1)]),
        ],
    );
    let uri = |orcid: &str| format!("https://orcid.org/{orcid}");
    let mut found = researchers_with_counts(&app).await.as_array().expect("people").clone();
    found.sort_by_key(ToString::to_string);
    assert_eq!(json!(found), json!([["Ida Brook", uri(ORCID_1), 2], ["Ida Brook", uri(ORCID_2), 2]]));
    // A name alone is ambiguous here.
    import_items(&app, &[paper_by("e", &[author("Ida Brook")]), paper_by("f", &[author("Ida Brook")])]);
    let mut counts = paper_counts(&researchers_with_counts(&app).await);
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2, 2]);
}

fn paper_counts(people: &Value) -> Vec<i64> {
    people.as_array().expect("people").iter().filter_map(|one| one[2].as_i64()).collect()
}

#[tokio::test]
async fn orcid_assigned_to_a_name_match() {
    let app = TestApp::start().await;
    import_items(&app, &[paper_by("a", &[author("Ida Brook")])]);
    import_items(&app, &[paper_by("b", &[author_with_orcid("Ida Brook", ORCID_1)])]);
    import_items(&app, &[paper_by("c", &[author("Ida Brook")])]);
    assert_eq!(researchers_with_counts(&app).await, json!([["Ida Brook", format!("https://orcid.org/{ORCID_1}"), 3]]));
}

#[tokio::test]
async fn similar_names() {
    let app = TestApp::start().await;
    import_items(&app, &[paper_by("a", &["Ana Peña", "Ana Pena", "O’Neil", "ANA PEÑA", "O'Neil"].map(author))]);
    let found =
        app.data("{ papers { nodes { authorships { nodes { nameAsPublished researcher { name } } } } } }").await;
    let authors = &found["papers"]["nodes"][0]["authorships"]["nodes"];
    assert_eq!(pluck_strings(authors, &["nameAsPublished"]), ["Ana Peña", "Ana Pena", "O’Neil", "ANA PEÑA", "O'Neil"]);
    // Equal names on one paper: the second one is unresolved.
    assert_eq!(pluck_strings(authors, &["researcher", "name"]), ["Ana Peña", "null", "O’Neil", "null", "null"]);
}

#[tokio::test]
async fn organizations_of_authors() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let organization = json!({ "id": "https://ror.org/05dxps055", "names": [{ "value": "Water Institute", "types": ["ror_display"] }] });
    workspace.import(&app.database_url, &["ror", workspace.write_file("ror.json", organization.to_string())]);
    let affiliation = json!([
        { "name": "Dept. of Rivers, Water Institute", "id": [{ "id": "https://ror.org/05dxps055", "id-type": "ROR" }] },
        { "name": "Elsewhere" },
    ]);
    import_items(
        &app,
        &[paper_by(
            "a",
            &[with_fields(author("Ida Brook"), json!({ "affiliation": affiliation })), author("Tom Ford")],
        )],
    );
    let found = app
        .data("{ papers { nodes { authorships { nodes { affiliationsAsPublished organizations { ror } } } } } }")
        .await;
    assert_eq!(
        found["papers"]["nodes"][0]["authorships"]["nodes"],
        json!([
            { "affiliationsAsPublished": ["Dept. of Rivers, Water Institute", "Elsewhere"],
              "organizations": [{ "ror": "https://ror.org/05dxps055" }] },
            { "affiliationsAsPublished": [], "organizations": [] },
        ])
    );
}

#[tokio::test]
async fn sparser_item_removes_nothing() {
    let url = create_database().await;
    let workspace = Workspace::new();
    let rich = with_fields(
        article("w1", "Title", 1999, &["Ida Brook"]),
        json!({ "abstract": "Words.", "container-title": "Annals" }),
    );
    workspace.import(&url, &["csl", workspace.write_file("rich.json", rich.to_string())]);
    let poor = json!({ "id": "w1", "title": "Title" });
    workspace.import(&url, &["csl", workspace.write_file("poor.json", poor.to_string())]);
    let fields = "SELECT concat_ws(' ', venue_name, publication_date, type, author_count, abstract_text) FROM paper";
    assert_eq!(query_strings(&url, fields).await, [r#"Annals 1999 ARTICLE 1 {"und": "Words."}"#]);
}

#[tokio::test]
async fn new_year_without_authors() {
    let app = TestApp::start().await;
    import_items(&app, &[article("w1", "Title", 1999, &["Ida Brook", "Tom Ford"])]);
    import_items(
        &app,
        &[json!({ "id": "w1", "title": "Title", "type": "article-journal", "issued": { "date-parts": [[2005]] } })],
    );
    let fresh = TestApp::start().await;
    import_items(&fresh, &[article("w1", "Title", 2005, &["Ida Brook", "Tom Ford"])]);
    assert_dumps_equal(&statistics_by_name(&app.database_url).await, &statistics_by_name(&fresh.database_url).await);
}
