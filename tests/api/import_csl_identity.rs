//! Which paper and which person a CSL item means, and what a changed item changes.

use serde_json::{Value, json};

use crate::support::binary::{Outcome, Workplace};
use crate::support::csl::{author, item, lines, with};
use crate::support::dump::{assert_same, query};
use crate::support::{TestApp, new_database, texts};

const ONE: &str = "0000-0009-1000-0019";
const OTHER: &str = "0000-0009-1000-0027";

fn import(app: &TestApp, papers: &[Value]) -> Outcome {
    let place = Workplace::new();
    place.import(&app.database_url, &["csl", place.file("papers.jsonl", lines(papers))])
}

/// All that is counted of people who have papers, by their names.
async fn counted(url: &str) -> Vec<String> {
    let people = "SELECT concat_ws(' ', display_name, paper_count, first_year, last_year) AS line FROM researcher \
         JOIN researcher_statistics ON researcher_id = id WHERE paper_count > 0";
    let pairs = "SELECT concat_ws(' ', one.display_name, 'with', other.display_name, paper_count, first_year, last_year) \
         FROM coauthorship JOIN researcher AS one ON one.id = researcher_id JOIN researcher AS other ON other.id = coauthor_id";
    let authors = "SELECT concat_ws(' ', paper.title, position, name_as_published, display_name) FROM authorship \
         JOIN paper ON paper.id = paper_id LEFT JOIN researcher ON researcher.id = researcher_id";
    let papers = "SELECT concat_ws(' ', title, publication_date, type, doi, author_count) FROM paper";
    query(url, &format!("{people} UNION ALL {pairs} UNION ALL {authors} UNION ALL {papers} ORDER BY line")).await
}

/// A person with an ORCID iD on a paper.
fn with_orcid(name: &str, orcid: &str) -> Value {
    with(author(name), json!({ "ORCID": orcid }))
}

fn by(id: &str, authors: &[Value]) -> Value {
    with(item(id, &format!("Paper {id}"), 2000, &[]), json!({ "author": authors }))
}

async fn people(app: &TestApp) -> Value {
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
        item("w1", "First title", 1999, &["Ida Brook", "Tom Ford", "Uma Ferry"]),
        item("w2", "Second title", 2005, &["Ida Brook", "Tom Ford"]),
        item("w3", "Third title", 2010, &["Uma Ferry", "Wei Quay"]),
    ];
    let after = [
        item("w1", "First title, mended", 2001, &["Tom Ford", "Zoë Pier", "Ida Brook", "Wei Quay"]),
        before[1].clone(),
        item("w3", "Third title", 2011, &["Uma Ferry", "Wei Quay"]),
    ];
    import(&app, &before);
    assert_eq!(import(&app, &after).summary(), "read 3: created 0, updated 2, unchanged 1, rejected 0");

    let fresh = TestApp::start().await;
    import(&fresh, &after);
    assert_same(&counted(&app.database_url).await, &counted(&fresh.database_url).await);

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
async fn changed_item_keeps_its_address() {
    let app = TestApp::start().await;
    import(&app, &[item("w1", "First title", 1999, &["Ida Brook"])]);
    let paper = "{ paper(by: {slug: \"first-title\"}) { id title updatedAt authorships { nodes { id name } } } }";
    let before = app.data(paper).await["paper"].clone();
    import(&app, &[item("w1", "Another title", 1999, &["Tom Ford"])]);
    let after = app.data(paper).await["paper"].clone();
    assert_eq!(after["title"], json!("Another title"));
    assert_eq!(after["id"], before["id"]);
    assert_ne!(after["updatedAt"], before["updatedAt"]);
    assert_eq!(after["authorships"]["nodes"][0]["id"], before["authorships"]["nodes"][0]["id"]);
    assert_eq!(texts(&after["authorships"]["nodes"], &["name"]), ["Tom Ford"]);
}

#[tokio::test]
async fn changed_item_known_by_its_doi() {
    let app = TestApp::start().await;
    let mut paper = with(item("", "First title", 1999, &["Ida Brook", "Tom Ford"]), json!({ "DOI": "10.1000/x1" }));
    paper.as_object_mut().expect("an object").remove("id");
    import(&app, std::slice::from_ref(&paper));
    let changed =
        with(paper, json!({ "title": "Mended title", "author": [author("Uma Ferry")], "DOI": "doi:10.1000/X1" }));
    assert_eq!(
        import(&app, std::slice::from_ref(&changed)).summary(),
        "read 1: created 0, updated 1, unchanged 0, rejected 0"
    );
    let fresh = TestApp::start().await;
    import(&fresh, &[changed]);
    assert_same(&counted(&app.database_url).await, &counted(&fresh.database_url).await);
}

#[tokio::test]
async fn item_twice_in_a_file() {
    let app = TestApp::start().await;
    let papers =
        [item("w1", "Old title", 1999, &["Ida Brook", "Tom Ford"]), item("w1", "New title", 2000, &["Ida Brook"])];
    assert_eq!(import(&app, &papers).summary(), "read 2: created 1, updated 1, unchanged 0, rejected 0");
    let fresh = TestApp::start().await;
    import(&fresh, &papers[1..]);
    assert_same(&counted(&app.database_url).await, &counted(&fresh.database_url).await);
}

#[tokio::test]
async fn item_without_any_id() {
    let app = TestApp::start().await;
    let mut paper = item("", "Nameless", 1999, &["Ida Brook"]);
    paper.as_object_mut().expect("an object").remove("id");
    let (other_year, other_author) = (
        with(paper.clone(), json!({ "issued": { "date-parts": [[2000]] } })),
        with(paper.clone(), json!({ "author": [author("Tom Ford")] })),
    );
    let outcome = import(&app, &[paper.clone(), other_year, other_author, paper]);
    assert_eq!(outcome.summary(), "read 4: created 3, updated 0, unchanged 1, rejected 0");
}

#[tokio::test]
async fn one_doi_on_two_items() {
    let doi = json!({ "DOI": "10.1000/shared" });
    let same = [
        item("a", "Locks & Weirs", 2003, &["Ida Brook"]),
        item("b", "Locks & weirs", 2003, &["Ida Brook", "Tom Ford"]),
    ];
    let app = TestApp::start().await;
    let outcome = import(&app, &same.map(|paper| with(paper, doi.clone())));
    assert_eq!(outcome.summary(), "read 2: created 1, updated 1, unchanged 0, rejected 0");
    assert_eq!(outcome.stderr, "");
    let paper =
        app.data("{ paper(by: {doi: \"10.1000/shared\"}) { identifiers { value } authorships { totalCount } } }").await;
    assert_eq!(texts(&paper["paper"]["identifiers"], &["value"]), ["a", "b"]);
    assert_eq!(paper["paper"]["authorships"]["totalCount"], json!(2));

    // Of one source's records the last by its key has the DOI, whichever came first; a third of the same title is of the
    // same paper as the first, though another paper has the DOI.
    let different = [
        item("a", "Locks", 2003, &["Ida Brook"]),
        item("b", "Weirs", 2003, &["Tom Ford"]),
        item("c", "Locks!", 2003, &["Ida Brook"]),
    ]
    .map(|paper| with(paper, doi.clone()));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let app = TestApp::start().await;
        let outcome = import(&app, &order.map(|place| different[place].clone()));
        assert_eq!(outcome.summary().split(';').next(), Some("read 3: created 2, updated 1, unchanged 0, rejected 0"));
        let note = "note: the DOI 10.1000/shared is given to another paper too; one of them has it";
        assert!(
            outcome.complaints().iter().all(|complaint| complaint.ends_with(note)),
            "{order:?}: {}",
            outcome.stderr
        );
        let again = import(&app, &different);
        assert_eq!(again.summary().split(';').next(), Some("read 3: created 0, updated 0, unchanged 3, rejected 0"));
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

/// A DOI that a paper gives up goes to those to whom their sources give it too.
#[tokio::test]
async fn a_doi_that_is_given_up() {
    let app = TestApp::start().await;
    let named = |id: &str, title: &str, doi: &str| {
        with(item(id, title, 2003, &["Ida Brook"]), json!({ "DOI": format!("10.1000/{doi}") }))
    };
    import(&app, &[named("a", "Locks", "one"), named("b", "Weirs", "one"), named("c", "Dams", "one")]);
    let dois = async || {
        let papers = app.data("{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title doi } } }").await;
        texts(&papers["papers"]["nodes"], &["doi"])
    };
    assert_eq!(dois().await, ["https://doi.org/10.1000/one", "null", "null"]);
    import(&app, &[named("c", "Dams", "two")]);
    assert_eq!(dois().await, ["https://doi.org/10.1000/two", "null", "https://doi.org/10.1000/one"]);
    import(&app, &[named("c", "Dams", "one")]);
    assert_eq!(dois().await, ["https://doi.org/10.1000/one", "null", "null"]);
}

#[tokio::test]
async fn one_orcid_under_two_names() {
    let app = TestApp::start().await;
    import(
        &app,
        &[
            by("a", &[with_orcid("Ida Brook", ONE)]),
            by("b", &[with_orcid("I. M. Brook", &format!("https://orcid.org/{ONE}"))]),
        ],
    );
    assert_eq!(people(&app).await, json!([["Ida Brook", format!("https://orcid.org/{ONE}"), 2]]));
    let names = app.data("{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { authorships { nodes { nameAsPublished } } } } }").await;
    assert_eq!(names["papers"]["nodes"][1]["authorships"]["nodes"][0]["nameAsPublished"], json!("I. M. Brook"));
}

#[tokio::test]
async fn two_orcids_under_one_name() {
    let app = TestApp::start().await;
    // In one batch, and once more over two.
    import(&app, &[by("a", &[with_orcid("Ida Brook", ONE)]), by("b", &[with_orcid("Ida Brook", OTHER)])]);
    import(&app, &[by("c", &[with_orcid("Ida Brook", OTHER)]), by("d", &[with_orcid("IDA  BROOK", ONE)])]);
    let uri = |orcid: &str| format!("https://orcid.org/{orcid}");
    let mut found = people(&app).await.as_array().expect("people").clone();
    found.sort_by_key(ToString::to_string);
    assert_eq!(json!(found), json!([["Ida Brook", uri(ONE), 2], ["Ida Brook", uri(OTHER), 2]]));
    // Nobody can tell who a bare name means here, nor whether two of them mean the same.
    import(&app, &[by("e", &[author("Ida Brook")]), by("f", &[author("Ida Brook")])]);
    let mut counts = texts_of_counts(&people(&app).await);
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2, 2]);
}

fn texts_of_counts(people: &Value) -> Vec<i64> {
    people.as_array().expect("people").iter().filter_map(|one| one[2].as_i64()).collect()
}

#[tokio::test]
async fn orcid_adopts_a_name() {
    let app = TestApp::start().await;
    import(&app, &[by("a", &[author("Ida Brook")])]);
    import(&app, &[by("b", &[with_orcid("Ida Brook", ONE)])]);
    import(&app, &[by("c", &[author("Ida Brook")])]);
    assert_eq!(people(&app).await, json!([["Ida Brook", format!("https://orcid.org/{ONE}"), 3]]));
}

#[tokio::test]
async fn names_that_differ() {
    let app = TestApp::start().await;
    import(&app, &[by("a", &["Ana Peña", "Ana Pena", "O’Neil", "ANA PEÑA", "O'Neil"].map(author))]);
    let found =
        app.data("{ papers { nodes { authorships { nodes { nameAsPublished researcher { name } } } } } }").await;
    let authors = &found["papers"]["nodes"][0]["authorships"]["nodes"];
    assert_eq!(texts(authors, &["nameAsPublished"]), ["Ana Peña", "Ana Pena", "O’Neil", "ANA PEÑA", "O'Neil"]);
    // Somebody who is there twice is there once, and the other place is left open.
    assert_eq!(texts(authors, &["researcher", "name"]), ["Ana Peña", "null", "O’Neil", "null", "null"]);
}

#[tokio::test]
async fn organizations_of_authors() {
    let app = TestApp::start().await;
    let place = Workplace::new();
    let organization = json!({ "id": "https://ror.org/05dxps055", "names": [{ "value": "Water Institute", "types": ["ror_display"] }] });
    place.import(&app.database_url, &["ror", place.file("ror.json", organization.to_string())]);
    let affiliation = json!([
        { "name": "Dept. of Rivers, Water Institute", "id": [{ "id": "https://ror.org/05dxps055", "id-type": "ROR" }] },
        { "name": "Elsewhere" },
    ]);
    import(&app, &[by("a", &[with(author("Ida Brook"), json!({ "affiliation": affiliation })), author("Tom Ford")])]);
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
async fn poorer_item_takes_nothing_away() {
    let url = new_database().await;
    let place = Workplace::new();
    let rich =
        with(item("w1", "Title", 1999, &["Ida Brook"]), json!({ "abstract": "Words.", "container-title": "Annals" }));
    place.import(&url, &["csl", place.file("rich.json", rich.to_string())]);
    let poor = json!({ "id": "w1", "title": "Title" });
    place.import(&url, &["csl", place.file("poor.json", poor.to_string())]);
    let kept = "SELECT concat_ws(' ', venue_name, publication_date, type, author_count, abstract_text) FROM paper";
    assert_eq!(query(&url, kept).await, [r#"Annals 1999 ARTICLE 1 {"und": "Words."}"#]);
}

#[tokio::test]
async fn new_year_without_authors() {
    let app = TestApp::start().await;
    import(&app, &[item("w1", "Title", 1999, &["Ida Brook", "Tom Ford"])]);
    import(
        &app,
        &[json!({ "id": "w1", "title": "Title", "type": "article-journal", "issued": { "date-parts": [[2005]] } })],
    );
    let fresh = TestApp::start().await;
    import(&fresh, &[item("w1", "Title", 2005, &["Ida Brook", "Tom Ford"])]);
    assert_same(&counted(&app.database_url).await, &counted(&fresh.database_url).await);
}
