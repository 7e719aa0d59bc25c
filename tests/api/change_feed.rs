//! The change feed: what a walk returns, filters, cursors, epochs, and writers outside the application.

use std::collections::{BTreeMap, BTreeSet};

use academic_directory::store::curation::{CurationRequest, DecidedBy};
use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::process::{Workspace, run_to_completion};
use crate::support::{
    DatabaseSession, TestApp, create_empty_database, database_config, http_config, network_config, organization_record,
    paper_record, parse_records, pluck_strings, researcher_record, ror, topic_record, with_fields,
};

pub const CHANGES_QUERY: &str = "query($after: String, $first: Int!, $kinds: [ChangeKind!], $organizationIds: [ID!], \
    $fields: [String!], $sources: [String!]) { changes(after: $after, first: $first, kinds: $kinds, \
    organizationIds: $organizationIds, fields: $fields, sources: $sources) { cursor hasMore \
    changes { cursor id kind operation fields changedAt revision source survivorId node { __typename id } } } }";

/// Every change after a cursor, page by page, and the cursor at the end.
pub async fn walk(app: &TestApp, after: Option<&str>, filter: Value) -> (Vec<Value>, String) {
    let (mut changes, mut after) = (Vec::new(), after.map(ToOwned::to_owned));
    loop {
        let variables = with_fields(filter.clone(), json!({ "after": after, "first": 7 }));
        let page = app.data_with_variables(CHANGES_QUERY, variables).await["changes"].clone();
        changes.extend(page["changes"].as_array().cloned().unwrap_or_default());
        let cursor = page["cursor"].as_str().expect("a cursor").to_owned();
        if page["hasMore"] == json!(false) {
            return (changes, cursor);
        }
        assert_ne!(after.as_ref(), Some(&cursor), "a page that leads nowhere");
        after = Some(cursor);
    }
}

/// Each change as its operation, kind and fields, by the slug or ID of the entity.
fn summaries(changes: &[Value]) -> Vec<String> {
    let summary = |change: &Value| {
        let fields = pluck_strings(&change["fields"], &[]).join(",");
        format!("{} {} {fields}", change["operation"].as_str().unwrap_or("?"), change["kind"].as_str().unwrap_or("?"))
    };
    changes.iter().map(summary).collect()
}

pub async fn change_cursor(app: &TestApp) -> String {
    app.data("{ directory { changeCursor } }").await["directory"]["changeCursor"].as_str().expect("a cursor").to_owned()
}

fn college_records() -> Vec<Value> {
    let place = |number: u64| json!({ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT" });
    vec![
        organization_record(1, "College"),
        organization_record(2, "Mill"),
        with_fields(organization_record(3, "Weir Group"), json!({ "relations": [["parent", ror(1)]] })),
        topic_record("Weirs"),
        with_fields(
            researcher_record("Ida Brook"),
            json!({ "headline": { "en": "Weirs", "fr": "Barrages" }, "affiliations": [place(3)] }),
        ),
        with_fields(researcher_record("Tom Ford"), json!({ "affiliations": [place(2)] })),
        paper_record("On weirs", Some(2015), &["Ida Brook", "Uma Leeds"]),
        paper_record("On tides", Some(2016), &["Ida Brook", "Tom Ford"]),
    ]
}

async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!(college_records())).await;
    app
}

async fn write(app: &TestApp, records: Value) {
    app.write_records(&parse_records(records)).await;
}

#[tokio::test]
async fn walk_from_the_start_returns_every_entity_once() {
    let app = start().await;
    let (changes, cursor) = walk(&app, None, json!({})).await;
    assert!(
        changes.iter().all(|change| change["operation"] == "CREATED" && change["fields"] == json!([])),
        "{changes:?}"
    );
    assert!(changes.iter().all(|change| change["node"]["id"] == change["id"]), "{changes:?}");
    let ids: BTreeSet<String> = changes.iter().map(|change| change["id"].to_string()).collect();
    assert_eq!(ids.len(), changes.len(), "an entity occurs twice");
    let entities = "SELECT 'RESEARCHER' FROM researcher UNION ALL SELECT 'ORGANIZATION' FROM organization \
         UNION ALL SELECT 'AFFILIATION' FROM affiliation UNION ALL SELECT 'TOPIC' FROM topic UNION ALL SELECT 'PAPER' FROM paper";
    let mut expected = query_strings(&app.database_url, entities).await;
    let mut kinds = pluck_strings(&json!(changes), &["kind"]);
    expected.sort();
    kinds.sort();
    assert_eq!(kinds, expected);
    let times = pluck_strings(&json!(changes), &["changedAt"]);
    assert!(times.is_sorted(), "{times:?}");
    // The end of the walk, and of every page, is a cursor after which nothing comes.
    assert_eq!(walk(&app, Some(&cursor), json!({})).await, (Vec::new(), cursor.clone()));
    assert_eq!(change_cursor(&app).await, cursor);
    let last = changes.last().expect("a change")["cursor"].as_str();
    assert_eq!(walk(&app, last, json!({})).await.0, Vec::<Value>::new());
    // Within a transaction, too, a walk continues after each change.
    let middle = changes[changes.len() / 2]["cursor"].as_str();
    assert_eq!(walk(&app, middle, json!({})).await.0, changes[changes.len() / 2 + 1..]);
}

#[tokio::test]
async fn updates_name_the_fields_that_changed() {
    let app = start().await;
    let start = change_cursor(&app).await;
    let ida = |fields: Value| with_fields(with_fields(researcher_record("Ida Brook"), json!({})), fields);
    let affiliations = json!([{ "organization": { "ror": ror(3) }, "affiliationKind": "EMPLOYMENT" }]);
    write(
        &app,
        json!([ida(json!({ "headline": { "en": "Weirs", "fr": "Moulins" }, "affiliations": affiliations,
        "homepageUrl": "https://example.org/" }))]),
    )
    .await;
    let (changes, first) = walk(&app, Some(&start), json!({})).await;
    assert_eq!(summaries(&changes), ["UPDATED RESEARCHER headline@fr,homepageUrl"]);
    assert_eq!(changes[0]["source"], "test");
    write(
        &app,
        json!([ida(json!({ "headline": { "en": "Weirs", "fr": "Bassins" }, "affiliations": affiliations,
        "homepageUrl": "https://example.org/" }))]),
    )
    .await;
    let (changes, second) = walk(&app, Some(&first), json!({})).await;
    assert_eq!(summaries(&changes), ["UPDATED RESEARCHER headline@fr"]);
    // Relative to the older cursor, both changes; to the newest, none.
    let (changes, _) = walk(&app, Some(&start), json!({})).await;
    assert_eq!(summaries(&changes), ["UPDATED RESEARCHER headline@fr,homepageUrl"]);
    assert_eq!(walk(&app, Some(&second), json!({})).await.0, Vec::<Value>::new());
    let headline = json!({ "fields": ["headline"] });
    assert_eq!(walk(&app, Some(&first), headline.clone()).await.0.len(), 1);
    assert_eq!(walk(&app, Some(&first), json!({ "fields": ["homepageUrl"] })).await.0, Vec::<Value>::new());
    assert_eq!(walk(&app, Some(&first), json!({ "fields": ["headline@en"] })).await.0, Vec::<Value>::new());
}

#[tokio::test]
async fn unchanged_records_change_nothing() {
    let app = start().await;
    let (start, revision) =
        (change_cursor(&app).await, app.data("{ researcher(by: {slug: \"ida-brook\"}) { revision } }").await);
    write(&app, json!(college_records())).await;
    // Records that say the same in another way are written, and change nothing.
    let mut same = college_records();
    for record in &mut same {
        record["sourceUrl"] = json!("https://example.org/record");
    }
    app.execute_sql("UPDATE source_record SET digest = '\\x00'").await;
    write(&app, json!(college_records())).await;
    assert_eq!(walk(&app, Some(&start), json!({})).await.0, Vec::<Value>::new());
    assert_eq!(change_cursor(&app).await, start);
    assert_eq!(app.data("{ researcher(by: {slug: \"ida-brook\"}) { revision } }").await, revision);
}

/// A walk that lasts while entities change: what it reports is relative to its beginning, as an entity that moved beyond the
/// pages that were read has not been read.
#[tokio::test]
async fn changes_during_a_walk() {
    let app = start().await;
    let page = async |after: &Value, first: u32| {
        let variables = json!({ "after": after, "first": first });
        app.data_with_variables(CHANGES_QUERY, variables).await["changes"].clone()
    };
    let first = page(&Value::Null, 5).await;
    app.execute_sql("UPDATE researcher SET homepage_url = 'https://example.org/'; UPDATE topic SET code = 'weirs'")
        .await;
    // Some of these were not in the first page, and are new to the reader; the others are returned once more.
    let second = page(&first["cursor"], 500).await;
    let operations = pluck_strings(&second["changes"], &["operation"]);
    assert!(operations.iter().all(|operation| operation == "CREATED"), "{second}");
    let ids = |page: &Value| -> BTreeSet<String> { pluck_strings(&page["changes"], &["id"]).into_iter().collect() };
    let (everything, _) = walk(&app, None, json!({})).await;
    assert_eq!(&ids(&first) | &ids(&second), ids(&json!({ "changes": everything })));
    // The walk has ended: from now on, its reader knows everything.
    app.execute_sql("UPDATE topic SET code = 'tides'").await;
    let third = page(&second["cursor"], 5).await;
    assert_eq!(summaries(third["changes"].as_array().expect("changes")), ["UPDATED TOPIC identifiers"]);
}

#[tokio::test]
async fn revision_is_that_of_the_last_change() {
    let app = start().await;
    let of = "{ researcher(by: {slug: \"ida-brook\"}) { revision affiliations { nodes { revision } } } \
         organization(by: {slug: \"mill\"}) { revision } topic(by: {slug: \"weirs\"}) { revision } paper(by: {slug: \"on-tides\"}) { revision } }";
    let before = app.data(of).await;
    let (changes, _) = walk(&app, None, json!({})).await;
    let revisions: BTreeSet<String> = changes.iter().map(|change| change["revision"].to_string()).collect();
    for pointer in [
        "/researcher/revision",
        "/researcher/affiliations/nodes/0/revision",
        "/organization/revision",
        "/topic/revision",
        "/paper/revision",
    ] {
        let revision = before.pointer(pointer).expect("a revision").to_string();
        assert!(revisions.contains(&revision), "{pointer} {revision}");
    }
    write(
        &app,
        json!([with_fields(
            paper_record("On tides", Some(2016), &["Ida Brook", "Tom Ford"]),
            json!({ "venueName": "Waters" })
        )]),
    )
    .await;
    let after = app.data(of).await;
    assert_ne!(before["paper"], after["paper"]);
    assert_eq!(before["researcher"], after["researcher"]);
    // One statement for all entities of a level.
    let (_, statements) = app.query_counting_statements("{ papers { nodes { revision } } }", json!({})).await;
    assert_eq!(statements, 2);
}

#[tokio::test]
async fn deleted_and_merged_entities_leave_tombstones() {
    let app = start().await;
    write(&app, json!([researcher_record("Cy Ek"), paper_record("On locks", Some(2017), &["Cy Ek", "Uma Leeds"])]))
        .await;
    let start = change_cursor(&app).await;
    let (ida, other) = (app.find_id("researcher", "ida-brook").await, app.find_id("researcher", "cy-ek").await);
    let request = CurationRequest::Merge {
        survivor: ida.clone(),
        former: vec![other.clone()],
        force: true,
        decided_by: DecidedBy::default(),
    };
    let decision = app.store.decide(&request, false).await.expect("a merge").decision;
    let (changes, merged) = walk(&app, Some(&start), json!({ "kinds": ["RESEARCHER"] })).await;
    let by_id: BTreeMap<&str, &Value> =
        changes.iter().map(|change| (change["id"].as_str().expect("an ID"), change)).collect();
    assert_eq!(by_id[other.as_str()]["operation"], "MERGED");
    assert_eq!((&by_id[other.as_str()]["survivorId"], &by_id[other.as_str()]["node"]), (&json!(ida), &Value::Null));
    assert_eq!(by_id[other.as_str()]["source"], Value::Null);
    assert_eq!(by_id[ida.as_str()]["operation"], "UPDATED");
    let fields = pluck_strings(&by_id[ida.as_str()]["fields"], &[]);
    assert!(fields.contains(&"formerIds".to_owned()) && fields.contains(&"papers".to_owned()), "{fields:?}");
    // Its paper has another author now.
    let (papers, _) = walk(&app, Some(&start), json!({ "kinds": ["PAPER"] })).await;
    assert_eq!(summaries(&papers), ["UPDATED PAPER authorships,organizations"]);
    // Undone, the merged researcher is there again: created for a reader who saw the merge, and for one who did not, too,
    // because its node was gone in between.
    app.store.decide(&CurationRequest::Undo { decision, by: None }, false).await.expect("an undo");
    let (changes, undone) = walk(&app, Some(&merged), json!({ "kinds": ["RESEARCHER"] })).await;
    let again = changes.iter().find(|change| change["id"] == json!(other)).expect("the researcher");
    assert_eq!((&again["operation"], &again["node"]["id"]), (&json!("CREATED"), &json!(other)));
    // A source that is removed.
    app.store.remove_source("test").await.expect("the removal");
    let (changes, _) = walk(&app, Some(&undone), json!({})).await;
    let deleted: Vec<&Value> = changes.iter().filter(|change| change["operation"] == "DELETED").collect();
    assert!(deleted.len() > 5 && deleted.iter().all(|change| change["node"] == Value::Null), "{changes:?}");
    let visible = "SELECT (SELECT count(*) FROM change WHERE operation = 'V') || ' ' || ((SELECT count(*) FROM researcher) \
         + (SELECT count(*) FROM paper) + (SELECT count(*) FROM topic) + (SELECT count(*) FROM organization) \
         + (SELECT count(*) FROM affiliation))";
    let counts = query_strings(&app.database_url, visible).await.remove(0);
    let (visible, entities) = counts.split_once(' ').expect("two counts");
    assert_eq!(visible, entities);
    let (everything, _) = walk(&app, None, json!({})).await;
    let rows = query_strings(&app.database_url, "SELECT count(*)::text FROM change").await;
    assert_eq!(vec![everything.len().to_string()], rows, "tombstones are part of a walk from the start");
}

#[tokio::test]
async fn filter_by_organization_reports_departures() {
    let app = start().await;
    let college = app.find_id("organization", "college").await;
    let at_college = json!({ "organizationIds": [college] });
    // Ida is in a group of the college; Tom is not, but a paper of his is.
    let (changes, cursor) = walk(&app, None, at_college.clone()).await;
    let mut kinds = pluck_strings(&json!(changes), &["kind"]);
    kinds.sort();
    assert_eq!(kinds, ["AFFILIATION", "ORGANIZATION", "ORGANIZATION", "PAPER", "PAPER", "RESEARCHER"]);
    // A change of somebody who was never there.
    let tom = with_fields(
        researcher_record("Tom Ford"),
        json!({ "homepageUrl": "https://example.org/tom",
        "affiliations": [{ "organization": { "ror": ror(2) }, "affiliationKind": "EMPLOYMENT" }] }),
    );
    write(&app, json!([tom])).await;
    assert_eq!(walk(&app, Some(&cursor), at_college.clone()).await.0, Vec::<Value>::new());
    // Ida leaves: the reader hears of it once.
    let gone = with_fields(
        researcher_record("Ida Brook"),
        json!({ "headline": { "en": "Weirs", "fr": "Barrages" },
        "affiliations": [{ "organization": { "ror": ror(2) }, "affiliationKind": "EMPLOYMENT" }] }),
    );
    write(&app, json!([gone])).await;
    app.execute_sql(
        "DELETE FROM affiliation WHERE organization_id = (SELECT id FROM organization WHERE slug = 'weir-group')",
    )
    .await;
    let (changes, after) =
        walk(&app, Some(&cursor), with_fields(at_college.clone(), json!({ "kinds": ["RESEARCHER", "AFFILIATION"] })))
            .await;
    assert_eq!(summaries(&changes), ["UPDATED RESEARCHER affiliations", "DELETED AFFILIATION "]);
    let again = with_fields(researcher_record("Ida Brook"), json!({ "homepageUrl": "https://example.org/ida" }));
    write(&app, json!([again])).await;
    assert_eq!(
        walk(&app, Some(&after), with_fields(at_college, json!({ "kinds": ["RESEARCHER"] }))).await.0,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn filter_by_source_and_kind() {
    let app = start().await;
    let cursor = change_cursor(&app).await;
    app.write_records_from("other", &parse_records(json!([topic_record("Tides"), researcher_record("Wei Xu")]))).await;
    write(&app, json!([topic_record("Locks")])).await;
    let (changes, _) = walk(&app, Some(&cursor), json!({ "sources": ["other"] })).await;
    assert_eq!(summaries(&changes), ["CREATED RESEARCHER ", "CREATED TOPIC "]);
    let (changes, _) = walk(&app, Some(&cursor), json!({ "sources": ["other"], "kinds": ["TOPIC"] })).await;
    assert_eq!(summaries(&changes), ["CREATED TOPIC "]);
    assert_eq!(walk(&app, None, json!({ "kinds": [] })).await.0, Vec::<Value>::new());
}

#[tokio::test]
async fn filtered_page_scans_a_bounded_number_of_rows() {
    let app = start().await;
    app.execute_sql("INSERT INTO topic (slug, scheme, display_names, sort_names, names) \
         SELECT 'topic-' || number, 'local', '{\"en\": \"Topic\"}', '{\"en\": \"topic\"}', '[]' FROM generate_series(1, 10500) AS number").await;
    write(
        &app,
        json!([with_fields(researcher_record("Tom Ford"), json!({ "homepageUrl": "https://example.org/tom" }))]),
    )
    .await;
    let query = |after: Value| json!({ "after": after, "first": 500, "fields": ["homepageUrl"], "sources": ["test"], "organizationIds": [] });
    let (first, statements) = app.query_counting_statements(CHANGES_QUERY, query(Value::Null)).await;
    let page = &first.data()["changes"];
    assert_eq!((&page["changes"], &page["hasMore"]), (&json!([]), &json!(true)));
    assert!(statements <= 8, "{statements} statements");
    let second = app.query(CHANGES_QUERY, query(page["cursor"].clone())).await;
    assert_eq!(second.data()["changes"]["hasMore"], json!(false));
}

#[tokio::test]
async fn invalid_arguments() {
    let app = start().await;
    let refuse =
        async |arguments: &str| app.client_error(&format!("{{ changes({arguments}) {{ cursor }} }}"), json!({})).await;
    assert!(refuse("first: 0").await.contains("between 1 and 500"));
    assert!(refuse("first: 501").await.contains("between 1 and 500"));
    assert!(
        refuse("fields: [\"paperCount\"]")
            .await
            .contains("which is not a field of the change feed; the fields are abstract, ")
    );
    assert!(refuse("organizationIds: [\"x\"]").await.contains("is not an id of this directory"));
    let researcher = app.find_id("researcher", "tom-ford").await;
    assert!(refuse(&format!("organizationIds: [{researcher:?}]")).await.contains("takes IDs of type Organization"));
    let cursor = change_cursor(&app).await;
    let mut tampered = cursor.clone();
    tampered.replace_range(14..15, if &cursor[14..15] == "A" { "B" } else { "A" });
    for text in ["", "x", "AAAA", &tampered] {
        assert!(refuse(&format!("after: {text:?}")).await.contains("is not a cursor of the change feed"), "{text}");
    }
}

#[tokio::test]
async fn writers_outside_the_application_are_in_the_feed() {
    let app = start().await;
    let start = change_cursor(&app).await;
    app.execute_sql(
        "UPDATE researcher SET homepage_url = 'https://example.org/tom' WHERE slug = 'tom-ford'; \
         UPDATE researcher SET homepage_url = 'https://example.org/ida' WHERE slug = 'ida-brook'",
    )
    .await;
    let (changes, _) = walk(&app, Some(&start), json!({})).await;
    assert_eq!(summaries(&changes), ["UPDATED RESEARCHER homepageUrl"; 2]);
    assert_eq!(changes[0]["source"], Value::Null);
    let cursor = change_cursor(&app).await;
    // A whole transaction has one position and one activity.
    let session = DatabaseSession::open(&app.database_url).await;
    session.execute("BEGIN; DELETE FROM paper; UPDATE topic SET code = 'weirs'").await;
    session.execute("UPDATE researcher SET updated_at = now(), search_only_names = '{}'").await;
    assert_eq!(walk(&app, Some(&cursor), json!({})).await.0, Vec::<Value>::new());
    session.execute("COMMIT").await;
    let (changes, _) = walk(&app, Some(&cursor), json!({})).await;
    let mut expected = vec![
        "DELETED PAPER ",
        "DELETED PAPER ",
        "UPDATED RESEARCHER papers",
        "UPDATED RESEARCHER papers",
        "UPDATED RESEARCHER papers",
        "UPDATED TOPIC identifiers",
    ];
    let mut found = summaries(&changes);
    found.sort();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let revisions: BTreeSet<String> = changes.iter().map(|change| change["revision"].to_string()).collect();
    assert_eq!(revisions.len(), 1);
    let activities = "SELECT kind FROM activity ORDER BY id DESC LIMIT 1";
    assert_eq!(query_strings(&app.database_url, activities).await, ["MAINTENANCE"]);
    // What is changed and changed back is not reported.
    let cursor = change_cursor(&app).await;
    session.execute("BEGIN; UPDATE topic SET slug = 'x'; UPDATE topic SET slug = 'weirs'; COMMIT").await;
    session.execute("BEGIN; INSERT INTO topic (slug, scheme, display_names, sort_names, names) VALUES ('y', 'local', '{\"en\": \"Y\"}', '{\"en\": \"y\"}', '[]'); \
        DELETE FROM topic WHERE slug = 'y'; COMMIT").await;
    session.execute("BEGIN; DELETE FROM topic; ROLLBACK").await;
    assert_eq!(walk(&app, Some(&cursor), json!({})).await, (Vec::new(), cursor));
    let pending = query_strings(&app.database_url, "SELECT field FROM change_pending").await;
    assert_eq!(pending, Vec::<String>::new());
}

#[tokio::test]
async fn writers_that_would_break_the_order_are_refused() {
    let app = start().await;
    let refused = async |sql: &str| {
        let arguments = [&app.database_url, "-v", "ON_ERROR_STOP=1", "-c", sql];
        let output = std::process::Command::new("psql").args(arguments).output();
        let Ok(output) = output else {
            println!("skipped: there is no psql");
            return None;
        };
        assert!(!output.status.success(), "{sql}");
        Some(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let Some(error) = refused("BEGIN ISOLATION LEVEL REPEATABLE READ; DELETE FROM topic; COMMIT").await else { return };
    assert!(error.contains("BEGIN ISOLATION LEVEL READ COMMITTED"), "{error}");
    let error = refused("TRUNCATE topic CASCADE").await.unwrap_or_default();
    assert!(error.contains("Use DELETE."), "{error}");
    assert_eq!(query_strings(&app.database_url, "SELECT slug FROM topic").await, ["weirs"]);
}

#[tokio::test]
async fn forked_cursors_are_rejected() {
    let app = start().await;
    let early = change_cursor(&app).await;
    // A dump of now is restored later, into the same server.
    let session = DatabaseSession::open(&app.database_url).await;
    session.execute("CREATE TABLE kept AS SELECT * FROM change; CREATE TABLE kept_sequence AS SELECT last_value FROM change_position").await;
    write(&app, json!([topic_record("Tides")])).await;
    let late = change_cursor(&app).await;
    session.execute("DELETE FROM change; INSERT INTO change SELECT * FROM kept; SELECT setval('change_position', last_value) FROM kept_sequence").await;
    // Nothing was recorded since: the cursor is beyond the end of the feed.
    let ask = async |after: &str| app.query(CHANGES_QUERY, json!({ "after": after, "first": 10 })).await;
    assert_eq!(ask(&late).await.codes(), ["CURSOR_FORKED"]);
    let revision = app.data("{ topic(by: {slug: \"weirs\"}) { revision } }").await;
    let outcome =
        run_to_completion(&mut Workspace::new().command_with_database(&app.database_url, &["feed", "new-epoch"]));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("began a new epoch of the change feed after position "), "{outcome:?}");
    write(&app, json!([topic_record("Locks")])).await;
    write(&app, json!([topic_record("Mills")])).await;
    // The same positions are other changes now.
    let answer = ask(&late).await;
    assert_eq!(answer.codes(), ["CURSOR_FORKED"]);
    assert!(answer.messages()[0].contains("start again without a cursor"), "{:?}", answer.messages());
    let (changes, _) = walk(&app, Some(&early), json!({})).await;
    assert_eq!(summaries(&changes), ["CREATED TOPIC "; 2]);
    // What did not change has the revision that it had.
    assert_eq!(app.data("{ topic(by: {slug: \"weirs\"}) { revision } }").await, revision);
    let (everything, end) = walk(&app, None, json!({})).await;
    assert!(everything.len() > 2);
    assert_eq!(walk(&app, Some(&end), json!({})).await.0, Vec::<Value>::new());
}

#[tokio::test]
async fn another_server_begins_an_epoch() {
    let app = start().await;
    let before = change_cursor(&app).await;
    // As if the database had been restored from a dump of another server.
    app.execute_sql("UPDATE feed_epoch SET server = '1 00000001'").await;
    write(&app, json!([topic_record("Tides")])).await;
    let epochs =
        query_strings(&app.database_url, "SELECT (server <> '1 00000001')::text FROM feed_epoch ORDER BY id").await;
    assert_eq!(epochs, ["false", "true"]);
    // Nothing was lost, so that every cursor is valid.
    assert_eq!(summaries(&walk(&app, Some(&before), json!({})).await.0), ["CREATED TOPIC "]);
    write(&app, json!([topic_record("Locks")])).await;
    assert_eq!(query_strings(&app.database_url, "SELECT count(*)::text FROM feed_epoch").await, ["2"]);
}

#[tokio::test]
async fn calendar_changes_are_recorded() {
    let app = start().await;
    app.refresh_statistics().await;
    let college = json!({ "organizationIds": [app.find_id("organization", "college").await], "kinds": ["RESEARCHER"] });
    assert_eq!(walk(&app, None, college.clone()).await.0.len(), 1);
    let cursor = change_cursor(&app).await;
    // An affiliation ended two days ago, which nobody wrote: the last day that was noted is the one before.
    app.execute_sql(
        "BEGIN; SET LOCAL directory.writer = 'restore'; UPDATE affiliation SET end_date = (CURRENT_DATE - 2)::text \
         WHERE organization_id = (SELECT id FROM organization WHERE slug = 'weir-group'); COMMIT; \
         UPDATE setting SET value = (CURRENT_DATE - 3)::text WHERE name = 'calendar_day'",
    )
    .await;
    assert_eq!(change_cursor(&app).await, cursor);
    app.refresh_statistics().await;
    let (changes, _) = walk(&app, Some(&cursor), json!({})).await;
    let expected =
        ["UPDATED RESEARCHER affiliations", "UPDATED ORGANIZATION affiliations", "UPDATED AFFILIATION isCurrent"];
    assert_eq!(summaries(&changes), expected);
    // The reader of the college hears that its researcher has left, once.
    let (departed, after) = walk(&app, Some(&cursor), college.clone()).await;
    assert_eq!(departed.len(), 1);
    app.refresh_statistics().await;
    assert_eq!(walk(&app, Some(&after), college).await.0, Vec::<Value>::new());
}

/// A headline that is not a researcher's own, and the names under which they published, are derived from other rows.
#[tokio::test]
async fn derived_fields_are_reported() {
    let app = start().await;
    let of_people = json!({ "kinds": ["RESEARCHER"] });
    let mut cursor = change_cursor(&app).await;
    let ida = "researcher_id = (SELECT id FROM researcher WHERE slug = 'ida-brook')";
    let first = format!("(SELECT min(id) FROM authorship WHERE {ida})");
    for (sql, expected) in [
        // Tom has no headline of his own, Ida has.
        ("UPDATE affiliation SET role_title = '{\"en\": \"Engineer\"}'", vec!["affiliations", "affiliations,headline"]),
        ("UPDATE affiliation SET department_name = '{\"en\": \"Locks\"}'", vec!["affiliations", "affiliations"]),
        ("UPDATE organization SET display_names = '{\"en\": \"Old Mill\"}' WHERE slug = 'mill'", vec!["headline"]),
        ("UPDATE organization SET city = 'Lyon'", vec![]),
        ("UPDATE affiliation SET kind = 'MEMBERSHIP'", vec!["affiliations", "affiliations,headline"]),
        ("UPDATE affiliation SET role_title = '{\"en\": \"Reader\"}'", vec!["affiliations", "affiliations"]),
        // One paper, then all, and back.
        (&format!("UPDATE authorship SET name = 'Ida Maria Brook' WHERE id = {first}"), vec!["otherNames"]),
        (&format!("UPDATE authorship SET name = 'Ida Maria Brook' WHERE {ida}"), vec![]),
        (&format!("UPDATE authorship SET name = 'Ida Brook' WHERE id = {first}"), vec![]),
        ("UPDATE authorship SET name = 'Ida Brook' WHERE name = 'Ida Maria Brook'", vec!["otherNames"]),
        (&format!("UPDATE authorship SET name = 'I. M. Brook' WHERE {ida}"), vec!["otherNames"]),
        (&format!("DELETE FROM authorship WHERE id = {first}"), vec!["papers"]),
        (&format!("DELETE FROM authorship WHERE {ida}"), vec!["otherNames,papers"]),
    ] {
        app.execute_sql(sql).await;
        let (changes, end) = walk(&app, Some(&cursor), of_people.clone()).await;
        let mut fields: Vec<String> =
            changes.iter().map(|change| pluck_strings(&change["fields"], &[]).join(",")).collect();
        fields.sort();
        assert_eq!(fields, expected, "{sql}");
        cursor = end;
    }
    let pending = query_strings(&app.database_url, "SELECT field FROM change_pending").await;
    assert_eq!(pending, Vec::<String>::new(), "names are kept within their transaction only");
}

#[tokio::test]
async fn old_activities_are_removed() {
    let app = start().await;
    let homepage = async |number: u32| {
        let url = format!("https://example.org/{number}");
        write(&app, json!([with_fields(researcher_record("Ida Brook"), json!({ "homepageUrl": url }))])).await;
        app.execute_sql(&format!("UPDATE topic SET code = 'weirs-{number}'")).await;
    };
    for number in 0..4 {
        homepage(number).await;
    }
    let request = CurationRequest::Merge {
        survivor: app.find_id("researcher", "ida-brook").await,
        former: vec![app.find_id("researcher", "uma-leeds").await],
        force: true,
        decided_by: DecidedBy::default(),
    };
    app.store.decide(&request, false).await.expect("a merge");
    homepage(4).await;
    let sources = async || {
        let (changes, _) = walk(&app, None, json!({})).await;
        changes.iter().map(|change| (change["id"].to_string(), change["source"].to_string())).collect::<Vec<_>>()
    };
    let kept = "SELECT kind || ' ' || (at < now() - interval '400 days')::text || ' ' || EXISTS (SELECT FROM change \
        WHERE change.activity_id = activity.id)::text FROM activity ORDER BY id";
    let (before, all) = (sources().await, query_strings(&app.database_url, kept).await.len());
    assert_eq!(app.store.remove_old_activities().await.expect("the removal"), 0);
    // All but the last two.
    app.execute_sql("UPDATE activity SET at = at - interval '401 days' WHERE id < (SELECT max(id) - 1 FROM activity)")
        .await;
    let removed = app.store.remove_old_activities().await.expect("the removal");
    let left = query_strings(&app.database_url, kept).await;
    assert_eq!(left.len() + removed, all);
    assert!(removed > 0, "{left:?}");
    // What is left is new, or the last of an entity, or a person's decision.
    assert!(
        left.iter().all(|row| row.contains("false ") || row.ends_with(" true") || row.starts_with("MERGE")),
        "{left:?}"
    );
    assert!(left.iter().any(|row| row.starts_with("MERGE")), "{left:?}");
    assert_eq!(sources().await, before, "the feed says what it said");
}

#[tokio::test]
async fn migration_fills_the_feed() {
    let url = create_empty_database().await;
    let app =
        TestApp::start_with_config(database_config(&url, 100), Default::default(), http_config(), network_config())
            .await;
    app.create_records(json!(college_records())).await;
    let state = "SELECT concat_ws(' ', kind, id, operation, survivor_id, organizations) FROM change ORDER BY kind, id";
    let recorded = query_strings(&app.database_url, state).await;
    let run = |direction: &str| {
        let outcome = run_to_completion(&mut Workspace::new().command_with_database(&url, &["migrate", direction]));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    };
    // The migrations from the one that fills the feed to the last.
    for _ in 43..=49 {
        run("down");
    }
    assert_eq!(
        query_strings(&url, "SELECT count(*)::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname ~ '^mark_|change|feed'").await,
        ["3"], "note_directory_change and two queue_changed_…"
    );
    run("up");
    assert_eq!(query_strings(&app.database_url, state).await, recorded);
    write(&app, json!([topic_record("Tides")])).await;
    let (changes, _) = walk(&app, None, json!({})).await;
    assert_eq!(changes.len(), recorded.len() + 1);
}
